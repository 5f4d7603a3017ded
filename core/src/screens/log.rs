//! A run's log, ready to be looked at: a hundred thousand lines, of which fifty are on the screen.
//!
//! [`Log::read`] goes through a log once, and [`Parse`] does so in steps. What it keeps is text: all lines in one string, without what a
//! terminal would not show, and beside it where lines start and where colours change. So a line costs
//! a few bytes, a search is a scan over one string, and only what is on the screen becomes spans.
//!
//! What a command prints is anybody's text. Colours of the standard palette become [`Ink`]s; all other
//! escape sequences are dropped, and so are control characters. Characters that turn the direction of
//! what follows are made visible. A carriage return starts the line anew, as progress bars mean it.
//!
//! ```
//! use ocuroot_core::screens::log::{Ink, Log};
//!
//! let log = Log::read(br#"{"kind": "ref", "body": [
//!     {"timestamp": "2026-05-12T15:59:02Z", "message": "\u001b[32mconfigured\u001b[0m checkout", "stream": 1},
//!     {"timestamp": "2026-05-12T15:59:03Z", "message": "not finished", "stream": 2}
//! ]}"#);
//! assert_eq!(log.len(), 2);
//! let line = log.line(0);
//! assert_eq!((line.spans[0].text.as_str(), line.spans[0].style.ink), ("configured", Some(Ink::Good)));
//! assert!(log.line(1).is_error);
//! assert_eq!(log.search("CONF").hits.len(), 1);
//! ```

mod ansi;
mod folds;
mod layout;
mod parse;

use self::ansi::Painter;
pub use self::ansi::{Ink, Style};
pub use self::folds::{Row, Rows};
pub use self::layout::{Layout, Window};
pub use self::parse::Parse;
use crate::failure::{self, Failure};
use crate::order::Order as _;

/// How many hits of a search are looked for: who has more needs a longer word.
pub const MOST_HITS: usize = 10_000;

/// How many bytes of a line are shown; the download has all.
pub const MOST_SHOWN: usize = 4_000;

/// What a run has printed.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The lines, each with a newline behind it.
    text: String,
    /// Where each line starts in `text`.
    starts: Vec<u32>,
    /// Where the style changes in `text`, and to what. Sorted.
    styles: Vec<(u32, Style)>,
    /// The times, one behind the other: most lines share theirs with none.
    times: String,
    /// Where the time of each line starts in `times`, and how long it is.
    time_at: Vec<(u32, u8)>,
    /// Whether each line came from a command's stderr.
    errors: Vec<bool>,
}

/// A line to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// RFC 3339; may be empty.
    pub time: String,
    /// Whether it came from a command's stderr.
    pub is_error: bool,
    /// Its text.
    pub spans: Vec<Span>,
    /// How many bytes of it are not shown.
    pub cut: usize,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it says.
    pub text: String,
    /// How it looks.
    pub style: Style,
    /// Whether it is what was searched for, and which of the hits.
    pub hit: Option<usize>,
}

/// Where a text was found, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Every place.
    pub hits: Vec<Hit>,
    /// Whether there are more than [`MOST_HITS`].
    pub more: bool,
}

/// One place where a text was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The line, from 0.
    pub line: usize,
    /// The first byte, in the text of all lines.
    start: u32,
    /// Behind the last one.
    end: u32,
}

impl Log {
    /// Reads a log document whose body is a list of [`crate::documents::Log`], or null for a run that has
    /// printed nothing. What is of another shape has no lines.
    #[must_use]
    pub fn read(document: &[u8]) -> Log {
        let mut parse = Parse::new(document.into());
        loop {
            if let Some(log) = parse.step(usize::MAX) {
                return log;
            }
        }
    }

    /// A log with this body.
    #[cfg(test)]
    fn of(body: &serde_json::Value) -> Log {
        Log::read(serde_json::json!({"kind": "ref", "body": body}).to_string().as_bytes())
    }

