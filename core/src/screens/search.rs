//! What one means by a few letters: packages, releases, environments and commits, before any ref is
//! looked at.
//!
//! All of it is known from summaries, from the list of environments and from the commits that one has
//! seen, so that nothing is loaded. Whatever lies deeper is found by a glob: [`pattern`] is the one that
//! a text stands for.

use std::collections::BTreeMap;

use serde::Serialize;

use super::titles;
use crate::glob::Glob;
use crate::hosts::Commit;
use crate::natural;
use crate::order::Order as _;
use crate::refs::Ref;
use crate::summary::Summary;

/// Something that a search has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// What it is.
    pub kind: HitKind,
    /// Where it leads.
    pub target: Target,
    /// Its name.
    pub title: String,
    /// What else is to be said: the subject of a commit, the repo of a package. May be empty.
    pub detail: String,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HitKind {
    /// A package.
    Package,
    /// An environment.
    Environment,
    /// A release, by its number, its tag or its commit.
    Release,
    /// A ref, as it was typed.
    Ref,
    /// A commit of a store, by the start of its hash.
    Commit,
}

/// Where a [`Hit`] leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// To what a ref names.
    Ref(Ref),
    /// To everything as it was at this commit of state.
    At(String),
    /// To what is wanted now, beside what is.
    Intent,
}

/// The commits that one has seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// Of state.
    pub state: &'a [Commit],
    /// The newest of intent.
    pub intent: Option<&'a Commit>,
}

/// As much of a hash as people write down.
const SHORT: usize = 7;
/// As long is a whole one.
const HASH: usize = 40;

/// How well a text fits what was typed: the less, the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Start,
    Word,
    Inside,
}

/// The best `most` of what `query` may mean. Several words must all be found. Case does not count.
#[must_use]
pub fn search(
    query: &str,
    summaries: &BTreeMap<Ref, Summary>,
    environments: &[String],
    most: usize,
) -> Vec<Hit> {
    let query = query.trim().to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(Fit, usize, Hit)> = Vec::new();
    for name in environments {
        if let Some(fit) = fit_all(&words, &[name])
            && let Ok(reference) = format!("@/environment/{name}").parse()
        {
            let hit = Hit {
                kind: HitKind::Environment,
                target: Target::Ref(reference),
                title: name.clone(),
                detail: String::new(),
            };
            found.push((fit, 0, hit));
        }
    }
    for summary in summaries.values() {
        let (name, repo) = (
            titles::package(&summary.package),
            titles::repo(summary.package.repo().unwrap_or_default(), true),
        );
        if let Some(fit) = fit_all(&words, &[&name, repo, summary.package.as_str()]) {
            let hit = Hit {
                kind: HitKind::Package,
                target: Target::Ref(summary.package.clone()),
                title: name.clone(),
                detail: repo.to_owned(),
            };
            found.push((fit, 0, hit));
        }
        for (age, release) in summary.releases.iter().enumerate() {
            let Ok(reference) = summary.package.with_release(&release.id) else { continue };
            let mut texts: Vec<&str> = vec![&release.id, &release.subject, &release.author];
            texts.extend(release.tags.iter().map(String::as_str));
            // Words may name the package as well: `checkout r142`, `checkout refund`. But a package
            // alone is no reason to list all its releases.
            let own = |word: &&str| {
                texts.iter().any(|text| fit(word, text).is_some()) || is_commit(word, &release.commit)
            };
            if !words.iter().any(own) {
                continue;
            }
            let fits = words.iter().map(|word| match is_commit(word, &release.commit) {
                true => Some(Fit::Exact),
                false => {
                    texts.iter().copied().chain([name.as_str()]).filter_map(|text| fit(word, text)).min()
                }
            });
            if let Some(fit) = fits.collect::<Option<Vec<Fit>>>().and_then(|fits| fits.into_iter().max()) {
                let hit = Hit {
                    kind: HitKind::Release,
                    target: Target::Ref(reference),
                    title: format!("{name} {}", release.id),
                    detail: release.subject.clone(),
                };
                found.push((fit, age, hit));
            }
        }
    }
    found.order_by(|(fit, age, one), (other_fit, other_age, other)| {
        (fit, one.kind, age)
            .cmp(&(other_fit, other.kind, other_age))
            .then_with(|| natural::compare(&one.title, &other.title))
    });
    let typed = query.parse::<Ref>().ok().filter(|typed| typed.release().is_some() && words.len() == 1);
    let typed = typed.map(|reference| Hit {
        kind: HitKind::Ref,
        title: reference.to_string(),
        target: Target::Ref(reference),
        detail: String::new(),
    });
    typed.into_iter().chain(found.into_iter().map(|(_, _, hit)| hit)).take(most).collect()
}

