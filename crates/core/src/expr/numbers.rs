//! Arithmetic of expressions: exact between integers, and an error where a result would be
//! another number.
//!
//! An integer is combined with a fraction only if a double holds it exactly. The result of such a
//! calculation is a double, rounded by the rules of IEEE 754; one that is out of range, or so small that it
//! becomes 0, is an error.

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, ErrorKind, State, filters};

use crate::json::check_number;

fn invalid_number(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// Two operands as they are combined.
enum NumberPair {
    Whole(i128, i128),
    Floats(f64, f64),
}

fn number_pair(left: &Value, sign: &str, right: &Value) -> Result<NumberPair, Error> {
    for value in [left, right] {
        if value.is_undefined() {
            let message = format!("an operand of `{sign}` is undefined");
            return Err(Error::new(ErrorKind::UndefinedError, message));
        }
        if !matches!(value.kind(), ValueKind::Number | ValueKind::Bool) {
            let (a, b) = (left.kind(), right.kind());
            return Err(invalid_number(format!("cannot calculate {a} {sign} {b}")));
        }
    }
    let is_whole = |v: &Value| v.is_integer() || v.kind() == ValueKind::Bool;
    if is_whole(left) && is_whole(right) {
        return Ok(NumberPair::Whole(
            i128::try_from(left.clone())?,
            i128::try_from(right.clone())?,
        ));
    }
    Ok(NumberPair::Floats(to_float(left)?, to_float(right)?))
}

/// A number as a double. An integer that no double holds is refused.
pub(super) fn to_float(value: &Value) -> Result<f64, Error> {
    if !value.is_integer() {
        return match value.kind() {
            ValueKind::Bool => Ok(f64::from(u8::from(value.is_true()))),
            _ => f64::try_from(value.clone()),
        };
    }
    let whole = i128::try_from(value.clone())?;
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "compared")]
    let (float, back) = (whole as f64, whole as f64 as i128);
    if back != whole {
        return Err(invalid_number(format!(
            "the integer {whole} has too many digits to be combined with a fraction exactly"
        )));
    }
    Ok(float)
}

/// An integer as a value, as small as it fits.
fn integer_value(result: Option<i128>) -> Result<Value, Error> {
    let result =
        result.ok_or_else(|| invalid_number("unable to calculate: the result is too large"))?;
    Ok(i64::try_from(result).map_or_else(|_| Value::from(result), Value::from))
}

/// A double as a value. `is_lost`: it is 0 though the result is not.
fn float_value(result: f64, is_lost: bool) -> Result<Value, Error> {
    match result.is_finite() {
        true if is_lost => Err(invalid_number("the result is too close to 0 to be kept")),
        true => Ok(Value::from(result)),
        false => Err(invalid_number("the result is out of range")),
    }
}

fn by_zero(left: &Value, sign: &str, right: &Value) -> Error {
    invalid_number(format!("unable to calculate {left} {sign} {right}: the divisor is zero"))
}

/// The sum of two numbers.
pub(super) fn add_numbers(left: Value, right: Value) -> Result<Value, Error> {
    match number_pair(&left, "+", &right)? {
        NumberPair::Whole(a, b) => integer_value(a.checked_add(b)),
        NumberPair::Floats(a, b) => float_value(a + b, false),
    }
}

/// The product of two numbers.
pub(super) fn multiply_numbers(left: Value, right: Value) -> Result<Value, Error> {
    match number_pair(&left, "*", &right)? {
        NumberPair::Whole(a, b) => integer_value(a.checked_mul(b)),
        NumberPair::Floats(a, b) => float_value(a * b, a * b == 0.0 && a != 0.0 && b != 0.0),
    }
}

/// `left - right`.
pub(super) fn subtract_numbers(left: Value, right: Value) -> Result<Value, Error> {
    match number_pair(&left, "-", &right)? {
        NumberPair::Whole(a, b) => integer_value(a.checked_sub(b)),
        NumberPair::Floats(a, b) => float_value(a - b, false),
    }
}

/// `left / right`, always a double.
pub(super) fn divide_numbers(left: Value, right: Value) -> Result<Value, Error> {
    let (a, b) = match number_pair(&left, "/", &right)? {
        NumberPair::Floats(a, b) => (a, b),
        NumberPair::Whole(..) => (to_float(&left)?, to_float(&right)?),
    };
    match b == 0.0 {
        true => Err(by_zero(&left, "/", &right)),
        false => float_value(a / b, a / b == 0.0 && a != 0.0),
    }
}

