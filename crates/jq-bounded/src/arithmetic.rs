//! `+ - * / %` and negation, as in jq.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

use jaq_core::{Error, ValR};

use super::budget::{pay_reading, pay_units};
use super::text::check_length;
use super::value::{JqNumber, JqObject, JqValue, deeper_level};

type ValueResult = ValR<JqValue>;

/// Two integers exactly, or not at all; anything else as doubles.
fn combine_numbers(
    l: JqNumber,
    operator: &str,
    r: JqNumber,
    exact: impl Fn(i128, i128) -> Option<i128>,
    float: impl Fn(f64, f64) -> f64,
) -> ValueResult {
    match (l, r) {
        (JqNumber::Int(a), JqNumber::Int(b)) => {
            let result = exact(a, b).and_then(JqNumber::from_integer).map(JqValue::Num);
            result.ok_or_else(|| inexact_error(l, operator, r, "the result has more than 64 bits"))
        }
        _ => combine_floats(l, operator, r, float),
    }
}

fn combine_floats(
    l: JqNumber,
    operator: &str,
    r: JqNumber,
    float: impl Fn(f64, f64) -> f64,
) -> ValueResult {
    match (l.exact_f64(), r.exact_f64()) {
        (Some(l), Some(r)) => Ok(JqValue::Num(JqNumber::from_float(float(l, r)))),
        _ => {
            let why = "an integer beyond 2^53 cannot be combined exactly with a fraction";
            Err(inexact_error(l, operator, r, why))
        }
    }
}

/// The error of a calculation whose result would be another number.
fn inexact_error(l: JqNumber, operator: &str, r: JqNumber, why: &str) -> Error<JqValue> {
    let (l, r) = (JqValue::Num(l), JqValue::Num(r));
    Error::str(format_args!("cannot calculate {l} {operator} {r}: {why}"))
}

impl Add for JqValue {
    type Output = ValueResult;

    fn add(self, other: Self) -> ValueResult {
        match (self, other) {
            (Self::Null, x) | (x, Self::Null) => Ok(x),
            (Self::Num(l), Self::Num(r)) => {
                combine_numbers(l, "+", r, i128::checked_add, |l, r| l + r)
            }
            (Self::Str(l), Self::Str(r)) => {
                check_length(l.len() + r.len());
                Ok(Self::from_text([l.as_ref(), r.as_ref()].concat()))
            }
            (Self::Arr(mut l), Self::Arr(r)) => {
                let array = Rc::make_mut(&mut l);
                array.items.extend(r.items.iter().cloned());
                array.depth = array.depth.max(r.depth);
                Ok(Self::Arr(l))
            }
            (Self::Obj(mut l), Self::Obj(r)) => {
                let object = Rc::make_mut(&mut l);
                object.map.extend(r.map.iter().map(|(key, value)| {
                    pay_reading(key.len());
                    (Rc::clone(key), value.clone())
                }));
                object.depth = object.depth.max(r.depth);
                Ok(Self::Obj(l))
            }
            (l, r) => Err(operand_error(&l, &r, "cannot be added")),
        }
    }
}

impl Sub for JqValue {
    type Output = ValueResult;

    fn sub(self, other: Self) -> ValueResult {
        match (self, other) {
            (Self::Num(l), Self::Num(r)) => {
                combine_numbers(l, "-", r, i128::checked_sub, |l, r| l - r)
            }
            (Self::Arr(mut l), Self::Arr(r)) => {
                let mut dropped: Vec<&Self> = r.items.iter().collect();
                dropped.sort();
                let items = &mut Rc::make_mut(&mut l).items;
                items.retain(|item| dropped.binary_search(&item).is_err());
                Ok(Self::Arr(l))
            }
            (l, r) => Err(operand_error(&l, &r, "cannot be subtracted")),
        }
    }
}

impl Mul for JqValue {
    type Output = ValueResult;

    fn mul(self, other: Self) -> ValueResult {
        match (self, other) {
            (Self::Num(l), Self::Num(r)) => {
                combine_numbers(l, "*", r, i128::checked_mul, |l, r| l * r)
            }
            (Self::Str(text), Self::Num(n)) | (Self::Num(n), Self::Str(text)) => {
                repeat_text(&text, n.as_f64())
            }
            (Self::Obj(mut l), Self::Obj(r)) => {
                merge_objects(Rc::make_mut(&mut l), &r);
                Ok(Self::Obj(l))
            }
            (l, r) => Err(operand_error(&l, &r, "cannot be multiplied")),
        }
    }
}

