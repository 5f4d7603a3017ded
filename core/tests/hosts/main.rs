//! Hosts against recorded answers: `core/tests/recorded/HOST/NAME.json`, each the answer of one endpoint.

#[cfg(test)]
mod github;
#[cfg(test)]
mod local;
#[cfg(test)]
mod played;