/// The commits of the store that `query` may be the start of: those that are `seen`. Where there is none,
/// and nothing `else_found` either, the one of state that has such a hash, if there is one.
#[must_use]
pub fn commits(query: &str, seen: Seen<'_>, else_found: bool) -> Vec<Hit> {
    let typed = query.trim().to_lowercase();
    if !typed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Vec::new();
    }
    let hit = |target, side, id: &str, subject: &str| {
        let short = id.get(..SHORT).unwrap_or(id);
        let title = match side {
            "" => format!("as of commit {short}"),
            side => format!("commit {short} of {side}"),
        };
        Hit { kind: HitKind::Commit, target, title, detail: subject.to_owned() }
    };
    let state = seen.state.iter().filter(|commit| is_commit(&typed, &commit.id));
    let mut hits: Vec<Hit> =
        state.map(|commit| hit(Target::At(commit.id.clone()), "", &commit.id, &commit.subject)).collect();
    let intent = seen.intent.filter(|commit| is_commit(&typed, &commit.id));
    // Where one branch holds both, one commit is both.
    if let Some(commit) = intent.filter(|commit| !seen.state.iter().any(|other| other.id == commit.id)) {
        hits.push(hit(Target::Intent, "intent", &commit.id, &commit.subject));
    }
    if hits.is_empty() && !else_found && (SHORT..=HASH).contains(&typed.len()) {
        hits.push(hit(Target::At(typed.clone()), "", &typed, ""));
    }
    hits
}

/// The pattern that a text in the Explorer's field stands for: itself if it is one or is a ref, else
/// everything that contains it.
///
/// # Errors
/// Where it is a pattern that is none, what is wrong with it.
pub fn pattern(text: &str) -> Result<Glob, crate::glob::GlobError> {
    let text = text.trim();
    let is_pattern = text.contains(['*', '?', '[', ']', '{', '}', '\\']);
    let is_ref = text.parse::<Ref>().is_ok_and(|reference| reference.release().is_some());
    match text {
        "" => Glob::new("**"),
        _ if is_pattern || is_ref => Glob::new(text),
        _ => Glob::new(&format!("**{}**", Glob::escape(text))),
    }
}

/// How the worst of the words fits, each in the text that it fits best; none if one does not.
fn fit_all(words: &[&str], texts: &[&str]) -> Option<Fit> {
    let best = |word: &&str| texts.iter().filter_map(|text| fit(word, text)).min();
    words.iter().map(best).collect::<Option<Vec<Fit>>>()?.into_iter().max()
}

fn fit(word: &str, text: &str) -> Option<Fit> {
    let text = text.to_lowercase();
    let at = text.find(word)?;
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    Some(match before {
        None if text.len() == word.len() => Fit::Exact,
        None => Fit::Start,
        Some(before) if !before.is_alphanumeric() => Fit::Word,
        Some(_) => Fit::Inside,
    })
}

