//! Sample expressions for tests that attack the evaluator.

use super::operations::{
    CONCAT, DIVIDE, DIVIDE_WHOLE, FILTERS, FUNCTIONS, INDEX, ITERATE, MEMBER, MINUS, PLUS, POWER,
    REMAINDER, SLICE, SYNTAX, TESTS, TIMES, WEIGH,
};

/// The written forms of a syntax operation. A unit test fails for an operation without one.
fn syntax_samples(name: &str) -> &'static [&'static str] {
    match name {
        CONCAT => &["inputs.a ~ inputs.b"],
        INDEX => &["inputs.a[inputs.b]", "inputs.a[-1]", "inputs.a[inputs.b][inputs.c]"],
        ITERATE => &["inputs.a"],
        MEMBER => &["inputs.a[inputs.b] | default(1)", "inputs.a.x[inputs.b] is defined"],
        DIVIDE => &["inputs.a / inputs.b"],
        DIVIDE_WHOLE => &["inputs.a // inputs.b"],
        MINUS => &["inputs.a - inputs.b"],
        PLUS => &["inputs.a + inputs.b"],
        POWER => &["inputs.a ** inputs.b"],
        REMAINDER => &["inputs.a % inputs.b"],
        SLICE => &["inputs.a[inputs.b:inputs.c]", "inputs.a[::-1]"],
        TIMES => &["inputs.a * inputs.b"],
        WEIGH => &[
            "-inputs.a",
            "inputs.a == inputs.b",
            "inputs.a < inputs.b <= inputs.c",
            "inputs.a in inputs.b",
            "inputs.a not in inputs.b",
            "not inputs.a",
            "inputs.a and inputs.b or inputs.c",
            "[inputs.a, inputs.b]",
            "{'k': inputs.a}",
            "{inputs.a: 1}",
            "{inputs.a: 1, inputs.b: 2}",
            "{inputs.a: inputs.b}[inputs.c]",
            "{[inputs.a]: 1}",
            "dict(*[inputs.a])",
            "inputs.a if inputs.b else inputs.c",
            "loop.changed(inputs.a)",
            "loop.cycle(inputs.a, inputs.b)",
        ],
        _ => &[],
    }
}

/// Expressions over the inputs `a`, `b` and `c` that use every operation in every form. Those that
/// begin with `loop.` are valid in a `for` loop only.
///
/// They come from the table of operations, so that tests cover a new operation without a change.
#[must_use]
pub fn sample_expressions() -> Vec<String> {
    let arguments = ["", "(inputs.b)", "(inputs.b, inputs.c)", "(attribute=inputs.b)"];
    let mut all = Vec::new();
    for name in FILTERS {
        all.extend(arguments.map(|arguments| format!("inputs.a | {name}{arguments}")));
        all.push(format!("inputs.a | map('{name}') | list"));
        all.push(format!("inputs.a | map('{name}', inputs.b) | list"));
    }
    for name in TESTS {
        let word = name.chars().all(char::is_alphabetic);
        if word {
            all.extend(["", "(inputs.b)"].map(|b| format!("inputs.a is {name}{b}")));
        }
        all.push(format!("inputs.a | select('{name}', inputs.b) | list"));
    }
    for name in FUNCTIONS {
        all.extend(arguments.map(|arguments| match arguments {
            "" => format!("{name}(inputs.a)"),
            some => format!("{name}{}", some.replace('(', "(inputs.a, ")),
        }));
        all.push(format!("{name}(inputs.a, inputs.b, inputs.c)"));
    }
    all.extend(SYNTAX.iter().flat_map(|name| syntax_samples(name)).map(|text| (*text).to_owned()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_syntax_operation_has_a_sample() {
        for name in SYNTAX {
            assert!(!syntax_samples(name).is_empty(), "{name}: add a sample to syntax_samples");
        }
    }
}
