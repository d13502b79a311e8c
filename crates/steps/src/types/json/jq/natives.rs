//! Filters that are not written in jq: those of the library that only compute, and ours.

use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{Error, RunPtr, ValR};

use super::budget::{pay, pay_reading, pay_text};
use super::compile::{Data, library};
use super::convert::from_json;
use super::patterns;
use super::value::{Num, Val};
use super::walk::not_indexable;

/// Filters of the interpreter's library that are not used: they reach outside, depend on the
/// machine, stop the server, run in a loop that nothing bounds, or are not as in jq.
const REFUSED: [&str; 25] = [
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
    "fromdateiso8601",
    "todateiso8601",
    "strftime",
    "strptime",
    "gmtime",
    "mktime",
    "ltrimstr",
    "rtrimstr",
    "decode_base64",
    "implode",
    "escape_html",
    "unescape_html",
    "nearbyint",
];

/// Names under which the library's own are used where jq gives the name another meaning.
const RENAMED: [(&str, usize, &str); 5] = [
    ("range", 3, "_range"),
    ("limit", 2, "_limit"),
    ("utf8bytelength", 0, "_utf8bytelength"),
    ("last", 1, "_last_or_empty"),
    ("explode", 0, "_explode"),
];

/// All filters a program may use beside those written in jq.
pub(super) fn all() -> impl Iterator<Item = Fun<Data>> {
    let library = jaq_core::funs().chain(jaq_std::funs());
    let kept = library.filter(|(name, _, _): &Fun<Data>| !REFUSED.contains(name));
    let renamed = kept.map(|(name, args, code): Fun<Data>| {
        let new = RENAMED.iter().find(|(old, arity, _)| *old == name && *arity == args.len());
        (new.map_or(name, |(_, _, new)| *new), args, code)
    });
    let own = own().chain(super::text::all()).chain(super::time::all());
    let own = own.chain(patterns::all()).chain(super::paths::all()).chain(super::folds::all());
    renamed.chain(own)
}

fn own() -> impl Iterator<Item = Fun<Data>> {
    let filters: [Filter<RunPtr<Data>>; 13] = [
        ("_unfit", v(1), |cv| unary(cv, |value, why| Err(unfit(&value, &why)))),
        ("builtins", v(0), |_| bome(Ok(names()))),
        ("nan", v(0), |_| bome(Ok(Val::Num(Num::Float(f64::NAN))))),
        ("infinite", v(0), |_| bome(Ok(Val::Num(Num::Float(f64::INFINITY))))),
        ("isnan", v(0), |cv| bome(Ok(Val::Bool(cv.1.is_nan())))),
        ("type", v(0), |cv| bome(Ok(Val::text(cv.1.kind())))),
        ("length", v(0), |cv| bome(length(&cv.1))),
        ("fromjson", v(0), |cv| bome(from_json_text(&cv.1))),
        ("tojson", v(0), |cv| bome(Ok(Val::text(cv.1.to_json_text())))),
        ("contains", v(1), |cv| unary(cv, |l, r| contains(&l, &r).map(Val::Bool))),
        ("has", v(1), |cv| unary(cv, |value, key| has(&value, &key))),
        ("indices", v(1), |cv| unary(cv, |value, part| indices(&value, &part))),
        ("bsearch", v(1), |cv| unary(cv, |list, item| search(&list, &item))),
    ];
    filters.into_iter().map(run::<Data>)
}

/// The error of a value that a filter cannot use.
fn unfit(value: &Val, why: &Val) -> Error<Val> {
    let Val::Str(why) = why else { return Error::new(why.clone()) };
    Error::str(format_args!("{} {why}", value.described()))
}

/// `name/arity` of all filters.
fn names() -> Val {
    let natives = all().map(|(name, args, _)| (name, args.len()));
    let defined = library().iter().map(|def| (def.name, def.args.len()));
    let public = natives.chain(defined).filter(|(name, _)| !name.starts_with(['_', '!', '@']));
    let mut names: Vec<Val> =
        public.map(|(name, arity)| Val::text(format!("{name}/{arity}"))).collect();
    names.sort();
    names.dedup();
    Val::array(names)
}

