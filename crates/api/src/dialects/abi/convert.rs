//! Between this dialect's bodies and the domain. Domain structs are taken apart field by field, so
//! that a new one breaks the build here on purpose.

use std::cmp::Ordering;

use stepwell_core::ids::KeyId;
use stepwell_core::{Problem, Timestamp};
use stepwell_engine::Caller;
use stepwell_engine::app::{CreateKey, NewKey};
use stepwell_store::record::KeyRecord;

use super::wire;
use crate::error::{ApiError, Kind};
use crate::json::Fields;
use crate::query::{MAX_LIMIT, Params, wrong};
use crate::respond::Time;

/// How this dialect begins the ids of keys.
const KEY_PREFIX: &str = "apk_";

/// A key's id as this dialect writes it.
pub fn key_id(id: KeyId) -> String {
    let written = id.abi();
    let chars = written.split_once('_').map_or(written.as_str(), |(_, chars)| chars);
    format!("{KEY_PREFIX}{chars}")
}

/// Reads a key's id in any form.
pub fn parse_key_id(text: &str) -> Result<KeyId, ApiError> {
    let inside = match text.strip_prefix(KEY_PREFIX).or_else(|| text.strip_prefix("apk-")) {
        Some(chars) => format!("key_{chars}"),
        None => text.to_owned(),
    };
    inside.parse().map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        ApiError::new(
            Kind::NoObject,
            format!(
                "`{shown}` is not the id of an API key: expected `{KEY_PREFIX}` and 26 characters"
            ),
        )
    })
}

impl TryFrom<Fields> for wire::CreateKeyRequest {
    type Error = ApiError;

    fn try_from(mut fields: Fields) -> Result<Self, ApiError> {
        let name = fields.text("name");
        let name = fields.require("name", name);
        let scopes = fields.texts("scopes");
        let scopes = fields.require("scopes", scopes);
        let expires_at = fields.text("expires_at").and_then(|text| {
            let time = Timestamp::parse(&text);
            if time.is_none() {
                let problem = Problem::new("expires_at", "must be an RFC 3339 time with a zone");
                fields.push(problem.expecting("such as 2026-12-31T00:00:00Z", text));
            }
            time
        });
        fields.finish()?;
        // Both were required above, so `finish` refused a request without them.
        Ok(Self { name: name.unwrap_or_default(), scopes: scopes.unwrap_or_default(), expires_at })
    }
}

impl From<wire::CreateKeyRequest> for CreateKey {
    fn from(request: wire::CreateKeyRequest) -> Self {
        let wire::CreateKeyRequest { name, scopes, expires_at } = request;
        Self { name, scopes, expires_at }
    }
}

