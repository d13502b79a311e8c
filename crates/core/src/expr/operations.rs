//! Every operation that an expression can reach, with what it costs.
//!
//! Nothing else is reachable: the environment is built from these tables, and the guard refuses
//! every other name and rewrites every operator to one of them. An operation is charged before it
//! runs; a property test compares the time that each takes with what it was charged.

use minijinja::value::{Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Error, State, filters, functions, tests};

use super::json_node::JsonNode;
use super::meter;
use super::weight::weigh_value;
use super::{dates, filters as own, numbers, operators};

/// What an operation is charged before it runs. All forms include the weight of every operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OperationCost {
    /// Nothing further: the work grows no faster than the operands.
    Operands,
    /// A fixed amount: the work is the same for every operand, but not small.
    Fixed(u64),
    /// For each item of the first operand: a list entry and the weight of the other operands.
    PerItem,
    /// The weight of the first operand once more for each doubling of its items, as sorting does,
    /// and [`OperationCost::PerItem`].
    Sorted,
    /// The function charges for itself, since it reads less or makes more than its operands;
    /// not even their weight is charged for it.
    Own,
}

/// How an operation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OperationKind {
    /// `value | name`.
    Filter,
    /// `value is name`.
    Test,
    /// `name(value)`.
    Function,
    /// Syntax: the guard writes a call of this function in its place. No source can contain its
    /// name.
    Syntax,
}

/// One operation.
pub(super) struct Operation {
    pub(super) kind: OperationKind,
    pub(super) name: &'static str,
    pub(super) cost: OperationCost,
    pub(super) function: Value,
}

/// Returns its argument once all of it is paid for: the operands of comparisons.
pub(super) const WEIGH: &str = "<weigh>";
/// `left * right`.
pub(super) const TIMES: &str = "<times>";
/// `left + right`.
pub(super) const PLUS: &str = "<plus>";
/// `left - right`.
pub(super) const MINUS: &str = "<minus>";
/// `left / right`.
pub(super) const DIVIDE: &str = "<divide>";
/// `left // right`.
pub(super) const DIVIDE_WHOLE: &str = "<divide whole>";
/// `left % right`.
pub(super) const REMAINDER: &str = "<remainder>";
/// `left ** right`.
pub(super) const POWER: &str = "<power>";
/// `left ~ right`.
pub(super) const CONCAT: &str = "<concat>";
/// `value[start:stop:step]`.
pub(super) const SLICE: &str = "<slice>";
/// `value[key]`.
pub(super) const INDEX: &str = "<index>";
/// The member of its first argument that the second names; undefined where there is none.
pub(super) const MEMBER: &str = "<member>";
/// What a loop goes over.
pub(super) const ITERATE: &str = "<iterate>";

macro_rules! operations {
    ($kind:ident: $names:ident, $all:ident, [$($name:expr => $cost:expr, $function:expr;)*]) => {
        /// The names of this kind.
        pub(super) const $names: &[&str] = &[$($name),*];

        fn $all() -> Vec<Operation> {
            vec![$(Operation {
                kind: OperationKind::$kind,
                name: $name,
                cost: $cost,
                function: Value::from_function($function),
            }),*]
        }
    };
}

use OperationCost::{Fixed, Operands, Own, PerItem, Sorted};

