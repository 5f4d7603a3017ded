//! How a summary stays small: what is said of old releases goes before what is said of new ones, and
//! details before names.
//!
//! A release that was cut says how long it was before ([`ReleaseSummary::cut`]). So how much room each
//! needs is known of all, also of those that are at hand only as they were cut, and a summary that is
//! put together from parts is cut exactly as one that was made of the whole.

use std::ops::RangeInclusive;

use super::{MOST_BYTES, ReleaseSummary, Summary, json};

/// What is left out of a release, in this order.
const CUTS: [fn(&mut ReleaseSummary); 3] = [
    |release| release.open.values_mut().for_each(|open| open.waits.clear()),
    |release| {
        release.more += release.open.len();
        release.open.clear();
    },
    |release| {
        release.subject.clear();
        release.author.clear();
        release.tags.clear();
    },
];

/// Which cuts are made to a release before the next newer one is cut: what is open now counts in the
/// newest releases, and in old ones less than what they are called.
const STEPS: [RangeInclusive<usize>; 2] = [1..=2, 3..=3];

/// Whether what a release is called is all there, whatever was cut.
pub(super) fn keeps_itself(release: &ReleaseSummary) -> bool {
    release.cut.len() < CUTS.len()
}

/// A release with each number of cuts.
struct Levels {
    /// The lengths of its text: of each level, also of those that are not at hand.
    sizes: Vec<usize>,
    /// The release, from the least cut one that is at hand.
    releases: Vec<ReleaseSummary>,
    /// How many cuts that one has.
    least: usize,
    /// How many it gets.
    level: usize,
}

impl Levels {
    fn new(release: ReleaseSummary) -> Levels {
        let least = release.cut.len();
        let mut sizes = release.cut.clone();
        let mut releases = vec![release];
        for cut in CUTS.iter().skip(least) {
            let Some(last) = releases.last() else { break };
            sizes.push(json(last).len());
            let mut next = last.clone();
            cut(&mut next);
            let whole = releases.first().filter(|_| least == 0);
            next.cut = if whole.is_some_and(|whole| same(whole, &next)) { Vec::new() } else { sizes.clone() };
            releases.push(next);
        }
        sizes.extend(releases.last().map(|last| json(last).len()));
        Levels { sizes, releases, least, level: 0 }
    }

    fn size(&self) -> usize {
        self.sizes.get(self.level).copied().unwrap_or_default()
    }

    fn release(self) -> Option<ReleaseSummary> {
        let index = self.level.checked_sub(self.least)?;
        self.releases.into_iter().nth(index)
    }
}

/// Whether two are the same, but for the note of what was cut.
fn same(one: &ReleaseSummary, other: &ReleaseSummary) -> bool {
    ReleaseSummary { cut: Vec::new(), ..other.clone() } == *one
}

/// Cuts a summary down to [`MOST_BYTES`].
///
/// # Errors
/// The indexes of releases that were cut before and need not be any more, or not as much: they have to
/// be made anew.
pub(super) fn bounded(mut summary: Summary) -> Result<Summary, Vec<usize>> {
    let releases = std::mem::take(&mut summary.releases);
    let commas = releases.len().saturating_sub(1);
    let around = summary.to_text().len() + commas;
    let mut all: Vec<Levels> = releases.into_iter().map(Levels::new).collect();
    let mut size = around + all.iter().map(Levels::size).sum::<usize>();
    for levels in STEPS {
        for release in all.iter_mut().rev() {
            for level in levels.clone() {
                if size > MOST_BYTES {
                    size -= release.size();
                    release.level = level;
                    size += release.size();
                }
            }
        }
    }
    let lacking: Vec<usize> =
        all.iter().enumerate().filter(|(_, of)| of.level < of.least).map(|(index, _)| index).collect();
    if !lacking.is_empty() {
        return Err(lacking);
    }
    summary.releases = all.into_iter().filter_map(Levels::release).collect();
    while summary.to_text().len() > MOST_BYTES && summary.releases.pop().is_some() {}
    Ok(summary)
}

/// As [`bounded`], of a summary whose releases are all whole.
pub(super) fn whole(summary: Summary) -> Summary {
    bounded(summary.clone()).unwrap_or(summary)
}
