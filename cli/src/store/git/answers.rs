//! Answers that are kept from one command to the next.
//!
//! What a tree of git holds does not change, so the answer to a question about all of two trees does
//! not either: what differs, what is to be done. Nothing but the trees may go into such an answer, the
//! time neither.

use std::path::{Path, PathBuf};

use ocuroot_core::envelope::BlobId;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How many answers are kept.
const KEPT: usize = 200;

/// The answers of this build, in a folder.
#[derive(Debug)]
pub(super) struct Answers {
    folder: PathBuf,
}

impl Answers {
    /// Those kept in `home`.
    pub(super) fn new(home: &Path) -> Answers {
        Answers { folder: home.join("cache/answers") }
    }

    /// The place of an answer. Another build may answer differently.
    fn place(&self, question: &str, trees: &str) -> PathBuf {
        let build = std::env::current_exe().and_then(|exe| exe.metadata()).ok().map(|build| {
            (build.len(), build.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()))
        });
        let key = format!("{} {build:?}\n{question}\n{trees}", ocuroot_core::VERSION);
        self.folder.join(BlobId::of(key.as_bytes()).to_string())
    }

    /// The answer that was kept.
    pub(super) fn get<T: DeserializeOwned>(&self, question: &str, trees: &str) -> Option<T> {
        serde_json::from_slice(&std::fs::read(self.place(question, trees)).ok()?).ok()
    }

    /// Keeps an answer. That it cannot be kept is no reason to fail.
    pub(super) fn keep<T: Serialize>(&self, question: &str, trees: &str, answer: &T) {
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(&self.folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            serde_json::to_writer(&mut file, answer)?;
            file.persist(self.place(question, trees))?;
            self.forget_old()
        };
        if let Err(error) = write() {
            tracing::debug!(%error, "an answer is not kept");
        }
    }

    fn forget_old(&self) -> std::io::Result<()> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
        files.sort();
        let surplus = files.len().saturating_sub(KEPT);
        files.iter().take(surplus).try_for_each(|(_, path)| std::fs::remove_file(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_that_to_one_question_about_one_pair_of_trees() {
        let folder = tempfile::tempdir().unwrap();
        let answers = Answers::new(folder.path());
        let get = |question, trees| answers.get::<Vec<u32>>(question, trees);
        assert_eq!(get("plan", "a b"), None);
        answers.keep("plan", "a b", &vec![1, 2]);
        assert_eq!(get("plan", "a b"), Some(vec![1, 2]));
        assert_eq!((get("plan", "a c"), get("diff", "a b")), (None, None));
        std::fs::write(answers.place("plan", "a b"), "[1,").unwrap();
        assert_eq!(get("plan", "a b"), None, "half an answer is none");
        for number in 0..KEPT + 5 {
            answers.keep("plan", &number.to_string(), &vec![0]);
        }
        assert_eq!(std::fs::read_dir(&answers.folder).unwrap().count(), KEPT);
    }
}
