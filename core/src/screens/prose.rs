//! Sentences with links in them: what a screen says, before anybody draws it.
//!
//! ```
//! use ocuroot_core::screens::prose::{Part, Prose};
//!
//! let mut said = Prose::default();
//! said.text("Waits for ").link(&"@/custom/approve".parse()?, "approve");
//! assert_eq!(said.to_string(), "Waits for approve");
//! assert!(matches!(&said.parts()[1], Part::Link { to, .. } if to.as_str() == "@/custom/approve"));
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use serde::Serialize;

use crate::refs::Ref;

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Part {
    /// Words.
    Text {
        /// As they are.
        text: String,
    },
    /// What the sentence is about, or where.
    Link {
        /// What it leads to.
        to: Ref,
        /// What it says.
        text: String,
        /// Whether this is the sentence's subject.
        strong: bool,
    },
    /// A name out of a file or a store.
    Code {
        /// The name.
        text: String,
    },
    /// A value that is no more, or is to go.
    Old {
        /// The value.
        text: String,
    },
    /// A value that is new.
    New {
        /// The value.
        text: String,
    },
}

/// A sentence, or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Prose(Vec<Part>);

impl Prose {
    /// Its parts, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on with words.
    pub fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.0.push(Part::Text { text: text.into() });
        self
    }

    /// Goes on with a link.
    pub fn link(&mut self, to: &Ref, text: impl Into<String>) -> &mut Self {
        self.0.push(Part::Link { to: to.clone(), text: text.into(), strong: false });
        self
    }

    /// Goes on with what the sentence is about.
    pub fn subject(&mut self, to: &Ref, text: impl Into<String>) -> &mut Self {
        self.0.push(Part::Link { to: to.clone(), text: text.into(), strong: true });
        self
    }

    /// Goes on with a name.
    pub fn code(&mut self, text: impl Into<String>) -> &mut Self {
        self.0.push(Part::Code { text: text.into() });
        self
    }

    /// Goes on with a change of a value: `from … to …`.
    pub fn change(&mut self, from: Option<String>, to: Option<String>) -> &mut Self {
        match (from, to) {
            (Some(from), Some(to)) => {
                self.text(" changed from ");
                self.0.push(Part::Old { text: from });
                self.text(" to ");
                self.0.push(Part::New { text: to });
            }
            (None, Some(to)) => {
                self.text(" is new: ");
                self.0.push(Part::New { text: to });
            }
            (Some(from), None) => {
                self.text(" is gone; it was ");
                self.0.push(Part::Old { text: from });
            }
            (None, None) => {}
        }
        self
    }
}

impl std::fmt::Display for Prose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text { text }
            | Part::Link { text, .. }
            | Part::Code { text }
            | Part::Old { text }
            | Part::New { text } => f.write_str(text),
        })
    }
}
