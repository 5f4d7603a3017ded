//! Which rows of a log are on the screen.
//!
//! A browser that gets a hundred thousand lines is busy for seconds. So it gets those that are in
//! sight, a few more above and below, and an element as high as all of them. Lines that are not wrapped
//! have one height, and a multiplication tells where each is. Wrapped ones break anywhere, in a font
//! whose letters have one width: how many rows of letters a line takes follows from its length.
//!
//! ```
//! use ocuroot_core::screens::log::{Layout, Log, Rows};
//! use serde_json::json;
//!
//! let lines = (0..1000).map(|n| json!({"message": "x".repeat(n)})).collect::<Vec<_>>();
//! let log = Log::read(json!({"kind": "ref", "body": lines}).to_string().as_bytes());
//! let rows = Rows::new(&log, &[], &Default::default());
//! let window = Layout::plain(rows.len()).window(2_000.0, 400.0, 20.0);
//! assert_eq!((window.first, window.last), (64, 160));
//! assert_eq!((window.top, window.height), (1_280.0, 20_000.0));
//! ```

use super::{Log, MOST_SHOWN, Row, Rows};

/// How many rows at least are drawn above and below what is in sight, so that there is something to
/// scroll into until the next frame.
const SPARE: usize = 24;

/// Windows start and end at multiples of this: rows are drawn anew once in so many, not with each.
const STEP: usize = 32;

/// Where each row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many rows there are.
    rows: usize,
    /// How many rows of letters stand above each row, and at the end above the end; none where each
    /// row has one.
    above: Option<Vec<u32>>,
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The first row.
    pub first: usize,
    /// The one behind the last.
    pub last: usize,
    /// Where the first one starts, in pixels.
    pub top: f64,
    /// How high all of them are, in pixels.
    pub height: f64,
}

impl Layout {
    /// Rows of one height.
    #[must_use]
    pub fn plain(rows: usize) -> Layout {
        Layout { rows, above: None }
    }

    /// Rows that are wrapped behind `columns` letters.
    #[must_use]
    pub fn wrapped(log: &Log, rows: &Rows, columns: usize) -> Layout {
        let columns = columns.max(1);
        let mut above = Vec::with_capacity(rows.len() + 1);
        let mut sum: u32 = 0;
        for row in 0..rows.len() {
            above.push(sum);
            sum = sum.saturating_add(match rows.row(row) {
                Row::Line(line) => {
                    u32::try_from(width(log.plain(line)).div_ceil(columns).max(1)).unwrap_or(1)
                }
                Row::Fold(..) => 1,
            });
        }
        above.push(sum);
        Layout { rows: rows.len(), above: Some(above) }
    }

    /// How many rows of letters stand above `row`.
    fn above(&self, row: usize) -> usize {
        let row = row.min(self.rows);
        self.above.as_ref().map_or(row, |above| above.get(row).map_or(0, |above| *above as usize))
    }

    /// The row in which the row of letters `unit` is.
    fn at(&self, unit: usize) -> usize {
        let row = match &self.above {
            None => unit,
            Some(above) => above.partition_point(|above| (*above as usize) <= unit).saturating_sub(1),
        };
        row.min(self.rows.saturating_sub(1))
    }

    /// What to draw when `scrolled` pixels are above the part in sight, which is `height` pixels high;
    /// a row of letters has `line`.
    #[must_use]
    pub fn window(&self, scrolled: f64, height: f64, line: f64) -> Window {
        if self.rows == 0 || line <= 0.0 {
            return Window { first: 0, last: 0, top: 0.0, height: 0.0 };
        }
        let first = self.at(whole(scrolled / line)).saturating_sub(SPARE) / STEP * STEP;
        let last = self.at(whole((scrolled + height) / line)) + 1 + SPARE;
        let last = (last.div_ceil(STEP) * STEP).min(self.rows);
        let pixels = |units: usize| units as f64 * line;
        Window { first, last, top: pixels(self.above(first)), height: pixels(self.above(self.rows)) }
    }

    /// How far to scroll so that `row` is in the middle of `height` pixels.
    #[must_use]
    pub fn scroll_to(&self, row: usize, height: f64, line: f64) -> f64 {
        (self.above(row) as f64 * line - (height - line) / 2.0).max(0.0)
    }
}

/// A number of pixels or rows, as it comes from a browser: rounded down, and never below zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and that of none is zero"
)]
fn whole(number: f64) -> usize {
    number as usize
}

/// How many letters wide a line is shown. Wide characters take two; a guess for those that combine
/// costs a row that is a little too high.
fn width(text: &str) -> usize {
    let shown = text.len().min(MOST_SHOWN);
    if text.is_ascii() {
        return shown;
    }
    text.char_indices().take_while(|(at, _)| *at < shown).map(|(_, c)| if is_wide(c) { 2 } else { 1 }).sum()
}

fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;

    fn wrapped(lengths: &[usize], columns: usize) -> Layout {
        let log =
            Log::of(&Value::Array(lengths.iter().map(|n| json!({"message": "x".repeat(*n)})).collect()));
        Layout::wrapped(&log, &Rows::new(&log, &[], &BTreeSet::new()), columns)
    }

    #[test]
    fn wrapped_lines_take_as_many_rows_as_they_have_letters_for() {
        let layout = wrapped(&[0, 80, 81, 200, 1], 80);
        assert_eq!(layout.above, Some(vec![0, 1, 2, 4, 7, 8]));
        let rows: Vec<usize> = (0..9).map(|unit| layout.at(unit)).collect();
        assert_eq!(rows, [0, 1, 2, 2, 3, 3, 3, 4, 4]);
        assert_eq!(wrapped(&[5], 0).above, Some(vec![0, 5]));
        assert_eq!(width("日本é"), 5);
    }

    #[test]
    fn every_row_is_in_some_window_and_windows_start_where_their_row_does() {
        let lengths: Vec<usize> = (0..500).map(|n| n * 7 % 300).collect();
        for layout in [wrapped(&lengths, 80), Layout::plain(500)] {
            let height = layout.window(0.0, 400.0, 20.0).height;
            let mut seen = 0;
            let mut scrolled = 0.0;
            while scrolled < height {
                let window = layout.window(scrolled, 400.0, 20.0);
                assert!(window.first <= seen && window.last > seen, "{window:?} at {scrolled}");
                assert!(window.top <= scrolled);
                assert!((window.top - layout.above(window.first) as f64 * 20.0).abs() < f64::EPSILON);
                seen = layout.at(whole(scrolled / 20.0));
                scrolled += 400.0;
            }
            assert_eq!(layout.window(height, 400.0, 20.0).last, 500);
        }
    }

    #[test]
    fn odd_sizes_do_no_harm() {
        let none = Window { first: 0, last: 0, top: 0.0, height: 0.0 };
        assert_eq!(Layout::plain(0).window(10.0, 10.0, 20.0), none);
        assert_eq!(Layout::plain(5).window(10.0, 10.0, 0.0), none);
        assert_eq!(Layout::plain(5).window(f64::NAN, -1.0, 20.0).last, 5);
        assert_eq!(Layout::plain(5).window(1e300, 1e300, 20.0).last, 5);
        assert_eq!(Layout::plain(5).window(-50.0, 20.0, 20.0).first, 0);
        assert!((Layout::plain(1000).scroll_to(500, 420.0, 20.0) - 9_800.0).abs() < f64::EPSILON);
        assert!(Layout::plain(1000).scroll_to(3, 420.0, 20.0).abs() < f64::EPSILON);
    }
}
