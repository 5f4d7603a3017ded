//! Reads the store that is looked at.
//!
//! What is to be read, and what is known already, [`ocuroot_core::reading`] decides, and when a host is
//! asked again. Here is what carries that out: [`driver`] sends requests and has the cache of this device
//! looked up, [`polling`] looks for new commits while the tab is seen, or, of the local server, whenever
//! it says that something has changed.

mod driver;
mod polling;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use ocuroot_core::hosts::stores::{self, Located};
use ocuroot_core::hosts::{self, Answer, Ask, Commit, Host, HostError, Kind, Limits, Side};
use ocuroot_core::reading::{Place, Reader, Wants, What, pace};
pub use ocuroot_core::reading::{Progress, ReadProblem, Remedy};
use ocuroot_core::snapshot::{Needs, Snapshot};
use ocuroot_core::summary::Summary;
use ocuroot_core::{Marker, Ref};

use self::driver::Inbox;
use self::polling::Events;
use crate::cache::Cache;
use crate::net::{Bell, Net, sleep};
use crate::{account, apart, browser};

/// How many folders and entries are taken in before the page may do something else: that takes some
/// milliseconds.
const STEP: usize = 4_000;

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
    events: RefCell<Option<Events>>,
}

/// The number of a question, what it is about, how far it is, and where its answers come in.
type UnderWay = (u64, What, hosts::Progress, Rc<Inbox>);

impl Drop for Inner {
    fn drop(&mut self) {
        self.net.shut();
    }
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
            *inner.events.borrow_mut() = Events::of(&inner);
            spawn_local(polling::watch(Rc::downgrade(&inner)));
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
        let is_due = inner
            .freshness
            .with_untracked(|freshness| pace::is_due(&freshness.checked, &now, inner.look_every()));
        if inner.at.is_none() && is_due {
            let weak = Rc::downgrade(inner);
            spawn_local(async move {
                polling::poll(weak).await;
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
                return Err(ReadProblem::stopped(&self.0.stopped.borrow()));
            }
            let rung = self.0.bell.rung();
            let problem = self.0.problem.borrow().clone();
            if let Some(problem) = problem {
                return Err(problem);
            }
            let jobs = self.0.reader.borrow_mut().step(&wants, STEP);
            let problem = self.0.reader.borrow().problem().cloned();
            if let Some(problem) = problem {
                return Err(ReadProblem::unreadable(&problem));
            }
            let idle = jobs.is_empty();
            for job in jobs {
                spawn_local(driver::carry_out(Rc::downgrade(&self.0), job));
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
        let asked = driver::exchange(&Rc::downgrade(&self.0), side, ask).await;
        asked.map_err(|error| problem(&host, &error))
    }
}

fn reader(located: &Located, at: Option<&str>) -> Reader {
    let place = |place: &stores::Place, host| Place {
        host,
        key: format!("{} {}", place.host.api, place.host.source.repo),
        branch: place.branch.clone(),
        page: place.host.page(),
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
        let asked: Vec<_> = under_way.iter().map(|(_, what, progress, _)| (*what, *progress)).collect();
        Progress::of(&asked)
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
        if let Remedy::Wait(until) = problem.remedy {
            let wait = pace::rest(until, browser::seconds());
            let weak = Rc::downgrade(self);
            spawn_local(async move {
                sleep(wait * 1000).await;
                if let Some(inner) = weak.upgrade() {
                    inner.forget_problems();
                    inner.tell_changed();
                }
            });
        }
        *self.problem.borrow_mut() = Some(problem);
    }
}

/// A host's failure, for people.
fn problem(host: &Host, error: &HostError) -> ReadProblem {
    let page = window().location().origin().unwrap_or_default();
    ReadProblem::of_host(host, error, browser::seconds(), &page)
}

/// Up to a quarter more, so that many pages do not come back at once.
fn jittered(wait: u32) -> u32 {
    pace::jittered(wait, js_sys::Math::random())
}
