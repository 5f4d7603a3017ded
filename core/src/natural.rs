//! The order in which people sort names: `@r2` before `@r10`.

use std::cmp::Ordering;

/// Compares runs of digits by their number and everything else by its bytes. Names that differ
/// only in leading zeros are ordered by their bytes, so that the order is total.
///
/// ```
/// use std::cmp::Ordering;
/// use ocuroot_core::natural::compare;
///
/// assert_eq!(compare("p/@r2", "p/@r10"), Ordering::Less);
/// assert_eq!(compare("p/@r2/task/b", "p/@r2/task/a"), Ordering::Greater);
/// ```
#[must_use]
pub fn compare(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one, other);
    loop {
        let (text_a, text_b) = (split(&mut a, false), split(&mut b, false));
        let text = text_a.cmp(text_b);
        if text != Ordering::Equal {
            return text;
        }
        if a.is_empty() && b.is_empty() {
            return one.cmp(other);
        }
        let (digits_a, digits_b) = (split(&mut a, true), split(&mut b, true));
        let (number_a, number_b) = (digits_a.trim_start_matches('0'), digits_b.trim_start_matches('0'));
        // Of two numbers the longer one is the greater one.
        let number = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
        let number = digits_a.is_empty().cmp(&digits_b.is_empty()).reverse().then(number);
        if number != Ordering::Equal {
            return number;
        }
    }
}

/// Takes the leading digits, or the text before the next digit, off `rest`.
fn split<'t>(rest: &mut &'t str, digits: bool) -> &'t str {
    let end = rest.bytes().position(|byte| byte.is_ascii_digit() != digits).unwrap_or(rest.len());
    let (start, left) = rest.split_at_checked(end).unwrap_or((rest, ""));
    *rest = left;
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_count() {
        let sorted = [
            "",
            "a",
            "a2",
            "a10",
            "a10b",
            "a10b2",
            "a/1",
            "ab",
            "r01",
            "r1",
            "r2",
            "r99999999999999999999",
            "é",
        ];
        for (index, one) in sorted.iter().enumerate() {
            for (other_index, other) in sorted.iter().enumerate() {
                assert_eq!(compare(one, other), index.cmp(&other_index), "{one} and {other}");
            }
        }
    }
}
