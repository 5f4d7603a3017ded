//! A pattern on its way down a tree whose folders have few names.
//!
//! A store has a hundred thousand folders, and `status`, `1` or `prod` are the names of most. What a pattern
//! makes of a folder follows from what it made of the one above and from the name, and there are few of the
//! former, too. So a [`Judge`] remembers: a folder costs a look into a table, whatever the pattern is.

use std::collections::HashMap;

use super::Glob;
use super::descent::{Descent, Standing};
use crate::mixed::Map;

/// What a pattern makes of folders, as far as it was asked.
#[derive(Clone)]
pub(crate) struct Judge {
    glob: Glob,
    verdicts: Vec<Known>,
    ids: HashMap<Standing, u32>,
    /// By what was made of the folder above, and the name's number.
    next: Map<u64, u32>,
}

#[derive(Clone)]
struct Known {
    standing: Standing,
    is_match: bool,
    below: bool,
}

/// What a pattern makes of a folder; of use to the [`Judge`] that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict(u32);

impl Judge {
    pub(crate) fn new(glob: &Glob) -> Judge {
        Judge { glob: glob.clone(), verdicts: Vec::new(), ids: HashMap::new(), next: Map::default() }
    }

    /// As [`Glob::descend`].
    pub(crate) fn descend(&mut self, folder: &str) -> Verdict {
        let glob = self.glob.clone();
        self.know(glob.descend(folder))
    }

    /// As [`Descent::enter`]; each name has a number, the same for all folders.
    pub(crate) fn enter(&mut self, above: Verdict, number: u32, name: &str) -> Verdict {
        let key = u64::from(above.0) << 32 | u64::from(number);
        if let Some(known) = self.next.get(&key) {
            return Verdict(*known);
        }
        let glob = self.glob.clone();
        let verdict = match self.verdicts.get(above.0 as usize) {
            Some(above) => self.know(Descent::at(glob.folders(), above.standing.clone()).enter(name)),
            None => above,
        };
        self.next.insert(key, verdict.0);
        verdict
    }

    /// As [`Descent::is_match`].
    pub(crate) fn is_match(&self, verdict: Verdict) -> bool {
        self.verdicts.get(verdict.0 as usize).is_some_and(|known| known.is_match)
    }

    /// As [`Descent::may_match_below`].
    pub(crate) fn may_match_below(&self, verdict: Verdict) -> bool {
        self.verdicts.get(verdict.0 as usize).is_some_and(|known| known.below)
    }

    fn know(&mut self, descent: Descent<'_>) -> Verdict {
        let (is_match, below) = (descent.is_match(), descent.may_match_below());
        let standing = descent.standing();
        if let Some(id) = self.ids.get(&standing) {
            return Verdict(*id);
        }
        let id = u32::try_from(self.verdicts.len()).unwrap_or(u32::MAX);
        self.verdicts.push(Known { standing: standing.clone(), is_match, below });
        self.ids.insert(standing, id);
        Verdict(id)
    }
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").field("glob", &self.glob).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_judges_as_the_pattern_does_however_often_it_is_asked() {
        let names = ["s", "-", "p", "@", "@r1", "deploy", "task", "prod", "1", "status", "complete"];
        let patterns = [
            "**",
            "s/-/p/**",
            "**/@/deploy/*",
            "{,**/}@*/{task,deploy}/*/[0-9]",
            "**p**",
            "x",
            &"?".repeat(90),
        ];
        for pattern in patterns {
            let glob = Glob::new(pattern).unwrap();
            let mut judge = Judge::new(&glob);
            // Every folder of three levels, twice, and some deeper ones.
            let mut open = vec![(String::new(), judge.descend(""), 0); 2];
            while let Some((path, verdict, depth)) = open.pop() {
                let descent = glob.descend(&path);
                assert_eq!(judge.is_match(verdict), descent.is_match(), "{pattern} {path}");
                assert_eq!(judge.may_match_below(verdict), descent.may_match_below(), "{pattern} {path}");
                for (number, name) in (0..).zip(names) {
                    let deeper = depth < 3 || number as usize == depth;
                    if deeper && depth < names.len() {
                        let inner = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
                        open.push((inner, judge.enter(verdict, number, name), depth + 1));
                    }
                }
            }
            assert!(judge.verdicts.len() < 60, "{pattern}: {}", judge.verdicts.len());
        }
    }
}
