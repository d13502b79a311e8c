//! Every step type with configurations and inputs generated from its schemas, and hostile ones.

use serde_json::{Value, json};

use crate::Topic;
use crate::random::{Random, each_text, hostile, mutate, sample};
use crate::target::{Accepted, Target};

/// Programs that are known to be expensive in some language: jq, regular expressions, templates,
/// schedules. Every text of a configuration may be one.
const PROGRAMS: &[&str] = &[
    "[limit(1000000000; repeat(0))]",
    "[range(1e9)]",
    "def f: f; f",
    "def f(x): [x, f(x)]; f(.)",
    "[..|..|..]|length",
    "reduce range(1e8) as $i (\"\"; . + \"x\")",
    "until(false; .)",
    "[recurse(.; true)]",
    "last(repeat(.))",
    "\"x\" * 1e12",
    "[.[]? , .[]?] | combinations",
    "[[range(30)] | combinations(12)]",
    ". as [$a, [$b]] | {$a, $b} | tojson | fromjson | .. ",
    "test(\"(a*)*b\")",
    "[match(\"\"; \"g\")] | length",
    "gsub(\"\"; \"xxxxxxxxxx\")",
    "gsub(\"(?<a>.)\"; \"\\(.a)\" * 10000)",
    "[splits(\"\")] | implode",
    "path(..) | tostring",
    "limit(-1; repeat(1))",
    "error(.)",
    "@base64d",
    "@sh \"\\(.)\"",
    "ltrimstr(1) | ascii_downcase | explode | implode",
    "[range(100000)] | group_by(. % 2) | transpose | flatten",
    "del(.[range(100000)]?)",
    "tojson * 1000000",
    "((((((((((a{0,100}){0,100}){0,100}))))))))",
    "(a*)*b",
    "(a|a)*$",
    "(?:a?){500}a{500}",
    "(x+x+)+y",
    "\\p{L}{1000}",
    "(?i)[\\w\\W]{0,900}",
    "(?P<n>.)(?P<n>.)",
    "(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)",
    "(?:)",
    "$1_x ${name} $99999999999999999999",
    "* * * * * *",
    "9999999999h",
    "@raw-3",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_step_stops_the_server() {
    let mut topic = Topic::begin("step types").await;
    let target = Target::start().await;
    let types = target.get("/step-types").await.json();
    let types = types["step_types"].as_array().unwrap();
    assert!(types.len() > 20, "{types:?}");
    let mut count = 0;
    loop {
        let accepted = target.beside_probe(round(&target, types, &mut topic.random)).await;
        count += accepted.len();
        target.beside_probe(target.ended(&accepted)).await;
        if topic.is_over() {
            break;
        }
    }
    println!("{count} executions");
    assert!(count > 0, "every definition was refused");
    target.finish().await;
}

async fn round(target: &Target, types: &[Value], random: &mut Random) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    for step_type in types {
        let definition = definition(step_type, random);
        let Some(workflow) = target.create(&definition).await else { continue };
        for _ in 0..2 {
            let input = json!({"a": operand(random)});
            accepted.extend(target.execute(&workflow, &input).await);
        }
    }
    accepted
}

/// The input of programs: long texts that match, and arbitrary values.
pub fn operand(random: &mut Random) -> Value {
    match random.below(4) {
        0 => json!("a".repeat(1 << 17)),
        1 => json!(format!("{}b", "xa".repeat(1 << 15))),
        2 => json!(vec![json!([]); 50_000]),
        _ => hostile(random),
    }
}

pub fn definition(step_type: &Value, random: &mut Random) -> Value {
    let mut config = sample(&step_type["configuration_schema"], step_type, random, 6);
    let mut input = sample(&step_type["input_schema"], step_type, random, 6);
    if random.one_in(2) {
        // An example passes more checks than a value generated from the schema.
        let examples = step_type["examples"].as_array().unwrap();
        let example = &examples[random.below(examples.len())];
        config = example.get("config").cloned().unwrap_or_else(|| json!({}));
        input = example["input"].clone();
    }
    let mut texts = 0;
    each_text(&mut config, &mut |_| texts += 1);
    let mut chosen = random.below(texts.max(1));
    let program = random.pick(PROGRAMS).to_owned();
    each_text(&mut config, &mut |text| {
        if text.starts_with("http") {
            *text = "http://127.0.0.1:9/".to_owned();
        } else if chosen == 0 {
            text.clone_from(&program);
        }
        chosen = chosen.wrapping_sub(1);
    });
    match random.below(4) {
        0 => mutate(&mut config, random),
        1 => mutate(&mut input, random),
        _ => {}
    }
    if !random.one_in(4) {
        // The caller's data in the default input.
        input = json!("{{ inputs.a }}");
    }
    let step = json!({"id": "s", "type": step_type["type"], "timeout": "1s", "config": config,
        "input": input, "retry": {"max_attempts": 2, "initial": "10ms"}, "on_error": "continue"});
    json!({"name": "hostile", "timeout": "2s", "inputs": {"a": {}}, "steps": [step]})
}
