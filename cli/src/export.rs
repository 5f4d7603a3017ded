//! A store as a file: a line of JSON for each document.
//!
//! ```text
//! {"ref":"@/environment/prod","document":{"body":{…},"body_type":"sdk.Environment","kind":"ref"}}
//! {"ref":"+/custom/broken","base64":"eyJoYWxm"}
//! {"side":"state","path":"a//b","base64":"…"}
//! ```
//!
//! A document is the envelope as it is stored. What is no document is kept as its bytes; what lies at
//! a path that is no ref is named by the store and by the path below `refs/`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocuroot_core::envelope::Document;
use ocuroot_core::{Marker as Side, Ref};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::Files;

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    State,
    Intent,
}

/// The line of a document that lies at `path` below `refs/`.
#[must_use]
pub fn line(side: Side, path: &str, bytes: &[u8]) -> String {
    let spelled = path.parse().ok().map(|reference: Ref| match side {
        Side::State => reference,
        Side::Intent => reference.to_intent(),
    });
    let mut line = match spelled.filter(|reference| place(reference) == (side, path.to_owned())) {
        Some(reference) => Line { reference: Some(reference.to_string()), ..Line::default() },
        None => {
            let side = if side == Side::State { Name::State } else { Name::Intent };
            Line { side: Some(side), path: Some(path.to_owned()), ..Line::default() }
        }
    };
    let document = Document::parse(bytes).ok().map(|document| document.to_text());
    match document.and_then(|text| serde_json::from_str(&text).ok()) {
        Some(document) => line.document = Some(document),
        None => line.base64 = Some(STANDARD.encode(bytes)),
    }
    // Strings and JSON always serialise.
    serde_json::to_string(&line).unwrap_or_default()
}

/// The documents of a file.
///
/// # Errors
/// The number of a line that is none of an export, and why.
pub fn parse(bytes: &[u8]) -> Result<Files, (usize, String)> {
    let mut files = Files::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let (at, content) = parse_line(line).map_err(|problem| (number, problem))?;
        if let Some(path) = files.insert(at.clone(), content).map(|_| at.1) {
            return Err((number, format!("{path} is in this file twice")));
        }
    }
    Ok(files)
}

fn parse_line(line: &[u8]) -> Result<((Side, String), Vec<u8>), String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| {
        let error = error.to_string();
        // The line that it speaks of is always the first.
        format!(
            "not a line of an export ({})",
            error.replace("struct Line", "an object").replace("at line 1 column", "at column")
        )
    })?;
    let at = match (line.reference, line.side, line.path) {
        (Some(reference), None, None) => {
            let reference: Ref = reference.parse().map_err(|error| format!("{error}"))?;
            if reference.fragment().is_some() {
                return Err(format!("{reference} names a field, not a document"));
            }
            place(&reference)
        }
        (None, Some(side), Some(path)) => match side {
            Name::State => (Side::State, path),
            Name::Intent => (Side::Intent, path),
        },
        _ => return Err("it needs `ref`, or `side` and `path`".to_owned()),
    };
    let fits = |segment: &str| {
        !matches!(segment, "" | "." | ".." | "@object.json" | ".ocuroot-new")
            && segment.len() <= Ref::MAX_SEGMENT_LEN
            && !segment.contains(['\0', '\\'])
    };
    if !at.1.is_empty() && !at.1.split('/').all(fits) {
        return Err(format!("{:?} is no place for a document", at.1));
    }
    let content = match (line.document, line.base64) {
        (Some(document), None) => {
            let document =
                Document::parse(document.to_string().as_bytes()).map_err(|error| error.to_string())?;
            document.to_text().into_bytes()
        }
        (None, Some(text)) => STANDARD.decode(text).map_err(|error| format!("`base64` is none: {error}"))?,
        _ => return Err("it needs `document`, or `base64`".to_owned()),
    };
    Ok((at, content))
}

/// Where a document lies: in which store, and at which path below `refs/`.
fn place(reference: &Ref) -> (Side, String) {
    (reference.marker().unwrap_or(Side::State), reference.to_state().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let document =
            b"{\n  \"kind\": \"ref\",\n  \"body_type\": \"x\",\n  \"body\": 12345678901234567890.50\n}";
        for (side, path, bytes, expected) in [
            (
                Side::State,
                "a/-/p/@r1",
                document.as_slice(),
                r#"{"ref":"a/-/p/@r1","document":{"body":12345678901234567890.50,"body_type":"x","kind":"ref"}}"#,
            ),
            (
                Side::Intent,
                "@/custom/x",
                br#"{"kind":"link","body":"@/custom/y"}"#,
                r#"{"ref":"+/custom/x","document":{"body":"@/custom/y","kind":"link"}}"#,
            ),
            (Side::Intent, "@/custom/x", b"\xff{half", r#"{"ref":"+/custom/x","base64":"/3toYWxm"}"#),
            (Side::State, "a/-/p/call", b"[]", r#"{"ref":"a/-/p/call","base64":"W10="}"#),
            (Side::State, "p/@/call/b", b"", r#"{"side":"state","path":"p/@/call/b","base64":""}"#),
            (Side::Intent, "repo/-", b"", r#"{"side":"intent","path":"repo/-","base64":""}"#),
            (Side::State, "", b"", r#"{"ref":"","base64":""}"#),
        ] {
            let written = line(side, path, bytes);
            assert_eq!(written, expected);
            let read = parse(written.as_bytes()).unwrap();
            let (at, content) = read.iter().next().unwrap();
            assert_eq!(at, &(side, path.to_owned()));
            assert_eq!(line(side, path, content), written);
        }
    }

    #[test]
    fn a_line_that_is_none_says_where_and_why() {
        let good = r#"{"ref":"@/custom/a","base64":""}"#;
        for (line, needle) in [
            ("{", "not a line of an export (EOF while parsing an object at column"),
            ("[]", "not a line of an export"),
            (r#"{"ref":"@/custom/b"}"#, "it needs `document`, or `base64`"),
            (r#"{"base64":""}"#, "it needs `ref`, or `side` and `path`"),
            (r#"{"ref":"x","path":"x","base64":""}"#, "it needs `ref`, or `side` and `path`"),
            (r#"{"ref":"a//b","base64":""}"#, "a segment is empty"),
            (r#"{"ref":"@/custom/a#b","base64":""}"#, "names a field"),
            (r#"{"ref":"./-/p/@","base64":""}"#, "is no place for a document"),
            (r#"{"side":"state","path":"a/../../b","base64":""}"#, "is no place for a document"),
            (r#"{"side":"state","path":"/a","base64":""}"#, "is no place for a document"),
            (r#"{"side":"other","path":"a","base64":""}"#, "unknown variant `other`"),
            (r#"{"ref":"@/custom/b","base64":"!"}"#, "`base64` is none"),
            (r#"{"ref":"@/custom/b","document":{"kind":"x"}}"#, "unknown kind of document"),
            (r#"{"ref":"@/custom/b","base64":"","more":1}"#, "unknown field `more`"),
            (good, "@/custom/a is in this file twice"),
        ] {
            let (number, problem) = parse(format!("{good}\n\n{line}\n").as_bytes()).unwrap_err();
            assert_eq!(number, 3, "{line}");
            assert!(problem.contains(needle), "{line}: {problem}");
        }
    }
}
