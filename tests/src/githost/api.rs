//! The git host's REST API, as one user.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use ureq::http::Request;

use crate::Outcome;

/// Asks the API with the rights of one user or token.
#[derive(Clone, Debug)]
pub struct Api {
    agent: ureq::Agent,
    base: String,
    authorization: String,
}

/// The value of an `Authorization` header for a user and a password or token.
#[must_use]
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

impl Api {
    /// The API of the host at `url`.
    #[must_use]
    pub fn new(url: &str, authorization: String) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(std::time::Duration::from_secs(60)))
            .build();
        Self { agent: config.into(), base: format!("{url}/api/v1"), authorization }
    }

    /// What is at `path`.
    ///
    /// # Errors
    /// When there is no answer, or one that says no.
    pub fn get(&self, path: &str) -> Outcome<Value> {
        self.ask("GET", path, None)
    }

    /// Makes something.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.ask("POST", path, Some(body))
    }

    /// Puts something in its place.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn put(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.ask("PUT", path, Some(body))
    }

    /// Changes a part of something.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn patch(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.ask("PATCH", path, Some(body))
    }

    /// Text instead of JSON.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn text(&self, path: &str) -> Outcome<String> {
        let (status, body) = self.send("GET", path, None)?;
        if (200..300).contains(&status) { Ok(body) } else { Err(refused("GET", path, status, &body)) }
    }

    /// A token of `user`, who has this password, with these scopes.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn token(url: &str, user: &str, password: &str, name: &str, scopes: &[&str]) -> Outcome<String> {
        let own = Self::new(url, basic(user, password));
        let made = own.post(&format!("/users/{user}/tokens"), &json!({ "name": name, "scopes": scopes }))?;
        Ok(text(&made, "sha1").to_owned())
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Outcome<Value> {
        let (status, answer) = self.send(method, path, body)?;
        if !(200..300).contains(&status) {
            return Err(refused(method, path, status, &answer));
        }
        if answer.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&answer)?) }
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Outcome<(u16, String)> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("Authorization", &self.authorization)
            .header("Content-Type", "application/json");
        let answer = match body {
            Some(body) => self.agent.run(request.body(body.to_string())?),
            None => self.agent.run(request.body(())?),
        };
        let mut answer = answer.map_err(|error| format!("{method} {path}: {error}"))?;
        Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
    }
}

fn refused(method: &str, path: &str, status: u16, body: &str) -> Box<dyn std::error::Error + Send + Sync> {
    format!("{method} {path}: the host answers {status} {body}").into()
}

/// A field that is a text; empty where there is none.
#[must_use]
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A field that is a number.
#[must_use]
pub fn number(value: &Value, field: &str) -> u64 {
    value.get(field).and_then(Value::as_u64).unwrap_or_default()
}

/// The objects in a field.
#[must_use]
pub fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
