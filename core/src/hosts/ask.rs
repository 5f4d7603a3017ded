//! What one wants to know of a git host, and what it says.

/// A question to a host about one repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Where a branch is now.
    Head {
        /// Its name; none for the repo's default branch.
        branch: Option<String>,
        /// The ETag of the answer before: if nothing has changed, the answer is [`Head::Unchanged`].
        etag: Option<String>,
    },
    /// One commit.
    Commit {
        /// Its full id.
        id: String,
    },
    /// What one folder holds, not what those in it hold.
    Folder {
        /// The commit to look in.
        commit: String,
        /// From the root of the branch, without slashes at the ends; empty for the root.
        path: String,
        /// Git's id of the folder, where the asker knows it: some hosts answer that faster.
        tree: Option<String>,
    },
    /// Everything below a folder.
    Below {
        /// The commit to look in.
        commit: String,
        /// As of [`Ask::Folder`].
        path: String,
        /// As of [`Ask::Folder`].
        tree: Option<String>,
    },
    /// The content of files.
    Files {
        /// The commit to look in.
        commit: String,
        /// Which, at most some thousands: the host's limits are not the asker's concern.
        files: Vec<Wanted>,
    },
    /// Which files differ between two commits of a branch.
    Changes {
        /// The earlier one.
        from: String,
        /// The later one.
        to: String,
    },
    /// The commits that changed a path, newest first.
    History {
        /// Where to start: a commit or a branch.
        from: String,
        /// A file or a folder; none for all commits.
        path: Option<String>,
        /// From 1.
        page: u32,
    },
    /// Open pull requests into a branch.
    Proposals {
        /// The branch.
        into: String,
    },
    /// Who asks, by their token.
    Viewer,
}

/// A file that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// From the root of the branch.
    pub path: String,
    /// Git's id of its content, where the asker knows it.
    pub blob: Option<String>,
}

/// What a host says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::Head`].
    Head(Head),
    /// To [`Ask::Commit`].
    Commit(Commit),
    /// To [`Ask::Folder`]; none where there is no such folder.
    Folder(Option<Vec<Entry>>),
    /// To [`Ask::Below`]; none where there is no such folder.
    Below(Option<Listing>),
    /// To [`Ask::Files`]: each that was asked for, in any order.
    Files(Vec<File>),
    /// To [`Ask::Changes`]: all there are, besides maybe some that are as they were; none where the host does
    /// not tell them all, or the one is not among those before the other.
    Changes(Option<Vec<Change>>),
    /// To [`Ask::History`].
    History(History),
    /// To [`Ask::Proposals`].
    Proposals(Vec<Proposal>),
    /// To [`Ask::Viewer`].
    Viewer(Viewer),
}

/// Where a branch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// Where it was when the ETag was given out.
    Unchanged,
    /// There is no such branch.
    Missing,
    /// At this commit.
    At {
        /// The branch's name.
        branch: String,
        /// Its newest commit.
        commit: Commit,
        /// To ask again with. It belongs to the token that was used.
        etag: Option<String>,
    },
}

/// A commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Its full id.
    pub id: String,
    /// Git's id of its root folder, where the host says it.
    pub tree: Option<String>,
    /// RFC 3339.
    pub time: String,
    /// First line of its message.
    pub subject: String,
    /// Name of its author.
    pub author: String,
}

/// What lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Path from the folder that was asked for.
    pub path: String,
    /// Folder or file.
    pub kind: EntryKind,
    /// Git's id of it.
    pub id: String,
}

/// What an [`Entry`] is. Links to other repos are neither, and left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A file.
    File,
}

/// Everything below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Sorted by path. Folders may be left out by hosts that list files only.
    pub entries: Vec<Entry>,
    /// Whether that is all there is: some hosts give up on large folders.
    pub whole: bool,
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// As it was asked for.
    pub path: String,
    /// None where there is no such file.
    pub bytes: Option<Vec<u8>>,
}

/// A file that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// From the root of the branch.
    pub path: String,
    /// What it is now.
    pub now: Now,
}

/// What a file has become.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Now {
    /// Git's id of its content.
    Blob(String),
    /// It is gone.
    Gone,
    /// The host does not say.
    Untold,
}

/// A part of the commits that changed a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Newest first.
    pub commits: Vec<Commit>,
    /// Whether there is a next page.
    pub more: bool,
}

/// A pull request that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Where a person reads it.
    pub url: String,
    /// Login of its author.
    pub author: String,
    /// When it was opened, RFC 3339.
    pub opened: String,
    /// Its branch.
    pub branch: String,
    /// Whether it is a draft.
    pub draft: bool,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Their login.
    pub login: String,
}
