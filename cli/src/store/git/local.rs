//! A remote in a folder of this machine, which nobody has to reach.
//!
//! There `git push` is a shell, in it `git receive-pack`, which takes the push, and beside it `git
//! pack-objects`, which makes the pack anew that a transaction already is. So here only `git receive-pack` is
//! started, and is sent that pack. It checks and does what it does for `git push`: hooks, rights, settings of
//! that repo.
//!
//! What is said is git's protocol (gitprotocol-pack), in lines that begin with their length. Receive-pack
//! names the branches that it has; it is sent what should become of them, and the pack; and it answers what
//! has become of them:
//!
//! ```text
//! 00aa8b40… refs/heads/state\0report-status atomic …      from receive-pack
//! 0000
//! 007b8b40… 1f22… refs/heads/state\0 report-status        to it
//! 0000PACK…
//! 000eunpack ok                                           from it
//! 0018ok refs/heads/state
//! 0000
//! ```

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

use git2::{Config, Oid, Repository};

use super::super::error::StoreError;
use super::super::steps::step;
use super::command::elsewhere;
use super::push::{Told, Way};
use super::{pack, upkeep};

/// A bare repo in a folder.
pub(super) struct Local {
    folder: PathBuf,
    repo: Repository,
}

/// How a push is taken: as the pack that it comes in. Otherwise git makes a file of each of some forty
/// objects, which is most of what such a push takes, and joins them again later. That it tidies up when there
/// are fifty packs is meant for larger ones.
const RECEIVING: [&str; 2] = ["receive.unpackLimit=1", "gc.autoPackLimit=250"];
/// Where there is nothing to tidy up. Else another git is started to find that out.
const TIDY: &str = "receive.autogc=false";
/// What is new is kept apart until it has been checked. So the repo's own objects look like those of another,
/// whose branches git is started to list, though it knows them.
const ALONE: &str = "core.alternateRefsCommand=true";
/// Other threads are not worth starting for a small pack.
const ONE_THREAD: &str = "pack.threads=1";
/// More packs than this are tidied up, as [`RECEIVING`] says.
const PACKS: usize = 250;
/// Objects in files of their own that are more than git's `gc.auto`.
const LOOSE: usize = 6700;

/// A push that has begun: a `git receive-pack` that waits to be told what for. It ends by itself when it is
/// forgotten.
pub(super) struct Begun {
    child: Child,
    began: Instant,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Local").field(&self.folder).finish()
    }
}

impl Local {
    /// The repo at `url`. None for other remotes, and where somebody has set up how git comes to this one or
    /// how this one takes pushes: then `git push` does as it was told.
    pub(super) fn at(url: &str) -> Option<Local> {
        // In a URL git takes `%20` for a space.
        let folder = match url.strip_prefix("file://") {
            Some(folder) => Some(folder).filter(|folder| !folder.contains('%')),
            None => Some(url),
        };
        let folder = PathBuf::from(folder.filter(|folder| folder.starts_with('/'))?);
        let repo = Repository::open_bare(&folder).ok()?;
        let config = repo.config().and_then(|mut config| config.snapshot()).ok()?;
        let mut is = is_set_up(&config, url).ok()? || is_in_environment(url);
        // These stand for files that are found elsewhere otherwise.
        for name in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
            if let Some(file) = std::env::var_os(name).filter(|file| Path::new(file).is_file()) {
                is |= Config::open(Path::new(&file)).and_then(|config| is_set_up(&config, url)).ok()?;
            }
        }
        (!is).then_some(Local { folder, repo })
    }

    /// Whether a branch, or anything else by its full name, is at this commit.
    pub(super) fn is_at(&self, name: &str, commit: Oid) -> bool {
        self.repo.refname_to_id(name).is_ok_and(|there| there == commit)
    }

    /// Starts a push of what is small or not. What it is of need not be known yet: meanwhile the other side
    /// gets ready.
    ///
    /// # Errors
    /// When there is no git.
    pub(super) fn begin(&self, small: bool) -> Result<Begun, StoreError> {
        let began = Instant::now();
        let mut command = elsewhere();
        // What is set for git here is not meant for the remote.
        command.env_remove("GIT_CONFIG_COUNT").env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
        // The folder may be gone by now, which is for git to say.
        command.current_dir("/");
        let alone = !self.folder.join("objects/info/alternates").exists();
        let by_need = [(!self.is_untidy(), TIDY), (alone, ALONE), (small, ONE_THREAD)];
        let by_need = by_need.into_iter().filter_map(|(needed, setting)| needed.then_some(setting));
        for setting in RECEIVING.into_iter().chain(by_need) {
            command.args(["-c", setting]);
        }
        command.arg("receive-pack").arg(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Begun { child: command.spawn().map_err(StoreError::NoGit)?, began })
    }

    /// Whether git would find something to tidy up there.
    fn is_untidy(&self) -> bool {
        let objects = self.folder.join("objects");
        pack::count(&self.folder) > PACKS || upkeep::loose_in(&objects) > LOOSE
    }
}

