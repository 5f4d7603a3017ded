//! Running a command and hearing both of its streams at once.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use ocuroot_core::sdk::{HostError, Shell, ShellOutput};

use crate::interrupt;

/// How long a command's streams may stay silent after it ended. Something it left behind (a
/// server) may hold them open for good.
const SILENCE: Duration = Duration::from_secs(1);

/// The numbers of the streams in log lines.
const STDOUT: u8 = 1;
const STDERR: u8 = 2;

/// What the threads that watch a process report.
enum Event {
    /// A line of a stream, with its end.
    Line(u8, Vec<u8>),
    /// A stream ended.
    End,
    /// The process ended.
    Exit(std::io::Result<ExitStatus>),
}

/// Runs `command` in `folder`, without the environment variables in `hidden`. Each line goes to `line` as it comes, with its stream's number and
/// without its end.
pub(super) fn run(
    command: &Shell,
    folder: &Path,
    hidden: &[&str],
    mut line: impl FnMut(u8, String),
) -> Result<ShellOutput, HostError> {
    if !folder.is_dir() {
        return Err(HostError::new(format!("there is no folder `{}` to run in", command.dir)));
    }
    let mut process = Command::new(&command.shell);
    process.arg("-c").arg(&command.command).current_dir(folder);
    for name in hidden {
        process.env_remove(name);
    }
    process.envs(&command.env);
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A command in a group of its own can be ended with all that it started. At a terminal it must
    // stay in ours, or it could not ask for a password there.
    let group = cfg!(unix) && !std::io::stdin().is_terminal();
    #[cfg(unix)]
    if group {
        std::os::unix::process::CommandExt::process_group(&mut process, 0);
    }
    let (mut child, _registered) = interrupt::spawn(&mut process, group).map_err(|error| {
        if error.kind() == std::io::ErrorKind::Interrupted {
            return HostError::new("interrupted");
        }
        HostError::new(format!("cannot start `{}`: {}", command.shell, super::why(&error)))
    })?;

    let (sender, events) = mpsc::channel();
    let streams = [
        child.stdout.take().map(|stream| (STDOUT, Box::new(stream) as Box<dyn Read + Send>)),
        child.stderr.take().map(|stream| (STDERR, Box::new(stream) as Box<dyn Read + Send>)),
    ];
    let mut open = 0;
    for (number, stream) in streams.into_iter().flatten() {
        open += 1;
        let sender = sender.clone();
        thread::spawn(move || forward(number, stream, &sender));
    }
    thread::spawn(move || {
        let _ = sender.send(Event::Exit(child.wait()));
    });

    let mut bytes = [Vec::new(), Vec::new(), Vec::new()];
    let [combined, stdout, stderr] = &mut bytes;
    let mut status = None;
    while open > 0 || status.is_none() {
        let event = if status.is_some() {
            match events.recv_timeout(SILENCE) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        } else {
            match events.recv() {
                Ok(event) => event,
                Err(_) => break,
            }
        };
        match event {
            Event::Line(number, text) => {
                combined.extend_from_slice(&text);
                let own = if number == STDOUT { &mut *stdout } else { &mut *stderr };
                own.extend_from_slice(&text);
                let text = String::from_utf8_lossy(&text);
                line(number, text.trim_end_matches(['\n', '\r']).to_owned());
            }
            Event::End => open -= 1,
            Event::Exit(ended) => status = Some(ended),
        }
    }
    let status = match status {
        Some(Ok(status)) => status,
        Some(Err(error)) => {
            return Err(HostError::new(format!("lost track of the command: {}", super::why(&error))));
        }
        None => return Err(HostError::new("lost track of the command")),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(ShellOutput {
        stdout: text(stdout),
        stderr: text(stderr),
        combined_output: text(combined),
        exit_code: exit_code(status),
    })
}

/// Reads a stream line by line until it ends or nobody listens any more.
fn forward(number: u8, stream: Box<dyn Read + Send>, sender: &Sender<Event>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                if sender.send(Event::Line(number, line)).is_err() {
                    return;
                }
            }
        }
    }
    let _ = sender.send(Event::End);
}

#[cfg(unix)]
fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

#[cfg(not(unix))]
fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(1)
}
