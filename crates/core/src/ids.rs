//! Identifiers, in every form in which they are written.
//!
//! Inside, an id is a UUID (version 7 where the engine made it, so ids sort by creation). Each
//! dialect writes it its own way and every dialect reads all forms; this is the one place where
//! ids are parsed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not an id of this kind in any form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not {kind} id: expected a UUID, or `{dash}-`/`{underscore}_` and 26 characters of Crockford base32"
)]
pub struct BadId {
    text: String,
    kind: &'static str,
    dash: &'static str,
    underscore: &'static str,
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 128 bits as 26 characters of lower-case Crockford base32, most significant first.
fn encode_base32(value: u128) -> [u8; 26] {
    let mut out = [0u8; 26];
    for (i, slot) in out.iter_mut().enumerate() {
        let shift = 5 * (25 - i);
        *slot = ALPHABET[((value >> shift) & 31) as usize];
    }
    out
}

/// Reads what `encode_base32` wrote; upper case and Crockford's look-alikes are accepted.
fn decode_base32(text: &str) -> Option<u128> {
    if text.len() != 26 {
        return None;
    }
    let mut value: u128 = 0;
    for (i, byte) in text.bytes().enumerate() {
        let byte = match byte.to_ascii_lowercase() {
            b'o' => b'0',
            b'i' | b'l' => b'1',
            other => other,
        };
        let digit = ALPHABET.iter().position(|c| *c == byte)? as u128;
        if i == 0 && digit > 7 {
            return None;
        }
        value = (value << 5) | digit;
    }
    Some(value)
}

/// An id of any kind, for code that serves every kind of object.
pub trait ObjectId:
    Copy + fmt::Display + FromStr<Err = BadId> + Into<SubjectId> + Send + Sync + 'static
{
    /// An id from its UUID.
    fn from_uuid(uuid: Uuid) -> Self;
    /// As the abi dialect writes it.
    fn abi(self) -> String;
    /// As the dataflow dialect writes it.
    fn dataflow(self) -> String;
}

fn parse_uuid(text: &str, prefixes: &[&str]) -> Option<Uuid> {
    for prefix in prefixes {
        // Like the digits after it, the prefix may be written in capitals.
        if let Some((start, rest)) = text.split_at_checked(prefix.len())
            && start.eq_ignore_ascii_case(prefix)
            && let Some(rest) = rest.strip_prefix(['-', '_'])
        {
            return decode_base32(rest).map(Uuid::from_u128);
        }
    }
    Uuid::try_parse(text).ok()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, dataflow: $dash:literal, abi: $underscore:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// An id from its UUID. The engine makes ids from UUIDs of version 7.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside; the vellum dialect writes ids this way.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// As the dataflow dialect writes it: a prefix, `-`, and 26 characters.
            pub fn dataflow(self) -> String {
                self.written(concat!($dash, "-"))
            }

            /// As the abi dialect writes it: a prefix, `_`, and 26 characters.
            pub fn abi(self) -> String {
                self.written(concat!($underscore, "_"))
            }

            fn written(self, prefix: &str) -> String {
                let mut out = String::with_capacity(prefix.len() + 26);
                out.push_str(prefix);
                out.extend(encode_base32(self.0.as_u128()).iter().map(|b| char::from(*b)));
                out
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                parse_uuid(text, &[$dash, $underscore]).map(Self).ok_or_else(|| BadId {
                    text: text.chars().take(64).collect(),
                    kind: $kind,
                    dash: $dash,
                    underscore: $underscore,
                })
            }
        }
    };
}

id!(
    /// A workspace: the tenant that every object belongs to.
    WorkspaceId, "a workspace", dataflow: "ws", abi: "ws");
id!(
    /// A workflow: a named thing that can be executed.
    WorkflowId, "a workflow", dataflow: "wf", abi: "wf");
id!(
    /// An execution: one run of a release with given inputs.
    ExecutionId, "an execution", dataflow: "ex", abi: "exec");
id!(
    /// A step run (one step, in one iteration, inside an execution), as the APIs identify it.
    TaskId, "a step run", dataflow: "task", abi: "task");
id!(
    /// An API key.
    KeyId, "a key", dataflow: "key", abi: "key");
id!(
    /// A server process that owns executions.
    NodeId, "a node", dataflow: "node", abi: "node");
id!(
    /// Feedback on one output of an execution.
    ActualId, "an actual", dataflow: "act", abi: "act");
id!(
    /// One event on its way to one URL.
    DeliveryId, "a delivery", dataflow: "msg", abi: "msg");
