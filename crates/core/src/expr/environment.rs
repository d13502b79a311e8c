//! The one Jinja environment of the process: its filters, tests and functions.

use std::sync::LazyLock;

use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, filters,
    functions, tests,
};

use super::guard::{MEMBER, PLUS, SLICE, TEXT, TIMES, WEIGH};
use super::{filters as own, meter, slice, value};

/// The names an expression may start from.
pub(crate) const ROOTS: &[&str] = &[
    "inputs",
    "steps",
    "state",
    "execution",
    "workflow",
    "secrets",
    "integrations",
    "item",
    "index",
];

/// The functions of the language.
pub(super) const FUNCTIONS: &[&str] = &["range", "dict"];

/// The environment. It holds no templates: they are compiled by `syntax`.
pub(super) fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(build);
    &ENVIRONMENT
}

fn build() -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_fuel(Some(meter::FUEL));
    env.set_recursion_limit(100);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_formatter(write);
    // Names what is undefined in messages.
    env.set_debug(true);
    for (name, filter) in builtin_filters() {
        env.add_filter(name, paid(filter));
    }
    own::add(&mut env);
    for (name, test) in builtin_tests() {
        env.add_test(name, paid(test));
    }
    env.add_function("range", functions::range);
    env.add_function("dict", functions::dict);
    env.add_function(WEIGH, |value: Value| meter::weigh(&value).map(|()| value));
    env.add_function(TEXT, text);
    env.add_function(MEMBER, member);
    env.add_function(PLUS, own::plus);
    env.add_function(TIMES, own::times);
    env.add_function(SLICE, slice::slice);
    env
}

/// How a value is written into text.
fn write(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        meter::charge_text(text.len())?;
        return out.write_str(text).map_err(Error::from);
    }
    out.write_str(&value::to_text(value)?).map_err(Error::from)
}

fn text(value: Value) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "a part of the text is undefined"));
    }
    if value.as_str().is_some() {
        meter::weigh(&value)?;
        return Ok(value);
    }
    value::to_text(&value).map(Value::from)
}

fn member(value: Value, key: Value) -> Result<Value, Error> {
    match value.is_undefined() || value.is_none() {
        true => Ok(Value::UNDEFINED),
        false => value.get_item(&key),
    }
}

/// A builtin filter or test that pays for its arguments before it runs and for text it makes.
fn paid(
    function: Value,
) -> impl Fn(&mut State, Rest<ValueOrKwargs>) -> Result<Value, Error> + Send + Sync + 'static {
    move |state: &mut State, args: Rest<ValueOrKwargs>| {
        let args = args.into_values();
        for arg in &args {
            meter::weigh(arg)?;
        }
        let made = function.call(state, &args)?;
        if let Some(text) = made.as_str() {
            meter::charge_text(text.len())?;
        }
        Ok(made)
    }
}

macro_rules! named {
    ($all:ident, $list:ident, $kind:ident, [$($name:literal => $function:ident),* $(,)?], [$($own:literal),* $(,)?]) => {
        fn $list() -> Vec<(&'static str, Value)> {
            vec![$(($name, Value::from_function($kind::$function))),*]
        }

        /// All names of this kind.
        pub(super) const $all: &[&str] = &[$($name,)* $($own),*];
    };
}

named!(FILTERS, builtin_filters, filters, [
    "lower" => lower, "upper" => upper, "title" => title, "capitalize" => capitalize,
    "length" => length, "count" => length, "dictsort" => dictsort, "items" => items,
    "reverse" => reverse, "trim" => trim, "default" => default, "d" => default,
    "round" => round, "abs" => abs, "int" => int, "float" => float, "attr" => attr,
    "first" => first, "last" => last, "min" => min, "max" => max, "sort" => sort,
    "list" => list, "bool" => bool, "sum" => sum, "select" => select, "reject" => reject,
    "selectattr" => selectattr, "rejectattr" => rejectattr, "map" => map, "groupby" => groupby,
    "unique" => unique, "chain" => chain, "zip" => zip, "urlencode" => urlencode,
], [
    "replace", "join", "split", "lines", "string", "indent", "batch", "slice", "format", "tojson",
    "fromjson",
]);

named!(TESTS, builtin_tests, tests, [
    "undefined" => is_undefined, "defined" => is_defined, "none" => is_none,
    "boolean" => is_boolean, "odd" => is_odd, "even" => is_even,
    "divisibleby" => is_divisibleby, "number" => is_number, "integer" => is_integer,
    "int" => is_integer, "float" => is_float, "string" => is_string,
    "sequence" => is_sequence, "iterable" => is_iterable, "mapping" => is_mapping,
    "startingwith" => is_startingwith, "endingwith" => is_endingwith, "lower" => is_lower,
    "upper" => is_upper, "sameas" => is_sameas, "eq" => is_eq, "equalto" => is_eq,
    "==" => is_eq, "ne" => is_ne, "!=" => is_ne, "lt" => is_lt, "lessthan" => is_lt,
    "<" => is_lt, "le" => is_le, "<=" => is_le, "gt" => is_gt, "greaterthan" => is_gt,
    ">" => is_gt, "ge" => is_ge, ">=" => is_ge, "in" => is_in, "true" => is_true,
    "false" => is_false,
], []);
