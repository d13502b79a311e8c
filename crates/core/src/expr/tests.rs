//! The language as users meet it.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::test_scope::TestScope;
use super::*;

fn scope() -> TestScope {
    TestScope::new(json!({
        "inputs": {
            "text": "häß", "n": 5, "big": u64::MAX, "low": i64::MIN, "f": 3.0, "none": null,
            "z": 1, "a": {"y": 1, "b": [1, 2.5, "x"]}, "rows": [{"n": 3}, {"n": 1}, {"n": 2}],
            "odd-key": 7, "yes": true, "empty": "",
        },
        "steps": {
            "first": {"output": {"text": "out"}, "error": null},
            "my-step": {"output": [1, 2, 3], "error": {"code": "X", "message": "m"}},
        },
        "state": {"count": 2, "list": [1]},
        "execution": {"id": "ex-1"},
    }))
}

fn render(template: Value) -> Result<Value, String> {
    let template = ValueTemplate::compile_value(&template, "here").map_err(|p| p.to_string())?;
    template.render_value(&scope()).map(|v| Value::clone(&v.value)).map_err(|e| e.to_string())
}

#[test]
fn renders_values_and_text() {
    for (template, expected) in [
        (json!("{{ inputs.n }}"), json!(5)),
        (json!("{{ inputs.big }}"), json!(u64::MAX)),
        (json!("{{ inputs.low }}"), json!(i64::MIN)),
        (json!("{{ inputs.big - 1 }}"), json!(u64::MAX - 1)),
        (json!("{{ inputs.f }}"), json!(3.0)),
        (json!("{{ inputs.f * 1 }}"), json!(3.0)),
        (json!("{{ inputs.f + 0 }}"), json!(3.0)),
        (json!("{{ inputs }}"), Value::clone(scope().inputs())),
        (json!("{{ [inputs][0] }}"), Value::clone(scope().inputs())),
        (json!("{{ inputs.a | items }}"), json!([["y", 1], ["b", [1, 2.5, "x"]]])),
        (json!("{{ {'z': 1, 'a': inputs.a.b} }}"), json!({"z": 1, "a": [1, 2.5, "x"]})),
        (json!("{{ inputs.a.b[1] }}"), json!(2.5)),
        (json!("{{ inputs.a.b[-1] }}"), json!("x")),
        (json!("{{ inputs.text[1] }}"), json!("ä")),
        (json!("{{ inputs.text[1][0] }}{{ inputs.text[-1] }}"), json!("äß")),
        (json!("{{ steps.first.status[0] }}"), json!("c")),
        (json!("{{ inputs['odd-key'] }}"), json!(7)),
        (json!("{{ steps.first.output.text }}!"), json!("out!")),
        (json!("{{ steps['my-step'].output | sum }}"), json!(6)),
        (json!("{{ steps['my-step'].error.code }}"), json!("X")),
        (json!("{{ steps.first.status }}"), json!("completed")),
        (json!("{{ steps | length }}"), json!(2)),
        (json!("{{ state.count + 1 }}"), json!(3)),
        (json!("{{ execution.id }}"), json!("ex-1")),
        (
            json!("a {{ inputs.n }} {{ inputs.none }}{{ inputs.a }} {{ inputs.yes }}\n"),
            json!("a 5 {\"y\":1,\"b\":[1,2.5,\"x\"]} true\n"),
        ),
        (
            json!("a {{ inputs.n + 1 }} {{ inputs.none }}{{ inputs.a }} {{ inputs.f + 0 }}\n"),
            json!("a 6 {\"y\":1,\"b\":[1,2.5,\"x\"]} 3.0\n"),
        ),
        (
            json!(
                "{% for r in inputs.rows | sort(attribute='n') %}{{ r.n }}{% if not loop.last %},{% endif %}{% endfor %}"
            ),
            json!("1,2,3"),
        ),
        (json!("{{ inputs.missing | default('d') }}"), json!("d")),
        (json!("{{ inputs.missing is defined }}"), json!(false)),
        (json!("{{ inputs.missing.deep.er | default('d') }}"), json!("d")),
        (json!("{{ inputs.none.deep['er'] is defined }}"), json!(false)),
        (json!("{{ inputs.rows[inputs.n].x | default(1) }}"), json!(1)),
        (json!("{{ inputs.a.b[0] | default(9) }}"), json!(1)),
        (json!("{{ inputs.text | upper ~ inputs.n ~ inputs.a.b }}"), json!("HÄSS5[1,2.5,\"x\"]")),
        (json!("{{ inputs.a | tojson }}"), json!("{\"y\":1,\"b\":[1,2.5,\"x\"]}")),
        (json!("{{ '[1, {\"a\": 2}]' | fromjson }}"), json!([1, {"a": 2}])),
        (json!("{{ inputs.rows | map(attribute='n') | join('-') }}"), json!("3-1-2")),
        (json!("{{ 'a,b' | split(',') }}"), json!(["a", "b"])),
        (json!("{{ inputs.a.b[:2] }}"), json!([1, 2.5])),
        (json!("{{ 'ab' * 2 }}"), json!("abab")),
        (json!("{{ 3 * 4 }}"), json!(12)),
        (json!("{{ 7 // 2 }}"), json!(3)),
        (json!("{{ '%s-%03d' | format('a', 7) }}"), json!("a-007")),
        (json!("{{ 'a\nb' | indent(2) }}"), json!("a\n  b")),
        (json!("{{ 1 if inputs.n > 3 else 2 }}"), json!(1)),
        (json!("{{ inputs.n in [4, 5] and inputs.text == 'häß' }}"), json!(true)),
        (json!("Bearer {{ secrets.TOKEN }}"), json!("Bearer [secret]")),
        (json!("{{ 'x' ~ secrets.TOKEN }}"), json!("x[secret]")),
        (json!({"k": ["{{ inputs.n }}", 1, {"s": "plain"}]}), json!({"k": [5, 1, {"s": "plain"}]})),
        (json!("{% set x = inputs.n %}{{ x }}"), json!("5")),
        (json!("<&> {{ '<&>' }}"), json!("<&> <&>")),
    ] {
        assert_eq!(render(template.clone()), Ok(expected), "{template}");
    }
}

