//! The shapes of values by type, exactly as the clients parse them: one field of the wrong type
//! makes them reject the whole response, or drop a line of a stream silently.

use serde_json::Value;

use super::types::ValueType;

/// The only type that is used only inside arrays.
const THINKING: &str = "THINKING";

/// Whether a value has the shape of that type.
pub fn fits(wanted: ValueType, value: &Value) -> bool {
    match wanted {
        ValueType::String => value.is_string(),
        ValueType::Number => value.is_number(),
        ValueType::Json => true,
        ValueType::ChatHistory => each_fits(value, is_message),
        ValueType::SearchResults => each_fits(value, search_result),
        ValueType::Array => each_fits(value, is_typed),
        ValueType::Error => {
            key_fits(value, "code", Value::is_string)
                && key_fits(value, "message", Value::is_string)
                && may_have(value, "raw_data", Value::is_object)
        }
        ValueType::FunctionCall => {
            key_fits(value, "name", Value::is_string)
                && key_fits(value, "arguments", Value::is_object)
                && may_have(value, "id", Value::is_string)
        }
        ValueType::Image | ValueType::Audio | ValueType::Video | ValueType::Document => {
            key_fits(value, "src", Value::is_string)
                && may_have(value, "metadata", Value::is_object)
        }
    }
}

/// The value without items of the type `THINKING`, at any depth; `None`: there are none.
pub fn without_thinking(items: &[Value]) -> Option<Vec<Value>> {
    let kept: Vec<_> = items.iter().filter(|item| !is_thinking(item)).collect();
    let mut changed = kept.len() < items.len();
    let mut out = Vec::with_capacity(kept.len());
    for item in kept {
        let inner = item.get("value").and_then(Value::as_array);
        let is_array = type_of(item) == Some(ValueType::Array.name());
        let mut item = item.clone();
        if let Some(inner) = inner.filter(|_| is_array).and_then(|inner| without_thinking(inner)) {
            item["value"] = Value::Array(inner);
            changed = true;
        }
        out.push(item);
    }
    changed.then_some(out)
}

fn is_thinking(item: &Value) -> bool {
    type_of(item) == Some(THINKING)
}

fn type_of(value: &Value) -> Option<&str> {
    value.get("type")?.as_str()
}

fn each_fits(value: &Value, fits: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(fits))
}

fn key_fits(value: &Value, key: &str, fits: impl Fn(&Value) -> bool) -> bool {
    value.get(key).is_some_and(fits)
}

/// `null` is as if it were not there.
fn may_have(value: &Value, key: &str, fits: impl Fn(&Value) -> bool) -> bool {
    value.get(key).is_none_or(|inner| inner.is_null() || fits(inner))
}

/// A message of a chat.
fn is_message(value: &Value) -> bool {
    key_fits(value, "role", Value::is_string)
        && may_have(value, "text", Value::is_string)
        && may_have(value, "source", Value::is_string)
        && may_have(value, "metadata", Value::is_object)
        && may_have(value, "content", |content| is_part(content) || are_parts(content))
}

/// What a message has several of.
fn are_parts(content: &Value) -> bool {
    type_of(content) == Some("ARRAY")
        && key_fits(content, "value", |value| each_fits(value, is_part))
}

/// What a message has one of; lists do not stand in lists.
fn is_part(content: &Value) -> bool {
    let wanted = type_of(content).and_then(ValueType::spelled).filter(|wanted| {
        matches!(wanted, ValueType::String | ValueType::FunctionCall) || wanted.is_media()
    });
    wanted.is_some_and(|wanted| key_fits(content, "value", |value| fits(wanted, value)))
}

fn search_result(value: &Value) -> bool {
    key_fits(value, "text", Value::is_string)
        && key_fits(value, "score", Value::is_number)
        && key_fits(value, "keywords", |keywords| each_fits(keywords, Value::is_string))
        && key_fits(value, "document", is_document)
        && may_have(value, "meta", |meta| meta.is_object() && may_have(meta, "source", is_source))
}

fn is_document(value: &Value) -> bool {
    key_fits(value, "label", Value::is_string)
        && may_have(value, "id", Value::is_string)
        && may_have(value, "external_id", Value::is_string)
        && may_have(value, "metadata", Value::is_object)
}