/// The start of a commit's hash: four digits at least, or everything would be one.
fn is_commit(word: &str, commit: &str) -> bool {
    word.len() >= 4 && commit.starts_with(word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn summaries() -> BTreeMap<Ref, Summary> {
        let of = |package: &str, releases: serde_json::Value| {
            let summary: Summary = serde_json::from_value(json!({
                "package": package, "tree": "", "counts": {"releases": 1}, "releases": releases,
            }))
            .unwrap();
            (summary.package.clone(), summary)
        };
        let release = |id: &str, commit: &str, subject: &str, tags: &[&str]| {
            json!({"id": id, "commit": commit, "subject": subject, "author": "Sam", "tags": tags,
                "time": "", "status": "complete"})
        };
        [
            of(
                "github.com/acme/shop/-/checkout/release.ocu.star",
                json!([
                    release("r142", "7be91d4c0ffee", "Express refund", &["v2.1"]),
                    release("r14", "1111111", "Older", &[]),
                ]),
            ),
            of(
                "github.com/acme/money/-/refunds/release.ocu.star",
                json!([release("r9", "abcdef", "Post", &[])]),
            ),
        ]
        .into()
    }

    #[track_caller]
    fn check(query: &str, expected: &[&str]) {
        let environments = ["prod-eu-1".to_owned(), "demo".to_owned()];
        let hits: Vec<String> = search(query, &summaries(), &environments, 10)
            .into_iter()
            .map(|hit| format!("{:?} {}", hit.kind, hit.title))
            .collect();
        assert_eq!(hits, expected, "{query}");
    }

    #[test]
    fn people_find_what_they_mean() {
        check("", &[]);
        check("checkout", &["Package checkout"]);
        check("r142", &["Release checkout r142"]);
        check("r14", &["Release checkout r14", "Release checkout r142"]);
        check("checkout r14", &["Release checkout r14", "Release checkout r142"]);
        check("7be9", &["Release checkout r142"]);
        check("7b", &[]);
        check("V2.1", &["Release checkout r142"]);
        check("refund", &["Package refunds", "Release checkout r142"]);
        check("eu", &["Environment prod-eu-1"]);
        check("acme/money", &["Package refunds"]);
        check("@/custom/x", &["Ref @/custom/x"]);
        check("express checkout", &["Release checkout r142"]);
        check("express money", &[]);
    }

    #[test]
    fn commits_of_the_store_are_found_by_their_hash() {
        let commit = |id: &str, subject: &str| Commit {
            id: id.repeat(10),
            subject: subject.into(),
            ..Commit::default()
        };
        let state = [commit("34ab", "Deploy r4"), commit("34cd", "Release r4")];
        let intent = commit("9f9f", "Freeze");
        let check = |query: &str, seen: Seen<'_>, expected: &[(&str, &str)]| {
            let hits = commits(query, seen, false);
            let found: Vec<(&str, &str)> =
                hits.iter().map(|hit| (hit.title.as_str(), hit.detail.as_str())).collect();
            assert_eq!(found, expected, "{query}");
            hits
        };
        let seen = Seen { state: &state, intent: Some(&intent) };
        let hits = check(" 34CD34C", seen, &[("as of commit 34cd34c", "Release r4")]);
        assert_eq!(hits[0].target, Target::At("34cd".repeat(10)), "the whole of it, so that it is pinned");
        let hits = check("9f9f", seen, &[("commit 9f9f9f9 of intent", "Freeze")]);
        assert_eq!(hits[0].target, Target::Intent);
        // Nobody has seen it, but it may be one.
        let hits = check("0123456", seen, &[("as of commit 0123456", "")]);
        assert_eq!(hits[0].target, Target::At("0123456".into()));
        check(&"0".repeat(40), seen, &[("as of commit 0000000", "")]);
        for none in ["", "34", "012345", "r4", "checkout", "012345x", &"0".repeat(41)] {
            check(none, seen, &[]);
        }
        // A source commit that was released is what is meant, rather than one that nobody has seen.
        assert_eq!(commits("0123456", seen, true), []);
        assert_eq!(commits("34ab34a", seen, true).len(), 1);
        // One branch for both: it is named once.
        let shared = Seen { state: &state, intent: state.first() };
        check("34ab34a", shared, &[("as of commit 34ab34a", "Deploy r4")]);
    }

    #[test]
    fn a_text_that_is_no_pattern_is_looked_for_everywhere() {
        for (text, expected) in [
            ("", "**"),
            ("check", "**check**"),
            ("**/@r1", "**/@r1"),
            ("@/environment/prod", "@/environment/prod"),
            ("+/custom/x", "+/custom/x"),
        ] {
            assert_eq!(pattern(text).unwrap().as_str(), expected);
        }
        assert!(pattern("[a").is_err());
    }
}
