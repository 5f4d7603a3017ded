//! HTTP: who is answered, and with which headers.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::mpsc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use ocuroot_core::hosts::Kind;
use ocuroot_core::hosts::stores::Offered;
use percent_encoding::percent_decode_str;
use serde_json::json;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::WatchStream;

use super::api::{self, Answer, Question};
use super::{Listening, Site, lock};
use crate::error::Failure;
use crate::interrupt;

/// The most that is read of a request.
const MOST_BYTES: usize = 4 << 20;

/// What every answer says. No header lets other pages read it.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// Serves until the user gives up.
///
/// # Errors
/// When the system does not let it.
pub(super) fn run(site: Arc<Site>, place: Listening) -> Result<(), Failure> {
    let failed = |source| Failure::Listen { address: place.address.to_string(), source };
    place.listener.set_nonblocking(true).map_err(failed)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(failed)?;
    let listener = place.listener.try_clone().map_err(failed)?;
    let (give_up, given_up) = mpsc::channel();
    let _listening = interrupt::listen(give_up);
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = given_up.recv();
        let _ = end.send(());
    });
    let served = runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let router = axum::Router::new().fallback(answer).with_state(site);
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        // Connections of those who listen to events never end by themselves.
        let _ = ended.await;
        server.abort();
        Ok(())
    });
    runtime.shutdown_background();
    served.map_err(failed)
}

async fn answer(State(site): State<Arc<Site>>, request: Request) -> Response {
    let mut response = match refusal(&site, request.headers()) {
        Some(refusal) => refusal,
        None => route(site, request).await,
    };
    response.headers_mut().extend(HEADERS);
    response
}

/// What is said to those who came by a name that is not this server's: it is how a page of somebody
/// else, whose name was made to lead here, would come.
fn refusal(site: &Site, headers: &HeaderMap) -> Option<Response> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_ours(host, site.is_local, &site.names) {
        return None;
    }
    let message = "this server is not called that: use its address, or localhost; \
                   `--host NAME` makes it listen by a name";
    Some(problem(StatusCode::MISDIRECTED_REQUEST, message))
}

/// Whether a Host header names this server. An address is what it says, so it cannot be made to lead
/// elsewhere; a server that only this machine reaches has addresses of this machine only.
fn is_ours(host: &str, is_local: bool, names: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.to_ascii_lowercase();
    match name.parse::<std::net::IpAddr>() {
        Ok(address) => !is_local || address.is_loopback(),
        Err(_) => name == "localhost" || names.contains(&name),
    }
}

async fn route(site: Arc<Site>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_start_matches('/').to_owned();
    let post = parts.method == Method::POST;
    if !post && parts.method != Method::GET && parts.method != Method::HEAD {
        return problem(StatusCode::METHOD_NOT_ALLOWED, "this server is for reading");
    }
    let Some(path) = path.strip_prefix("api/").map(str::to_owned) else {
        return if post {
            problem(StatusCode::METHOD_NOT_ALLOWED, "this server is for reading")
        } else {
            page(&site, &path, &parts.headers)
        };
    };
    if path == "events" {
        return events(&site).await;
    }
    let Ok(body) = axum::body::to_bytes(body, MOST_BYTES).await else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "ask for less at once");
    };
    let query = parameters(&parts.uri);
    let answered = tokio::task::spawn_blocking(move || {
        let question = Question { post, path: &path, query, body: &body };
        api::answer(&mut **lock(&site.offer), &question)
    });
    match answered.await {
        Ok(answer) => of_api(answer, &parts.headers),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the server gave up; see the log of `ocuroot`"),
    }
}

/// The parameters of a query, decoded.
fn parameters(uri: &Uri) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

fn of_api(answer: Answer, asked: &HeaderMap) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let tag = answer.tag.map(|tag| format!("\"{tag}\""));
    respond(status, "application/json", answer.body.to_string().into(), "no-cache", tag, asked)
}

/// A file of the dashboard, or the list of stores.
fn page(site: &Site, path: &str, asked: &HeaderMap) -> Response {
    if path == "stores.json" {
        let preview = site.preview.as_ref().map(ToString::to_string);
        let store = Offered {
            name: site.name.clone(),
            source: Kind::Local.word().to_owned(),
            preview,
            ..Offered::default()
        };
        let stores = json!({"stores": [store]}).to_string();
        return respond(StatusCode::OK, "application/json", stores.into(), "no-cache", None, asked);
    }
    let Some(file) = site.bundle.file(if path.is_empty() { "index.html" } else { path }) else {
        return problem(StatusCode::NOT_FOUND, "there is no such file");
    };
    // The name of such a file changes with its content.
    let keep = if file.is_named_by_content { "public, max-age=31536000, immutable" } else { "no-cache" };
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    respond(StatusCode::OK, file.kind, bytes, keep, Some(file.tag), asked)
}

fn respond(
    status: StatusCode,
    kind: &'static str,
    body: Bytes,
    keep: &'static str,
    tag: Option<String>,
    asked: &HeaderMap,
) -> Response {
    let known = asked.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok()).unwrap_or_default();
    let is_known = |tag: &str| known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag);
    let unchanged = tag.as_deref().is_some_and(is_known);
    let mut response = match unchanged {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => (status, [(header::CONTENT_TYPE, kind)], Body::from(body)).into_response(),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// What is new, as it happens.
async fn events(site: &Arc<Site>) -> Response {
    let listener = site.news.subscribe();
    let told = Arc::clone(site);
    // So that the first thing that is heard is how it is now.
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || told.tell()).await {
        return problem(StatusCode::BAD_GATEWAY, &error.to_string());
    }
    let news = WatchStream::new(listener)
        .map(|news| Ok::<_, std::convert::Infallible>(Event::default().event("head").data(news)));
    let mut response = Sse::new(news).keep_alive(KeepAlive::default()).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn problem(status: StatusCode, message: &str) -> Response {
    let body = json!({"message": message}).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_server_are_answered() {
        let names = ["box.lan".to_owned()];
        for (host, local, everywhere) in [
            ("localhost:3000", true, true),
            ("LOCALHOST", true, true),
            ("127.0.0.1:3000", true, true),
            ("[::1]:3000", true, true),
            ("10.0.0.7:3000", false, true),
            ("box.lan:3000", true, true),
            ("evil.example:3000", false, false),
            ("127.0.0.1.evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("localhost@evil.example", false, false),
            ("", false, false),
        ] {
            assert_eq!(is_ours(host, true, &names), local, "{host}");
            assert_eq!(is_ours(host, false, &names), everywhere, "{host}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let uri = "/api/state/commits?path=a%2Fb+c&page=2&x".parse().unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(parameters(&uri), [pair("path", "a/b c"), pair("page", "2"), pair("x", "")]);
    }
}
