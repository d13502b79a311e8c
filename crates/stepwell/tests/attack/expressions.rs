//! Hostile expressions over the caller's data, in every field that accepts an expression.

use std::sync::LazyLock;

use serde_json::{Value, json};
use stepwell_core::expr::sample_expressions;

use crate::Topic;
use crate::random::{Random, each_text, hostile};
use crate::target::{Accepted, Target};

/// Executions of one round.
const AT_ONCE: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_expression_stops_the_server() {
    let mut topic = Topic::begin("expressions").await;
    let mut target = Target::start().await;
    let examples = examples(&target).await;
    let mut count = 0;
    loop {
        let accepted = target.beside_probe(round(&target, &examples, &mut topic.random)).await;
        count += accepted.len();
        target.beside_probe(target.ended(&accepted)).await;
        if topic.is_over() {
            break;
        }
    }
    println!("{count} executions");
    assert!(count > 0, "every definition was refused");

    // Cancellation interrupts an evaluation.
    let accepted = endless(&target, &mut topic.random).await;
    for one in &accepted {
        target.cancel(one).await;
    }
    target.beside_probe(target.ended(&accepted)).await;

    // SIGTERM ends the process while they evaluate; all of them end after the next start.
    let mut accepted = endless(&target, &mut topic.random).await;
    target.terminate().await;
    target.restart().await;
    target.beside_probe(target.ended(&accepted)).await;

    // The same after the process was killed.
    accepted = endless(&target, &mut topic.random).await;
    target.server.kill();
    target.restart().await;
    target.beside_probe(target.ended(&accepted)).await;
    target.finish().await;
}

/// The examples of all step types.
pub async fn examples(target: &Target) -> Vec<Value> {
    let types = target.get("/step-types").await.json();
    let all = types["step_types"].as_array().unwrap().iter();
    all.flat_map(|one| one["examples"].as_array().unwrap().clone()).collect()
}

/// Creates some workflows and executes each with hostile inputs.
async fn round(target: &Target, examples: &[Value], random: &mut Random) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    for _ in 0..AT_ONCE {
        let expression = expression(random);
        let definition = definition(&expression, examples, random);
        let Some(workflow) = target.create(&definition).await else { continue };
        for _ in 0..2 {
            let inputs = json!({"a": hostile(random), "b": hostile(random), "c": hostile(random)});
            accepted.extend(target.execute(&workflow, &inputs).await);
        }
    }
    accepted
}

/// Executions that evaluate until they are interrupted or their timeout ends them.
async fn endless(target: &Target, random: &mut Random) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    let repeated = |expression: &str| {
        format!("{{% for i in range(100000) %}}{{% set y = {expression} %}}{{% endfor %}}")
    };
    let large = json!({"a": "ß".repeat(1 << 19), "b": 3, "c": "x", "l": [],
        "n": 1_000_000_000_000_i64});
    for template in [
        repeated("inputs.a[-1]"),
        "{{ inputs.l * inputs.n }}".to_owned(),
        repeated("inputs.a | upper"),
    ] {
        let workflow = target.create(&slow_definition(&template)).await.expect("it is valid");
        for _ in 0..2 {
            let execution = target.execute(&workflow, &large).await;
            accepted.push(execution.expect("a valid input is accepted"));
        }
    }
    // Creation may refuse an arbitrary expression, and hostile inputs may not even be JSON.
    let definition = slow_definition(&repeated(&expression(random)));
    if let Some(workflow) = target.create(&definition).await {
        let mut inputs = large;
        (inputs["b"], inputs["c"]) = (hostile(random), hostile(random));
        accepted.extend(target.execute(&workflow, &inputs).await);
    }
    accepted
}

fn slow_definition(template: &str) -> Value {
    let step = json!({"id": "s", "type": "Echo", "timeout": "5s", "input": template});
    let wait = json!({"id": "wait", "type": "Delay", "config": {"for": "10ms"}});
    json!({"name": "endless", "timeout": "10s", "steps": [wait, step],
        "inputs": {"a": {}, "b": {}, "c": {}, "l": {}, "n": {}}})
}

/// A random expression of the sample of all operations, over the inputs `a`, `b` and `c`.
pub fn expression(random: &mut Random) -> String {
    static ALL: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut all = sample_expressions();
        all.retain(|one| !one.starts_with("loop."));
        all
    });
    ALL[random.below(ALL.len())].clone()
}

/// A definition with the expression in one of the fields that accept one.
fn definition(expression: &str, examples: &[Value], random: &mut Random) -> Value {
    let mut step = json!({"id": "s", "type": "Echo", "timeout": "1s", "on_error": "continue"});
    let template = match random.below(4) {
        0 => format!("{{% for i in range(5000) %}}{{% set y = {expression} %}}{{% endfor %}}"),
        1 => format!("{{% for i in ({expression}) %}}{{{{ i }}}}{{% endfor %}}"),
        2 => format!("x{{{{ {expression} }}}}"),
        _ => format!("{{{{ {expression} }}}}"),
    };
    let mut outputs = json!({"out": "{{ steps.s.output }}"});
    match random.below(5) {
        0 => step["when"] = json!(expression),
        1 => step["input"] = json!({"k": [template]}),
        2 => step["input"] = json!(template),
        3 => outputs["out"] = json!(template),
        _ => {
            // In a text of the config or the input of any step type.
            let mut example = examples[random.below(examples.len())].clone();
            let mut texts = 0;
            for place in ["config", "input"] {
                each_text(&mut example[place], &mut |_| texts += 1);
            }
            let mut chosen = random.below(texts.max(1));
            for place in ["config", "input"] {
                each_text(&mut example[place], &mut |text| {
                    if chosen == 0 {
                        *text = template.clone();
                    } else if text.starts_with("http") {
                        *text = "http://127.0.0.1:9/".to_owned();
                    }
                    chosen = chosen.wrapping_sub(1);
                });
                if example[place].is_null() {
                    example.as_object_mut().map(|object| object.shift_remove(place));
                }
            }
            for (name, value) in step.as_object().unwrap() {
                if name != "type" {
                    example[name] = value.clone();
                }
            }
            step = example;
        }
    }
    json!({"name": "hostile", "timeout": "2s", "inputs": {"a": {}, "b": {}, "c": {}},
        "steps": [step], "outputs": outputs})
}
