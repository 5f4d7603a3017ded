//! A log document on its way to lines, in steps.
//!
//! A document of ten megabytes takes a browser longer to read than it may be busy. So it is read entry by
//! entry, straight from its bytes into what [`Log`] keeps: no tree of values is made, and between two
//! steps the page can do something else.
//!
//! ```
//! use ocuroot_core::screens::log::Parse;
//!
//! let file = br#"{"kind": "ref", "body": [{"message": "one"}, {"message": "two"}, {"message": "three"}]}"#;
//! let mut parse = Parse::new(file.as_slice().into());
//! assert!(parse.step(2).is_none(), "there is more");
//! assert_eq!(parse.step(100).unwrap().text(), "one\ntwo\nthree\n");
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::Log;
use super::ansi::Painter;

/// A log that is read. See the [module's page](self).
pub struct Parse {
    bytes: Arc<[u8]>,
    /// What is read so far, in bytes.
    at: usize,
    place: Place,
    /// Whether the document is one with a body: another has no lines.
    is_body: bool,
    log: Log,
    painter: Painter,
}

impl std::fmt::Debug for Parse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parse").field("at", &self.at).field("lines", &self.log.len()).finish_non_exhaustive()
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The document begins.
    Start,
    /// A field of it, or its end.
    Field,
    /// An entry of its body, or the end of that.
    Entry,
    /// Nothing.
    End,
}

/// An entry as it mostly is; [`crate::documents::Log`] with what is shown of it.
#[derive(Deserialize)]
struct Entry<'b> {
    #[serde(borrow, default)]
    timestamp: Cow<'b, str>,
    #[serde(borrow, default)]
    message: Cow<'b, str>,
    #[serde(default)]
    stream: u64,
}

impl Parse {
    /// Begins to read a document.
    #[must_use]
    pub fn new(bytes: Arc<[u8]>) -> Parse {
        // About half of a document is what was printed.
        let log = Log { text: String::with_capacity(bytes.len() / 2), ..Log::default() };
        Parse { bytes, at: 0, place: Place::Start, is_body: false, log, painter: Painter::default() }
    }

    /// Reads up to so many entries more. The log, once it is whole; a document that is none, and one whose
    /// body is of another shape, has no lines.
    pub fn step(&mut self, entries: usize) -> Option<Log> {
        let mut left = entries.max(1);
        while left > 0 {
            left -= usize::from(self.place == Place::Entry);
            match self.next() {
                Some(Place::End) if self.is_body => return Some(std::mem::take(&mut self.log)),
                Some(Place::End) | None => {
                    self.place = Place::End;
                    return Some(Log::default());
                }
                Some(place) => self.place = place,
            }
        }
        None
    }

    /// What comes after the next entry or field; none where the document makes no sense.
    fn next(&mut self) -> Option<Place> {
        let place = self.place;
        match place {
            Place::Start => self.take(b'{').then_some(Place::Field),
            Place::Field if self.take(b'}') => {
                self.blanks();
                (self.at == self.bytes.len()).then_some(Place::End)
            }
            Place::Field => {
                let name: String = self.value()?;
                if !self.take(b':') {
                    return None;
                }
                match name.as_str() {
                    "kind" => self.is_body = self.value::<Cow<'_, str>>()? == "ref",
                    "body" if self.take(b'[') => return Some(Place::Entry),
                    _ => drop(self.value::<IgnoredAny>()?),
                }
                self.comma(b'}').then_some(Place::Field)
            }
            Place::Entry if self.take(b']') => self.comma(b'}').then_some(Place::Field),
            Place::Entry => {
                self.entry()?;
                self.comma(b']').then_some(Place::Entry)
            }
            Place::End => None,
        }
    }

    fn entry(&mut self) -> Option<()> {
        let Parse { bytes, at, log, painter, .. } = self;
        if let Some((Entry { timestamp, message, stream }, length)) = plain(bytes.get(*at..)?) {
            *at += length;
            log.push(&timestamp, &message, stream, painter);
            return Some(());
        }
        if let Some(Entry { timestamp, message, stream }) = read(bytes, at) {
            log.push(&timestamp, &message, stream, painter);
            return Some(());
        }
        // Of another shape, but it may have something to say.
        let entry: Value = read(bytes, at)?;
        let of = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let stream = entry.get("stream").and_then(Value::as_u64).unwrap_or_default();
        log.push(of("timestamp"), of("message"), stream, painter);
        Some(())
    }

    fn blanks(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
    }

    /// Goes past `byte`, if that is what comes.
    fn take(&mut self, byte: u8) -> bool {
        self.blanks();
        let is = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is);
        is
    }

    /// Goes past a comma; whether there was one, or nothing more comes before `end`.
    fn comma(&mut self, end: u8) -> bool {
        self.take(b',') || self.bytes.get(self.at) == Some(&end)
    }

    fn value<'b, T: Deserialize<'b>>(&'b mut self) -> Option<T> {
        read(&self.bytes, &mut self.at)
    }
}

/// The entry that `bytes` begin with, and its length, where it is written as our own are: without blanks, and
/// without escapes in its texts. That is most of them, and a parser of all JSON takes three times as long. None
/// for any other, and for what is none.
fn plain(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    let mut rest = bytes.strip_prefix(b"{")?;
    let (mut timestamp, mut message, mut stream) = (None, None, None);
    loop {
        let name = text(&mut rest)?;
        rest = rest.strip_prefix(b":")?;
        let known = match name {
            "timestamp" => timestamp.replace(text(&mut rest)?).is_some(),
            "message" => message.replace(text(&mut rest)?).is_some(),
            "stream" => {
                let (digit @ b'0'..=b'9', after) = rest.split_first()? else { return None };
                rest = after;
                stream.replace(u64::from(digit - b'0')).is_some()
            }
            _ => {
                rest = rest.strip_prefix(b"null")?;
                false
            }
        };
        // Twice the same is not for us to judge.
        if known {
            return None;
        }
        match rest.split_first()? {
            (b',', after) => rest = after,
            (b'}', after) => {
                let entry = Entry {
                    timestamp: timestamp.unwrap_or_default().into(),
                    message: message.unwrap_or_default().into(),
                    stream: stream.unwrap_or_default(),
                };
                return Some((entry, bytes.len() - after.len()));
            }
            _ => return None,
        }
    }
}

/// The text that `rest` begins with, which goes past it.
fn text<'b>(rest: &mut &'b [u8]) -> Option<&'b str> {
    let bytes = rest.strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', bytes)?;
    let (text, after) = bytes.split_at_checked(end)?;
    *rest = after.strip_prefix(b"\"")?;
    // Control characters may not stand in it as such.
    let text = std::str::from_utf8(text).ok()?;
    (!text.bytes().any(|byte| byte < b' ')).then_some(text)
}

/// The value that begins at `at`, which goes past it. None where there is none of that shape.
fn read<'b, T: Deserialize<'b>>(bytes: &'b [u8], at: &mut usize) -> Option<T> {
    let mut values = serde_json::Deserializer::from_slice(bytes.get(*at..)?).into_iter::<T>();
    let value = values.next()?.ok()?;
    *at += values.byte_offset();
    Some(value)
}
