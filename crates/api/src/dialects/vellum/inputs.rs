//! Typed inputs: checked one by one against the workflow's input schema, so that every problem is
//! reported with the path that the client knows.

use std::collections::BTreeSet;

use serde_json::{Number, Value};
use stepwell_core::definition::plan::Plan;
use stepwell_core::{Map, Problem};

use super::types::ValueType;
use super::wire::InputRequest;
use crate::json::type_name;

/// The input of an execution from the list of typed inputs, or all that is wrong with it.
pub fn read_inputs(plan: &Plan, list: Vec<Value>) -> Result<Value, Vec<Problem>> {
    let mut input = Map::new();
    let mut problems = Vec::new();
    let names = InputSchemas::of(plan);
    let mut given = BTreeSet::new();
    for (at, item) in list.into_iter().enumerate() {
        let name = item.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        match read_input(&names, at, item) {
            Ok(_) if given.contains(&name) => problems.push(Problem::new(
                format!("inputs[{at}].name"),
                format!("the input `{name}` is given twice"),
            )),
            Ok(Some(value)) => drop(input.insert(name.clone(), value)),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
        given.insert(name);
    }
    names.whole(&given, input, problems)
}

/// The input of an execution from plain values by name, or all that is wrong with it. Values of a
/// wrong type are reported by the check of the schema.
pub fn read_named(plan: &Plan, given: Map) -> Result<Value, Vec<Problem>> {
    let mut input = Map::new();
    let mut problems = Vec::new();
    let names = InputSchemas::of(plan);
    let named = given.keys().cloned().collect();
    for (name, value) in given {
        match names.find(&name) {
            Some(schema) => match coerce_value(schema, value) {
                Ok(value) => drop(input.insert(name, coerce_integral(schema, value))),
                Err(problem) => problems.push(problem.at(&format!("inputs.{name}"))),
            },
            None => problems.push(Problem::new(
                format!("inputs.{name}"),
                format!("there is no input `{name}`; {}", names.listed()),
            )),
        }
    }
    names.whole(&named, input, problems)
}

/// The schemas of inputs by name.
struct InputSchemas<'a> {
    properties: Option<&'a Map>,
    schema: &'a Value,
}

impl<'a> InputSchemas<'a> {
    fn of(plan: &'a Plan) -> Self {
        let schema = &plan.input_schema;
        Self { properties: schema.get("properties").and_then(Value::as_object), schema }
    }

    /// The schema of an input; `None`: there is no such input.
    fn find(&self, name: &str) -> Option<&'a Value> {
        if let Some(found) = self.properties.and_then(|all| all.get(name)) {
            return Some(found);
        }
        match self.schema.get("additionalProperties") {
            Some(other @ Value::Object(_)) => Some(other),
            Some(Value::Bool(false)) => None,
            // An open schema that names inputs means those: another name is a slip.
            _ if self.properties.is_none_or(Map::is_empty) => Some(&Value::Null),
            _ => None,
        }
    }

    /// Those that must be given and have no default.
    fn required(&self) -> impl Iterator<Item = &'a str> {
        let required = self.schema.get("required").and_then(Value::as_array);
        let properties = self.properties;
        required.into_iter().flatten().filter_map(Value::as_str).filter(move |name| {
            properties.and_then(|all| all.get(*name)).is_none_or(|s| s.get("default").is_none())
        })
    }

    /// The input, if nothing is wrong with it and nothing is missing.
    fn whole(
        &self,
        given: &BTreeSet<String>,
        input: Map,
        mut problems: Vec<Problem>,
    ) -> Result<Value, Vec<Problem>> {
        for name in self.required() {
            // An invalid input was reported already.
            if !given.contains(name) {
                problems.push(Problem::new(
                    format!("inputs.{name}"),
                    format!("the input `{name}` is required and is missing"),
                ));
            }
        }
        if problems.is_empty() { Ok(Value::Object(input)) } else { Err(problems) }
    }

    fn listed(&self) -> String {
        let names: Vec<_> = self.properties.into_iter().flat_map(Map::keys).cloned().collect();
        match names.as_slice() {
            [] => "this workflow takes no inputs".to_owned(),
            names => format!("the inputs are {}", names.join(", ")),
        }
    }
}