/// A key, seen at that moment.
pub fn api_key(record: &KeyRecord, now: Timestamp) -> wire::ApiKey<'_> {
    let KeyRecord {
        id,
        workspace: _,
        name,
        hash: _,
        hint,
        scopes,
        created_at,
        expires_at,
        last_used_at,
        revoked_at,
    } = record;
    let status = match (revoked_at, expires_at) {
        (Some(_), _) => wire::KeyStatus::Revoked,
        (None, Some(end)) if *end <= now => wire::KeyStatus::Expired,
        _ => wire::KeyStatus::Active,
    };
    wire::ApiKey {
        id: key_id(*id),
        name,
        hint,
        scopes,
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

impl From<&Caller> for wire::Me {
    fn from(caller: &Caller) -> Self {
        let Caller { workspace, key, scopes } = caller;
        Self {
            key_id: key.map(key_id),
            workspace_id: workspace.abi(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
        }
    }
}

/// How a list of keys is to be sorted and cut.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyPage {
    page: usize,
    page_size: usize,
    by: KeyOrder,
    descending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyOrder {
    CreatedAt,
    ExpiresAt,
    LastUsedAt,
    Name,
}

impl TryFrom<&Params> for KeyPage {
    type Error = ApiError;

    fn try_from(params: &Params) -> Result<Self, ApiError> {
        let by = match params.one("sort_by")? {
            None | Some("created_at") => KeyOrder::CreatedAt,
            Some("expires_at") => KeyOrder::ExpiresAt,
            Some("last_used_at") => KeyOrder::LastUsedAt,
            Some("name") => KeyOrder::Name,
            Some(other) => {
                let fields = "one of created_at, expires_at, last_used_at, name";
                return Err(wrong("sort_by", fields, other));
            }
        };
        let descending = match params.one("sort_order")? {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(other) => return Err(wrong("sort_order", "asc or desc", other)),
        };
        Ok(Self {
            page: params.number("page", 1..=usize::MAX, 1)?,
            page_size: params.number("page_size", 1..=MAX_LIMIT, 10)?,
            by,
            descending,
        })
    }
}

impl KeyPage {
    /// Sorts the list and cuts the page out of it. A workspace has few keys: they come whole.
    pub fn cut(&self, mut keys: Vec<KeyRecord>) -> (Vec<KeyRecord>, wire::Pagination) {
        keys.sort_by(|a, b| {
            let order = self.by.compare(a, b).then(a.id.cmp(&b.id));
            if self.descending { order.reverse() } else { order }
        });
        let Self { page, page_size, .. } = *self;
        let pagination = wire::Pagination {
            page: Some(page),
            page_size,
            total_items: keys.len() as u64,
            total_pages: keys.len().div_ceil(page_size) as u64,
            next_cursor: None,
        };
        let skipped = (page - 1).saturating_mul(page_size);
        (keys.into_iter().skip(skipped).take(page_size).collect(), pagination)
    }
}

impl KeyOrder {
    fn compare(self, a: &KeyRecord, b: &KeyRecord) -> Ordering {
        match self {
            Self::CreatedAt => a.created_at.cmp(&b.created_at),
            Self::ExpiresAt => a.expires_at.cmp(&b.expires_at),
            Self::LastUsedAt => a.last_used_at.cmp(&b.last_used_at),
            Self::Name => a.name.cmp(&b.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stepwell_core::ids::WorkspaceId;
    use uuid::Uuid;

    use super::*;

    fn key(n: u128, name: &str) -> KeyRecord {
        KeyRecord {
            id: KeyId::from_uuid(Uuid::from_u128(n)),
            workspace: WorkspaceId::DEFAULT,
            name: name.into(),
            hash: [0; 32],
            hint: "sk_live_abcd".into(),
            scopes: vec!["admin".into()],
            created_at: Timestamp::from_millis(i64::try_from(n).unwrap()),
            expires_at: Some(Timestamp::from_millis(1000)),
            last_used_at: None,
            revoked_at: None,
        }
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
        let read = |body| wire::CreateKeyRequest::try_from(Fields::of(body).unwrap());
        let good = json!({"name": "ci", "scopes": ["admin"], "expires_at": "2030-01-01T00:00:00Z"});
        assert_eq!(read(good).unwrap().expires_at, Timestamp::parse("2030-01-01T00:00:00Z"));
        let error = read(json!({"scope": ["admin"], "expires_at": "tomorrow"})).unwrap_err();
        let paths: Vec<_> = error.details().iter().map(|p| p.path.as_str()).collect();
        assert_eq!(paths, ["name", "scopes", "expires_at", "scope"]);
    }

    #[test]
    fn pages_are_cut_after_sorting() {
        let keys = || vec![key(1, "b"), key(2, "c"), key(3, "a")];
        let page = |page, by, descending| KeyPage { page, page_size: 2, by, descending };
        let names = |page: KeyPage| {
            let (keys, pagination) = page.cut(keys());
            assert_eq!((pagination.total_items, pagination.total_pages), (3, 2));
            keys.into_iter().map(|k| k.name).collect::<Vec<_>>()
        };
        assert_eq!(names(page(1, KeyOrder::CreatedAt, true)), ["a", "c"]);
        assert_eq!(names(page(2, KeyOrder::CreatedAt, true)), ["b"]);
        assert_eq!(names(page(1, KeyOrder::Name, false)), ["a", "b"]);
        assert!(names(page(usize::MAX, KeyOrder::Name, false)).is_empty());
    }

    #[test]
    fn keys_are_active_until_they_are_not() {
        let mut record = key(1, "a");
        let status = |record: &KeyRecord, now| api_key(record, Timestamp::from_millis(now)).status;
        assert_eq!(status(&record, 999), wire::KeyStatus::Active);
        assert_eq!(status(&record, 1000), wire::KeyStatus::Expired);
        record.revoked_at = Some(Timestamp::from_millis(5));
        assert_eq!(status(&record, 999), wire::KeyStatus::Revoked);
    }
}
