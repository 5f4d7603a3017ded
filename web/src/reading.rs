//! Reads the store that is looked at.
//!
//! What is to be read, and what is known already, [`ocuroot_core::reading`] decides; here is what
//! carries that out: requests to hosts, at most ten at once, again where a host says that it helps; the
//! cache of this device; a look at the branches' heads twice a minute while the tab is seen, or, of the
//! local server, whenever it says that something has changed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_bindgen::JsCast as _;
use leptos::wasm_bindgen::closure::Closure;
use leptos::web_sys;
use ocuroot_core::hosts::{
    self,
    stores::{self, Located},
};
use ocuroot_core::hosts::{
    Answer, Ask, Commit, Exchange, Host, HostError, Kind, Limits, Request, Response, Side, Unreachable,
};
use ocuroot_core::reading::{Job, Place, Reader, Wants, Work};
use ocuroot_core::snapshot::{Needs, Snapshot};
use ocuroot_core::summary::Summary;
use ocuroot_core::{Marker, Ref, times};

use crate::cache::Cache;
use crate::net::{self, Bell, Net, sleep};
use crate::ui::thousands;
use crate::{account, apart, browser};

/// As seldom as it gets when a host does not answer.
const SELDOM: u32 = 600;
/// A host that wants us to wait longer, in milliseconds, is waited for where one can see it.
const PATIENCE: u32 = 15_000;

/// How many folders and entries are taken in before the page may do something else: that takes some
/// milliseconds.
const STEP: usize = 4_000;

/// How far something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is done, as a sentence without a full stop: `Reading 4,120 of 18,300 refs`.
    pub what: String,
    /// How many are done, and of how many.
    pub done: u64,
    /// Of how many, where that is known.
    pub of: Option<u64>,
}

/// Why something cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadProblem {
    /// What is the matter, in a few words.
    pub title: String,
    /// Why, and what to do about it.
    pub message: String,
    /// What a person can do.
    pub remedy: Remedy,
}

/// What a person can do about a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Ask again.
    Retry,
    /// Go on with what one has stopped.
    GoOn,
    /// Ask again at this time (RFC 3339); the page does so by itself.
    Wait(String),
    /// Say who they are.
    SignIn,
    /// Choose another source.
    Source,
    /// Look at what is now.
    Now,
    /// Change these lines of a host's settings.
    Settings(Vec<String>),
}

impl ReadProblem {
    /// A question that goes on asking for what is there.
    #[must_use]
    pub fn stuck(needs: &Needs) -> ReadProblem {
        let what = needs
            .bodies
            .iter()
            .next()
            .map(Ref::to_string)
            .or_else(|| needs.folders.iter().next().map(|folder| format!("the folder {}", folder.path)));
        ReadProblem {
            title: "This could not be worked out".to_owned(),
            message: format!(
                "The page went on asking for {}, which is as loaded as it can be. That is a defect of the page.",
                what.unwrap_or_default()
            ),
            remedy: Remedy::Retry,
        }
    }
}

/// Commits that are newer than what one sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Newer {
    /// None that are known.
    #[default]
    Nothing,
    /// Some: nobody has counted them.
    Some,
    /// So many.
    Count(usize),
}

/// How fresh what one sees is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The commit of state that is shown, once it is known.
    pub state: Option<Commit>,
    /// The commit of intent that is shown, where it is known.
    pub intent: Option<Commit>,
    /// When the host was last asked for newer ones, RFC 3339.
    pub checked: String,
    /// What there is that is not shown yet: commits of state, or where only that has moved, of intent.
    pub newer: Newer,
    /// Why the host could not be asked, if the last time it could not.
    pub problem: Option<ReadProblem>,
    /// Why what the local server offers is older than it should be, as long as that is so.
    pub told: Option<String>,
    /// How many requests are left, and until when (RFC 3339), where the host says so.
    pub left: Option<(u64, String)>,
}

