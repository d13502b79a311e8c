//! `+ - * / %` and negation, as in jq.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

use jaq_core::{Error, ValR};

use super::budget::{pay, pay_reading};
use super::text::check_length;
use super::value::{Num, Obj, Val, deeper};

type Result = ValR<Val>;

/// Two integers exactly, or not at all; anything else as doubles.
fn numbers(
    l: Num,
    operator: &str,
    r: Num,
    exact: impl Fn(i128, i128) -> Option<i128>,
    float: impl Fn(f64, f64) -> f64,
) -> Result {
    match (l, r) {
        (Num::Int(a), Num::Int(b)) => {
            let result = exact(a, b).and_then(Num::int).map(Val::Num);
            result.ok_or_else(|| inexact(l, operator, r, "the result has more than 64 bits"))
        }
        _ => floats(l, operator, r, float),
    }
}

fn floats(l: Num, operator: &str, r: Num, float: impl Fn(f64, f64) -> f64) -> Result {
    match (l.exact_f64(), r.exact_f64()) {
        (Some(l), Some(r)) => Ok(Val::Num(Num::computed(float(l, r)))),
        _ => {
            let why = "an integer beyond 2^53 cannot be combined exactly with a fraction";
            Err(inexact(l, operator, r, why))
        }
    }
}

/// The error of a calculation whose result would be another number.
fn inexact(l: Num, operator: &str, r: Num, why: &str) -> Error<Val> {
    let (l, r) = (Val::Num(l), Val::Num(r));
    Error::str(format_args!("cannot calculate {l} {operator} {r}: {why}"))
}

impl Add for Val {
    type Output = Result;

    fn add(self, other: Self) -> Result {
        match (self, other) {
            (Self::Null, x) | (x, Self::Null) => Ok(x),
            (Self::Num(l), Self::Num(r)) => numbers(l, "+", r, i128::checked_add, |l, r| l + r),
            (Self::Str(l), Self::Str(r)) => {
                check_length(l.len() + r.len());
                Ok(Self::text([l.as_ref(), r.as_ref()].concat()))
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
            (l, r) => Err(failed(&l, &r, "cannot be added")),
        }
    }
}

impl Sub for Val {
    type Output = Result;

    fn sub(self, other: Self) -> Result {
        match (self, other) {
            (Self::Num(l), Self::Num(r)) => numbers(l, "-", r, i128::checked_sub, |l, r| l - r),
            (Self::Arr(mut l), Self::Arr(r)) => {
                let mut dropped: Vec<&Self> = r.items.iter().collect();
                dropped.sort();
                let items = &mut Rc::make_mut(&mut l).items;
                items.retain(|item| dropped.binary_search(&item).is_err());
                Ok(Self::Arr(l))
            }
            (l, r) => Err(failed(&l, &r, "cannot be subtracted")),
        }
    }
}

impl Mul for Val {
    type Output = Result;

    fn mul(self, other: Self) -> Result {
        match (self, other) {
            (Self::Num(l), Self::Num(r)) => numbers(l, "*", r, i128::checked_mul, |l, r| l * r),
            (Self::Str(text), Self::Num(n)) | (Self::Num(n), Self::Str(text)) => {
                repeat(&text, n.as_f64())
            }
            (Self::Obj(mut l), Self::Obj(r)) => {
                merge(Rc::make_mut(&mut l), &r);
                Ok(Self::Obj(l))
            }
            (l, r) => Err(failed(&l, &r, "cannot be multiplied")),
        }
    }
}

/// A text so many times, rounded down; null for less than 0.
fn repeat(text: &str, times: f64) -> Result {
    if times.is_nan() || times < 0.0 {
        return Ok(Val::Null);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    let times = times as usize;
    check_length(text.len().saturating_mul(times));
    Ok(Val::text(text.repeat(times)))
}

/// Merges deeply: objects in both are merged, anything else is replaced.
fn merge(l: &mut Obj, r: &Obj) {
    for (key, value) in &r.map {
        pay_reading(key.len().saturating_mul(2));
        let merged = match (l.map.get_mut(key), value) {
            (Some(Val::Obj(ours)), Val::Obj(theirs)) => {
                pay(1);
                merge(Rc::make_mut(ours), theirs);
                l.depth = l.depth.max(deeper(ours.depth));
                continue;
            }
            _ => value.clone(),
        };
        l.map.insert(Rc::clone(key), merged);
    }
    l.depth = l.depth.max(r.depth);
}

impl Div for Val {
    type Output = Result;

    fn div(self, other: Self) -> Result {
        match (self, other) {
            (Self::Num(l), Self::Num(r)) if r.as_f64() == 0.0 => Err(by_zero(l, "divided", r)),
            (Self::Num(l), Self::Num(r)) => match (l, r) {
                (Num::Int(a), Num::Int(b)) if a.checked_rem(b) == Some(0) => {
                    numbers(l, "/", r, i128::checked_div, |l, r| l / r)
                }
                _ => floats(l, "/", r, |l, r| l / r),
            },
            (Self::Str(l), Self::Str(r)) => Ok(split(&l, &r)),
            (l, r) => Err(failed(&l, &r, "cannot be divided")),
        }
    }
}

fn by_zero(l: Num, how: &str, r: Num) -> Error<Val> {
    let why = format!("cannot be {how} because the divisor is zero");
    failed(&Val::Num(l), &Val::Num(r), &why)
}

/// An operation is not defined for its operands, in jq's words.
fn failed(l: &Val, r: &Val, why: &str) -> Error<Val> {
    Error::str(format_args!("{} and {} {why}", l.described(), r.described()))
}

fn split(text: &str, separator: &str) -> Val {
    if text.is_empty() {
        return Val::array(Vec::new());
    }
    if separator.is_empty() {
        return text.chars().map(|c| Val::text(c.to_string())).collect();
    }
    text.split(separator).map(Val::text).collect()
}

impl Rem for Val {
    type Output = Result;

    /// Of the whole parts, with the sign of the left one.
    fn rem(self, other: Self) -> Result {
        let (Self::Num(l), Self::Num(r)) = (&self, &other) else {
            return Err(failed(&self, &other, "cannot be divided (remainder)"));
        };
        match (l.truncated(), r.truncated()) {
            (Some(_), Some(0)) => Err(by_zero(*l, "divided (remainder)", *r)),
            // No larger than either of them, except that a float is saturated to 128 bits first.
            (Some(a), Some(b)) => match Num::int(a.checked_rem(b).unwrap_or(0)) {
                Some(rest) if is_whole(*l) && is_whole(*r) => Ok(Self::Num(rest)),
                _ => Err(inexact(*l, "%", *r, "a number is too large")),
            },
            _ => Ok(Self::Num(Num::Float(f64::NAN))),
        }
    }
}

/// Whether the whole part of a number fits in 128 bits; infinity stands for the largest, as in jq.
fn is_whole(n: Num) -> bool {
    let float = n.as_f64().abs();
    matches!(n, Num::Int(_)) || float < 1.7e38 || float.is_infinite()
}

impl Neg for Val {
    type Output = Result;

    fn neg(self) -> Result {
        match self {
            Self::Num(Num::Int(i)) => Num::int(-i).map(Self::Num).ok_or_else(|| {
                Error::str(format_args!("cannot negate {i}: the result has more than 64 bits"))
            }),
            Self::Num(Num::Float(f)) => Ok(Self::Num(Num::Float(-f))),
            other => Err(Error::str(format_args!("{} cannot be negated", other.described()))),
        }
    }
}
