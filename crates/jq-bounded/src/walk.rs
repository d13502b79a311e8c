//! How the interpreter makes, takes apart and changes values.

use std::ops::Range;
use std::rc::Rc;

use indexmap::IndexMap;
use jaq_core::box_iter::{BoxIter, box_once};
use jaq_core::path::Opt;
use jaq_core::{Error, Exn, ValR, ValX};

use super::budget::{pay_reading, pay_text, pay_units, pay_work};
use super::indices::{find_indices, not_indexable};
use super::value::{JqNumber, JqObject, JqValue, deeper_level};

/// What `.[k] = v` may lengthen an array to.
const MAX_PADDED: usize = 1_000_000;

impl jaq_core::ValT for JqValue {
    fn from_num(text: &str) -> ValR<Self> {
        pay_reading(text.len().saturating_mul(8));
        stepwell_core::json::check_number(text).map_err(Error::str)?;
        let int = text.parse().ok().and_then(JqNumber::from_integer);
        let number = int.or_else(|| text.parse().ok().map(JqNumber::Float));
        number.map(Self::Num).ok_or_else(|| Error::str(format_args!("{text} is no number")))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(entries: I) -> ValR<Self> {
        let mut map = IndexMap::new();
        for (key, value) in entries {
            let key = key.into_key()?;
            pay_units(1);
            pay_reading(key.len());
            map.insert(key, value);
        }
        Ok(Self::from_entries(map))
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Self, Self), Self>> {
        match self {
            Self::Arr(a) => {
                let items = Rc::unwrap_or_clone(a).items.into_iter().enumerate();
                Box::new(items.map(|(i, item)| Ok((Self::from_count(i), item))))
            }
            Self::Obj(o) => {
                let entries = Rc::unwrap_or_clone(o).map.into_iter();
                Box::new(entries.map(|(key, value)| Ok((Self::Str(key), value))))
            }
            other => box_once(Err(not_iterable(&other))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        match self {
            Self::Arr(a) => Box::new(Rc::unwrap_or_clone(a).items.into_iter().map(Ok)),
            Self::Obj(o) => Box::new(Rc::unwrap_or_clone(o).map.into_values().map(Ok)),
            other => box_once(Err(not_iterable(&other))),
        }
    }

    fn index(self, index: &Self) -> ValR<Self> {
        pay_units(1);
        Ok(match (self, index) {
            (Self::Null, Self::Null | Self::Num(_) | Self::Str(_) | Self::Obj(_)) => Self::Null,
            (Self::Arr(a), Self::Num(n)) => {
                let at =
                    n.to_integer().and_then(|at| item_position(JqNumber::Int(at), a.items.len()));
                at.and_then(|at| a.items.get(at).cloned()).unwrap_or(Self::Null)
            }
            (Self::Obj(o), Self::Str(key)) => {
                pay_reading(key.len());
                o.map.get(key).cloned().unwrap_or(Self::Null)
            }
            (Self::Arr(a), Self::Arr(_)) => find_indices(&Self::Arr(a), index)?,
            (value @ (Self::Arr(_) | Self::Str(_)), Self::Obj(slice)) => {
                return value.range(slice_bounds(slice));
            }
            (value, _) => return Err(not_indexable(&value, index)),
        })
    }

    fn range(self, range: Range<Option<&Self>>) -> ValR<Self> {
        match self {
            Self::Null => Ok(Self::Null),
            Self::Arr(a) => {
                let (from, to) = slice_range(range, a.items.len())?;
                Ok(a.items[from..to].iter().cloned().collect())
            }
            Self::Str(text) => {
                pay_text(text.len());
                let (from, to) = slice_range(range, text.chars().count())?;
                Ok(Self::from_text(text.chars().skip(from).take(to - from).collect::<String>()))
            }
            other => Err(range_refused(&other)),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match self {
            Self::Arr(a) => Rc::unwrap_or_clone(a).items.into_iter().flat_map(f).collect(),
            Self::Obj(o) => {
                let entries = Rc::unwrap_or_clone(o).map.into_iter();
                let entries = entries.filter_map(|(key, value)| Some((key, f(value).next()?)));
                let map = entries.map(|(key, value)| Ok((key, value?)));
                Ok(Self::from_entries(map.collect::<Result<_, Exn<'a, Self>>>()?))
            }
            other => opt.fail(other, |value| not_iterable(&value).into()),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match (self, index) {
            (Self::Null, Self::Str(key)) => set_key(Rc::default(), key, f),
            (Self::Obj(object), Self::Str(key)) => set_key(object, key, f),
            (Self::Null, Self::Num(n)) => set_item(Self::from_items(Vec::new()), *n, opt, f),
            (array @ Self::Arr(_), Self::Num(n)) => set_item(array, *n, opt, f),
            (value @ (Self::Null | Self::Arr(_)), Self::Obj(slice)) => {
                value.map_range(slice_bounds(slice), opt, f)
            }
            (value, _) => opt.fail(value, |value| not_changeable(&value, index).into()),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<Option<&Self>>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let mut array = match self {
            Self::Null => Rc::default(),
            Self::Arr(array) => array,
            other => return opt.fail(other, |value| range_refused(&value).into()),
        };
        let (from, to) = match slice_range(range, array.items.len()) {
            Ok(slice) => slice,
            Err(error) => return opt.fail(Self::Arr(array), |_| error.into()),
        };
        let part = array.items[from..to].iter().cloned().collect();
        let new = match f(part).next().transpose()? {
            None | Some(Self::Null) => Rc::default(),
            Some(Self::Arr(new)) => new,
            Some(_) => {
                let message = "A slice of an array can only be assigned another array";
                return Err(Error::str(message).into());
            }
        };
        let changed = Rc::make_mut(&mut array);
        pay_units(changed.items.len());
        changed.items.splice(from..to, new.items.iter().cloned());
        changed.depth = changed.depth.max(new.depth);
        Ok(Self::Arr(array))
    }

    fn as_bool(&self) -> bool {
        // Alternatives take values without a copy.
        pay_work(1);
        !matches!(self, Self::Null | Self::Bool(false))
    }

    fn into_string(self) -> Self {
        self.to_text()
    }
}

fn not_iterable(value: &JqValue) -> Error<JqValue> {
    Error::str(format_args!("Cannot iterate over {}", value.describe_value()))
}

fn range_refused(value: &JqValue) -> Error<JqValue> {
    match value {
        JqValue::Str(_) => Error::str("Cannot update string slices"),
        _ => Error::str(format_args!("Cannot index {} with object", value.type_name())),
    }
}

/// jq reads a field before it changes it, so the error is the same, but for slices of texts.
fn not_changeable(value: &JqValue, index: &JqValue) -> Error<JqValue> {
    match (value, index) {
        (JqValue::Str(_), JqValue::Obj(_)) => Error::str("Cannot update string slices"),
        _ => not_indexable(value, index),
    }
}

impl JqValue {
    fn into_key(self) -> Result<Rc<str>, Error<Self>> {
        match self {
            Self::Str(key) => Ok(key),
            other => {
                let found = other.describe_value();
                Err(Error::str(format_args!("Object keys must be strings, not {found}")))
            }
        }
    }
}

/// The value under a key changed; without a result the key goes.
fn set_key<'a, I: Iterator<Item = ValX<'a, JqValue>>>(
    mut object: Rc<JqObject>,
    key: &Rc<str>,
    f: impl Fn(JqValue) -> I,
) -> ValX<'a, JqValue> {
    let changed = Rc::make_mut(&mut object);
    pay_reading(key.len().saturating_mul(2));
    // Taken out, so that it is changed in place and not copied.
    let old =
        changed.map.get_mut(key).map_or(JqValue::Null, |old| std::mem::replace(old, JqValue::Null));
    match f(old).next().transpose()? {
        Some(new) => {
            changed.depth = changed.depth.max(deeper_level(new.nesting_depth()));
            changed.map.insert(Rc::clone(key), new);
        }
        None => {
            pay_units(changed.map.len());
            changed.map.shift_remove(key);
        }
    }
    Ok(JqValue::Obj(object))
}

/// The item at an index changed; without a result it goes. An index past the end lengthens.
fn set_item<'a, I: Iterator<Item = ValX<'a, JqValue>>>(
    array: JqValue,
    index: JqNumber,
    opt: Opt,
    f: impl Fn(JqValue) -> I,
) -> ValX<'a, JqValue> {
    let JqValue::Arr(mut array) = array else {
        return Err(not_indexable(&array, &JqValue::Num(index)).into());
    };
    let Some(whole) = index.to_integer() else {
        let message = "Cannot set array element at NaN index";
        return opt.fail(JqValue::Arr(array), |_| Error::str(message).into());
    };
    let at = item_position(JqNumber::Int(whole), array.items.len()).filter(|at| *at < MAX_PADDED);
    let Some(at) = at else {
        let message = match whole < 0 {
            true => "Out of bounds negative array index",
            false => "Array index too large",
        };
        return opt.fail(JqValue::Arr(array), |_| Error::str(message).into());
    };
    let changed = Rc::make_mut(&mut array);
    let exists = at < changed.items.len();
    let old =
        changed.items.get_mut(at).map_or(JqValue::Null, |o| std::mem::replace(o, JqValue::Null));
    match f(old).next().transpose()? {
        Some(new) => {
            changed.depth = changed.depth.max(deeper_level(new.nesting_depth()));
            if !exists {
                pay_units(at - changed.items.len());
                changed.items.resize_with(at + 1, || JqValue::Null);
            }
            changed.items[at] = new;
        }
        None if exists => {
            pay_units(changed.items.len() - at);
            changed.items.remove(at);
        }
        None => {}
    }
    Ok(JqValue::Arr(array))
}

/// Where an index points to in something of a length; negative ones count from the end.
pub(super) fn item_position(index: JqNumber, len: usize) -> Option<usize> {
    let index = index.to_index()?;
    let from_end = i128::try_from(len).unwrap_or(i128::MAX);
    usize::try_from(if index < 0 { index.saturating_add(from_end) } else { index }).ok()
}

pub(super) fn slice_bounds(slice: &JqObject) -> Range<Option<&JqValue>> {
    slice.map.get("start")..slice.map.get("end")
}

/// The bounds of a slice within a length: the start rounded down, the end up.
pub(super) fn slice_range(
    range: Range<Option<&JqValue>>,
    len: usize,
) -> Result<(usize, usize), Error<JqValue>> {
    let at = |bound: Option<&JqValue>, default: usize, round: fn(f64) -> f64| match bound {
        None | Some(JqValue::Null) => Ok(default),
        Some(JqValue::Num(n)) => {
            let n = match n {
                JqNumber::Int(_) => *n,
                JqNumber::Float(f) if f.is_nan() => return Ok(default),
                JqNumber::Float(f) => JqNumber::Float(round(*f)),
            };
            Ok(item_position(n, len).unwrap_or(0).min(len))
        }
        Some(_) => Err(Error::str("Start and end indices of an array slice must be numbers")),
    };
    let from = at(range.start, 0, f64::floor)?;
    let to = at(range.end, len, f64::ceil)?;
    Ok((from, to.max(from)))
}

impl jaq_std::ValT for JqValue {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self {
            Self::Arr(a) => Ok(Rc::unwrap_or_clone(a).items.into_iter().collect()),
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Self::Num(JqNumber::Int(_)))
    }

    fn as_isize(&self) -> Option<isize> {
        match self {
            Self::Num(JqNumber::Int(i)) => isize::try_from(*i).ok(),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Num(n) => Some(n.as_f64()),
            _ => None,
        }
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Self::Str(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Str(text) => {
                // The caller is about to read it.
                pay_text(text.len());
                Some(text.as_bytes())
            }
            _ => None,
        }
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        Self::from_text(String::from_utf8_lossy(sub))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::from_text(String::from_utf8_lossy(bytes.as_ref()))
    }
}
