//! The reader on hosts in memory that count what they are asked.

mod budgets;
mod host;
mod rules;
