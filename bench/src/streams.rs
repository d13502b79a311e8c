//! Streams: the time to the first event, and the events per second of many concurrent streams.
//!
//! The client reads raw bytes and only counts line ends, so that its own cost is not measured.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::server::Server;
use crate::{Row, baseline};

/// The number of concurrent streams.
const STREAMS: usize = 64;

/// The pieces of text in each stream.
const PIECES: usize = 1000;

/// How often the time to the first event is measured.
const FIRST_EVENTS: usize = 500;

/// How long the load lasts.
const LOAD: Duration = Duration::from_secs(8);

/// The end of a chunked body. No line of JSON ends with it.
const BODY_END: &[u8] = b"\r\n0\r\n\r\n";

/// Measures the server, then the baseline with lines of the same size.
pub fn rows(server: &Server) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    server.create(&json!({"name": "stream", "inputs": {"text": "string"},
        "steps": [{"id": "say", "type": "StreamText", "input": "{{ inputs.text }}"}],
        "outputs": {"text": "{{ steps.say.output.text }}"}}))?;
    let body = |text: &str| {
        json!({"workflow_deployment_name": "stream",
            "inputs": [{"type": "STRING", "name": "text", "value": text}]})
    };
    let post = |body: &Value| request("/v1/execute-workflow-stream", &server.key, body);

    let one = post(&body("word"));
    let firsts = runtime.block_on(first_event_times(server.address(), &one))?;
    let before = server.memory_mb()?;
    // Three more lines than pieces: `INITIATED`, the whole output, and `FULFILLED`.
    let load = Load { request: post(&body(&"word ".repeat(PIECES))), lines: PIECES + 3 };
    let ours = runtime.block_on(load.run(server.address()))?;
    let after = server.memory_mb()?;

    let baseline = baseline::start()?;
    let lines = json!([load.lines, ours.line_bytes]);
    let load = Load { request: request("/lines", "none", &lines), lines: load.lines };
    let baseline = runtime.block_on(load.run(baseline.address()))?;

    let row = |name, value, target| Row { name, value, target };
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
        row("baseline with such lines", format!("{:.0} lines/s", baseline.per_second), ""),
        row("ratio to the baseline", format!("{:.2}", ours.per_second / baseline.per_second), ""),
        row("memory before / after streams", format!("{before:.1}, {after:.1} MB"), ""),
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
async fn first_event_times(address: &str, request: &[u8]) -> Result<(Duration, Duration)> {
    let mut connection = Connection::open(address).await?;
    let mut times = Vec::with_capacity(FIRST_EVENTS);
    for _ in 0..FIRST_EVENTS {
        times.push(connection.read_stream(request).await?.first);
    }
    times.sort_unstable();
    Ok((times[FIRST_EVENTS / 2], times[FIRST_EVENTS * 99 / 100]))
}

/// Repeats the same request on many connections.
struct Load {
    request: Vec<u8>,
    /// The lines that each response must have.
    lines: usize,
}

struct Throughput {
    per_second: f64,
    /// The mean size of a line.
    line_bytes: usize,
}

impl Load {
    async fn run(&self, address: &str) -> Result<Throughput> {
        let start = Instant::now();
        let mut readers = JoinSet::new();
        for _ in 0..STREAMS {
            let mut connection = Connection::open(address).await?;
            let (request, expect) = (self.request.clone(), self.lines);
            readers.spawn(async move {
                let (mut lines, mut bytes) = (0, 0);
                while start.elapsed() < LOAD {
                    let stream = connection.read_stream(&request).await?;
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
        let per_second = lines as f64 / start.elapsed().as_secs_f64();
        Ok(Throughput { per_second, line_bytes: bytes / lines.max(1) })
    }
}

struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

/// The measurements of one response.
struct StreamStats {
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

    /// Sends the request and reads the whole response.
    async fn read_stream(&mut self, request: &[u8]) -> Result<StreamStats> {
        let start = Instant::now();
        self.socket.write_all(request).await?;
        let mut stream = StreamStats { first: Duration::ZERO, lines: 0, bytes: 0 };
        // The last bytes of each read are kept before the next one, to find the end across reads.
        let keep = BODY_END.len();
        let mut kept = 0;
        loop {
            let read = self.socket.read(&mut self.buffer[kept..]).await?;
            ensure!(read > 0, "the response ended after {} lines", stream.lines);
            let filled = kept + read;
            if kept == 0 && !self.buffer.starts_with(b"HTTP/1.1 200") {
                bail!("rejected: {}", String::from_utf8_lossy(&self.buffer[..filled]));
            }
            stream.lines += count_lines(&self.buffer[..filled], kept);
            stream.bytes += read;
            if stream.first.is_zero() && stream.lines > 0 {
                stream.first = start.elapsed();
            }
            if self.buffer[..filled].ends_with(BODY_END) {
                return Ok(stream);
            }
            let from = filled.saturating_sub(keep);
            self.buffer.copy_within(from..filled, 0);
            kept = filled - from;
        }
    }
}

/// Counts the lines of JSON that end in the buffer after the first `kept` bytes, which are counted
/// already. The line ends of the chunk framing do not follow a brace.
fn count_lines(buffer: &[u8], kept: usize) -> usize {
    let ends = memchr::memchr_iter(b'\n', &buffer[kept..]);
    ends.filter(|at| (kept + at).checked_sub(1).is_some_and(|at| buffer[at] == b'}')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_counted_once() {
        let text = b"200 OK\r\n\r\n8\r\n{}\n{}\n\n\n\r\n0\r\n\r\n";
        assert_eq!(count_lines(text, 0), 2);
        for cut in 1..text.len() {
            assert_eq!(count_lines(&text[..cut], 0) + count_lines(text, cut), 2, "{cut}");
        }
    }
}
