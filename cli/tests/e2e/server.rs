//! `ocuroot` as a server, and an HTTP client that sends exactly what a test says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::world::World;

/// A server that ends with the test.
pub(crate) struct Server {
    child: Child,
    url: String,
    address: String,
    stderr: Option<std::thread::JoinHandle<String>>,
}

/// What it answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In small letters, a line each.
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Server {
    /// Starts a command that serves, and waits for its address.
    pub(crate) fn start(world: &World, arguments: &[&str]) -> Server {
        let mut command = world.command("", arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let mut pipe = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = pipe.read_to_string(&mut text);
            text
        });
        let address = line.trim().strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_default().to_owned();
        if address.is_empty() {
            let _ = child.wait();
            panic!("no address: {line}{}", stderr.join().unwrap());
        }
        Server { child, url: line.trim().to_owned(), address, stderr: Some(stderr) }
    }

    /// Where it listens: `127.0.0.1:3000`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What it printed.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn send(&self, head: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address.replace("localhost", "127.0.0.1")).unwrap();
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        write!(stream, "{head}\r\nConnection: close\r\n{length}\r\n{body}").unwrap();
        stream
    }

    /// Sends a request line and headers, each but the last with `\r\n`.
    pub(crate) fn raw(&self, head: &str, body: &str) -> Answer {
        let mut text = String::new();
        self.send(head, body).read_to_string(&mut text).unwrap();
        let (headers, body) = text.split_once("\r\n\r\n").unwrap();
        let (first, headers) = headers.split_once("\r\n").unwrap_or((headers, ""));
        Answer {
            status: first.split(' ').nth(1).unwrap().parse().unwrap(),
            headers: headers.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.raw(&format!("GET /{path} HTTP/1.1\r\nHost: {}", self.address), "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let head =
            format!("POST /{path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json", self.address);
        self.raw(&head, &body.to_string())
    }

    /// Listens to events; each is the JSON of one.
    pub(crate) fn events(&self) -> impl Iterator<Item = Value> + use<> {
        let stream = self.send(&format!("GET /api/events HTTP/1.1\r\nHost: {}", self.address), "");
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
    }

    /// Sends Ctrl-C; returns the exit code and what was said on stderr.
    #[cfg(unix)]
    pub(crate) fn interrupt(mut self) -> (i32, String) {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, self.stderr.take().map(|thread| thread.join().unwrap()).unwrap_or_default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
