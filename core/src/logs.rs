//! How much of a run's output a store keeps.
//!
//! Log documents over 1 MiB are cut in the middle (spec: work): how a run began and how it ended is
//! what people look for. A line in the gap says how much is missing.

use crate::documents::Log;

/// The most that a log document may hold, in bytes of text.
pub const MOST_BYTES: usize = 1024 * 1024;

/// Room for what surrounds a message in JSON: the keys, the time, the attributes' punctuation.
const OVERHEAD: usize = 160;

fn size(log: &Log) -> usize {
    let attributes: usize = log.attributes.iter().map(|(key, value)| key.len() + value.len() + 24).sum();
    // Twice the message: escapes can double it, and control characters are rare enough.
    OVERHEAD
        + attributes
        + log.message.len()
        + log.message.bytes().filter(|byte| *byte < 0x20 || *byte == b'"').count()
}

/// `logs`, or their first and last part around a line that says how much was cut.
#[must_use]
pub fn bounded(logs: &[Log]) -> Vec<Log> {
    let total: usize = logs.iter().map(size).sum();
    if total <= MOST_BYTES {
        return logs.to_vec();
    }
    let half = MOST_BYTES / 2 - 1024;
    let mut used = 0;
    let fits = |log: &&Log| {
        used += size(log);
        used <= half
    };
    let head: Vec<Log> = logs.iter().take_while(fits).cloned().collect();
    let mut used = 0;
    let fits = |log: &&Log| {
        used += size(log);
        used <= half
    };
    let mut tail: Vec<Log> = logs.iter().skip(head.len()).rev().take_while(fits).cloned().collect();
    tail.reverse();
    let cut = logs.get(head.len()..logs.len() - tail.len()).unwrap_or_default();
    let bytes: usize = cut.iter().map(|log| log.message.len() + 1).sum();
    let marker = Log {
        timestamp: cut.first().map(|log| log.timestamp.clone()).unwrap_or_default(),
        message: format!("… {} lines ({bytes} bytes) cut here …", cut.len()),
        attributes: [("cut".to_owned(), cut.len().to_string())].into(),
        stream: 0,
        extra: crate::documents::Extra::new(),
    };
    head.into_iter().chain([marker]).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: String) -> Log {
        Log {
            timestamp: "2026-01-01T00:00:00Z".to_owned(),
            message,
            attributes: [("thread".to_owned(), "build".to_owned())].into(),
            stream: 1,
            extra: crate::documents::Extra::new(),
        }
    }

    #[test]
    fn what_is_long_is_cut_in_the_middle_and_says_so() {
        let logs: Vec<Log> = (0..50_000).map(|n| line(format!("line {n}"))).collect();
        let kept = bounded(&logs);
        assert_eq!(kept.first(), logs.first());
        assert_eq!(kept.last(), logs.last());
        let marker = kept.iter().find(|log| log.attributes.contains_key("cut")).unwrap();
        let cut: usize = marker.attributes["cut"].parse().unwrap();
        assert_eq!(cut + kept.len() - 1, logs.len());
        assert!(serde_json::to_string_pretty(&kept).unwrap().len() <= MOST_BYTES);
    }

    #[test]
    fn one_enormous_line_is_cut_too() {
        let logs = [line("start".to_owned()), line("x".repeat(3 * MOST_BYTES)), line("end".to_owned())];
        let kept = bounded(&logs);
        assert_eq!(kept.len(), 3);
        assert!(kept[1].message.contains("1 lines"));
    }

    #[test]
    fn what_fits_is_left_alone() {
        let logs = [line("a".to_owned())];
        assert_eq!(bounded(&logs), logs);
    }
}
