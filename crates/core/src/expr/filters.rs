//! Filters of our own: those whose builtin form could make much from little, and JSON.

use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, filters};

use super::meter::{self, MAX_ITEMS, MAX_TEXT};
use super::value;

/// Adds them to the environment.
pub(super) fn add(env: &mut Environment<'static>) {
    env.add_filter("replace", replace);
    env.add_filter("join", join);
    env.add_filter("split", split);
    env.add_filter("lines", lines);
    env.add_filter("string", |value: Value| value::to_text(&value).map(Value::from));
    env.add_filter("indent", indent);
    env.add_filter("batch", batch);
    env.add_filter("slice", slice);
    env.add_filter("format", format);
    env.add_filter("tojson", tojson);
    env.add_filter("fromjson", fromjson);
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn text_of<'v>(value: &'v Value, what: &str) -> Result<&'v str, Error> {
    let text = value.as_str().ok_or_else(|| invalid(format!("{what} is {}", value.kind())))?;
    meter::charge(1 + text.len() as u64)?;
    Ok(text)
}

/// The length of text after something is repeated in it; `MAX_TEXT + 1` where it is far too long.
fn grown(length: usize, times: usize, each: usize) -> usize {
    times.checked_mul(each).and_then(|more| more.checked_add(length)).unwrap_or(MAX_TEXT + 1)
}

fn replace(value: Value, from: Value, to: Value) -> Result<Value, Error> {
    let text = value::to_text(&value)?;
    let (from, to) = (text_of(&from, "what to replace")?, text_of(&to, "the replacement")?);
    meter::charge_text(grown(text.len(), text.matches(from).count(), to.len()))?;
    Ok(Value::from(text.replace(from, to)))
}

fn join(
    value: Value,
    joiner: Option<Value>,
    attribute: Option<String>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let attribute = match attribute {
        Some(name) => Some(name),
        None => kwargs.get::<Option<String>>("attribute")?,
    };
    kwargs.assert_all_used()?;
    let joiner = joiner.unwrap_or_else(|| Value::from(""));
    let joiner = text_of(&joiner, "the joiner")?;
    let items = value.try_iter().map_err(|_| invalid(format!("cannot join {}", value.kind())))?;
    let mut out = String::new();
    for (i, item) in items.enumerate() {
        let item = match &attribute {
            Some(name) => item.get_attr(name)?,
            None => item,
        };
        let item = value::to_text(&item)?;
        let joiner = if i > 0 { joiner } else { "" };
        meter::charge(1 + joiner.len() as u64)?;
        if out.len() + joiner.len() + item.len() > MAX_TEXT {
            meter::charge_text(MAX_TEXT + 1)?;
        }
        out.push_str(joiner);
        out.push_str(&item);
    }
    Ok(Value::from(out))
}

/// Many small texts cost far more memory than the text they are cut from.
fn charge_parts(parts: usize) -> Result<(), Error> {
    if parts > MAX_ITEMS {
        return Err(invalid(format!("the text falls into more than {MAX_ITEMS} parts")));
    }
    meter::charge(32 * parts as u64)
}

fn split(value: Value, by: Option<Value>, most: Option<i64>) -> Result<Value, Error> {
    let text = text_of(&value, "what to split")?;
    let parts = match &by {
        Some(by) if !by.is_none() => text.matches(text_of(by, "the separator")?).count() + 1,
        _ => text.split_whitespace().count(),
    };
    charge_parts(most.and_then(|most| usize::try_from(most).ok()).map_or(parts, |m| parts.min(m)))?;
    let by = match &by {
        Some(by) => by.to_str(),
        None => None,
    };
    filters::split(&value, by, most)
}

fn lines(value: Value) -> Result<Value, Error> {
    charge_parts(text_of(&value, "what to split")?.lines().count())?;
    filters::lines(&value)
}

fn indent(state: &mut State, value: Value, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let args = args.into_values();
    let text = text_of(&value, "what to indent")?;
    let width = args.iter().filter(|arg| !arg.is_kwargs()).find_map(Value::as_usize);
    let width = match args.last().filter(|arg| arg.is_kwargs()) {
        Some(kwargs) => width.or(kwargs.get_attr("width")?.as_usize()),
        None => width,
    };
    // Both the text and one line's worth of blanks are made.
    meter::charge_text(grown(text.len(), 1 + text.split('\n').count(), width.unwrap_or(4)))?;
    let all: Vec<Value> = std::iter::once(value.clone()).chain(args).collect();
    Value::from_function(filters::indent).call(state, &all)
}

fn counted(value: &Value, count: usize, fill: Option<&Value>) -> Result<(), Error> {
    meter::weigh(value)?;
    if count > MAX_ITEMS {
        return Err(invalid(format!("cannot make more than {MAX_ITEMS} parts")));
    }
    meter::charge(32 * count as u64 + fill.map_or(0, |_| 32 * count as u64))
}

fn batch(state: &State, value: Value, count: usize, fill: Option<Value>) -> Result<Value, Error> {
    counted(&value, count, fill.as_ref())?;
    filters::batch(state, value, count, fill)
}

fn slice(state: &State, value: Value, count: usize, fill: Option<Value>) -> Result<Value, Error> {
    counted(&value, count, fill.as_ref())?;
    filters::slice(state, value, count, fill)
}