operations!(Filter: FILTERS, all_filters, [
    "abs" => Operands, filters::abs;
    "attr" => Own, operators::index_value;
    "batch" => Own, own::batch_items;
    "bool" => Operands, filters::bool;
    "capitalize" => Operands, filters::capitalize;
    "chain" => PerItem, filters::chain;
    "count" => Own, own::value_length;
    "d" => Own, filters::default;
    "date_add" => Fixed(2_000), dates::add_duration;
    "date_diff" => Fixed(2_000), dates::date_difference;
    "date_format" => Fixed(2_000), dates::format_date;
    "date_parse" => Fixed(2_000), dates::parse_date;
    "default" => Own, filters::default;
    "dictsort" => Sorted, filters::dictsort;
    "first" => Own, own::first_item;
    "float" => Operands, numbers::to_double;
    "format" => Own, own::format_text;
    "fromjson" => Own, own::from_json;
    "groupby" => Sorted, filters::groupby;
    "indent" => Own, own::indent_text;
    "int" => Operands, numbers::to_integer;
    "items" => PerItem, filters::items;
    "join" => Own, own::join_items;
    "last" => Own, own::last_item;
    "length" => Own, own::value_length;
    "lines" => Own, own::split_lines;
    "list" => PerItem, filters::list;
    "lower" => Operands, filters::lower;
    "map" => PerItem, filters::map;
    "max" => PerItem, filters::max;
    "min" => PerItem, filters::min;
    "reject" => PerItem, filters::reject;
    "rejectattr" => PerItem, filters::rejectattr;
    "replace" => Own, own::replace_text;
    "reverse" => PerItem, filters::reverse;
    "round" => Fixed(2_000), filters::round;
    "select" => PerItem, filters::select;
    "selectattr" => PerItem, filters::selectattr;
    "slice" => Own, own::slice_columns;
    "sort" => Sorted, filters::sort;
    "split" => Own, own::split_text;
    "string" => Own, own::to_text;
    "sum" => PerItem, own::sum_items;
    "title" => Operands, filters::title;
    "tojson" => Own, own::to_json;
    "trim" => Operands, own::trim_text;
    "unique" => Sorted, filters::unique;
    "upper" => Operands, filters::upper;
    "urlencode" => Operands, filters::urlencode;
    "zip" => PerItem, filters::zip;
]);

operations!(Test: TESTS, all_tests, [
    "!=" => Operands, tests::is_ne;
    "<" => Operands, tests::is_lt;
    "<=" => Operands, tests::is_le;
    "==" => Operands, tests::is_eq;
    ">" => Operands, tests::is_gt;
    ">=" => Operands, tests::is_ge;
    "boolean" => Own, tests::is_boolean;
    "defined" => Own, tests::is_defined;
    "divisibleby" => Operands, own::is_divisible_by;
    "endingwith" => Operands, tests::is_endingwith;
    "eq" => Operands, tests::is_eq;
    "equalto" => Operands, tests::is_eq;
    "even" => Operands, tests::is_even;
    "false" => Own, tests::is_false;
    "float" => Own, tests::is_float;
    "ge" => Operands, tests::is_ge;
    "greaterthan" => Operands, tests::is_gt;
    "gt" => Operands, tests::is_gt;
    "in" => Operands, tests::is_in;
    "int" => Own, tests::is_integer;
    "integer" => Own, tests::is_integer;
    "iterable" => Operands, tests::is_iterable;
    "le" => Operands, tests::is_le;
    "lessthan" => Operands, tests::is_lt;
    "lower" => Operands, tests::is_lower;
    "lt" => Operands, tests::is_lt;
    "mapping" => Own, tests::is_mapping;
    "ne" => Operands, tests::is_ne;
    "none" => Own, tests::is_none;
    "number" => Own, tests::is_number;
    "odd" => Operands, tests::is_odd;
    "sameas" => Operands, tests::is_sameas;
    "sequence" => Own, tests::is_sequence;
    "startingwith" => Operands, tests::is_startingwith;
    "string" => Own, tests::is_string;
    "true" => Own, tests::is_true;
    "undefined" => Own, tests::is_undefined;
    "upper" => Operands, tests::is_upper;
]);

operations!(Function: FUNCTIONS, all_functions, [
    "dict" => Operands, functions::dict;
    "range" => Own, own::create_range;
]);

