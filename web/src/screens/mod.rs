//! The screens, one file each.

pub mod compare;
pub mod custom;
pub mod diff;
pub mod draft;
pub mod environment;
pub mod environments;
pub mod explorer;
pub mod history;
mod matrix;
pub mod log;
pub mod overview;
pub mod package;
pub mod plan;
pub mod release;
mod says;
pub mod run_panel;
pub mod signin;