fn format(state: &mut State, format: Value, args: Rest<Value>) -> Result<Value, Error> {
    let text = text_of(&format, "the format")?;
    // Each directive can write an argument again, or blanks up to its width.
    let mut width = 0_usize;
    for run in text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()) {
        width = width.saturating_add(run.parse::<usize>().unwrap_or(usize::MAX));
    }
    if width > 10_000 || (text.contains('*') && text.contains('%')) {
        return Err(invalid("the widths in a format must be numbers and small"));
    }
    let directives = text.matches('%').count();
    let mut all = vec![format.clone()];
    for arg in args.iter() {
        meter::weigh(arg)?;
        let size = arg.as_str().map_or(0, str::len);
        meter::charge_text(grown(0, directives, size))?;
        let is_plain = !matches!(arg.kind(), ValueKind::Seq | ValueKind::Iterable);
        all.push(if is_plain { arg.clone() } else { Value::from(value::to_text(arg)?) });
    }
    Value::from_function(filters::format).call(state, &all)
}

fn tojson(value: Value, indent: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => kwargs.get::<Option<Value>>("indent")?,
    };
    kwargs.assert_all_used()?;
    let json = value::to_json(&value)?;
    let text = match indent {
        // JSON indented by two blanks is what people read; the number itself hardly matters.
        Some(indent) if indent.is_true() => serde_json::to_string_pretty(&json)
            .map_err(|e| Error::new(ErrorKind::BadSerialization, e.to_string()))?,
        _ => value::json_text(&json)?,
    };
    meter::charge_text(text.len())?;
    Ok(Value::from(text))
}

fn fromjson(value: Value) -> Result<Value, Error> {
    let text = text_of(&value, "what to read as JSON")?;
    // A parsed value takes many times the memory of its text.
    meter::charge(8 * text.len() as u64)?;
    serde_json::from_str(text)
        .map(value::from_json)
        .map_err(|e| invalid(format!("the text is not JSON: {e}")))
}

/// `left * right`: numbers, or text or a sequence a number of times.
pub(super) fn times(left: Value, right: Value) -> Result<Value, Error> {
    let (value, count) = match (left.kind(), right.kind()) {
        (ValueKind::Number | ValueKind::Bool, ValueKind::Number | ValueKind::Bool) => {
            return product(left, right);
        }
        (ValueKind::Number, _) => (right, left),
        _ => (left, right),
    };
    let count = count
        .as_usize()
        .filter(|_| count.is_integer())
        .ok_or_else(|| invalid(format!("cannot multiply {} by {}", value.kind(), count.kind())))?;
    match value.kind() {
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            meter::charge_text(grown(0, count, text.len()))?;
            Ok(Value::from(text.repeat(count)))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            meter::weigh(&value)?;
            let items: Vec<Value> = value.try_iter()?.collect();
            if items.len().checked_mul(count).is_none_or(|length| length > MAX_ITEMS) {
                return Err(invalid(format!("the list would have more than {MAX_ITEMS} items")));
            }
            meter::charge(32 * (items.len() * count) as u64)?;
            let repeated = std::iter::repeat_n(items, count).flatten();
            Ok(Value::from(repeated.collect::<Vec<_>>()))
        }
        kind => Err(invalid(format!("cannot multiply {kind}"))),
    }
}

/// `left + right`: numbers, two texts or two sequences. Sequences are put together at once: the
/// engine's lazy form gets slower with each further one.
pub(super) fn plus(left: Value, right: Value) -> Result<Value, Error> {
    let is_sequence = |v: &Value| matches!(v.kind(), ValueKind::Seq | ValueKind::Iterable);
    if let (Some(a), Some(b)) = (left.as_str(), right.as_str()) {
        meter::charge_text(a.len() + b.len())?;
        return Ok(Value::from([a, b].concat()));
    }
    if is_sequence(&left) && is_sequence(&right) {
        let mut items = Vec::new();
        for item in left.try_iter()?.chain(right.try_iter()?) {
            meter::charge(32)?;
            if items.len() == MAX_ITEMS {
                return Err(invalid(format!("the list would have more than {MAX_ITEMS} items")));
            }
            items.push(item);
        }
        return Ok(Value::from(items));
    }
    numbers(left, right, "+", i128::checked_add, |a, b| a + b)
}

fn product(left: Value, right: Value) -> Result<Value, Error> {
    numbers(left, right, "*", i128::checked_mul, |a, b| a * b)
}

fn numbers(
    left: Value,
    right: Value,
    sign: &str,
    whole: fn(i128, i128) -> Option<i128>,
    float: fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    for value in [&left, &right] {
        if value.is_undefined() {
            return Err(Error::new(
                ErrorKind::UndefinedError,
                format!("an operand of `{sign}` is undefined"),
            ));
        }
        if !matches!(value.kind(), ValueKind::Number | ValueKind::Bool) {
            let (a, b) = (left.kind(), right.kind());
            return Err(invalid(format!("cannot calculate {a} {sign} {b}")));
        }
    }
    let is_whole = |v: &Value| v.is_integer() || v.kind() == ValueKind::Bool;
    if is_whole(&left) && is_whole(&right) {
        let made = whole(i128::try_from(left)?, i128::try_from(right)?)
            .ok_or_else(|| invalid("the result is too large"))?;
        return Ok(i64::try_from(made).map_or_else(|_| Value::from(made), Value::from));
    }
    Ok(Value::from(float(f64::try_from(left)?, f64::try_from(right)?)))
}
