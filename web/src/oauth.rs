//! Signing in at a host that lets pages do so: OAuth 2 with PKCE, by a redirect of the whole page.
//!
//! What the redirect must find again is kept in the tab: two secrets, whose application it is, and where
//! one was. The token that comes back is kept as a pasted one is ([`account`]), and beside it what renews
//! it before it expires. What is asked and how answers read is `core::hosts::signin`.

use leptos::prelude::*;
use ocuroot_core::hosts::signin::{self, Grant};
use ocuroot_core::hosts::stores::{self, Located};
use ocuroot_core::hosts::{Host, HostError, Kind, Request, Side, Token};

use crate::net::Net;
use crate::route::Route;
use crate::{account, browser};

/// Where a sign-in that is under way is kept, in the tab.
const PENDING: &str = "ocuroot-signin";

/// So many seconds before it expires a token is renewed.
const EARLY: u64 = 120;

/// Whether a host has this way of signing in. Not where the API is elsewhere: what one host grants must
/// not go to another.
#[must_use]
pub fn is_offered(host: &Host) -> bool {
    matches!(host.source.kind, Kind::GitLab | Kind::Gitea) && host.is_derived()
}

/// This page's own address, as it is registered for the application.
#[must_use]
pub fn redirect() -> String {
    let location = window().location();
    format!("{}{}", location.origin().unwrap_or_default(), location.pathname().unwrap_or_default())
}

/// The id of the application at the host of a store: that of `stores.json`, or one that was typed here.
#[must_use]
pub fn client_id(located: &Located) -> Option<String> {
    located.client_id.clone().or_else(|| browser::remembered(&client_key(&located.state.host)))
}

/// Remembers the id of an application that was typed.
pub fn remember_client_id(host: &Host, client_id: &str) {
    browser::remember(&client_key(host), Some(client_id));
}

fn client_key(host: &Host) -> String {
    format!("ocuroot-client {}", host.source.host)
}

/// Sends the viewer to the host, and afterwards back to `back`. Nothing happens where the host has no such
/// way, or the browser no randomness.
pub fn begin(host: &Host, client_id: &str, on_device: bool, back: &Route) {
    let (Some(state), Some(verifier)) = (random(), random()) else { return };
    let Some(url) = signin::authorize_url(host, client_id, &redirect(), &state, &verifier) else { return };
    let pending = [
        state,
        verifier,
        client_id.to_owned(),
        host.source.to_string(),
        host.api.clone(),
        if on_device { "device" } else { "tab" }.to_owned(),
        back.to_string(),
    ];
    browser::remember_in_tab(PENDING, Some(&pending.join("\n")));
    let _ = window().location().assign(&url);
}

fn random() -> Option<String> {
    let mut bytes = [0; 32];
    window().crypto().ok()?.get_random_values_with_u8_array(&mut bytes).ok()?;
    Some(signin::secret(bytes))
}

/// Why signing in did not work, if it was tried and did not. Found in the context.
#[derive(Clone, Copy, Debug)]
pub struct Refusal(pub RwSignal<Option<String>>);

/// If the viewer has just come back from a host, ends that sign-in and goes where they were. None if
/// they have not.
///
/// # Errors
/// Why it did not work, and what to do.
pub async fn end() -> Option<Result<(), String>> {
    let query = window().location().search().unwrap_or_default();
    let query = query.trim_start_matches('?');
    let pending = browser::remembered_in_tab(PENDING)?;
    let fields: Vec<&str> = pending.split('\n').collect();
    let [state, verifier, client_id, source, api, kept, back] = fields.as_slice() else { return None };
    let code = signin::code(query, state)?;
    browser::remember_in_tab(PENDING, None);
    // The code is of use once, and not to be found in the history.
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&leptos::wasm_bindgen::JsValue::NULL, "", Some(back));
    }
    let code = match code {
        Ok(code) => code,
        Err(refused) => return Some(Err(refused.to_string())),
    };
    let host = Host::new(&source.parse().ok()?, Side::State).with_roots(Some(api), None);
    if !is_offered(&host) {
        return None;
    }
    let request = signin::token_request(&host, client_id, &redirect(), &code, verifier)?;
    Some(match granted(&request).await {
        Ok(grant) => {
            keep(&host, client_id, &grant, *kept == "device");
            Ok(())
        }
        Err(error) => Err(format!("{} {}", error.message(&host), error.hint(&host))),
    })
}

async fn granted(request: &Request) -> Result<Grant, HostError> {
    let response = Net::new(1).send(request, None, &|| false).await;
    let response = response.map_err(|unreachable| HostError::Unreachable { detail: unreachable.detail })?;
    signin::grant(request, &response)
}

/// Keeps a token, and what renews it.
fn keep(host: &Host, client_id: &str, grant: &Grant, on_device: bool) {
    account::keep(host, &grant.token, on_device);
    let renewal = grant.refresh.as_ref().zip(grant.expires_in).map(|(refresh, seconds)| {
        [client_id.to_owned(), (browser::seconds() + seconds).to_string(), refresh.secret().to_owned()]
            .join("\n")
    });
    if let Some(name) = renewal_key(host) {
        browser::keep(&name, renewal.as_deref(), on_device);
    }
}

/// Renews the token for a host if it is about to expire. One that cannot be renewed is forgotten, so that
/// the page asks to sign in instead of failing.
pub async fn renew(host: &Host) {
    let Some(name) = renewal_key(host) else { return };
    let on_device = account::is_remembered(host);
    let Some(kept) = browser::kept(&name) else { return };
    let fields: Vec<&str> = kept.split('\n').collect();
    let [client_id, expires, refresh] = fields.as_slice() else { return };
    if expires.parse::<u64>().is_ok_and(|expires| browser::seconds() + EARLY < expires) {
        return;
    }
    let refresh = Token::new(refresh);
    let request = refresh.and_then(|refresh| signin::refresh_request(host, client_id, &redirect(), &refresh));
    let Some(request) = request else { return };
    match granted(&request).await {
        Ok(grant) => keep(host, client_id, &grant, on_device),
        // Another tab may have been faster: what renews a token does so once.
        Err(HostError::BadToken) if browser::kept(&name) == Some(kept.clone()) => forget(host),
        // The host may answer the next time; until then the token may still do.
        Err(_) => {}
    }
}

/// Forgets who one is to a host.
pub fn forget(host: &Host) {
    account::forget(host);
    if let Some(name) = renewal_key(host) {
        browser::keep(&name, None, false);
    }
}

fn renewal_key(host: &Host) -> Option<String> {
    let origin = stores::origin(&host.web).filter(|_| is_offered(host));
    origin.map(|origin| format!("ocuroot-renewal {origin}"))
}
