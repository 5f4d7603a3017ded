//! Requests to hosts, by the browser's `fetch`.
//!
//! Not by a crate: what is sent is decided in core, so all that is left is one call. No cookie and no
//! referrer goes along, and the browser's own cache is passed by, since it would answer for a minute what
//! a branch's head was.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use leptos::prelude::{document, window};
use leptos::wasm_bindgen::closure::Closure;
use leptos::wasm_bindgen::{JsCast as _, JsValue};
use leptos::web_sys;
use ocuroot_core::hosts::{Request, Response, Token, Unreachable, stores};
use wasm_bindgen_futures::JsFuture;

/// After so many seconds without an answer a request is given up.
const PATIENCE: i32 = 60;

/// Wakes up all who wait for something to happen.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
}

impl Bell {
    /// How often it has rung: what [`Bell::after`] is told.
    pub(crate) fn rung(&self) -> u64 {
        self.rung.get()
    }

    pub(crate) fn ring(&self) {
        self.rung.set(self.rung.get() + 1);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Waits until it has rung more often than that.
    pub(crate) fn after(&self, rung: u64) -> impl Future<Output = ()> + '_ {
        struct Waiting<'b>(&'b Bell, u64);
        impl Future for Waiting<'_> {
            type Output = ();
            fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
                if self.0.rung.get() > self.1 {
                    return Poll::Ready(());
                }
                self.0.waiting.borrow_mut().push(context.waker().clone());
                Poll::Pending
            }
        }
        Waiting(self, rung)
    }
}

thread_local! {
    /// Origins that the page's own policy has kept it from.
    static BLOCKED: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// Listens, as long as the page is open, to what its own policy keeps it from: to a request such a refusal
/// looks as if the host did not answer.
pub(crate) fn watch_policy() {
    let heard = Closure::<dyn Fn(JsValue)>::new(|event: JsValue| {
        let text = |name: &str| js_sys::Reflect::get(&event, &name.into()).ok()?.as_string();
        let origin = text("blockedURI").and_then(|uri| stores::origin(&uri).map(str::to_owned));
        if let (Some("connect-src"), Some(origin)) = (text("effectiveDirective").as_deref(), origin) {
            BLOCKED.with_borrow_mut(|blocked| blocked.insert(origin));
        }
    });
    let name = "securitypolicyviolation";
    let _ = document().add_event_listener_with_callback(name, heard.as_ref().unchecked_ref());
    heard.forget();
}

/// The origin of an address, if the page's own policy has kept it from there.
pub(crate) fn blocked(url: &str) -> Option<String> {
    let origin = stores::origin(url)?;
    BLOCKED.with_borrow(|blocked| blocked.get(origin).cloned())
}

/// Lets so many through at once, and can be shut.
#[derive(Debug)]
pub(crate) struct Net {
    most: usize,
    busy: Cell<usize>,
    bell: Bell,
    shut: Cell<bool>,
    flying: RefCell<Vec<web_sys::AbortController>>,
}

/// A place among those that are let through.
struct Slot(Rc<Net>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get().saturating_sub(1));
        self.0.bell.ring();
    }
}

impl Net {
    pub(crate) fn new(most: usize) -> Rc<Net> {
        let flying = RefCell::default();
        Rc::new(Net { most, busy: Cell::new(0), bell: Bell::default(), shut: Cell::new(false), flying })
    }

    /// Ends what is on its way, and sends nothing more.
    pub(crate) fn shut(&self) {
        self.shut.set(true);
        self.flying.borrow().iter().for_each(web_sys::AbortController::abort);
        self.bell.ring();
    }

    /// Sends a request, with the token if it asks for one; unless nobody waits for it any more when its
    /// turn comes.
    pub(crate) async fn send(
        self: &Rc<Net>,
        request: &Request,
        token: Option<&Token>,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Response, Unreachable> {
        let is_over = || self.shut.get() || is_over();
        while self.busy.get() >= self.most && !is_over() {
            self.bell.after(self.bell.rung()).await;
        }
        if is_over() {
            return Err(Unreachable { detail: "the page has gone on".to_owned() });
        }
        self.busy.set(self.busy.get() + 1);
        let _slot = Slot(Rc::clone(self));
        let controller = web_sys::AbortController::new().map_err(unreachable)?;
        self.flying.borrow_mut().push(controller.clone());
        let abort = {
            let controller = controller.clone();
            Closure::once_into_js(move || controller.abort())
        };
        let timer = window()
            .set_timeout_with_callback_and_timeout_and_arguments_0(abort.unchecked_ref(), PATIENCE * 1000);
        let response = fetch(request, token, &controller.signal()).await;
        if response.is_err() {
            // What the page's policy refuses is told after the failure that it makes.
            sleep(0).await;
        }
        if let Ok(timer) = timer {
            window().clear_timeout_with_handle(timer);
        }
        self.flying.borrow_mut().retain(|other| *other != controller);
        response
    }
}

async fn fetch(
    request: &Request,
    token: Option<&Token>,
    signal: &web_sys::AbortSignal,
) -> Result<Response, Unreachable> {
    let headers = web_sys::Headers::new().map_err(unreachable)?;
    for (name, value) in &request.headers {
        headers.set(name, value).map_err(unreachable)?;
    }
    if let Some(token) = token.filter(|_| request.auth) {
        let (name, value) = token.header();
        headers.set(name, &value).map_err(|_| Unreachable { detail: "the token is no token".to_owned() })?;
    }
    let init = web_sys::RequestInit::new();
    init.set_method(request.method.word());
    init.set_headers(&headers);
    init.set_signal(Some(signal));
    init.set_credentials(web_sys::RequestCredentials::Omit);
    init.set_cache(web_sys::RequestCache::NoStore);
    init.set_referrer_policy(web_sys::ReferrerPolicy::NoReferrer);
    if let Some(body) = &request.body {
        init.set_body(&JsValue::from_str(body));
    }
    let sent = window().fetch_with_str_and_init(&request.url, &init);
    let response = JsFuture::from(sent).await.map_err(unreachable)?;
    let response: web_sys::Response = response.dyn_into().map_err(unreachable)?;
    let body = JsFuture::from(response.array_buffer().map_err(unreachable)?).await.map_err(unreachable)?;
    let mut headers = Vec::new();
    for entry in response.headers().entries() {
        let entry = entry.map_err(unreachable)?;
        let pair = js_sys::Array::from(&entry);
        if let (Some(name), Some(value)) = (pair.get(0).as_string(), pair.get(1).as_string()) {
            headers.push((name, value));
        }
    }
    Ok(Response { status: response.status(), headers, body: js_sys::Uint8Array::new(&body).to_vec() })
}

/// What the browser says of a failure. It says little, by design: a page is not to learn about hosts that
/// do not answer it.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreachable(error: JsValue) -> Unreachable {
    let detail = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    Unreachable { detail: detail.unwrap_or_default() }
}

/// Waits.
pub(crate) async fn sleep(milliseconds: u32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let milliseconds = i32::try_from(milliseconds).unwrap_or(i32::MAX);
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    });
    let _ = JsFuture::from(promise).await;
}
