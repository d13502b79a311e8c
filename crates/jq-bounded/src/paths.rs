//! Changing values at paths as jq does: all paths are found first, then the value is changed path
//! by path, and what has to go is deleted at the end, all at once.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use jaq_core::box_iter::box_once;
use jaq_core::native::{Fun, bome, v};
use jaq_core::path::Opt;
use jaq_core::{Bind, Error, Native, ValR, ValT as _, ValX, ValXs};

use super::budget::{pay_reading, pay_units};
use super::running_program::JqData;
use super::value::{JqNumber, JqValue};
use super::walk::{item_position, slice_bounds, slice_range};

/// The filters on paths. Their closures are terms that [`super::desugar`] writes.
pub(super) fn path_filters() -> impl Iterator<Item = Fun<JqData>> {
    closure_filters().into_iter().chain(value_filters())
}

fn closure_filters() -> Vec<Fun<JqData>> {
    let value_and_filter = || [Bind::Var(()), Bind::Fun(())].into();
    let filter = || [Bind::Fun(())].into();
    vec![
        (
            "!path",
            filter(),
            Native::new(|mut cv| {
                let (filter, context) = cv.0.pop_fun();
                let start = (context, (cv.1, Default::default()));
                Box::new(filter.paths(start).map(|found| {
                    let (_, path) = found?;
                    let mut parts: Vec<JqValue> = path.iter().cloned().collect();
                    parts.reverse();
                    Ok(JqValue::from_items(parts))
                }))
            }),
        ),
        (
            "!modify",
            value_and_filter(),
            Native::new(|mut cv| {
                let (filter, context) = cv.0.pop_fun();
                let paths = cv.0.pop_var();
                let update = |old| filter.run((context.clone(), old));
                box_once(modify_paths(cv.1, &paths, &update))
            }),
        ),
        (
            "!replace",
            value_and_filter(),
            Native::new(|mut cv| {
                let (filter, context) = cv.0.pop_fun();
                let paths = cv.0.pop_var();
                let update = |old| match filter.run((context.clone(), old)).next() {
                    Some(new) => new,
                    None => Ok(JqValue::Null),
                };
                box_once(replace_paths(cv.1, &paths, &update))
            }),
        ),
    ]
}

/// The filters on paths without closures.
fn value_filters() -> Vec<Fun<JqData>> {
    vec![
        (
            "!assign",
            v(2),
            Native::new(|mut cv| {
                let new = cv.0.pop_var();
                let paths = cv.0.pop_var();
                box_once(replace_paths(cv.1, &paths, &|_| Ok(new.clone())))
            }),
        ),
        (
            "setpath",
            v(2),
            Native::new(|mut cv| {
                let new = cv.0.pop_var();
                let path = cv.0.pop_var();
                box_once(match path_parts(&path) {
                    Ok(path) => change_path(cv.1, path, &|_| Ok(new.clone())),
                    Err(error) => Err(error.into()),
                })
            }),
        ),
        (
            "delpaths",
            v(1),
            Native::new(|mut cv| {
                let paths = cv.0.pop_var();
                bome(delete_paths(cv.1, &paths))
            }),
        ),
    ]
}

/// The parts of a path.
fn path_parts(path: &JqValue) -> Result<&[JqValue], Error<JqValue>> {
    match path {
        JqValue::Arr(path) => Ok(&path.items),
        _ => Err(Error::str("Path must be specified as an array")),
    }
}

fn path_list(paths: &JqValue) -> Result<&[JqValue], Error<JqValue>> {
    match paths {
        JqValue::Arr(paths) => Ok(&paths.items),
        _ => Err(Error::str("Paths must be specified as an array")),
    }
}

/// What is at each path, replaced by the first output of the update; without one it is deleted
/// in the end.
fn modify_paths<'a>(
    mut value: JqValue,
    paths: &JqValue,
    update: &dyn Fn(JqValue) -> ValXs<'a, JqValue>,
) -> ValX<'a, JqValue> {
    let mut without = Vec::new();
    for path in path_list(paths)? {
        let is_empty = Cell::new(false);
        value = change_path(value, path_parts(path)?, &|old| match update(old.clone()).next() {
            Some(new) => new,
            None => {
                is_empty.set(true);
                Ok(old)
            }
        })?;
        if is_empty.get() {
            without.push(path.clone());
        }
    }
    match without.is_empty() {
        true => Ok(value),
        false => Ok(delete_paths(value, &JqValue::from_items(without))?),
    }
}