operations!(Syntax: SYNTAX, all_syntax, [
    CONCAT => Own, operators::concat_text;
    DIVIDE => Operands, numbers::divide_numbers;
    DIVIDE_WHOLE => Operands, numbers::divide_whole;
    INDEX => Own, operators::index_value;
    ITERATE => Own, operators::loop_items;
    MEMBER => Own, operators::find_member;
    MINUS => Operands, numbers::subtract_numbers;
    PLUS => Own, operators::plus_operator;
    POWER => Operands, numbers::raise_power;
    REMAINDER => Operands, numbers::remainder_of;
    SLICE => Own, super::slice::slice_value;
    TIMES => Own, operators::times_operator;
    WEIGH => Operands, |value: Value| value;
]);

/// The names of the filters, tests and functions, for documentation: each list with its title.
#[must_use]
pub fn operation_names() -> [(&'static str, &'static [&'static str]); 3] {
    [("Filters", FILTERS), ("Tests", TESTS), ("Functions", FUNCTIONS)]
}

/// All of them.
pub(super) fn all_operations() -> impl Iterator<Item = Operation> {
    all_filters().into_iter().chain(all_tests()).chain(all_functions()).chain(all_syntax())
}

/// How the function is called from Jinja: charged first, its result materialised and charged.
pub(super) fn charged_call(
    operation: Operation,
) -> impl Fn(&mut State, Rest<ValueOrKwargs>) -> Result<Value, Error> + Send + Sync + 'static {
    let Operation { cost, function, .. } = operation;
    move |state: &mut State, args: Rest<ValueOrKwargs>| {
        let args = args.into_values();
        charge_cost(cost, &args)?;
        let result = function.call(state, &args)?;
        match cost {
            Own => {}
            Operands | Fixed(_) => meter::charge_text(result.as_str().map_or(0, str::len))?,
            PerItem | Sorted => return materialise_result(result),
        }
        Ok(result)
    }
}

fn charge_cost(cost: OperationCost, args: &[Value]) -> Result<(), Error> {
    if cost == Own {
        return meter::charge_units(meter::VALUE);
    }
    let (mut first, mut others) = (0, 0);
    for (i, arg) in args.iter().enumerate() {
        let weight = weigh_value(arg)?;
        if i == 0 { first = weight } else { others += weight }
    }
    let items = || args.first().map_or(Ok(0), item_count);
    let per_item = |items: u64| meter::charge_units(items.saturating_mul(meter::ITEM + others));
    match cost {
        Own | Operands => Ok(()),
        Fixed(units) => meter::charge_units(units),
        PerItem => per_item(items()?),
        Sorted => {
            let items = items()?;
            per_item(items)?;
            meter::charge_units(first.saturating_mul(u64::from(items.max(1).ilog2())))
        }
    }
}

/// How many items an operation over `value` goes through. Text counts by characters.
fn item_count(value: &Value) -> Result<u64, Error> {
    let count = match value.as_str() {
        Some(text) => text.chars().count(),
        None => match (value.len(), value.kind()) {
            (Some(length), _) => length,
            (None, ValueKind::Iterable) => value.try_iter()?.count(),
            (None, _) => 1,
        },
    };
    Ok(count as u64)
}

/// A result whose parts are there: a lazy one would be computed again for each look at it.
fn materialise_result(result: Value) -> Result<Value, Error> {
    if let Some(text) = result.as_str() {
        meter::charge_text(text.len())?;
        return Ok(result);
    }
    let is_stored = || {
        result.downcast_object_ref::<JsonNode>().is_some()
            || result.downcast_object_ref::<Vec<Value>>().is_some()
    };
    match result.kind() {
        ValueKind::Seq | ValueKind::Iterable if !is_stored() => {
            let mut items = Vec::new();
            for item in result.try_iter()?.checked() {
                meter::charge_items(1)?;
                items.push(item?);
            }
            Ok(Value::from(items))
        }
        ValueKind::Map if !is_stored() => {
            let mut pairs = Vec::new();
            for key in result.try_iter()? {
                meter::charge_items(2)?;
                let value = result.get_item(&key)?;
                pairs.push((key, value));
            }
            Ok(Value::from_iter(pairs))
        }
        _ => Ok(result),
    }
}
