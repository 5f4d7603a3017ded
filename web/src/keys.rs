//! Keys that act on the whole page, outside of fields.
//!
//! `/` goes to the search, `g` and a letter to a screen, `?` shows the list of all. Who finds single
//! letters in the way (voice control types them) switches them off in that list.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::web_sys;

use crate::browser;
use crate::nav::use_nav;
use crate::route::Screen;

/// Where it is remembered that letters do nothing.
const OFF: &str = "ocuroot-keys-off";

/// What each key does, for the list.
pub const KEYS: [(&str, &str); 10] = [
    ("/", "search: the filter of the screen, else the Explorer's pattern"),
    ("g then o e p x d", "Overview, Environments, Plan, Explorer, Draft"),
    ("arrows, Home, End", "move in the matrix, the pipeline and the log"),
    ("Page Up, Page Down", "move by a page"),
    ("Enter", "open what is focused; fold a group"),
    ("a", "approve what is focused: opens the proposal, never sends it"),
    ("y", "copy the ref of what is focused, or the link to a log's line"),
    ("[ ]", "the release, or the commit, before and after"),
    ("Esc", "close, clear the filter, go back to where one was"),
    ("?", "this list"),
];

/// Whether single letters act.
#[derive(Clone, Copy, Debug)]
pub struct Letters(pub RwSignal<bool>);

impl Letters {
    /// As it was left the last time.
    #[must_use]
    pub fn remembered() -> Letters {
        Letters(RwSignal::new(browser::remembered(OFF).is_none()))
    }

    /// Switches them, and remembers that.
    pub fn set(self, on: bool) {
        self.0.set(on);
        browser::remember(OFF, (!on).then_some("1"));
    }
}

/// Whether an event is a key for the page: no modifier is held, and nobody is typing.
#[must_use]
pub fn is_for_page(event: &web_sys::KeyboardEvent) -> bool {
    let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let typing = target.is_some_and(|element| {
        element.matches("input, textarea, select, [contenteditable]").unwrap_or(false)
    });
    !modified && !typing
}

/// Calls `act` with each key that is for the page, as long as the component that asks is there. `act`
/// says whether it did something.
pub fn on_key(act: impl Fn(&str) -> bool + 'static) {
    let letters = use_context::<Letters>();
    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        let key = event.key();
        let is_letter = key.chars().count() == 1;
        let may = !is_letter || letters.is_none_or(|letters| letters.0.get_untracked());
        if !event.default_prevented() && may && is_for_page(&event) && act(&key) {
            event.prevent_default();
        }
    });
    on_cleanup(move || handle.remove());
}

/// The keys of every screen. `help` opens the list.
pub fn of_every_screen(help: RwSignal<bool>) {
    let nav = use_nav();
    let began = StoredValue::new(false);
    on_key(move |key| {
        let second = began.get_value();
        began.set_value(!second && key == "g");
        let screen = match key {
            "o" => Screen::Overview,
            "e" => Screen::Environments,
            "p" => Screen::Plan,
            "x" => Screen::Explorer(None),
            "d" => Screen::Draft,
            "/" if !second => {
                if !browser::focus("[data-search]") {
                    nav.go(&nav.route_now().to(Screen::Explorer(None)).to_string());
                }
                return true;
            }
            "?" if !second => {
                help.set(true);
                return true;
            }
            _ => return false,
        };
        if second {
            nav.go(&nav.route_now().to(screen).to_string());
        }
        second
    });
}