#[test]
fn failures_say_what_and_where() {
    for (template, part) in [
        ("{{ inputs.missing }}", "`inputs.missing` is not there"),
        ("{{ inputs.missing.deep }}", "`inputs.missing` is not there"),
        ("{{ inputs.missing + 1 }}", "undefined"),
        ("a{{ inputs.missing }}", "`inputs.missing` is not there"),
        ("{{ inputs.text + 1 }}", "at column"),
        ("{{ inputs.text", "unexpected end of input"),
        ("line\n{{ 1 + }}", "line 2, column"),
        ("{{ inputs.text | uper }}", "no filter `uper`; did you mean `upper`?"),
        ("{{ inputs.text is strng }}", "no test `strng`; did you mean `string`?"),
        ("{{ rnge(3) }}", "no function `rnge`; did you mean `range`?"),
        ("{{ inputs.text.upper() }}", "write `| upper`"),
        ("{{ now() }}", "no function `now`"),
        ("{{ debug() }}", "no function `debug`"),
        ("{{ namespace(a=1) }}", "no function `namespace`"),
        ("{% macro f() %}{% endmacro %}", "is not available"),
        ("{% include 'x' %}", "is not available"),
        ("{% set inputs = 1 %}{{ inputs }}", "`inputs` cannot be set"),
        ("{{ 2 ** 100 }}", "more than 64 bits"),
        ("{{ 2 ** 200 }}", "unable to calculate"),
        ("{{ 1.5 / 0 }}", "unable to calculate"),
    ] {
        let message = render(json!({"k": template})).unwrap_err();
        assert!(message.contains(part), "{template}: {message}");
        assert!(message.contains("here.k"), "{template}: {message}");
    }
}

