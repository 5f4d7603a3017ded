//! The screens, one file each.

pub mod compare;
pub mod custom;
pub mod diff;
pub mod draft;
pub mod environment;
pub mod environments;
pub mod explorer;
pub mod history;
pub mod later;
pub mod log;
pub mod matrix;
pub mod nowhere;
pub mod overview;
pub mod package;
pub mod plan;
pub mod release;
pub mod run_panel;
pub mod says;
pub mod signin;
