//! What a terminal would show of a line, and in which colours.
//!
//! Of the escape sequences of ECMA-48 only "select graphic rendition" (`ESC [ … m`) means something
//! here. A style goes on in the next line of the same stream, as it does on a terminal, and lines of
//! other streams in between do not take it up.

/// A colour of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Red.
    Bad,
    /// Yellow.
    Warn,
    /// Green.
    Good,
    /// Blue and cyan.
    Accent,
    /// Magenta.
    Second,
    /// Black, grey, and what is dim.
    Dim,
}

/// How text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Its colour; none for the usual one.
    pub ink: Option<Ink>,
    /// Whether it is bold.
    pub bold: bool,
}

impl Style {
    /// The page's classes for it; empty for none.
    #[must_use]
    pub fn class(self) -> &'static str {
        match (self.ink, self.bold) {
            (None, false) => "",
            (None, true) => "b",
            (Some(Ink::Bad), false) => "c bad",
            (Some(Ink::Bad), true) => "c bad b",
            (Some(Ink::Warn), false) => "c warn",
            (Some(Ink::Warn), true) => "c warn b",
            (Some(Ink::Good), false) => "c ok",
            (Some(Ink::Good), true) => "c ok b",
            (Some(Ink::Accent), false) => "c you",
            (Some(Ink::Accent), true) => "c you b",
            (Some(Ink::Second), false) => "c off",
            (Some(Ink::Second), true) => "c off b",
            (Some(Ink::Dim), false) => "dim",
            (Some(Ink::Dim), true) => "dim b",
        }
    }
}

/// Goes through the lines of a log.
#[derive(Default)]
pub(super) struct Painter {
    /// The style that each stream is in: print, stdout, stderr.
    streams: [Style; 3],
    /// The style of the text so far.
    current: Style,
}

/// How far a tab goes.
const TAB: usize = 8;

impl Painter {
    /// Writes what is visible of `line` to `text`, and where its style changes to `styles`.
    pub(super) fn paint(
        &mut self,
        line: &str,
        stream: u64,
        text: &mut String,
        styles: &mut Vec<(u32, Style)>,
    ) {
        let stream = usize::try_from(stream).unwrap_or(0).min(2);
        let mut style = self.streams.get(stream).copied().unwrap_or_default();
        let start = text.len();
        // A return at the end belongs to the newline.
        let mut rest = line.trim_end_matches('\r');
        self.to(style, text, styles);
        while let Some(at) = special(rest) {
            let (plain, special) = rest.split_at(at);
            text.push_str(plain);
            let mut chars = special.chars();
            let c = chars.next().unwrap_or_default();
            rest = chars.as_str();
            match c {
                '\u{1b}' => {
                    let (after, rendition) = escape(rest);
                    rest = after;
                    if let Some(rendition) = rendition {
                        style = select(style, rendition);
                        self.to(style, text, styles);
                    }
                }
                '\t' => {
                    let column = text.get(start..).unwrap_or_default().chars().count();
                    text.extend(std::iter::repeat_n(' ', TAB - column % TAB));
                }
                '\r' => {
                    text.truncate(start);
                    while styles.last().is_some_and(|(at, _)| *at as usize >= start) {
                        styles.pop();
                    }
                    self.current = styles.last().map_or(Style::default(), |(_, style)| *style);
                    self.to(style, text, styles);
                }
                // It would turn what follows around: somebody wants it to be read as something else.
                c if is_turning(c) => text.push('\u{fffd}'),
                _ => {}
            }
        }
        text.push_str(rest);
        if let Some(kept) = self.streams.get_mut(stream) {
            *kept = style;
        }
    }

    /// The text goes on in `style`.
    fn to(&mut self, style: Style, text: &str, styles: &mut Vec<(u32, Style)>) {
        if self.current == style {
            return;
        }
        self.current = style;
        let at = super::offset(text.len());
        match styles.last_mut() {
            Some((last, kept)) if *last == at => *kept = style,
            _ => styles.push((at, style)),
        }
    }
}

/// Where something special stands. Most lines have letters of ASCII only, which are told from it quickly.
fn special(text: &str) -> Option<usize> {
    let odd = text.bytes().position(|byte| !(b' '..=b'~').contains(&byte))?;
    text.get(odd..)?.find(is_special).map(|at| odd + at)
}

fn is_special(c: char) -> bool {
    c.is_control() || is_turning(c)
}

fn is_turning(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}' | '\u{2029}')
}

/// What follows an escape sequence whose ESC has been read, and the parameters if it selects a
/// rendition. Of one that does not end only its beginning is dropped: text should not vanish.
fn escape(rest: &str) -> (&str, Option<&str>) {
    let bytes = rest.as_bytes();
    let after = |length: usize| rest.get(length..).unwrap_or_default();
    match bytes.first() {
        Some(b'[') => {
            let inner = bytes.iter().skip(1);
            let length = 1 + inner.take_while(|byte| (0x20..=0x3f).contains(*byte)).count();
            match bytes.get(length) {
                Some(b'm') => (after(length + 1), rest.get(1..length)),
                Some(0x40..=0x7e) => (after(length + 1), None),
                _ => (after(length), None),
            }
        }
        // Titles, links and other strings, up to BEL or ESC \.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => match rest.find(['\u{7}', '\u{1b}']) {
            Some(end) if bytes.get(end) == Some(&7) => (after(end + 1), None),
            Some(end) if bytes.get(end + 1) == Some(&b'\\') => (after(end + 2), None),
            _ => (after(1), None),
        },
        Some(0x20..=0x2f) => {
            let length = bytes.iter().take_while(|byte| (0x20..=0x2f).contains(*byte)).count();
            let last = usize::from(bytes.get(length).is_some_and(|byte| (0x30..=0x7e).contains(byte)));
            (after(length + last), None)
        }
        Some(0x30..=0x7e) => (after(1), None),
        _ => (rest, None),
    }
}

