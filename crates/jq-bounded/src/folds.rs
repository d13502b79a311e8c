//! `reduce` and `foreach` where an update has none or several outputs.

use jaq_core::box_iter::box_once;
use jaq_core::native::Fun;
use jaq_core::{Bind, Native, ValXs};

use super::budget::pay_work;
use super::running_program::JqData;
use super::value::JqValue;

pub(super) fn fold_filters() -> Vec<Fun<JqData>> {
    vec![
        (
            "!last",
            [Bind::Fun(())].into(),
            Native::new(|mut cv| {
                let (filter, context) = cv.0.pop_fun();
                let last = filter.run((context, cv.1)).try_fold(JqValue::Null, |_, output| {
                    pay_work(1);
                    output
                });
                box_once(last)
            })
            .with_paths(|mut cv| {
                let (filter, context) = cv.0.pop_fun();
                let last = filter.paths((context, cv.1)).try_fold(None, |_, output| {
                    pay_work(1);
                    output.map(Some)
                });
                Box::new(last.transpose().into_iter())
            }),
        ),
        (
            "!foreach",
            [Bind::Var(()), Bind::Fun(()), Bind::Fun(())].into(),
            Native::new(|mut cv| {
                let step = cv.0.pop_fun();
                let (items, context) = cv.0.pop_fun();
                let state = cv.0.pop_var();
                let items = items.run((context, cv.1));
                fold_states(items, state, move |state, item| {
                    let (filter, context) = &step;
                    filter.run((context.clone(), JqValue::from_items(vec![state, item])))
                })
            }),
        ),
    ]
}

/// `[state, item]` for each output of the update. An update continues from the last output of the
/// previous one; from null if that had none.
fn fold_states<'a>(
    mut items: ValXs<'a, JqValue>,
    mut state: JqValue,
    update: impl Fn(JqValue, JqValue) -> ValXs<'a, JqValue> + 'a,
) -> ValXs<'a, JqValue> {
    let mut current: Option<(JqValue, ValXs<'a, JqValue>)> = None;
    Box::new(std::iter::from_fn(move || {
        loop {
            if let Some((item, outputs)) = &mut current {
                match outputs.next() {
                    Some(Ok(output)) => {
                        state = output.clone();
                        return Some(Ok(JqValue::from_items(vec![output, item.clone()])));
                    }
                    Some(Err(error)) => return Some(Err(error)),
                    None => current = None,
                }
            }
            let item = match items.next()? {
                Ok(item) => item,
                Err(error) => return Some(Err(error)),
            };
            let before = std::mem::replace(&mut state, JqValue::Null);
            current = Some((item.clone(), update(before, item)));
        }
    }))
}
