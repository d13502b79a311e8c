//! Connections that send nothing, send or read slowly or are idle, and the limit of connections.

use std::io::ErrorKind;
use std::time::Duration;

use axum::body::Body;
use serde_json::{Value, json};
use stepwell_api::ApiConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sockets::{PATIENCE, Served};
use crate::support::waiting_steps;

/// Deadlines of a second, and a limit that no test reaches.
fn short() -> ApiConfig {
    ApiConfig {
        first_byte_timeout_seconds: 1,
        header_timeout_seconds: 1,
        keep_alive_seconds: 1,
        write_patience_seconds: 1,
        linger_seconds: 1,
        heartbeat_seconds: 1,
        ..ApiConfig::default()
    }
}

async fn connect(served: &Served) -> TcpStream {
    TcpStream::connect(served.address).await.unwrap()
}

/// Sends bytes; returns everything that the server sends until it closes.
async fn exchange(served: &Served, bytes: &str) -> String {
    let mut stream = connect(served).await;
    stream.write_all(bytes.as_bytes()).await.unwrap();
    to_end(&mut stream).await
}

/// Everything until the server closes.
async fn to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = stream.read_to_end(&mut bytes);
    tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Reads until the text is there.
async fn until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&bytes).contains(wanted) {
            assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "no {wanted} in {bytes:?}");
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

