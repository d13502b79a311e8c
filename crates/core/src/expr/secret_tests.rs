//! Secrets are placed by templates, and by nothing that data can say.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::test_scope::TestScope;
use super::*;

const TOKEN: &str = "t0p-secret-token";
const OTHER: &str = "an0ther-secret";

fn find(name: &str) -> Option<&'static str> {
    match name {
        "TOKEN" => Some(TOKEN),
        "OTHER" => Some(OTHER),
        _ => None,
    }
}

/// What the template renders to, as it is stored and as the step gets it.
fn both(template: &Value, scope: &TestScope) -> Result<(Value, Value), String> {
    let template = ValueTemplate::compile_value(template, "here").map_err(|p| p.to_string())?;
    let RenderedValue { value, insertions } =
        template.render_value(scope).map_err(|e| e.to_string())?;
    let mut filled = Value::clone(&value);
    insert_secrets(&mut filled, &insertions, find).map_err(|e| e.to_string())?;
    Ok((Value::clone(&value), filled))
}

fn scope() -> TestScope {
    TestScope::new(json!({
        "inputs": {"yes": true, "no": false, "names": ["a", "b"], "text": "[secret]"},
    }))
}

#[test]
fn secrets_are_placed_where_the_template_refers_to_them() {
    for (template, filled) in [
        (json!("{{ secrets.TOKEN }}"), json!("T")),
        (json!("{{ secrets['TOKEN'] }}"), json!("T")),
        (json!("Bearer {{ secrets.TOKEN }}"), json!("Bearer T")),
        (json!("é {{ secrets.TOKEN }}{{ secrets.OTHER }}é"), json!("é TOé")),
        (
            json!("{{ inputs.text }}{{ secrets.TOKEN }}{{ inputs.text }}"),
            json!("[secret]T[secret]"),
        ),
        (json!("{{ 'Bearer ' ~ secrets.TOKEN }}"), json!("Bearer T")),
        (json!("{{ secrets.OTHER ~ inputs.text ~ secrets.TOKEN ~ 1 }}"), json!("O[secret]T1")),
        (json!("{{ secrets.TOKEN if inputs.yes else secrets.OTHER }}"), json!("T")),
        (json!("{{ secrets.TOKEN if inputs.no else 'none' }}"), json!("none")),
        (json!("{{ 'a' ~ (secrets.TOKEN if inputs.no else secrets.OTHER) }}"), json!("aO")),
        (
            json!(
                "{% if inputs.yes %}Bearer {{ secrets.TOKEN }}{% else %}{{ secrets.OTHER }}{% endif %}"
            ),
            json!("Bearer T"),
        ),
        (
            json!(
                "{% for n in inputs.names %}é{{ n }}={{ secrets.TOKEN }};{% endfor %}{{ secrets.OTHER }}"
            ),
            json!("éa=T;éb=T;O"),
        ),
        (
            json!("{% set t = inputs.text ~ secrets.TOKEN %}{{ t }}{{ t }}"),
            json!("[secret]T[secret]T"),
        ),
        (json!("{% with t = secrets.TOKEN %}{{ t }}{% endwith %}."), json!("T.")),
        (
            json!("{{ {'A': 'Bearer ' ~ secrets.TOKEN, 'b/~': [1, secrets.OTHER]} }}"),
            json!({"A": "Bearer T", "b/~": [1, "O"]}),
        ),
        (
            json!({"h": {"a/b": ["x", "{{ secrets.TOKEN }}"], "c~d": "{{ secrets.OTHER }}!"}}),
            json!({"h": {"a/b": ["x", "T"], "c~d": "O!"}}),
        ),
    ] {
        let (stored, found) =
            both(&template, &scope()).unwrap_or_else(|e| panic!("{template}: {e}"));
        let short = found.to_string().replace(TOKEN, "T").replace(OTHER, "O");
        assert_eq!(short, filled.to_string(), "{template}");
        let stored = stored.to_string();
        assert!(!stored.contains(TOKEN) && !stored.contains(OTHER), "{stored}");
    }
}

