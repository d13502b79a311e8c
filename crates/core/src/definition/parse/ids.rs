//! The ids of steps: those that were given are checked, the others made.

use std::collections::{BTreeMap, BTreeSet};

use super::walk::ParseWalk;
use crate::definition::model::{StepDefinition, StepRole};
use crate::definition::step_id::is_id;

/// Fills in the ids that are empty and finds those that are there twice.
pub(super) fn assign_ids(walk: &mut ParseWalk, steps: &mut [StepDefinition]) {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    for step in steps.iter().filter(|step| !step.id.is_empty()) {
        if let Some(first) = taken.get(&step.id) {
            let message =
                format!("the id `{}` is already that of {first}; write another one", step.id);
            walk.add_problem(&format!("{}.id", step.path), message);
        } else {
            taken.insert(step.id.clone(), &step.path);
        }
    }
    let mut taken: BTreeSet<String> = taken.into_keys().collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let unnamed = steps.iter_mut().filter(|step| step.id.is_empty() && step.role.is_regular());
    for step in unnamed {
        let base = from_type(&step.type_name);
        let count = counts.entry(base.clone()).or_insert(0);
        loop {
            *count += 1;
            let id = if *count == 1 { base.clone() } else { format!("{base}_{count}") };
            if taken.insert(id.clone()) {
                step.id = id;
                break;
            }
        }
    }
    for position in 0..steps.len() {
        let StepRole::Compensation(of) = steps[position].role else { continue };
        // No other step has such an id, because of the dot.
        steps[position].id = format!("{}.compensation", steps[of].id);
    }
}

/// `TextOperation.RegexExtract` makes `regex_extract`.
fn from_type(type_name: &str) -> String {
    let last = type_name.rsplit('.').next().unwrap_or_default();
    let chars: Vec<char> = last.chars().take(48).collect();
    let mut id = String::new();
    for (i, c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| chars.get(i));
        let starts_word = c.is_ascii_uppercase()
            && before.is_some_and(|b| {
                b.is_ascii_lowercase()
                    || b.is_ascii_digit()
                    || (b.is_ascii_uppercase()
                        && chars.get(i + 1).is_some_and(char::is_ascii_lowercase))
            });
        if starts_word {
            id.push('_');
        }
        match c {
            c if c.is_ascii_alphanumeric() => id.push(c.to_ascii_lowercase()),
            _ => id.push('_'),
        }
    }
    if is_id(&id) { id } else { "step".into() }
}

#[cfg(test)]
mod tests {
    use super::from_type;

    #[test]
    fn ids_from_types() {
        for (name, id) in [
            ("TextOperation.Reverse", "reverse"),
            ("StaticTextInput", "static_text_input"),
            ("HttpRequest", "http_request"),
            ("Json.Parse", "parse"),
            ("HTTPRequest", "http_request"),
            ("A.", "step"),
            ("Ünï", "_n_"),
            ("9x", "step"),
        ] {
            assert_eq!(from_type(name), id, "{name}");
        }
    }
}
