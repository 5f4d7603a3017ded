//! The dashboard: a page that reads stores where they are, and computes with [`ocuroot_core`] what
//! the command line computes.
//!
//! A component shows what a plain type says; the plain types are in core and have the tests there.
//! What is here is a page's own business: its address ([`route`], [`nav`]), what it reads and when
//! ([`reading`], [`store`]), and how things look ([`ui`], [`frame`], [`screens`]).

pub mod account;
mod apart;
pub mod app;
pub mod browser;
pub mod cache;
pub mod frame;
pub mod keys;
pub mod nav;
mod net;
pub mod oauth;
pub mod reading;
pub mod route;
pub mod screens;
pub mod sources;
pub mod store;
pub mod travel;
pub mod ui;

pub use app::App;
