//! Connections that send half a request, a byte now and then, nonsense, or read nothing, beside a
//! probe that must be served.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Topic;
use crate::random::Random;
use crate::target::Target;

/// Connections that are held open at the same time.
const HELD: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_stops_the_others() {
    let mut topic = Topic::begin("connections").await;
    let target = Target::start().await;
    let steps = json!([{"type": "Echo", "input": "{{ inputs.text }}"}]);
    let workflow = target.create(&json!({"name": "large", "steps": steps})).await.unwrap();
    let input = json!({"text": "é\"x".repeat(300_000)});
    let large = target.execute(&workflow, &input).await.unwrap();
    target.ended(std::slice::from_ref(&large)).await;
    let large = format!("/workflows/{workflow}/executions/{}", large.id);
    let address = target.server.url.strip_prefix("http://").unwrap().to_owned();
    target
        .beside_probe(async {
            let mut held = Vec::new();
            while !topic.is_over() {
                let mut stream = TcpStream::connect(&address).await.unwrap();
                let begin = incomplete(&large, &target.server.key, &mut topic.random);
                // The server may have closed it.
                let _ = stream.write_all(&begin).await;
                if held.len() < HELD {
                    held.push(stream);
                } else {
                    let at = topic.random.below(HELD);
                    held[at] = stream;
                }
                for _ in 0..5 {
                    let at = topic.random.below(held.len());
                    let _ = held[at].write_all(b"x").await;
                }
                check_invalid_request(&address, &mut topic.random).await;
            }
        })
        .await;
    target.finish().await;
}

/// The beginning of a request that is never completed, or a request whose response is never read.
fn incomplete(large: &str, key: &str, random: &mut Random) -> Vec<u8> {
    let text = match random.below(7) {
        0 => String::new(),
        1 => "G".into(),
        2 => "GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: ".into(),
        3 => format!(
            "POST /workflows HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-length: 100000\r\n\r\n{{"
        ),
        4 => "POST /workflows HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n{"
            .into(),
        5 => format!("GET {large} HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\n\r\n"),
        _ => format!("GET {large}/events HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\n\r\n"),
    };
    text.into_bytes()
}

/// Sends invalid or ambiguous HTTP: the server rejects it or closes the connection.
async fn check_invalid_request(address: &str, random: &mut Random) {
    let requests: &[&[u8]] = &[
        b"GET /workflows HTTP/1.1\r\n\r\n",
        b"GET /workflows HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"POST /workflows HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"POST /workflows HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n{}",
        b"POST /workflows HTTP/1.1\r\nhost: a\r\ntransfer-encoding: x\r\n\r\n{}",
        b"POST /workflows HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"GET /workflows HTTP/9.9\r\nhost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\0 / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /workflows HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let mut request = requests[random.below(requests.len())].to_vec();
    if random.one_in(6) {
        request = b"GET /workflows HTTP/1.1\r\nhost: a\r\n".to_vec();
        (0..5000).for_each(|n| request.extend_from_slice(format!("x-{n}: {n}\r\n").as_bytes()));
        request.extend_from_slice(b"\r\n");
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(&request).await;
    let _ = stream.shutdown().await;
    let mut reply = Vec::new();
    let read = stream.read_to_end(&mut reply);
    // A reset counts as closed.
    let _ = tokio::time::timeout(Duration::from_secs(100), read).await.expect("it stays open");
    let refused =
        reply.is_empty() || reply.starts_with(b"HTTP/1.1 4") || reply.starts_with(b"HTTP/1.1 503");
    let refused = refused || reply.starts_with(b"HTTP/1.1 505");
    let shown = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
    assert!(refused, "{shown:?}: {}", String::from_utf8_lossy(&reply));
}
