//! Conversions between the bodies about the audit log and the domain.

use std::str::FromStr;

use stepwell_core::audit::{AuditAction, AuditedObject, ObjectKind};
use stepwell_core::ids::{KeyId, SubjectId, WorkspaceId};
use stepwell_store::audit::{Actor, AuditFilter, AuditRecord, Origin};

use super::super::ids::{key_id, parse_key_id};
use super::super::lists::read_period;
use super::wire;
use crate::error::ApiError;
use crate::query::{Params, invalid_parameter};
use crate::respond::Time;

/// The workspace whose audit log is listed, if it is named, and how it is filtered.
pub fn read_filter(params: &Params) -> Result<(Option<WorkspaceId>, AuditFilter), ApiError> {
    let kind = parse_name(params, "object_type", &ObjectKind::ALL.map(ObjectKind::name))?;
    let (from, until) = read_period(params)?;
    let workspace = params.one("workspace_id")?.map(read_workspace_id).transpose()?;
    let filter = AuditFilter {
        key: params.one("key_id")?.map(read_key_id).transpose()?,
        actor: params.one("actor")?.map(str::to_owned),
        action: parse_name(params, "action", &AuditAction::ALL.map(AuditAction::name))?,
        kind,
        object: params.one("object_id")?.map(|text| read_object_id(text, kind)).transpose()?,
        from,
        until,
    };
    Ok((workspace, filter))
}

/// A parameter that has one of these names.
fn parse_name<T: FromStr>(
    params: &Params,
    name: &str,
    names: &[&str],
) -> Result<Option<T>, ApiError> {
    let Some(text) = params.one(name)? else { return Ok(None) };
    let expected = || format!("one of {}", names.join(", "));
    text.parse().map(Some).map_err(|_| invalid_parameter(name, &expected(), text))
}

fn read_workspace_id(text: &str) -> Result<WorkspaceId, ApiError> {
    text.parse().map_err(|_| invalid_parameter("workspace_id", "the id of a workspace", text))
}

fn read_key_id(text: &str) -> Result<KeyId, ApiError> {
    parse_key_id(text).map_err(|_| invalid_parameter("key_id", "the id of an API key", text))
}

/// The id of an object of that kind, or of any.
fn read_object_id(text: &str, kind: Option<ObjectKind>) -> Result<SubjectId, ApiError> {
    let wanted = kind.map_or(ObjectKind::ALL.to_vec(), |kind| vec![kind]);
    let found = wanted.into_iter().find_map(|kind| read_id(text, kind));
    found.ok_or_else(|| {
        let what = kind.map_or("object", ObjectKind::name);
        invalid_parameter("object_id", &format!("the id of an {what}"), text)
    })
}

fn read_id(text: &str, kind: ObjectKind) -> Option<SubjectId> {
    match kind {
        // Keys have a form of their own here.
        ObjectKind::Key => parse_key_id(text).ok().map(Into::into),
        kind => AuditedObject::parse(kind, text).map(|object| object.id),
    }
}

/// The id of an object as this dialect writes it.
fn written_id(object: AuditedObject) -> String {
    match object.kind {
        ObjectKind::Key => key_id(KeyId::from_uuid(object.id.uuid())),
        _ => object.abi_id(),
    }
}

/// An entry as it is shown.
pub fn audit_entry(record: &AuditRecord) -> wire::AuditEntry<'_> {
    let AuditRecord {
        id,
        workspace: _,
        at,
        actor,
        origin: Origin { address, request_id },
        action,
        object,
        object_name,
        changed,
        details,
    } = record;
    let kind = match actor {
        Actor::Key { .. } => wire::ActorType::ApiKey,
        Actor::System => wire::ActorType::System,
        Actor::Cli => wire::ActorType::Cli,
        Actor::Anonymous => wire::ActorType::Anonymous,
    };
    let object = object.map(|object| wire::AuditObject {
        r#type: object.kind.name(),
        id: written_id(object),
        name: object_name.as_deref(),
    });
    wire::AuditEntry {
        id: id.abi(),
        created_at: Time(*at),
        actor: wire::AuditActor { r#type: kind, id: actor.key().map(key_id), name: actor.name() },
        action: action.name(),
        object,
        changed_fields: changed,
        details,
        ip_address: address.map(|address| address.to_string()),
        request_id: request_id.as_deref(),
    }
}
