//! An HTTP server that shows what it was sent, now and later.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request, headers in lower case.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    pub head: String,
    pub body: String,
}

pub struct Echo {
    pub url: String,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Echo {
    /// `/keep` returns `{}`. The others show the header `x-tok` of the first request ever, however
    /// it is sent: `/json`, `/text`, `/binary/N` (after N bytes), `/bare` (without a type),
    /// `/fail/N` (status 418, after N bytes), `/utf16`, `/header`, `/key`, `/number`.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sent: Arc<Mutex<Vec<Sent>>> = Arc::default();
        let all = sent.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, all.clone()));
            }
        });
        Self { url, sent }
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, all: Arc<Mutex<Vec<Sent>>>) {
    let mut buffer = Vec::new();
    loop {
        let Some(request) = read(&mut stream, &mut buffer).await else { return };
        let response = {
            let mut all = all.lock().unwrap();
            all.push(request.clone());
            respond(&request, &all[0])
        };
        if stream.write_all(&response).await.is_err() {
            return;
        }
    }
}

fn respond(request: &Sent, first: &Sent) -> Vec<u8> {
    let path = request.head.split(' ').nth(1).unwrap_or_default().to_owned();
    let shown = first.head.lines().find_map(|line| line.strip_prefix("x-tok: "));
    let shown = shown.unwrap_or("nothing");
    let part = |n: usize| path.split('/').nth(n).unwrap_or_default();
    let before = || part(2).parse().unwrap_or(0);
    let (status, kind, body) = match part(1) {
        "keep" => (200, "application/json", b"{}".to_vec()),
        "json" => (200, "application/json", format!("{{\"seen\":[\"x {shown}\"]}}").into_bytes()),
        "key" => (200, "application/json", format!("{{\"{shown}\":1}}").into_bytes()),
        "number" => (200, "application/json", format!("{{\"n\":{shown}}}").into_bytes()),
        "text" => (200, "text/plain", format!("you sent {shown}.").into_bytes()),
        "binary" => {
            let body = [&vec![0xff; before()], shown.as_bytes(), b"\xfe"].concat();
            (200, "application/octet-stream", body)
        }
        "bare" => (200, "", [b"\xff".as_slice(), shown.as_bytes()].concat()),
        "utf16" => (
            200,
            "application/octet-stream",
            shown.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        "fail" => (418, "text/plain", format!("{}{shown} end", "x".repeat(before())).into_bytes()),
        "header" => (200, "application/json", b"{}".to_vec()),
        _ => (404, "text/plain", b"no such page".to_vec()),
    };
    let header = if part(1) == "header" { format!("x-seen: {shown}\r\n") } else { String::new() };
    let kind = if kind.is_empty() { String::new() } else { format!("content-type: {kind}\r\n") };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\n{kind}{header}content-length: {length}\r\n\r\n");
    [head.into_bytes(), body].concat()
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Sent> {
    loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            let all = end + 4 + length.unwrap_or(0_usize);
            if buffer.len() >= all {
                let body = String::from_utf8_lossy(&buffer[end + 4..all]).into_owned();
                buffer.drain(..all);
                return Some(Sent { head, body });
            }
        }
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok()?;
        if read == 0 {
            return None;
        }
        buffer.extend_from_slice(&chunk[..read]);
    }
}