/// What reads a store: a handle, cheap to clone. Reading stops when the last one is gone.
#[derive(Clone)]
pub struct Reading(Rc<Inner>);

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").finish_non_exhaustive()
    }
}

struct Inner {
    located: Located,
    at: Option<String>,
    reader: RefCell<Reader>,
    /// By side, as [`Work::Ask`] names them.
    limits: RefCell<[Limits; 2]>,
    cache: Cache,
    net: Rc<Net>,
    /// Rings when something has come.
    bell: Bell,
    /// How far each question on its way is, and where its answers come in.
    under_way: RefCell<Vec<UnderWay>>,
    /// How often somebody has stopped what was being loaded, and how far that was the last time.
    stops: Cell<u64>,
    stopped: RefCell<Progress>,
    counter: Cell<u64>,
    problem: RefCell<Option<ReadProblem>>,
    changed: RefCell<Vec<Box<dyn Fn()>>>,
    follow: Cell<bool>,
    keeping: Cell<bool>,
    freshness: RwSignal<Freshness>,
    /// Of the local server.
    events: RefCell<Option<web_sys::EventSource>>,
}

/// The number of a question, what it is about, how far it is, and where its answers come in.
type UnderWay = (u64, What, ocuroot_core::hosts::Progress, Rc<Inbox>);

impl Drop for Inner {
    fn drop(&mut self) {
        self.net.shut();
        if let Some(events) = self.events.get_mut() {
            events.close();
        }
    }
}

/// What a question is about, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Heads,
    Folders,
    Documents,
}

impl Reading {
    /// Reads the store at `located`, as of the commit `at` of its state or else as it is now. Nothing is
    /// asked of the host before [`load`](Reading::load). Tokens are those of [`account`](crate::account).
    #[must_use]
    pub fn open(located: &Located, at: Option<&str>) -> Reading {
        let inner = Rc::new(Inner {
            located: located.clone(),
            at: at.map(str::to_owned),
            reader: RefCell::new(reader(located, at)),
            limits: RefCell::new([&located.state.host, &located.intent.host].map(account::limits)),
            cache: Cache::default(),
            net: Net::new(located.state.host.in_flight()),
            bell: Bell::default(),
            under_way: RefCell::default(),
            stops: Cell::new(0),
            stopped: RefCell::default(),
            counter: Cell::new(0),
            problem: RefCell::default(),
            changed: RefCell::default(),
            follow: Cell::new(false),
            keeping: Cell::new(false),
            freshness: RwSignal::new(Freshness::default()),
            events: RefCell::default(),
        });
        if at.is_none() {
            inner.listen();
            spawn_local(watch(Rc::downgrade(&inner)));
        }
        Reading(inner)
    }

    /// Calls `changed` whenever answers may have changed.
    pub fn on_change(&self, changed: impl Fn() + 'static) {
        self.0.changed.borrow_mut().push(Box::new(changed));
    }

    /// Lets what has failed be tried again.
    pub fn forget_problems(&self) {
        self.0.forget_problems();
    }

    /// Ends what is being loaded. What has come is kept.
    pub fn stop(&self) {
        *self.0.stopped.borrow_mut() = self.0.progress();
        self.0.stops.set(self.0.stops.get() + 1);
        for (.., inbox) in self.0.under_way.borrow().iter() {
            inbox.closed.set(true);
            inbox.bell.ring();
        }
        self.0.bell.ring();
    }

    /// Shows the newer commits that [`Freshness::newer`] counts.
    pub fn show_newer(&self) {
        self.0.show_newer();
    }

    /// Whether newer commits are shown by themselves, as soon as they are known. Those of the local server
    /// always are: whoever looks there looks at what is running.
    pub fn follow(&self, always: bool) {
        let always = always || self.0.located.state.host.source.kind == Kind::Local;
        self.0.follow.set(always);
        if always && self.0.reader.borrow().news() {
            self.0.show_newer();
        }
    }