/// What is at each path, replaced. The update has an output, so the old value is moved into it and
/// can be changed in place.
fn replace_paths<'a>(
    mut value: JqValue,
    paths: &JqValue,
    update: &dyn Fn(JqValue) -> ValX<'a, JqValue>,
) -> ValX<'a, JqValue> {
    for path in path_list(paths)? {
        value = change_path(value, path_parts(path)?, update)?;
    }
    Ok(value)
}

/// What is at a path, changed.
fn change_path<'a>(
    value: JqValue,
    path: &[JqValue],
    f: &dyn Fn(JqValue) -> ValX<'a, JqValue>,
) -> ValX<'a, JqValue> {
    pay_units(1);
    match path.split_first() {
        None => f(value),
        Some((part, rest)) => {
            value.map_index(part, Opt::Essential, |old| std::iter::once(change_path(old, rest, f)))
        }
    }
}

/// The value without what is at the paths; indexes count in the value as it was.
fn delete_paths(value: JqValue, paths: &JqValue) -> ValR<JqValue> {
    let mut all = path_list(paths)?.iter().map(path_parts).collect::<Result<Vec<_>, _>>()?;
    all.sort();
    delete_sorted(value, &all)
}

fn delete_sorted(mut value: JqValue, paths: &[&[JqValue]]) -> ValR<JqValue> {
    pay_units(1 + paths.len());
    if paths.iter().any(|path| path.is_empty()) {
        return Ok(JqValue::Null);
    }
    let mut keys = Vec::new();
    for group in paths.chunk_by(|l, r| l[0] == r[0]) {
        let key = &group[0][0];
        if group.iter().any(|path| path.len() == 1) {
            keys.push(key);
            continue;
        }
        if matches!(value.clone().index(key)?, JqValue::Null) {
            continue;
        }
        let rest: Vec<&[JqValue]> = group.iter().map(|path| &path[1..]).collect();
        let deleted = |child| Ok(delete_sorted(child, &rest)?);
        value = change_path(value, std::slice::from_ref(key), &deleted).map_err(|error| {
            error.get_err().unwrap_or_else(|_| Error::str("the deletion was interrupted"))
        })?;
    }
    delete_keys(value, &keys)
}

fn delete_keys(value: JqValue, keys: &[&JqValue]) -> ValR<JqValue> {
    if keys.is_empty() {
        return Ok(value);
    }
    match value {
        JqValue::Null => Ok(JqValue::Null),
        JqValue::Obj(mut object) => {
            pay_units(object.map.len());
            let map = &mut Rc::make_mut(&mut object).map;
            for key in keys {
                let JqValue::Str(key) = key else {
                    return Err(not_deletable(key, "field of object"));
                };
                pay_units(map.len());
                pay_reading(key.len());
                map.shift_remove(key);
            }
            Ok(JqValue::Obj(object))
        }
        JqValue::Arr(mut array) => {
            let len = array.items.len();
            pay_units(len);
            let mut is_deleted = vec![false; len];
            for key in keys {
                let range = deleted_range(key, len)?;
                pay_units(range.len());
                is_deleted[range].fill(true);
            }
            let mut at = 0;
            Rc::make_mut(&mut array).items.retain(|_| {
                at += 1;
                !is_deleted[at - 1]
            });
            Ok(JqValue::Arr(array))
        }
        other => Err(Error::str(format_args!("Cannot delete fields from {}", other.type_name()))),
    }
}

/// The items of an array that a key means; none where it is outside.
fn deleted_range(key: &JqValue, len: usize) -> Result<Range<usize>, Error<JqValue>> {
    match key {
        JqValue::Num(n) => {
            let at = JqNumber::to_integer(*n).and_then(|at| item_position(JqNumber::Int(at), len));
            Ok(at.filter(|at| *at < len).map_or(0..0, |at| at..at + 1))
        }
        JqValue::Obj(object) => slice_range(slice_bounds(object), len).map(|(from, to)| from..to),
        other => Err(not_deletable(other, "element of array")),
    }
}

fn not_deletable(key: &JqValue, what: &str) -> Error<JqValue> {
    Error::str(format_args!("Cannot delete {} {what}", key.type_name()))
}
