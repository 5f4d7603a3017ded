//! JSON as lines, with refs told from other text.
//!
//! What fits in one line and holds nothing to follow stays on it, so that a document of a hundred small
//! objects is read, not scrolled.

use serde::Serialize;
use serde_json::Value;

use crate::numbers::thousands;
use crate::refs::Ref;

/// As long is an object or an array that is written in one line, at most.
const SHORT: usize = 64;
/// How many bytes of a document are written; a page with more of them is none that anybody reads.
const MOST: usize = 256 * 1024;
/// How many bytes of one text in it.
pub const LONG: usize = 4_000;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// How deep it is indented, in steps.
    pub depth: usize,
    /// What stands on it.
    pub tokens: Vec<Token>,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Token {
    /// A key, with its quotes and colon.
    Key {
        /// As it is written.
        text: String,
    },
    /// Brackets, commas, and values that lead nowhere.
    Plain {
        /// As it is written.
        text: String,
    },
    /// A ref, without its quotes.
    Ref {
        /// As it is written.
        text: String,
    },
    /// A glob of refs, without its quotes.
    Glob {
        /// As it is written.
        text: String,
    },
}

impl Line {
    fn text(&self) -> String {
        let tokens = self.tokens.iter().map(|token| match token {
            Token::Key { text } | Token::Plain { text } | Token::Ref { text } | Token::Glob { text } => {
                text.as_str()
            }
        });
        tokens.collect()
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", "  ".repeat(self.depth), self.text())
    }
}

/// A value as lines, the first of them if it is very large; and whether that is all of it.
#[must_use]
pub fn lines(value: &Value) -> (Vec<Line>, bool) {
    let mut writer = Writer { lines: Vec::new(), depth: 0, line: Vec::new(), room: MOST, whole: true };
    writer.value(value);
    writer.end_line();
    (writer.lines, writer.whole)
}

/// The beginning of a text, if it is long, and how much is left out, in words; empty if that is nothing.
#[must_use]
pub fn beginning(text: &str) -> (&str, String) {
    let end = if text.len() > LONG { text.floor_char_boundary(LONG) } else { text.len() };
    let cut = text.len() - end;
    let more = if cut > 0 { format!(" … {} more bytes", thousands(cut)) } else { String::new() };
    (text.get(..end).unwrap_or(text), more)
}

struct Writer {
    lines: Vec<Line>,
    depth: usize,
    line: Vec<Token>,
    /// So many bytes more are written.
    room: usize,
    whole: bool,
}

impl Writer {
    /// Whether there is room for more; what has none is left out.
    fn has_room(&mut self) -> bool {
        self.whole &= self.room > 0;
        self.room > 0
    }

    /// A text in quotes, the beginning of it if it is long.
    fn text(&mut self, text: &str) -> String {
        let (shown, more) = beginning(text);
        self.whole &= more.is_empty();
        format!("{}{more}", Value::from(shown))
    }

    fn end_line(&mut self) {
        let tokens = std::mem::take(&mut self.line);
        self.lines.push(Line { depth: self.depth, tokens });
    }

    fn plain(&mut self, text: &str) {
        self.room = self.room.saturating_sub(text.len());
        match self.line.last_mut() {
            Some(Token::Plain { text: last }) => last.push_str(text),
            _ => self.line.push(Token::Plain { text: text.to_owned() }),
        }
    }

    fn key(&mut self, key: &str) {
        let text = format!("{}:", self.text(key));
        self.room = self.room.saturating_sub(text.len());
        self.line.push(Token::Key { text });
        self.plain(" ");
    }

    fn value(&mut self, value: &Value) {
        let short = is_short(value);
        match value {
            Value::Array(items) if !items.is_empty() && !short => {
                self.open("[");
                for (index, item) in items.iter().enumerate() {
                    if !self.has_room() {
                        self.line_of("…");
                        break;
                    }
                    self.value(item);
                    self.next(index + 1 < items.len());
                }
                self.close("]");
            }
            Value::Object(fields) if !fields.is_empty() && !short => {
                self.open("{");
                for (index, (key, value)) in fields.iter().enumerate() {
                    if !self.has_room() {
                        self.line_of("…");
                        break;
                    }
                    self.key(key);
                    self.value(value);
                    self.next(index + 1 < fields.len());
                }
                self.close("}");
            }
            Value::Array(items) if !items.is_empty() => {
                self.plain("[");
                for (index, item) in items.iter().enumerate() {
                    self.plain(if index == 0 { "" } else { ", " });
                    self.value(item);
                }
                self.plain("]");
            }
            Value::Object(fields) if !fields.is_empty() => {
                for (index, (key, value)) in fields.iter().enumerate() {
                    self.plain(if index == 0 { "{ " } else { ", " });
                    self.key(key);
                    self.value(value);
                }
                self.plain(" }");
            }
            Value::String(text) => match leads_to(text) {
                Some(token) => {
                    self.room = self.room.saturating_sub(text.len());
                    self.plain("\"");
                    self.line.push(token);
                    self.plain("\"");
                }
                None => {
                    let text = self.text(text);
                    self.plain(&text);
                }
            },
            value => self.plain(&value.to_string()),
        }
    }

