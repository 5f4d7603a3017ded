//! The few things that are asked of the browser itself.

use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast as _, JsValue};
use leptos::{leptos_dom::helpers, web_sys};
use ocuroot_core::facts::Facts;
use wasm_bindgen_futures::JsFuture;

/// The time, RFC 3339, UTC.
#[must_use]
pub fn now() -> String {
    String::from(js_sys::Date::new_0().to_iso_string())
}

/// The time, in seconds since 1970.
#[must_use]
pub fn seconds() -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of this century")]
    let seconds = (js_sys::Date::now() / 1000.0) as u64;
    seconds
}

/// The facts of this moment.
#[must_use]
pub fn facts() -> Facts {
    Facts::at(&now())
}

/// How far the reader's clock is east of UTC, in seconds.
#[must_use]
pub fn offset() -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "minutes of a time zone")]
    let minutes = js_sys::Date::new_0().get_timezone_offset() as i32;
    -minutes * 60
}

/// What this device remembers under a name. None too where the browser lets pages remember nothing.
#[must_use]
pub fn remembered(name: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(name).ok()?
}

/// Remembers, or with none forgets. Where the browser lets pages remember nothing, nothing happens.
pub fn remember(name: &str, value: Option<&str>) {
    put(window().local_storage(), name, value);
}

/// As [`remembered`], as long as the tab is open.
#[must_use]
pub fn remembered_in_tab(name: &str) -> Option<String> {
    window().session_storage().ok()??.get_item(name).ok()?
}

/// As [`remember`], as long as the tab is open.
pub fn remember_in_tab(name: &str, value: Option<&str>) {
    put(window().session_storage(), name, value);
}

/// What is kept under a name, in this tab or else on this device.
#[must_use]
pub fn kept(name: &str) -> Option<String> {
    remembered_in_tab(name).or_else(|| remembered(name))
}

/// Keeps a value on this device or in this tab, and nowhere else; with none it is forgotten in both.
pub fn keep(name: &str, value: Option<&str>, on_device: bool) {
    remember(name, value.filter(|_| on_device));
    remember_in_tab(name, value.filter(|_| !on_device));
}

fn put(storage: Result<Option<web_sys::Storage>, JsValue>, name: &str, value: Option<&str>) {
    if let Ok(Some(storage)) = storage {
        let _ = match value {
            Some(value) => storage.set_item(name, value),
            None => storage.remove_item(name),
        };
    }
}

/// Moves the focus to the first element that matches, if there is one.
pub fn focus(selector: &str) -> bool {
    let found = document().query_selector(selector).ok().flatten();
    let Some(element) = found.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) else {
        return false;
    };
    element.focus().is_ok()
}

/// Puts a text into the clipboard, where the browser lets us.
pub fn copy(text: &str) {
    let _ = window().navigator().clipboard().write_text(text);
}

/// Whether the screen is a phone's, as the style sheet has it.
#[must_use]
pub fn is_narrow() -> bool {
    window().match_media("(max-width: 840px)").ok().flatten().is_some_and(|query| query.matches())
}

/// How high the window is, in pixels.
#[must_use]
pub fn height() -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
    let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(900.0) as usize;
    height
}

/// Waits until what is on the page now has been painted; in a tab that is not seen, until it is.
pub async fn painted() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        request_animation_frame(move || {
            let after = move || drop(resolve.call0(&JsValue::NULL));
            set_timeout(after, std::time::Duration::ZERO);
        });
    });
    let _ = JsFuture::from(promise).await;
}

/// How long one goes on with something before the page may do something else, in milliseconds: about a
/// frame.
pub const SLICE: f64 = 14.0;

/// Calls `step` until it has something, or for so many milliseconds, mostly a [`SLICE`]: then the page should
/// do something else, and one goes on after a [`turn`].
pub fn slice<T>(milliseconds: f64, mut step: impl FnMut() -> Option<T>) -> Option<T> {
    let until = js_sys::Date::now() + milliseconds;
    loop {
        let found = step();
        if found.is_some() || js_sys::Date::now() >= until {
            return found;
        }
    }
}

/// Lets the page do what else there is to do: draw, and answer to whoever types. A timer would have it wait
/// for four milliseconds.
pub async fn turn() {
    let Ok(channel) = web_sys::MessageChannel::new() else { return };
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        channel.port1().set_onmessage(Some(&resolve));
        let _ = channel.port2().post_message(&JsValue::NULL);
    });
    let _ = JsFuture::from(promise).await;
    channel.port1().close();
}

/// Calls `act` every `seconds`, as long as the component that asks is there.
pub fn every(seconds: u64, act: impl Fn() + 'static) {
    if let Ok(handle) = helpers::set_interval_with_handle(act, std::time::Duration::from_secs(seconds)) {
        on_cleanup(move || handle.clear());
    }
}

/// As [`is_narrow`], and follows it.
pub fn narrow() -> Signal<bool> {
    let narrow = RwSignal::new(is_narrow());
    let resized = window_event_listener(leptos::ev::resize, move |_| {
        if narrow.get_untracked() != is_narrow() {
            narrow.set(is_narrow());
        }
    });
    on_cleanup(move || resized.remove());
    narrow.into()
}

/// The element that has the focus, where one has.
#[must_use]
pub fn focused() -> Option<web_sys::Element> {
    document().active_element()
}

/// Scrolls the page to the first element that matches.
pub fn scroll_to(selector: &str) {
    if let Ok(Some(element)) = document().query_selector(selector) {
        element.scroll_into_view();
    }
}

/// Offers a text to be kept as a file.
pub fn download(name: &str, text: &str) {
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let Ok(blob) = web_sys::Blob::new_with_str_sequence(&parts) else { return };
    let Ok(url) = web_sys::Url::create_object_url_with_blob(&blob) else { return };
    let link =
        document().create_element("a").ok().and_then(|link| link.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(link) = link {
        let _ = link.set_attribute("href", &url);
        let _ = link.set_attribute("download", name);
        link.click();
    }
    // The browser has taken it by now, or takes it soon.
    set_timeout(
        move || {
            let _ = web_sys::Url::revoke_object_url(&url);
        },
        std::time::Duration::from_secs(60),
    );
}