    fn push(&mut self, time: &str, message: &str, stream: u64, painter: &mut Painter) {
        // Offsets have 32 bits; no host serves a document of that size.
        if self.text.len() + self.times.len() + message.len() > (u32::MAX / 4) as usize {
            return;
        }
        let message = message.strip_suffix('\n').unwrap_or(message);
        let at = (offset(self.times.len()), u8::try_from(time.len()).unwrap_or(0));
        self.times.push_str(time.get(..usize::from(at.1)).unwrap_or_default());
        let mut rest = Some(message);
        while let Some(lines) = rest {
            let line;
            (line, rest) = match memchr::memchr(b'\n', lines.as_bytes()) {
                Some(end) => (lines.get(..end).unwrap_or_default(), lines.get(end + 1..)),
                None => (lines, None),
            };
            self.starts.push(offset(self.text.len()));
            self.time_at.push(at);
            self.errors.push(stream == 2);
            painter.paint(line, stream, &mut self.text, &mut self.styles);
            self.text.push('\n');
        }
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether nothing was printed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// All lines as text, each with a newline behind it, to be kept as a file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where line `index` lies in the text.
    fn range(&self, index: usize) -> std::ops::Range<usize> {
        let start = self.starts.get(index).map_or(self.text.len(), |start| *start as usize);
        let next = self.starts.get(index + 1).map_or(self.text.len(), |next| *next as usize);
        start..next.saturating_sub(1).max(start)
    }

    /// The text of line `index`, from 0. Empty where there is none.
    #[must_use]
    pub fn plain(&self, index: usize) -> &str {
        self.text.get(self.range(index)).unwrap_or_default()
    }

    /// Line `index`, from 0, to be shown.
    #[must_use]
    pub fn line(&self, index: usize) -> Line {
        self.line_with(index, &Hits::default())
    }

    /// Line `index`, from 0, with what was found in it.
    #[must_use]
    pub fn line_with(&self, index: usize, hits: &Hits) -> Line {
        let range = self.range(index);
        let end = floor_boundary(&self.text, range.end.min(range.start + MOST_SHOWN));
        // Everything at which a new span starts.
        let first = self.styles.partition_point(|(at, _)| (*at as usize) <= range.start);
        let changes = self.styles.iter().skip(first).take_while(|(at, _)| (*at as usize) < end);
        let mut cuts: Vec<usize> = changes.map(|(at, _)| *at as usize).collect();
        let first_hit = hits.hits.partition_point(|hit| hit.line < index);
        let of_line =
            || hits.hits.iter().enumerate().skip(first_hit).take_while(|(_, hit)| hit.line == index);
        cuts.extend(of_line().flat_map(|(_, hit)| [hit.start as usize, hit.end as usize]));
        cuts.retain(|cut| *cut > range.start && *cut < end);
        cuts.push(end);
        cuts.order();
        cuts.dedup();
        let mut spans = Vec::new();
        let mut start = range.start;
        for cut in cuts {
            let text = self.text.get(start..cut).unwrap_or_default().to_owned();
            let hit = of_line().find(|(_, hit)| hit.start as usize <= start && start < hit.end as usize);
            if !text.is_empty() {
                spans.push(Span { text, style: self.style_at(start), hit: hit.map(|(number, _)| number) });
            }
            start = cut;
        }
        let (at, length) = self.time_at.get(index).copied().unwrap_or_default();
        let time = self.times.get(at as usize..at as usize + usize::from(length)).unwrap_or_default();
        Line {
            number: index + 1,
            time: time.to_owned(),
            is_error: self.errors.get(index).copied().unwrap_or_default(),
            spans,
            cut: range.end - end,
        }
    }

    fn style_at(&self, at: usize) -> Style {
        let next = self.styles.partition_point(|(change, _)| (*change as usize) <= at);
        next.checked_sub(1)
            .and_then(|last| self.styles.get(last))
            .map_or(Style::default(), |(_, style)| *style)
    }

    /// Every place where `needle` stands in one line, whatever its case. None for an empty one.
    #[must_use]
    pub fn search(&self, needle: &str) -> Hits {
        if needle.contains('\n') {
            return Hits::default();
        }
        match (needle.is_ascii(), self.text.is_ascii()) {
            (true, _) => self.search_ascii(needle.as_bytes()),
            (false, false) => self.search_any(needle),
            // Where there are no such letters none need be looked for.
            (false, true) => Hits::default(),
        }
    }

    fn search_ascii(&self, needle: &[u8]) -> Hits {
        let mut hits = Hits::default();
        let Some(first) = needle.first() else { return hits };
        let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
        let text = self.text.as_bytes();
        let mut line = 0;
        let mut free = 0;
        for at in memchr::memchr2_iter(lower, upper, text) {
            let end = at + needle.len();
            let found = at >= free && text.get(at..end).is_some_and(|text| text.eq_ignore_ascii_case(needle));
            if found && !self.add(&mut hits, &mut line, at, end) {
                break;
            }
            if found {
                free = end;
            }
        }
        hits
    }

    /// Letters beyond ASCII may have another length in the other case, so they are compared one by one.
    fn search_any(&self, needle: &str) -> Hits {
        let mut hits = Hits::default();
        let needle: Vec<char> = needle.chars().flat_map(char::to_lowercase).collect();
        let mut line = 0;
        let mut free = 0;
        for (at, _) in self.text.char_indices() {
            if at < free {
                continue;
            }
            let Some(length) = starts_with(self.text.get(at..).unwrap_or_default(), &needle) else {
                continue;
            };
            if !self.add(&mut hits, &mut line, at, at + length) {
                break;
            }
            free = at + length;
        }
        hits
    }

    /// Adds a hit; false if there are enough. `line` is that of the hit before.
    fn add(&self, hits: &mut Hits, line: &mut usize, start: usize, end: usize) -> bool {
        if hits.hits.len() == MOST_HITS {
            hits.more = true;
            return false;
        }
        while self.starts.get(*line + 1).is_some_and(|next| *next as usize <= start) {
            *line += 1;
        }
        hits.hits.push(Hit { line: *line, start: offset(start), end: offset(end) });
        true
    }

    /// What a run has failed with, by its log.
    #[must_use]
    pub fn failure(&self) -> Option<Failure<'_>> {
        let line = |at: usize| (self.errors.get(at).copied().unwrap_or_default(), self.plain(at));
        failure::of((0..self.len()).map(line))
    }
}

