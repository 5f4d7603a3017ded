//! Why an edit or a run is put off, as a plan has it, told as everything else is.
//!
//! A plan gives its reasons as text for a terminal, with whole refs in it. Where one begins with the
//! run that is in the way, it is told how that run stands, which a plan does not look up: a process
//! that has died leaves a run that is `running` for ever.

use super::{Action, Enquiry, Sentence, Word, name};
use crate::refs::Ref;
use crate::runs;
use crate::snapshot::Needs;

impl Enquiry<'_> {
    /// A plan's reason why something about `context` is left out, as a sentence with links; and how the
    /// run in the way stands, where it is one.
    ///
    /// # Errors
    /// What must be loaded.
    pub fn reason(&mut self, reason: &str, context: &Ref) -> Result<(Word, Sentence), Needs> {
        let run = reason.split(' ').next().and_then(|first| first.parse::<Ref>().ok());
        let entry = match run {
            Some(run) => runs::find(self.snapshot, &run)?,
            None => None,
        };
        let Some(entry) = entry else { return Ok((Word::Waiting, linked(reason, context))) };
        let name = name::of(&entry.reference, context);
        let standing = self.standing(&entry)?;
        let mut sentence = name.and_text(" ").and(standing.clause);
        if let Some(Action::Retry { command }) = standing.help.first().map(|help| &help.action) {
            sentence = sentence.and_text("; ").and(Sentence::command(command));
        }
        Ok((standing.word, sentence))
    }
}

/// A text, with whole refs in it as links and what stands in backticks as commands.
fn linked(text: &str, context: &Ref) -> Sentence {
    let mut sentence = Sentence::default();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            sentence = sentence.and(Sentence::command(part));
            continue;
        }
        for word in part.split_inclusive(' ') {
            let bare = word.trim_end_matches([' ', ',', ';', ':', '.', ')']);
            let reference = bare.parse::<Ref>().ok();
            sentence =
                match reference.filter(|at| at.is_global() && bare.contains('/') || bare.contains("/-/")) {
                    Some(at) => sentence
                        .and(name::of(&at.document(), context))
                        .and_text(word.get(bare.len()..).unwrap_or_default()),
                    None => sentence.and_text(word),
                };
        }
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::why::Part;

    #[test]
    fn refs_are_links_and_backticks_commands() {
        let context: Ref = "s/-/p/@r2".parse().unwrap();
        let sentence =
            linked("s/-/p/@r1 has no deployment to a/b (it deploys to: x), so `ocuroot x`", &context);
        assert_eq!(sentence.to_string(), "r1 has no deployment to a/b (it deploys to: x), so `ocuroot x`");
        let refs = sentence.parts().iter().filter(|part| matches!(part, Part::Ref { .. })).count();
        let commands = sentence.parts().iter().filter(|part| matches!(part, Part::Command { .. })).count();
        assert_eq!((refs, commands), (1, 1));
    }
}