    /// How fresh what one sees is.
    #[must_use]
    pub fn freshness(&self) -> Signal<Freshness> {
        self.0.freshness.into()
    }

    /// Looks for newer commits if nobody has for as long as one waits between two looks.
    pub fn catch_up(&self) {
        let (inner, now) = (&self.0, browser::now());
        let is_due = inner.freshness.with_untracked(|freshness| {
            times::seconds(&freshness.checked, &now)
                .is_some_and(|since| since >= u64::from(inner.look_every()))
        });
        if inner.at.is_none() && is_due {
            let weak = Rc::downgrade(inner);
            spawn_local(async move {
                poll(weak).await;
            });
        }
    }

    /// Whether the store's heads are known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.reader.borrow().is_open()
    }

    /// What is loaded.
    pub fn look<T>(&self, look: impl FnOnce(&Snapshot, Option<&BTreeMap<Ref, Summary>>) -> T) -> T {
        let mut reader = self.0.reader.borrow_mut();
        let summaries = reader.summaries();
        look(reader.snapshot(), summaries.as_deref())
    }

    /// Git's id of a document, if a folder was listed that tells: it says whether two are the same, and
    /// nobody has to read them.
    ///
    /// # Errors
    /// The document, if nothing tells.
    pub fn blob(&self, reference: &Ref) -> Result<Option<String>, Needs> {
        self.0.reader.borrow().blob(reference)
    }

    /// Where the file of a document lies, from the root of its branch, where that is known.
    #[must_use]
    pub fn path(&self, reference: &Ref) -> Option<String> {
        self.0.reader.borrow().path(reference)
    }

    /// Loads what is needed; with no needs, what every screen needs.
    ///
    /// # Errors
    /// Why it cannot be loaded.
    pub async fn load(&self, needs: &Needs, tell: &dyn Fn(Progress)) -> Result<(), ReadProblem> {
        let wants = Wants { needs: needs.clone(), summaries: true };
        let stops = self.0.stops.get();
        let github = |side| self.0.host(side).source.kind == Kind::GitHub;
        if !(github(Side::State) && github(Side::Intent)) && apart::load_hosts().await.is_err() {
            return Err(apart::lost());
        }
        loop {
            if self.0.stops.get() != stops {
                return Err(stopped(&self.0.stopped.borrow()));
            }
            let rung = self.0.bell.rung();
            let problem = self.0.problem.borrow().clone();
            if let Some(problem) = problem {
                return Err(problem);
            }
            let jobs = self.0.reader.borrow_mut().step(&wants, STEP);
            let problem = self.0.reader.borrow().problem().cloned();
            if let Some(problem) = problem {
                return Err(unreadable(&problem));
            }
            let idle = jobs.is_empty();
            for job in jobs {
                spawn_local(carry_out(Rc::downgrade(&self.0), job));
            }
            if self.0.reader.borrow().is_busy() {
                browser::turn().await;
                continue;
            }
            let done = {
                let reader = self.0.reader.borrow();
                reader.has(&wants) || idle && !reader.is_waiting()
            };
            if done {
                self.0.settled();
                return Ok(());
            }
            tell(self.0.progress());
            self.0.bell.after(rung).await;
            // What has come took its time already.
            browser::turn().await;
        }
    }

    /// Asks the host something that no snapshot holds: the history of a document, open proposals.
    ///
    /// # Errors
    /// Why it does not answer.
    pub async fn ask(&self, side: Side, ask: Ask) -> Result<Answer, ReadProblem> {
        let host = self.0.host(side).clone();
        let asked = exchange(&Rc::downgrade(&self.0), side, ask).await;
        asked.map_err(|error| problem(&host, &error))
    }
}

