//! Conversions of native values to a program's values.

use std::ops::Range;
use std::rc::Rc;

use super::budget::pay_units;
use super::value::{JqNumber, JqValue};

impl From<bool> for JqValue {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<isize> for JqValue {
    fn from(i: isize) -> Self {
        Self::Num(JqNumber::Int(i128::try_from(i).unwrap_or(0)))
    }
}

impl From<usize> for JqValue {
    fn from(n: usize) -> Self {
        Self::from_count(n)
    }
}

impl From<f64> for JqValue {
    fn from(f: f64) -> Self {
        Self::Num(JqNumber::from_float(f))
    }
}

impl From<String> for JqValue {
    fn from(text: String) -> Self {
        Self::from_text(text)
    }
}

/// `{start, end}`, as paths name a slice.
impl From<Range<Option<Self>>> for JqValue {
    fn from(range: Range<Option<Self>>) -> Self {
        let bounds = [("start", range.start), ("end", range.end)];
        let given = bounds.into_iter().filter_map(|(name, at)| Some((Rc::from(name), at?)));
        Self::from_entries(given.collect())
    }
}

impl FromIterator<Self> for JqValue {
    fn from_iter<T: IntoIterator<Item = Self>>(items: T) -> Self {
        // Each is paid for before it is kept.
        Self::from_items(items.into_iter().inspect(|_| pay_units(1)).collect())
    }
}
