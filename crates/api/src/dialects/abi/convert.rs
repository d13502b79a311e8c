//! Between this dialect's bodies and the domain. Domain structs are taken apart field by field, so
//! that a new one breaks the build here on purpose.

use std::cmp::Ordering;

use stepwell_core::ids::{KeyId, WorkspaceId};
use stepwell_core::rate::RateLimits;
use stepwell_core::{Problem, Timestamp};
use stepwell_engine::Scope;
use stepwell_engine::api_key::ApiKey;
use stepwell_engine::app::{CallerInfo, CreateKey, NewKey};
use stepwell_engine::caller::Role;
use stepwell_engine::objects::Object;
use stepwell_engine::workspace::Workspace;

use super::{limits, wire};
use crate::error::{ApiError, Kind, shortened};
use crate::json::Fields;
use crate::respond::Time;

/// How this dialect begins the ids of keys.
const KEY_PREFIX: &str = "apk_";

/// A key's id as this dialect writes it.
pub fn key_id(id: KeyId) -> String {
    let written = id.abi();
    let chars = written.split_once('_').map_or(written.as_str(), |(_, chars)| chars);
    format!("{KEY_PREFIX}{chars}")
}

/// Who made something: the user that a key stands for; `system` where no key was used.
pub fn creator(key: Option<KeyId>) -> String {
    match key {
        Some(key) => key_id(key).replacen(KEY_PREFIX, "usr_", 1),
        None => "system".to_owned(),
    }
}

/// Reads a key's id in any form.
pub fn parse_key_id(text: &str) -> Result<KeyId, ApiError> {
    let inside = match text.strip_prefix(KEY_PREFIX).or_else(|| text.strip_prefix("apk-")) {
        Some(chars) => format!("key_{chars}"),
        None => text.to_owned(),
    };
    inside.parse().map_err(|_| {
        let shown = shortened(text);
        ApiError::new(
            Kind::NoObject,
            format!(
                "`{shown}` is not the id of an API key: expected `{KEY_PREFIX}` and 26 characters"
            ),
        )
    })
}

impl TryFrom<Fields> for CreateKey {
    type Error = ApiError;

    fn try_from(mut fields: Fields) -> Result<Self, ApiError> {
        let name = fields.text("name");
        let name = fields.require("name", name);
        let mut scopes = fields.texts("scopes");
        if let Some(role) = role(&mut fields) {
            let of_role = role.scopes().iter().map(ToString::to_string).collect();
            let more: Vec<String> = scopes.replace(of_role).unwrap_or_default();
            let scopes = scopes.get_or_insert_default();
            for scope in more {
                if !scopes.contains(&scope) {
                    scopes.push(scope);
                }
            }
        }
        let scopes = fields.require("scopes", scopes);
        let expires_at = fields.text("expires_at").and_then(|text| {
            let time = Timestamp::parse(&text);
            if time.is_none() {
                let message = "must be an RFC 3339 time with a zone, before 9999-12-30; leave it \
                               out for a key that never expires";
                let problem = Problem::new("expires_at", message);
                fields.push(problem.with_expectation("such as 2026-12-31T00:00:00Z", text));
            }
            time
        });
        let limits = limits::read(&mut fields).unwrap_or_default();
        let workspace = fields.text("workspace_id").and_then(|text| {
            parse_workspace_id(&text).map_err(|problem| fields.push(problem)).ok()
        });
        fields.finish()?;
        // Both were required above, so `finish` refused a request without them.
        let (name, scopes) = (name.unwrap_or_default(), scopes.unwrap_or_default());
        Ok(Self { name, scopes, expires_at, limits, workspace })
    }
}

fn role(fields: &mut Fields) -> Option<Role> {
    let text = fields.text("role")?;
    let role = Role::ALL.into_iter().find(|role| role.name() == text);
    if role.is_none() {
        let known = Role::ALL.map(Role::name).join(", ");
        let shown = shortened(&text);
        let message = format!("there is no role `{shown}`; the roles are {known}");
        fields.push(Problem::new("role", message));
    }
    role
}

/// Reads the id of a workspace in a body or a query.
pub fn parse_workspace_id(text: &str) -> Result<WorkspaceId, Problem> {
    text.parse().map_err(|error| Problem::new("workspace_id", format!("{error}")))
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
    let (tier, rate_limits) = limits::write(limits);
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
    fn from(info: CallerInfo) -> Self {
        let CallerInfo { key, workspace, scopes } = info;
        let none = RateLimits::NONE;
        let (tier, rate_limits) =
            limits::write(key.as_ref().map_or(&none, |key| &key.document.limits));
        Self {
            key_id: key.as_ref().map(|key| key_id(key.id)),
            user_id: creator(key.as_ref().map(|key| key.id)),
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

impl From<Object<Workspace>> for wire::Workspace {
    fn from(object: Object<Workspace>) -> Self {
        let Object { id, workspace: _, version: _, created_at, updated_at, document } = object;
        let Workspace { name, limits } = document;
        let (tier, rate_limits) = limits::write(&limits);
        Self {
            id: id.abi(),
            name,
            tier,
            rate_limits,
            created_at: Time(created_at),
            updated_at: Time(updated_at),
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
    fn key_ids_read_back_in_every_form() {
        let id = KeyId::from_uuid(Uuid::from_u128(77));
        assert!(key_id(id).starts_with("apk_0000"), "{}", key_id(id));
        for form in [key_id(id), id.abi(), id.dataflow(), id.to_string()] {
            assert_eq!(parse_key_id(&form).unwrap(), id, "{form}");
        }
        assert_eq!(parse_key_id("apk_x").unwrap_err().kind(), Kind::NoObject);
    }

    #[test]
    fn requests_for_keys() {
        let read = |body| CreateKey::try_from(Fields::of(body).unwrap());
        let good = json!({"name": "ci", "scopes": ["admin"], "expires_at": "2030-01-01T00:00:00Z"});
        assert_eq!(read(good).unwrap().expires_at, Timestamp::parse("2030-01-01T00:00:00Z"));
        let body = json!({"name": "ci", "role": "user", "scopes": ["execute:workflows:greet"],
            "tier": "standard", "workspace_id": WorkspaceId::DEFAULT.abi()});
        let key = read(body).unwrap();
        assert_eq!(key.scopes.len(), 6);
        assert!(key.scopes.contains(&"read:schedules".to_owned()), "{:?}", key.scopes);
        assert_eq!(key.scopes[5], "execute:workflows:greet");
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
