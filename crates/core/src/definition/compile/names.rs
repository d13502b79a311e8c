//! Lookups of properties in schemas.

use serde_json::Value;

/// The schema of a property of an object schema.
pub(super) fn property_schema<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    schema.get("properties")?.get(name)
}

/// The names of the properties of an object schema, in order.
pub(super) fn property_names(schema: &Value) -> impl Iterator<Item = &str> + Clone {
    let map = schema.get("properties").and_then(Value::as_object);
    map.into_iter().flat_map(|map| map.keys().map(String::as_str))
}

/// The names that an object schema requires.
pub(super) fn required_names(schema: &Value) -> impl Iterator<Item = &str> {
    let list = schema.get("required").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// Whether an object schema requires a property.
pub(super) fn is_required(schema: &Value, name: &str) -> bool {
    required_names(schema).any(|required| required == name)
}

/// Whether an object schema allows no property that it does not name.
pub(super) fn is_closed(schema: &Value) -> bool {
    schema.get("additionalProperties").is_some_and(|more| *more == false)
}
