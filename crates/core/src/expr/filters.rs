//! Filters, tests and functions of our own: those whose builtin form could make much from little,
//! read much for nothing or panic, and JSON.

use std::collections::HashSet;

use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Error, ErrorKind, State, filters};

use super::error::invalid_operation;
use super::meter::{self, MAX_ITEMS, MAX_TEXT, check_length, repeated_length};
use super::weight::weigh_value;
use super::{json_node, numbers, operators, value};

fn text_of<'v>(value: &'v Value, what: &str) -> Result<&'v str, Error> {
    let text =
        value.as_str().ok_or_else(|| invalid_operation(format!("{what} is {}", value.kind())))?;
    meter::charge_units(1 + text.len() as u64)?;
    Ok(text)
}

pub(super) fn replace_text(value: Value, from: Value, to: Value) -> Result<Value, Error> {
    let text = value::to_text(&value)?;
    let (from, to) = (text_of(&from, "what to replace")?, text_of(&to, "the replacement")?);
    meter::charge_text(repeated_length(text.len(), text.matches(from).count(), to.len()))?;
    Ok(Value::from(text.replace(from, to)))
}

pub(super) fn join_items(
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
    let items =
        value.try_iter().map_err(|_| invalid_operation(format!("cannot join {}", value.kind())))?;
    let mut out = String::new();
    for (i, item) in items.enumerate() {
        let item = match &attribute {
            Some(name) => item.get_attr(name)?,
            None => item,
        };
        let item = value::to_text(&item)?;
        let joiner = if i > 0 { joiner } else { "" };
        meter::charge_units(meter::ITEM + joiner.len() as u64)?;
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
        return Err(invalid_operation(format!("the text falls into more than {MAX_ITEMS} parts")));
    }
    meter::charge_items(parts)
}

pub(super) fn split_text(
    value: Value,
    by: Option<Value>,
    most: Option<i64>,
) -> Result<Value, Error> {
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

pub(super) fn split_lines(value: Value) -> Result<Value, Error> {
    charge_parts(text_of(&value, "what to split")?.lines().count())?;
    filters::lines(&value)
}

pub(super) fn indent_text(
    state: &mut State,
    value: Value,
    args: Rest<ValueOrKwargs>,
) -> Result<Value, Error> {
    let args = args.into_values();
    let text = text_of(&value, "what to indent")?;
    let width = args.iter().filter(|arg| !arg.is_kwargs()).find_map(Value::as_usize);
    let width = match args.last().filter(|arg| arg.is_kwargs()) {
        Some(kwargs) => width.or(kwargs.get_attr("width")?.as_usize()),
        None => width,
    };
    // The output has the text and the indentation of each line.
    meter::charge_text(repeated_length(
        text.len(),
        1 + text.split('\n').count(),
        width.unwrap_or(4),
    ))?;
    let all: Vec<Value> = std::iter::once(value.clone()).chain(args).collect();
    Value::from_function(filters::indent).call(state, &all)
}

fn charge_groups(value: &Value, count: usize, fill: Option<&Value>) -> Result<(), Error> {
    weigh_value(value)?;
    if count > MAX_ITEMS {
        return Err(invalid_operation(format!("cannot make more than {MAX_ITEMS} parts")));
    }
    meter::charge_items(count + fill.map_or(0, |_| count))
}

pub(super) fn batch_items(
    state: &State,
    value: Value,
    count: usize,
    fill: Option<Value>,
) -> Result<Value, Error> {
    charge_groups(&value, count, fill.as_ref())?;
    filters::batch(state, value, count, fill)
}

pub(super) fn slice_columns(
    state: &State,
    value: Value,
    count: usize,
    fill: Option<Value>,
) -> Result<Value, Error> {
    charge_groups(&value, count, fill.as_ref())?;
    filters::slice(state, value, count, fill)
}

pub(super) fn format_text(
    state: &mut State,
    format: Value,
    args: Rest<Value>,
) -> Result<Value, Error> {
    let text = text_of(&format, "the format")?;
    // Each directive can write an argument again, or blanks up to its width.
    let mut width = 0_usize;
    for run in text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()) {
        width = width.saturating_add(run.parse::<usize>().unwrap_or(usize::MAX));
    }
    if width > 10_000 || (text.contains('*') && text.contains('%')) {
        return Err(invalid_operation("the widths in a format must be numbers and small"));
    }
    let directives = text.matches('%').count();
    let mut all = vec![format.clone()];
    for arg in args.iter() {
        weigh_value(arg)?;
        let size = arg.as_str().map_or(0, str::len);
        meter::charge_text(repeated_length(0, directives, size))?;
        let is_plain = !matches!(arg.kind(), ValueKind::Seq | ValueKind::Iterable);
        all.push(if is_plain { arg.clone() } else { Value::from(value::to_text(arg)?) });
    }
    Value::from_function(filters::format).call(state, &all)
}

