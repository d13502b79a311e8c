//! Random choices, hostile values, and values made from a JSON Schema.

use serde_json::{Map, Value, json};

/// A pseudo-random generator that depends only on its seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64, topic: &str) -> Self {
        let mixed = topic.bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(17)
        });
        Self(mixed)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// Placeholders, each with the JSON that no `Value` can represent and that replaces it.
const RAW: &[(&str, &[u8])] = &[
    ("@raw-0", b"1e999"),
    ("@raw-1", b"123456789012345678901234567890"),
    ("@raw-2", b"-0"),
    ("@raw-3", b"\"\\ud800\""),
    ("@raw-4", b"\"\xff\xfe\""),
    ("@raw-5", b"{\"a\": 1, \"a\": 2}"),
    ("@raw-6", b"NaN"),
    ("@raw-7", b"0.1000000000000000055511151231257827021181583404541015625"),
];

/// Serialises a value and replaces its placeholders.
pub fn to_bytes(value: &Value) -> Vec<u8> {
    let text = value.to_string();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\"@raw-") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let raw = RAW.iter().find(|(name, _)| rest[at + 1..].starts_with(name));
        match raw {
            Some((name, raw)) => {
                bytes.extend_from_slice(raw);
                rest = &rest[at + name.len() + 2..];
            }
            None => {
                bytes.push(b'"');
                rest = &rest[at + 1..];
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// A value that is a worst case of a parser, an operation, a comparison or a limit.
pub fn hostile(random: &mut Random) -> Value {
    let texts = [
        "",
        "x",
        "\u{0}",
        "\u{202e}gnp",
        "{{ 1 // 0 }}",
        "{{ secrets.MARKED }}",
        "{{",
        "{% for %}",
        "${{ x }}",
        "$ref",
        "../../etc/passwd",
        "%s%9999d",
        "1e400",
        "-1",
        "999999999999h",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999+23:59",
        "* * * * * * *",
        "http://[::1]:1/",
        "file:///etc/passwd",
        "null",
        "__proto__",
        "\u{feff}",
        "😀",
        "a\r\nb: c",
        "@raw-0",
        "@raw-1",
        "@raw-2",
        "@raw-3",
        "@raw-4",
        "@raw-5",
        "@raw-6",
        "@raw-7",
    ];
    match random.below(12) {
        0..4 => json!(random.pick(&texts)),
        4 => {
            let unit = random.pick(&["a", "ß", " ", "9", "[", "😀", "\\", "{{ 1 }}"]);
            json!(unit.repeat([1, 300, 20_000, 200_000][random.below(4)]))
        }
        5 | 6 => [
            json!(0),
            json!(-1),
            json!(3),
            json!(i64::MIN),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1e308),
            json!(-1e-320),
            json!(9_007_199_254_740_993_u64),
            json!(0.1),
        ][random.below(10)]
        .clone(),
        7 => json!((0..[0, 1, 50, 10_000][random.below(4)]).collect::<Vec<u32>>()),
        8 => (0..[1, 30, 62, 90, 130][random.below(5)]).fold(json!([]), |deep, _| json!([deep])),
        9 => {
            let keys = [0, 1, 2000][random.below(3)];
            (0..keys).map(|key| (format!("key{key}"), json!(key))).collect::<Map<_, _>>().into()
        }
        10 => {
            (0..[1, 500][random.below(2)]).map(|n| json!({"a": n % 7, "b": {"c": "x"}})).collect()
        }
        _ => [json!(null), json!(true), json!(false), json!([null])][random.below(4)].clone(),
    }
}

/// A value that mostly fits the schema. `root` is the document that `$ref` refers to.
pub fn sample(schema: &Value, root: &Value, random: &mut Random, depth: usize) -> Value {
    if let Some(pointer) = schema["$ref"].as_str() {
        let target = root.pointer(pointer.trim_start_matches('#')).unwrap_or(&Value::Null);
        return if depth == 0 { Value::Null } else { sample(target, root, random, depth - 1) };
    }
    let example = schema.get("example").or_else(|| schema["examples"].get(0));
    if let Some(example) = example.filter(|_| !random.one_in(3)) {
        return example.clone();
    }
    if let Some(all) = schema["enum"].as_array().filter(|all| !all.is_empty()) {
        return all[random.below(all.len())].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) if !kinds.is_empty() => kinds[random.below(kinds.len())].clone(),
        kind => kind.clone(),
    };
    if kind.is_null() {
        for choice in ["oneOf", "anyOf", "allOf"] {
            if let Some(all) = schema[choice].as_array().filter(|all| !all.is_empty()) {
                return sample(&all[random.below(all.len())], root, random, depth);
            }
        }
    }
    match kind.as_str().unwrap_or_default() {
        "object" => sample_object(schema, root, random, depth),
        "array" if depth > 0 => {
            let least = schema["minItems"].as_u64().unwrap_or(0);
            let count = least + random.below(3) as u64;
            (0..count).map(|_| sample(&schema["items"], root, random, depth - 1)).collect()
        }
        "string" => json!(random.pick(&[
            "a",
            "name",
            "1h",
            "LATEST",
            "2026-01-31T09:00:00Z",
            "*/5 * * * *"
        ])),
        "integer" | "number" => {
            let least = schema["minimum"].as_i64().unwrap_or(0);
            json!(least + random.below(3) as i64)
        }
        "boolean" => json!(random.one_in(2)),
        "null" => Value::Null,
        _ => [json!("any"), json!(1), json!({"k": "v"}), json!([1])][random.below(4)].clone(),
    }
}

fn sample_object(schema: &Value, root: &Value, random: &mut Random, depth: usize) -> Value {
    let mut object = Map::new();
    if depth == 0 {
        return Value::Object(object);
    }
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name))
    };
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if required(name) || random.one_in(2) {
            object.insert(name.clone(), sample(property, root, random, depth - 1));
        }
    }
    if schema["additionalProperties"].is_object() && random.one_in(2) {
        let value = sample(&schema["additionalProperties"], root, random, depth - 1);
        object.insert("extra".into(), value);
    }
    Value::Object(object)
}

/// Replaces, adds or removes something somewhere in the value.
pub fn mutate(value: &mut Value, random: &mut Random) {
    let mut at = random.below(count(value));
    let Some(node) = nth(value, &mut at) else { return };
    match node {
        Value::Object(object) if random.one_in(3) => {
            object.insert(
                random.pick(&["unknown", "", "__proto__", "id", "a\u{0}b"]).to_owned(),
                hostile(random),
            );
        }
        Value::Object(object) if !object.is_empty() && random.one_in(3) => {
            let name = object.keys().nth(random.below(object.len())).cloned().unwrap_or_default();
            object.shift_remove(&name);
        }
        node => *node = hostile(random),
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(object) => object.values().map(count).sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

/// The node with that number in depth-first order.
pub fn nth<'a>(value: &'a mut Value, at: &mut usize) -> Option<&'a mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::Object(object) => object.values_mut().find_map(|inner| nth(inner, at)),
        Value::Array(items) => items.iter_mut().find_map(|inner| nth(inner, at)),
        _ => None,
    }
}

/// Changes every text in the value.
pub fn each_text(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(object) => object.values_mut().for_each(|item| each_text(item, change)),
        _ => {}
    }
}

/// A value as text, truncated if it is long.
pub fn brief(value: &Value) -> String {
    value.to_string().chars().take(3000).collect()
}