fn reader(located: &Located, at: Option<&str>) -> Reader {
    let place = |place: &stores::Place, host| Place {
        host,
        key: format!("{} {}", place.host.api, place.host.source.repo),
        branch: place.branch.clone(),
        page: match place.host.source.kind {
            // GitHub cuts a listing off at 7 MB, which is about so much of our paths.
            Kind::GitHub => 25_000,
            Kind::GitLab => 100,
            Kind::Gitea => 1000,
            // It answers at once, and the page takes in so much in one go.
            Kind::Local => 10_000,
        },
    };
    let shared = located.state.host == located.intent.host;
    Reader::new(place(&located.state, 0), place(&located.intent, usize::from(!shared)), at)
}

impl Inner {
    /// How many seconds lie between two looks for newer commits.
    fn look_every(&self) -> u32 {
        let host = self.host(Side::State);
        host.look_every(account::token(host).is_some())
    }

    fn host(&self, side: Side) -> &Host {
        match side {
            Side::State => &self.located.state.host,
            Side::Intent => &self.located.intent.host,
        }
    }

    fn number(&self) -> u64 {
        self.counter.set(self.counter.get() + 1);
        self.counter.get()
    }

    /// A question is no longer under way, or is further than it was.
    fn forget(&self, number: u64) {
        self.under_way.borrow_mut().retain(|(other, ..)| *other != number);
    }

    /// What is being done.
    fn progress(&self) -> Progress {
        let under_way = self.under_way.borrow();
        // The most telling of what is on its way.
        let Some(what) = under_way.iter().map(|(_, what, ..)| *what).max() else {
            return Progress { what: "Looking what is known already".to_owned(), ..Progress::default() };
        };
        let these =
            || under_way.iter().filter(|(_, other, ..)| *other == what).map(|(_, _, progress, _)| progress);
        let done: usize = these().map(|progress| progress.done).sum();
        let of: Option<usize> = these().map(|progress| progress.expected).sum();
        let of = of.filter(|of| *of > 0);
        let what = match (what, of) {
            (What::Heads, _) => "Asking for the newest commits".to_owned(),
            (What::Folders, _) if done == 0 => "Listing folders".to_owned(),
            (What::Folders, _) => format!("Listing folders, {} entries so far", thousands(done)),
            (What::Documents, Some(of)) => {
                format!("Reading {} of {} documents", thousands(done), thousands(of))
            }
            (What::Documents, None) => "Reading documents".to_owned(),
        };
        let number = |number: usize| u64::try_from(number).unwrap_or_default();
        Progress { what, done: number(done), of: of.map(number) }
    }

    /// When something was loaded: tells how fresh it is, and has it kept.
    fn settled(self: &Rc<Self>) {
        self.refresh(|_| {});
        if self.keeping.get() {
            return;
        }
        self.keeping.set(true);
        let (cache, weak) = (self.cache.clone(), Rc::downgrade(self));
        spawn_local(async move {
            // After what it was read for is drawn.
            let mut more = true;
            while more {
                browser::turn().await;
                let Some(inner) = weak.upgrade() else { return };
                let keeps;
                (keeps, more) = inner.reader.borrow_mut().some_keeps(STEP);
                drop(inner);
                cache.keep(keeps).await;
            }
            if let Some(inner) = weak.upgrade() {
                inner.keeping.set(false);
            }
        });
    }

    fn refresh(&self, change: impl FnOnce(&mut Freshness)) {
        let Some(before) = self.freshness.try_get_untracked() else { return };
        let mut now = before.clone();
        {
            let reader = self.reader.borrow();
            now.state = reader.commit(Marker::State).cloned();
            now.intent = reader.commit(Marker::Intent).cloned();
            now.newer = match (reader.news(), now.newer) {
                (false, _) => Newer::Nothing,
                (true, Newer::Nothing) => Newer::Some,
                (true, newer) => newer,
            };
        }
        if now.checked.is_empty() && now.state.is_some() {
            now.checked = browser::now();
        }
        change(&mut now);
        if now != before {
            let _ = self.freshness.try_set(now);
        }
    }

