//! Evaluations that need the whole budget: at most as many at once as there are processors.

use serde_json::json;
use stepwell_core::execution::Status;

use crate::support::Bench;

/// Each of them copies a megabyte several times.
const LONG: &str = "{{ inputs.text | upper | lower | upper | lower | upper | lower | length }}";

/// An execution that waits for a place is cancelled at once, not when it has got the place.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_place_can_be_cancelled() {
    let bench = Bench::new().await;
    let definition = json!([{"type": "Echo", "input": {"length": LONG}}]);
    let workflow = bench.steps(definition).await;
    let places = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let mut ids = Vec::new();
    for _ in 0..8 * places {
        ids.push(bench.execute(workflow, json!({"text": "ß".repeat(1 << 19)})).await);
    }
    let last = ids[ids.len() - 1];
    bench.app.cancel(&bench.caller, None, last, None).await.unwrap();
    let before = bench.app.execution(&bench.caller, None, ids[ids.len() - 2]).await.unwrap();
    assert!(!before.record.status.is_final(), "places are given in order");
    assert_eq!(bench.ended(last).await.record.status, Status::Cancelled);
    for id in &ids[..ids.len() - 1] {
        assert_eq!(bench.ended(*id).await.record.status, Status::Completed);
    }
}
