//! A small HTTP server that records requests and sends configured responses.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone)]
pub struct Call {
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Call {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }
}

pub struct Receiver {
    pub url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    count: watch::Receiver<usize>,
    /// The status of all further responses; 1: those given at the start.
    now: Arc<AtomicU16>,
    /// Header lines of each response.
    headers: Arc<Mutex<String>>,
    /// The body of each response.
    body: Arc<Mutex<String>>,
}

impl Receiver {
    /// Responds with these statuses in order, and then always with the last one; 0: no response.
    pub async fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (counted, count) = watch::channel(0);
        let (all, statuses) = (calls.clone(), statuses.to_vec());
        let now = Arc::new(AtomicU16::new(1));
        let status = now.clone();
        let headers: Arc<Mutex<String>> = Arc::default();
        let sent_headers = headers.clone();
        let body = Arc::new(Mutex::new("{}".to_owned()));
        let sent_body = body.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, statuses, counted) = (all.clone(), statuses.clone(), counted.clone());
                let (status, headers) = (status.clone(), sent_headers.clone());
                let body = sent_body.clone();
                tokio::spawn(async move {
                    serve(stream, &all, (&statuses, &status, &headers, &body), &counted).await;
                });
            }
        });
        Self { url, calls, count, now, headers, body }
    }

    /// Responds with this status from now on.
    pub fn respond_with(&self, status: u16) {
        self.now.store(status, Ordering::SeqCst);
    }

    /// Sends these header lines from now on, each with its line break.
    pub fn send_headers(&self, lines: &str) {
        lines.clone_into(&mut self.headers.lock().unwrap());
    }

    /// Sends this body in each response from now on.
    pub fn send_body(&self, body: &str) {
        body.clone_into(&mut self.body.lock().unwrap());
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// Waits until that many calls came.
    pub async fn at_least(&self, wanted: usize) -> Vec<Call> {
        let mut count = self.count.clone();
        let reached = count.wait_for(|count| *count >= wanted);
        tokio::time::timeout(crate::support::PATIENCE, reached).await.expect("in time").unwrap();
        self.calls()
    }
}

async fn serve(
    mut stream: TcpStream,
    all: &Mutex<Vec<Call>>,
    (statuses, now, headers, body): (&[u16], &AtomicU16, &Mutex<String>, &Mutex<String>),
    counted: &watch::Sender<usize>,
) {
    let mut buffer = Vec::new();
    loop {
        let Some(call) = read(&mut stream, &mut buffer).await else { return };
        let status = {
            let mut calls = all.lock().unwrap();
            calls.push(call);
            counted.send_replace(calls.len());
            match now.load(Ordering::SeqCst) {
                1 => statuses[(calls.len() - 1).min(statuses.len() - 1)],
                status => status,
            }
        };
        if status == 0 {
            return std::future::pending().await;
        }
        let more = headers.lock().unwrap().clone();
        let body = body.lock().unwrap().clone();
        let length = body.len();
        let response = format!(
            "HTTP/1.1 {status} X\r\n{more}content-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        if stream.write_all(response.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Call> {
    loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let headers: Vec<(String, String)> = head
                .lines()
                .skip(1)
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
                .collect();
            let length = headers.iter().find(|(n, _)| n == "content-length");
            let length: usize = length.and_then(|(_, v)| v.parse().ok()).unwrap_or(0);
            if buffer.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&buffer[end + 4..end + 4 + length]).into_owned();
                buffer.drain(..end + 4 + length);
                return Some(Call { headers, body });
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
