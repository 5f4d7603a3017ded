//! Set-ups for repos of all kinds.

use super::*;

fn found(url: &str, files: &str) -> Found {
    Found {
        folder: "my shop".to_owned(),
        remotes: match url {
            "" => Vec::new(),
            url => vec![Remote { name: "origin".into(), url: url.into(), push_url: url.into() }],
        },
        files: files.split_whitespace().map(str::to_owned).collect(),
        texts: BTreeMap::new(),
        branch: Some("main".to_owned()),
    }
}

fn proposed(url: &str, files: &str) -> Setup {
    propose(&found(url, files), &Asked::default()).unwrap()
}

#[test]
fn what_suits_a_repo() {
    for (url, files, platform, store, alias) in [
        ("https://github.com/o/r.git", "", Some(Platform::Github), Store::Git, None),
        ("git@github.com:o/r.git", ".circleci/config.yml", Some(Platform::Circleci), Store::Git, None),
        ("git@gitlab.com:o/r.git", ".github/workflows/x.yml", Some(Platform::Gitlab), Store::Git, None),
        ("https://codeberg.org/o/r", "", Some(Platform::Forgejo), Store::Git, None),
        ("https://git.example.com/o/r", ".gitea/workflows/x.yml", Some(Platform::Gitea), Store::Git, None),
        ("https://git.example.com/o/r", "", None, Store::Git, None),
        ("https://git.example.com/o/r", ".github/workflows/x.yml", Some(Platform::Github), Store::Git, None),
        (
            "ssh://git@gitea.example.com:2222/o/r",
            "",
            Some(Platform::Gitea),
            Store::Git,
            Some("gitea.example.com/o/r"),
        ),
        ("/srv/git/r.git", "", None, Store::Git, None),
        ("../r.git", "Jenkinsfile", None, Store::Git, Some("my-shop")),
        ("", ".gitlab-ci.yml", None, Store::Fs, Some("my-shop")),
    ] {
        let setup = proposed(url, files);
        assert_eq!(
            (setup.platform, setup.store, setup.alias.as_deref()),
            (platform, store, alias),
            "{url} {files}"
        );
    }
}

#[test]
fn what_cannot_be_had_is_refused() {
    let asked = |store, platform| Asked { store, platform, ..Asked::default() };
    let github = Some(Some(Platform::Github));
    let nowhere = propose(&found("", ""), &asked(Some(Store::Git), None));
    assert_eq!(nowhere, Err(InitError::NoRemote("a store in git".to_owned())));
    assert!(matches!(propose(&found("", ""), &asked(None, github)), Err(InitError::NoRemote(_))));
    assert!(matches!(
        propose(&found("/srv/r.git", ""), &asked(None, github)),
        Err(InitError::NoServer { .. })
    ));
    for url in ["https://h/o/r'; rm -rf x", "https://h/o/$(x)", "https://h/o/\"r"] {
        assert!(matches!(propose(&found(url, ""), &Asked::default()), Err(InitError::Odd { .. })), "{url}");
    }
}

#[test]
fn a_later_set_up_is_for_what_the_earlier_one_was() {
    let mut there = found("https://github.com/o/r.git", "");
    let asked = Asked {
        platform: Some(None),
        store: Some(Store::Fs),
        branch: Some("trunk".to_owned()),
        dashboard: false,
    };
    let first = propose(&there, &asked).unwrap();
    let text = files(&there, &first).remove(0).text;
    there.texts.insert(repo_config::FILE.to_owned(), text);
    assert_eq!(propose(&there, &Asked::default()).unwrap(), first);
    let other = Asked { platform: Some(Some(Platform::Github)), ..Asked::default() };
    assert_eq!(propose(&there, &other).unwrap().platform, Some(Platform::Github));
}

#[test]
fn nothing_is_left_to_be_filled_in_and_nothing_secret_is_written() {
    for platform in Platform::ALL {
        let there = found("https://me:hunter2@example.com/o/r.git", "");
        let asked = Asked { platform: Some(Some(platform)), ..Asked::default() };
        let setup = propose(&there, &asked).unwrap();
        let files = files(&there, &setup);
        assert!(files.len() >= 4, "{platform}");
        for File { path, text } in &files {
            assert!(!text.contains("@@") && !text.contains("hunter2"), "{path}: {text}");
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{path}: {text}");
            assert_eq!(compare(text, Some(text)), Standing::Same);
        }
    }
}

