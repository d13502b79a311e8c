//! Many concurrent streams of the real server are complete, in order, and use bounded memory.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot continue must fail"
)]

#[expect(dead_code, reason = "the crash harness uses the rest")]
#[path = "crash/server.rs"]
mod server;

use std::sync::Arc;

use serde_json::{Value, json};
use server::Server;
use tokio::sync::Barrier;

const STREAMS: usize = 64;
const PIECES: usize = 1000;
/// How much more memory than when idle the server may use at its peak, in MiB. All lines of all
/// streams together are about 30 MiB.
const MAX_GROWTH_MIB: u64 = 28;

/// A field of the process's status, in MiB.
fn memory(server: &Server, field: &str) -> u64 {
    let pid = server.child.as_ref().unwrap().id();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().unwrap() / 1024
}

/// Reads one stream to its end, after all have started; returns its lines.
async fn read(server: &Server, body: &Value, all: &Barrier) -> Vec<String> {
    let request = server.http.post(format!("{}/v1/execute-workflow-stream", server.url));
    let request = request.timeout(std::time::Duration::from_secs(120));
    let mut response =
        request.header("x-api-key", &server.key).json(body).send().await.expect("a response");
    assert_eq!(response.status(), 200);
    let mut text = response.chunk().await.unwrap().expect("a first line").to_vec();
    all.wait().await;
    while let Some(chunk) = response.chunk().await.unwrap() {
        text.extend_from_slice(&chunk);
    }
    assert!(text.is_ascii() && text.ends_with(b"\n"));
    let text = String::from_utf8(text).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_streams_are_complete_in_bounded_memory() {
    let mut server = Server::new();
    server.start().await;
    // The pause keeps all streams open at the same time.
    let definition = json!({"name": "stream", "inputs": {"text": "string"},
        "steps": [{"id": "say", "type": "StreamText", "input": "{{ inputs.text }}",
            "config": {"pause": "1ms"}}],
        "outputs": {"text": "{{ steps.say.output.text }}"}});
    server.create(&definition).await;
    let idle = memory(&server, "VmRSS");
    let all = Arc::new(Barrier::new(STREAMS));
    let reading = (0..STREAMS).map(|number| {
        let (server, all) = (&server, all.clone());
        async move {
            let words: Vec<_> = (0..PIECES).map(|piece| format!("{number}.{piece}✓ ")).collect();
            let body = json!({"workflow_deployment_name": "stream",
                "inputs": [{"type": "STRING", "name": "text", "value": words.concat()}]});
            (read(server, &body, &all).await, words)
        }
    });
    let read = futures_util::future::join_all(reading).await;
    let peak = memory(&server, "VmHWM");
    println!("{idle} MiB grew to {peak} MiB");
    assert!(peak < idle + MAX_GROWTH_MIB, "{idle} MiB grew to {peak} MiB");
    read.iter().for_each(|(lines, words)| check(lines, words));
}

/// Each piece occurs once, in order, after the initial and before the final event.
fn check(lines: &[String], words: &[String]) {
    let events: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    let kind = |event: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, data) = (text(&event["type"]), &event["data"]);
        format!("{kind}/{}:{}", text(&data["state"]), text(&data["output"]["state"]))
    };
    let pieces = events.iter().filter(|event| kind(event) == "WORKFLOW/STREAMING:STREAMING");
    let pieces: Vec<_> = pieces.map(|e| e["data"]["output"]["delta"].as_str().unwrap()).collect();
    assert_eq!(pieces, words);
    assert_eq!(
        events.len(),
        words.len() + 3,
        "the pieces, the initial event, the whole output, the final event"
    );
    assert_eq!(kind(&events[0]), "WORKFLOW/INITIATED:");
    let last = events.last().unwrap();
    assert_eq!(kind(last), "WORKFLOW/FULFILLED:");
    assert_eq!(last["data"]["outputs"][0]["value"], words.concat());
}