fn body(response: &str) -> Value {
    serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn closes_a_connection_that_sends_nothing() {
    let served = Served::with(short()).await;
    assert_eq!(exchange(&served, "").await, "");
}

#[tokio::test]
async fn times_out_an_incomplete_head_in_the_format_of_its_api() {
    let served = Served::with(short()).await;
    for (path, status, code) in [
        ("/workflows", 408, "/error/code"),
        ("/api/v1/workflows", 408, "/errors/0/code"),
        // The published clients know no 408.
        ("/v1/execute-workflow", 400, "/detail"),
    ] {
        let response =
            exchange(&served, &format!("POST {path} HTTP/1.1\r\nHost: x\r\nX-Slow")).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {response}");
        assert!(response.to_lowercase().contains("connection: close\r\n"), "{response}");
        assert!(body(&response).pointer(code).is_some(), "{path}: {response}");
    }
}

#[tokio::test]
async fn slow_bytes_do_not_extend_the_deadline_of_a_head() {
    let served = Served::with(short()).await;
    let mut stream = connect(&served).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nX-Drip: ").await.unwrap();
    let (mut read, mut write) = stream.split();
    let dripping = async {
        loop {
            // The slow bytes are the input of the test; nothing waits for them.
            tokio::time::sleep(Duration::from_millis(50)).await;
            if write.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut response = [0; 12];
    tokio::select! {
        () = dripping => {}
        read = tokio::time::timeout(PATIENCE, read.read_exact(&mut response)) => {
            read.unwrap().unwrap();
        }
    }
    assert_eq!(&response, b"HTTP/1.1 408");
}

#[tokio::test]
async fn closes_an_idle_connection_after_its_last_response() {
    let served = Served::with(short()).await;
    let get = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut stream = connect(&served).await;
    for _ in 0..2 {
        stream.write_all(get.as_bytes()).await.unwrap();
        assert!(until(&mut stream, "}").await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(to_end(&mut stream).await, "");
}

#[tokio::test]
async fn deadlines_do_not_end_streams_and_long_waits() {
    let served = Served::with(short()).await;
    let workflow = served.server.workflow(waiting_steps()).await;
    let key = &served.server.key;
    let mut waiting = connect(&served).await;
    let wait = format!(
        "POST {workflow}/execute?wait=true&timeout=4 HTTP/1.1\r\nHost: x\r\nX-API-KEY: {key}\r\n\r\n"
    );
    waiting.write_all(wait.as_bytes()).await.unwrap();
    let execution = served.server.execution(&workflow).await;
    let mut stream = served.open(&format!("{execution}/events"), "").await;
    for _ in 0..4 {
        // One heartbeat a second.
        until(&mut stream, "\n:").await;
    }
    let response = until(&mut waiting, "}").await;
    assert!(response.starts_with("HTTP/1.1 202"), "{response}");
}

#[tokio::test]
async fn disconnects_a_slow_reader() {
    let config = ApiConfig { min_write_rate: 64 << 20, ..short() };
    let served = Served::with(config).await;
    let text = "x".repeat(3 << 20);
    let steps = json!([{"type": "StaticTextInput", "input": text}]);
    let workflow = served.server.workflow(steps).await;
    let run = format!("{workflow}/execute?wait=true");
    assert_eq!(served.server.send("POST", &run, &[], Body::empty()).await.status, 200);
    let mut stream = connect(&served).await;
    let key = &served.server.key;
    // More than the buffers of a socket: many pipelined requests.
    let get = format!("GET {workflow} HTTP/1.1\r\nHost: x\r\nX-API-KEY: {key}\r\n\r\n").repeat(8);
    stream.write_all(get.as_bytes()).await.unwrap();
    let trickle = async {
        let mut some = [0; 512];
        let mut total = 0;
        loop {
            match stream.read(&mut some).await {
                Ok(0) => return total,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return total,
                read => total += read.unwrap(),
            }
            if total < 4 << 20 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    let total = tokio::time::timeout(PATIENCE, trickle).await.unwrap();
    assert!(total < 8 * (3 << 20), "{total} bytes");
}

#[tokio::test]
async fn serves_operators_when_all_connections_are_in_use() {
    let config = ApiConfig { max_connections: 2, reserved_connections: 1, ..ApiConfig::default() };
    let served = Served::with(config).await;
    let workflow = served.server.workflow(waiting_steps()).await;
    let execution = served.server.execution(&workflow).await;
    let mut taken = Vec::new();
    for _ in 0..2 {
        let mut stream = served.open(&format!("{execution}/events"), "").await;
        until(&mut stream, "event:").await;
        taken.push(stream);
    }
    for path in ["/workflows", "/api/v1/workflows", "/nowhere"] {
        let get = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let response = exchange(&served, &get).await;
        let head = response.to_lowercase();
        assert!(response.starts_with("HTTP/1.1 503 "), "{path}: {response}");
        assert!(head.contains("retry-after: 1\r\n"), "{response}");
        assert!(head.contains("connection: close\r\n"), "{response}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        let key = &served.server.key;
        let get = format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-API-KEY: {key}\r\n\r\n");
        let response = exchange(&served, &get).await;
        // The test's process records no metrics in every order of tests; it is not refused.
        assert!(!response.starts_with("HTTP/1.1 503"), "{path}: {response}");
    }
    drop(taken.pop());
    // Its place is free as soon as the server sees the end.
    let get = format!(
        "GET /workflows HTTP/1.1\r\nHost: x\r\nX-API-KEY: {}\r\nConnection: close\r\n\r\n",
        served.server.key
    );
    let again = async { while !exchange(&served, &get).await.starts_with("HTTP/1.1 200") {} };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn closes_silent_connections_for_active_ones() {
    let config = ApiConfig {
        max_connections: 4,
        reserved_connections: 1,
        first_byte_timeout_seconds: 3_600,
        ..ApiConfig::default()
    };
    let served = Served::with(config).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(connect(&served).await);
    }
    let get = format!(
        "GET /workflows HTTP/1.1\r\nHost: x\r\nX-API-KEY: {}\r\nConnection: close\r\n\r\n",
        served.server.key
    );
    // While the other connections are new, the request may be rejected with 503.
    let retrying = async { while !exchange(&served, &get).await.starts_with("HTTP/1.1 200") {} };
    tokio::time::timeout(PATIENCE, retrying).await.unwrap();
}

#[tokio::test]
async fn rejects_a_request_without_exactly_one_host() {
    let served = Served::start().await;
    for (path, code) in [
        ("/workflows", "/error/code"),
        ("/api/v1/workflows", "/errors/0/code"),
        ("/v1/workflow-deployments", "/detail"),
    ] {
        for hosts in ["", "Host: a\r\nHost: a\r\n", "Host: a/b\r\n"] {
            let key = &served.server.key;
            let get = format!(
                "GET {path} HTTP/1.1\r\n{hosts}X-API-KEY: {key}\r\nConnection: close\r\n\r\n"
            );
            let response = exchange(&served, &get).await;
            assert!(response.starts_with("HTTP/1.1 400 "), "{path} {hosts:?}: {response}");
            assert!(response.contains("Host"), "{response}");
            assert!(body(&response).pointer(code).is_some(), "{path}: {response}");
        }
    }
    let old = exchange(&served, "GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200"), "{old}");
}

#[tokio::test]
async fn rejects_requests_that_are_not_http() {
    let served = Served::start().await;
    let many = (0..150).map(|n| format!("X-{n}: 1\r\n")).collect::<String>();
    let get =
        |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    let long = "x".repeat(66_000);
    for (request, status, code) in [
        (get("/workflows", "Bad Header: x\r\n"), 400, "/error/code"),
        (get("/api/v1/workflows", "Bad Header: x\r\n"), 400, "/errors/0/code"),
        (get("/v1/workflow-deployments", "Bad Header: x\r\n"), 400, "/detail"),
        (get("/workflows", "Content-Length: x\r\n"), 400, "/error/code"),
        ("hello\r\n\r\n".to_owned(), 400, "/error/code"),
        ("\u{16}\u{3}\u{1}\u{2}".to_owned(), 400, "/error/code"),
        (get(&format!("/workflows?{long}"), ""), 414, "/error/code"),
        (get("/api/v1/workflows", &many), 431, "/errors/0/code"),
        (get("/workflows", &format!("X-A: {long}\r\n").repeat(3)), 431, "/error/code"),
        (get("/workflows", "Expect: 200-ok\r\n"), 417, "/error/code"),
        // After a request that is served.
        (get("/healthz", "") + &get("/workflows", "Bad Header: x\r\n"), 400, "/error/code"),
    ] {
        // The last one does not close by itself.
        let request =
            request.replace("Expect: 200-ok\r\n", "Expect: 200-ok\r\nConnection: close\r\n");
        let response = exchange(&served, &request).await;
        let shown = request.chars().take(60).collect::<String>();
        let at = response.rfind("HTTP/1.1 ").unwrap_or_else(|| panic!("{shown}: {response}"));
        let response = &response[at..];
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{shown}: {response}");
        let head = response.to_lowercase();
        for header in
            ["cache-control: no-store", "connection: close", "content-type: application/json"]
        {
            assert!(head.contains(&format!("\r\n{header}\r\n")), "{shown}: {response}");
        }
        let id = head.split("x-request-id: ").nth(1).unwrap().lines().next().unwrap();
        assert!(body(response).to_string().contains(id), "{shown}: {response}");
        assert!(body(response).pointer(code).is_some(), "{shown}: {response}");
    }
}

/// A client that is still sending a request that is too large can read why.
#[tokio::test]
async fn rejects_a_large_head_while_it_is_sent() {
    let served = Served::start().await;
    let mut stream = connect(&served).await;
    stream.write_all(b"GET /workflows?").await.unwrap();
    let part = vec![b'x'; 64 << 10];
    for _ in 0..64 {
        stream.write_all(&part).await.unwrap();
    }
    let response = until(&mut stream, "}").await;
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
    stream.write_all(&part).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(to_end(&mut stream).await, "");
}

/// A proxy continues to send after the response has arrived, and must be able to read the response.
#[tokio::test]
async fn rejects_a_body_immediately_and_announces_the_close() {
    let served = Served::start().await;
    let key = &served.server.key;
    let size = 20 << 20;
    for framing in [
        format!("Content-Length: {size}\r\nExpect: 100-continue\r\n"),
        format!("Content-Length: {size}\r\n"),
        "Transfer-Encoding: chunked\r\n".to_owned(),
    ] {
        let is_chunked = framing.starts_with("Transfer");
        let head = format!(
            "POST /workflows HTTP/1.1\r\nHost: x\r\nX-API-KEY: {key}\r\nContent-Type: application/json\r\n{framing}\r\n"
        );
        let mut stream = connect(&served).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        if is_chunked {
            // A chunk that is too large and has no end: the response does not wait for one.
            let chunk = [&b"2000000\r\n"[..], &vec![b' '; (16 << 20) + 1]].concat();
            stream.write_all(&chunk).await.unwrap();
        }
        let response = until(&mut stream, "}").await;
        assert!(response.starts_with("HTTP/1.1 413 "), "{framing}: {response}");
        assert!(response.to_lowercase().contains("connection: close\r\n"), "{response}");
        let rest = vec![b' '; 64 << 10];
        for _ in 0..100 {
            stream.write_all(&rest).await.unwrap();
        }
        stream.shutdown().await.unwrap();
        assert_eq!(to_end(&mut stream).await, "", "{framing}");
    }
}

#[tokio::test]
async fn announces_the_close_only_if_the_connection_closes() {
    let served = Served::start().await;
    for (headers, body, closes) in [
        ("Content-Length: 2\r\n", "{}", false),
        ("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n", false),
        ("Content-Length: 2\r\nExpect: 100-continue\r\n", "", true),
        ("Content-Length: 9999999\r\n", "{", true),
    ] {
        let head = format!("POST /workflows HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}");
        let mut stream = connect(&served).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let response = until(&mut stream, "}").await;
        assert!(response.starts_with("HTTP/1.1 401 "), "{headers}: {response}");
        let announced = response.to_lowercase().contains("connection: close\r\n");
        assert_eq!(announced, closes, "{headers}: {response}");
        if !closes {
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            assert!(until(&mut stream, "}").await.starts_with("HTTP/1.1 200"));
        }
    }
}
