//! Hosts against recorded answers: `core/tests/recorded/HOST/NAME.json`, each the answer of one endpoint.

mod github;
mod local;
mod played;
