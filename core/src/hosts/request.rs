//! What is sent to a host and what comes back, as values.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::error::HostError;
use super::host::segment;

/// A request that a shell sends as it is, but for one header: see [`Request::auth`]. Its `Debug` shows
/// no body, in which there may be secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// GET or POST.
    pub method: Method,
    /// With scheme and host; of [`Kind::Local`](super::Kind::Local) relative to the page.
    pub url: String,
    /// Name and value.
    pub headers: Vec<(&'static str, String)>,
    /// What is posted.
    pub body: Option<String>,
    /// Whether the shell adds [`Token::header`]. Where it is false, a token must not be sent: the URL may
    /// belong to another host.
    pub auth: bool,
}

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads as well, when what is asked for is too long for a URL.
    Post,
}

impl Method {
    /// `GET` or `POST`.
    pub fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

impl Request {
    /// A GET with nothing special.
    pub(crate) fn get(url: String) -> Request {
        Request { method: Method::Get, url, headers: Vec::new(), body: None, auth: false }
    }

    /// A POST of JSON.
    pub(crate) fn post(url: String, body: &impl serde::Serialize) -> Request {
        // What we post are structs of strings, which always can be written.
        let body = serde_json::to_string(body).unwrap_or_default();
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Request { method: Method::Post, url, headers, body: Some(body), auth: false }
    }

    /// A POST of a form.
    pub(crate) fn form(url: String, fields: &[(&str, &str)]) -> Request {
        let fields = fields.iter().map(|(name, value)| format!("{name}={}", segment(value)));
        let body = Some(fields.collect::<Vec<_>>().join("&"));
        let headers = vec![
            ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
            ("Accept", "application/json".to_owned()),
        ];
        Request { method: Method::Post, url, headers, body, auth: false }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Request {
        self.headers.push((name, value.into()));
        self
    }

    /// What it is about, for messages: the URL without its query.
    pub fn place(&self) -> &str {
        self.url.split_once('?').map_or(&self.url, |(place, _)| place)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.word(), self.url)
    }
}

/// What a host answered. Its `Debug` shows no body either.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP's number.
    pub status: u16,
    /// Those that the shell can see; names in any case.
    pub headers: Vec<(String, String)>,
    /// Content.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}, {} bytes", self.status, self.body.len())
    }
}

impl Response {
    /// Value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON of a shape. `expected` names the shape for people.
    pub(crate) fn json<T: DeserializeOwned>(&self, expected: &'static str) -> Result<T, HostError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let so = match error.classify() {
                Category::Eof => "it ends too early",
                Category::Syntax | Category::Io => "it is no JSON",
                Category::Data => "it has other fields, or other values in them",
            };
            let (line, column) = (error.line(), error.column());
            HostError::Garbage { expected, detail: format!("{so}, see line {line}, column {column}") }
        })
    }

    /// The query of the link to the next page, of the header `Link` (RFC 8288). Only the query, because the
    /// rest is known, and an instance behind a proxy may name itself by another name.
    pub(crate) fn next(&self) -> Option<&str> {
        let link = self.header("link")?.split(',').find(|link| {
            link.split(';').skip(1).any(|param| {
                let param = param.trim();
                param == "rel=\"next\"" || param == "rel=next"
            })
        })?;
        let url = link.trim().strip_prefix('<')?.split_once('>')?.0;
        url.split_once('?').map(|(_, query)| query)
    }
}

/// No answer came: the host is away, we are, or the browser keeps its answer from us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// In the words of whatever was used to send.
    pub detail: String,
}

/// A secret that says who asks. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// One that was pasted, or came by [signing in](super::signin); space around it is left out. None for
    /// what is none: no header can carry it, as when a sentence was pasted, or nothing.
    pub fn new(secret: &str) -> Option<Token> {
        let secret = secret.trim();
        let is_one = !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then(|| Token(secret.to_owned()))
    }

    /// The header to add to a request that asks for it. All three hosts take pasted tokens and OAuth's
    /// in the same form (RFC 6750).
    pub fn header(&self) -> (&'static str, String) {
        ("Authorization", format!("Bearer {}", self.0))
    }

    /// The secret, to be kept in the browser's storage.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_header_can_carry_is_no_token() {
        for (pasted, is_one) in [
            ("ghp_1~", true),
            (" x\n", true),
            ("", false),
            (" ", false),
            ("a b", false),
            ("é", false),
            ("a\u{0}", false),
        ] {
            assert_eq!(Token::new(pasted).is_some(), is_one, "{pasted:?}");
        }
        assert_eq!(Token::new(" x\n").unwrap().header(), ("Authorization", "Bearer x".to_owned()));
    }
}
