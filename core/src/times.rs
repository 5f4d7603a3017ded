//! Moments as they are written; ages, durations and moments, as people read them.
//!
//! Everything that shows a time shows it by these rules: an age has one unit and is rounded down, a
//! duration two, a moment is as short as it can be without being mistaken for another.
//!
//! ```
//! use ocuroot_core::times;
//!
//! let (then, now) = ("2026-05-09T10:12:00Z", "2026-05-12T16:42:06Z");
//! let seconds = times::seconds(then, now).unwrap();
//! assert_eq!(times::age(seconds), "3 d");
//! assert_eq!(times::short_age(seconds), "3d");
//! assert_eq!(times::moment(then, now, 2 * 3600), "9 May 12:12");
//! assert_eq!(times::duration(301), "5 min 1 s");
//! ```

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// A month has 30 days and a year 365: an age is an impression.
const MONTH: u64 = 30 * DAY;
const YEAR: u64 = 365 * DAY;

/// A moment as RFC 3339 writes it, or somebody in a hurry: without seconds, without the minutes of the
/// offset. Whole seconds alone have a fraction, of up to nine digits. None for anything else.
///
/// By hand: `Timestamp`'s own parser knows more forms, and what can be wrong with each; that would take 100 KB
/// of the dashboard.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked("2026-05-09".len())?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, offset) = rest.split_at_checked(rest.find(['Z', 'z', '+', '-'])?)?;
    let local = DateTime::from_parts(parse_date(date)?, parse_time(time)?);
    parse_offset(offset)?.to_timestamp(local).ok()
}

/// A day: `2026-05-09`.
#[must_use]
pub fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let year = i16::try_from(number(parts.next()?, 4)?).ok()?;
    let (month, day) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// `10:12`, `10:12:06` or `10:12:06.5`.
fn parse_time(text: &str) -> Option<Time> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once(['.', ',']) {
            None => (number(seconds, 2)?, 0),
            Some((seconds, digits)) => {
                let unit = 10_u32.pow(9_u32.checked_sub(u32::try_from(digits.len()).ok()?)?);
                (number(seconds, 2)?, number(digits, digits.len())?.checked_mul(unit)?)
            }
        },
    };
    // A leap second is told like the one before it.
    let second = if second == 60 { 59 } else { second };
    let part = |number: u32| i8::try_from(number).ok();
    Time::new(part(hour)?, part(minute)?, part(second)?, i32::try_from(fraction).ok()?).ok()
}

/// `Z`, `+02:00`, `+0200` or `+02`.
fn parse_offset(text: &str) -> Option<Offset> {
    if let "Z" | "z" = text {
        return Some(Offset::UTC);
    }
    let (sign, text) = text.split_at_checked(1)?;
    let (hours, rest) = text.split_at_checked(2)?;
    let minutes = match rest.strip_prefix(':').unwrap_or(rest) {
        "" if rest.is_empty() => 0,
        minutes => number(minutes, 2).filter(|minutes| *minutes < 60)?,
    };
    let seconds = i32::try_from(number(hours, 2)? * 3600 + minutes * 60).ok()?;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

/// A number of so many digits.
fn number(text: &str, digits: usize) -> Option<u32> {
    let all = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| all)
}

/// The seconds from one RFC 3339 time to another. Zero if `then` is later (clocks differ). None if
/// either is no time.
#[must_use]
pub fn seconds(then: &str, now: &str) -> Option<u64> {
    let (then, now) = (parse(then)?, parse(now)?);
    Some(u64::try_from(now.as_second() - then.as_second()).unwrap_or(0))
}

/// An age in a sentence: `12 s`, `38 min`, `4 h`, `3 d`, `2 months`, `1 year`.
#[must_use]
pub fn age(seconds: u64) -> String {
    let (count, unit) = largest(seconds);
    match (unit, count) {
        (Unit::Second, _) => format!("{count} s"),
        (Unit::Minute, _) => format!("{count} min"),
        (Unit::Hour, _) => format!("{count} h"),
        (Unit::Day, _) => format!("{count} d"),
        (Unit::Month, 1) => "1 month".to_owned(),
        (Unit::Month, _) => format!("{count} months"),
        (Unit::Year, 1) => "1 year".to_owned(),
        (Unit::Year, _) => format!("{count} years"),
    }
}

