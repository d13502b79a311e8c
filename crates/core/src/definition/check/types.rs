//! The types that a value can have by its JSON Schema, without the value.

use std::sync::LazyLock;

use serde_json::{Value, json};

/// A set of JSON types. `number` is `integer` and the fractions beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueTypes(u8);

const NAMES: [(&str, u8); 7] = [
    ("null", 1),
    ("boolean", 2),
    ("number", 4 | 8),
    ("integer", 4),
    ("string", 16),
    ("array", 32),
    ("object", 64),
];

impl ValueTypes {
    pub(crate) const ALL: Self = Self(127);
    /// The type of what never returns, such as the output of `Fail`: it fits everything.
    pub(crate) const NEVER: Self = Self(0);
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(2);
    pub(crate) const INTEGER: Self = Self(4);
    pub(crate) const NUMBER: Self = Self(4 | 8);
    pub(crate) const STRING: Self = Self(16);
    pub(crate) const ARRAY: Self = Self(32);
    pub(crate) const OBJECT: Self = Self(64);

    fn of_name(name: &str) -> Self {
        NAMES.iter().find(|(known, _)| *known == name).map_or(Self::ALL, |(_, bits)| Self(*bits))
    }

    pub(crate) fn of_value(value: &Value) -> Self {
        Self::of_name(crate::definition::parse::type_name(value))
    }

    /// The types that a value of this schema may have.
    pub(crate) fn of_schema(schema: &Value) -> Self {
        let map = match schema {
            Value::Bool(false) => return Self(0),
            Value::Object(map) => map,
            _ => return Self::ALL,
        };
        let mut kinds = match map.get("type") {
            Some(Value::String(name)) => Self::of_name(name),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .fold(Self(0), |all, name| all.union_with(Self::of_name(name))),
            _ => Self::ALL,
        };
        if let Some(value) = map.get("const") {
            kinds = kinds.intersect_with(Self::of_value(value));
        }
        if let Some(Value::Array(values)) = map.get("enum") {
            kinds = kinds.intersect_with(
                values.iter().fold(Self(0), |all, v| all.union_with(Self::of_value(v))),
            );
        }
        for union in ["anyOf", "oneOf"] {
            if let Some(Value::Array(schemas)) = map.get(union) {
                kinds = kinds.intersect_with(
                    schemas.iter().fold(Self(0), |all, s| all.union_with(Self::of_schema(s))),
                );
            }
        }
        if let Some(Value::Array(schemas)) = map.get("allOf") {
            kinds = schemas
                .iter()
                .fold(kinds, |all, schema| all.intersect_with(Self::of_schema(schema)));
        }
        kinds
    }

    pub(crate) const fn union_with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn intersect_with(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The schema that restricts a value to these types and nothing else.
    pub(crate) fn to_schema(self) -> Value {
        let is_covered = |name: &str| name == "integer" && self.0 & 8 != 0;
        let names = NAMES.iter().filter(|(name, bits)| bits & self.0 == *bits && !is_covered(name));
        let names: Vec<&str> = names.map(|(name, _)| *name).collect();
        match names.as_slice() {
            _ if self == Self::ALL || self == Self::NEVER => json!({}),
            [name] => json!({ "type": name }),
            names => json!({ "type": names }),
        }
    }

    /// Whether a value of these types can be of `wanted` too; one that never comes to be can.
    pub(crate) fn is_usable_as(self, wanted: Self) -> bool {
        self == Self::NEVER || self.can_overlap(wanted)
    }

    /// Whether a value can be of both.
    pub(crate) fn can_overlap(self, other: Self) -> bool {
        self.intersect_with(other).0 != 0
    }

    /// Whether every value of these types is of `other` too.
    pub(crate) fn is_subset_of(self, other: Self) -> bool {
        self.intersect_with(other) == self
    }
}

impl std::fmt::Display for ValueTypes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::ALL || *self == Self::NEVER {
            return f.write_str(if *self == Self::ALL { "any value" } else { "nothing" });
        }
        let mut names = Vec::new();
        for (name, bits) in NAMES {
            let covered = name == "integer" && self.0 & 8 != 0;
            if bits & self.0 == bits && !covered {
                names.push(name);
            }
        }
        f.write_str(&names.join(" or "))
    }
}

/// The schema of a property or element within another schema.
#[derive(Debug, PartialEq)]
pub(crate) enum MemberSchema<'s> {
    /// It has this schema.
    Known(&'s Value),
    /// It may be there; nothing more is known.
    Open,
    /// It is not there; the names that are.
    Absent(Vec<&'s str>),
    /// A value of this schema has no members at all.
    NoMembers,
}

/// Looks up a property (or an element, by its index as text) of a value of this schema.
pub(crate) fn member_schema<'s>(schema: &'s Value, name: &str) -> MemberSchema<'s> {
    let Value::Object(map) = schema else { return MemberSchema::Open };
    let kinds = ValueTypes::of_schema(schema);
    if let Ok(index) = name.parse::<usize>()
        && !kinds.can_overlap(ValueTypes::OBJECT)
    {
        return element_schema(map, kinds, index);
    }
    if !kinds.can_overlap(ValueTypes::OBJECT.union_with(ValueTypes::of_name("array"))) {
        return MemberSchema::NoMembers;
    }
    let Some(Value::Object(properties)) = map.get("properties") else {
        return match map.get("additionalProperties") {
            Some(inner @ Value::Object(_)) => MemberSchema::Known(inner),
            Some(Value::Bool(false)) if is_only_object(map) => MemberSchema::Absent(Vec::new()),
            _ => MemberSchema::Open,
        };
    };
    if let Some(found) = properties.get(name) {
        return MemberSchema::Known(found);
    }
    match map.get("additionalProperties") {
        Some(Value::Bool(true)) => MemberSchema::Open,
        Some(inner @ Value::Object(_)) => MemberSchema::Known(inner),
        _ if is_only_object(map) => {
            MemberSchema::Absent(properties.keys().map(String::as_str).collect())
        }
        _ => MemberSchema::Open,
    }
}

