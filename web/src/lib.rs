//! The dashboard: a page that reads stores where they are, and computes with [`ocuroot_core`] what
//! the command line computes.
//!
//! A component shows what a plain type says; the plain types have the tests. So far the page says
//! what it will be.

pub mod app;
pub mod screens;

pub use app::App;
pub use screens::{SCREENS, Screen};
