//! What filters, tests and functions take: the types of their operands, how many arguments, of
//! which types.

use self::Of::{Alone, Always, InputOrArgument};
use crate::definition::Kinds;

/// The result of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Always of these types.
    Always(Kinds),
    /// Of these types, unless an argument (a default or a start value) makes it another.
    Alone(Kinds),
    /// Its input, or its first argument; an empty text without one.
    InputOrArgument,
}

/// What calculations take.
pub(super) const NUMERIC: Kinds = Kinds::NUMBER.or(Kinds::BOOLEAN);

/// A filter: its name, its result, the types that it takes, and the fewest and most arguments.
pub(super) type Filter = (&'static str, Of, Kinds, usize, usize);

/// What has a length.
pub(super) const COUNTED: Kinds = Kinds::STRING.or(Kinds::ARRAY).or(Kinds::OBJECT);
/// What a loop can go over.
pub(super) const ITERABLE: Kinds = COUNTED.or(Kinds::NULL);
/// As many arguments as one likes.
const MANY: usize = usize::MAX;

/// Every filter.
pub(super) const FILTERS: &[Filter] = &[
    ("abs", Always(Kinds::NUMBER), NUMERIC, 0, 0),
    ("attr", Always(Kinds::ALL), Kinds::ALL, 1, 1),
    ("batch", Always(Kinds::ARRAY), ITERABLE, 1, 2),
    ("bool", Always(Kinds::BOOLEAN), Kinds::ALL, 0, 0),
    ("capitalize", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("chain", Always(Kinds::ARRAY.or(Kinds::OBJECT)), Kinds::ALL, 0, MANY),
    ("count", Always(Kinds::INTEGER), COUNTED, 0, 0),
    ("d", InputOrArgument, Kinds::ALL, 0, 2),
    ("default", InputOrArgument, Kinds::ALL, 0, 2),
    ("dictsort", Always(Kinds::ARRAY), Kinds::OBJECT, 0, 0),
    ("first", Always(Kinds::ALL), ITERABLE, 0, 0),
    ("float", Alone(Kinds::NUMBER), Kinds::ALL, 0, 2),
    ("format", Always(Kinds::STRING), Kinds::STRING, 0, MANY),
    ("fromjson", Always(Kinds::ALL), Kinds::STRING, 0, 0),
    ("groupby", Always(Kinds::ARRAY), ITERABLE, 0, 1),
    ("indent", Always(Kinds::STRING), Kinds::STRING, 0, 3),
    ("int", Alone(Kinds::INTEGER), Kinds::ALL, 0, 2),
    ("items", Always(Kinds::ARRAY), Kinds::OBJECT, 0, 0),
    ("join", Always(Kinds::STRING), ITERABLE, 0, 2),
    ("last", Always(Kinds::ALL), ITERABLE, 0, 0),
    ("length", Always(Kinds::INTEGER), COUNTED, 0, 0),
    ("lines", Always(Kinds::ARRAY), Kinds::STRING, 0, 0),
    ("list", Always(Kinds::ARRAY), ITERABLE, 0, 0),
    ("lower", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("map", Always(Kinds::ARRAY), ITERABLE, 0, MANY),
    ("max", Always(Kinds::ALL), ITERABLE, 0, 0),
    ("min", Always(Kinds::ALL), ITERABLE, 0, 0),
    ("reject", Always(Kinds::ARRAY), ITERABLE, 0, MANY),
    ("rejectattr", Always(Kinds::ARRAY), ITERABLE, 1, MANY),
    ("replace", Always(Kinds::STRING), Kinds::ALL, 2, 2),
    ("reverse", Always(Kinds::ARRAY.or(Kinds::STRING).or(Kinds::NULL)), ITERABLE, 0, 0),
    ("round", Always(Kinds::NUMBER), NUMERIC, 0, 2),
    ("select", Always(Kinds::ARRAY), ITERABLE, 0, MANY),
    ("selectattr", Always(Kinds::ARRAY), ITERABLE, 1, MANY),
    ("slice", Always(Kinds::ARRAY), ITERABLE, 1, 2),
    ("sort", Always(Kinds::ARRAY), ITERABLE, 0, 0),
    ("split", Always(Kinds::ARRAY), Kinds::STRING, 0, 2),
    ("string", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("sum", Alone(Kinds::NUMBER), ITERABLE, 0, 2),
    ("title", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("tojson", Always(Kinds::STRING), Kinds::ALL, 0, 1),
    ("trim", Always(Kinds::STRING), Kinds::STRING, 0, 1),
    ("unique", Always(Kinds::ARRAY), ITERABLE, 0, 0),
    ("upper", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("urlencode", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("zip", Always(Kinds::ARRAY), Kinds::ALL, 0, MANY),
];

/// The types that arguments of filters, tests and functions must have, by their place.
pub(super) const ARGUMENTS: &[(&str, &[Kinds])] = &[
    ("batch", &[NUMERIC]),
    ("divisibleby", &[NUMERIC]),
    ("range", &[NUMERIC, NUMERIC.or(Kinds::NULL), NUMERIC.or(Kinds::NULL)]),
    ("replace", &[Kinds::STRING, Kinds::STRING]),
    ("round", &[NUMERIC.or(Kinds::NULL)]),
    ("slice", &[NUMERIC]),
    ("split", &[Kinds::STRING.or(Kinds::NULL), NUMERIC.or(Kinds::NULL)]),
    ("trim", &[Kinds::STRING.or(Kinds::NULL)]),
];