fn length(value: &Val) -> ValR<Val> {
    Ok(match value {
        Val::Null => Val::count(0),
        Val::Bool(_) => {
            return Err(Error::str(format_args!("{} has no length", value.described())));
        }
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

fn from_json_text(text: &Val) -> ValR<Val> {
    let Val::Str(text) = text else {
        return Err(Error::str(format_args!("{} only strings can be parsed", text.described())));
    };
    pay_text(text.len());
    let json = text.strip_prefix('\u{feff}').unwrap_or(text);
    // jq writes "not a number" as null and reads it so, with any digits behind.
    let payload = json.trim().strip_prefix("nan");
    if payload.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit())) {
        return Ok(Val::Num(Num::Float(f64::NAN)));
    }
    let parsed = stepwell_core::json::from_str(json).map_err(|error| {
        Error::str(format_args!("{error} (while parsing '{}')", text_start(text)))
    })?;
    Ok(from_json(&parsed))
}

/// The beginning of a text, for an error.
fn text_start(text: &str) -> &str {
    &text[..text.floor_char_boundary(100)]
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
        (Val::Obj(l), Val::Obj(r)) => r.map.iter().all(|(key, r)| {
            pay_reading(key.len());
            l.map.get(key).is_some_and(|l| contains(l, r).unwrap_or(false))
        }),
        (Val::Null | Val::Bool(_) | Val::Num(_), _) => l == r,
        _ => {
            let (l, r) = (l.described(), r.described());
            let message = format_args!("{l} and {r} cannot have their containment checked");
            return Err(Error::str(message));
        }
    })
}

fn has(value: &Val, key: &Val) -> ValR<Val> {
    match (value, key) {
        (Val::Obj(object), Val::Str(key)) => {
            pay_reading(key.len());
            Ok(Val::Bool(object.map.contains_key(key)))
        }
        (Val::Arr(array), Val::Num(n)) => {
            let at = n.truncated().and_then(|at| usize::try_from(at).ok());
            Ok(Val::Bool(at.is_some_and(|at| at < array.items.len())))
        }
        (Val::Null, _) => Ok(Val::Bool(false)),
        _ => {
            let (value, key) = (value.kind(), key.kind());
            Err(Error::str(format_args!("Cannot check whether {value} has a {key} key")))
        }
    }
}

/// How much of a part is compared at each place of a text, in bytes, before it is paid for.
const BYTES_COMPARED_FREE: usize = 16;

/// Where a part begins in a text or array, or where an item is in an array.
pub(super) fn indices(value: &Val, part: &Val) -> ValR<Val> {
    Ok(match (value, part) {
        (Val::Null, _) => Val::Null,
        (Val::Str(_), Val::Str(part)) if part.is_empty() => Val::Null,
        (Val::Str(text), Val::Str(part)) => {
            pay_text(text.len() + part.len());
            let mut found = Vec::new();
            let (text, part) = (text.as_ref(), part.as_bytes());
            let (start, rest) = part.split_at(part.len().min(BYTES_COMPARED_FREE));
            for (character, (at, _)) in text.char_indices().enumerate() {
                let Some(behind) = text.as_bytes()[at..].strip_prefix(start) else { continue };
                pay_reading(rest.len());
                if behind.starts_with(rest) {
                    pay(1);
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
        _ => return Err(not_indexable(value, part)),
    })
}

/// Where an item is in a sorted array; where it is not, -1 minus the place to insert it.
fn search(list: &Val, item: &Val) -> ValR<Val> {
    let Val::Arr(array) = list else {
        return Err(Error::str(format_args!("{} cannot be searched from", list.described())));
    };
    let signed = |at: usize| i128::try_from(at).unwrap_or(i128::MAX);
    let at = array.items.binary_search(item).map_or_else(|at| -1 - signed(at), signed);
    Ok(Val::Num(Num::Int(at)))
}
