//! Long runs of lines that say the same, folded to one row.
//!
//! "waiting for the rollout: 0 of 6 ready", twelve hundred times: of such a run the first and the last
//! line are shown. Two lines say the same if they differ in numbers only.

use std::collections::BTreeSet;

use super::Log;

/// How many lines that say the same are left as they are.
const SHORT: usize = 12;

/// A row of the list that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A line, from 0.
    Line(usize),
    /// Lines that are folded: the first, and the one behind the last.
    Fold(usize, usize),
}

/// The rows of a log, some of whose folds are open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// What is folded: the first line, the one behind the last, and the row that stands for them.
    folds: Vec<(usize, usize, usize)>,
    /// How many rows there are.
    len: usize,
}

impl Rows {
    /// The rows of a log in which `folds` ([`Log::folds`]) are folded, but for those that start at one
    /// of the lines `open`.
    #[must_use]
    pub fn new(log: &Log, folds: &[(usize, usize)], open: &BTreeSet<usize>) -> Rows {
        let mut hidden = 0;
        let mut rows = Vec::new();
        for (from, to) in folds.iter().filter(|(from, _)| !open.contains(from)) {
            rows.push((*from, *to, from - hidden));
            hidden += to - from - 1;
        }
        Rows { folds: rows, len: log.len() - hidden }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What stands in row `index`, from 0.
    #[must_use]
    pub fn row(&self, index: usize) -> Row {
        let before = self.folds.partition_point(|(_, _, row)| *row <= index);
        match before.checked_sub(1).and_then(|fold| self.folds.get(fold)) {
            None => Row::Line(index),
            Some((from, to, row)) if *row == index => Row::Fold(*from, *to),
            Some((_, to, row)) => Row::Line(to + index - row - 1),
        }
    }

    /// The row in which `line`, from 0, stands, or the fold that it is in.
    #[must_use]
    pub fn of_line(&self, line: usize) -> usize {
        let before = self.folds.partition_point(|(from, _, _)| *from <= line);
        match before.checked_sub(1).and_then(|fold| self.folds.get(fold)) {
            None => line,
            Some((_, to, row)) if line < *to => *row,
            Some((_, to, row)) => row + 1 + line - to,
        }
    }

    /// The first line of the fold that `line` is in, if it is folded.
    #[must_use]
    pub fn fold_of(&self, line: usize) -> Option<usize> {
        self.folds.iter().find(|(from, to, _)| (*from..*to).contains(&line)).map(|(from, _, _)| *from)
    }
}

impl Log {
    /// What may be folded: of each long run of lines that say the same, all but the first and the
    /// last. The first line of each, and the one behind its last.
    #[must_use]
    pub fn folds(&self) -> Vec<(usize, usize)> {
        let mut folds = Vec::new();
        let mut start = 0;
        let mut before = None;
        for line in 0..=self.len() {
            let shape = (line < self.len()).then(|| shape(self.plain(line)));
            if shape != before {
                if line - start > SHORT {
                    folds.push((start + 1, line - 1));
                }
                start = line;
                before = shape;
            }
        }
        folds
    }
}

/// What a line says, numbers aside, as a hash (FNV-1a): that of another line may be the same by
/// chance, and then it is folded too.
fn shape(text: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut in_number = false;
    for byte in text.bytes() {
        let digit = byte.is_ascii_digit();
        if !(digit && in_number) {
            hash = (hash ^ u64::from(if digit { b'0' } else { byte })).wrapping_mul(0x0100_0000_01b3);
        }
        in_number = digit;
    }
    hash
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn log(lines: impl Iterator<Item = String>) -> Log {
        Log::of(&Value::Array(lines.map(|line| json!({"message": line})).collect()))
    }

    #[test]
    fn what_repeats_itself_is_folded_but_for_its_ends() {
        let waiting = (0..100).map(|n| format!("waiting: {n} of 100 s"));
        let log =
            log(["start".to_owned(), "go".to_owned()].into_iter().chain(waiting).chain(["done".to_owned()]));
        let folds = log.folds();
        assert_eq!(folds, [(3, 101)]);
        let rows = Rows::new(&log, &folds, &BTreeSet::new());
        assert_eq!(rows.len(), 6);
        let all: Vec<Row> = (0..rows.len()).map(|row| rows.row(row)).collect();
        use Row::{Fold, Line};
        assert_eq!(all, [Line(0), Line(1), Line(2), Fold(3, 101), Line(101), Line(102)]);
        for line in 0..log.len() {
            let row = rows.of_line(line);
            assert!(rows.row(row) == Line(line) || rows.row(row) == Fold(3, 101) && (3..101).contains(&line));
        }
        assert_eq!((rows.fold_of(2), rows.fold_of(50), rows.fold_of(101)), (None, Some(3), None));
        let open = Rows::new(&log, &folds, &BTreeSet::from([3]));
        assert_eq!((open.len(), open.row(50)), (103, Line(50)));
    }

    #[test]
    fn several_folds_and_none() {
        let log = log((0..40).map(|n| format!("a {n}")).chain((0..40).map(|n| format!("b {n}"))));
        let folds = log.folds();
        assert_eq!(folds, [(1, 39), (41, 79)]);
        let rows = Rows::new(&log, &folds, &BTreeSet::new());
        let all: Vec<Row> = (0..rows.len()).map(|row| rows.row(row)).collect();
        use Row::{Fold, Line};
        assert_eq!(all, [Line(0), Fold(1, 39), Line(39), Line(40), Fold(41, 79), Line(79)]);
        assert_eq!((rows.of_line(39), rows.of_line(40), rows.of_line(60)), (2, 3, 4));
        assert!(self::log((0..SHORT).map(|n| format!("a {n}"))).folds().is_empty());
        assert!(self::log((0..100).map(|n| "x".repeat(n))).folds().is_empty());
        assert!(Log::default().folds().is_empty());
    }
}
