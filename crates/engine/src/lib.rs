//! Placeholder.

pub mod egress;