impl Begun {
    /// Brings branches of `local` from one commit to the next, all or none of them. `pack` has what that takes.
    ///
    /// # Errors
    /// When git cannot be waited for, or the pack is gone.
    pub(super) fn push(mut self, local: &Local, ways: &[Way], pack: &Path) -> Result<Told, StoreError> {
        let mut pack = File::open(pack).map_err(|error| StoreError::read("read", pack, error))?;
        let offered = offer(&mut self.child, local, ways, &mut pack);
        let output = self.child.wait_with_output().map_err(StoreError::NoGit)?;
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        tracing::debug!(status = %output.status, took = ?self.began.elapsed(), stderr, "git receive-pack");
        // These are the remote's words, as git calls them.
        let said = || stderr.lines().map(|line| format!("remote: {line}\n")).collect::<String>();
        let report = || answer(&output.stdout).map(|report| report.told(&said()));
        Ok(match offered {
            Ok(None) => report().unwrap_or(Told::Nothing(stderr.clone())),
            Ok(Some(told)) => told,
            // It has ended before it had read all, and mostly said why.
            Err(_) => report().unwrap_or_else(|| Told::Nothing(said())),
        })
    }
}

/// Whether somebody has set how git comes to the remote at `url`, how it takes pushes or when it tidies up.
fn is_set_up(config: &Config, url: &str) -> Result<bool, git2::Error> {
    let mut is = false;
    config.entries(None)?.for_each(|entry| {
        is |= entry.name().is_ok_and(|name| is_about(name, entry.value().ok(), url));
    })?;
    Ok(is)
}

/// As [`is_set_up`], in variables of the environment.
fn is_in_environment(url: &str) -> bool {
    let is_one = |(name, key): (OsString, OsString)| {
        let index = name.to_str().and_then(|name| name.strip_prefix("GIT_CONFIG_KEY_"));
        let value = index.and_then(|index| std::env::var(format!("GIT_CONFIG_VALUE_{index}")).ok());
        index.is_some()
            && key.to_str().is_none_or(|key| is_about(&key.to_ascii_lowercase(), value.as_deref(), url))
    };
    // The last is git's own way to hand on `-c`, and for it to read.
    std::env::vars_os().any(is_one) || std::env::var_os("GIT_CONFIG_PARAMETERS").is_some()
}

/// Whether a setting, by its name in small letters, is about a remote at `url`.
fn is_about(name: &str, value: Option<&str>, url: &str) -> bool {
    let elsewhere = name.starts_with("url.") && value.is_none_or(|start| url.starts_with(start));
    let forbidden = name == "protocol.allow" || name.starts_with("protocol.file.");
    let own = name.ends_with(".unpacklimit") || name.starts_with("gc.") || name.starts_with("maintenance.");
    elsewhere || forbidden || own
}

/// Says what should become of branches, and sends what that takes; unless it is clear before that it will
/// not be.
fn offer(child: &mut Child, local: &Local, ways: &[Way], pack: &mut File) -> io::Result<Option<Told>> {
    let there = Branches::read(child.stdout.as_mut().ok_or(io::ErrorKind::BrokenPipe)?)?;
    tell(child, local, there, ways, pack)
}

