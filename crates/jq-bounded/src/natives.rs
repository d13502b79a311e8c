//! Filters that are not written in jq: those of the library that only compute, and ours.

use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{Error, RunPtr, ValR};

use super::budget::{pay_reading, pay_text, pay_units};
use super::convert::from_json;
use super::indices::find_indices;
use super::library::standard_library;
use super::patterns;
use super::running_program::JqData;
use super::value::{JqNumber, JqValue};

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
pub(super) fn all_filters() -> impl Iterator<Item = Fun<JqData>> {
    let library = jaq_core::funs().chain(jaq_std::funs());
    let kept = library.filter(|(name, _, _): &Fun<JqData>| !REFUSED.contains(name));
    let renamed = kept.map(|(name, args, code): Fun<JqData>| {
        let new = RENAMED.iter().find(|(old, arity, _)| *old == name && *arity == args.len());
        (new.map_or(name, |(_, _, new)| *new), args, code)
    });
    let own = own_filters().chain(super::text::text_filters()).chain(super::time::time_filters());
    let own = own
        .chain(patterns::regex_filters())
        .chain(super::paths::path_filters())
        .chain(super::folds::fold_filters());
    renamed.chain(own)
}

fn own_filters() -> impl Iterator<Item = Fun<JqData>> {
    let filters: [Filter<RunPtr<JqData>>; 13] = [
        ("_unfit", v(1), |cv| unary(cv, |value, why| Err(unfit_value(&value, &why)))),
        ("builtins", v(0), |_| bome(Ok(filter_names()))),
        ("nan", v(0), |_| bome(Ok(JqValue::Num(JqNumber::Float(f64::NAN))))),
        ("infinite", v(0), |_| bome(Ok(JqValue::Num(JqNumber::Float(f64::INFINITY))))),
        ("isnan", v(0), |cv| bome(Ok(JqValue::Bool(cv.1.is_nan())))),
        ("type", v(0), |cv| bome(Ok(JqValue::from_text(cv.1.type_name())))),
        ("length", v(0), |cv| bome(value_length(&cv.1))),
        ("fromjson", v(0), |cv| bome(from_json_text(&cv.1))),
        ("tojson", v(0), |cv| bome(Ok(JqValue::from_text(cv.1.to_json_text())))),
        ("contains", v(1), |cv| unary(cv, |l, r| contains_value(&l, &r).map(JqValue::Bool))),
        ("has", v(1), |cv| unary(cv, |value, key| has_key(&value, &key))),
        ("indices", v(1), |cv| unary(cv, |value, part| find_indices(&value, &part))),
        ("bsearch", v(1), |cv| unary(cv, |list, item| search_sorted(&list, &item))),
    ];
    filters.into_iter().map(run::<JqData>)
}

/// The error of a value that a filter cannot use.
fn unfit_value(value: &JqValue, why: &JqValue) -> Error<JqValue> {
    let JqValue::Str(why) = why else { return Error::new(why.clone()) };
    Error::str(format_args!("{} {why}", value.describe_value()))
}

/// `name/arity` of all filters.
fn filter_names() -> JqValue {
    let natives = all_filters().map(|(name, args, _)| (name, args.len()));
    let defined = standard_library().iter().map(|def| (def.name, def.args.len()));
    let public = natives.chain(defined).filter(|(name, _)| !name.starts_with(['_', '!', '@']));
    let mut names: Vec<JqValue> =
        public.map(|(name, arity)| JqValue::from_text(format!("{name}/{arity}"))).collect();
    names.sort();
    names.dedup();
    JqValue::from_items(names)
}

fn value_length(value: &JqValue) -> ValR<JqValue> {
    Ok(match value {
        JqValue::Null => JqValue::from_count(0),
        JqValue::Bool(_) => {
            return Err(Error::str(format_args!("{} has no length", value.describe_value())));
        }
        // The absolute value of every integer of 64 bits has at most 64 bits.
        JqValue::Num(JqNumber::Int(i)) => JqValue::Num(JqNumber::Int(i.abs())),
        JqValue::Num(JqNumber::Float(f)) => JqValue::Num(JqNumber::Float(f.abs())),
        JqValue::Str(text) => {
            pay_text(text.len());
            JqValue::from_count(text.chars().count())
        }
        JqValue::Arr(array) => JqValue::from_count(array.items.len()),
        JqValue::Obj(object) => JqValue::from_count(object.map.len()),
    })
}

fn from_json_text(text: &JqValue) -> ValR<JqValue> {
    let JqValue::Str(text) = text else {
        return Err(Error::str(format_args!(
            "{} only strings can be parsed",
            text.describe_value()
        )));
    };
    pay_text(text.len());
    let json = text.strip_prefix('\u{feff}').unwrap_or(text);
    // jq writes "not a number" as null and reads it so, with any digits behind.
    let payload = json.trim().strip_prefix("nan");
    if payload.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit())) {
        return Ok(JqValue::Num(JqNumber::Float(f64::NAN)));
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
fn contains_value(l: &JqValue, r: &JqValue) -> Result<bool, Error<JqValue>> {
    pay_units(1);
    Ok(match (l, r) {
        (JqValue::Str(l), JqValue::Str(r)) => {
            pay_text(l.len() + r.len());
            l.contains(r.as_ref())
        }
        (JqValue::Arr(l), JqValue::Arr(r)) => {
            r.items.iter().all(|r| l.items.iter().any(|l| contains_value(l, r).unwrap_or(false)))
        }
        (JqValue::Obj(l), JqValue::Obj(r)) => r.map.iter().all(|(key, r)| {
            pay_reading(key.len());
            l.map.get(key).is_some_and(|l| contains_value(l, r).unwrap_or(false))
        }),
        (JqValue::Null | JqValue::Bool(_) | JqValue::Num(_), _) => l == r,
        _ => {
            let (l, r) = (l.describe_value(), r.describe_value());
            let message = format_args!("{l} and {r} cannot have their containment checked");
            return Err(Error::str(message));
        }
    })
}

fn has_key(value: &JqValue, key: &JqValue) -> ValR<JqValue> {
    match (value, key) {
        (JqValue::Obj(object), JqValue::Str(key)) => {
            pay_reading(key.len());
            Ok(JqValue::Bool(object.map.contains_key(key)))
        }
        (JqValue::Arr(array), JqValue::Num(n)) => {
            let at = n.to_integer().and_then(|at| usize::try_from(at).ok());
            Ok(JqValue::Bool(at.is_some_and(|at| at < array.items.len())))
        }
        (JqValue::Null, _) => Ok(JqValue::Bool(false)),
        _ => {
            let (value, key) = (value.type_name(), key.type_name());
            Err(Error::str(format_args!("Cannot check whether {value} has a {key} key")))
        }
    }
}

/// Where an item is in a sorted array; where it is not, -1 minus the place to insert it.
fn search_sorted(list: &JqValue, item: &JqValue) -> ValR<JqValue> {
    let JqValue::Arr(array) = list else {
        return Err(Error::str(format_args!("{} cannot be searched from", list.describe_value())));
    };
    let signed = |at: usize| i128::try_from(at).unwrap_or(i128::MAX);
    let at = array.items.binary_search(item).map_or_else(|at| -1 - signed(at), signed);
    Ok(JqValue::Num(JqNumber::Int(at)))
}
