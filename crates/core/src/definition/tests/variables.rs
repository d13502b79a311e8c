//! Variables of the workspace: which ones a plan names, and how they are written.

use serde_json::{Value, json};

use super::{planned, try_plan};

fn names(source: Value) -> Vec<(String, Option<String>)> {
    let plan = planned(source);
    plan.variables.into_iter().map(|variable| (variable.name, variable.required_at)).collect()
}

#[test]
fn every_expression_is_searched_for_variables() {
    let source = json!({"name": "n", "steps": [
        {"id": "a", "type": "Echo", "when": "vars.WHEN", "input": {"x": "{{ vars.INPUT }} {{ vars.SECOND }}"}},
        {"id": "b", "type": "HttpRequest", "config": {"url": "{{ vars.CONFIG.url }}", "headers": {"A": "{{ vars['HEADER'] }}"}}},
        {"id": "c", "type": "Map", "over": "{{ vars.OVER }}", "steps": [
            {"type": "Echo", "input": "{{ vars.INNER ~ item }}"}], "output": "{{ vars.ITEM_OUTPUT }}"},
        {"id": "d", "type": "Loop", "until": "vars.UNTIL", "pause": "{{ vars.PAUSE }}s", "steps": ["Echo"]},
        {"id": "e", "type": "Branch", "cases": [{"when": "vars.CASE", "steps": ["Echo"]}]},
        {"id": "f", "type": "Echo", "input": 1, "compensate": {"type": "Echo", "input": "{{ vars.UNDO }}"}},
    ], "on_failure": [{"type": "Echo", "input": "{{ vars.FAILURE }}"}],
    "outputs": {"o": "{{ vars.OUTPUT }}", "p": "{{ vars.OPTIONAL | default(1) }}", "q": "{{ vars.INPUT }}"}});
    let found = names(source);
    let all: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "CASE",
        "CONFIG",
        "FAILURE",
        "HEADER",
        "INNER",
        "INPUT",
        "ITEM_OUTPUT",
        "OPTIONAL",
        "OUTPUT",
        "OVER",
        "PAUSE",
        "SECOND",
        "UNDO",
        "UNTIL",
        "WHEN",
    ];
    assert_eq!(all, expected);
    let place = |name: &str| {
        found.iter().find(|(known, _)| known == name).and_then(|(_, place)| place.clone())
    };
    assert_eq!(place("INPUT").as_deref(), Some("steps[0].input.x"));
    assert_eq!(place("OUTPUT").as_deref(), Some("outputs.o"));
    assert_eq!(place("OPTIONAL"), None);
}

#[test]
fn the_name_of_a_variable_is_static() {
    for (text, part) in [
        ("{{ vars[inputs.x] }}", "write the name of one variable, `vars.NAME`"),
        ("{{ vars }}", "write the name of one variable"),
        ("{{ vars[inputs.x] | default(1) }}", "write the name of one variable"),
        ("{{ vars | length }}", "write the name of one variable"),
        ("{% for v in vars %}{% endfor %}", "write the name of one variable"),
        ("{{ vars['a-b'] }}", "`a-b` cannot be the name of a variable: it must have 1 to 64"),
        ("{{ vars[0] }}", "`0` cannot be the name"),
        ("{{ vars._x }}", "`_x` cannot be the name"),
        ("{{ vras.X }}", "there is no `vras`; did you mean `vars`?"),
    ] {
        let source = json!({"name": "n", "steps": [{"type": "Echo", "input": {"x": text}}]});
        let problems = try_plan(&source).unwrap_err();
        let [problem] = problems.as_slice() else { panic!("{text}: {problems:?}") };
        assert!(problem.starts_with("steps[0].input.x: "), "{problem}");
        assert!(problem.contains(part), "{text}: {problem}");
    }
}

#[test]
fn other_variables_of_the_name_are_not_variables_of_the_workspace() {
    let map = json!({"name": "n", "steps": [{"type": "Map", "over": [{"x": 1}], "as": "vars",
        "steps": [{"type": "Echo", "input": "{{ vars.x }}"}]}]});
    assert_eq!(names(map), []);
    let local = json!({"name": "n", "steps": [
        {"type": "Echo", "input": {"t": "{% set vars = {'x': 1} %}{{ vars.x }}"}}]});
    assert_eq!(names(local), []);
}
