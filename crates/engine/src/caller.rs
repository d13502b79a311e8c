//! The caller of a service: workspace, scopes, limits.

use std::sync::Arc;

use stepwell_core::ids::{KeyId, WorkspaceId};
use stepwell_store::audit::{Actor, Origin};

use crate::AppError;
use crate::limits::Limits;

/// The caller of a service. Objects of other workspaces do not exist for it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The workspace whose objects it sees.
    pub workspace: WorkspaceId,
    /// The actor, for the audit log.
    pub actor: Actor,
    /// The origin of the request, for the audit log.
    pub origin: Origin,
    /// Its scopes.
    pub scopes: Arc<[Scope]>,
    /// Its rate limits.
    pub limits: Limits,
}

/// A permission, written `admin`, `read:workflows`, `execute:workflows:<id or name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Admin,
    /// `read|write|execute` on a kind of object, or on one object only.
    On {
        /// The permitted action.
        verb: Verb,
        /// One of [`KINDS`]; with `read` also `metrics`.
        kind: String,
        /// The id or name of the only object; `None`: all.
        only: Option<String>,
    },
}

/// An action on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Read it.
    Read,
    /// Create, change, delete it.
    Write,
    /// Execute it, and control its executions.
    Execute,
}

/// The error for operations of operators.
const OPERATORS_ONLY: &str =
    "only a key of the default workspace with the scope `admin` may do that";

/// The error for `read:metrics` in another workspace.
const METRICS_OF_ALL: &str =
    "metrics are about all workspaces: only keys of the default workspace may read them";

/// What the scope `read:metrics` is about. No role but `admin` has it.
const METRICS: &str = "metrics";

/// The kinds of objects that scopes are about.
pub const KINDS: [&str; 7] =
    ["workflows", "schedules", "webhooks", "integrations", "templates", "variables", "approvals"];

/// A name for a set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Admin,
    /// Reads, writes and executes everything but keys and workspaces.
    Developer,
    /// Reads everything and executes workflows.
    Analyst,
    /// Reads everything.
    User,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Developer, Self::Analyst, Self::User];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Analyst => "analyst",
            Self::User => "user",
        }
    }

    /// The scopes of the role.
    pub fn scopes(self) -> Vec<Scope> {
        let on = |verb, kinds: &[&str]| -> Vec<Scope> {
            kinds.iter().map(|kind| Scope::on(verb, kind)).collect()
        };
        match self {
            Self::Admin => vec![Scope::Admin],
            Self::Developer => Verb::ALL.into_iter().flat_map(|verb| on(verb, &KINDS)).collect(),
            Self::Analyst => {
                [on(Verb::Read, &KINDS), on(Verb::Execute, &["workflows", "schedules"])].concat()
            }
            Self::User => on(Verb::Read, &KINDS),
        }
    }

    /// The role that has exactly these scopes, in whatever order.
    pub fn of(scopes: &[Scope]) -> Option<Self> {
        Self::ALL.into_iter().find(|role| {
            let own = role.scopes();
            own.iter().all(|scope| scopes.contains(scope))
                && scopes.iter().all(|scope| own.contains(scope))
        })
    }
}

impl Scope {
    fn on(verb: Verb, kind: &str) -> Self {
        Self::On { verb, kind: kind.to_owned(), only: None }
    }
}

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
        if text == "read:metrics" {
            return Ok(Self::on(Verb::Read, METRICS));
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
                    "unknown scope `{text}`; use `admin`, `read:metrics`, or `read:`, `write:` or `execute:` followed by one of {}, such as `execute:workflows`",
                    KINDS.join(", ")
                ),
            )),
        }
    }
}

impl Caller {
    /// The process itself, in the default workspace, with all permissions.
    pub fn internal() -> Self {
        Self {
            workspace: WorkspaceId::DEFAULT,
            actor: Actor::System,
            origin: Origin::default(),
            scopes: [Scope::Admin].into(),
            limits: Limits::default(),
        }
    }

    /// The process itself, in that workspace.
    pub fn internal_to(workspace: WorkspaceId) -> Self {
        Self { workspace, ..Self::internal() }
    }

    /// The caller's key, if any.
    pub const fn key(&self) -> Option<KeyId> {
        self.actor.key()
    }

