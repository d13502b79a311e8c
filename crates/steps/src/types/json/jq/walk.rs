//! How the interpreter makes, takes apart and changes values.

use std::ops::Range;
use std::rc::Rc;

use indexmap::IndexMap;
use jaq_core::box_iter::{BoxIter, box_once};
use jaq_core::path::Opt;
use jaq_core::{Error, Exn, ValR, ValX};

use super::budget::{pay, pay_reading, pay_text, pay_work};
use super::natives::indices;
use super::value::{Num, Obj, Val, deeper};

/// What `.[k] = v` may lengthen an array to.
const MAX_PADDED: usize = 1_000_000;

impl From<bool> for Val {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<isize> for Val {
    fn from(i: isize) -> Self {
        Self::Num(Num::Int(i128::try_from(i).unwrap_or(0)))
    }
}

impl From<usize> for Val {
    fn from(n: usize) -> Self {
        Self::count(n)
    }
}

impl From<f64> for Val {
    fn from(f: f64) -> Self {
        Self::Num(Num::computed(f))
    }
}

impl From<String> for Val {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// `{start, end}`, as paths name a slice.
impl From<Range<Option<Self>>> for Val {
    fn from(range: Range<Option<Self>>) -> Self {
        let bounds = [("start", range.start), ("end", range.end)];
        let given = bounds.into_iter().filter_map(|(name, at)| Some((Rc::from(name), at?)));
        Self::object(given.collect())
    }
}

impl FromIterator<Self> for Val {
    fn from_iter<T: IntoIterator<Item = Self>>(items: T) -> Self {
        // Each is paid for before it is kept.
        Self::array(items.into_iter().inspect(|_| pay(1)).collect())
    }
}

impl jaq_core::ValT for Val {
    fn from_num(text: &str) -> ValR<Self> {
        pay_reading(text.len().saturating_mul(8));
        stepwell_core::json::check_number(text).map_err(Error::str)?;
        let int = text.parse().ok().and_then(Num::int);
        let number = int.or_else(|| text.parse().ok().map(Num::Float));
        number.map(Self::Num).ok_or_else(|| Error::str(format_args!("{text} is no number")))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(entries: I) -> ValR<Self> {
        let mut map = IndexMap::new();
        for (key, value) in entries {
            let key = key.into_key()?;
            pay(1);
            pay_reading(key.len());
            map.insert(key, value);
        }
        Ok(Self::object(map))
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Self, Self), Self>> {
        match self {
            Self::Arr(a) => {
                let items = Rc::unwrap_or_clone(a).items.into_iter().enumerate();
                Box::new(items.map(|(i, item)| Ok((Self::count(i), item))))
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
        pay(1);
        Ok(match (self, index) {
            (Self::Null, Self::Null | Self::Num(_) | Self::Str(_) | Self::Obj(_)) => Self::Null,
            (Self::Arr(a), Self::Num(n)) => {
                let at = n.truncated().and_then(|at| position(Num::Int(at), a.items.len()));
                at.and_then(|at| a.items.get(at).cloned()).unwrap_or(Self::Null)
            }
            (Self::Obj(o), Self::Str(key)) => {
                pay_reading(key.len());
                o.map.get(key).cloned().unwrap_or(Self::Null)
            }
            (Self::Arr(a), Self::Arr(_)) => indices(&Self::Arr(a), index)?,
            (value @ (Self::Arr(_) | Self::Str(_)), Self::Obj(slice)) => {
                return value.range(bounds(slice));
            }
            (value, _) => return Err(not_indexable(&value, index)),
        })
    }

    fn range(self, range: Range<Option<&Self>>) -> ValR<Self> {
        match self {
            Self::Null => Ok(Self::Null),
            Self::Arr(a) => {
                let (from, to) = slice(range, a.items.len())?;
                Ok(a.items[from..to].iter().cloned().collect())
            }
            Self::Str(text) => {
                pay_text(text.len());
                let (from, to) = slice(range, text.chars().count())?;
                Ok(Self::text(text.chars().skip(from).take(to - from).collect::<String>()))
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
                Ok(Self::object(map.collect::<Result<_, Exn<'a, Self>>>()?))
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
            (Self::Null, Self::Num(n)) => set_item(Self::array(Vec::new()), *n, opt, f),
            (array @ Self::Arr(_), Self::Num(n)) => set_item(array, *n, opt, f),
            (value @ (Self::Null | Self::Arr(_)), Self::Obj(slice)) => {
                value.map_range(bounds(slice), opt, f)
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
        let (from, to) = match slice(range, array.items.len()) {
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
        pay(changed.items.len());
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

fn not_iterable(value: &Val) -> Error<Val> {
    Error::str(format_args!("Cannot iterate over {}", value.described()))
}

fn range_refused(value: &Val) -> Error<Val> {
    match value {
        Val::Str(_) => Error::str("Cannot update string slices"),
        _ => Error::str(format_args!("Cannot index {} with object", value.kind())),
    }
}

/// The longest key that an error names.
const NAMED_KEY: usize = 30;

pub(super) fn not_indexable(value: &Val, index: &Val) -> Error<Val> {
    match index {
        Val::Str(key) if key.len() < NAMED_KEY => {
            Error::str(format_args!("Cannot index {} with string \"{key}\"", value.kind()))
        }
        _ => Error::str(format_args!("Cannot index {} with {}", value.kind(), index.kind())),
    }
}

/// jq reads a field before it changes it, so the error is the same, but for slices of texts.
fn not_changeable(value: &Val, index: &Val) -> Error<Val> {
    match (value, index) {
        (Val::Str(_), Val::Obj(_)) => Error::str("Cannot update string slices"),
        _ => not_indexable(value, index),
    }
}

impl Val {
    fn into_key(self) -> Result<Rc<str>, Error<Self>> {
        match self {
            Self::Str(key) => Ok(key),
            other => {
                let found = other.described();
                Err(Error::str(format_args!("Object keys must be strings, not {found}")))
            }
        }
    }
}

/// The value under a key changed; without a result the key goes.
fn set_key<'a, I: Iterator<Item = ValX<'a, Val>>>(
    mut object: Rc<Obj>,
    key: &Rc<str>,
    f: impl Fn(Val) -> I,
) -> ValX<'a, Val> {
    let changed = Rc::make_mut(&mut object);
    pay_reading(key.len().saturating_mul(2));
    // Taken out, so that it is changed in place and not copied.
    let old = changed.map.get_mut(key).map_or(Val::Null, |old| std::mem::replace(old, Val::Null));
    match f(old).next().transpose()? {
        Some(new) => {
            changed.depth = changed.depth.max(deeper(new.depth()));
            changed.map.insert(Rc::clone(key), new);
        }
        None => {
            pay(changed.map.len());
            changed.map.shift_remove(key);
        }
    }
    Ok(Val::Obj(object))
}

/// The item at an index changed; without a result it goes. An index past the end lengthens.
fn set_item<'a, I: Iterator<Item = ValX<'a, Val>>>(
    array: Val,
    index: Num,
    opt: Opt,
    f: impl Fn(Val) -> I,
) -> ValX<'a, Val> {
    let Val::Arr(mut array) = array else {
        return Err(not_indexable(&array, &Val::Num(index)).into());
    };
    let Some(whole) = index.truncated() else {
        let message = "Cannot set array element at NaN index";
        return opt.fail(Val::Arr(array), |_| Error::str(message).into());
    };
    let at = position(Num::Int(whole), array.items.len()).filter(|at| *at < MAX_PADDED);
    let Some(at) = at else {
        let message = match whole < 0 {
            true => "Out of bounds negative array index",
            false => "Array index too large",
        };
        return opt.fail(Val::Arr(array), |_| Error::str(message).into());
    };
    let changed = Rc::make_mut(&mut array);
    let exists = at < changed.items.len();
    let old = changed.items.get_mut(at).map_or(Val::Null, |o| std::mem::replace(o, Val::Null));
    match f(old).next().transpose()? {
        Some(new) => {
            changed.depth = changed.depth.max(deeper(new.depth()));
            if !exists {
                pay(at - changed.items.len());
                changed.items.resize_with(at + 1, || Val::Null);
            }
            changed.items[at] = new;
        }
        None if exists => {
            pay(changed.items.len() - at);
            changed.items.remove(at);
        }
        None => {}
    }
    Ok(Val::Arr(array))
}

/// Where an index points to in something of a length; negative ones count from the end.
pub(super) fn position(index: Num, len: usize) -> Option<usize> {
    let index = index.floor()?;
    let from_end = i128::try_from(len).unwrap_or(i128::MAX);
    usize::try_from(if index < 0 { index.saturating_add(from_end) } else { index }).ok()
}

pub(super) fn bounds(slice: &Obj) -> Range<Option<&Val>> {
    slice.map.get("start")..slice.map.get("end")
}

/// The bounds of a slice within a length: the start rounded down, the end up.
pub(super) fn slice(range: Range<Option<&Val>>, len: usize) -> Result<(usize, usize), Error<Val>> {
    let at = |bound: Option<&Val>, default: usize, round: fn(f64) -> f64| match bound {
        None | Some(Val::Null) => Ok(default),
        Some(Val::Num(n)) => {
            let n = match n {
                Num::Int(_) => *n,
                Num::Float(f) if f.is_nan() => return Ok(default),
                Num::Float(f) => Num::Float(round(*f)),
            };
            Ok(position(n, len).unwrap_or(0).min(len))
        }
        Some(_) => Err(Error::str("Start and end indices of an array slice must be numbers")),
    };
    let from = at(range.start, 0, f64::floor)?;
    let to = at(range.end, len, f64::ceil)?;
    Ok((from, to.max(from)))
}

impl jaq_std::ValT for Val {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self {
            Self::Arr(a) => Ok(Rc::unwrap_or_clone(a).items.into_iter().collect()),
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Self::Num(Num::Int(_)))
    }

    fn as_isize(&self) -> Option<isize> {
        match self {
            Self::Num(Num::Int(i)) => isize::try_from(*i).ok(),
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
                // Whoever asks is about to read it.
                pay_text(text.len());
                Some(text.as_bytes())
            }
            _ => None,
        }
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        Self::text(String::from_utf8_lossy(sub))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::text(String::from_utf8_lossy(bytes.as_ref()))
    }
}
