//! Hostile requests to every operation of the API's description.

use reqwest::RequestBuilder;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::json;

use crate::Topic;
use crate::operations::{Operation, check, description, operations};
use crate::random::{Random, hostile, mutate, sample, to_bytes};
use crate::target::Target;
use crate::world::World;

/// Requests between two new worlds: they delete what they find.
const REQUESTS_PER_WORLD: usize = 1500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_breaks_an_endpoint() {
    let mut topic = Topic::begin("endpoints").await;
    let target = Target::start().await;
    let description = description();
    let operations = operations(&description);
    let mut sent = 0;
    loop {
        let world = World::new(&target, &operations).await;
        for _ in 0..REQUESTS_PER_WORLD.div_ceil(operations.len()) {
            for operation in &operations {
                let request = Request::new(operation, &description, &world, &mut topic.random);
                request.send(&target).await;
                sent += 1;
            }
            if topic.is_over() {
                break;
            }
        }
        if topic.is_over() {
            break;
        }
    }
    println!("{sent} requests");
    target.finish().await;
}

struct Request {
    method: String,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Vec<u8>>,
}

impl Request {
    fn new(
        operation: &Operation,
        description: &serde_json::Value,
        world: &World,
        random: &mut Random,
    ) -> Self {
        let path = world.fill_hostile(&operation.path, random) + &query(operation, random);
        let headers = headers(operation, random);
        let body = match &operation.body {
            _ if random.one_in(5) => Some(raw_body(random)),
            Some(schema) => {
                let mut body = sample(schema, description, random, 8);
                (0..random.below(3)).for_each(|_| mutate(&mut body, random));
                Some(to_bytes(&body))
            }
            None => random.one_in(3).then(|| b"{}".to_vec()),
        };
        Self { method: operation.method.clone(), path, headers, body }
    }

    async fn send(self, target: &Target) {
        let mut request: RequestBuilder =
            target.request(&self.method, &self.path).header("x-api-key", &target.server.key);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        // Endless event streams and waits are not the subject of this test.
        let request = request.timeout(crate::target::LIMIT);
        let body = self.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let body: String = body.chars().take(3000).collect();
        let shown = format!("{} {:.300}\n{:?}\n{body}", self.method, self.path, self.headers);
        let reply = target.send(request).await;
        let reply = reply.unwrap_or_else(|| panic!("no response: {shown}\n{}", target.log()));
        check(&shown, &self.path, &reply);
        assert_ne!(reply.status, 401, "the key of this test is spoiled: {shown}");
    }
}

fn query(operation: &Operation, random: &mut Random) -> String {
    let values = [
        "",
        "0",
        "-1",
        "1",
        "99999999999999999999",
        "1e3",
        "%00",
        "%ff",
        "null",
        "true",
        "a%26b",
        "2026-01-31T09:00:00Z",
        "9999999h",
        "1ms",
        "desc",
        "%F0%9F%98%80",
        "{}",
        "[",
        "LATEST",
        "%",
    ];
    let unknown = ["unknown", "pag", "__proto__", "metadata.a", "%00"];
    let mut pairs = Vec::new();
    for name in operation.named("query") {
        // A client may wait for the end of an execution.
        if random.one_in(4) && name != "wait" {
            pairs.push(format!("{name}={}", random.pick(&values)));
        }
    }
    if random.one_in(4) {
        pairs.push(format!("{}={}", random.pick(&unknown), random.pick(&values)));
    }
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

fn headers(operation: &Operation, random: &mut Random) -> Vec<(HeaderName, HeaderValue)> {
    let values: [&[u8]; 14] = [
        b"",
        b"*",
        b"\xff\xfe",
        b"0",
        b"-1",
        b"99999999999999999999",
        b"\"a\", W/\"b\"",
        b"null",
        b"application/json",
        b"text/html;q=x",
        b"gzip, br, x",
        b"{\"a\": 1}",
        &[b'a'; 300],
        &[b'k'; 6000],
    ];
    let usual = [
        "accept",
        "content-encoding",
        "if-match",
        "if-none-match",
        "idempotency-key",
        "range",
        "last-event-id",
        "x-request-id",
        "x-forwarded-for",
        "origin",
        "x-secret-marked",
        "x-openai-key",
        "cookie",
        "forwarded",
        "traceparent",
        "accept-encoding",
        "te",
        "x-http-method-override",
    ];
    let mut all = Vec::new();
    let declared: Vec<&str> = operation.named("header").collect();
    for _ in 0..random.below(3) {
        let from = if declared.is_empty() || random.one_in(2) { &usual[..] } else { &declared[..] };
        let name = random.pick(from).parse().unwrap();
        let value = values[random.below(values.len())];
        all.push((name, HeaderValue::from_bytes(value).unwrap()));
    }
    let content = if random.one_in(8) {
        [
            "text/plain",
            "application/xml",
            "",
            "application/json; charset=utf-16",
            "multipart/form-data",
        ][random.below(5)]
    } else {
        "application/json"
    };
    all.push((reqwest::header::CONTENT_TYPE, HeaderValue::from_static(content)));
    all
}

/// Bodies that are independent of a schema.
fn raw_body(random: &mut Random) -> Vec<u8> {
    let deep = |open: &str, count: usize| open.repeat(count).into_bytes();
    match random.below(14) {
        0 => Vec::new(),
        1 => b"\xff\xfe\x00\x00".to_vec(),
        2 => b"\xef\xbb\xbf{}".to_vec(),
        3 => deep("[", 200_000),
        4 => deep("{\"a\":", 50_000),
        5 => b"{\"name\": 1, \"name\": 2, \"name\": 3}".to_vec(),
        6 => b"{\"a\": 1e999999999}".to_vec(),
        7 => format!("{{\"limit\": {}}}", "9".repeat(10_000)).into_bytes(),
        8 => b"{\"name\": \"\\ud800\\u0000\"}".to_vec(),
        9 => b"{} {}".to_vec(),
        10 => b"{\"a\": ".to_vec(),
        11 => [b"{\"name\": \"".as_slice(), &[0xc3; 4000], b"\"}"].concat(),
        12 => format!("[{}0]", "0,".repeat(300_000)).into_bytes(),
        _ => to_bytes(&json!(hostile(random))),
    }
}
