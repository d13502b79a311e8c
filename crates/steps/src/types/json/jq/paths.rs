//! Changing values at paths as jq does: all paths are found first, then the value is changed path
//! by path, and what has to go is deleted at the end, all at once.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use jaq_core::box_iter::box_once;
use jaq_core::native::{Fun, bome, v};
use jaq_core::path::Opt;
use jaq_core::{Bind, Error, Native, ValR, ValT as _, ValX, ValXs};

use super::budget::{pay, pay_reading};
use super::compile::Data;
use super::value::{Num, Val};
use super::walk::{bounds, position, slice};

/// The filters on paths. Their closures are terms that [`super::desugar`] writes.
pub(super) fn all() -> Vec<Fun<Data>> {
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
                    let mut parts: Vec<Val> = path.iter().cloned().collect();
                    parts.reverse();
                    Ok(Val::array(parts))
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
                box_once(modify(cv.1, &paths, &update))
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
                    None => Ok(Val::Null),
                };
                box_once(replace(cv.1, &paths, &update))
            }),
        ),
        (
            "!assign",
            v(2),
            Native::new(|mut cv| {
                let new = cv.0.pop_var();
                let paths = cv.0.pop_var();
                box_once(replace(cv.1, &paths, &|_| Ok(new.clone())))
            }),
        ),
        (
            "setpath",
            v(2),
            Native::new(|mut cv| {
                let new = cv.0.pop_var();
                let path = cv.0.pop_var();
                box_once(match parts(&path) {
                    Ok(path) => change(cv.1, path, &|_| Ok(new.clone())),
                    Err(error) => Err(error.into()),
                })
            }),
        ),
        (
            "delpaths",
            v(1),
            Native::new(|mut cv| {
                let paths = cv.0.pop_var();
                bome(delete(cv.1, &paths))
            }),
        ),
    ]
}

/// The parts of a path.
fn parts(path: &Val) -> Result<&[Val], Error<Val>> {
    match path {
        Val::Arr(path) => Ok(&path.items),
        _ => Err(Error::str("Path must be specified as an array")),
    }
}

fn list(paths: &Val) -> Result<&[Val], Error<Val>> {
    match paths {
        Val::Arr(paths) => Ok(&paths.items),
        _ => Err(Error::str("Paths must be specified as an array")),
    }
}

/// What is at each path, replaced by the first output of the update; without one it is deleted
/// in the end.
fn modify<'a>(
    mut value: Val,
    paths: &Val,
    update: &dyn Fn(Val) -> ValXs<'a, Val>,
) -> ValX<'a, Val> {
    let mut without = Vec::new();
    for path in list(paths)? {
        let is_empty = Cell::new(false);
        value = change(value, parts(path)?, &|old| match update(old.clone()).next() {
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
        false => Ok(delete(value, &Val::array(without))?),
    }
}

/// What is at each path, replaced. The update has an output, so the old value is moved into it and
/// can be changed in place.
fn replace<'a>(
    mut value: Val,
    paths: &Val,
    update: &dyn Fn(Val) -> ValX<'a, Val>,
) -> ValX<'a, Val> {
    for path in list(paths)? {
        value = change(value, parts(path)?, update)?;
    }
    Ok(value)
}

/// What is at a path, changed.
fn change<'a>(value: Val, path: &[Val], f: &dyn Fn(Val) -> ValX<'a, Val>) -> ValX<'a, Val> {
    pay(1);
    match path.split_first() {
        None => f(value),
        Some((part, rest)) => {
            value.map_index(part, Opt::Essential, |old| std::iter::once(change(old, rest, f)))
        }
    }
}

/// The value without what is at the paths; indexes count in the value as it was.
fn delete(value: Val, paths: &Val) -> ValR<Val> {
    let mut all = list(paths)?.iter().map(parts).collect::<Result<Vec<_>, _>>()?;
    all.sort();
    delete_sorted(value, &all)
}

fn delete_sorted(mut value: Val, paths: &[&[Val]]) -> ValR<Val> {
    pay(1 + paths.len());
    if paths.iter().any(|path| path.is_empty()) {
        return Ok(Val::Null);
    }
    let mut keys = Vec::new();
    for group in paths.chunk_by(|l, r| l[0] == r[0]) {
        let key = &group[0][0];
        if group.iter().any(|path| path.len() == 1) {
            keys.push(key);
            continue;
        }
        if matches!(value.clone().index(key)?, Val::Null) {
            continue;
        }
        let rest: Vec<&[Val]> = group.iter().map(|path| &path[1..]).collect();
        let deleted = |child| Ok(delete_sorted(child, &rest)?);
        value = change(value, std::slice::from_ref(key), &deleted).map_err(|error| {
            error.get_err().unwrap_or_else(|_| Error::str("the deletion was interrupted"))
        })?;
    }
    delete_keys(value, &keys)
}

fn delete_keys(value: Val, keys: &[&Val]) -> ValR<Val> {
    if keys.is_empty() {
        return Ok(value);
    }
    match value {
        Val::Null => Ok(Val::Null),
        Val::Obj(mut object) => {
            pay(object.map.len());
            let map = &mut Rc::make_mut(&mut object).map;
            for key in keys {
                let Val::Str(key) = key else { return Err(not_deletable(key, "field of object")) };
                pay(map.len());
                pay_reading(key.len());
                map.shift_remove(key);
            }
            Ok(Val::Obj(object))
        }
        Val::Arr(mut array) => {
            let len = array.items.len();
            pay(len);
            let mut is_deleted = vec![false; len];
            for key in keys {
                let range = deleted_range(key, len)?;
                pay(range.len());
                is_deleted[range].fill(true);
            }
            let mut at = 0;
            Rc::make_mut(&mut array).items.retain(|_| {
                at += 1;
                !is_deleted[at - 1]
            });
            Ok(Val::Arr(array))
        }
        other => Err(Error::str(format_args!("Cannot delete fields from {}", other.kind()))),
    }
}

/// The items of an array that a key means; none where it is outside.
fn deleted_range(key: &Val, len: usize) -> Result<Range<usize>, Error<Val>> {
    match key {
        Val::Num(n) => {
            let at = Num::truncated(*n).and_then(|at| position(Num::Int(at), len));
            Ok(at.filter(|at| *at < len).map_or(0..0, |at| at..at + 1))
        }
        Val::Obj(object) => slice(bounds(object), len).map(|(from, to)| from..to),
        other => Err(not_deletable(other, "element of array")),
    }
}

fn not_deletable(key: &Val, what: &str) -> Error<Val> {
    Error::str(format_args!("Cannot delete {} {what}", key.kind()))
}
