//! The local server of `state view` and `preview`: the dashboard, and a store for it to read.
//!
//! ```text
//! GET  /                        the dashboard, from the binary
//! GET  /stores.json             says that the store is here
//! GET  /api/{side}/head         the newest commit of a side: state or intent
//! GET  /api/{side}/commits/ID   a commit of its history
//! GET  /api/{side}/commits?from=ID&path=PATH&page=N
//! GET  /api/{side}/trees/ID     a folder, with ?recursive=1 all of it
//! POST /api/{side}/blobs        files by their ids: {"ids": […]}
//! POST /api/{side}/files        files by their paths: {"commit": ID, "paths": […]}
//! GET  /api/events              server-sent events
//! ```
//!
//! [`api`] has the answers, [`http`] what is around them: only those who came here by a name that this
//! server has are answered, no other page may read along, and nothing but the store is given
//! ([`Offer`]). What goes wrong is told as `{"message": "…"}`.
//!
//! A page that listens to `api/events` hears `event: head` with `{"state": ID, "intent": ID}` at once and
//! whenever either changes; an id is null while a side has no commit. Beside them `"problem"` may say why
//! what is offered is older than it should be: the remote of a git store does not answer, or the file
//! that is previewed has a mistake. It is there as long as that is so.

mod api;
mod bundle;
mod export;
mod http;
mod preview;
mod watch;

use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ocuroot_core::{Marker as Side, Ref};
use serde_json::json;
use tokio::sync::watch as channel;

pub use bundle::Bundle;
pub use export::export;
pub use preview::Preview;

use crate::error::Failure;
use crate::store::{Offer, StoreError};

/// What is said where there is no dashboard.
pub const NO_BUNDLE: &str = "warning: this build of ocuroot has no dashboard, and serves only api/\n  \
    help: in a clone of Ocuroot: cargo xtask bundle --release, then build it anew";

/// The first port to try.
const FIRST_PORT: u16 = 3000;
/// How many ports are tried.
const PORTS: u16 = 100;

/// What is served: a store, and what is to be said about it.
pub struct Site {
    /// What pages call the store.
    name: String,
    offer: Mutex<Box<dyn Offer>>,
    /// The dashboard.
    bundle: Bundle,
    /// The release that is previewed, where there is nothing else in the store.
    preview: Option<Ref>,
    /// Why the store is not as new as it should be.
    problem: Mutex<Option<String>>,
    /// What listeners hear.
    news: channel::Sender<String>,
    /// Names besides addresses and `localhost` by which this server is called.
    names: Vec<String>,
    /// Whether only this machine reaches it.
    is_local: bool,
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where to listen.
#[derive(Clone, Debug, clap::Args)]
pub struct Place {
    /// Port to listen on [default: the first that is free from 3000 on]
    #[arg(short, long)]
    pub port: Option<u16>,
    /// Address to listen on. Whoever reaches it can read the store
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub host: String,
    /// Open it in the browser
    #[arg(long)]
    pub open: bool,
}

/// A place that is listened on.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    /// As it was asked for.
    host: String,
}

impl Place {
    /// Listens there.
    ///
    /// # Errors
    /// When there is no such address, or something else listens there.
    pub fn listen(&self) -> Result<Listening, Failure> {
        let failed = |port: u16, source| Failure::Listen { address: format!("{}:{port}", self.host), source };
        let first = self.port.unwrap_or(FIRST_PORT);
        let last = if self.port.is_some() { first } else { first + PORTS };
        for port in first..=last {
            let found =
                (self.host.as_str(), port).to_socket_addrs().map_err(|source| failed(port, source))?;
            match TcpListener::bind(found.collect::<Vec<_>>().as_slice()) {
                Ok(listener) => {
                    let address = listener.local_addr().map_err(|source| failed(port, source))?;
                    return Ok(Listening { listener, address, host: self.host.clone() });
                }
                Err(error) if port < last && error.kind() == std::io::ErrorKind::AddrInUse => {}
                Err(source) => return Err(failed(port, source)),
            }
        }
        Err(failed(first, std::io::ErrorKind::AddrInUse.into()))
    }
}

impl Listening {
    /// The address to open in a browser.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.address.port();
        match self.address.ip() {
            // A browser on this machine gets there like this.
            ip if ip.is_unspecified() => format!("http://localhost:{port}/"),
            _ if self.host.parse::<IpAddr>().is_err() => format!("http://{}:{port}/", self.host),
            _ => format!("http://{}/", self.address),
        }
    }

    /// Whether only this machine reaches it.
    fn is_local(&self) -> bool {
        self.address.ip().is_loopback()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Site {
    /// A store, as it is called and as it is offered, to be served at a place with a dashboard.
    #[must_use]
    pub fn new(name: String, offer: Box<dyn Offer>, bundle: Bundle, place: &Listening) -> Arc<Site> {
        Arc::new(Site::there(name, offer, bundle, place))
    }

    /// As [`new`](Site::new), of a release that has not been made.
    #[must_use]
    pub fn preview(release: Ref, offer: Box<dyn Offer>, bundle: Bundle, place: &Listening) -> Arc<Site> {
        let name = format!("preview of {}", release.package());
        Arc::new(Site { preview: Some(release), ..Site::there(name, offer, bundle, place) })
    }

    fn there(name: String, offer: Box<dyn Offer>, bundle: Bundle, place: &Listening) -> Site {
        let named = place.host.parse::<IpAddr>().is_err();
        Site {
            name,
            offer: Mutex::new(offer),
            bundle,
            preview: None,
            problem: Mutex::new(None),
            news: channel::Sender::new(String::new()),
            names: named.then(|| place.host.to_ascii_lowercase()).into_iter().collect(),
            is_local: place.is_local(),
        }
    }

    /// Offers something else from now on.
    pub fn replace(&self, offer: Box<dyn Offer>) {
        *lock(&self.offer) = offer;
    }

    /// Sets why the store is not as new as it should be. Returns whether that is news.
    pub fn set_problem(&self, problem: Option<String>) -> bool {
        let mut current = lock(&self.problem);
        let is_news = *current != problem;
        *current = problem;
        is_news
    }

    /// Looks at the store, and tells listeners what has changed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn tell(&self) -> Result<(), StoreError> {
        let head = |side| Ok::<_, StoreError>(lock(&self.offer).head(side)?.map(|commit| commit.id));
        let mut news = json!({"state": head(Side::State)?, "intent": head(Side::Intent)?});
        if let (Some(problem), Some(news)) = (lock(&self.problem).clone(), news.as_object_mut()) {
            news.insert("problem".to_owned(), problem.into());
        }
        let news = news.to_string();
        self.news.send_if_modified(|old| {
            let is_news = *old != news;
            *old = news;
            is_news
        });
        Ok(())
    }

    /// Whether somebody listens.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.news.receiver_count() > 0
    }
}

/// Serves until the user gives up.
///
/// # Errors
/// When the system does not let it.
pub fn run(site: Arc<Site>, place: Listening) -> Result<(), Failure> {
    watch::start(&site);
    http::run(site, place)
}

/// Opens an address in the user's browser. That there is none is no failure: the address was printed.
pub fn open_in_browser(url: &str) {
    let (program, arguments): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/C", "start", ""]),
        _ => ("xdg-open", &[]),
    };
    let mut command = std::process::Command::new(program);
    command.args(arguments).arg(url);
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::null());
    match command.spawn() {
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => crate::view::say(&format!("warning: no browser could be opened: {program}: {error}")),
    }
}
