//! What people read: text, with the refs and the commands in it told apart.
//!
//! A terminal prints a sentence as it is, a page makes a link of each ref and something to copy of each
//! command.
//!
//! ```
//! use ocuroot_core::why::Sentence;
//!
//! let approve = "shop/-/web.ocu.star/@r4/custom/approve".parse()?;
//! let sentence = Sentence::text("waits for ").and(Sentence::reference(&approve, "approve"));
//! assert_eq!(sentence.to_string(), "waits for approve");
//! assert_eq!(
//!     serde_json::to_value(&sentence).unwrap(),
//!     serde_json::json!(["waits for ", {"ref": "shop/-/web.ocu.star/@r4/custom/approve", "label": "approve"}]),
//! );
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::refs::Ref;

/// A part of a [`Sentence`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// Plain words.
    Text(String),
    /// Something that has a page of its own.
    Ref {
        /// Which.
        #[serde(rename = "ref")]
        reference: Ref,
        /// What it is called here.
        label: String,
    },
    /// A command line, to be copied.
    Command {
        /// As it is typed.
        command: String,
    },
}

/// Parts that make a sentence, or a piece of one; no two texts side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sentence {
    parts: Vec<Part>,
}

impl Sentence {
    /// Plain words.
    #[must_use]
    pub fn text(text: &str) -> Sentence {
        Sentence::default().and_text(text)
    }

    /// A ref, and what it is called here.
    #[must_use]
    pub fn reference(reference: &Ref, label: &str) -> Sentence {
        Sentence { parts: vec![Part::Ref { reference: reference.clone(), label: label.to_owned() }] }
    }

    /// A command line.
    #[must_use]
    pub fn command(command: &str) -> Sentence {
        Sentence { parts: vec![Part::Command { command: command.to_owned() }] }
    }

    /// This, and then `text`.
    #[must_use]
    pub fn and_text(mut self, text: &str) -> Sentence {
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(last)) => last.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
        self
    }

    /// This, and then `next`.
    #[must_use]
    pub fn and(self, next: Sentence) -> Sentence {
        next.parts.into_iter().fold(self, |mut sentence, part| match part {
            Part::Text(text) => sentence.and_text(&text),
            other => {
                sentence.parts.push(other);
                sentence
            }
        })
    }

    /// Its parts, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) | Part::Ref { label: text, .. } => f.write_str(text),
            Part::Command { command } => write!(f, "`{command}`"),
        })
    }
}
