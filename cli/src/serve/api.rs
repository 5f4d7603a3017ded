//! What is answered about a store.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocuroot_core::Marker as Side;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::store::{Offer, StoreError};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question<'q> {
    /// Whether it is a POST; else it is a GET.
    pub(super) post: bool,
    /// The path below `api/`.
    pub(super) path: &'q str,
    /// The parameters, decoded.
    pub(super) query: Vec<(String, String)>,
    /// What was posted.
    pub(super) body: &'q [u8],
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    /// Tells one answer from the next.
    pub(super) tag: Option<String>,
}

#[derive(Deserialize)]
struct Ids {
    ids: Vec<String>,
}

#[derive(Deserialize)]
struct Paths {
    commit: String,
    paths: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug)]
enum Problem {
    /// Nothing is there.
    Nothing(String),
    /// What is asked makes no sense.
    Odd(String),
    /// It is there, but is asked for otherwise.
    Method(&'static str),
    /// The store cannot be read.
    Store(StoreError),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        Problem::Store(error)
    }
}

/// Answers, whatever is asked.
pub(super) fn answer(offer: &mut dyn Offer, question: &Question<'_>) -> Answer {
    let (status, message) = match decide(offer, question) {
        Ok((body, tag)) => return Answer { status: 200, body, tag },
        Err(Problem::Nothing(message)) => (404, message),
        Err(Problem::Odd(message)) => (400, message),
        Err(Problem::Method(method)) => (405, format!("this takes {method} only")),
        Err(Problem::Store(error)) => (502, error.to_string()),
    };
    Answer { status, body: json!({"message": message}), tag: None }
}

fn decide(offer: &mut dyn Offer, question: &Question<'_>) -> Result<(Value, Option<String>), Problem> {
    let mut segments = question.path.split('/');
    let side = match segments.next() {
        Some("state") => Side::State,
        Some("intent") => Side::Intent,
        _ => return Err(unknown(question)),
    };
    let rest: Vec<&str> = segments.collect();
    match (rest.as_slice(), question.post) {
        (["head"], false) => {
            let head = offer
                .head(side)?
                .ok_or_else(|| Problem::Nothing("nobody has written to this store yet".to_owned()))?;
            let tag = head.id.clone();
            Ok((json(&head)?, Some(tag)))
        }
        (["commits", id], false) => {
            let commit = offer.commit(side, id)?.ok_or_else(|| no_commit(id))?;
            Ok((json(&commit)?, Some(commit.id)))
        }
        (["commits"], false) => {
            let parameter = |name: &str| {
                question.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
            };
            let from = match parameter("from") {
                Some(from) => from.to_owned(),
                None => offer.head(side)?.map(|head| head.id).unwrap_or_default(),
            };
            let page = match parameter("page").map(str::parse::<usize>) {
                None => 1,
                Some(Ok(page)) if page > 0 => page,
                Some(_) => return Err(Problem::Odd("`page` is a number from 1 on".to_owned())),
            };
            let path = parameter("path").unwrap_or_default();
            let history = offer.history(side, &from, path, page)?.ok_or_else(|| no_commit(&from))?;
            Ok((json(&history)?, None))
        }
        (["trees", id], false) => {
            let recursive = question.query.iter().any(|(key, value)| key == "recursive" && value != "0");
            let entries = offer
                .tree(side, id, recursive)?
                .ok_or_else(|| Problem::Nothing(format!("{id} is no folder of this store")))?;
            let tag = if recursive { format!("{id}-r") } else { (*id).to_owned() };
            Ok((json!({"entries": json(&entries)?, "truncated": false}), Some(tag)))
        }
        (["blobs"], true) => {
            let Ids { ids } = posted(question.body)?;
            let blobs: Vec<Value> = offer
                .blobs(side, &ids)?
                .into_iter()
                .map(|(id, bytes)| with_content(json!({"id": id}), bytes))
                .collect();
            Ok((json!({"blobs": blobs}), None))
        }
        (["files"], true) => {
            let Paths { commit, paths } = posted(question.body)?;
            let files = offer.files(side, &commit, &paths)?.ok_or_else(|| no_commit(&commit))?;
            let files: Vec<Value> = files
                .into_iter()
                .map(|file| with_content(json!({"path": file.path, "id": file.id}), file.bytes))
                .collect();
            Ok((json!({"files": files}), None))
        }
        (["blobs"] | ["files"], false) => Err(Problem::Method("POST")),
        (["head"] | ["commits", ..] | ["trees", _], true) => Err(Problem::Method("GET")),
        _ => Err(unknown(question)),
    }
}

fn unknown(question: &Question<'_>) -> Problem {
    Problem::Nothing(format!("there is no api/{}", question.path))
}

fn no_commit(id: &str) -> Problem {
    Problem::Nothing(format!("{id} is no commit of this store"))
}

fn json(value: &impl serde::Serialize) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| Problem::Odd(error.to_string()))
}

fn posted<'q, T: Deserialize<'q>>(body: &'q [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::Odd(format!("what was posted: {error}")))
}

/// Adds a file's content: as text where it is that.
fn with_content(mut value: Value, bytes: Vec<u8>) -> Value {
    let (key, content) = match String::from_utf8(bytes) {
        Ok(text) => ("text", text),
        Err(error) => ("base64", STANDARD.encode(error.as_bytes())),
    };
    if let Some(fields) = value.as_object_mut() {
        fields.insert(key.to_owned(), content.into());
    }
    value
}