fn read_item(at: usize, item: Value) -> Result<InputRequest, Problem> {
    let place = |field: &str| format!("inputs[{at}].{field}");
    let Value::Object(mut fields) = item else {
        let message = "must be an object with `name`, `type` and `value`";
        let problem = Problem::new(format!("inputs[{at}]"), message);
        return Err(problem.with_expectation("object", type_name(&item)));
    };
    let name = match fields.shift_remove("name") {
        Some(Value::String(name)) if !name.is_empty() => name,
        Some(other) => {
            let problem = Problem::new(place("name"), "must be the name of an input");
            return Err(problem.with_expectation("string", type_name(&other)));
        }
        None => return Err(Problem::new(place("name"), "is required")),
    };
    let r#type = match fields.shift_remove("type") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(other) => {
            let problem = Problem::new(place("type"), "must be a type's name");
            return Err(problem.with_expectation("string", type_name(&other)));
        }
    };
    let value = fields.shift_remove("value").unwrap_or_default();
    Ok(InputRequest { name, r#type, value })
}

/// The value of one input; `None` where it is not given: `null` for an input that takes none.
fn read_input(names: &InputSchemas<'_>, at: usize, item: Value) -> Result<Option<Value>, Problem> {
    let place = |field: &str| format!("inputs[{at}].{field}");
    let InputRequest { name, r#type, value } = read_item(at, item)?;
    let Some(schema) = names.find(&name) else {
        let message = format!("there is no input `{name}`; {}", names.listed());
        return Err(Problem::new(place("name"), message));
    };
    let given = match r#type {
        None => None,
        Some(written) => {
            let found = ValueType::named(&written).filter(|found| is_input(*found));
            let found = found.ok_or_else(|| {
                let message = format!("there is no input type `{written}`");
                Problem::new(place("type"), message).with_expectation(INPUT_TYPES, written.as_str())
            })?;
            // Lower case is a hint, as in the older form of requests; upper case is meant.
            Some(found).filter(|found| found.name() == written)
        }
    };
    if value.is_null() && !takes_null(schema) && !names.required().any(|other| other == name) {
        return Ok(None);
    }
    let value = match given {
        None | Some(ValueType::Json) if value.is_null() && takes_null(schema) => value,
        _ if value.is_null() => {
            return Err(Problem::new(place("value"), format!("the input `{name}` has no value")));
        }
        Some(given) => check_value(&name, given, schema, value)
            .map_err(|problem| problem.at(&place("value")))?,
        None => coerce_value(schema, value).map_err(|problem| problem.at(&place("value")))?,
    };
    Ok(Some(coerce_integral(schema, value)))
}

/// Whether `null` is a value for an input, according to its type.
fn takes_null(schema: &Value) -> bool {
    schema_types(schema).is_none_or(|mut names| names.any(|name| name == "null"))
}

/// The types that a schema names; `None`: none, so all.
fn schema_types(schema: &Value) -> Option<impl Iterator<Item = &str>> {
    let named = match schema.get("type")? {
        Value::Array(names) => names.as_slice(),
        one => std::slice::from_ref(one),
    };
    Some(named.iter().filter_map(Value::as_str))
}

const INPUT_TYPES: &str =
    "one of STRING, NUMBER, JSON, CHAT_HISTORY, AUDIO, VIDEO, IMAGE, DOCUMENT";

const fn is_input(found: ValueType) -> bool {
    matches!(
        found,
        ValueType::String | ValueType::Number | ValueType::Json | ValueType::ChatHistory
    ) || found.is_media()
}

/// What is wrong, before its place is known.
struct TypeMismatch(String, String, String);

impl TypeMismatch {
    fn at(self, place: &str) -> Problem {
        let Self(message, expected, found) = self;
        Problem::new(place, message).with_expectation(expected, found)
    }
}

/// A value with a type: it must be of that type, and the workflow must accept it.
fn check_value(
    name: &str,
    given: ValueType,
    schema: &Value,
    value: Value,
) -> Result<Value, TypeMismatch> {
    if !given.fits(&value) {
        let message = format!("the input `{name}` is not a {}", given.name());
        return Err(TypeMismatch(message, given.name().into(), type_name(&value).into()));
    }
    let wanted = ValueType::of_schema(schema);
    let suits = match wanted {
        None | Some(ValueType::Json) => true,
        Some(wanted) => given == wanted || given == ValueType::Json,
    };
    if suits {
        return Ok(value);
    }
    let wanted = wanted.map_or("JSON", ValueType::name);
    let message = format!("the input `{name}` has the wrong type: the workflow takes {wanted}");
    Err(TypeMismatch(message, wanted.into(), given.name().into()))
}

/// A value without a type, converted to the type of the input if that loses nothing.
fn coerce_value(schema: &Value, value: Value) -> Result<Value, TypeMismatch> {
    let wanted = schema_types(schema).and_then(|mut names| names.find(|name| *name != "null"));
    Ok(match (wanted.unwrap_or_default(), &value) {
        ("string", Value::Number(_) | Value::Bool(_)) => Value::String(value.to_string()),
        ("number" | "integer" | "boolean" | "object" | "array", Value::String(text)) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            match stepwell_core::json::from_str(text.trim()) {
                Ok(read) if is_a(wanted.unwrap_or_default(), &read) => read,
                // A number that cannot be kept is one nevertheless.
                Err(error)
                    if is_a(wanted.unwrap_or_default(), &Value::from(0))
                        && text.trim().parse::<f64>().is_ok_and(|n| !n.is_nan()) =>
                {
                    let wanted = wanted.unwrap_or_default();
                    return Err(TypeMismatch(error.message, wanted.into(), text.trim().into()));
                }
                _ => value,
            }
        }
        _ => value,
    })
}

