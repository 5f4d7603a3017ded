//! What a screen says in words, with the refs in it told apart.

use serde::Serialize;

use crate::refs::Ref;

/// A part of a [`Sentence`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
}

/// Parts that make a sentence, or a piece of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
    pub fn and(mut self, next: Sentence) -> Sentence {
        for part in next.parts {
            match part {
                Part::Text(text) => self = self.and_text(&text),
                other @ Part::Ref { .. } => self.parts.push(other),
            }
        }
        self
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

impl std::fmt::Display for Sentence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) | Part::Ref { label: text, .. } => f.write_str(text),
        })
    }
}
