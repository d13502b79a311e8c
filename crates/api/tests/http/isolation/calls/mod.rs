//! Every operation of the API, and what a stranger sees of it. A new operation needs a line in its
//! dialect's file: with objects in its path or body, a stranger gets the response for objects that
//! do not exist.

mod admin;
mod dataflow;
mod service;
mod triggers;
mod vellum;
mod workflows;

/// A call, with objects (see `world.rs`) in the places of its parameters.
pub struct Call {
    /// Method and path as the API's description has them.
    pub call: &'static str,
    /// The path with objects in it; empty: the path has no parameters.
    at: &'static str,
    /// The body; empty: none.
    pub body: &'static str,
    /// What a stranger sees.
    pub sees: Sees,
    /// Whether only an admin of the default workspace is served.
    pub by_operator_only: bool,
}

/// What a stranger sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// This status, and the same response as for objects that do not exist.
    Nothing(u16),
    /// An empty list at this pointer.
    EmptyAt(&'static str),
    /// What is its own.
    Own,
    /// The same as every caller: information about the server.
    Server,
}

impl Call {
    pub fn method(&self) -> &'static str {
        self.call.split_once(' ').unwrap().0
    }

    /// The path to be filled.
    pub fn path(&self) -> &'static str {
        if self.at.is_empty() { self.call.split_once(' ').unwrap().1 } else { self.at }
    }
}

const fn call(call: &'static str, at: &'static str, sees: Sees) -> Call {
    Call { call, at, body: "", sees, by_operator_only: false }
}

const fn with(call: &'static str, at: &'static str, body: &'static str, sees: Sees) -> Call {
    Call { call, at, body, sees, by_operator_only: false }
}

/// All of them. A call that can name objects in several ways is there several times. Lists come
/// first, while a stranger has nothing of its own.
pub fn all() -> Vec<&'static Call> {
    let parts = [
        admin::CALLS,
        dataflow::CALLS,
        service::CALLS,
        triggers::CALLS,
        vellum::CALLS,
        workflows::CALLS,
    ];
    let mut calls: Vec<_> = parts.into_iter().flatten().collect();
    calls.sort_by_key(|call| !matches!(call.sees, Sees::EmptyAt(_)));
    calls
}