id!(
    /// A webhook: a subscription to events.
    WebhookId, "a webhook", dataflow: "whk", abi: "whk");
id!(
    /// An event: the same for all webhooks that are notified of it.
    EventId, "an event", dataflow: "evt", abi: "evt");
id!(
    /// A receiver of deliveries, which must not delay the others: a webhook, or a host.
    ReceiverId, "a receiver", dataflow: "rcv", abi: "rcv");

id!(
    /// An entry of the audit log.
    AuditId, "an audit entry", dataflow: "aud", abi: "aud");

id!(
    /// A template: Jinja text or JSON under a name.
    TemplateId, "a template", dataflow: "tpl", abi: "tpl");

id!(
    /// A variable: a setting of a workspace that expressions read.
    VariableId, "a variable", dataflow: "var", abi: "var");

id!(
    /// A schedule: what starts executions by itself.
    ScheduleId, "a schedule", dataflow: "sched", abi: "sched");

id!(
    /// A bulk operation: one action on many executions.
    OperationId, "an operation", dataflow: "op", abi: "op");

id!(
    /// An approval: what a step waits for until people have decided.
    ApprovalId, "an approval", dataflow: "apr", abi: "apr");

impl WorkspaceId {
    /// The workspace that exists from the first start on.
    pub const DEFAULT: Self = Self(Uuid::from_u128(1));
}

id!(
    /// An object of any kind: the subject of a delivery or an audit entry, a configured object.
    SubjectId, "a subject", dataflow: "sub", abi: "sub");

macro_rules! object_ids {
    ($($id:ident),*) => {$(
        impl ObjectId for $id {
            fn from_uuid(uuid: Uuid) -> Self {
                Self::from_uuid(uuid)
            }

            fn abi(self) -> String {
                self.abi()
            }

            fn dataflow(self) -> String {
                self.dataflow()
            }
        }
    )*};
}

macro_rules! subjects {
    ($($id:ident),*) => {
        object_ids!($($id),*);
        $(impl From<$id> for SubjectId {
            fn from(id: $id) -> Self {
                Self(id.uuid())
            }
        })*
    };
}

subjects!(
    ExecutionId,
    WorkflowId,
    WebhookId,
    ScheduleId,
    KeyId,
    WorkspaceId,
    TemplateId,
    VariableId,
    OperationId,
    ApprovalId
);
object_ids!(SubjectId);

impl ReceiverId {
    /// All URLs of one origin (`https://example.com:8443`) are one receiver: UUIDv5 of its name.
    pub fn of_origin(origin: &str) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_URL, origin.as_bytes()))
    }
}

impl From<WebhookId> for ReceiverId {
    fn from(webhook: WebhookId) -> Self {
        Self(webhook.uuid())
    }
}

impl TaskId {
    /// The id of a step run, always the same: UUIDv5 of the execution and of the step run as it
    /// is written (`charge`, `orders[3].charge`).
    pub fn for_step_run(execution: ExecutionId, step_run: &str) -> Self {
        Self(Uuid::new_v5(&execution.uuid(), step_run.as_bytes()))
    }
}

impl ApprovalId {
    /// The id of the approval that an attempt of a step waits for, always the same: UUIDv5 of the
    /// execution and the attempt.
    pub fn of_step(execution: ExecutionId, step: u32, path: &str, attempt: u32) -> Self {
        let name = format!("approval/{step}/{path}/{attempt}");
        Self(Uuid::new_v5(&execution.uuid(), name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back() {
        let id = ExecutionId::from_uuid(Uuid::from_u128(0x0190_1234_5678_7abc_8def_0123_4567_89ab));
        for form in [id.to_string(), id.dataflow(), id.abi(), id.dataflow().replace("ex-", "ex_")] {
            assert_eq!(form.parse::<ExecutionId>().unwrap(), id, "{form}");
        }
        assert!(id.dataflow().starts_with("ex-"));
        assert_eq!(id.dataflow().len(), 3 + 26);
        assert_eq!(id.dataflow().to_uppercase().parse(), Ok(id));
        assert_eq!(id.abi().to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn refuses_what_is_not_an_id() {
        for text in
            ["", "ex-", "ex-123", "wf-01h455vb4pex5vsknk084sn02q", "ex-z1h455vb4pex5vsknk084sn02q"]
        {
            assert!(text.parse::<ExecutionId>().is_err(), "{text}");
        }
        let message = "nope".parse::<WorkflowId>().unwrap_err().to_string();
        assert!(message.contains("`nope` is not a workflow id"), "{message}");
    }
}
