//! The Jinja environments of the process, built from the table of operations.

use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior};

use super::operations::{self, OperationKind, charged_call};
use super::{meter, secret, value};

/// The names an expression may start from.
pub(crate) const ROOTS: &[&str] = &[
    "inputs",
    "steps",
    "state",
    "execution",
    "workflow",
    "secrets",
    "integrations",
    "item",
    "index",
];

/// The environment for the running evaluation. It holds no templates: they are compiled by
/// `syntax`.
pub(super) fn shared_environment(is_inline: bool) -> &'static Environment<'static> {
    static FULL: LazyLock<Environment<'static>> = LazyLock::new(|| build_environment(meter::FUEL));
    static INLINE: LazyLock<Environment<'static>> =
        LazyLock::new(|| build_environment(meter::INLINE_FUEL));
    if is_inline { &INLINE } else { &FULL }
}

fn build_environment(fuel: u64) -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_fuel(Some(fuel));
    env.set_recursion_limit(100);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_formatter(write_value);
    // Names what is undefined in messages.
    env.set_debug(true);
    for operation in operations::all_operations() {
        let name = operation.name;
        match operation.kind {
            OperationKind::Filter => env.add_filter(name, charged_call(operation)),
            OperationKind::Test => env.add_test(name, charged_call(operation)),
            OperationKind::Function | OperationKind::Syntax => {
                env.add_function(name, charged_call(operation))
            }
        }
    }
    env
}

/// How a value is written into text.
fn write_value(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        meter::charge_text(text.len())?;
        return secret::write_text(out, text);
    }
    if secret::write_secret(out, value)? {
        return Ok(());
    }
    secret::write_text(out, &value::to_text(value)?)
}
