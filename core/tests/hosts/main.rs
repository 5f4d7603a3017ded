//! Hosts against recorded answers: `core/tests/recorded/HOST/NAME.json`, each the answer of one endpoint.

#[cfg(test)]
mod failures;
#[cfg(test)]
mod gitea;
#[cfg(test)]
mod github;
#[cfg(test)]
mod gitlab;
#[cfg(test)]
mod local;
#[cfg(test)]
mod played;
