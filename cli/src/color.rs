//! Whether output is coloured, and how.

use std::io::IsTerminal;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR or CI say otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The decision, for stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    color: bool,
    live: bool,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Nothing special.
    Plain,
    /// A heading.
    Bold,
    /// Less important.
    Dim,
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
}

impl Color {
    /// Decides for stderr as it is. `CI` and `TERM=dumb` turn live progress off; `NO_COLOR` turns
    /// colours off.
    #[must_use]
    pub fn decide(when: When) -> Color {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let terminal = std::io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = match when {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !dumb && !set("NO_COLOR") && !set("CI"),
        };
        Color { color, live: terminal && !dumb && !set("CI") }
    }

    /// Whether progress may move.
    #[must_use]
    pub fn live(self) -> bool {
        self.live
    }

    /// Whether there are colours at all.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.color
    }

    /// `text` in a style.
    #[must_use]
    pub fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            _ if !self.color => return text.to_owned(),
            Style::Plain => return text.to_owned(),
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Bad => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
