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
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

use git2::{Config, Oid, Repository};

use super::super::error::StoreError;
use super::command::elsewhere;
use super::push::{Told, Way};
use super::upkeep;

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
/// Other threads are not worth starting for a pack smaller than [`SMALL`].
const ONE_THREAD: &str = "pack.threads=1";
const SMALL: u64 = 1 << 20;
/// More packs than this are tidied up, as [`RECEIVING`] says.
const PACKS: usize = 250;
/// Objects in files of their own that are more than git's `gc.auto`.
const LOOSE: usize = 6700;

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
        (!is_set_up(&config, url).ok()?).then_some(Local { folder, repo })
    }

    /// Whether a branch, or anything else by its full name, is at this commit.
    pub(super) fn is_at(&self, name: &str, commit: Oid) -> bool {
        self.repo.refname_to_id(name).is_ok_and(|there| there == commit)
    }

    /// Brings branches from one commit to the next, all or none of them. `pack` has what that takes.
    ///
    /// # Errors
    /// When there is no git, or the pack is gone.
    pub(super) fn push(&self, ways: &[Way], pack: &Path) -> Result<Told, StoreError> {
        let mut pack = File::open(pack).map_err(|error| StoreError::read("read", pack, error))?;
        let began = Instant::now();
        let mut command = elsewhere();
        // What is set for git here is not meant for the remote.
        command.env_remove("GIT_CONFIG_COUNT").env("LC_ALL", "C").current_dir(&self.folder);
        let small = pack.metadata().is_ok_and(|pack| pack.len() < SMALL);
        let alone = !self.folder.join("objects/info/alternates").exists();
        let by_need = [(!self.is_untidy(), TIDY), (alone, ALONE), (small, ONE_THREAD)];
        let by_need = by_need.into_iter().filter_map(|(needed, setting)| needed.then_some(setting));
        for setting in RECEIVING.into_iter().chain(by_need) {
            command.args(["-c", setting]);
        }
        command.arg("receive-pack").arg(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(StoreError::NoGit)?;
        let offered = offer(&mut child, ways, &mut pack);
        let output = child.wait_with_output().map_err(StoreError::NoGit)?;
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        tracing::debug!(
            folder = %self.folder.display(),
            status = %output.status,
            took = ?began.elapsed(),
            stderr,
            "git receive-pack"
        );
        Ok(match offered {
            Ok(None) => answer(&output.stdout).map_or(Told::Nothing(stderr.clone()), |report| {
                // These are the remote's words, as git calls them.
                let said: String = stderr.lines().map(|line| format!("remote: {line}\n")).collect();
                report.told(&said)
            }),
            Ok(Some(told)) => told,
            // It has ended, and said why.
            Err(_) => Told::Nothing(stderr),
        })
    }

    /// Whether git would find something to tidy up there.
    fn is_untidy(&self) -> bool {
        let objects = self.folder.join("objects");
        super::pack::count(&self.folder) > PACKS || upkeep::loose_in(&objects) > LOOSE
    }
}

/// Whether somebody has set how git comes to the remote at `url`, how it takes pushes or when it tidies up.
fn is_set_up(config: &Config, url: &str) -> Result<bool, git2::Error> {
    let mut is = false;
    config.entries(None)?.for_each(|entry| {
        let (Ok(name), value) = (entry.name(), entry.value().ok()) else { return };
        let elsewhere = name.starts_with("url.") && value.is_none_or(|start| url.starts_with(start));
        let forbidden = name == "protocol.allow" || name.starts_with("protocol.file.");
        let own = name.ends_with(".unpacklimit") || name.starts_with("gc.") || name.starts_with("maintenance.");
        is |= elsewhere || forbidden || own;
    })?;
    Ok(is)
}

/// Says what should become of branches, and sends what that takes; unless it is clear before that it will
/// not be.
fn offer(child: &mut Child, ways: &[Way], pack: &mut File) -> io::Result<Option<Told>> {
    let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
    let there = Branches::read(child.stdout.as_mut().ok_or_else(closed)?)?;
    let mut stdin = child.stdin.take().ok_or_else(closed)?;
    let told = if ways.len() > 1 && !there.atomic {
        Some(Told::NotAtomic)
    } else {
        let moved = ways.iter().find(|way| there.tips.get(&way.name).copied() != way.old);
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
    // What stays as it is has been looked at.
    for way in ways.iter().filter(|way| way.old != Some(way.new)) {
        let old = way.old.unwrap_or(Oid::ZERO_SHA1);
        let line = format!("{old} {} {}\0{capabilities}", way.new, way.name);
        write!(stdin, "{:04x}{line}", line.len() + 4)?;
        // They belong to the first line only.
        capabilities.clear();
    }
    stdin.write_all(END)?;
    io::copy(pack, &mut stdin)?;
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
