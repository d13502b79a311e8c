//! Streams, large bodies and shutdown over real sockets.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sockets::{PATIENCE, Served};
use crate::support::waiting_steps;

/// Reads until the text has arrived; without one, to the end.
async fn read_until(stream: &mut TcpStream, wanted: Option<&str>) -> String {
    let mut text = String::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while !wanted.is_some_and(|wanted| text.contains(wanted)) {
            let read = stream.read(&mut buffer).await.unwrap();
            if read == 0 {
                break;
            }
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap_or(());
    text
}

/// Name, id and data of the events in a stream's text.
fn events(text: &str) -> Vec<(String, String, Value)> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
        line.map(|l| l.trim().to_owned())
    };
    text.split("\n\n")
        .filter_map(|block| {
            let data = serde_json::from_str(&field(block, "data")?).unwrap();
            Some((field(block, "event")?, field(block, "id")?, data))
        })
        .collect()
}

#[tokio::test]
async fn streams_all_events_and_resumes() {
    let served = Served::start().await;
    let steps = serde_json::json!([
        {"type": "StaticTextInput", "input": "abc"}, {"type": "TextOperation.Reverse"}
    ]);
    let workflow = served.server.workflow(steps).await;
    let done = served
        .server
        .send("POST", &format!("{workflow}/execute?wait=true"), &[], axum::body::Body::empty())
        .await;
    let path = format!("{workflow}/executions/{}/events", done.text_at("/execution_id"));

    let mut stream = served.open(&path, "Connection: close\r\n").await;
    let text = read_until(&mut stream, None).await;
    assert!(text.contains("text/event-stream"), "{text}");
    let all = events(&text);
    let names: Vec<_> = all.iter().map(|(name, ..)| name.as_str()).collect();
    assert!(names.contains(&"task") && names.contains(&"progress"), "{names:?}");
    assert!(all.is_sorted_by_key(|(.., data)| data["sequence"].as_u64()), "{all:?}");
    let (name, _, data) = all.last().unwrap();
    assert_eq!((name.as_str(), data["status"].as_str()), ("status", Some("COMPLETED")));
    assert_eq!(data["output"]["text"], "cba");

    let seen = all.len() / 2;
    let middle = &all[seen].1;
    let rest = &all[seen + 1..];
    let header = format!("Last-Event-ID: {middle}\r\nConnection: close\r\n");
    let mut stream = served.open(&path, &header).await;
    assert_eq!(events(&read_until(&mut stream, None).await), rest);
    let after = format!("{path}?after={middle}");
    let mut stream = served.open(&after, "Connection: close\r\n").await;
    assert_eq!(events(&read_until(&mut stream, None).await), rest);
}

#[tokio::test]
async fn shutdown_ends_open_streams() {
    let mut served = Served::start().await;
    let workflow = served.server.workflow(waiting_steps()).await;
    let execution = served.server.execution(&workflow).await;
    let mut stream = served.open(&format!("{execution}/events"), "").await;
    let began = read_until(&mut stream, Some("\"type\":\"Delay\"")).await;
    assert!(began.contains("event: task"), "{began}");
    served.stop.take().unwrap().send(()).unwrap();
    let rest = read_until(&mut stream, None).await;
    assert!(rest.ends_with("0\r\n\r\n"), "the stream ends in order: {rest}");
    tokio::time::timeout(PATIENCE, served.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn rejects_a_body_of_100_mb_without_a_connection_reset() {
    let served = Served::start().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let size = 100 << 20;
    let key = &served.server.key;
    let head = format!(
        "POST /workflows HTTP/1.1\r\nHost: x\r\nX-API-KEY: {key}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = vec![b' '; 1 << 20];
    for _ in 0..100 {
        stream.write_all(&chunk).await.unwrap();
    }
    let response = read_until(&mut stream, None).await;
    assert!(response.starts_with("HTTP/1.1 413"), "{response}");
    assert!(response.contains("PAYLOAD_TOO_LARGE"), "{response}");
}

#[tokio::test]
async fn keeps_the_connection_open_after_an_error_that_needs_no_body() {
    let served = Served::start().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let key = &served.server.key;
    for path in ["/api/v1/workflows/nonsense/execute", "/workflows/nonsense/execute", "/nowhere"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nX-API-KEY: {key}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Time for the server to reject the request by its path.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        stream.write_all(b"{}").await.unwrap();
        let response = read_until(&mut stream, Some("}")).await;
        assert!(response.starts_with("HTTP/1.1 404"), "{path}: {response}");
    }
}