    fn open(&mut self, bracket: &str) {
        self.plain(bracket);
        self.end_line();
        self.depth += 1;
    }

    fn line_of(&mut self, text: &str) {
        self.plain(text);
        self.end_line();
    }

    fn next(&mut self, more: bool) {
        if more {
            self.plain(",");
        }
        self.end_line();
    }

    fn close(&mut self, bracket: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.plain(bracket);
    }
}

/// Whether a value is written in one line: it is short, and nothing in it leads anywhere.
fn is_short(value: &Value) -> bool {
    fn leads(value: &Value) -> bool {
        match value {
            Value::String(text) => leads_to(text).is_some(),
            Value::Array(items) => items.iter().any(leads),
            Value::Object(fields) => fields.values().any(leads),
            _ => false,
        }
    }
    // Whatever has many items is long; so nothing is written out just to be measured.
    let brief = |value: &Value| value.as_str().is_none_or(|text| text.len() <= SHORT);
    let few = match value {
        Value::Array(items) => {
            items.len() < SHORT / 2 && items.iter().all(|item| brief(item) && !is_deep(item))
        }
        Value::Object(fields) => {
            fields.len() < 5
                && fields.iter().all(|(key, value)| key.len() <= SHORT && brief(value) && !is_deep(value))
        }
        value => brief(value),
    };
    few && value.to_string().len() <= SHORT && !leads(value)
}

fn is_deep(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| item.is_array() || item.is_object()),
        Value::Object(fields) => fields.values().any(|item| item.is_array() || item.is_object()),
        _ => false,
    }
}

/// What a text leads to: a ref says of which release, and whatever else it may look like is text.
fn leads_to(text: &str) -> Option<Token> {
    let marked = text.contains("/@") || text.contains("/+") || text.starts_with(['@', '+']);
    if !marked || text.len() > LONG || text.contains(char::is_whitespace) {
        return None;
    }
    let reference = text.parse::<Ref>().ok().filter(|reference| reference.release().is_some())?;
    let named = reference.kind().is_some() || !reference.is_global();
    let text = text.to_owned();
    let glob = text.contains(['*', '?', '[', '{']);
    named.then_some(if glob { Token::Glob { text } } else { Token::Ref { text } })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_line_by_line() {
        let value = json!({
            "kind": "ref",
            "body": {
                "fn": {"name": "_up", "pos": "release.ocu.star:41:1"},
                "dependencies": ["s/-/p/@r1/deploy/dev/*/status/complete"],
                "release": "s/-/p/@r1",
                "empty": {}, "none": [], "list": [1, 2],
                "who": "me@x.org", "text": "at @ home /@", "plus": "+1",
            },
        });
        let shown: Vec<String> = lines(&value).0.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                r#"{"#,
                r#"  "body": {"#,
                r#"    "dependencies": ["#,
                r#"      "s/-/p/@r1/deploy/dev/*/status/complete""#,
                r#"    ],"#,
                r#"    "empty": {},"#,
                r#"    "fn": { "name": "_up", "pos": "release.ocu.star:41:1" },"#,
                r#"    "list": [1, 2],"#,
                r#"    "none": [],"#,
                r#"    "plus": "+1","#,
                r#"    "release": "s/-/p/@r1","#,
                r#"    "text": "at @ home /@","#,
                r#"    "who": "me@x.org""#,
                r#"  },"#,
                r#"  "kind": "ref""#,
                r#"}"#,
            ]
        );
        let tokens: Vec<Token> = lines(&value).0.into_iter().flat_map(|line| line.tokens).collect();
        let leads: Vec<&Token> =
            tokens.iter().filter(|token| matches!(token, Token::Ref { .. } | Token::Glob { .. })).collect();
        assert_eq!(
            leads,
            [
                &Token::Glob { text: "s/-/p/@r1/deploy/dev/*/status/complete".into() },
                &Token::Ref { text: "s/-/p/@r1".into() },
            ]
        );
    }

    #[test]
    fn lines_are_the_value_again() {
        let value = json!({"a": [{"b": [[], {}, null, "x\ny\"", 1.5]}, "q".repeat(80)], "long key \"": true});
        let (lines, whole) = lines(&value);
        assert!(whole);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn of_what_is_very_large_the_beginning_is_written() {
        let text = "ü".repeat(LONG);
        let (shown, whole) = lines(&json!({"a": text, "b": 1}));
        assert!(!whole);
        assert_eq!(shown.len(), 4);
        let line = shown[1].to_string();
        assert!(line.len() < LONG + 50 && line.ends_with("ü\" … 4,000 more bytes,"), "{line}");
        assert_eq!(shown[2].to_string(), r#"  "b": 1"#);
        let log =
            json!({"body": vec![json!({"message": "one of many lines of a log"}); 100_000], "kind": "ref"});
        let (shown, whole) = lines(&log);
        assert!(!whole);
        let bytes: usize = shown.iter().map(|line| line.to_string().len()).sum();
        assert!((MOST..2 * MOST).contains(&bytes), "{bytes}");
        let end: Vec<String> = shown.iter().rev().take(4).rev().map(ToString::to_string).collect();
        assert_eq!(end, ["    …", "  ],", "  …", "}"], "what is left out is seen");
    }
}
