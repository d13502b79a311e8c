//! Between the bodies about variables and the domain.

use serde_json::Value;
use stepwell_core::Problem;
use stepwell_engine::objects::Object;
use stepwell_engine::variable::Variable;
use stepwell_store::objects::ObjectFilter;

use super::super::managed::{ManagedKind, SHOWN_ONLY, changed_description, new_description};
use super::wire;
use crate::error::ApiError;
use crate::fields::{Fields, FromFields as _};
use crate::query::Params;
use crate::respond::Time;

/// Reads a variable to create.
pub fn new_variable(mut fields: Fields) -> Result<Variable, ApiError> {
    let wire::VariableRequest { name, value, description } =
        wire::VariableRequest::read(&mut fields);
    let value = fields.require("value", value.nullable());
    fields.finish()?;
    Ok(Variable {
        name,
        description: new_description(description),
        value: value.flatten().unwrap_or_default(),
    })
}

/// A change of a variable; `None` leaves a field unchanged.
pub struct VariableChange {
    /// `Some(None)` is the value `null`.
    value: Option<Option<Value>>,
    /// `Some(None)` removes it.
    description: Option<Option<String>>,
}

/// Reads a change of the variable `known`.
pub fn read_change(mut fields: Fields, known: &str) -> Result<VariableChange, ApiError> {
    let wire::VariableChange { name, value, description } = wire::VariableChange::read(&mut fields);
    fields.ignore(&SHOWN_ONLY);
    if name.is_some_and(|name| name != known) {
        let message = format!(
            "a variable keeps its name, because definitions read it by the name: omit `name`, \
             or create another variable and delete `{known}`"
        );
        fields.push(Problem::new("name", message));
    }
    fields.finish()?;
    Ok(VariableChange { value: value.nullable(), description: changed_description(description) })
}

impl VariableChange {
    /// The variable after the change.
    pub fn apply(&self, before: Variable) -> Variable {
        let Self { value, description } = self;
        Variable {
            name: before.name,
            description: description.clone().unwrap_or(before.description),
            value: match value {
                Some(value) => value.clone().unwrap_or_default(),
                None => before.value,
            },
        }
    }
}

impl ManagedKind for Variable {
    type Body<'a> = wire::Variable<'a>;
    type Row<'a> = wire::Variable<'a>;

    fn body(object: &Object<Self>) -> wire::Variable<'_> {
        let Object { id, workspace: _, version, created_at, updated_at, document } = object;
        let Variable { name, description, value } = document;
        wire::Variable {
            id: id.abi(),
            name,
            value,
            description: description.as_deref(),
            created_at: Time(*created_at),
            updated_at: Time(*updated_at),
            version: *version,
        }
    }

    fn row(object: &Object<Self>) -> wire::Variable<'_> {
        Self::body(object)
    }

    fn read_filter(params: &Params) -> Result<ObjectFilter, ApiError> {
        let name = params.one("name")?.map(str::to_owned);
        Ok(ObjectFilter { name, ..ObjectFilter::default() })
    }
}