/// An age where there is little room: `12s`, `9m`, `4h`, `12d`, `3mo`, `2y`.
#[must_use]
pub fn short_age(seconds: u64) -> String {
    let (count, unit) = largest(seconds);
    let unit = match unit {
        Unit::Second => "s",
        Unit::Minute => "m",
        Unit::Hour => "h",
        Unit::Day => "d",
        Unit::Month => "mo",
        Unit::Year => "y",
    };
    format!("{count}{unit}")
}

/// A duration, in its two largest units: `48 s`, `5 min 1 s`, `2 h 5 min`, `3 d 4 h`. The smaller one is
/// left out where it is zero.
#[must_use]
pub fn duration(seconds: u64) -> String {
    let two = |size: u64, name: &str, smaller: u64, smaller_name: &str| {
        let (large, small) = (seconds / size, seconds % size / smaller);
        if small == 0 { format!("{large} {name}") } else { format!("{large} {name} {small} {smaller_name}") }
    };
    match seconds {
        DAY.. => two(DAY, "d", HOUR, "h"),
        HOUR.. => two(HOUR, "h", MINUTE, "min"),
        MINUTE.. => two(MINUTE, "min", 1, "s"),
        _ => format!("{seconds} s"),
    }
}

/// A duration where there is little room: `48s`, `5m 1s`, `2h 5m`, `3d 4h`.
#[must_use]
pub fn short_duration(seconds: u64) -> String {
    duration(seconds).replace(" min", "m").replace(" s", "s").replace(" h", "h").replace(" d", "d")
}