/// The length of what `text` starts with, if that is `needle` in any case.
fn starts_with(text: &str, needle: &[char]) -> Option<usize> {
    let mut needle = needle.iter();
    let mut length = 0;
    for c in text.chars() {
        if needle.len() == 0 {
            break;
        }
        for lower in c.to_lowercase() {
            if needle.next() != Some(&lower) {
                return None;
            }
        }
        length += c.len_utf8();
    }
    (needle.len() == 0).then_some(length)
}

/// The greatest boundary of a character that is not behind `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// An offset as it is kept; `Log::push` sees to it that it fits.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The run, and the line from 0, that a URL's fragment names: `deploy/prod/2:L120`.
///
/// ```
/// use ocuroot_core::screens::log::fragment;
///
/// assert_eq!(fragment("deploy/prod/2:L120"), ("deploy/prod/2", Some(119)));
/// assert_eq!(fragment("deploy/prod"), ("deploy/prod", None));
/// ```
#[must_use]
pub fn fragment(text: &str) -> (&str, Option<usize>) {
    let line = text
        .rsplit_once(":L")
        .and_then(|(run, line)| Some((run, line.parse::<usize>().ok()?.checked_sub(1)?)));
    line.map_or((text, None), |(run, line)| (run, Some(line)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn log(messages: &[&str]) -> Log {
        let entry =
            |message: &&str| json!({"timestamp": "2026-01-01T00:00:00Z", "message": message, "stream": 1});
        Log::of(&Value::Array(messages.iter().map(entry).collect()))
    }

    /// A line with its spans in brackets behind their classes.
    fn shown(line: &Line) -> String {
        let span = |span: &Span| {
            let hit = if span.hit.is_some() { "!" } else { "" };
            format!("[{}{hit}|{}]", span.style.class(), span.text)
        };
        line.spans.iter().map(span).collect()
    }

    #[test]
    fn bodies_of_any_shape() {
        for body in [json!(null), json!([]), json!({}), json!("x"), json!(7)] {
            assert!(Log::of(&body).is_empty(), "{body}");
        }
        let odd = Log::of(&json!([null, {"message": 7}, {"message": "x", "timestamp": null, "stream": "2"}]));
        assert_eq!(odd.len(), 3);
        assert_eq!(odd.plain(2), "x");
        assert_eq!(
            odd.line(9),
            Line { number: 10, time: String::new(), is_error: false, spans: vec![], cut: 0 }
        );
    }

    #[test]
    fn documents_of_any_shape() {
        let body = r#"[{"message":"one"},{"message":"two"}]"#;
        for document in [
            format!(r#"{{"kind":"ref","body":{body}}}"#),
            format!(r#"{{"body":{body},"links":["x"],"kind":"ref"}}"#),
            r#" { "k" : 1.5e3 , "body" : [ {"message":"one"} , {"message":"two"} ] , "kind":"r\u0065f" } "#
                .replace(" [ ", "\n[\t"),
        ] {
            assert_eq!(Log::read(document.as_bytes()).text(), "one\ntwo\n", "{document}");
        }
        for document in [
            String::new(),
            "[]".to_owned(),
            "{}".to_owned(),
            body.to_owned(),
            format!(r#"{{"body":{body}}}"#),
            r#"{"kind":"link","body":"s/-/p/@r1"}"#.to_owned(),
            format!(r#"{{"kind":"ref","body":{body}}} x"#),
            format!(r#"{{"kind":"ref","body":{body}"#),
            r#"{"kind":"ref","body":[{"message":"one"},{"message":"#.to_owned(),
            r#"{"kind":"ref","body":[{"message":"one"} {"message":"two"}]}"#.to_owned(),
        ] {
            assert!(Log::read(document.as_bytes()).is_empty(), "{document}");
        }
        assert!(Log::read(b"{\"kind\":\"ref\",\"body\":[{\"message\":\"\xff\"}]}").is_empty());
    }

    #[test]
    fn an_entry_is_the_same_however_it_is_written() {
        let entries = [
            r#"{"timestamp":"2026-01-01T00:00:00Z","message":"a","attributes":null,"stream":2}"#,
            r#"{ "timestamp": "2026-01-01T00:00:00Z", "message": "a", "attributes": null, "stream": 2 }"#,
            r#"{"stream":2,"message":"\u0061","timestamp":"2026-01-01T00:00:00Z"}"#,
            r#"{"timestamp":"2026-01-01T00:00:00Z","attributes":{"x":[1,"}"]},"message":"a","stream":2}"#,
        ];
        let body = |entry: &str| Log::read(format!(r#"{{"kind":"ref","body":[{entry}]}}"#).as_bytes());
        for entry in entries {
            let log = body(entry);
            assert_eq!((log.text(), log.line(0).time.as_str()), ("a\n", "2026-01-01T00:00:00Z"), "{entry}");
            assert!(log.line(0).is_error, "{entry}");
        }
        // Nor is one taken for what it is not.
        for (entry, text) in [
            (r#"{}"#, None),
            (r#"{"message":"é\\","stream":12}"#, Some("é\\\n")),
            (r#"{"message":"a","message":"b"}"#, Some("b\n")),
            ("{\"message\":\"a\tb\"}", Some("")),
            (r#"{"message":"a","stream":1"#, Some("")),
            (r#"{"message":"a""stream":1}"#, Some("")),
            (r#"{"message":"a",}"#, Some("")),
            (r#"{"message":"a"}{"message":"b"}"#, Some("")),
            (r#"{"message":7,"stream":1}"#, Some("\n")),
        ] {
            assert_eq!(body(entry).text(), text.unwrap_or("\n"), "{entry}");
        }
    }

    #[test]
    fn steps_make_no_difference() {
        let entries = (0..50).map(|n| json!({"message": format!("{n}\n\u{1b}[31m{n}"), "stream": n % 3}));
        let document = json!({"kind": "ref", "body": entries.collect::<Vec<_>>()}).to_string();
        let whole = Log::read(document.as_bytes());
        assert_eq!(whole.len(), 100);
        for entries in [1, 7, 49, 50, 51] {
            let mut parse = Parse::new(document.as_bytes().into());
            let log = std::iter::from_fn(|| Some(parse.step(entries))).flatten().next().unwrap();
            assert_eq!((log.text(), log.line(99)), (whole.text(), whole.line(99)), "by {entries}");
        }
    }

    #[test]
    fn a_message_of_many_lines_is_many_lines() {
        let log = log(&["one\n", "error: two\n  at three", ""]);
        assert_eq!(
            (0..log.len()).map(|at| log.plain(at)).collect::<Vec<_>>(),
            ["one", "error: two", "  at three", ""]
        );
        assert_eq!(log.text(), "one\nerror: two\n  at three\n\n");
        assert_eq!(log.line(2).time, "2026-01-01T00:00:00Z");
        assert_eq!(log.failure(), None);
        assert_eq!(Log::default().failure(), None);
        let failed = Log::of(&json!([{"message": "a\nb"}, {"message": "error: x\n  at y", "stream": 2}]));
        assert_eq!(failed.failure().map(|failure| (failure.line, failure.message)), Some((2, "x")));
    }

    #[test]
    fn searches() {
        let log = log(&["Ready, ready", "\u{1b}[31mre\u{1b}[0mady", "straße STRASSE İ", "aaa"]);
        let lines = |needle: &str| log.search(needle).hits.iter().map(|hit| hit.line).collect::<Vec<_>>();
        for (needle, expected) in [
            ("READY", vec![0, 0, 1]),
            ("", vec![]),
            ("nothing", vec![]),
            ("aa", vec![3]),
            ("SSE", vec![2]),
            ("ße", vec![2]),
            ("İ", vec![2]),
            // No line is searched across its end.
            ("ready\nready", vec![]),
        ] {
            assert_eq!(lines(needle), expected, "{needle}");
        }
        let hits = log.search("ready");
        assert_eq!(shown(&log.line_with(0, &hits)), "[!|Ready][|, ][!|ready]");
        assert_eq!(shown(&log.line_with(1, &hits)), "[c bad!|re][!|ady]");
        assert_eq!(hits.hits[1].line, 0);
        assert_eq!(log.line_with(1, &hits).spans[1].hit, Some(2));
    }

    #[test]
    fn hits_and_long_lines_are_bounded() {
        let log = log(&[&"e".repeat(MOST_HITS + 1), &"ä".repeat(MOST_SHOWN)]);
        let hits = log.search("E");
        assert_eq!((hits.hits.len(), hits.more), (MOST_HITS, true));
        let line = log.line(1);
        assert_eq!((line.spans[0].text.len(), line.cut), (MOST_SHOWN, MOST_SHOWN));
        assert_eq!(log.line_with(0, &hits).spans.len(), MOST_SHOWN);
    }
}