    fn tell_changed(&self) {
        for changed in self.changed.borrow().iter() {
            changed();
        }
    }

    fn show_newer(&self) {
        self.reader.borrow_mut().advance();
        self.refresh(|_| {});
        self.tell_changed();
    }

    fn forget_problems(&self) {
        *self.problem.borrow_mut() = None;
        // What could not be read may be readable now.
        if self.reader.borrow().problem().is_some() {
            *self.reader.borrow_mut() = reader(&self.located, self.at.as_deref());
        }
    }

    fn fail(self: &Rc<Self>, problem: ReadProblem) {
        if let Remedy::Wait(until) = &problem.remedy {
            let wait = js_sys::Date::parse(until) - js_sys::Date::now();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds")]
            let wait = wait.clamp(1000.0, 3.6e6) as u32;
            let weak = Rc::downgrade(self);
            spawn_local(async move {
                sleep(wait).await;
                if let Some(inner) = weak.upgrade() {
                    inner.forget_problems();
                    inner.tell_changed();
                }
            });
        }
        *self.problem.borrow_mut() = Some(problem);
    }

    /// Learns from an answer how many requests are left.
    fn count(&self, response: &Response) {
        let number = |names: [&str; 2]| {
            let value = names.iter().find_map(|name| response.header(name))?;
            value.trim().parse::<u64>().ok()
        };
        let left = number(["x-ratelimit-remaining", "ratelimit-remaining"]);
        let until = number(["x-ratelimit-reset", "ratelimit-reset"]);
        if let (Some(left), Some(until)) = (left, until) {
            #[expect(clippy::cast_precision_loss, reason = "a time of this century")]
            let until = js_sys::Date::new(&(until as f64 * 1000.0).into()).to_iso_string();
            let until = String::from(until);
            self.refresh(|freshness| freshness.left = Some((left, until)));
        }
    }

    /// Has the local server say when something has changed.
    fn listen(self: &Rc<Self>) {
        if self.located.state.host.source.kind != Kind::Local {
            return;
        }
        let Ok(events) = web_sys::EventSource::new("api/events") else { return };
        let weak = Rc::downgrade(self);
        let heard = Closure::<dyn Fn(web_sys::MessageEvent)>::new(move |event: web_sys::MessageEvent| {
            let weak = weak.clone();
            if let Some(inner) = weak.upgrade() {
                let told = event.data().as_string().and_then(|data| hosts::told_problem(&data));
                inner.refresh(|freshness| freshness.told = told);
            }
            spawn_local(async move {
                poll(weak).await;
            });
        });
        let _ = events.add_event_listener_with_callback("head", heard.as_ref().unchecked_ref());
        // It lives as long as the page's connection does, which this ends.
        heard.forget();
        *self.events.borrow_mut() = Some(events);
    }
}

