//! Conversions between the bodies about API keys and the domain.

use std::cmp::Ordering;

use stepwell_core::rate::RateLimits;
use stepwell_core::{Problem, Timestamp};
use stepwell_engine::Scope;
use stepwell_engine::api_key::ApiKey;
use stepwell_engine::app::{CallerInfo, ChangeKey, CreateKey, NewKey};
use stepwell_engine::caller::Role;
use stepwell_engine::objects::Object;

use super::super::ids::{creator_id, key_id, parse_workspace_id};
use super::super::limits;
use super::wire;
use crate::error::{ApiError, shorten_text};
use crate::fields::{Fields, FromFields as _};
use crate::respond::Time;

/// Reads a new key.
pub fn create_key(mut fields: Fields) -> Result<CreateKey, ApiError> {
    let wire::CreateKeyRequest { name, scopes, role, expires_at, tier, rate_limits, workspace_id } =
        wire::CreateKeyRequest::read(&mut fields);
    let role = role.and_then(|name| find_role(&mut fields, &name));
    let scopes = match (role, scopes) {
        (Some(role), more) => Some(with_scopes(role, more.unwrap_or_default())),
        (None, scopes) => scopes,
    };
    let scopes = fields.require("scopes", scopes);
    let expires_at = expires_at.and_then(|text| {
        let time = Timestamp::parse(&text);
        if time.is_none() {
            let message = "must be an RFC 3339 time with a zone, before 9999-12-30; omit it for a \
                           key that never expires";
            let problem = Problem::new("expires_at", message);
            fields.push(problem.with_expectation("such as 2026-12-31T00:00:00Z", text));
        }
        time
    });
    let limits = limits::choose_limits(&mut fields, tier, rate_limits).unwrap_or_default();
    let workspace = workspace_id
        .and_then(|text| parse_workspace_id(&text).map_err(|problem| fields.push(problem)).ok());
    fields.finish()?;
    // Required above: `finish` rejects a request without it.
    let scopes = scopes.unwrap_or_default();
    Ok(CreateKey { name, scopes, expires_at, limits, workspace })
}

/// The scopes of a role, and those that it does not have.
fn with_scopes(role: Role, more: Vec<String>) -> Vec<String> {
    let mut scopes: Vec<String> = role.scopes().iter().map(ToString::to_string).collect();
    for scope in more {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes
}

fn find_role(fields: &mut Fields, name: &str) -> Option<Role> {
    let role = Role::ALL.into_iter().find(|role| role.name() == name);
    if role.is_none() {
        let known = Role::ALL.map(Role::name).join(", ");
        let shown = shorten_text(name);
        let message = format!("there is no role `{shown}`; the roles are {known}");
        fields.push(Problem::new("role", message));
    }
    role
}

/// Reads a change of a key.
pub fn change_key(mut fields: Fields) -> Result<ChangeKey, ApiError> {
    let wire::ChangeKeyRequest { name, tier, rate_limits } =
        wire::ChangeKeyRequest::read(&mut fields);
    let limits = limits::choose_limits(&mut fields, tier, rate_limits);
    fields.finish()?;
    Ok(ChangeKey { name, limits })
}

/// The role of scopes as they are stored, if they are exactly those of one.
fn role_of(scopes: &[String]) -> Option<&'static str> {
    let scopes: Option<Vec<Scope>> = scopes.iter().map(|scope| scope.parse().ok()).collect();
    Role::of(&scopes?).map(Role::name)
}

/// A key, seen at that moment.
pub fn api_key(object: &Object<ApiKey>, now: Timestamp) -> wire::ApiKey<'_> {
    let Object { id, workspace, version: _, created_at, updated_at: _, document } = object;
    let ApiKey { name, hash: _, hint, scopes, limits, expires_at, last_used_at, revoked_at } =
        document;
    let status = match (revoked_at, expires_at) {
        (Some(_), _) => wire::KeyStatus::Revoked,
        (None, Some(end)) if *end <= now => wire::KeyStatus::Expired,
        _ => wire::KeyStatus::Active,
    };
    let (tier, rate_limits) = limits::write_limits(limits);
    wire::ApiKey {
        id: key_id(*id),
        name,
        hint,
        scopes,
        role: role_of(scopes),
        workspace_id: workspace.abi(),
        tier,
        rate_limits,
        status,
        created_at: Time(*created_at),
        expires_at: expires_at.map(Time),
        last_used_at: last_used_at.map(Time),
        revoked_at: revoked_at.map(Time),
    }
}

/// A key just made.
pub fn new_key(new: &NewKey, now: Timestamp) -> wire::NewApiKey<'_> {
    let NewKey { record, secret } = new;
    wire::NewApiKey { key: api_key(record, now), secret }
}