/// `left // right`, rounded down.
pub(super) fn divide_whole(left: Value, right: Value) -> Result<Value, Error> {
    match number_pair(&left, "//", &right)? {
        NumberPair::Whole(_, 0) => Err(by_zero(&left, "//", &right)),
        NumberPair::Floats(_, 0.0) => Err(by_zero(&left, "//", &right)),
        NumberPair::Whole(a, b) => {
            integer_value(divide_floored(a, b).map(|(quotient, _)| quotient))
        }
        NumberPair::Floats(a, b) => float_value(floored_float(a, b).0, false),
    }
}

/// `left % right`, with the sign of the divisor.
pub(super) fn remainder_of(left: Value, right: Value) -> Result<Value, Error> {
    match number_pair(&left, "%", &right)? {
        NumberPair::Whole(_, 0) => Err(by_zero(&left, "%", &right)),
        NumberPair::Floats(_, 0.0) => Err(by_zero(&left, "%", &right)),
        NumberPair::Whole(_, -1) => Ok(Value::from(0)),
        NumberPair::Whole(a, b) => integer_value(divide_floored(a, b).map(|(_, rest)| rest)),
        NumberPair::Floats(a, b) => float_value(floored_float(a, b).1, false),
    }
}

/// `left ** right`.
pub(super) fn raise_power(left: Value, right: Value) -> Result<Value, Error> {
    let (a, b) = match number_pair(&left, "**", &right)? {
        NumberPair::Whole(a, b) if b >= 0 => {
            return integer_value(u32::try_from(b).ok().and_then(|b| a.checked_pow(b)));
        }
        NumberPair::Whole(..) => (to_float(&left)?, to_float(&right)?),
        NumberPair::Floats(a, b) => (a, b),
    };
    match a == 0.0 && b < 0.0 {
        true => Err(by_zero(&left, "**", &right)),
        false => float_value(a.powf(b), a.powf(b) == 0.0 && a != 0.0),
    }
}

fn divide_floored(a: i128, b: i128) -> Option<(i128, i128)> {
    let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
    match rest != 0 && (rest < 0) != (b < 0) {
        true => Some((quotient.checked_sub(1)?, rest.checked_add(b)?)),
        false => Some((quotient, rest)),
    }
}

/// Quotient and remainder as Python's `//` and `%` give them.
fn floored_float(a: f64, b: f64) -> (f64, f64) {
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) {
        rest += b;
        quotient -= 1.0;
    } else if rest == 0.0 {
        rest = 0.0_f64.copysign(b);
    }
    let floor = quotient.floor();
    let rounded = if quotient - floor > 0.5 { floor + 1.0 } else { floor };
    (if quotient == 0.0 { 0.0_f64.copysign(a / b) } else { rounded }, rest)
}

/// `value | int`. What an integer of 128 bits does not hold is refused, not saturated.
pub(super) fn to_integer(
    state: &State,
    value: Value,
    default: Option<Value>,
    base: Option<u32>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        let is_other_base = base.is_some() || kwargs.has("base");
        if !is_other_base && text.parse::<i128>().is_err() {
            check_text(text)?;
        }
    } else if value.kind() == ValueKind::Number && !value.is_integer() {
        let float = f64::try_from(value.clone())?;
        let fits = float.abs() < 1.7e38;
        if !fits {
            return Err(invalid_number(format!("{float:?} is too large for an integer")));
        }
    }
    filters::int(state, &value, default, base, kwargs).map_err(|error| no_number(&value, error))
}

/// `value | float`. What a double does not hold exactly is refused, not rounded.
pub(super) fn to_double(
    state: &State,
    value: Value,
    default: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    if value.is_integer() {
        to_float(&value)?;
    } else if let Some(text) = value.as_str() {
        match text.contains(['.', 'e', 'E']) {
            true => check_text(text)?,
            // An integer that is read as a double: it must be one.
            false => check_text(&format!("{text}.0"))?,
        }
    }
    filters::float(state, &value, default, kwargs).map_err(|error| no_number(&value, error))
}

