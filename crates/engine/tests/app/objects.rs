//! Configured objects under concurrency, and how many there may be.

use serde_json::{Map, json};
use stepwell_engine::AppError;
use stepwell_engine::app::{Expected, Noun, Template};
use stepwell_engine::objects::Object;
use tokio::task::JoinSet;

use crate::support::Bench;

fn template(name: &str) -> Template {
    let (sample, metadata) = (Map::new(), Map::new());
    Template { name: name.into(), description: None, body: json!("a"), sample, metadata }
}

/// Changes as many fields as there are writers at once; the outcomes.
async fn rivals(bench: &Bench, of: &Object<Template>, expected: &Expected) -> Vec<bool> {
    let mut tasks = JoinSet::new();
    for n in 0..8 {
        let (app, caller, id) = (bench.app.clone(), bench.caller.clone(), of.id);
        let expected = expected.clone();
        tasks.spawn(async move {
            let edit = |mut template: Template| {
                template.metadata.insert(n.to_string(), json!(n));
                template
            };
            match app.change_object(&caller, id, &expected, edit).await {
                Ok(_) => true,
                Err(AppError::Changed(_)) => false,
                Err(error) => panic!("{error}"),
            }
        });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_lost_between_rivals() {
    let bench = Bench::new().await;
    let object = bench.app.create_object(&bench.caller, template("a")).await.unwrap();
    let done = rivals(&bench, &object, &Expected::Any).await;
    assert_eq!(done, [true; 8]);
    let found: Object<Template> = bench.app.object(&bench.caller, object.id).await.unwrap();
    assert_eq!((found.version, found.document.metadata.len()), (9, 8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rivals_over_the_same_version_one_changes_it() {
    let bench = Bench::new().await;
    let object = bench.app.create_object(&bench.caller, template("a")).await.unwrap();
    let done = rivals(&bench, &object, &Expected::OneOf(vec![1])).await;
    assert_eq!(done.into_iter().filter(|done| *done).count(), 1);
    let found: Object<Template> = bench.app.object(&bench.caller, object.id).await.unwrap();
    assert_eq!((found.version, found.document.metadata.len()), (2, 1));
}

#[tokio::test]
async fn a_workspace_has_a_bounded_number_of_them() {
    let bench = Bench::new().await;
    for n in 0..Template::MAX_PER_WORKSPACE {
        bench.app.create_object(&bench.caller, template(&n.to_string())).await.unwrap();
    }
    let refused = bench.app.create_object(&bench.caller, template("one too many")).await;
    assert!(matches!(refused, Err(AppError::Conflict(_))), "{refused:?}");
}