    /// Whether it has the scope `admin`.
    pub fn is_admin(&self) -> bool {
        self.scopes.contains(&Scope::Admin)
    }

    /// Checks that it has the scope `admin`.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn require_admin(&self) -> Result<(), AppError> {
        if self.is_admin() { Ok(()) } else { Err(AppError::Forbidden("admin".into())) }
    }

    /// Checks that it may read the metrics, which are about all workspaces.
    ///
    /// # Errors
    /// `Forbidden` without the scope; `NotPermitted` with the scope in another workspace.
    pub fn require_metrics(&self) -> Result<(), AppError> {
        self.require(Verb::Read, METRICS)?;
        if self.workspace == WorkspaceId::DEFAULT {
            return Ok(());
        }
        Err(AppError::NotPermitted(METRICS_OF_ALL))
    }

    /// Whether it is an operator: an admin of the default workspace.
    pub fn is_operator(&self) -> bool {
        self.is_admin() && self.workspace == WorkspaceId::DEFAULT
    }

    /// Checks that it is an operator.
    ///
    /// # Errors
    /// `Forbidden` for other callers than admins; `NotPermitted` for admins of another workspace.
    pub fn require_operator(&self) -> Result<(), AppError> {
        self.require_admin()?;
        if self.is_operator() { Ok(()) } else { Err(AppError::NotPermitted(OPERATORS_ONLY)) }
    }

    /// Checks the scope for all objects of the kind.
    ///
    /// # Errors
    /// `Forbidden` with the required scope.
    pub fn require(&self, verb: Verb, kind: &str) -> Result<(), AppError> {
        self.require_on(verb, kind, &[])
    }

    /// Checks the scope for at least one object of the kind; for which one must be checked when the
    /// object is known.
    ///
    /// # Errors
    /// `Forbidden` with the required scope.
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

    /// Checks the scope for the object with any of `names` (the forms of its id, its name).
    ///
    /// # Errors
    /// `Forbidden` with the required scope.
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
    fn scopes_permit_what_they_name() {
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
    fn only_admins_of_the_default_workspace_are_operators() {
        assert!(Caller::internal().require_operator().is_ok());
        let elsewhere = Caller {
            workspace: WorkspaceId::from_uuid(uuid::Uuid::from_u128(2)),
            ..Caller::internal()
        };
        assert!(matches!(elsewhere.require_operator(), Err(AppError::NotPermitted(_))));
        let reader = caller(&["read:workflows"]);
        assert!(matches!(reader.require_operator(), Err(AppError::Forbidden(_))));
    }

    #[test]
    fn roles_are_sets_of_scopes() {
        use Verb::{Execute, Read, Write};
        for (role, read, write, execute, execute_integrations, admin) in [
            (Role::Admin, true, true, true, true, true),
            (Role::Developer, true, true, true, true, false),
            (Role::Analyst, true, false, true, false, false),
            (Role::User, true, false, false, false, false),
        ] {
            let caller = Caller { scopes: role.scopes().into(), ..Caller::internal() };
            let name = role.name();
            for kind in KINDS {
                assert_eq!(caller.require(Read, kind).is_ok(), read, "{name} reads {kind}");
                assert_eq!(caller.require(Write, kind).is_ok(), write, "{name} writes {kind}");
            }
            for kind in ["workflows", "schedules"] {
                assert_eq!(
                    caller.require(Execute, kind).is_ok(),
                    execute,
                    "{name} executes {kind}"
                );
            }
            let integrations = caller.require(Execute, "integrations").is_ok();
            assert_eq!(integrations, execute_integrations, "{name}");
            assert_eq!(caller.is_admin(), admin, "{name}");
            let mut scopes = role.scopes();
            scopes.reverse();
            assert_eq!(Role::of(&scopes), Some(role));
        }
        assert_eq!(Role::of(&[]), None);
        assert_eq!(Role::of(&["read:workflows".parse().unwrap()]), None);
    }

    #[test]
    fn scopes_read_as_written() {
        for text in
            ["admin", "read:metrics", "read:workflows", "execute:workflows:greet: the second"]
        {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in
            ["", "all", "read", "read:things", "write:metrics", "read:metrics:x", "read:workflows:"]
        {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}
