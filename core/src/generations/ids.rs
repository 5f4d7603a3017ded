//! What old releases and runs are called, and the numbers that they get.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::natural;

/// A name that is a number as this version writes them: from 1, without leading zeros.
pub(super) fn number(name: &str) -> Option<u64> {
    let canonical = !name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit());
    canonical.then(|| name.parse().ok()).flatten()
}

/// When a ULID was made: its first ten characters are milliseconds. None for what is no ULID.
pub(super) fn ulid(name: &str) -> Option<Timestamp> {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    if name.len() != 26 {
        return None;
    }
    let mut milliseconds: i64 = 0;
    for (index, byte) in name.bytes().enumerate() {
        let value = ALPHABET.iter().position(|known| *known == byte.to_ascii_uppercase())?;
        if index < 10 {
            milliseconds = milliseconds.checked_mul(32)?.checked_add(i64::try_from(value).ok()?)?;
        }
    }
    Timestamp::from_millisecond(milliseconds).ok()
}

/// What follows the commit in the name of a release: `<commit>.<n>`, `<commit>.<ULID>`. For any other
/// name, the name.
pub(super) fn count(release: &str) -> &str {
    release.rsplit_once('.').map_or(release, |(_, count)| count)
}

/// The commit in the name of a release: `<commit>.<n>`.
pub(super) fn commit(release: &str) -> Option<&str> {
    let (commit, count) = release.rsplit_once('.')?;
    let is_hash = commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hash && (number(count).is_some() || ulid(count).is_some())).then_some(commit)
}

/// The order in which names were given: numbers first, by value, then ULIDs, which sort by time.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let key = |name: &str| (number(name).is_none(), ulid(name).is_none());
    key(one).cmp(&key(other)).then_with(|| match ulid(one) {
        Some(_) => one.to_ascii_uppercase().cmp(&other.to_ascii_uppercase()),
        None => natural::compare(one, other),
    })
}

/// Gives each of `names`, in their order, the next number that is not `taken`.
pub(super) fn allot<T>(taken: &BTreeSet<u64>, names: impl IntoIterator<Item = T>) -> Vec<(T, u64)> {
    let mut next = 0;
    let mut given = Vec::new();
    for name in names {
        next += 1;
        while taken.contains(&next) {
            next += 1;
        }
        given.push((name, next));
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_releases_and_runs() {
        for (name, expected) in [
            ("12", Some(12)),
            ("0", None),
            ("012", None),
            ("", None),
            ("99999999999999999999", None),
            ("1x", None),
        ] {
            assert_eq!(number(name), expected, "{name}");
        }
        assert_eq!(ulid("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap().as_millisecond(), 1_469_922_850_259);
        for no in
            ["", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01ARZ3NDEKTSV4RRFFQ69G5FAU", "01ARZ3NDEKTSV4RRFFQ69G5FAVX"]
        {
            assert_eq!(ulid(no), None, "{no}");
        }
        for (name, expected) in [
            ("94ea386f9dfa2748901bfc3026bbbb6b17ae8bfa.13", Some("94ea386f9dfa2748901bfc3026bbbb6b17ae8bfa")),
            ("94ea386.01ARZ3NDEKTSV4RRFFQ69G5FAV", Some("94ea386")),
            ("0.1.0", None),
            ("v2.1", None),
            ("94ea386", None),
        ] {
            assert_eq!(commit(name), expected, "{name}");
        }
    }

    #[test]
    fn numbers_come_before_ulids_and_both_in_their_order() {
        let sorted = ["2", "10", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BRZ3NDEKTSV4RRFFQ69G5FAV", "10a", "x"];
        for (index, one) in sorted.iter().enumerate() {
            for (other_index, other) in sorted.iter().enumerate() {
                assert_eq!(compare(one, other), index.cmp(&other_index), "{one} and {other}");
            }
        }
    }

    #[test]
    fn numbers_that_are_taken_are_left_out() {
        let given = allot(&[2, 3, 7].into(), ["a", "b", "c"]);
        assert_eq!(given, [("a", 1), ("b", 4), ("c", 5)]);
    }
}