#[test]
fn a_person_begins_intent_only_where_a_job_may_not() {
    let url = "https://github.com/o/r.git";
    let asks = |there: &Found, asked: &Asked| {
        let setup = propose(there, asked).unwrap();
        let guarded = files(there, &setup).iter().any(|file| file.text.contains("git ls-remote"));
        assert_eq!(guarded, next(there, &setup).len() == 3);
        guarded
    };
    assert!(asks(&found(url, ""), &Asked::default()));
    assert!(asks(&found(url, "app/release.ocu.star"), &Asked::default()));
    assert!(!asks(&found(url, ".gitea/workflows/x.yml"), &Asked::default()));
    assert!(!asks(&found(url, ""), &Asked { store: Some(Store::Fs), ..Asked::default() }));
    let mut own = found(url, "");
    own.texts.insert(repo_config::FILE.to_owned(), "repo_alias(\"r\")\n".to_owned());
    assert!(!asks(&own, &Asked::default()));
}

#[test]
fn somebody_s_own_files_are_left() {
    let mut there = found("https://gitlab.com/o/r.git", ".gitlab-ci.yml app/release.ocu.star");
    there.texts.insert(".gitlab-ci.yml".to_owned(), "stages: []\n".to_owned());
    let setup = propose(&there, &Asked::default()).unwrap();
    let paths: Vec<String> = files(&there, &setup).into_iter().map(|file| file.path).collect();
    assert_eq!(paths, ["repo.ocu.star", ".gitlab/ocuroot.yml"]);
}

#[test]
fn a_dashboard_is_published_where_pages_are() {
    for (url, workflow, source) in [
        ("https://github.com/o/r.git", ".github/workflows/ocuroot-dashboard.yml", "github:o/r"),
        ("git@gitlab.com:a/b/r.git", ".gitlab-ci.yml", "gitlab:gitlab.com/a/b/r"),
        ("https://codeberg.org/o/r", ".forgejo/workflows/ocuroot-dashboard.yml", "gitea:codeberg.org/o/r"),
        (
            "http://gitea.localhost:3000/o/r",
            ".gitea/workflows/ocuroot-dashboard.yml",
            "gitea:gitea.localhost:3000/o/r",
        ),
    ] {
        let mut there = found(url, "");
        let asked = Asked { dashboard: true, ..Asked::default() };
        let files_for = |there: &Found, asked: &Asked| files(there, &propose(there, asked).unwrap());
        let written = files_for(&there, &asked);
        let text = |path: &str| written.iter().find(|file| file.path == path).unwrap().text.as_str();
        assert!(text(workflow).contains("state view --export public"), "{url}");
        let stores = crate::hosts::stores::parse(text(STORES).as_bytes()).unwrap();
        assert_eq!((stores.len(), stores[0].source.as_str()), (1, source));
        assert_eq!(stores[0].state.as_deref(), Some("ocuroot/state"));
        for File { path, text } in &written {
            assert!(!text.contains("@@"), "{path}: {text}");
        }
        // Once it is there, a later set-up keeps it.
        there.files.push(STORES.to_owned());
        let again = files_for(&there, &Asked::default());
        assert!(again.iter().any(|file| file.path == workflow && file.text == text(workflow)));
        let notes = propose(&found(url, ""), &asked).unwrap().notes;
        assert!(
            notes.iter().any(|note| note.contains("the dashboard's workflow is for")),
            "{url}: {notes:?}"
        );
        let without = files_for(&found(url, ""), &Asked::default());
        assert!(!without.iter().any(|file| file.text.contains("--export")), "{url}");
    }
    let ci = |platform| Asked { platform: Some(platform), ..Asked::default() };
    let github = "https://github.com/o/r";
    for (url, asked, because) in [
        ("", Asked::default(), "this repo has no such remote"),
        ("", ci(Some(Platform::Github)), "this repo has no such remote"),
        ("", Asked { store: Some(Store::Git), ..Asked::default() }, "this repo has no such remote"),
        ("/srv/git/r.git", Asked::default(), "this repo has no such remote"),
        ("https://git.example.com/o/r", Asked::default(), "belongs to git.example.com"),
        (github, Asked { store: Some(Store::Fs), ..Asked::default() }, "no folder of a machine"),
        (github, ci(Some(Platform::Jenkins)), "publishes no pages"),
        (github, ci(None), "none is set up"),
    ] {
        match propose(&found(url, ""), &Asked { dashboard: true, ..asked }) {
            Err(InitError::NoDashboard { why, .. }) => assert!(why.contains(because), "{url}: {why}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}
