//! Going from place to place: the browser's address bar and history, as a signal.
//!
//! A link is an ordinary `<a href="?view=…">`; a click on it changes the address without loading the
//! page again. So links open in new tabs, can be copied, and work by keyboard as links do.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::web_sys;

use crate::route::{self, Route, Screen};

/// Where one is, and how to go elsewhere. Found in the context; [`use_nav`].
#[derive(Clone, Copy, Debug)]
pub struct Nav {
    route: RwSignal<Route>,
    fragment: RwSignal<String>,
}

/// The page's navigation.
#[must_use]
pub fn use_nav() -> Nav {
    expect_context()
}

impl Nav {
    /// Reads the address bar, and follows it from now on.
    #[must_use]
    pub fn start() -> Nav {
        let location = window().location();
        let nav = Nav {
            route: RwSignal::new(Route::parse(&location.search().unwrap_or_default())),
            fragment: RwSignal::new(route::fragment(&location.hash().unwrap_or_default())),
        };
        let _ = window_event_listener(leptos::ev::popstate, move |_| nav.read());
        let _ = window_event_listener(leptos::ev::hashchange, move |_| nav.read());
        let _ = window_event_listener(leptos::ev::click, move |event| {
            if let Some(href) = own_link(&event) {
                event.prevent_default();
                nav.go(&href);
            }
        });
        nav
    }

    /// Reads the address bar again, which somebody else has changed.
    pub fn read(self) {
        let location = window().location();
        let (route, fragment) = (
            Route::parse(&location.search().unwrap_or_default()),
            route::fragment(&location.hash().unwrap_or_default()),
        );
        // Only what has changed is told, so a new fragment does not draw the screen anew.
        if self.route.with_untracked(|old| *old != route) {
            self.route.set(route);
        }
        if self.fragment.with_untracked(|old| *old != fragment) {
            self.fragment.set(fragment);
        }
    }

    /// Where one is.
    #[must_use]
    pub fn route(self) -> Route {
        self.route.get()
    }

    /// As [`Nav::route`], without following it.
    #[must_use]
    pub fn route_now(self) -> Route {
        self.route.get_untracked()
    }

    /// What is chosen on the screen: the text behind `#`, without it.
    #[must_use]
    pub fn fragment(self) -> String {
        self.fragment.get()
    }

    /// As [`Nav::fragment`], without following it.
    #[must_use]
    pub fn fragment_now(self) -> String {
        self.fragment.get_untracked()
    }

    /// A parameter that the screen has added; empty where it is not set.
    #[must_use]
    pub fn param(self, name: &str) -> String {
        self.route.with(|route| route.param(name).to_owned())
    }

    /// A link to another screen of the same store at the same commit.
    #[must_use]
    pub fn href(self, screen: Screen) -> String {
        self.route.with(|route| route.to(screen).to_string())
    }

    /// Goes to `href`: a query, a fragment, or both.
    pub fn go(self, href: &str) {
        self.change(href, false);
    }

    /// As [`Nav::go`], without a new entry in the history.
    pub fn replace(self, href: &str) {
        self.change(href, true);
    }

    /// Sets a parameter of the screen (empty: takes it away) without a new entry in the history: for what
    /// changes as one types.
    pub fn set_param(self, name: &str, value: &str) {
        let route = self.route.with_untracked(|route| route.with(name, value));
        self.change(&route.to_string(), true);
    }

    fn change(self, href: &str, replace: bool) {
        let Ok(history) = window().history() else { return };
        let nothing = leptos::wasm_bindgen::JsValue::NULL;
        let changed = if replace {
            history.replace_state_with_url(&nothing, "", Some(href))
        } else {
            history.push_state_with_url(&nothing, "", Some(href))
        };
        if changed.is_ok() {
            self.read();
        }
    }
}

/// The target of a plain click on a link that stays in this page.
fn own_link(event: &web_sys::MouseEvent) -> Option<String> {
    let modified = event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key();
    if event.default_prevented() || event.button() != 0 || modified {
        return None;
    }
    let target = event.target()?.dyn_into::<web_sys::Element>().ok()?;
    let link = target.closest("a[href]").ok()??;
    if link.has_attribute("download") || link.has_attribute("target") {
        return None;
    }
    link.get_attribute("href").filter(|href| href.starts_with('?') || href.starts_with('#'))
}
