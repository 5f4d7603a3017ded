//! The envelope that every document is stored in, and how it is written.
//!
//! ```
//! use ocuroot_core::envelope::{Content, Document};
//!
//! let text = r#"{"kind":"link","body":"shop/-/web.ocu.star/@r4"}"#;
//! let link = Document::parse(text.as_bytes())?;
//! assert!(matches!(link.content, Content::Link(ref target) if target.as_str() == "shop/-/web.ocu.star/@r4"));
//! assert_eq!(link.to_text(), "{\n  \"kind\": \"link\",\n  \"body\": \"shop/-/web.ocu.star/@r4\"\n}");
//! # Ok::<(), ocuroot_core::envelope::EnvelopeError>(())
//! ```

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha1::{Digest, Sha1};

use crate::refs::Ref;

/// A document: its content, and the links that point at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Refs of the link documents whose target this is, as they were written.
    pub links: Vec<String>,
    /// A body, or a link to another document.
    pub content: Content,
    /// Envelope fields that this version does not know, kept as they are.
    pub extra: Map<String, Value>,
}

/// What a document holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A body of its own.
    Body {
        /// A hint for readers; see [`crate::documents::body_type`].
        body_type: String,
        /// Any JSON.
        body: Value,
    },
    /// Another document's ref: this one stands for it.
    Link(Ref),
}

/// Why a file is not a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, or not an object with the fields of an envelope.
    #[error("not a document: {0}")]
    Json(String),
    /// `kind` is neither `ref` nor `link`.
    #[error("unknown kind of document {0:?}: expected \"ref\" or \"link\"")]
    Kind(String),
    /// A link whose body is not a ref.
    #[error("a link whose target is not a ref: {0}")]
    Target(String),
}

/// What does not fit, without the names of types of this program.
fn in_words(error: &serde_json::Error) -> String {
    error.to_string().replace("struct Envelope", "an object")
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    links: Option<Vec<String>>,
    #[serde(default)]
    body: Value,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl Document {
    /// A document with `body`, which must serialise to JSON; `body_type` as in
    /// [`crate::documents::body_type`].
    ///
    /// A body of the types in [`crate::documents`] always serialises; any other that does not
    /// (a map with keys that are no strings) becomes null.
    pub fn new(body_type: &str, body: &impl Serialize) -> Document {
        Document {
            links: Vec::new(),
            content: Content::Body {
                body_type: body_type.to_owned(),
                body: serde_json::to_value(body).unwrap_or(Value::Null),
            },
            extra: Map::new(),
        }
    }

    /// A link to `target`.
    #[must_use]
    pub fn link(target: &Ref) -> Document {
        Document { links: Vec::new(), content: Content::Link(target.clone()), extra: Map::new() }
    }

    /// Reads the bytes of an `@object.json`.
    ///
    /// # Errors
    /// When they are not an envelope.
    pub fn parse(bytes: &[u8]) -> Result<Document, EnvelopeError> {
        let mut envelope: Envelope =
            serde_json::from_slice(bytes).map_err(|error| EnvelopeError::Json(in_words(&error)))?;
        // Traces of where a document was written, from very old tools. They mean nothing to anyone.
        envelope.extra.remove("create_stack");
        envelope.extra.remove("set_stack");
        let content = match envelope.kind.as_str() {
            "ref" => Content::Body { body_type: envelope.body_type, body: envelope.body },
            "link" => {
                let text =
                    envelope.body.as_str().ok_or_else(|| EnvelopeError::Target(envelope.body.to_string()))?;
                Content::Link(text.parse().map_err(|error| EnvelopeError::Target(format!("{error}")))?)
            }
            _ => return Err(EnvelopeError::Kind(envelope.kind)),
        };
        Ok(Document { links: envelope.links.unwrap_or_default(), content, extra: envelope.extra })
    }

    /// The text to store: two-space indentation, fixed key order, sorted keys in the body, no
    /// newline at the end.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (kind, body_type, body) = match &self.content {
            Content::Body { body_type, body } => ("ref", body_type.clone(), body.clone()),
            Content::Link(target) => ("link", String::new(), Value::String(target.to_string())),
        };
        let envelope = Envelope {
            kind: kind.to_owned(),
            body_type,
            links: (!self.links.is_empty()).then(|| self.links.clone()),
            body,
            extra: self.extra.clone(),
        };
        // An envelope has string keys only, so there is nothing that can fail.
        serde_json::to_string_pretty(&envelope).unwrap_or_default()
    }

    /// The body, unless this is a link.
    #[must_use]
    pub fn body(&self) -> Option<&Value> {
        match &self.content {
            Content::Body { body, .. } => Some(body),
            Content::Link(_) => None,
        }
    }

    /// The target, if this is a link.
    #[must_use]
    pub fn target(&self) -> Option<&Ref> {
        match &self.content {
            Content::Link(target) => Some(target),
            Content::Body { .. } => None,
        }
    }

    /// The body as `T`; none for a link, and for a body of another shape.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(self.body()?).ok()
    }
}

/// The id that git gives to these bytes as a blob: SHA-1 over a header and the bytes.
///
/// Every kind of store uses it to tell whether a document is still as it was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub [u8; 20]);

impl BlobId {
    /// The id of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> BlobId {
        let mut hash = Sha1::new();
        hash.update(format!("blob {}\0", bytes.len()));
        hash.update(bytes);
        BlobId(hash.finalize().into())
    }
}

impl std::fmt::Display for BlobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for BlobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlobId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_is_written_the_same() {
        let cases = [
            r#"{
  "kind": "ref",
  "body_type": "models.Marker",
  "links": [
    "a/-/p/@"
  ],
  "body": {
    "time": "2025-09-29T15:26:40.05Z"
  }
}"#,
            "{\n  \"kind\": \"link\",\n  \"body\": \"a/-/p/@r1\"\n}",
            "{\n  \"kind\": \"ref\",\n  \"body_type\": \"float64\",\n  \"body\": 12345678901234567890123.50\n}",
            "{\n  \"kind\": \"ref\",\n  \"body_type\": \"[]sdk.Log\",\n  \"body\": null\n}",
            "{\n  \"kind\": \"ref\",\n  \"body_type\": \"x\",\n  \"body\": 1,\n  \"later\": true\n}",
        ];
        for case in cases {
            assert_eq!(Document::parse(case.as_bytes()).unwrap().to_text(), case);
        }
    }

    #[test]
    fn body_keys_are_sorted_and_stacks_are_dropped() {
        let document = Document::parse(
            br#"{"create_stack":["x"],"body":{"b":1,"a":{"d":1,"c":2}},"kind":"ref","links":null}"#,
        )
        .unwrap();
        assert_eq!(
            document.to_text(),
            "{\n  \"kind\": \"ref\",\n  \"body\": {\n    \"a\": {\n      \"c\": 2,\n      \"d\": 1\n    },\n    \"b\": 1\n  }\n}"
        );
    }

    #[test]
    fn what_is_no_document_says_why() {
        for (text, needle) in [
            ("{", "not a document"),
            ("[]", "not a document"),
            (r#"{"kind":"thing","body":1}"#, "unknown kind of document \"thing\""),
            (r#"{"kind":"link","body":5}"#, "target is not a ref: 5"),
            (r#"{"kind":"link","body":"a//b"}"#, "target is not a ref"),
        ] {
            let error = Document::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(needle), "{text}: {error}");
        }
    }

    #[test]
    fn a_blob_id_is_the_one_git_computes() {
        // `printf hello | git hash-object --stdin`
        assert_eq!(BlobId::of(b"hello").to_string(), "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
    }
}
