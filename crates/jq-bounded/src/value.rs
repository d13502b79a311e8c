//! The values a program works on. Each copy pays from the budget.

use std::cmp::Ordering;
use std::rc::Rc;

use indexmap::IndexMap;

use super::budget::{StopReason, pay_reading, pay_text, pay_units, stop_program};

/// The deepest nesting of a value that a program makes.
#[expect(clippy::cast_possible_truncation, reason = "the limit is small")]
const MAX_DEPTH: u32 = stepwell_core::MAX_VALUE_DEPTH as u32;

/// The longest text that a program makes, in bytes.
pub(super) const MAX_TEXT: usize = 4 * 1024 * 1024;

/// A JSON value as jq sees it.
#[derive(Debug)]
pub(super) enum JqValue {
    Null,
    Bool(bool),
    Num(JqNumber),
    Str(Rc<str>),
    Arr(Rc<JqArray>),
    Obj(Rc<JqObject>),
}

/// An array and how deep it is nested, at least.
#[derive(Debug, Clone, Default)]
pub(super) struct JqArray {
    pub items: Vec<JqValue>,
    pub depth: u32,
}

/// An object and how deep it is nested, at least.
#[derive(Debug, Clone, Default)]
pub(super) struct JqObject {
    pub map: IndexMap<Rc<str>, JqValue>,
    pub depth: u32,
}

/// A number: an exact integer as far as JSON integers of 64 bits go, else a float.
#[derive(Debug, Clone, Copy)]
pub(super) enum JqNumber {
    /// From `i64::MIN` to `u64::MAX`.
    Int(i128),
    Float(f64),
}

impl Clone for JqValue {
    fn clone(&self) -> Self {
        pay_units(1);
        match self {
            Self::Null => Self::Null,
            Self::Bool(b) => Self::Bool(*b),
            Self::Num(n) => Self::Num(*n),
            Self::Str(s) => Self::Str(Rc::clone(s)),
            Self::Arr(a) => Self::Arr(Rc::clone(a)),
            Self::Obj(o) => Self::Obj(Rc::clone(o)),
        }
    }
}

impl JqNumber {
    /// An integer, where it has at most 64 bits.
    pub fn from_integer(i: i128) -> Option<Self> {
        let exact = (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&i);
        exact.then_some(Self::Int(i))
    }

    /// The result of a computation: an integer where it is one. Negative zero stays as it is.
    pub fn from_float(f: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "it is integral and below 2^53")]
        let int = f as i128;
        let is_negative_zero = f == 0.0 && f.is_sign_negative();
        let integral = f.fract() == 0.0 && f.abs() <= 9_007_199_254_740_992.0;
        if integral && !is_negative_zero { Self::Int(int) } else { Self::Float(f) }
    }

    /// As a float, rounded where an integer has more than 53 bits.
    pub fn as_f64(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "rounding is intended")]
            Self::Int(i) => i as f64,
            Self::Float(f) => f,
        }
    }

    /// As a double; `None` where an integer has too many digits for one.
    pub fn exact_f64(self) -> Option<f64> {
        match self {
            Self::Int(i) => {
                let float = self.as_f64();
                #[expect(clippy::cast_possible_truncation, reason = "it has at most 64 bits")]
                let back = float as i128;
                (back == i).then_some(float)
            }
            Self::Float(f) => Some(f),
        }
    }

    /// The integer towards zero; `None` for not a number.
    pub fn to_integer(self) -> Option<i128> {
        match self {
            Self::Int(i) => Some(i),
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            Self::Float(f) => (!f.is_nan()).then_some(f as i128),
        }
    }

    /// As an index: the integer at or below it; `None` for not a number.
    pub fn to_index(self) -> Option<i128> {
        match self {
            Self::Int(i) => Some(i),
            #[expect(clippy::cast_possible_truncation, reason = "saturates, as an index may")]
            Self::Float(f) => (!f.is_nan()).then_some(f.floor() as i128),
        }
    }
}

impl Ord for JqNumber {
    /// Exact also between integers and floats; not a number is the least and equals itself.
    fn cmp(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Self::Int(l), Self::Int(r)) => l.cmp(&r),
            (Self::Float(l), Self::Float(r)) => {
                l.partial_cmp(&r).unwrap_or_else(|| r.is_nan().cmp(&l.is_nan()))
            }
            (Self::Int(l), Self::Float(r)) => compare_mixed(l, r),
            (Self::Float(l), Self::Int(r)) => compare_mixed(r, l).reverse(),
        }
    }
}