/// A text so many times, rounded down; null for less than 0.
fn repeat_text(text: &str, times: f64) -> ValueResult {
    if times.is_nan() || times < 0.0 {
        return Ok(JqValue::Null);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    let times = times as usize;
    check_length(text.len().saturating_mul(times));
    Ok(JqValue::from_text(text.repeat(times)))
}

/// Merges deeply: objects in both are merged, anything else is replaced.
fn merge_objects(l: &mut JqObject, r: &JqObject) {
    for (key, value) in &r.map {
        pay_reading(key.len().saturating_mul(2));
        let merged = match (l.map.get_mut(key), value) {
            (Some(JqValue::Obj(ours)), JqValue::Obj(theirs)) => {
                pay_units(1);
                merge_objects(Rc::make_mut(ours), theirs);
                l.depth = l.depth.max(deeper_level(ours.depth));
                continue;
            }
            _ => value.clone(),
        };
        l.map.insert(Rc::clone(key), merged);
    }
    l.depth = l.depth.max(r.depth);
}

impl Div for JqValue {
    type Output = ValueResult;

    fn div(self, other: Self) -> ValueResult {
        match (self, other) {
            (Self::Num(l), Self::Num(r)) if r.as_f64() == 0.0 => Err(by_zero(l, "divided", r)),
            (Self::Num(l), Self::Num(r)) => match (l, r) {
                (JqNumber::Int(a), JqNumber::Int(b)) if a.checked_rem(b) == Some(0) => {
                    combine_numbers(l, "/", r, i128::checked_div, |l, r| l / r)
                }
                _ => combine_floats(l, "/", r, |l, r| l / r),
            },
            (Self::Str(l), Self::Str(r)) => Ok(split_text(&l, &r)),
            (l, r) => Err(operand_error(&l, &r, "cannot be divided")),
        }
    }
}

fn by_zero(l: JqNumber, how: &str, r: JqNumber) -> Error<JqValue> {
    let why = format!("cannot be {how} because the divisor is zero");
    operand_error(&JqValue::Num(l), &JqValue::Num(r), &why)
}

/// An operation is not defined for its operands, in jq's words.
fn operand_error(l: &JqValue, r: &JqValue, why: &str) -> Error<JqValue> {
    Error::str(format_args!("{} and {} {why}", l.describe_value(), r.describe_value()))
}

fn split_text(text: &str, separator: &str) -> JqValue {
    if text.is_empty() {
        return JqValue::from_items(Vec::new());
    }
    if separator.is_empty() {
        return text.chars().map(|c| JqValue::from_text(c.to_string())).collect();
    }
    text.split(separator).map(JqValue::from_text).collect()
}

impl Rem for JqValue {
    type Output = ValueResult;

    /// Of the whole parts, with the sign of the left one.
    fn rem(self, other: Self) -> ValueResult {
        let (Self::Num(l), Self::Num(r)) = (&self, &other) else {
            return Err(operand_error(&self, &other, "cannot be divided (remainder)"));
        };
        match (l.to_integer(), r.to_integer()) {
            (Some(_), Some(0)) => Err(by_zero(*l, "divided (remainder)", *r)),
            // No larger than either of them, except that a float is saturated to 128 bits first.
            (Some(a), Some(b)) => match JqNumber::from_integer(a.checked_rem(b).unwrap_or(0)) {
                Some(rest) if is_whole(*l) && is_whole(*r) => Ok(Self::Num(rest)),
                _ => Err(inexact_error(*l, "%", *r, "a number is too large")),
            },
            _ => Ok(Self::Num(JqNumber::Float(f64::NAN))),
        }
    }
}

/// Whether the whole part of a number fits in 128 bits; infinity counts as the largest, as in jq.
fn is_whole(n: JqNumber) -> bool {
    let float = n.as_f64().abs();
    matches!(n, JqNumber::Int(_)) || float < 1.7e38 || float.is_infinite()
}

impl Neg for JqValue {
    type Output = ValueResult;

    fn neg(self) -> ValueResult {
        match self {
            Self::Num(JqNumber::Int(i)) => {
                JqNumber::from_integer(-i).map(Self::Num).ok_or_else(|| {
                    Error::str(format_args!("cannot negate {i}: the result has more than 64 bits"))
                })
            }
            Self::Num(JqNumber::Float(f)) => Ok(Self::Num(JqNumber::Float(-f))),
            other => Err(Error::str(format_args!("{} cannot be negated", other.describe_value()))),
        }
    }
}