fn tell(
    child: &mut Child,
    local: &Local,
    there: Branches,
    ways: &[Way],
    pack: &mut File,
) -> io::Result<Option<Told>> {
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let told = if ways.len() > 1 && !there.atomic {
        Some(Told::NotAtomic)
    } else {
        // What is to stay as it is is not told to the other side, which would look once more. So it is looked
        // at now, and not only when this was begun.
        let stays = |way: &Way| way.old != Some(way.new) || local.is_at(&way.name, way.new);
        let unmoved = |way: &Way| there.tips.get(&way.name).copied() == way.old && stays(way);
        let moved = ways.iter().find(|way| !unmoved(way));
        moved.map(|way| Told::refused([(way.name.as_str(), "stale info")].into_iter(), ""))
    };
    if told.is_some() {
        stdin.write_all(END)?;
        return Ok(told);
    }
    let mut capabilities = "report-status".to_owned();
    if ways.len() > 1 {
        capabilities.push_str(" atomic");
    }
    for way in ways.iter().filter(|way| way.old != Some(way.new)) {
        let old = way.old.unwrap_or(Oid::ZERO_SHA1);
        let line = format!("{old} {} {}\0{capabilities}", way.new, way.name);
        write!(stdin, "{:04x}{line}", line.len() + 4)?;
        // They belong to the first line only.
        capabilities.clear();
    }
    stdin.write_all(END)?;
    step();
    io::copy(pack, &mut stdin)?;
    step();
    Ok(None)
}

/// What stands at the end of lines.
const END: &[u8] = b"0000";

/// One line; none at the end of some.
fn line(from: &mut impl Read) -> io::Result<Option<String>> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = std::str::from_utf8(&length).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
    match length.ok_or_else(broken)? {
        0 => Ok(None),
        length => {
            let mut text = vec![0; length.checked_sub(4).ok_or_else(broken)?];
            from.read_exact(&mut text)?;
            Ok(Some(String::from_utf8_lossy(&text).trim_end_matches('\n').to_owned()))
        }
    }
}

/// The branches that a remote has.
struct Branches {
    tips: HashMap<String, Oid>,
    atomic: bool,
}

impl Branches {
    fn read(from: &mut impl Read) -> io::Result<Branches> {
        let mut there = Branches { tips: HashMap::new(), atomic: false };
        while let Some(line) = line(from)? {
            let (line, capabilities) = line.split_once('\0').unwrap_or((&line, ""));
            there.atomic |= capabilities.split(' ').any(|capability| capability == "atomic");
            if let Some((id, name)) = line.split_once(' ')
                && let Ok(id) = Oid::from_str(id)
            {
                there.tips.insert(name.to_owned(), id);
            }
        }
        Ok(there)
    }
}

/// What has become of branches.
struct Report {
    /// Those that were not taken, and why.
    refused: Vec<(String, String)>,
}

impl Report {
    fn told(&self, stderr: &str) -> Told {
        if self.refused.is_empty() {
            return Told::Taken;
        }
        Told::refused(self.refused.iter().map(|(name, why)| (name.as_str(), why.as_str())), stderr)
    }
}

