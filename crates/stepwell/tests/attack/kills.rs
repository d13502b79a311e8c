//! `kill -9` at random moments while hostile executions run: every acknowledged execution ends, and
//! the others complete.

use std::time::Duration;

use serde_json::json;

use crate::Topic;
use crate::random::hostile;
use crate::target::{Accepted, Target};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_executions_end_after_kills() {
    let mut topic = Topic::begin("kills").await;
    let mut target = Target::start().await;
    let examples = crate::expressions::examples(&target).await;
    let steps = json!([{"type": "Delay", "config": {"for": "{{ (inputs.n + 1) * 0.01 }}"}},
        {"id": "last", "type": "Echo", "input": "{{ inputs.n }}"}]);
    let honest = json!({"name": "honest", "inputs": {"n": "number"}, "steps": steps});
    let honest = target.create(&honest).await.expect("it is valid");
    let types = target.get("/step-types").await.json();
    let types = types["step_types"].as_array().unwrap().clone();
    assert!(!examples.is_empty() && !types.is_empty());
    let (mut good, mut poor): (Vec<Accepted>, Vec<Accepted>) = (Vec::new(), Vec::new());
    let mut kills = 0;
    loop {
        for _ in 0..8 {
            let n = topic.random.below(50);
            good.extend(target.execute(&honest, &json!({"n": n})).await);
            let step_type = &types[topic.random.below(types.len())];
            let mut definition = crate::step_types::definition(step_type, &mut topic.random);
            let expression = crate::expressions::expression(&mut topic.random);
            definition["inputs"] = json!({"a": {}, "b": {}, "c": {}});
            definition["outputs"] = json!({"out": format!("{{{{ {expression} }}}}")});
            let Some(workflow) = target.create(&definition).await else { continue };
            let random = &mut topic.random;
            let inputs = json!({"a": hostile(random), "b": hostile(random), "c": hostile(random)});
            poor.extend(target.execute(&workflow, &inputs).await);
        }
        tokio::time::sleep(Duration::from_millis(topic.random.below(300) as u64)).await;
        target.check_log();
        target.server.kill();
        kills += 1;
        target.restart().await;
        if topic.is_over() {
            break;
        }
    }
    for shown in target.beside_probe(target.ended(&good)).await {
        assert_eq!(shown["status"], "COMPLETED", "{shown:#}");
    }
    target.beside_probe(target.ended(&poor)).await;
    println!("{kills} kills, {} and {} executions", good.len(), poor.len());
    target.finish().await;
}
