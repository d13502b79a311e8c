//! Who asks, and what they may do.

use std::sync::Arc;

use stepwell_core::ids::{KeyId, WorkspaceId};

use crate::AppError;

/// Who asks. Every service takes one; objects of other workspaces do not exist for it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The workspace whose objects it sees.
    pub workspace: WorkspaceId,
    /// The key it came with; `None`: the process itself (CLI on the data folder, tests).
    pub key: Option<KeyId>,
    /// What it may do.
    pub scopes: Arc<[Scope]>,
}

/// A permission. Written `admin`, `read:workflows`, `execute:workflows:<id or name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Admin,
    /// `read|write|execute` on a kind of object, maybe on one object only.
    On {
        /// What may be done.
        verb: Verb,
        /// `workflows`, `schedules`, `webhooks`, `integrations`.
        kind: String,
        /// The id or name of the only object it is good for.
        only: Option<String>,
    },
}

/// What may be done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Look at it.
    Read,
    /// Create, change, delete it.
    Write,
    /// Execute it, and control those executions.
    Execute,
}

/// The kinds of objects that scopes are about.
pub const KINDS: [&str; 4] = ["workflows", "schedules", "webhooks", "integrations"];

impl Verb {
    const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Execute];

    const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Admin => f.write_str("admin"),
            Self::On { verb, kind, only: None } => write!(f, "{}:{kind}", verb.name()),
            Self::On { verb, kind, only: Some(only) } => write!(f, "{}:{kind}:{only}", verb.name()),
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = AppError;

    fn from_str(text: &str) -> Result<Self, AppError> {
        if text == "admin" {
            return Ok(Self::Admin);
        }
        let mut parts = text.splitn(3, ':');
        let verb = parts.next().and_then(|v| Verb::ALL.into_iter().find(|verb| verb.name() == v));
        let kind = parts.next().filter(|k| KINDS.contains(k));
        match (verb, kind, parts.next()) {
            (Some(verb), Some(kind), only) if only != Some("") => {
                Ok(Self::On { verb, kind: kind.into(), only: only.map(Into::into) })
            }
            _ => Err(AppError::invalid(
                "scopes",
                format!(
                    "unknown scope `{text}`; use `admin`, or `read:`, `write:` or `execute:` followed by one of {}, such as `execute:workflows`",
                    KINDS.join(", ")
                ),
            )),
        }
    }
}

impl Caller {
    /// The process itself, in the default workspace, allowed everything.
    pub fn internal() -> Self {
        Self { workspace: WorkspaceId::DEFAULT, key: None, scopes: [Scope::Admin].into() }
    }

    /// Whether it is allowed everything.
    pub fn is_admin(&self) -> bool {
        self.scopes.contains(&Scope::Admin)
    }

    /// Checks that it is allowed everything.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn require_admin(&self) -> Result<(), AppError> {
        if self.is_admin() { Ok(()) } else { Err(AppError::Forbidden("admin".into())) }
    }

    /// Checks that it may do that to some object of that kind, or to all of them.
    ///
    /// # Errors
    /// `Forbidden` naming the scope that would be needed.
    pub fn require(&self, verb: Verb, kind: &str) -> Result<(), AppError> {
        self.require_on(verb, kind, &[])
    }

    /// Checks that it may do that to at least one object of that kind; which is to be asked once
    /// the object is known.
    ///
    /// # Errors
    /// `Forbidden` naming the scope that would be needed.
    pub fn require_any(&self, verb: Verb, kind: &str) -> Result<(), AppError> {
        let allowed = self.scopes.iter().any(|scope| match scope {
            Scope::Admin => true,
            Scope::On { verb: v, kind: k, only: _ } => *v == verb && k == kind,
        });
        if allowed {
            return Ok(());
        }
        Err(AppError::Forbidden(format!("{}:{kind}", verb.name())))
    }

    /// Checks that it may do that to the object known by any of `names` (its id forms, its name).
    ///
    /// # Errors
    /// `Forbidden` naming the scope that would be needed.
    pub fn require_on(&self, verb: Verb, kind: &str, names: &[&str]) -> Result<(), AppError> {
        let allowed = self.scopes.iter().any(|scope| match scope {
            Scope::Admin => true,
            Scope::On { verb: v, kind: k, only } => {
                *v == verb
                    && k == kind
                    && only.as_ref().is_none_or(|only| names.contains(&only.as_str()))
            }
        });
        if allowed {
            return Ok(());
        }
        Err(AppError::Forbidden(format!("{}:{kind}", verb.name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(scopes: &[&str]) -> Caller {
        let scopes: Vec<Scope> = scopes.iter().map(|s| s.parse().unwrap()).collect();
        Caller { scopes: scopes.into(), ..Caller::internal() }
    }

    #[test]
    fn scopes_open_what_they_name() {
        let reader = caller(&["read:workflows"]);
        assert!(reader.require(Verb::Read, "workflows").is_ok());
        assert!(reader.require(Verb::Write, "workflows").is_err());
        assert!(reader.require(Verb::Read, "schedules").is_err());
        assert!(caller(&["admin"]).require(Verb::Write, "webhooks").is_ok());
        let one = caller(&["execute:workflows:greet"]);
        assert!(one.require_on(Verb::Execute, "workflows", &["wf_1", "greet"]).is_ok());
        assert!(one.require_on(Verb::Execute, "workflows", &["wf_1", "other"]).is_err());
        assert!(one.require(Verb::Execute, "workflows").is_err());
    }

    #[test]
    fn scopes_read_as_written() {
        for text in ["admin", "read:workflows", "execute:workflows:greet: the second"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in ["", "all", "read", "read:things", "read:workflows:"] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}
