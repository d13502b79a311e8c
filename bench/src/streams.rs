//! Streams: the time to the first event, and how many events a second many streams carry together.
//!
//! The client reads raw bytes and counts ends of lines; it looks at nothing else, so that it does
//! not measure itself.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::server::Server;
use crate::{Row, bare};

/// How many streams are read at once.
const STREAMS: usize = 64;

/// How many pieces of text each of them carries.
const PIECES: usize = 1000;

/// How many times the first event is waited for.
const FIRSTS: usize = 500;

/// How long streams are read.
const LOAD: Duration = Duration::from_secs(8);

/// What ends a body of chunks. No line of JSON ends so.
const END: &[u8] = b"\r\n0\r\n\r\n";

/// Measures the server on its own, then the bare writer with lines of the same size.
pub fn rows(server: &Server) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    server.create(&json!({"name": "stream", "inputs": {"text": "string"},
        "steps": [{"id": "say", "type": "StreamText", "input": "{{ inputs.text }}"}],
        "outputs": {"answer": "{{ steps.say.output.text }}"}}))?;
    let ask = |text: &str| {
        json!({"workflow_deployment_name": "stream",
            "inputs": [{"type": "STRING", "name": "text", "value": text}]})
    };
    let post = |body: &Value| request("/v1/execute-workflow-stream", &server.key, body);

    let one = post(&ask("word"));
    let firsts = runtime.block_on(firsts(server.address(), &one))?;
    let before = server.memory_mb()?;
    // Beside the pieces: `INITIATED`, the whole output, and `FULFILLED`.
    let load = Load { request: post(&ask(&"word ".repeat(PIECES))), lines: PIECES + 3 };
    let ours = runtime.block_on(load.run(server.address()))?;
    let after = server.memory_mb()?;

    let bare = bare::start()?;
    let lines = json!([load.lines, ours.line_bytes]);
    let load = Load { request: request("/lines", "none", &lines), lines: load.lines };
    let bare = runtime.block_on(load.run(bare.address()))?;

    let row = |what, value, wanted| Row { what, value, wanted };
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    Ok(vec![
        row(
            "stream: first event p50 / p99",
            format!("{:.2} / {:.2} ms", millis(firsts.0), millis(firsts.1)),
            "p50 < 5 ms",
        ),
        row(
            "stream: 64 of 1000 pieces",
            format!("{:.0} events/s ({} bytes each)", ours.per_second, ours.line_bytes),
            ">= 100,000/s",
        ),
        row("bare writer of such lines", format!("{:.0} lines/s", bare.per_second), ""),
        row("ratio to the bare writer", format!("{:.2}", ours.per_second / bare.per_second), ""),
        row("memory before, after streams", format!("{before:.1}, {after:.1} MB"), ""),
    ])
}

fn request(path: &str, key: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    (head + &body).into_bytes()
}

/// The time from the request to the first event: p50 and p99, one stream at a time.
async fn firsts(address: &str, request: &[u8]) -> Result<(Duration, Duration)> {
    let mut connection = Connection::open(address).await?;
    let mut times = Vec::with_capacity(FIRSTS);
    for _ in 0..FIRSTS {
        times.push(connection.stream(request).await?.first);
    }
    times.sort_unstable();
    Ok((times[FIRSTS / 2], times[FIRSTS * 99 / 100]))
}

/// The same request again and again, on many connections.
struct Load {
    request: Vec<u8>,
    /// How many lines each answer must have.
    lines: usize,
}

struct Carried {
    per_second: f64,
    /// The mean size of a line.
    line_bytes: usize,
}

impl Load {
    async fn run(&self, address: &str) -> Result<Carried> {
        let began = Instant::now();
        let mut readers = JoinSet::new();
        for _ in 0..STREAMS {
            let mut connection = Connection::open(address).await?;
            let (request, expect) = (self.request.clone(), self.lines);
            readers.spawn(async move {
                let (mut lines, mut bytes) = (0, 0);
                while began.elapsed() < LOAD {
                    let stream = connection.stream(&request).await?;
                    ensure!(stream.lines == expect, "{} lines of {expect}", stream.lines);
                    lines += stream.lines;
                    bytes += stream.bytes;
                }
                Ok((lines, bytes))
            });
        }
        let (mut lines, mut bytes) = (0, 0);
        while let Some(reader) = readers.join_next().await {
            let read = reader??;
            lines += read.0;
            bytes += read.1;
        }
        let per_second = lines as f64 / began.elapsed().as_secs_f64();
        Ok(Carried { per_second, line_bytes: bytes / lines.max(1) })
    }
}

struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

/// What one answer was.
struct Stream {
    first: Duration,
    lines: usize,
    bytes: usize,
}

impl Connection {
    async fn open(address: &str) -> Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: vec![0; 64 << 10] })
    }

    /// Sends the request and reads the answer to its end.
    async fn stream(&mut self, request: &[u8]) -> Result<Stream> {
        let began = Instant::now();
        self.socket.write_all(request).await?;
        let mut stream = Stream { first: Duration::ZERO, lines: 0, bytes: 0 };
        // The last bytes of the read before, in front of each read.
        let keep = END.len();
        let mut kept = 0;
        loop {
            let read = self.socket.read(&mut self.buffer[kept..]).await?;
            ensure!(read > 0, "the answer broke off after {} lines", stream.lines);
            let filled = kept + read;
            if kept == 0 && !self.buffer.starts_with(b"HTTP/1.1 200") {
                bail!("refused: {}", String::from_utf8_lossy(&self.buffer[..filled]));
            }
            stream.lines += lines(&self.buffer[..filled], kept);
            stream.bytes += read;
            if stream.first.is_zero() && stream.lines > 0 {
                stream.first = began.elapsed();
            }
            if self.buffer[..filled].ends_with(END) {
                return Ok(stream);
            }
            let from = filled.saturating_sub(keep);
            self.buffer.copy_within(from..filled, 0);
            kept = filled - from;
        }
    }
}

/// How many lines of JSON end in what was read; the first `kept` bytes were looked at before.
/// The ends of lines that frame the chunks follow no brace.
fn lines(buffer: &[u8], kept: usize) -> usize {
    let ends = memchr::memchr_iter(b'\n', &buffer[kept..]);
    ends.filter(|at| (kept + at).checked_sub(1).is_some_and(|at| buffer[at] == b'}')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_ends_of_lines_once() {
        let text = b"200 OK\r\n\r\n8\r\n{}\n{}\n\n\n\r\n0\r\n\r\n";
        assert_eq!(lines(text, 0), 2);
        for cut in 1..text.len() {
            assert_eq!(lines(&text[..cut], 0) + lines(text, cut), 2, "{cut}");
        }
    }
}
