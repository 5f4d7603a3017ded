//! What core decides, against `spec/work.md`: each test is a small store in one string, a decision,
//! and what it changes. See [`fixture`] for the format.

#[cfg(test)]
mod apply;
#[cfg(test)]
mod candidates;
#[cfg(test)]
mod check;
#[cfg(test)]
mod deploys;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod environments;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod freeze;
#[cfg(test)]
mod generations;
#[cfg(test)]
mod outdated;
#[cfg(test)]
mod places;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod push;
#[cfg(test)]
mod ready;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod release;
#[cfg(test)]
mod release_screen;
#[cfg(test)]
mod rollback;
#[cfg(test)]
mod run;
#[cfg(test)]
mod screens;
#[cfg(test)]
mod summary;
#[cfg(test)]
mod summary_update;
#[cfg(test)]
mod turn;
#[cfg(test)]
mod why;