/// `style` with the parameters of a rendition, `1;31`.
fn select(mut style: Style, parameters: &str) -> Style {
    let mut codes =
        parameters.split([';', ':']).map(|code| if code.is_empty() { Some(0) } else { code.parse().ok() });
    while let Some(code) = codes.next() {
        match code {
            Some(0) => style = Style::default(),
            Some(1) => style.bold = true,
            Some(2) => style.ink = style.ink.or(Some(Ink::Dim)),
            Some(22) => {
                style.bold = false;
                style.ink = style.ink.filter(|ink| *ink != Ink::Dim);
            }
            Some(code @ 30..=37) => style.ink = ink(code - 30),
            Some(code @ 90..=97) => style.ink = ink(code - 90),
            Some(39) => style.ink = None,
            // Of 256 colours the first sixteen are the usual ones; of the others, and of the sixteen
            // million, none is ours.
            Some(kind @ (38 | 48 | 58)) => match codes.next() {
                Some(Some(5)) => {
                    let of_256 = codes.next().flatten();
                    if kind == 38 {
                        style.ink = of_256.filter(|code| *code < 16).and_then(|code| ink(code % 8));
                    }
                }
                Some(Some(2)) => {
                    codes.nth(2);
                }
                _ => {}
            },
            _ => {}
        }
    }
    style
}

fn ink(colour: u32) -> Option<Ink> {
    match colour {
        0 => Some(Ink::Dim),
        1 => Some(Ink::Bad),
        2 => Some(Ink::Good),
        3 => Some(Ink::Warn),
        4 | 6 => Some(Ink::Accent),
        5 => Some(Ink::Second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of stdout, with `{class}` where the style changes.
    fn painted(lines: &[(u64, &str)]) -> String {
        let (mut painter, mut text, mut styles) = (Painter::default(), String::new(), Vec::new());
        for (stream, line) in lines {
            painter.paint(line, *stream, &mut text, &mut styles);
            text.push('\n');
        }
        for (at, style) in styles.iter().rev() {
            text.insert_str(*at as usize, &format!("{{{}}}", style.class()));
        }
        text.trim_end_matches('\n').to_owned()
    }

    #[test]
    fn what_a_terminal_shows() {
        for (line, expected) in [
            ("plain", "plain"),
            ("\u{1b}[31mred\u{1b}[0m plain", "{c bad}red{} plain"),
            ("\u{1b}[1;32mbold green\u{1b}[22m green\u{1b}[m", "{c ok b}bold green{c ok} green{}"),
            ("\u{1b}[31m\u{1b}[32mgreen", "{c ok}green"),
            ("\u{1b}[38;5;1mred\u{1b}[38;5;200mplain", "{c bad}red{}plain"),
            ("\u{1b}[38;2;1;2;3mplain\u{1b}[48;5;1;33mwarn", "plain{c warn}warn"),
            ("\u{1b}[2mdim\u{1b}[22m", "{dim}dim{}"),
            ("\u{1b}[35ma\u{1b}[94mb\u{1b}[37mc", "{c off}a{c you}b{}c"),
            // Other sequences.
            ("a\u{1b}[2Kb\u{1b}[1;1Hc", "abc"),
            ("\u{1b}]0;title\u{7}a\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "alink"),
            ("a\u{1b}(Bb\u{1b}=c", "abc"),
            // Such as do not end.
            ("a\u{1b}", "a"),
            ("a\u{1b}[31", "a"),
            ("a\u{1b}[31\u{e9}b", "a\u{e9}b"),
            ("a\u{1b}]0;never ends", "a0;never ends"),
            ("a\u{1b}[99999999999999999999mb", "ab"),
            ("a\u{1b}[38mb\u{1b}[38;5mc\u{1b}[38;2;1md", "abcd"),
            // Control characters, tabs, returns.
            ("a\u{0}\u{8}\u{7f}\u{9b}b", "ab"),
            ("ab\tc", "ab      c"),
            ("10 %\r50 %\r100 %\r", "100 %"),
            ("\u{1b}[31mred\r\u{1b}[0mplain", "{}plain"),
            ("safe\u{202e}live", "safe\u{fffd}live"),
            ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ] {
            assert_eq!(painted(&[(1, line)]), expected, "{line:?}");
        }
    }

    #[test]
    fn a_style_goes_on_in_its_own_stream() {
        let lines = [(1, "\u{1b}[31mred"), (2, "plain"), (1, "still red\u{1b}[0m"), (1, "plain")];
        assert_eq!(painted(&lines), "{c bad}red\n{}plain\n{c bad}still red{}\nplain");
    }
}