/// Does what a job says, and gives its result back.
async fn carry_out(weak: Weak<Inner>, job: Job) {
    match job.work {
        Work::Recall(recall) => {
            let Some(cache) = weak.upgrade().map(|inner| inner.cache.clone()) else { return };
            let found = cache.recall(&recall).await;
            let Some(inner) = weak.upgrade() else { return };
            inner.reader.borrow_mut().recalled(job.id, found);
            inner.bell.ring();
        }
        Work::Translate(files) => {
            let translated = apart::translate(files).await;
            let Some(inner) = weak.upgrade() else { return };
            match translated {
                Ok(translation) => inner.reader.borrow_mut().translated(job.id, translation),
                Err(_) => {
                    inner.reader.borrow_mut().failed(job.id);
                    inner.fail(apart::lost());
                }
            }
            inner.bell.ring();
        }
        Work::Ask { host, ask } => {
            let side = if host == 0 { Side::State } else { Side::Intent };
            let stops = weak.upgrade().map(|inner| inner.stops.get());
            let answer = exchange(&weak, side, ask).await;
            // To read an answer and to take it in are two tasks of the page.
            browser::turn().await;
            let Some(inner) = weak.upgrade() else { return };
            if answer.is_err() && stops != Some(inner.stops.get()) {
                inner.reader.borrow_mut().failed(job.id);
                inner.bell.ring();
                return;
            }
            let is_local = inner.host(side).source.kind == Kind::Local;
            if is_local && answer.as_ref().is_ok_and(hosts::is_over) {
                poll(weak.clone()).await;
                if inner.reader.borrow().news() {
                    inner.reader.borrow_mut().failed(job.id);
                    inner.show_newer();
                    inner.bell.ring();
                    return;
                }
            }
            match answer {
                Ok(answer) => inner.reader.borrow_mut().answered(job.id, answer),
                Err(error) => {
                    inner.reader.borrow_mut().failed(job.id);
                    inner.fail(problem(inner.host(side), &error));
                }
            }
            inner.bell.ring();
        }
    }
}

/// What has come, for an exchange that waits.
#[derive(Default)]
struct Inbox {
    came: RefCell<VecDeque<(usize, Result<Response, Unreachable>)>>,
    bell: Bell,
    /// Whether nobody waits any more.
    closed: Cell<bool>,
}

/// Asks a host.
async fn exchange(weak: &Weak<Inner>, side: Side, ask: Ask) -> Result<Answer, HostError> {
    let gone = || HostError::Unreachable { detail: "the page has gone on".to_owned() };
    let what = match &ask {
        Ask::Folder { .. } | Ask::Below { .. } => What::Folders,
        Ask::Files { .. } => What::Documents,
        _ => What::Heads,
    };
    let index = usize::from(side == Side::Intent);
    let (host, limits, number) = {
        let inner = weak.upgrade().ok_or_else(gone)?;
        let limits = inner.limits.borrow().get(index).cloned().unwrap_or_default();
        let host = inner.host(side).clone();
        (host, limits, inner.number())
    };
    let signed_in = account::token(&host).is_some();
    let mut exchange = match host.source.kind {
        Kind::GitHub => Exchange::github(&host, &limits, ask, signed_in)?,
        _ => match apart::elsewhere(host, limits, ask, signed_in).await {
            Ok(exchange) => exchange?,
            Err(lost) => return Err(HostError::Unreachable { detail: lost.to_string() }),
        },
    };
    let inbox = Rc::new(Inbox::default());
    // The requests that came to nothing, each as often as it did.
    let mut failures: Vec<usize> = Vec::new();
    let mut open = 0_usize;
    let result = loop {
        if let Some(answer) = exchange.answer() {
            break Ok(answer);
        }
        if inbox.closed.get() {
            exchange.stop();
            break Err(gone());
        }
        for (id, request) in exchange.requests() {
            open += 1;
            spawn_local(send(weak.clone(), side, id, request, 0, Rc::clone(&inbox)));
        }
        if let Some(inner) = weak.upgrade() {
            inner.forget(number);
            let progress = exchange.progress();
            inner.under_way.borrow_mut().push((number, what, progress, Rc::clone(&inbox)));
            inner.bell.ring();
        }
        if open == 0 {
            break Err(gone());
        }
        let rung = inbox.bell.rung();
        let came = inbox.came.borrow_mut().pop_front();
        let Some((id, came)) = came else {
            inbox.bell.after(rung).await;
            continue;
        };
        open -= 1;
        if let (Ok(response), Some(inner)) = (&came, weak.upgrade()) {
            inner.count(response);
        }
        let asked = came.as_ref().err().and_then(|_| exchange.again(id));
        if let Some(origin) = asked.and_then(|request| net::blocked(&request.url)) {
            break Err(HostError::Blocked { origin });
        }
        if let Err(error) = exchange.respond(id, came) {
            failures.push(id);
            let attempt = failures.iter().filter(|other| **other == id).count();
            let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
            let wait = error.retry_after(attempt, browser::seconds()).map(|wait| wait.as_millis());
            let wait = wait.and_then(|wait| u32::try_from(wait).ok()).filter(|wait| *wait <= PATIENCE);
            match (wait, exchange.again(id), weak.upgrade()) {
                (Some(wait), Some(request), Some(_)) => {
                    open += 1;
                    spawn_local(send(weak.clone(), side, id, request, jittered(wait), Rc::clone(&inbox)));
                }
                _ => break Err(error),
            }
        }
    };
    inbox.closed.set(true);
    if let Some(inner) = weak.upgrade() {
        inner.forget(number);
        if let Some(limits) =
            inner.limits.borrow_mut().get_mut(index).filter(|old| **old != exchange.limits())
        {
            *limits = exchange.limits();
            account::keep_limits(inner.host(side), limits);
        }
    }
    result
}