pub(super) fn to_json(value: Value, indent: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
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

pub(super) fn from_json(value: Value) -> Result<Value, Error> {
    let text = text_of(&value, "what to read as JSON")?;
    // A parsed value takes many times the memory of its text.
    meter::charge_units(8 * text.len() as u64)?;
    crate::json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text))
        .map(json_node::from_json)
        .map_err(|e| invalid_operation(format!("the text is not JSON: {e}")))
}

/// The length of a list or object; of a text in characters.
pub(super) fn value_length(value: Value) -> Result<usize, Error> {
    if let Some(text) = value.as_str() {
        meter::charge_units(text.len() as u64)?;
    }
    value.len().ok_or_else(|| invalid_operation(format!("{} has no length", value.kind())))
}

/// The first item; undefined where there is none.
pub(super) fn first_item(value: Value) -> Result<Value, Error> {
    operators::loop_items(value.clone())?;
    filters::first(&value)
}

/// The last item; undefined where there is none.
pub(super) fn last_item(value: Value) -> Result<Value, Error> {
    operators::loop_items(value.clone())?;
    match (value.kind(), value.len()) {
        // The builtin form walks the whole list.
        (ValueKind::Seq, Some(length)) if length > 0 => value.get_item(&Value::from(length - 1)),
        _ => filters::last(value),
    }
}

/// The value as text.
pub(super) fn to_text(value: Value) -> Result<Value, Error> {
    value::to_text(&value).map(Value::from)
}

/// The sum of the items, or of an attribute of each; those without it are ignored.
pub(super) fn sum_items(
    values: Value,
    attribute: Option<String>,
    start: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let attribute =
        attribute.map_or_else(|| kwargs.get::<Option<String>>("attribute"), |a| Ok(Some(a)))?;
    let start = start.map_or_else(|| kwargs.get::<Option<Value>>("start"), |s| Ok(Some(s)))?;
    kwargs.assert_all_used()?;
    let mut total = start.unwrap_or_else(|| Value::from(0));
    for item in values.try_iter()? {
        let item = match &attribute {
            Some(path) => follow_path(item, path),
            None => item,
        };
        if !item.is_undefined() {
            total = numbers::add_numbers(total, item)?;
        }
    }
    Ok(total)
}

/// What a dotted path leads to; undefined where it leads nowhere.
fn follow_path(value: Value, path: &str) -> Value {
    path.split('.').fold(value, |value, part| {
        let found = match part.parse::<usize>() {
            Ok(index) => value.get_item_by_index(index),
            Err(_) => value.get_attr(part),
        };
        found.unwrap_or_default()
    })
}

/// Takes white space, or the given characters, off both ends.
pub(super) fn trim_text(value: Value, chars: Option<Value>) -> Result<Value, Error> {
    let text =
        value.as_str().ok_or_else(|| invalid_operation(format!("cannot trim {}", value.kind())))?;
    let trimmed = match chars.as_ref().filter(|chars| !chars.is_none()) {
        None => text.trim(),
        Some(chars) => {
            let set: HashSet<char> = text_of(chars, "what to trim")?.chars().collect();
            text.trim_matches(|c| set.contains(&c))
        }
    };
    Ok(Value::from(trimmed))
}

/// Whether the number is a multiple of the other one; nothing is a multiple of 0.
pub(super) fn is_divisible_by(value: Value, by: Value) -> Result<bool, Error> {
    if value.is_integer() && by.is_integer() {
        let (a, b) = (i128::try_from(value)?, i128::try_from(by)?);
        return Ok(b != 0 && a.checked_rem(b).unwrap_or(0) == 0);
    }
    let is_number = |v: &Value| v.kind() == ValueKind::Number;
    if !is_number(&value) || !is_number(&by) {
        return Err(invalid_operation(format!("cannot divide {} by {}", value.kind(), by.kind())));
    }
    let (a, b) = (numbers::to_float(&value)?, numbers::to_float(&by)?);
    Ok(b != 0.0 && a % b == 0.0)
}

/// `range(stop)`, `range(start, stop)`, `range(start, stop, step)`.
pub(super) fn create_range(
    start: i64,
    stop: Option<i64>,
    step: Option<i64>,
) -> Result<Value, Error> {
    let (start, stop) = stop.map_or((0, start), |stop| (start, stop));
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(invalid_operation("a range cannot go by steps of 0"));
    }
    // Wide enough that no difference of two bounds overflows.
    let (first, last, by) = (i128::from(start), i128::from(stop), i128::from(step));
    let span = if step > 0 { last - first } else { first - last };
    let width = by.abs();
    let length = if span <= 0 { 0 } else { (span + width - 1) / width };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    check_length(length)?;
    let numbers = (0..length as i128).map(|i| first + i * by);
    // Each lies between two 64-bit bounds.
    Ok(numbers.map(|n| Value::from(i64::try_from(n).unwrap_or(i64::MAX))).collect())
}