/// Reads the answer; none where it is not all there.
fn answer(mut stdout: &[u8]) -> Option<Report> {
    let mut refused = Vec::new();
    let unpacked = line(&mut stdout).ok()??;
    let unpacked = unpacked.strip_prefix("unpack ")?;
    while let Some(line) = line(&mut stdout).ok()? {
        if let Some(line) = line.strip_prefix("ng ") {
            let (name, why) = line.split_once(' ').unwrap_or((line, ""));
            let why = if unpacked == "ok" { why.to_owned() } else { format!("{why}: {unpacked}") };
            refused.push((name.to_owned(), why));
        }
    }
    Some(Report { refused })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use git2::{ObjectType, Signature};

    use super::super::push::Refused;
    use super::*;

    /// A clone that writes, and the bare repo that it pushes to.
    struct Both {
        folder: tempfile::TempDir,
        clone: Repository,
    }

    impl Both {
        fn new() -> Both {
            let folder = tempfile::tempdir().unwrap();
            let clone = Repository::init_bare(folder.path().join("clone")).unwrap();
            Repository::init_bare(folder.path().join("remote.git")).unwrap();
            Both { folder, clone }
        }

        fn url(&self) -> String {
            self.folder.path().join("remote.git").to_str().unwrap().to_owned()
        }

        fn remote(&self) -> Repository {
            Repository::open_bare(self.url()).unwrap()
        }

        fn set(&self, name: &str, value: &str) {
            self.remote().config().unwrap().set_str(name, value).unwrap();
        }

        /// A commit without any files.
        fn commit(&self, message: &str, parent: Option<Oid>) -> Oid {
            let parent = parent.map(|parent| self.clone.find_commit(parent).unwrap());
            let tree = self.clone.find_tree(self.clone.treebuilder(None).unwrap().write().unwrap()).unwrap();
            let who = Signature::now("A", "a@example.org").unwrap();
            let parents: Vec<_> = parent.iter().collect();
            self.clone.commit(None, &who, &who, message, &tree, &parents).unwrap()
        }

        fn local(&self) -> Local {
            Local { folder: self.url().into(), repo: self.remote() }
        }

        /// Pushes these ways of branches.
        fn push(&self, ways: &[(&str, Option<Oid>, Oid)]) -> Told {
            self.go_on(self.local().begin(true).unwrap(), ways)
        }

        fn go_on(&self, begun: Begun, ways: &[(&str, Option<Oid>, Oid)]) -> Told {
            let mut objects = BTreeSet::new();
            for (_, _, new) in ways {
                objects.extend([*new, self.clone.find_commit(*new).unwrap().tree_id()]);
            }
            let pack = pack::write(&self.clone, &objects).unwrap();
            let way = |(name, old, new): &(&str, Option<Oid>, Oid)| Way {
                name: format!("refs/heads/{name}"),
                old: *old,
                new: *new,
            };
            begun.push(&self.local(), &ways.iter().map(way).collect::<Vec<_>>(), &pack).unwrap()
        }

        fn tip(&self, name: &str) -> Option<Oid> {
            self.remote().refname_to_id(&format!("refs/heads/{name}")).ok()
        }
    }

    #[test]
    fn all_branches_are_pushed_or_none() {
        let both = Both::new();
        let (one, other) = (both.commit("one", None), both.commit("other", None));
        assert_eq!(both.push(&[("state", None, one), ("intent", None, other)]), Told::Taken);
        assert_eq!([both.tip("state"), both.tip("intent")], [Some(one), Some(other)]);
        let next = both.commit("next", Some(one));
        let late = both.push(&[("state", Some(one), next), ("intent", Some(one), one)]);
        let why = "stale info".to_owned();
        assert_eq!(late, Told::Refused(Refused::Moved { branch: "intent".to_owned(), why: why.clone() }));
        let late = both.push(&[("state", None, next)]);
        assert_eq!(late, Told::Refused(Refused::Moved { branch: "state".to_owned(), why }));
        assert_eq!(both.tip("state"), Some(one));
        // One that stays as it is has to be there all the same.
        assert_eq!(both.push(&[("state", Some(one), next), ("intent", Some(other), other)]), Told::Taken);
        assert_eq!(both.tip("state"), Some(next));
        both.set("receive.advertiseAtomic", "false");
        let last = both.commit("last", Some(next));
        assert_eq!(
            both.push(&[("state", Some(next), last), ("intent", Some(other), other)]),
            Told::NotAtomic
        );
        assert_eq!(both.push(&[("state", Some(next), last)]), Told::Taken);
    }

    #[test]
    fn what_moves_once_a_push_has_begun_is_noticed() {
        let both = Both::new();
        let (one, other) = (both.commit("one", None), both.commit("other", None));
        let next = both.commit("next", Some(one));
        let ways = [("state", one, next), ("intent", other, other)].map(|(name, old, new)| Way {
            name: format!("refs/heads/{name}"),
            old: Some(old),
            new,
        });
        for moves in ["state", "intent"] {
            both.push(&[("state", both.tip("state"), one), ("intent", both.tip("intent"), other)]);
            let mut begun = both.local().begin(true).unwrap();
            let there = Branches::read(begun.child.stdout.as_mut().unwrap()).unwrap();
            both.push(&[(moves, both.tip(moves), both.commit("faster", None))]);
            let pack = pack::write(&both.clone, &BTreeSet::from([next])).unwrap();
            let told = tell(&mut begun.child, &both.local(), there, &ways, &mut File::open(pack).unwrap());
            let output = begun.child.wait_with_output().unwrap();
            let told = told.unwrap().unwrap_or_else(|| answer(&output.stdout).unwrap().told(""));
            assert!(
                matches!(&told, Told::Refused(Refused::Moved { branch, .. }) if branch == moves),
                "{told:?}"
            );
            assert_ne!(both.tip("state"), Some(next));
        }
    }

    #[test]
    fn what_the_repo_has_against_a_push_is_told() {
        let both = Both::new();
        let one = both.commit("one", None);
        let declined = |message: &str| {
            let (branch, message) = ("state".to_owned(), message.to_owned());
            Told::Refused(Refused::Declined { branch, message })
        };
        // Some of it is missing.
        let far = both.commit("far", Some(both.commit("not pushed", None)));
        let told = both.push(&[("state", None, far)]);
        assert!(matches!(&told, Told::Refused(Refused::Declined { .. })), "{told:?}");
        assert!(format!("{told:?}").contains("missing necessary objects"), "{told:?}");
        let hook = both.folder.path().join("remote.git/hooks/pre-receive");
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, "#!/bin/sh\ncat >/dev/null\necho only robots\nexit 1\n").unwrap();
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let told = both.push(&[("state", None, one)]);
        assert_eq!(told, declined("pre-receive hook declined: only robots"));
        assert_eq!(both.tip("state"), None);
        // It is none any more.
        let local = both.local();
        std::fs::remove_file(both.folder.path().join("remote.git/HEAD")).unwrap();
        let pack = pack::write(&both.clone, &BTreeSet::from([one])).unwrap();
        let told = local.begin(true).unwrap().push(
            &local,
            &[Way { name: "refs/heads/state".to_owned(), old: None, new: one }],
            &pack,
        );
        assert!(matches!(told.unwrap(), Told::Nothing(why) if why.contains("not appear to be a git repo")));
    }

    #[test]
    fn a_repo_with_many_packs_is_tidied_up() {
        let both = Both::new();
        // At once, not in a process of its own.
        both.set("gc.autoDetach", "false");
        let one = both.commit("one", None);
        assert_eq!(both.push(&[("state", None, one)]), Told::Taken);
        let remote = both.remote();
        for number in 0..PACKS {
            let blob = remote.odb().unwrap().write(ObjectType::Blob, &number.to_be_bytes()).unwrap();
            pack::write(&remote, &BTreeSet::from([blob])).unwrap();
        }
        assert_eq!(pack::count(both.url().as_ref()), PACKS + 1);
        let next = both.commit("next", Some(one));
        assert_eq!(both.push(&[("state", Some(one), next)]), Told::Taken);
        assert!(pack::count(both.url().as_ref()) < 5);
    }

    #[test]
    fn others_are_left_to_git() {
        let both = Both::new();
        let is = |url: &str| Local::at(url).is_some();
        assert!(is(&both.url()) && is(&format!("file://{}", both.url())));
        let one = both.commit("one", None);
        both.push(&[("state", None, one)]);
        let local = Local::at(&both.url()).unwrap();
        assert!(local.is_at("refs/heads/state", one) && !local.is_at("refs/heads/intent", one));
        for url in ["https://h/o/r.git", "git@h:o/r.git", "remote.git", "file://h/r.git", "/nowhere/r.git"] {
            assert!(!is(url), "{url}");
        }
        let path = both.folder.path().join("a%20b");
        Repository::init_bare(&path).unwrap();
        assert!(is(path.to_str().unwrap()) && !is(&format!("file://{}", path.display())));
        Repository::init(both.folder.path().join("checkout")).unwrap();
        assert!(!is(both.folder.path().join("checkout").to_str().unwrap()));
        let here = format!("url.https://h/.insteadOf={}", both.folder.path().display());
        for (name, value) in [
            ("receive.unpackLimit", "100"),
            ("transfer.unpackLimit", "100"),
            ("gc.auto", "0"),
            ("maintenance.strategy", "none"),
            ("protocol.file.allow", "never"),
            here.split_once('=').unwrap(),
        ] {
            both.set(name, value);
            assert!(!is(&both.url()), "{name}");
            both.remote().config().unwrap().remove(name).unwrap();
        }
        both.set("url.https://h/.insteadOf", "/elsewhere");
        assert!(is(&both.url()));
    }
}