/// The place of a search result in a PDF: clients know no other kind of source.
fn is_source(value: &Value) -> bool {
    let page = |page: &Value| page.is_i64() || page.is_u64();
    key_fits(value, "document_type", |kind| kind == "PDF")
        && may_have(value, "start_page_num", page)
        && may_have(value, "end_page_num", page)
}

/// A value in an array, with its type.
fn is_typed(item: &Value) -> bool {
    if is_thinking(item) {
        return may_have(item, "value", |inner| {
            type_of(inner) == Some("STRING") && may_have(inner, "value", Value::is_string)
        });
    }
    let wanted = type_of(item).and_then(ValueType::spelled);
    wanted.is_some_and(|wanted| may_have(item, "value", |inner| fits(wanted, inner)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(wanted: ValueType, yes: &[Value], no: &[Value]) {
        for value in yes {
            assert!(fits(wanted, value), "{wanted:?} {value}");
        }
        for value in no {
            assert!(!fits(wanted, value), "{wanted:?} {value}");
        }
    }

    #[test]
    fn messages() {
        let message = |content: Value| json!([{"role": "USER", "content": content}]);
        let media = json!({"type": "IMAGE", "value": {"src": "x", "metadata": null}});
        check(
            ValueType::ChatHistory,
            &[
                json!([]),
                json!([{"role": "USER", "text": null, "source": "s", "metadata": {}, "x": 1}]),
                message(json!(null)),
                message(json!({"type": "STRING", "value": "x"})),
                message(json!({"type": "ARRAY", "value": [media]})),
            ],
            &[
                json!({}),
                json!([{"text": "x"}]),
                json!([{"role": "USER", "text": 5}]),
                json!([{"role": "USER", "metadata": []}]),
                message(json!("x")),
                message(json!({"type": "STRING"})),
                message(json!({"type": "STRING", "value": null})),
                message(json!({"type": "NUMBER", "value": 1})),
                message(json!({"type": "ARRAY", "value": [{"type": "ARRAY", "value": []}]})),
                message(json!({"type": "FUNCTION_CALL", "value": {"name": "f", "arguments": []}})),
            ],
        );
    }

    #[test]
    fn search_results() {
        let with = |key: &str, value: Value| {
            let mut result =
                json!({"text": "t", "score": 1, "keywords": ["k"], "document": {"label": "l"}});
            result[key] = value;
            json!([result])
        };
        let source = |source: Value| with("meta", json!({ "source": source }));
        check(
            ValueType::SearchResults,
            &[
                with("more", json!(1)),
                with("meta", json!(null)),
                source(json!({"document_type": "PDF", "start_page_num": 1})),
            ],
            &[
                with("score", json!("1")),
                with("keywords", json!([1])),
                with("document", json!({})),
                with("document", json!({"label": "l", "id": 5})),
                source(json!({"document_type": "CSV"})),
                source(json!({"document_type": "PDF", "end_page_num": 1.5})),
            ],
        );
    }

    #[test]
    fn typed_values() {
        let thinks = |value: Value| json!([{"type": "THINKING", "value": value}]);
        check(
            ValueType::Array,
            &[
                json!([{"type": "NUMBER", "value": 1}, {"type": "STRING"}]),
                json!([{"type": "ARRAY", "value": [{"type": "JSON", "value": null}]}]),
                thinks(json!(null)),
                thinks(json!({"type": "STRING", "value": "hm"})),
            ],
            &[
                json!([{"type": "NUMBER", "value": "1"}]),
                json!([{"type": "number", "value": 1}]),
                json!([{"value": 1}]),
                thinks(json!("hm")),
            ],
        );
        check(
            ValueType::Error,
            &[json!({"code": "X", "message": "m", "raw_data": null})],
            &[json!({"code": "X"}), json!({"code": "X", "message": "m", "raw_data": "r"})],
        );
    }

    #[test]
    fn thinking_is_omitted_at_any_depth() {
        let think = json!({"type": "THINKING"});
        let plain = json!({"type": "JSON", "value": [{"type": "THINKING"}]});
        let nest = |inner: Value| json!({"type": "ARRAY", "value": inner});
        for (items, expect) in [
            (json!([plain]), None),
            (json!([think, plain]), Some(json!([plain]))),
            (json!([nest(json!([think, plain]))]), Some(json!([nest(json!([plain]))]))),
            (json!([nest(json!([]))]), None),
        ] {
            let left = without_thinking(items.as_array().unwrap()).map(Value::Array);
            assert_eq!(left, expect, "{items}");
        }
    }
}