/// Sends one request of an exchange, after a while.
async fn send(weak: Weak<Inner>, side: Side, id: usize, request: Request, wait: u32, inbox: Rc<Inbox>) {
    if wait > 0 {
        sleep(wait).await;
    }
    let there = weak.upgrade().map(|inner| (Rc::clone(&inner.net), account::token(inner.host(side))));
    let came = match there {
        Some((net, token)) => net.send(&request, token.as_ref(), &|| inbox.closed.get()).await,
        None => Err(Unreachable { detail: "the page has gone on".to_owned() }),
    };
    inbox.came.borrow_mut().push_back((id, came));
    inbox.bell.ring();
}

/// Looks for new commits again and again, while the tab is seen.
async fn watch(weak: Weak<Inner>) {
    let Some(mut wait) = weak.upgrade().map(|inner| inner.look_every()) else { return };
    loop {
        sleep(jittered(wait * 1000)).await;
        let Some(inner) = weak.upgrade() else { return };
        let visible = document().visibility_state() == web_sys::VisibilityState::Visible;
        let events = inner.events.borrow().as_ref().map(web_sys::EventSource::ready_state);
        let usual = inner.look_every();
        drop(inner);
        // A server that speaks for itself need not be asked.
        if !visible || events == Some(web_sys::EventSource::OPEN) {
            continue;
        }
        wait = match poll(weak.clone()).await {
            true => usual,
            false => (wait * 2).min(SELDOM),
        };
    }
}

/// Looks for new commits once. Returns whether the hosts have answered.
async fn poll(weak: Weak<Inner>) -> bool {
    let Some(inner) = weak.upgrade() else { return false };
    let jobs = inner.reader.borrow_mut().poll();
    drop(inner);
    for job in jobs {
        let Work::Ask { host, ask } = job.work else { continue };
        let side = if host == 0 { Side::State } else { Side::Intent };
        let answer = exchange(&weak, side, ask).await;
        let Some(inner) = weak.upgrade() else { return false };
        match answer {
            Ok(answer) => inner.reader.borrow_mut().answered(job.id, answer),
            Err(error) => {
                inner.reader.borrow_mut().failed(job.id);
                let problem = problem(inner.host(side), &error);
                inner.refresh(|freshness| freshness.problem = Some(problem));
                return false;
            }
        }
    }
    let Some(inner) = weak.upgrade() else { return false };
    inner.refresh(|freshness| {
        freshness.checked = browser::now();
        freshness.problem = None;
    });
    if !inner.reader.borrow().news() {
        return true;
    }
    if inner.follow.get() {
        inner.show_newer();
        return true;
    }
    drop(inner);
    count_newer(&weak).await;
    true
}

