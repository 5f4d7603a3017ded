//! Signing in: links to the hosts' forms, and OAuth 2 with PKCE (RFC 7636) as values.
//!
//! The shell makes two random secrets, keeps them, and sends the viewer to [`authorize_url`]. The host
//! sends them back with a code ([`code`]), which [`token_request`] turns into a [`Grant`].
//!
//! GitHub lets no page do that (its token endpoint answers no other origin): there the viewer makes a
//! token by [`token_form_url`] and pastes it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::error::HostError;
use super::host::{Host, segment};
use super::request::{Request, Response, Token};
use super::source::Kind;

/// The form in which a viewer makes a token that reads, to paste it, filled in as far as the host allows. None for the
/// local server.
pub fn token_form_url(host: &Host) -> Option<String> {
    let web = &host.web;
    let (owner, repo) = host.source.repo.rsplit_once('/').unwrap_or_default();
    Some(match host.source.kind {
        Kind::GitHub => {
            // Names of tokens have at most 40 characters.
            let name: String = format!("Ocuroot {repo}").chars().take(40).collect();
            format!(
                "{web}/settings/personal-access-tokens/new?name={}&target_name={}&contents=read&pull_requests=read",
                segment(&name),
                segment(owner)
            )
        }
        Kind::GitLab => {
            format!("{web}/-/user_settings/personal_access_tokens?name=Ocuroot&scopes=read_api")
        }
        Kind::Gitea => format!("{web}/user/settings/applications"),
        Kind::Local => return None,
    })
}

/// A secret of 32 random bytes, as a URL can hold it: for the verifier and for `state`.
pub fn secret(random: [u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(random)
}

/// Where the viewer is sent. `redirect` is this page's own address, as it is registered for the client.
/// None for hosts that have no such way.
pub fn authorize_url(
    host: &Host,
    client_id: &str,
    redirect: &str,
    state: &str,
    verifier: &str,
) -> Option<String> {
    let (path, scope) = match host.source.kind {
        Kind::GitLab => ("oauth/authorize", "api"),
        Kind::Gitea => ("login/oauth/authorize", "read:user write:repository"),
        Kind::GitHub | Kind::Local => return None,
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let [client_id, redirect, state, scope] = [client_id, redirect, state, scope].map(segment);
    Some(format!(
        "{}/{path}?response_type=code&client_id={client_id}&redirect_uri={redirect}&state={state}\
         &scope={scope}&code_challenge={challenge}&code_challenge_method=S256",
        host.web
    ))
}

/// Why the viewer came back without a code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The host says so, mostly because the viewer did.
    #[error("The host gave no access: {0}. Sign in again, or paste a token.")]
    Host(String),
    /// The answer belongs to no question of ours: another tab's, or somebody else's.
    #[error("This sign-in was not started here, or is over. Sign in again.")]
    State,
}

/// The code with which the viewer comes back, of the page's query (without `?`). None where the query is
/// no such thing.
///
/// # Errors
///
/// If it holds a refusal, or another `state` than was sent.
pub fn code(query: &str, state: &str) -> Option<Result<String, Refused>> {
    let value = |name: &str| {
        let params = query.split('&').filter_map(|param| param.split_once('='));
        let value = params.filter(|(key, _)| *key == name).map(|(_, value)| value).next()?;
        Some(percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
    };
    let (code, came, error) = (value("code"), value("state")?, value("error"));
    // Links of the page itself have a `state` too: the branch.
    if value("source").is_some() || value("store").is_some() || (code.is_none() && error.is_none()) {
        return None;
    }
    if came != state || state.is_empty() {
        return Some(Err(Refused::State));
    }
    match (code, error) {
        (_, Some(error)) => Some(Err(Refused::Host(value("error_description").unwrap_or(error)))),
        (Some(code), None) => Some(Ok(code)),
        (None, None) => None,
    }
}

/// Turns a code into a token.
pub fn token_request(
    host: &Host,
    client_id: &str,
    redirect: &str,
    code: &str,
    verifier: &str,
) -> Option<Request> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("redirect_uri", redirect),
        ("code", code),
        ("code_verifier", verifier),
    ];
    token_url(host).map(|url| Request::form(url, &fields))
}

/// Turns what [`Grant::refresh`] holds into a new grant.
pub fn refresh_request(host: &Host, client_id: &str, redirect: &str, refresh: &Token) -> Option<Request> {
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", client_id),
        ("redirect_uri", redirect),
        ("refresh_token", refresh.secret()),
    ];
    token_url(host).map(|url| Request::form(url, &fields))
}

fn token_url(host: &Host) -> Option<String> {
    let path = match host.source.kind {
        Kind::GitLab => "oauth/token",
        Kind::Gitea => "login/oauth/access_token",
        Kind::GitHub | Kind::Local => return None,
    };
    Some(format!("{}/{path}", host.web))
}

/// What a host grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// To ask with.
    pub token: Token,
    /// To get the next one with, once.
    pub refresh: Option<Token>,
    /// Seconds until the token expires.
    pub expires_in: Option<u64>,
}