#[test]
fn any_other_use_of_a_secret_is_refused() {
    for template in [
        "{{ secrets.TOKEN | upper }}",
        "{{ secrets.TOKEN | default('x') }}",
        "x {{ (secrets.TOKEN ~ 'x') | length }}",
        "{{ [secrets.TOKEN] | join }}",
        "{{ {'a': secrets.TOKEN} | tojson }}",
        "{{ secrets.TOKEN == 'x' }}",
        "{{ 'x' in secrets.TOKEN }}",
        "{{ secrets.TOKEN + 'x' }}",
        "{{ secrets.TOKEN * 2 }}",
        "{{ secrets.TOKEN[0] ~ '' }}",
        "{{ secrets.TOKEN[1:] }}",
        "{{ not secrets.TOKEN }}",
        "{{ secrets.TOKEN is defined }}",
        "{{ secrets.TOKEN or 'x' }}",
        "{{ 1 if secrets.TOKEN else 2 }}",
        "{{ {secrets.TOKEN: 1} }}",
        "{{ dict(a=secrets.TOKEN) }}",
        "{{ inputs[secrets.TOKEN] }}",
        "{{ secrets[inputs.text] }}",
        "{% set s = secrets %}{{ s.TOKEN }}",
        "{% if secrets.TOKEN %}x{% endif %}",
        "{% for c in secrets.TOKEN %}{{ c }}{% endfor %}",
        "{% set x %}{{ secrets.TOKEN }}{% endset %}{{ x }}",
        "{% set t = secrets.TOKEN %}{% set x %}{{ t }}{% endset %}{{ x }}",
        "{% filter upper %}{{ secrets.TOKEN }}{% endfilter %}",
    ] {
        let refused =
            ValueTemplate::compile_value(&json!(template), "here").map(|_| ()).unwrap_err();
        let message = refused.to_string();
        assert!(message.contains("secret"), "{template}: {message}");
        assert!(message.contains("write"), "it names a fix: {message}");
    }
    // What only shows when it is evaluated.
    for template in [
        "{% set t = secrets.TOKEN %}{{ t | upper }}",
        "{% set t = secrets.TOKEN %}{{ t == 'x' }}",
        "{% set t = [secrets.TOKEN] %}{{ t | join }}",
        "{% set t = [secrets.TOKEN] %}{{ t }}",
        "{% set t = secrets.TOKEN %}{{ [t] | tojson }}",
        "{% set t = secrets.TOKEN %}{{ '%s' | format(t) }}",
        "{% set t = secrets.TOKEN %}{{ 'a' | replace('a', t) }}",
        "{% set t = secrets.TOKEN %}{{ 'a' + t }}",
    ] {
        let message = both(&json!(template), &scope()).unwrap_err();
        assert!(!message.contains("there is no place"), "{template}: {message}");
    }
    let when = Expression::compile_text("'a' ~ secrets.TOKEN", "when").unwrap();
    assert!(when.eval_json(&scope()).unwrap_err().message.contains("can only be placed"));
    let when = Expression::compile_text("secrets.TOKEN", "when").unwrap();
    assert!(when.eval_json(&scope()).unwrap_err().message.contains("can only be placed"));
}

#[test]
fn insertions_that_do_not_fit_are_refused() {
    let at = |pointer: &str, offset, name: &str| SecretInsertion {
        pointer: pointer.into(),
        offset,
        name: name.into(),
    };
    let text = "é[secret]";
    for (insertion, fits) in [
        (at("/a", 2, "TOKEN"), true),
        (at("/a", 1, "TOKEN"), false),
        (at("/a", 3, "TOKEN"), false),
        (at("/a", 900, "TOKEN"), false),
        (at("/b", 2, "TOKEN"), false),
        (at("", 0, "TOKEN"), false),
        (at("/a", 2, "NONE"), false),
    ] {
        let mut value = json!({"a": text});
        let result = insert_secrets(&mut value, std::slice::from_ref(&insertion), find);
        assert_eq!(result.is_ok(), fits, "{insertion:?}");
    }
    let twice = [at("/a", 2, "TOKEN"), at("/a", 2, "TOKEN")];
    assert!(insert_secrets(&mut json!({"a": text}), &twice, find).is_err());
}

/// Text with which a caller could try to build a reference.
fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("[secret]".to_owned()),
        Just("secret".to_owned()),
        Just("\u{f8ff}secret:TOKEN\u{f8ff}".to_owned()),
        Just("{{ secrets.TOKEN }}".to_owned()),
        Just("TOKEN".to_owned()),
        Just("/config/headers/a".to_owned()),
        "[\\[\\]{}~/\"\u{f8ff}é\u{0}secrt:]{0,6}",
        ".{0,4}",
    ];
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// For any data, the result has only the secrets that the template names, where it names them.
    #[test]
    fn data_never_becomes_a_secret(input in hostile(), output in hostile(), state in hostile()) {
        let scope = TestScope::new(json!({
            "inputs": {"a": input, "list": [output, input]},
            "steps": {"s": {"output": {"b": output}, "error": null}},
            "state": {"c": state},
        }));
        let (i, o, s) = (&input, &output, &state);
        for (template, expected) in [
            ("{{ inputs.a }}", json!(i)),
            ("{{ inputs.a }}{{ secrets.TOKEN }}{{ steps.s.output.b }}", json!(format!("{i}{TOKEN}{o}"))),
            ("{{ inputs.a ~ secrets.TOKEN ~ state.c }}", json!(format!("{i}{TOKEN}{s}"))),
            (
                "{% for t in inputs.list %}{{ t }}{{ secrets.OTHER }}{% endfor %}{{ state.c }}",
                json!(format!("{o}{OTHER}{i}{OTHER}{s}")),
            ),
            (
                "{% if inputs.a == state.c %}{{ secrets.OTHER }}{% else %}{{ state.c }}{{ secrets.TOKEN }}{% endif %}",
                json!(if i == s { OTHER.to_owned() } else { format!("{s}{TOKEN}") }),
            ),
            (
                "{{ {'h': [steps.s.output.b, inputs.a ~ secrets.TOKEN], 'x': state.c} }}",
                json!({"h": [o, format!("{i}{TOKEN}")], "x": s}),
            ),
        ] {
            let (stored, found) = both(&json!(template), &scope).map_err(TestCaseError::fail)?;
            prop_assert_eq!(&found, &expected, "{}", template);
            prop_assert!(!stored.to_string().contains(TOKEN));
        }
    }
}
