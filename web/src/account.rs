//! Who one is to a host: a token, kept on this device.
//!
//! A token lives as long as the tab (`sessionStorage`), or on the device if one asks for that
//! (`localStorage`). It is kept by the origin of the API that it is for, and goes nowhere else: a URL
//! that names another API for a known repo finds no token there. Beside it lies what a host lets one ask
//! for at once, so that nobody has to find that out with every page.

use ocuroot_core::hosts::{Host, Limits, Token, stores};

use crate::browser;

/// Where a token is kept.
fn key(host: &Host) -> Option<String> {
    // The local server wants none.
    stores::origin(&host.api).map(|origin| format!("ocuroot-token {origin}"))
}

/// The token for a host, if there is one.
#[must_use]
pub fn token(host: &Host) -> Option<Token> {
    Token::new(&browser::kept(&key(host)?)?)
}

/// Whether it stays when the tab is closed.
#[must_use]
pub fn is_remembered(host: &Host) -> bool {
    key(host).is_some_and(|key| browser::remembered(&key).is_some())
}

/// Keeps a token: in this tab, or on this device.
pub fn keep(host: &Host, token: &Token, on_device: bool) {
    if let Some(key) = key(host) {
        browser::keep(&key, Some(token.secret()), on_device);
    }
}

/// Forgets the token for a host, wherever it is kept.
pub fn forget(host: &Host) {
    if let Some(key) = key(host) {
        browser::keep(&key, None, false);
    }
}

/// What was found out about a host before, in this tab.
#[must_use]
pub fn limits(host: &Host) -> Limits {
    let kept = stores::origin(&host.api).and_then(|origin| browser::remembered_in_tab(&known(origin)));
    kept.and_then(|kept| serde_json::from_str(&kept).ok()).unwrap_or_default()
}

/// Keeps what was found out about a host.
pub fn keep_limits(host: &Host, limits: &Limits) {
    if let (Some(origin), Ok(text)) = (stores::origin(&host.api), serde_json::to_string(limits)) {
        browser::remember_in_tab(&known(origin), Some(&text));
    }
}

/// Where that is kept.
fn known(origin: &str) -> String {
    format!("ocuroot-limits {origin}")
}