/// The answer to a [`token_request`] or a [`refresh_request`].
///
/// # Errors
///
/// [`HostError::BadToken`] if the code or the refresh token is over: sign in again. Others as of any request.
pub fn grant(request: &Request, response: &Response) -> Result<Grant, HostError> {
    #[derive(Deserialize)]
    struct Granted {
        access_token: String,
        refresh_token: Option<String>,
        expires_in: Option<u64>,
    }
    match HostError::of(request, response, false) {
        // RFC 6749, 5.2: all refusals have this status, or 401.
        Some(HostError::Conflict { status: 400, .. } | HostError::NotSignedIn) => {
            return Err(HostError::BadToken);
        }
        Some(error) => return Err(error),
        None => {}
    }
    // The error of a failed reading would quote the answer, in which there may be a token.
    let granted: Granted = serde_json::from_slice(&response.body)
        .map_err(|_| HostError::Garbage { expected: "a token", detail: String::new() })?;
    let token = Token::new(&granted.access_token);
    Ok(Grant {
        token: token.ok_or(HostError::Garbage { expected: "a token", detail: String::new() })?,
        refresh: granted.refresh_token.and_then(|token| Token::new(&token)),
        expires_in: granted.expires_in,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::Side;

    fn host(source: &str) -> Host {
        Host::new(&source.parse().unwrap(), Side::State)
    }

    #[test]
    fn forms_are_filled_in() {
        for (source, url) in [
            (
                "github:acme/releases",
                "https://github.com/settings/personal-access-tokens/new?name=Ocuroot%20releases&target_name=acme&contents=read&pull_requests=read",
            ),
            (
                "github:ghe.acme.com/acme/r",
                "https://ghe.acme.com/settings/personal-access-tokens/new?name=Ocuroot%20r&target_name=acme&contents=read&pull_requests=read",
            ),
            (
                "gitlab:gitlab.com/a/b",
                "https://gitlab.com/-/user_settings/personal_access_tokens?name=Ocuroot&scopes=read_api",
            ),
            ("gitea:127.0.0.1:3000/a/b", "http://127.0.0.1:3000/user/settings/applications"),
        ] {
            assert_eq!(token_form_url(&host(source)).as_deref(), Some(url));
        }
        assert_eq!(token_form_url(&host("local")), None);
    }

    /// The verifier and the challenge of RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let page = "https://acme.example/releases/";
        let url = authorize_url(&host("gitlab:gitlab.com/a/b"), "id", page, "s/1", verifier).unwrap();
        assert_eq!(
            url,
            "https://gitlab.com/oauth/authorize?response_type=code&client_id=id&redirect_uri=https%3A%2F%2Facme.example%2Freleases%2F\
             &state=s%2F1&scope=api&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        );
        assert!(authorize_url(&host("github:a/b"), "id", page, "s", verifier).is_none());
        let bytes = [255; 32];
        assert_eq!(secret(bytes), "_".repeat(42) + "8");
    }

    #[test]
    fn coming_back() {
        for (query, came) in [
            ("source=github:a/b", None),
            ("state=main", None),
            ("code=a%2Fb&state=s%201", Some(Ok("a/b".to_owned()))),
            ("state=s+1&code=c", Some(Ok("c".to_owned()))),
            ("code=c&state=other", Some(Err(Refused::State))),
            ("code=c", None),
            ("error=access_denied&state=s+1", Some(Err(Refused::Host("access_denied".into())))),
            (
                "error=x&error_description=They+said+no&state=s+1",
                Some(Err(Refused::Host("They said no".into()))),
            ),
            ("source=github:a/b&state=state&view=plan", None),
            ("store=a&code=c&state=s%201", None),
            ("state=s%201", None),
        ] {
            assert_eq!(code(query, "s 1"), came, "{query}");
        }
        assert_eq!(code("code=c&state=", ""), Some(Err(Refused::State)));
    }

    #[test]
    fn codes_and_refreshes_become_tokens_and_no_secret_shows() {
        let host = host("gitea:git.acme.com/a/b");
        let request = token_request(&host, "id", "https://p/", "c&d", "v").unwrap();
        assert_eq!(request.url, "https://git.acme.com/login/oauth/access_token");
        assert_eq!(
            request.body.as_deref(),
            Some(
                "grant_type=authorization_code&client_id=id&redirect_uri=https%3A%2F%2Fp%2F&code=c%26d&code_verifier=v"
            )
        );
        let respond = |status, body: &str| Response { status, headers: vec![], body: body.into() };
        let body =
            r#"{"access_token":"hush","token_type":"bearer","expires_in":3600,"refresh_token":"hush2"}"#;
        let granted = grant(&request, &respond(200, body)).unwrap();
        assert_eq!(granted.token.header(), ("Authorization", "Bearer hush".to_owned()));
        assert_eq!(granted.expires_in, Some(3600));
        let again = refresh_request(&host, "id", "https://p/", granted.refresh.as_ref().unwrap()).unwrap();
        assert!(again.body.as_ref().unwrap().ends_with("refresh_token=hush2"));
        assert!(!format!("{granted:?}{again:?}{:?}", respond(200, body)).contains("hush"));
        for (status, body, error) in [
            (400, r#"{"error":"invalid_grant"}"#, HostError::BadToken),
            (401, "", HostError::BadToken),
            (500, "", HostError::ServerError { status: 500 }),
            (200, "hush", HostError::Garbage { expected: "a token", detail: String::new() }),
        ] {
            assert_eq!(grant(&request, &respond(status, body)), Err(error));
        }
    }
}
