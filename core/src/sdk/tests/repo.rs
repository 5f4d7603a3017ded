use super::*;

fn repo(text: &str) -> Result<RepoSettings, String> {
    match Fixture::new(&format!("-- repo.ocu.star --\n{text}")).evaluate() {
        Ok(program) => Ok(program.repo().clone()),
        Err(problems) => Err(problems_of(&problems)),
    }
}

fn fs(path: &str) -> Option<StoreConfig> {
    Some(StoreConfig::Fs(FsStore { path: path.to_owned() }))
}

fn git(url: &str, branch: Option<&str>) -> Option<StoreConfig> {
    Some(StoreConfig::Git(GitStore {
        remote_url: url.to_owned(),
        branch: branch.map(str::to_owned),
        create_branch: true,
        support_files: BTreeMap::new(),
    }))
}

#[test]
fn settings_by_call_and_by_assignment() {
    let called = repo(
        r#"
ocuroot("0.3.0")
repo_alias("github.com/{}/{}".format("o", "r"))
remotes(["https://h/o/r"])
def init():
    store.set(store.git("https://h/o/r", branch="state"), intent=store.git("https://h/o/r", branch="intent"))
init()
def go(commit): print(commit)
trigger(go)
release_ignore = ["tests/**"]
"#,
    )
    .unwrap();
    assert_eq!(called.alias.as_deref(), Some("github.com/o/r"));
    assert_eq!(called.remotes, ["https://h/o/r"]);
    assert_eq!(called.state, git("https://h/o/r", Some("state")));
    assert_eq!(called.intent, git("https://h/o/r", Some("intent")));
    assert_eq!(called.release_ignore, ["tests/**"]);
    assert!(called.has_trigger);

    let assigned = repo(
        r#"
repo_alias = "minimal/repo"
repo_remotes = ["a", "b"]
state_store = {"fs": {"path": "./.store"}}
intent_store = store.git("u")
"#,
    )
    .unwrap();
    assert_eq!(assigned.alias.as_deref(), Some("minimal/repo"));
    assert_eq!(assigned.remotes, ["a", "b"]);
    assert_eq!(assigned.state, fs("./.store"));
    assert_eq!(assigned.intent, git("u", None));
    assert!(!assigned.has_trigger);

    let unset =
        repo("repo_alias = None\nstate_store = None\nintent_store = None\nrepo_remotes = None").unwrap();
    assert_eq!(unset, RepoSettings::default());
    let full =
        repo("state_store = store.git('u', branch='b', create_branch=False, support_files={'a': 'b'})")
            .unwrap();
    assert_eq!(
        full.state,
        Some(StoreConfig::Git(GitStore {
            remote_url: "u".to_owned(),
            branch: Some("b".to_owned()),
            create_branch: false,
            support_files: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        }))
    );
}

#[test]
fn stores_are_plain_dicts() {
    let fixture =
        Fixture::new("-- repo.ocu.star --\nprint(store.fs('x'))\nprint(store.git('u', branch='b'))");
    fixture.evaluate().unwrap();
    assert_eq!(
        fixture.printed(),
        [r#"{"fs": {"path": "x"}}"#, r#"{"git": {"branch": "b", "create_branch": True, "remote_url": "u"}}"#]
    );
}

#[test]
fn what_is_refused() {
    for (text, expected) in [
        ("store.set(store.fs('a'))\nstore.set(store.fs('b'))", "repo.ocu.star:2:1 the store is set twice"),
        ("store.set(store.fs('a'))\nstate_store = store.fs('b')", "the store is set twice"),
        ("intent_store = store.fs('b')", "`intent_store` is set, but `state_store` is not"),
        ("repo_alias = 4", "`repo_alias` is a string, not `4`"),
        ("repo_remotes = 'x'", "`repo_remotes` is a list of strings, not `\"x\"`"),
        ("remotes('x')", "repo.ocu.star:1:1 `remotes` is a list of strings, not `\"x\"`"),
        ("def f(): pass\ntask(f, 'x')", "repo.ocu.star:2:1 `task` can only be called in release files"),
        ("trigger('x')", "repo.ocu.star:1:1 `trigger` takes a function of the commit, not `\"x\"`"),
        (
            "store.set({'s3': {}})",
            "repo.ocu.star:1:1 this is not a store: unknown variant `s3`, expected `git` or `fs`",
        ),
        ("state_store = {'fs': {'path': ''}}", "this is not a store: a part of it is empty"),
    ] {
        assert_eq!(repo(text), Err(expected.to_owned()), "{text}");
    }
    for alias in ["''", "'.'", "'a//b'", "'a/-/b'", "'@x'", "'a b@c'"] {
        assert!(repo(&format!("repo_alias({alias})")).is_err(), "{alias}");
    }
    check("store.set(store.fs('a'))", "release.ocu.star:1:1 `store.set` can only be called in repo.ocu.star");
}

#[test]
fn triggers_are_called_with_the_commit() {
    let fixture = Fixture::new(
        "-- repo.ocu.star --\ndef make(x):\n    def f(commit):\n        print(x, commit)\n        if commit == 'bad': fail('no')\n    return f\ntrigger(make('go'))",
    );
    let program = fixture.evaluate().unwrap();
    program.trigger("abc", &fixture.host, &Limits::default()).unwrap();
    assert_eq!(fixture.printed(), ["go abc"]);
    let problems = program.trigger("bad", &fixture.host, &Limits::default()).unwrap_err();
    assert_eq!(problems_of(&problems), "repo.ocu.star:4:29 no");
}

/// `repo.ocu.star` of real users, where their stores are at hand.
#[test]
fn real_files() {
    let text = r#"
ocuroot("0.3.0")
owner = "ocuroot"
repo = "vps-demo"
repo_alias("github.com/{}/{}".format(owner, repo))
def init_repo():
    origin_url = host.shell("git remote get-url origin").stdout.strip()
    repo_url = "ssh://git@github.com/{}/{}.git".format(owner, repo)
    env_vars = host.env()
    if "GH_TOKEN" in env_vars:
        repo_url = "https://x-access-token:{}@github.com/{}/{}.git".format(env_vars["GH_TOKEN"], owner, repo)
    if "OCUROOT_LOCAL_MODE" in env_vars:
        store.set(
            store.fs("./.store"),
        )
        return
    store.set(
        store.git(repo_url, branch="state"),
        intent=store.git(repo_url, branch="intent"),
    )
init_repo()
"#;
    let settings = repo(text).unwrap();
    assert_eq!(settings.alias.as_deref(), Some("github.com/ocuroot/vps-demo"));
    assert_eq!(settings.state, git("ssh://git@github.com/ocuroot/vps-demo.git", Some("state")));
    let settings = repo(
        "def repo_url():\n    env_vars = env()\n    if \"GH_TOKEN\" not in env_vars:\n        return host.shell(\"git remote get-url origin\").stdout.strip() or 'u'\n\
         remote = repo_url()\nremotes([remote])\nstore.set(store.git(remote, branch=\"state\"), intent=store.git(remote, branch=\"intent\"))",
    )
    .unwrap();
    assert_eq!(settings.remotes, ["u"]);
}