#[test]
fn expressions_cannot_eat_memory_or_minutes() {
    let many = |text: &str| text.repeat(1000);
    for template in [
        "{{ 'x' * 10**9 }}".to_owned(),
        "{{ 100000000 * 'x' }}".to_owned(),
        "{{ [1] * 10**8 }}".to_owned(),
        "{{ range(10**9) | list }}".to_owned(),
        "{{ ('x' * 1000000) | replace('x', 'y' * 1000000) }}".to_owned(),
        "{{ ('x' * 4000000) | replace('', 'yy') }}".to_owned(),
        "{{ range(99999) | join('y' * 1000) }}".to_owned(),
        "{{ ('x' * 4000000) | split('') | length }}".to_owned(),
        "{{ 'x' | indent(10**10) }}".to_owned(),
        "{{ '%1000000000d' | format(1) }}".to_owned(),
        "{{ '%*d' | format(1000000000, 1) }}".to_owned(),
        "{{ [1] | batch(10**9, 0) }}".to_owned(),
        "{{ [1] | slice(10**9, 0) }}".to_owned(),
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}".into(),
        "{% for i in range(100000) %}{% set x = 'x' * 4000000 %}{% endfor %}".into(),
        "{% for i in range(10000) %}{% if inputs.text ~ ('x' * 100000) == 'y' %}{% endif %}{% endfor %}".into(),
        format!("{{% for i in range(100000) %}}{}{{% endfor %}}", many("raw ")),
        format!("{{% set a = [1] %}}{}{{{{ a | tojson }}}}", "{% set a = [a, a] %}".repeat(40)),
        format!("{{% set a = [1] %}}{}{{{{ a == [a] }}}}", "{% set a = [a, a] %}".repeat(40)),
        format!("{{% set a = [1] %}}{}{{{{ a | list }}}}", "{% set a = a + a %}".repeat(40)),
        format!("{{% set a = [1] %}}{}{{{{ dict(*a) }}}}", "{% set a = a + a %}".repeat(40)),
        format!("{{% set a = 'xx' %}}{}{{{{ a }}}}", "{% set a = a ~ a %}".repeat(40)),
        format!("{{% set a = 'xx' %}}{}{{{{ a }}}}", "{% set a = a + a %}".repeat(40)),
        format!("{{% set a = [1] %}}{}{{{{ a | tojson }}}}", "{% set a = [a] %}".repeat(1500)),
        "{{ range(100000) | map('replace', '', 'x' * 1000000) | list }}".to_owned(),
        "{{ range(100000) | select('eq', 'x' * 1000000) | list }}".to_owned(),
        format!("{{{{ {} 1 }}}}", many("1 + ")),
        format!("{{{{ {} 1 }}}}", many("not ")),
        format!("{{{{ {}1{} }}}}", many("["), many("]")),
        format!("{{{{ inputs{} }}}}", many(".a")),
        format!("{{{{ 1{} }}}}", many("|abs")),
        format!("{}{}", many("{% if 1 %}"), many("{% endif %}")),
        format!("{{% if 1 %}}{}{{% endif %}}", many("{% elif 1 %}")),
        "{{ 'aaaa' | round(10**9) }}".to_owned(),
        "{{ '[' * 100000 | fromjson }}".to_owned(),
    ] {
        let start = Instant::now();
        let result = render(json!(template));
        let took = start.elapsed();
        let shown: String = template.chars().take(80).collect();
        assert!(result.is_err(), "{shown}: made {} bytes", result.map_or(0, |v| v.to_string().len()));
        assert!(took.as_secs() < 20, "{shown} took {took:?}: {result:?}");
    }
}

#[test]
fn paths_share_what_the_scope_shares() {
    let scope = scope();
    let template = ValueTemplate::compile_value(&json!("{{ steps.first.output }}"), "").unwrap();
    let rendered = template.render_value(&scope).unwrap().value;
    assert!(Arc::ptr_eq(&rendered, scope.step_scope("first").unwrap().output));
    let fixed = ValueTemplate::compile_value(&json!({"a": [1]}), "").unwrap();
    assert!(fixed.is_static());
    assert!(Arc::ptr_eq(
        &fixed.render_value(&scope).unwrap().value,
        &fixed.render_value(&scope).unwrap().value
    ));
}

