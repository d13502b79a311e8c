//! What filters, tests and functions take: the types of their operands, how many arguments, of
//! which types.

use self::ResultType::{Alone, Always, InputOrArgument};
use crate::definition::ValueTypes;

/// The result of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResultType {
    /// Always of these types.
    Always(ValueTypes),
    /// Of these types, unless an argument (a default or a start value) makes it another.
    Alone(ValueTypes),
    /// Its input, or its first argument; an empty text without one.
    InputOrArgument,
}

/// What calculations take.
pub(super) const NUMERIC: ValueTypes = ValueTypes::NUMBER.union_with(ValueTypes::BOOLEAN);

/// A filter: its name, its result, the types that it takes, and the fewest and most arguments.
pub(super) type FilterTypes = (&'static str, ResultType, ValueTypes, usize, usize);

/// What has a length.
pub(super) const COUNTED: ValueTypes =
    ValueTypes::STRING.union_with(ValueTypes::ARRAY).union_with(ValueTypes::OBJECT);
/// What a loop can go over.
pub(super) const ITERABLE: ValueTypes = COUNTED.union_with(ValueTypes::NULL);
/// What filters of dates read: RFC 3339 text, or seconds since 1970.
const DATE: ValueTypes = ValueTypes::STRING.union_with(ValueTypes::NUMBER);
/// An optional text.
const OPTIONAL_TEXT: ValueTypes = ValueTypes::STRING.union_with(ValueTypes::NULL);
/// As many arguments as one likes.
const MANY: usize = usize::MAX;

/// Every filter.
pub(super) const FILTERS: &[FilterTypes] = &[
    ("abs", Always(ValueTypes::NUMBER), NUMERIC, 0, 0),
    ("attr", Always(ValueTypes::ALL), ValueTypes::ALL, 1, 1),
    ("batch", Always(ValueTypes::ARRAY), ITERABLE, 1, 2),
    ("bool", Always(ValueTypes::BOOLEAN), ValueTypes::ALL, 0, 0),
    ("capitalize", Always(ValueTypes::STRING), ValueTypes::ALL, 0, 0),
    ("chain", Always(ValueTypes::ARRAY.union_with(ValueTypes::OBJECT)), ValueTypes::ALL, 0, MANY),
    ("count", Always(ValueTypes::INTEGER), COUNTED, 0, 0),
    ("d", InputOrArgument, ValueTypes::ALL, 0, 2),
    ("date_add", Always(ValueTypes::STRING), DATE, 1, 2),
    ("date_diff", Always(ValueTypes::NUMBER), DATE, 1, 2),
    ("date_format", Always(ValueTypes::STRING), DATE, 1, 2),
    ("date_parse", Always(ValueTypes::STRING), DATE, 0, 2),
    ("default", InputOrArgument, ValueTypes::ALL, 0, 2),
    ("dictsort", Always(ValueTypes::ARRAY), ValueTypes::OBJECT, 0, 0),
    ("first", Always(ValueTypes::ALL), ITERABLE, 0, 0),
    ("float", Alone(ValueTypes::NUMBER), ValueTypes::ALL, 0, 2),
    ("format", Always(ValueTypes::STRING), ValueTypes::STRING, 0, MANY),
    ("fromjson", Always(ValueTypes::ALL), ValueTypes::STRING, 0, 0),
    ("groupby", Always(ValueTypes::ARRAY), ITERABLE, 0, 1),
    ("indent", Always(ValueTypes::STRING), ValueTypes::STRING, 0, 3),
    ("int", Alone(ValueTypes::INTEGER), ValueTypes::ALL, 0, 2),
    ("items", Always(ValueTypes::ARRAY), ValueTypes::OBJECT, 0, 0),
    ("join", Always(ValueTypes::STRING), ITERABLE, 0, 2),
    ("last", Always(ValueTypes::ALL), ITERABLE, 0, 0),
    ("length", Always(ValueTypes::INTEGER), COUNTED, 0, 0),
    ("lines", Always(ValueTypes::ARRAY), ValueTypes::STRING, 0, 0),
    ("list", Always(ValueTypes::ARRAY), ITERABLE, 0, 0),
    ("lower", Always(ValueTypes::STRING), ValueTypes::ALL, 0, 0),
    ("map", Always(ValueTypes::ARRAY), ITERABLE, 0, MANY),
    ("max", Always(ValueTypes::ALL), ITERABLE, 0, 0),
    ("min", Always(ValueTypes::ALL), ITERABLE, 0, 0),
    ("reject", Always(ValueTypes::ARRAY), ITERABLE, 0, MANY),
    ("rejectattr", Always(ValueTypes::ARRAY), ITERABLE, 1, MANY),
    ("replace", Always(ValueTypes::STRING), ValueTypes::ALL, 2, 2),
    (
        "reverse",
        Always(ValueTypes::ARRAY.union_with(ValueTypes::STRING).union_with(ValueTypes::NULL)),
        ITERABLE,
        0,
        0,
    ),
    ("round", Always(ValueTypes::NUMBER), NUMERIC, 0, 2),
    ("select", Always(ValueTypes::ARRAY), ITERABLE, 0, MANY),
    ("selectattr", Always(ValueTypes::ARRAY), ITERABLE, 1, MANY),
    ("slice", Always(ValueTypes::ARRAY), ITERABLE, 1, 2),
    ("sort", Always(ValueTypes::ARRAY), ITERABLE, 0, 0),
    ("split", Always(ValueTypes::ARRAY), ValueTypes::STRING, 0, 2),
    ("string", Always(ValueTypes::STRING), ValueTypes::ALL, 0, 0),
    ("sum", Alone(ValueTypes::NUMBER), ITERABLE, 0, 2),
    ("title", Always(ValueTypes::STRING), ValueTypes::ALL, 0, 0),
    ("tojson", Always(ValueTypes::STRING), ValueTypes::ALL, 0, 1),
    ("trim", Always(ValueTypes::STRING), ValueTypes::STRING, 0, 1),
    ("unique", Always(ValueTypes::ARRAY), ITERABLE, 0, 0),
    ("upper", Always(ValueTypes::STRING), ValueTypes::ALL, 0, 0),
    ("urlencode", Always(ValueTypes::STRING), ValueTypes::ALL, 0, 0),
    ("zip", Always(ValueTypes::ARRAY), ValueTypes::ALL, 0, MANY),
];

/// The types that arguments of filters, tests and functions must have, by their place.
pub(super) const ARGUMENTS: &[(&str, &[ValueTypes])] = &[
    ("batch", &[NUMERIC]),
    ("date_add", &[DATE, OPTIONAL_TEXT]),
    ("date_diff", &[DATE, OPTIONAL_TEXT]),
    ("date_format", &[ValueTypes::STRING, OPTIONAL_TEXT]),
    ("date_parse", &[OPTIONAL_TEXT, OPTIONAL_TEXT]),
    ("divisibleby", &[NUMERIC]),
    (
        "range",
        &[NUMERIC, NUMERIC.union_with(ValueTypes::NULL), NUMERIC.union_with(ValueTypes::NULL)],
    ),
    ("replace", &[ValueTypes::STRING, ValueTypes::STRING]),
    ("round", &[NUMERIC.union_with(ValueTypes::NULL)]),
    ("slice", &[NUMERIC]),
    (
        "split",
        &[ValueTypes::STRING.union_with(ValueTypes::NULL), NUMERIC.union_with(ValueTypes::NULL)],
    ),
    ("trim", &[ValueTypes::STRING.union_with(ValueTypes::NULL)]),
];
