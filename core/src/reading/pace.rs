//! When a host is asked again: for new commits while nothing is wrong, more seldom while it does not
//! answer; and what failed, as soon as that may help.
//!
//! ```
//! use ocuroot_core::reading::pace;
//!
//! // It is looked at twice a minute, and has not answered twice.
//! assert_eq!(pace::next_look(30, false, 30), 60);
//! assert_eq!(pace::next_look(60, false, 30), 120);
//! assert_eq!(pace::next_look(120, true, 30), 30);
//! ```

use crate::hosts::HostError;
use crate::times;

/// As seldom as it gets when a host does not answer, in seconds; where one looks more seldom anyway, that.
const SELDOM: u32 = 600;
/// A host that wants us to wait longer, in milliseconds, is waited for where one can see it.
const PATIENCE: u128 = 15_000;

/// How long to wait for the next look for new commits, in seconds, after `wait` and a look that was
/// `answered` or was not. One looks in every `usual` seconds as a rule.
#[must_use]
pub fn next_look(wait: u32, answered: bool, usual: u32) -> u32 {
    match answered {
        true => usual,
        false => wait.saturating_mul(2).min(SELDOM.max(usual)),
    }
}

/// Whether the last look, at `checked`, is so long ago that it is time for another one.
#[must_use]
pub fn is_due(checked: &str, now: &str, usual: u32) -> bool {
    times::seconds(checked, now).is_some_and(|since| since >= u64::from(usual))
}

/// After how many milliseconds a request is sent again that has failed `attempt` times, with `error`; none
/// where that is of no use, or is not soon. `now` is in seconds since 1970.
#[must_use]
pub fn again(error: &HostError, attempt: u32, now: u64) -> Option<u32> {
    let wait = error.retry_after(attempt, now)?.as_millis();
    u32::try_from(wait).ok().filter(|_| wait <= PATIENCE)
}

/// How many seconds to leave a host alone that wants a rest until then, in seconds since 1970: never none,
/// and never more than an hour, since clocks differ.
#[must_use]
pub fn rest(until: u64, now: u64) -> u32 {
    u32::try_from(until.saturating_sub(now)).unwrap_or(u32::MAX).clamp(1, 3600)
}

/// `wait` and up to a quarter more, so that many pages do not come back at once. `chance` is from 0 to 1.
#[must_use]
pub fn jittered(wait: u32, chance: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than a quarter more")]
    let more = (f64::from(wait) * 0.25 * chance) as u32;
    wait.saturating_add(more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::Until;

    #[test]
    fn a_host_that_does_not_answer_is_asked_more_and_more_seldom() {
        for (usual, answers, waits) in [
            (30, [false; 6], [60, 120, 240, 480, 600, 600]),
            (600, [false; 6], [600; 6]),
            (900, [false; 6], [900; 6]),
            (30, [true, false, false, true, false, true], [30, 60, 120, 30, 60, 30]),
        ] {
            let mut wait = usual;
            let looks = answers.map(|answered| {
                wait = next_look(wait, answered, usual);
                wait
            });
            assert_eq!(looks, waits);
        }
    }

    #[test]
    fn who_comes_back_looks_if_it_is_time() {
        let now = "2026-05-12T16:42:30Z";
        for (checked, is_due) in [
            ("2026-05-12T16:42:00Z", true),
            ("2026-05-12T16:42:01Z", false),
            ("2026-05-12T16:43:00Z", false),
            ("", false),
        ] {
            assert_eq!(super::is_due(checked, now, 30), is_due, "{checked}");
        }
    }

    #[test]
    fn what_failed_is_tried_again_soon_or_where_one_can_see_it() {
        let limited =
            |seconds| HostError::RateLimited { until: Some(Until::Seconds(seconds)), signed_in: true };
        let broken = || HostError::ServerError { status: 502 };
        for (error, attempt, wait) in [
            (limited(15), 1, Some(15_000)),
            (limited(16), 1, None),
            (limited(1), 4, None),
            (HostError::RateLimited { until: None, signed_in: true }, 1, None),
            (broken(), 1, Some(500)),
            (broken(), 4, Some(4000)),
            (broken(), 5, None),
            (HostError::BadToken, 1, None),
        ] {
            assert_eq!(again(&error, attempt, 0), wait, "{error:?} {attempt}");
        }
    }

    #[test]
    fn a_host_that_wants_a_rest_has_it() {
        for (until, rested) in [(900, 1), (1000, 1), (1020, 20), (9000, 3600), (u64::MAX, 3600)] {
            assert_eq!(rest(until, 1000), rested, "{until}");
        }
    }

    #[test]
    fn pages_do_not_come_back_at_once() {
        assert_eq!([0.0, 0.5, 1.0].map(|chance| jittered(1000, chance)), [1000, 1125, 1250]);
        assert_eq!(jittered(u32::MAX, 1.0), u32::MAX);
    }
}