/// Counts the commits that are not shown yet, by one question.
async fn count_newer(weak: &Weak<Inner>) {
    let Some(inner) = weak.upgrade() else { return };
    let moved = |side: Marker| inner.reader.borrow().moved(side);
    let (side, moved) = match moved(Marker::State) {
        Some(moved) => (Side::State, Some(moved)),
        None => (Side::Intent, moved(Marker::Intent)),
    };
    drop(inner);
    let Some((shown, newest)) = moved else { return };
    let ask = Ask::History { from: newest.clone(), path: None, page: 1 };
    let Ok(Answer::History(history)) = exchange(weak, side, ask).await else { return };
    let count = history.commits.iter().position(|commit| commit.id == shown);
    let Some(inner) = weak.upgrade() else { return };
    // It may have moved on in the meantime.
    let same = [Marker::State, Marker::Intent]
        .into_iter()
        .any(|side| inner.reader.borrow().moved(side).is_some_and(|(_, id)| id == newest));
    if same {
        inner.refresh(|freshness| freshness.newer = count.map_or(Newer::Some, Newer::Count));
    }
}

/// Up to a quarter more, so that many pages do not come back at once.
fn jittered(wait: u32) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than a quarter more")]
    let more = (f64::from(wait) * 0.25 * js_sys::Math::random()) as u32;
    wait.saturating_add(more)
}

/// What somebody has stopped.
fn stopped(at: &Progress) -> ReadProblem {
    let far = if at.what.is_empty() { String::new() } else { format!("{}. ", at.what) };
    ReadProblem {
        title: "Stopped".to_owned(),
        message: format!("{far}Folders and documents that have come are kept; the rest was not read."),
        remedy: Remedy::GoOn,
    }
}

/// What cannot be read, whatever is asked again.
fn unreadable(problem: &ocuroot_core::reading::Problem) -> ReadProblem {
    ReadProblem {
        title: "This store cannot be read".to_owned(),
        message: capital(&format!("{problem}.")),
        remedy: Remedy::Source,
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A host's failure, for people.
fn problem(host: &Host, error: &HostError) -> ReadProblem {
    let (title, remedy) = match error {
        HostError::NotSignedIn => ("Sign in to read this store", Remedy::SignIn),
        HostError::BadToken => ("The token is not taken any more", Remedy::SignIn),
        HostError::Forbidden { .. } => ("This store may not be read", Remedy::SignIn),
        HostError::RateLimited { until, .. } => {
            let now = browser::seconds();
            let wait = until.map_or(60, |until| until.from_now(now).as_secs().max(1));
            #[expect(clippy::cast_precision_loss, reason = "a time of this century")]
            let until = js_sys::Date::new(&((now + wait) as f64 * 1000.0).into()).to_iso_string();
            ("The host wants a rest", Remedy::Wait(String::from(until)))
        }
        HostError::NotFound { signed_in: false, .. } => ("Nothing was found there", Remedy::SignIn),
        HostError::NotFound { .. } => ("Nothing was found there", Remedy::Source),
        HostError::NoCommit { .. } => ("There is no such commit", Remedy::Now),
        HostError::Blocked { .. } => ("This page may not ask there", Remedy::Source),
        HostError::Unreachable { .. } if host.source.kind == Kind::Gitea => {
            let origin = window().location().origin().unwrap_or_default();
            let lines =
                vec!["[cors]".to_owned(), "ENABLED = true".to_owned(), format!("ALLOW_DOMAIN = {origin}")];
            ("The host does not answer this page", Remedy::Settings(lines))
        }
        HostError::Unreachable { .. } => ("The host does not answer", Remedy::Retry),
        HostError::ServerError { .. } => ("The host has trouble", Remedy::Retry),
        HostError::Garbage { .. } => ("The host's answer makes no sense", Remedy::Retry),
        HostError::Conflict { .. } | HostError::Truncated { .. } => {
            ("The host did not answer", Remedy::Retry)
        }
    };
    let message = format!("{} {}", error.message(host), error.hint(host));
    ReadProblem { title: title.to_owned(), message, remedy }
}
