//! The bodies about variables.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::fields::{Patch, request_body};
use crate::respond::Time;

request_body! {
    /// Creates a variable.
    #[schema(example = json!({"name": "REGION", "value": "eu-west", "description": "Where orders are sent"}))]
    pub struct VariableRequest {
        /// Its name, unique in the workspace, as expressions write it (`vars.NAME`): 1 to 64
        /// letters, digits and `_`, beginning with a letter.
        pub name: String,
        /// Any JSON value of at most 64 KiB, `null` too; required.
        #[schema(value_type = Value)]
        pub value: Patch<Value>,
        /// What it is for, at most 1,000 characters.
        pub description: Option<String>,
    }
}

request_body! {
    /// Changes a variable; omitted fields are unchanged.
    #[schema(example = json!({"value": {"eu": 5, "us": 7}}))]
    pub struct VariableChange {
        /// Its name, which cannot change: omit it, or send the one of the path.
        pub name: Option<String>,
        /// Any JSON value of at most 64 KiB, `null` too.
        #[schema(value_type = Option<Value>)]
        pub value: Patch<Value>,
        /// What it is for, at most 1,000 characters; `null` removes it.
        #[schema(value_type = Option<String>)]
        pub description: Patch<String>,
    }
}

/// A variable.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Variable)]
pub struct Variable<'a> {
    /// Its id, as the audit log names it.
    #[schema(example = "var_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// Its name.
    #[schema(example = "REGION")]
    pub name: &'a str,
    /// Its value.
    pub value: &'a Value,
    /// What it is for.
    pub description: Option<&'a str>,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// 1 when it was created, one more at each change; in quotes, its `ETag`.
    pub version: u64,
}

/// A deleted variable.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::DeletedVariable)]
pub struct DeletedVariable<'a> {
    /// Its name.
    pub name: &'a str,
    /// Always `true`.
    pub deleted: bool,
}