#[test]
fn references_are_found_and_scoped() {
    let paths = |template: Value| ValueTemplate::compile_value(&template, "").unwrap();
    let names = |template: &ValueTemplate| -> Vec<String> {
        template.references().paths.iter().map(|path| path.join(".")).collect()
    };
    for (template, expected) in [
        (json!("{{ steps.a.output.b[0]['c d'] }}"), vec!["steps.a.output.b.0.c d"]),
        (json!("{{ steps[inputs.x].output }}"), vec!["steps", "inputs.x"]),
        (json!("{% for i in inputs.l %}{{ i.x }}{{ loop.index }}{% endfor %}"), vec!["inputs.l"]),
        (
            json!("{% set q = state.s %}{{ q.a }}{{ inputs.b | map(attribute='z') }}"),
            vec!["state.s", "inputs.b"],
        ),
        (json!(["{{ a }}", {"k": "{{ b.c }}"}]), vec!["a", "b.c"]),
    ] {
        assert_eq!(names(&paths(template.clone())), expected, "{template}");
    }
    let template = paths(json!({"k": "{{ inputs.a | default(1) }} {{ inputs.b is defined }}"}));
    assert_eq!(template.references().optional.len(), 2);
    assert_eq!(template.leaves()[0].path, "k");
    let nested = paths(json!({"k": ["{{ inputs.a }}", "x{{ inputs.b }}"]}));
    assert_eq!(nested.as_path(&["k", "0"]), Some(&["inputs".to_owned(), "a".to_owned()][..]));
    assert_eq!(nested.as_path(&["k", "1"]), None);
}

#[test]
fn conditions() {
    for (text, expected) in [
        ("inputs.n > 3", Ok(true)),
        ("inputs.empty", Ok(false)),
        ("inputs.rows", Ok(true)),
        ("inputs.none", Ok(false)),
        ("inputs.missing", Err(())),
        ("inputs.missing | default(false)", Ok(false)),
        ("inputs.text | length > 100", Ok(false)),
        ("not steps.first.error", Ok(true)),
    ] {
        let found = Expression::compile_text(text, "when").unwrap().eval_bool(&scope());
        assert_eq!(found.map_err(drop), expected, "{text}");
    }
    let message =
        Expression::compile_text("{{ inputs.n }}", "steps[0].when").unwrap_err().to_string();
    assert!(message.contains("without braces"), "{message}");
}

#[test]
fn errors_name_the_line_of_a_text_with_several() {
    for (template, line) in [
        ("a\nb {{ inputs.missing }}", "line 2"),
        ("a\n\n{{ inputs.text | upper }} {{ inputs.missing }}", "line 3"),
        ("a\n{% if inputs.missing > 1 %}b{% endif %}", "line 2"),
    ] {
        let message = render(json!(template)).unwrap_err();
        assert!(message.contains(line), "{template}: {message}");
    }
    let message = render(json!("a {{ inputs.missing }}")).unwrap_err();
    assert!(!message.contains("line"), "{message}");
    let message =
        ValueTemplate::compile_value(&json!("a\n{% if %}"), "body").unwrap_err().to_string();
    assert!(message.contains("line 2"), "{message}");
}

#[test]
fn faults_are_placed_however_far_into_the_text() {
    for start in ["{#", "{% raw %}"] {
        let message = render(json!(start.repeat(60_000))).unwrap_err();
        assert!(message.contains("at column "), "{message}");
    }
    for (before, place) in [("x", "at column 700"), ("\n", "at line 70001, column ")] {
        let message = render(json!(before.repeat(70_000) + "{{ 1 + }}")).unwrap_err();
        assert!(message.contains(place), "{message}");
    }
    // The tokenizer does not count so far: no place is better than a wrong one.
    let far = json!("x".repeat(70_000) + "{{ 1 | nope }}");
    let message = ValueTemplate::compile_value(&far, "here").unwrap_err().to_string();
    assert!(message.contains("nope") && !message.contains("column 65"), "{message}");
}

#[test]
fn faults_of_values_name_them() {
    for (template, part) in [
        ("{{ 'a' | int }}", "the text \"a\" is not a number"),
        ("{{ '' | float }}", "the text \"\" is not a number"),
        ("{{ -inputs.rows }}", "a sign `-` needs a number"),
    ] {
        let message = render(json!(template)).unwrap_err();
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(render(json!("{{ 'a' | int(default=3) }}")), Ok(json!(3)));
}