/// A duration as a clock shows it while it goes on: `1:12`, `1:02:05`.
#[must_use]
pub fn elapsed(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / HOUR, seconds % HOUR / MINUTE, seconds % MINUTE);
    if hours == 0 { format!("{minutes}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// A moment: `10:12` on the day that it is, else `9 May 10:12`, with the year if it is another one.
/// `offset` is that of the reader's time zone, in seconds east of UTC. What is no time stays as it is.
#[must_use]
pub fn moment(time: &str, now: &str, offset: i32) -> String {
    let Some(then) = local(time, offset) else { return time.to_owned() };
    let clock = format!("{:02}:{:02}", then.hour(), then.minute());
    match local(now, offset) {
        Some(today) if today.date() == then.date() => clock,
        Some(today) if today.year() == then.year() => format!("{} {clock}", day_of(then)),
        _ => format!("{} {:04} {clock}", day_of(then), then.year()),
    }
}

/// The day of a moment: `9 May`. What is no time stays as it is.
#[must_use]
pub fn day(time: &str, offset: i32) -> String {
    local(time, offset).map_or_else(|| time.to_owned(), day_of)
}

/// The time of day with seconds, as logs have it: `15:59:02`. What is no time stays as it is.
#[must_use]
pub fn clock(time: &str, offset: i32) -> String {
    let clock = |then: DateTime| format!("{:02}:{:02}:{:02}", then.hour(), then.minute(), then.second());
    local(time, offset).map_or_else(|| time.to_owned(), clock)
}

/// `9 May`. By hand: `strftime` knows so much more that it would take 30 KB of the dashboard.
fn day_of(then: DateTime) -> String {
    let month = match then.month() {
        1 => "Jan",
        2 => "Feb",
        3 => "Mar",
        4 => "Apr",
        5 => "May",
        6 => "Jun",
        7 => "Jul",
        8 => "Aug",
        9 => "Sep",
        10 => "Oct",
        11 => "Nov",
        _ => "Dec",
    };
    format!("{} {month}", then.day())
}

fn local(time: &str, offset: i32) -> Option<DateTime> {
    Some(Offset::from_seconds(offset).ok()?.to_datetime(parse(time)?))
}

#[derive(Clone, Copy)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Year,
}

fn largest(seconds: u64) -> (u64, Unit) {
    match seconds {
        YEAR.. => (seconds / YEAR, Unit::Year),
        MONTH.. => (seconds / MONTH, Unit::Month),
        DAY.. => (seconds / DAY, Unit::Day),
        HOUR.. => (seconds / HOUR, Unit::Hour),
        MINUTE.. => (seconds / MINUTE, Unit::Minute),
        _ => (seconds, Unit::Second),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit_and_are_rounded_down() {
        for (seconds, text, short) in [
            (0, "0 s", "0s"),
            (59, "59 s", "59s"),
            (60, "1 min", "1m"),
            (HOUR - 1, "59 min", "59m"),
            (4 * HOUR, "4 h", "4h"),
            (2 * DAY - 1, "1 d", "1d"),
            (29 * DAY, "29 d", "29d"),
            (31 * DAY, "1 month", "1mo"),
            (364 * DAY, "12 months", "12mo"),
            (365 * DAY, "1 year", "1y"),
            (800 * DAY, "2 years", "2y"),
        ] {
            assert_eq!((age(seconds).as_str(), short_age(seconds).as_str()), (text, short), "{seconds}");
        }
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (301, "5 min 1 s"),
            (7500, "2 h 5 min"),
            (100_000, "1 d 3 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!(short_duration(301), "5m 1s");
        assert_eq!(short_duration(100_000), "1d 3h");
        assert_eq!(elapsed(72), "1:12");
        assert_eq!(elapsed(3725), "1:02:05");
    }

    #[test]
    fn moments_say_no_more_than_is_needed_to_tell_them_apart() {
        let now = "2026-05-12T16:42:06Z";
        for (time, offset, text) in [
            ("2026-05-12T10:12:59Z", 0, "10:12"),
            ("2026-05-12T23:30:00Z", 3600, "13 May 00:30"),
            ("2026-05-09T10:12:00+02:00", 0, "9 May 08:12"),
            ("2025-05-12T10:12:00Z", 0, "12 May 2025 10:12"),
            ("yesterday", 0, "yesterday"),
            ("", 0, ""),
        ] {
            assert_eq!(moment(time, now, offset), text);
        }
        assert_eq!(moment(now, "?", 0), "12 May 2026 16:42");
        assert_eq!(clock("2026-05-12T15:59:02.345Z", 7200), "17:59:02");
        assert_eq!(clock("later", 0), "later");
        assert_eq!(day("2026-05-12T23:59:02Z", 7200), "13 May");
    }

    #[test]
    fn moments_are_read_as_everybody_reads_them() {
        for text in [
            "2026-05-12T10:12:59Z",
            "2026-05-12t10:12:59.123456789z",
            "2026-05-12 10:12:59,5+02:00",
            "2026-05-12T10:12Z",
            "2026-05-12T10:12:59+0530",
            "2026-05-12T10:12:59-07",
            "2026-05-12T10:12:60-00:00",
            "2024-02-29T23:59:59+14:00",
            "0000-01-01T00:00:00Z",
            "9999-12-30T00:00:00Z",
        ] {
            assert_eq!(parse(text), Some(text.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "2026-05-12",
            "2026-05-12T10:12:59",
            "2026-05-12Z",
            "2026-05-12T10Z:00",
            "2026-13-12T10:12:59Z",
            "2026-02-29T10:12:59Z",
            "2026-05-12T24:00:00Z",
            "2026-05-12T10:60:00Z",
            "2026-05-12T10:12:61Z",
            "2026-05-12T10:12:59.Z",
            "2026-05-12T10:12:59.1234567890Z",
            "2026-05-12T10:12:59+02:60",
            "2026-05-12T10:12:59+02:",
            "2026-05-12T10:12:59+26:00",
            "2026-05-12T10:12:59+2:00",
            "2026-05-12T+0:12:59Z",
            "2026-05-1２T10:12:59Z",
            "9999-12-31T23:59:59-02:00",
            "yesterday",
        ] {
            assert_eq!(parse(text), None, "{text}");
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_moment_that_is_written_is_read(nanoseconds in -377_705_023_201_000_000_000_i128..253_402_207_200_000_000_000, offset in -90_000..90_000_i32) {
            let time = Timestamp::from_nanosecond(nanoseconds).unwrap();
            let offset = Offset::from_seconds(offset / 60 * 60).unwrap();
            for text in [time.to_string(), time.display_with_offset(offset).to_string()] {
                if !text.starts_with('-') {
                    proptest::prop_assert_eq!(parse(&text), Some(time));
                }
            }
        }
    }

    #[test]
    fn a_clock_that_is_ahead_gives_no_negative_age() {
        assert_eq!(seconds("2026-01-01T00:00:05Z", "2026-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2026-01-01T00:00:00+01:00", "2026-01-01T00:00:00Z"), Some(3600));
        assert_eq!(seconds("", "2026-01-01T00:00:00Z"), None);
    }
}
