//! `value[start:stop:step]` as Python has it, on characters and elements, for any numbers.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::weight::weigh_value;

/// The part of a text or sequence; omitted bounds are `none`.
pub(super) fn slice_value(
    value: Value,
    start: Value,
    stop: Value,
    step: Value,
) -> Result<Value, Error> {
    weigh_value(&value)?;
    let bound = |v: Value| if v.is_none() { Ok(None) } else { i64::try_from(v).map(Some) };
    let (start, stop, step) = (bound(start)?, bound(stop)?, bound(step)?.unwrap_or(1));
    if step == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "a slice cannot go by steps of 0"));
    }
    match value.kind() {
        ValueKind::String => {
            let chars: Vec<char> = value.as_str().unwrap_or_default().chars().collect();
            let picked = slice_indexes(chars.len(), start, stop, step).filter_map(|i| chars.get(i));
            Ok(Value::from(picked.collect::<String>()))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter()?.collect();
            let picked = slice_indexes(items.len(), start, stop, step).filter_map(|i| items.get(i));
            Ok(Value::from(picked.cloned().collect::<Vec<_>>()))
        }
        ValueKind::None | ValueKind::Undefined => Ok(Value::from(Vec::<Value>::new())),
        kind => Err(Error::new(ErrorKind::InvalidOperation, format!("cannot slice {kind}"))),
    }
}

fn slice_indexes(
    length: usize,
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
) -> impl Iterator<Item = usize> {
    // Wide enough that no sum of two bounds overflows.
    let (length, step) = (length as i128, i128::from(step));
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let clamp = |bound: Option<i64>, missing: i128| match bound.map(i128::from) {
        None => missing,
        Some(at) if at < 0 => (at + length).clamp(low, high),
        Some(at) => at.clamp(low, high),
    };
    let from = clamp(start, if step > 0 { low } else { high });
    let to = clamp(stop, if step > 0 { high } else { low });
    let mut at = from;
    std::iter::from_fn(move || {
        let inside = if step > 0 { at < to } else { at > to };
        let current = usize::try_from(at).ok().filter(|_| inside)?;
        at += step;
        Some(current)
    })
}

#[cfg(test)]
mod tests {
    use super::super::meter;
    use super::*;

    #[test]
    fn slices_like_python() {
        let none = || Value::from(());
        for (start, stop, step, expected) in [
            (none(), none(), none(), "abcde"),
            (Value::from(1), Value::from(3), none(), "bc"),
            (Value::from(-2), none(), none(), "de"),
            (none(), none(), Value::from(-1), "edcba"),
            (Value::from(0), Value::from(2), Value::from(-1), ""),
            (Value::from(9), none(), Value::from(-2), "eca"),
            (Value::from(i64::MIN), Value::from(i64::MAX), Value::from(i64::MAX), "a"),
            (Value::from(i64::MAX), Value::from(i64::MIN), Value::from(i64::MIN), "e"),
        ] {
            meter::start_evaluation(super::super::EvalBudget::full());
            let found = slice_value(Value::from("abcde"), start, stop, step).unwrap();
            assert_eq!(found.as_str(), Some(expected));
        }
    }
}