/// The error of a text that is read as a number and is none, which the parser reports without it.
fn no_number(value: &Value, error: Error) -> Error {
    let is_parser = error.detail().is_some_and(|detail| {
        ["invalid float", "cannot parse", "invalid digit"]
            .iter()
            .any(|begin| detail.starts_with(begin))
    });
    let Some(text) = value.as_str().filter(|_| is_parser) else { return error };
    let shown: String = text.chars().take(40).collect();
    invalid_number(format!(
        "the text {shown:?} is not a number; give a default for such text, as in `int(default=0)`"
    ))
}

/// Checks a text that is read as a number, if it is one.
fn check_text(text: &str) -> Result<(), Error> {
    let number = text.strip_prefix('+').unwrap_or(text);
    let is_number = number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.'))
        && number.parse::<f64>().is_ok_and(|float| !float.is_nan());
    if is_number { check_number(number).map_err(invalid_number) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::{Expression, test_scope::TestScope};

    fn eval(source: &str) -> Result<Json, String> {
        let scope = TestScope::new(json!({"inputs": {
            "big": 9_007_199_254_740_993_i64, "max": u64::MAX, "min": i64::MIN, "tiny": 1e-300, "huge": 1e308,
        }}));
        let expr = Expression::compile_text(source, "").map_err(|problem| problem.to_string())?;
        expr.eval_json(&scope).map_err(|error| error.to_string())
    }

    #[test]
    fn exact_results() {
        for (source, expected) in [
            ("inputs.big + 2", json!(9_007_199_254_740_995_i64)),
            ("inputs.max - 1", json!(u64::MAX - 1)),
            ("inputs.max // 2", json!(i64::MAX)),
            ("inputs.max % 10", json!(5)),
            ("-7 // 2", json!(-4)),
            ("-7 % 3", json!(2)),
            ("7 % -3", json!(-2)),
            ("7.5 // 2", json!(3.0)),
            ("-7.5 % 2", json!(0.5)),
            ("2 ** 63", json!(9_223_372_036_854_775_808_u64)),
            ("2 ** -1", json!(0.5)),
            ("8 / 2", json!(4.0)),
            ("0.1 + 0.2", json!(0.300_000_000_000_000_04)),
            ("0.0 * 5 + 0", json!(0.0)),
            ("(inputs.min | abs) - 1", json!(i64::MAX)),
            ("-inputs.min - 1", json!(i64::MAX)),
            ("inputs.max * 3 // 3", json!(u64::MAX)),
            ("9007199254740992 / 1", json!(9_007_199_254_740_992.0)),
            ("[inputs.big, 1] | sum", json!(9_007_199_254_740_994_i64)),
            ("'18446744073709551615' | int", json!(u64::MAX)),
            ("'3.9' | int", json!(3)),
            ("'ff' | int(base=16)", json!(255)),
            ("'9007199254740992' | float", json!(9_007_199_254_740_992.0)),
            ("'x' | int(default=4)", json!(4)),
            ("'0.1' | float", json!(0.1)),
            ("'[1, 0.5]' | fromjson", json!([1, 0.5])),
            ("true + 1", json!(2)),
        ] {
            assert_eq!(eval(source), Ok(expected), "{source}");
        }
    }

    #[test]
    fn another_number_is_an_error() {
        for source in [
            "inputs.max + 1",
            "-inputs.max",
            "inputs.min - 1",
            "inputs.big + 0.5",
            "inputs.big * 1.0",
            "0.5 - inputs.big",
            "inputs.big / 1",
            "inputs.big // 1.0",
            "inputs.big % 2.5",
            "inputs.big ** 0.5",
            "inputs.big ** -1",
            "inputs.huge * 10",
            "inputs.huge + inputs.huge",
            "inputs.tiny * inputs.tiny",
            "inputs.tiny / inputs.huge",
            "10 ** 400",
            "10.0 ** 400",
            "10.0 ** -400",
            "[inputs.big, 0.5] | sum",
            "inputs.big | float",
            "inputs.huge | int",
            "inputs.huge | int % 1000",
            "'9007199254740993' | float",
            "'18446744073709551616' | int",
            "'9007199254740993.5' | int",
            "'999999999999999999999999999999999999999999999' | int",
            "'1e400' | float",
            "'1e-400' | float",
            "'18446744073709551616' | fromjson",
            "'[1e-400]' | fromjson",
            "1 / 0",
            "1 // 0",
            "1 % 0",
            "0 ** -1",
        ] {
            let result = eval(source);
            assert!(result.is_err(), "{source} is {result:?}");
        }
    }
}
