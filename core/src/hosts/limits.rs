//! What an instance lets one ask for at once, learnt from its answers.

/// Kept by the shell for as long as it likes, one per host and token.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Files in one request, where that has been found out.
    pub batch: Option<usize>,
    /// How files are asked for on Gitea and Forgejo, where that has been found out.
    pub way: Option<Way>,
    /// Whether Gitea or Forgejo finds a folder by commit and path, where that has been found out.
    pub names: Option<bool>,
}

/// How an instance of Gitea or Forgejo gives out many files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Way {
    /// `POST …/file-contents`: Gitea 1.24.
    Contents,
    /// `GET …/git/blobs?shas=`: Forgejo 12.
    Blobs,
    /// Not at all: one by one.
    Single,
}