/// An integer against a float.
fn compare_mixed(int: i128, float: f64) -> Ordering {
    if float.is_nan() {
        return Ordering::Greater;
    }
    // Saturates beyond what integers reach, where the sign alone decides.
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is checked next")]
    let whole = float.trunc() as i128;
    int.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
}

impl PartialOrd for JqNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for JqNumber {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for JqNumber {}

impl Ord for JqValue {
    /// jq's order: null, booleans, numbers, texts, arrays, objects.
    fn cmp(&self, other: &Self) -> Ordering {
        pay_units(1);
        match (self, other) {
            (Self::Bool(l), Self::Bool(r)) => l.cmp(r),
            (Self::Num(l), Self::Num(r)) => l.cmp(r),
            (Self::Str(l), Self::Str(r)) => {
                pay_text(l.len().min(r.len()));
                l.cmp(r)
            }
            (Self::Arr(l), Self::Arr(r)) => l.items.cmp(&r.items),
            (Self::Obj(l), Self::Obj(r)) => l.compare_entries(r),
            _ => self.type_rank().cmp(&other.type_rank()),
        }
    }
}

impl JqObject {
    /// The sorted keys decide first, then the values in their order.
    fn compare_entries(&self, other: &Self) -> Ordering {
        let sorted = |object: &Self| {
            pay_units(object.map.len());
            let bytes = object.map.keys().fold(0_usize, |sum, key| sum.saturating_add(key.len()));
            let comparisons = object.map.len().checked_ilog2().unwrap_or(0) as usize;
            pay_reading(bytes.saturating_mul(1 + comparisons));
            let mut keys: Vec<Rc<str>> = object.map.keys().cloned().collect();
            keys.sort_unstable();
            keys
        };
        let (l, r) = (sorted(self), sorted(other));
        l.cmp(&r).then_with(|| {
            // The keys are the same, and each is in both.
            let pairs = l.iter().filter_map(|k| Some((self.map.get(k)?, other.map.get(k)?)));
            pairs.map(|(l, r)| l.cmp(r)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        })
    }
}

/// What the operators of a program compare by: in jq, "not a number" is less than itself and not
/// equal to itself. Sorting needs a total order and goes by [`Ord`].
#[expect(clippy::non_canonical_partial_ord_impl, reason = "the operators differ from the order")]
impl PartialOrd for JqValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.is_nan() && other.is_nan() {
            return Some(Ordering::Less);
        }
        Some(self.cmp(other))
    }
}

impl PartialEq for JqValue {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal && !self.is_nan()
    }
}

impl Eq for JqValue {}

impl JqValue {
    /// Whether it is the number that is "not a number".
    pub fn is_nan(&self) -> bool {
        matches!(self, Self::Num(JqNumber::Float(f)) if f.is_nan())
    }

    fn type_rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Num(_) => 2,
            Self::Str(_) => 3,
            Self::Arr(_) => 4,
            Self::Obj(_) => 5,
        }
    }

    /// How deep it is nested, at least.
    pub fn nesting_depth(&self) -> u32 {
        match self {
            Self::Arr(a) => a.depth,
            Self::Obj(o) => o.depth,
            _ => 0,
        }
    }

    /// A text.
    pub fn from_text(text: impl Into<Rc<str>>) -> Self {
        let text = text.into();
        pay_text(text.len());
        Self::Str(text)
    }

    /// An integer.
    pub fn from_count(n: usize) -> Self {
        Self::Num(JqNumber::Int(i128::try_from(n).unwrap_or(i128::MAX)))
    }

    /// An array.
    pub fn from_items(items: Vec<Self>) -> Self {
        let depth = deeper_level(items.iter().map(Self::nesting_depth).max().unwrap_or(0));
        Self::Arr(Rc::new(JqArray { items, depth }))
    }

    /// An object; a later value of a key replaces an earlier one.
    pub fn from_entries(map: IndexMap<Rc<str>, Self>) -> Self {
        pay_units(map.len());
        let depth = deeper_level(map.values().map(Self::nesting_depth).max().unwrap_or(0));
        Self::Obj(Rc::new(JqObject { map, depth }))
    }
}

/// One level more, within the limit.
pub(super) fn deeper_level(depth: u32) -> u32 {
    if depth >= MAX_DEPTH {
        stop_program(StopReason::Depth);
    }
    depth + 1
}
