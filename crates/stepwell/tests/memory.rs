//! The real server under requests that take much memory: what it has resident stays below the
//! documented bound, each request is answered or refused with 503, and small requests are served
//! meanwhile.
//!
//! By default inputs and budget are small. `STEPWELL_MEMORY_FULL=1` takes the default budget and the
//! largest inputs.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "the tests of scarcity use the rest")]
#[path = "scarce/server.rs"]
mod server;

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use server::{Server, serve};

const MIB: usize = 1 << 20;

/// What the server takes beside the budget: docs/operations.md, "Memory".
const BASE: usize = 256 * MIB;

/// How much is sent.
struct Load {
    budget: usize,
    readers: usize,
    /// Bytes of text of the execution that they read.
    read: usize,
    parsers: usize,
    /// Bytes of JSON that each parses.
    parsed: usize,
    programs: usize,
    /// How many values each makes.
    made: usize,
    uploads: usize,
    /// Bytes of each.
    uploaded: usize,
}

impl Load {
    fn chosen() -> Self {
        if std::env::var_os("STEPWELL_MEMORY_FULL").is_some() {
            return Self {
                budget: 512 * MIB,
                readers: 150,
                read: 8 * MIB - 4096,
                parsers: 32,
                parsed: 4 * MIB - 4096,
                programs: 16,
                made: 300_000,
                uploads: 32,
                uploaded: 16 * MIB,
            };
        }
        Self {
            budget: 64 * MIB,
            readers: 40,
            read: 2 * MIB,
            parsers: 16,
            parsed: MIB / 2,
            programs: 8,
            made: 100_000,
            uploads: 16,
            uploaded: 8 * MIB,
        }
    }
}

struct Client {
    server: Server,
    http: reqwest::Client,
}

impl Client {
    async fn create(&self, steps: Value) -> String {
        let url = format!("{}/workflows", self.server.url);
        let request = self.http.post(&url).json(&json!({"name": "m", "steps": steps}));
        let made: Value = self.server.send(request).await.json().await.unwrap();
        format!("{url}/{}", made["workflow_id"].as_str().unwrap())
    }

    /// Executes with a body as it is; the status and the answer.
    async fn execute(&self, workflow: &str, query: &str, body: String) -> (u16, Value) {
        let request = self.http.post(format!("{workflow}/execute{query}"));
        let request = request.header("content-type", "application/json").body(body);
        let answer = self.server.send(request).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Reads a response as it comes; the status and how long it is.
    async fn read(&self, url: &str) -> (u16, usize) {
        let answer = self.server.send(self.http.get(url)).await;
        let status = answer.status().as_u16();
        let mut length = 0;
        let mut chunks = answer.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            length += chunk.unwrap().len();
        }
        (status, length)
    }