impl From<CallerInfo> for wire::Me {
    fn from(myself: CallerInfo) -> Self {
        let CallerInfo { key, workspace, scopes } = myself;
        let none = RateLimits::NONE;
        let (tier, rate_limits) =
            limits::write_limits(key.as_ref().map_or(&none, |key| &key.document.limits));
        Self {
            key_id: key.as_ref().map(|key| key_id(key.id)),
            user_id: creator_id(key.as_ref().map(|key| key.id)),
            expires_at: key.as_ref().and_then(|key| key.document.expires_at).map(Time),
            key_name: key.map(|key| key.document.name),
            workspace_id: workspace.id.abi(),
            workspace: workspace.into(),
            role: Role::of(&scopes).map(Role::name),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            tier,
            rate_limits,
        }
    }
}

/// How a list of keys can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrder {
    CreatedAt,
    ExpiresAt,
    LastUsedAt,
    Name,
}

impl KeyOrder {
    /// By the names that `sort_by` knows.
    pub const ALL: [(&str, Self); 4] = [
        ("created_at", Self::CreatedAt),
        ("expires_at", Self::ExpiresAt),
        ("last_used_at", Self::LastUsedAt),
        ("name", Self::Name),
    ];

    /// Which of two keys comes first, in ascending order.
    pub fn compare(self, a: &Object<ApiKey>, b: &Object<ApiKey>) -> Ordering {
        let (key, other) = (&a.document, &b.document);
        let order = match self {
            Self::CreatedAt => a.created_at.cmp(&b.created_at),
            Self::ExpiresAt => key.expires_at.cmp(&other.expires_at),
            Self::LastUsedAt => key.last_used_at.cmp(&other.last_used_at),
            Self::Name => key.name.cmp(&other.name),
        };
        order.then(a.id.cmp(&b.id))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stepwell_core::ids::{KeyId, WorkspaceId};
    use uuid::Uuid;

    use super::*;

    fn key(n: u128, name: &str) -> Object<ApiKey> {
        let document = ApiKey {
            name: name.into(),
            hash: ApiKey::hash_text(&[0; 32]),
            hint: "sk_live_abcd".into(),
            scopes: vec!["admin".into()],
            limits: RateLimits::NONE,
            expires_at: Some(Timestamp::from_millis(1000)),
            last_used_at: None,
            revoked_at: None,
        };
        let created_at = Timestamp::from_millis(i64::try_from(n).unwrap());
        let id = KeyId::from_uuid(Uuid::from_u128(n));
        Object::new(id, WorkspaceId::DEFAULT, created_at, document)
    }

    #[test]
    fn requests_for_keys() {
        let read = |body| create_key(Fields::of(body).unwrap());
        let good = json!({"name": "ci", "scopes": ["admin"], "expires_at": "2030-01-01T00:00:00Z"});
        assert_eq!(read(good).unwrap().expires_at, Timestamp::parse("2030-01-01T00:00:00Z"));
        let body = json!({"name": "ci", "role": "user", "scopes": ["execute:workflows:greet"],
            "tier": "standard", "workspace_id": WorkspaceId::DEFAULT.abi()});
        let key = read(body).unwrap();
        assert_eq!(key.scopes.len(), 8);
        assert!(key.scopes.contains(&"read:schedules".to_owned()), "{:?}", key.scopes);
        assert_eq!(key.scopes[7], "execute:workflows:greet");
        assert_eq!(key.limits.executions_per_second, Some(5));
        assert_eq!(key.workspace, Some(WorkspaceId::DEFAULT));
        let error = read(json!({"scope": ["admin"], "expires_at": "tomorrow", "tier": "x",
            "workspace_id": "w", "role": "boss"}))
        .unwrap_err();
        let paths: Vec<_> = error.details().iter().map(|p| p.path.as_str()).collect();
        let expect = ["name", "role", "scopes", "expires_at", "tier", "workspace_id", "scope"];
        assert_eq!(paths, expect);
    }

    #[test]
    fn roles_are_known_by_their_scopes() {
        let scopes = |role: Role| role.scopes().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(role_of(&scopes(Role::Analyst)), Some("analyst"));
        assert_eq!(role_of(&["read:workflows".to_owned()]), None);
        assert_eq!(role_of(&["of another version".to_owned()]), None);
    }

    #[test]
    fn keys_are_active_until_they_are_not() {
        let mut record = key(1, "a");
        let status =
            |record: &Object<ApiKey>, now| api_key(record, Timestamp::from_millis(now)).status;
        assert_eq!(status(&record, 999), wire::KeyStatus::Active);
        assert_eq!(status(&record, 1000), wire::KeyStatus::Expired);
        record.document.revoked_at = Some(Timestamp::from_millis(5));
        assert_eq!(status(&record, 999), wire::KeyStatus::Revoked);
    }
}
