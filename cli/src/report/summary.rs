//! The summary of a job: Markdown, for the page of the workflow's run.

use std::fs::File;
use std::io::Write;

use ocuroot_core::Ref;
use ocuroot_core::documents::Status;

use super::outcome::Outcome;
use crate::error::Failure;
use crate::secrets;
use crate::view::mark;

/// How many there are of a kind at most.
const MANY: usize = 50;

/// How many bytes a summary has at most. A platform takes a megabyte from a step, which may have other
/// commands, and people read less.
const MOST: usize = 200_000;

/// How much of a line is shown.
const LINE: usize = 500;

/// Where people find the dashboard, if anywhere.
const DASHBOARD: &str = "OCUROOT_DASHBOARD_URL";

/// Appends the summary to where the platform wants it.
///
/// # Errors
/// When that cannot be written: where, and why.
pub(super) fn write(command: &str, outcome: &Outcome, failure: Option<&Failure>) -> Result<(), String> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    if outcome.is_empty() && failure.is_none() {
        return Ok(());
    }
    let message = failure.map(Failure::render);
    let dashboard = std::env::var(DASHBOARD).ok();
    let text = secrets::mask(&render(command, outcome, message.as_deref(), dashboard.as_deref()));
    let file = File::options().append(true).create(true).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("cannot write the summary to {}: {error}", path.display()))
}

/// The summary of a command that has ended, with the `message` that it has failed with.
fn render(command: &str, outcome: &Outcome, message: Option<&str>, dashboard: Option<&str>) -> String {
    let mut text = format!("### {} ocuroot {}\n", if message.is_some() { "✗" } else { "✓" }, plain(command));
    if !outcome.releases.is_empty() {
        text.push_str("\n| release | commit | |\n| --- | --- | --- |\n");
        few(&mut text, &outcome.releases, |released| {
            let status = released.status.unwrap_or(Status::Pending);
            let short = released.commit.get(..10).unwrap_or(&released.commit);
            let (subject, mark) = (plain(&released.subject), mark(status));
            format!("| {} | {} {subject} | {mark} {status} |\n", code(released.release.as_str()), code(short))
        });
    }
    if !outcome.deployed.is_empty() {
        text.push_str("\n**Deployed**\n\n");
        few(&mut text, &outcome.deployed, |deployed| {
            let what = if deployed.down { "taken down: " } else { "" };
            format!("* {what}{}: {}\n", code(&deployed.environment), code(deployed.release.as_str()))
        });
    }
    if !outcome.waiting.is_empty() {
        text.push_str("\n**Waiting**\n\n");
        let waiting: Vec<(&Ref, &Vec<String>)> = outcome.waiting.iter().collect();
        few(&mut text, &waiting, |(run, missing)| {
            let missing: Vec<String> = missing.iter().map(|missing| code(missing)).collect();
            format!("* {} waits for {}\n", code(run.as_str()), missing.join(", "))
        });
    }
    if !outcome.failed.is_empty() {
        text.push_str("\n**Failed**\n");
        few(&mut text, &outcome.failed, |(run, last)| {
            format!("\n{}\n\n{}", code(run.as_str()), fenced(&last.join("\n")))
        });
    }
    few(&mut text, &outcome.problems, |problem| format!("\n{}", fenced(problem)));
    if text.len() > MOST {
        let end = text.floor_char_boundary(MOST);
        text.truncate(end);
        text.push_str("\n\n… and more, which the log has\n");
    }
    if let Some(message) = message {
        text.push_str(&format!("\n{}", fenced(message)));
    }
    if let Some(url) = dashboard.and_then(address) {
        text.push_str(&format!("\n[Dashboard]({url})\n"));
    }
    text.push('\n');
    text
}

/// Adds a text for each of the first items, and how many more there are.
fn few<T>(text: &mut String, items: &[T], one: impl Fn(&T) -> String) {
    items.iter().take(MANY).for_each(|item| text.push_str(&one(item)));
    if items.len() > MANY {
        text.push_str(&format!("\n… and {} more\n", items.len() - MANY));
    }
}

/// An address that a link may lead to.
fn address(url: &str) -> Option<&str> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = url.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '(' | ')' | '<' | '>'));
    (is_web && is_plain).then_some(url)
}

/// A text of other people, with no Markdown in it, in one line.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in cut(text).chars() {
        match c {
            c if c.is_control() => plain.push(' '),
            // As an entity, not with a backslash: a table cuts its cells before that is looked at.
            c if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | '/' | '-' | '\'' | '"' | ' ') => {
                plain.push_str(&format!("&#{};", u32::from(c)));
            }
            c => plain.push(c),
        }
    }
    plain
}

/// A name or ref as code, in one line, also in a table.
fn code(text: &str) -> String {
    format!("<code>{}</code>", plain(text))
}

/// Lines as they are.
fn fenced(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(cut).collect();
    let text = lines.join("\n");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{text}\n{fence}\n")
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::outcome::tests::sample;
    use super::*;

    #[test]
    fn a_release_that_fails() {
        let mut outcome = sample("fix | [x](http://evil)\n# <b>", "```\n# not a heading");
        outcome.failed[0].1.truncate(2);
        let text = render("push", &outcome, Some("error: no"), Some("https://dash.example.org/#/x"));
        expect![[r#"
            ### ✗ ocuroot push

            | release | commit | |
            | --- | --- | --- |
            | <code>shop/-/a.ocu.star/&#64;r1</code> | <code>0123456789</code> fix &#124; &#91;x&#93;&#40;http&#58;//evil&#41; &#35; &#60;b&#62; | ✗ failed |

            **Deployed**

            * <code>staging</code>: <code>shop/-/a.ocu.star/&#64;r1</code>

            **Waiting**

            * <code>shop/-/a.ocu.star/&#64;r1/deploy/asia/1</code> waits for <code>./&#64;/custom/approve</code>

            **Failed**

            <code>shop/-/a.ocu.star/&#64;r1/deploy/prod/1</code>

            ````
            ```
            # not a heading
            ````

            ```
            error: no
            ```

            [Dashboard](https://dash.example.org/#/x)

        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn it_stays_small_whatever_happens() {
        let mut outcome = sample("s", &"é".repeat(10_000));
        let failed = outcome.failed[0].clone();
        outcome.failed = vec![failed; 1000];
        let text = render("push", &outcome, None, None);
        assert!(text.len() < MOST + 100, "{}", text.len());
        outcome.failed.iter_mut().for_each(|(_, last)| last.truncate(1));
        assert!(render("push", &outcome, None, None).contains("… and 950 more"));
    }

    #[test]
    fn where_a_link_may_lead() {
        for (url, is_good) in [
            ("https://a.example.org/x?y#z", true),
            ("http://localhost:3000", true),
            ("javascript:alert(1)", false),
            ("https://a) [x](https://b", false),
            ("https://a\nb", false),
            ("", false),
        ] {
            assert_eq!(address(url).is_some(), is_good, "{url}");
        }
    }
}