    /// A figure of the process in bytes: `VmHWM` is the most that it ever had resident.
    fn memory(&self, figure: &str) -> usize {
        let status = format!("/proc/{}/status", self.server.child.id());
        let text = std::fs::read_to_string(status).unwrap();
        let line = text.lines().find(|line| line.starts_with(figure)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
    }

    /// Checks the most memory that was resident so far.
    fn check(&self, load: &Load, what: &str) {
        let (most, bound) = (self.memory("VmHWM:"), load.budget + BASE);
        println!("{what}: {} MiB of {} MiB", most / MIB, bound / MIB);
        assert!(most <= bound, "{what}: {most} bytes resident; {bound} are allowed");
    }
}

/// Statuses that the server may answer under load; how many succeeded.
fn served(what: &str, statuses: impl IntoIterator<Item = u16>) -> usize {
    let statuses: Vec<u16> = statuses.into_iter().collect();
    let unexpected = statuses.iter().find(|status| !matches!(**status, 200..=299 | 503));
    assert_eq!(unexpected, None, "{what}: {statuses:?}");
    let served = statuses.iter().filter(|status| **status != 503).count();
    println!("{what}: {served} of {} served", statuses.len());
    assert!(served > 0, "{what}: none is served");
    served
}

#[tokio::test(flavor = "multi_thread")]
async fn resident_memory_stays_within_the_bound() {
    let load = Load::chosen();
    let data = tempfile::tempdir().unwrap();
    let mut command = serve(data.path());
    command.env("STEPWELL__ENGINE__MEMORY_BUDGET_BYTES", load.budget.to_string());
    command.args(["--log-level", "error"]).stderr(Stdio::inherit());
    let server = Server::spawn(data, command).await;
    let client = Arc::new(Client { server, http: Server::http() });
    let small = client.create(json!([{"type": "Echo", "input": "x"}])).await;
    client.check(&load, "started");

    let over = Arc::new(AtomicBool::new(false));
    let slowest = Arc::new(AtomicUsize::new(0));
    let small_ones = tokio::spawn({
        let (client, over, slowest) = (client.clone(), over.clone(), slowest.clone());
        let small = small.clone();
        async move {
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let (status, answer) = client.execute(&small, "?wait=true", "{}".into()).await;
                assert_eq!((status, &answer["status"]), (200, &json!("COMPLETED")), "{answer}");
                slowest.fetch_max(begun.elapsed().as_millis() as usize, Ordering::Relaxed);
                count += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            count
        }
    });

    readers(&client, &load).await;
    client.check(&load, "readers");
    parsers(&client, &load).await;
    client.check(&load, "Json.Parse");
    programs(&client, &load).await;
    client.check(&load, "Json.Query");
    uploads(&client, &load, &small).await;
    client.check(&load, "uploads");

    over.store(true, Ordering::Relaxed);
    let count: usize = small_ones.await.unwrap();
    println!("{count} small requests, the slowest {} ms", slowest.load(Ordering::Relaxed));
    assert!(count > 10);
    returned(&client).await;
}

/// Many readers of one large execution.
async fn readers(client: &Client, load: &Load) {
    let steps = json!([{"type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"}]);
    let workflow = client.create(steps).await;
    let text = "x".repeat(load.read / 2);
    let body = json!({"input": {"text": text}}).to_string();
    let (status, answer) = client.execute(&workflow, "?wait=true", body).await;
    assert_eq!((status, &answer["status"]), (200, &json!("COMPLETED")));
    let id = answer["execution_id"].as_str().unwrap();
    drop(text);
    let url = format!("{workflow}/executions/{id}");
    let answers = join_all((0..load.readers).map(|_| client.read(&url))).await;
    let served = served("readers", answers.iter().map(|(status, _)| *status));
    let whole = answers.iter().filter(|(_, length)| *length > load.read).count();
    assert_eq!(whole, served, "a response is whole or refused");
}

/// Texts of which the values take many times their length.
async fn parsers(client: &Client, load: &Load) {
    let steps = json!([
        {"id": "parse", "type": "Json.Parse", "input": "{{ inputs.text }}"},
        {"id": "pick", "type": "Json.Query", "input": {"value": 1}, "after": ["parse"],
            "config": {"query": "."}}
    ]);
    let workflow = client.create(steps).await;
    let text = format!("[{}0]", "[],".repeat(load.parsed / 3));
    let body = json!({"input": {"text": text}}).to_string();
    execute_all(client, "Json.Parse", (&workflow, &body), load.parsers).await;
}

/// Programs that make many values of nothing.
async fn programs(client: &Client, load: &Load) {
    let query = format!("[range({})] | map([.]) | length", load.made);
    let steps = json!([{"type": "Json.Query", "input": {"value": 1}, "config": {"query": query}}]);
    let workflow = client.create(steps).await;
    execute_all(client, "Json.Query", (&workflow, "{}"), load.programs).await;
}

/// Executes at once; each execution completes, or its step found no memory.
async fn execute_all(client: &Client, what: &str, (workflow, body): (&str, &str), count: usize) {
    let one = || client.execute(workflow, "?wait=true&timeout=60s", body.to_owned());
    let answers = join_all((0..count).map(|_| one())).await;
    served(what, answers.iter().map(|(status, _)| *status));
    let mut completed = 0;
    for (_, answer) in answers.iter().filter(|(status, _)| *status == 200) {
        let code = &answer["error"]["code"];
        let limits = ["MEMORY_SHORTAGE", "QUERY_LIMIT", "VALUE_TOO_LARGE"];
        match answer["status"].as_str().unwrap() {
            "COMPLETED" => completed += 1,
            "FAILED" => {
                assert!(limits.iter().any(|limit| code == limit), "{what}: {code}");
                println!("{what}: {code}");
            }
            other => panic!("{what}: {other}"),
        }
    }
    println!("{what}: {completed} of {count} completed");
    assert!(completed > 0, "{what}: none completes");
}

/// Bodies of the largest size.
async fn uploads(client: &Client, load: &Load, workflow: &str) {
    let body = format!("{{\"input\": {{}}{}}}", " ".repeat(load.uploaded - 20));
    let answers = join_all((0..load.uploads).map(|_| client.execute(workflow, "", body.clone())));
    served("uploads", answers.await.iter().map(|(status, _)| *status));
}

/// The memory that was in use goes back to the system.
async fn returned(client: &Client) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let resident = client.memory("VmRSS:");
        if resident <= BASE {
            println!("{} MiB are left", resident / MIB);
            return;
        }
        assert!(Instant::now() < deadline, "{resident} bytes are still resident");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