/// The schema of every character of a text.
static CHARACTER: LazyLock<Value> = LazyLock::new(|| json!({"type": "string"}));

/// What an index leads to where there are no objects: an item, or a character of a text.
fn element_schema(map: &crate::Map, kinds: ValueTypes, index: usize) -> MemberSchema<'_> {
    let is_array = kinds.can_overlap(ValueTypes::of_name("array"));
    match (is_array, kinds.can_overlap(ValueTypes::STRING)) {
        (false, false) => MemberSchema::NoMembers,
        (false, true) => MemberSchema::Known(&CHARACTER),
        (true, true) => MemberSchema::Open,
        (true, false) => {
            let first = map.get("prefixItems").and_then(|first| first.get(index));
            first.or_else(|| map.get("items")).map_or(MemberSchema::Open, MemberSchema::Known)
        }
    }
}

/// Whether `properties` is the only keyword of the schema about its properties.
fn is_only_object(map: &crate::Map) -> bool {
    map.get("type").is_some_and(|t| t == "object")
        && !["patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if"]
            .iter()
            .any(|key| map.contains_key(*key))
}

/// Keywords that say something to people only.
const ANNOTATIONS: &[&str] = &[
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$comment",
    "$schema",
    "$defs",
    "format",
];

fn is_annotation(keyword: &str) -> bool {
    keyword.starts_with("x-") || ANNOTATIONS.contains(&keyword)
}

/// Whether every value satisfies the schema.
pub(crate) fn is_trivial(schema: &Value) -> bool {
    match schema {
        Value::Bool(all) => *all,
        Value::Object(map) => map.keys().all(|key| is_annotation(key)),
        _ => false,
    }
}

/// Whether every value of `source` is sure to satisfy `target`.
pub(crate) fn proves_schema(source: &Value, target: &Value) -> bool {
    if is_trivial(target) || (source == target && !source.is_null()) {
        return true;
    }
    let Value::Object(map) = target else { return false };
    let only_type = map.keys().all(|key| key == "type" || is_annotation(key));
    let known = ValueTypes::of_schema(source);
    only_type && known != ValueTypes::ALL && known.is_subset_of(ValueTypes::of_schema(target))
}

/// The schema of a value that is known: its type, as deep as it is an object.
pub(crate) fn schema_of(value: &Value) -> Value {
    match value {
        // What starts as nothing is going to be something.
        Value::Null => json!({}),
        // A number that starts whole may become a fraction.
        Value::Number(_) => json!({"type": "number"}),
        other => json!({"type": crate::definition::parse::type_name(other)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_schemas() {
        for (schema, expected) in [
            (json!({}), "any value"),
            (json!({"type": "string"}), "string"),
            (json!({"type": ["number", "null"]}), "null or number"),
            (json!({"enum": ["a", 1]}), "integer or string"),
            (json!({"anyOf": [{"type": "string"}, {"type": "array"}]}), "string or array"),
            (json!({"allOf": [{"type": "number"}, {"type": "integer"}]}), "integer"),
        ] {
            assert_eq!(ValueTypes::of_schema(&schema).to_string(), expected, "{schema}");
        }
        let kinds = |name: &str| ValueTypes::of_schema(&json!({"type": name}));
        assert!(kinds("integer").is_subset_of(kinds("number")));
        assert!(kinds("number").can_overlap(kinds("integer")));
        assert!(!kinds("number").is_subset_of(kinds("integer")));
        assert!(!kinds("string").can_overlap(kinds("number")));
    }

    #[test]
    fn members_of_schemas() {
        let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        assert_eq!(member_schema(&closed, "a"), MemberSchema::Known(&json!({"type": "string"})));
        assert_eq!(member_schema(&closed, "b"), MemberSchema::Absent(vec!["a"]));
        assert_eq!(member_schema(&json!({}), "b"), MemberSchema::Open);
        assert_eq!(member_schema(&json!({"type": "string"}), "b"), MemberSchema::NoMembers);
        let list = json!({"type": "array", "items": {"type": "integer"}});
        assert_eq!(member_schema(&list, "0"), MemberSchema::Known(&json!({"type": "integer"})));
        let pair = json!({"type": "array", "prefixItems": [true], "items": {"type": "null"}});
        assert_eq!(member_schema(&pair, "0"), MemberSchema::Known(&json!(true)));
        assert_eq!(member_schema(&pair, "1"), MemberSchema::Known(&json!({"type": "null"})));
        let text = json!({"type": "string"});
        assert_eq!(member_schema(&text, "3"), MemberSchema::Known(&text));
        assert_eq!(member_schema(&json!({"type": ["array", "string"]}), "3"), MemberSchema::Open);
        assert_eq!(member_schema(&json!({"type": "number"}), "3"), MemberSchema::NoMembers);
    }
}