fn is_a(wanted: &str, value: &Value) -> bool {
    match wanted {
        "number" | "integer" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        _ => value.is_array(),
    }
}

/// Clients write every number as a float: `3.0` is the integer 3 if the input is one.
fn coerce_integral(schema: &Value, value: Value) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = value.as_f64().filter(|f| f.fract() == 0.0 && f.abs() <= EXACT);
    let wanted = schema_types(schema).is_some_and(|mut names| names.any(|name| name == "integer"));
    match whole {
        Some(float) if wanted && value.is_f64() => {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and exact")]
            let whole = float as i64;
            Value::Number(Number::from(whole))
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stepwell_core::definition::{self, DefinitionLimits};

    use super::*;

    fn plan() -> Plan {
        let source = json!({
            "name": "x",
            "inputs": {"text": "string", "n": "number?", "count": "integer?", "data": "object?",
                "chat": {"type": "array", "x-vellum-type": "CHAT_HISTORY", "required": false},
                "any": "any?", "maybe": {"type": ["integer", "null"], "required": false}, "late": {"type": "string", "default": "now"}},
            "steps": [{"type": "Echo"}],
        });
        definition::plan_source(
            &source,
            stepwell_steps::step_registry(),
            &DefinitionLimits::default(),
        )
        .unwrap()
        .1
    }

    fn input(item: Value) -> Result<Value, String> {
        let name = item["name"].as_str().unwrap_or_default().to_owned();
        let mut list = vec![item];
        if name != "text" {
            list.push(json!({"name": "text", "value": "t"}));
        }
        let read = read_inputs(&plan(), list).map_err(|p| p[0].path.clone())?;
        Ok(read.get(name).cloned().unwrap_or_else(|| json!("absent")))
    }

    #[test]
    fn values_have_the_type_of_the_input() {
        for (item, expect) in [
            (json!({"type": "STRING", "name": "text", "value": "hi"}), json!("hi")),
            (json!({"type": "string", "name": "text", "value": 5}), json!("5")),
            (json!({"name": "text", "value": "hi"}), json!("hi")),
            (json!({"name": "n", "value": "2.5"}), json!(2.5)),
            (json!({"type": "NUMBER", "name": "count", "value": 3.0}), json!(3)),
            (json!({"name": "count", "value": "3"}), json!(3)),
            (json!({"type": "JSON", "name": "data", "value": {"a": 1}}), json!({"a": 1})),
            (json!({"name": "data", "value": "{\"a\": 1}"}), json!({"a": 1})),
            (json!({"type": "JSON", "name": "any"}), json!(null)),
            (json!({"name": "any"}), json!(null)),
            (json!({"name": "maybe", "value": "4"}), json!(4)),
            (json!({"name": "maybe", "value": 4.0}), json!(4)),
            (json!({"name": "maybe", "value": null}), json!(null)),
            // Not given.
            (json!({"name": "n", "value": null}), json!("absent")),
            (json!({"type": "JSON", "name": "data", "value": null}), json!("absent")),
            (json!({"type": "JSON", "name": "late"}), json!("absent")),
            (json!({"type": "STRING", "name": "any", "value": "x"}), json!("x")),
            (
                json!({"type": "CHAT_HISTORY", "name": "chat", "value": [{"role": "USER"}]}),
                json!([{"role": "USER"}]),
            ),
        ] {
            assert_eq!(input(item.clone()), Ok(expect), "{item}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (item, expect) in [
            (json!({"type": "NUMBER", "name": "text", "value": 5}), "inputs[0].value"),
            (json!({"type": "STRING", "name": "text", "value": 5}), "inputs[0].value"),
            (json!({"type": "STRING", "name": "text"}), "inputs[0].value"),
            (json!({"name": "text", "value": null}), "inputs[0].value"),
            (json!({"type": "STRING", "name": "any", "value": null}), "inputs[0].value"),
            (json!({"type": "STRING", "name": "chat", "value": "x"}), "inputs[0].value"),
            (json!({"type": "CHAT_HISTORY", "name": "chat", "value": [1]}), "inputs[0].value"),
            (json!({"type": "SOUND", "name": "text", "value": "x"}), "inputs[0].type"),
            (json!({"type": 5, "name": "text", "value": "x"}), "inputs[0].type"),
            (json!({"name": "txt", "value": "x"}), "inputs[0].name"),
            (json!({"value": "x"}), "inputs[0].name"),
            (json!("x"), "inputs[0]"),
        ] {
            assert_eq!(input(item.clone()), Err(expect.to_owned()), "{item}");
        }
        let missing =
            read_inputs(&plan(), vec![json!({"name": "n", "value": []}), json!(5)]).unwrap_err();
        let paths: Vec<_> = missing.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["inputs[1]", "inputs.text"]);
        let text = || json!({"name": "text", "value": "x"});
        assert_eq!(
            read_inputs(&plan(), vec![text(), text()]).unwrap_err()[0].path,
            "inputs[1].name"
        );
    }
}
