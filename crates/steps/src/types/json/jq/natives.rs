//! Filters that are not written in jq: those of the library that only compute, and ours.

use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{Error, RunPtr, ValR};

use super::budget::{pay, pay_text};
use super::compile::Data;
use super::convert::from_json;
use super::patterns;
use super::text::check_length;
use super::value::{Num, Val};

/// Filters of the library that are left out: they reach outside, depend on the machine, stop the
/// server, or run in a loop that nothing bounds.
const REFUSED: [&str; 12] = [
    "halt",
    "env",
    "now",
    "debug_empty",
    "stderr_empty",
    "localtime",
    "strflocaltime",
    "matches",
    "split_matches",
    "split_",
    "jn",
    "yn",
];

/// All filters a program may use beside those written in jq.
pub(super) fn all() -> impl Iterator<Item = Fun<Data>> {
    let library = jaq_core::funs().chain(jaq_std::funs());
    let kept = library.filter(|(name, _, _): &Fun<Data>| !REFUSED.contains(name));
    kept.chain(own()).chain(patterns::all())
}

fn own() -> impl Iterator<Item = Fun<Data>> {
    let filters: [Filter<RunPtr<Data>>; 11] = [
        ("nan", v(0), |_| bome(Ok(Val::Num(Num::Float(f64::NAN))))),
        ("infinite", v(0), |_| bome(Ok(Val::Num(Num::Float(f64::INFINITY))))),
        ("isnan", v(0), |cv| bome(Ok(Val::Bool(is_nan(&cv.1))))),
        ("length", v(0), |cv| bome(length(&cv.1))),
        ("join", v(1), |cv| unary(cv, |list, separator| join(&list, &separator))),
        ("fromjson", v(0), |cv| bome(from_json_text(&cv.1))),
        ("tojson", v(0), |cv| bome(Ok(Val::text(cv.1.to_json_text())))),
        ("contains", v(1), |cv| unary(cv, |l, r| contains(&l, &r).map(Val::Bool))),
        ("has", v(1), |cv| unary(cv, |value, key| has(&value, &key))),
        ("indices", v(1), |cv| unary(cv, |value, part| indices(&value, &part))),
        ("bsearch", v(1), |cv| unary(cv, |list, item| search(&list, &item))),
    ];
    filters.into_iter().map(run::<Data>)
}

fn is_nan(value: &Val) -> bool {
    matches!(value, Val::Num(Num::Float(f)) if f.is_nan())
}

fn length(value: &Val) -> ValR<Val> {
    Ok(match value {
        Val::Null => Val::count(0),
        Val::Bool(_) => return Err(Error::str(format_args!("{value} has no length"))),
        // The absolute value of every integer of 64 bits has at most 64 bits.
        Val::Num(Num::Int(i)) => Val::Num(Num::Int(i.abs())),
        Val::Num(Num::Float(f)) => Val::Num(Num::Float(f.abs())),
        Val::Str(text) => {
            pay_text(text.len());
            Val::count(text.chars().count())
        }
        Val::Arr(array) => Val::count(array.items.len()),
        Val::Obj(object) => Val::count(object.map.len()),
    })
}

/// The items as one text: null as nothing, numbers and booleans as in JSON.
fn join(list: &Val, separator: &Val) -> ValR<Val> {
    let (Val::Arr(list), Val::Str(separator)) = (list, separator) else {
        return Err(Error::str("join needs an array and a text"));
    };
    let mut joined = String::new();
    for (i, item) in list.items.iter().enumerate() {
        let part = match item {
            Val::Null => String::new(),
            Val::Str(text) => text.as_ref().to_owned(),
            Val::Bool(_) | Val::Num(_) => item.to_json_text(),
            other => return Err(Error::typ(other.clone(), "text")),
        };
        let before = if i > 0 { separator.as_ref() } else { "" };
        pay_text(before.len() + part.len());
        check_length(joined.len() + before.len() + part.len());
        joined.push_str(before);
        joined.push_str(&part);
    }
    Ok(Val::text(joined))
}

fn from_json_text(text: &Val) -> ValR<Val> {
    let Val::Str(text) = text else { return Err(Error::typ(text.clone(), "text")) };
    pay_text(text.len());
    let parsed = stepwell_core::json::from_str(text);
    let parsed =
        parsed.map_err(|error| Error::str(format_args!("cannot parse as JSON: {error}")))?;
    Ok(from_json(&parsed))
}

/// Texts by their parts, arrays and objects by their members, anything else by equality.
fn contains(l: &Val, r: &Val) -> Result<bool, Error<Val>> {
    pay(1);
    Ok(match (l, r) {
        (Val::Str(l), Val::Str(r)) => {
            pay_text(l.len() + r.len());
            l.contains(r.as_ref())
        }
        (Val::Arr(l), Val::Arr(r)) => {
            r.items.iter().all(|r| l.items.iter().any(|l| contains(l, r).unwrap_or(false)))
        }
        (Val::Obj(l), Val::Obj(r)) => r
            .map
            .iter()
            .all(|(key, r)| l.map.get(key).is_some_and(|l| contains(l, r).unwrap_or(false))),
        (Val::Null | Val::Bool(_) | Val::Num(_), _) => l == r,
        _ => {
            let message = format_args!("cannot tell whether {l} contains {r}");
            return Err(Error::str(message));
        }
    })
}

fn has(value: &Val, key: &Val) -> ValR<Val> {
    match (value, key) {
        (Val::Obj(object), Val::Str(key)) => Ok(Val::Bool(object.map.contains_key(key))),
        (Val::Arr(array), Val::Num(n)) => {
            let at = n.floor().and_then(|at| usize::try_from(at).ok());
            Ok(Val::Bool(at.is_some_and(|at| at < array.items.len())))
        }
        _ => Err(Error::index(value.clone(), key.clone())),
    }
}

/// Where a part begins in a text or array, or where an item is in an array.
pub(super) fn indices(value: &Val, part: &Val) -> ValR<Val> {
    Ok(match (value, part) {
        (Val::Null, _) => Val::Null,
        (Val::Str(_), Val::Str(part)) if part.is_empty() => Val::Null,
        (Val::Str(text), Val::Str(part)) => {
            pay_text(text.len() + part.len());
            let mut found = Vec::new();
            for (character, (at, _)) in text.char_indices().enumerate() {
                if text.as_bytes()[at..].starts_with(part.as_bytes()) {
                    pay_text(part.len());
                    found.push(Val::count(character));
                }
            }
            Val::array(found)
        }
        (Val::Arr(_), Val::Arr(part)) if part.items.is_empty() => Val::Null,
        (Val::Arr(array), Val::Arr(part)) => {
            let windows = array.items.windows(part.items.len()).enumerate();
            windows
                .filter(|(_, window)| *window == part.items)
                .map(|(i, _)| Val::count(i))
                .collect()
        }
        (Val::Arr(array), item) => {
            let items = array.items.iter().enumerate();
            items.filter(|(_, other)| *other == item).map(|(i, _)| Val::count(i)).collect()
        }
        _ => return Err(Error::index(value.clone(), part.clone())),
    })
}

/// Where an item is in a sorted array; where it is not, -1 minus the place to insert it.
fn search(list: &Val, item: &Val) -> ValR<Val> {
    let Val::Arr(array) = list else { return Err(Error::typ(list.clone(), "array")) };
    let signed = |at: usize| i128::try_from(at).unwrap_or(i128::MAX);
    let at = array.items.binary_search(item).map_or_else(|at| -1 - signed(at), signed);
    Ok(Val::Num(Num::Int(at)))
}
