//! What reading all of a value costs.

use minijinja::Error;
use minijinja::value::{Value, ValueKind};

use super::json_node::JsonNode;
use super::meter::{self, VALUE, charge_units, weigh_json};
use super::secret::{self, SecretText};

/// Charges for reading all of `value`, shared parts as often as they occur; returns the charge.
/// Refuses secrets: what is weighed is about to be looked into.
pub(super) fn weigh_value(value: &Value) -> Result<u64, Error> {
    weigh_all(value, false)
}

/// The same for a value that secrets are only placed in.
pub(super) fn weigh_placed(value: &Value) -> Result<u64, Error> {
    weigh_all(value, true)
}

fn weigh_all(value: &Value, may_have_secrets: bool) -> Result<u64, Error> {
    let before = meter::spent_units();
    let mut open = vec![value.clone()];
    while let Some(value) = open.pop() {
        match value.kind() {
            ValueKind::String => charge_units(VALUE + value.as_str().map_or(0, str::len) as u64)?,
            ValueKind::Bytes => {
                charge_units(VALUE + value.as_bytes().map_or(0, <[u8]>::len) as u64)?
            }
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
                charge_units(VALUE)?;
                if let Some(node) = value.downcast_object_ref::<JsonNode>() {
                    weigh_json(node.get())?;
                } else {
                    weigh_items(&value, &mut open)?;
                }
            }
            _ => match SecretText::downcast_from(&value) {
                Some(secret) if may_have_secrets => charge_units(VALUE + secret.len() as u64)?,
                // What is weighed is about to be looked into.
                Some(_) => return Err(secret::secret_error()),
                None => charge_units(VALUE)?,
            },
        }
    }
    Ok(meter::spent_units() - before)
}

fn weigh_items(value: &Value, open: &mut Vec<Value>) -> Result<(), Error> {
    let is_map = value.kind() == ValueKind::Map;
    for item in value.try_iter()? {
        // Charged before it is kept, so that an endless sequence ends here.
        charge_units(VALUE)?;
        if is_map {
            open.push(value.get_item(&item)?);
        }
        open.push(item);
    }
    Ok(())
}
