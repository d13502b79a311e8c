//! `HttpRequest` with a fake client that returns prepared responses.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use stepwell_core::catalog::Effect;
use stepwell_core::redact::NoSecrets;
use tokio::time::Instant;

use super::HttpRequest;
use crate::memory::UnlimitedMemory;
use crate::testing::assert_valid;
use crate::{
    OutboundClient, OutboundError, OutboundRequest, OutboundResponse, RedirectPolicy, RunContext,
    StepBehaviour, StepFailure, StepType, WorkingMemory,
};

type PreparedResponse = Result<OutboundResponse, OutboundError>;

/// Returns the prepared responses in order and keeps the requests.
struct FakeClient {
    responses: Mutex<VecDeque<PreparedResponse>>,
    requests: Mutex<Vec<OutboundRequest>>,
}

#[async_trait]
impl OutboundClient for FakeClient {
    async fn send_request(
        &self,
        request: OutboundRequest,
        _: &dyn WorkingMemory,
    ) -> PreparedResponse {
        self.requests.lock().unwrap().push(request);
        self.responses.lock().unwrap().pop_front().expect("a request too many")
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> OutboundResponse {
    let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let headers: BTreeMap<String, String> = headers;
    let retry_after = headers.get("retry-after").map(|pause| pause.parse().unwrap());
    OutboundResponse {
        status,
        headers,
        body: body.to_vec(),
        url: "https://a.example/x?k=1".into(),
        retry_after: retry_after.map(Duration::from_secs),
        ..OutboundResponse::default()
    }
}

struct TestRun {
    result: Result<Value, StepFailure>,
    requests: Vec<OutboundRequest>,
    log: Vec<String>,
}

async fn run(input: Value, config: Value, responses: Vec<PreparedResponse>) -> TestRun {
    let spec = HttpRequest.type_spec();
    assert_valid(&spec.input, &input, "input");
    assert_valid(&spec.config, &config, "config");
    let outside =
        FakeClient { responses: Mutex::new(responses.into()), requests: Mutex::default() };
    let log = Mutex::new(Vec::new());
    let keep = |_: &'static str, line: String| log.lock().unwrap().push(line);
    let ctx = RunContext {
        input: Arc::new(input),
        config: &config,
        idempotency_key: "e/s/0",
        attempt: 1,
        outbound: &outside,
        log: &keep,
        checkpoint: None,
        save_checkpoint: &|_| {},
        delta: &|_| {},
        memory: &UnlimitedMemory,
        redact: &NoSecrets,
    };
    let StepBehaviour::Async(code) = HttpRequest.type_behaviour() else { panic!("not async") };
    let result = code(&ctx).await.map(|output| Value::clone(&output.value));
    if let Ok(output) = &result {
        assert_valid(&spec.output, output, "output");
    }
    drop(ctx);
    TestRun {
        result,
        requests: outside.requests.into_inner().unwrap(),
        log: log.into_inner().unwrap(),
    }
}

const URL: &str = "https://a.example/x";

#[tokio::test]
async fn sends_what_is_configured() {
    let json_type = Some("application/json");
    for (input, config, url, content_type, body) in [
        (json!({}), json!({}), URL, None, None),
        (json!({"body": "fed"}), json!({}), URL, None, None),
        (json!({"body": 1}), json!({"method": "HEAD"}), URL, None, None),
        (
            json!({}),
            json!({"query": {"a": ["x y", 2], "b": true, "c": null}}),
            "https://a.example/x?a=x+y&a=2&b=true",
            None,
            None,
        ),
        (json!({}), json!({"method": "POST"}), URL, None, None),
        (json!({"body": {"é": 1}}), json!({"method": "PUT"}), URL, json_type, Some("{\"é\":1}")),
        (json!({"body": null}), json!({"method": "PATCH"}), URL, json_type, Some("null")),
        (json!({"body": "x"}), json!({"method": "DELETE", "body_type": "none"}), URL, None, None),
        (
            json!({"body": {"a": ["1", 2], "b": "x&y"}}),
            json!({"method": "POST", "body_type": "form"}),
            URL,
            Some("application/x-www-form-urlencoded"),
            Some("a=1&a=2&b=x%26y"),
        ),
        (
            json!({"body": "hé\r\n"}),
            json!({"method": "POST", "body_type": "text"}),
            URL,
            Some("text/plain; charset=utf-8"),
            Some("hé\r\n"),
        ),
        (
            json!({"body": "<a/>"}),
            json!({"method": "POST", "body_type": "text", "headers": {"content-type": "text/xml"}}),
            URL,
            Some("text/xml"),
            Some("<a/>"),
        ),
    ] {
        let mut config = config;
        config["url"] = URL.into();
        let ran = run(input.clone(), config.clone(), vec![Ok(response(200, &[], b""))]).await;
        ran.result.unwrap();
        let request = &ran.requests[0];
        let header = |name: &str| {
            let mut found = request.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
            let value = found.next().map(|(_, value)| value.as_str());
            assert!(found.next().is_none(), "{name} is sent twice");
            value
        };
        assert_eq!(request.url, url, "{config}");
        assert_eq!(header("content-type"), content_type, "{config}");
        let sent = request.body.as_deref().map(|bytes| std::str::from_utf8(bytes).unwrap());
        assert_eq!(sent, body, "{input} {config}");
        let external = HttpRequest.type_spec().effect_of.unwrap()(&config) == Effect::External;
        assert_eq!(header("idempotency-key"), external.then_some("e/s/0"), "{config}");
    }
}

#[tokio::test]
async fn keeps_an_idempotency_key_that_is_given() {
    let config = json!({"url": URL, "method": "POST", "headers": {"idempotency-key": "mine"}});
    let ran = run(json!({}), config, vec![Ok(response(200, &[], b""))]).await;
    assert_eq!(ran.requests[0].headers, [("idempotency-key".into(), "mine".into())]);
}

#[tokio::test]
async fn reads_responses() {
    let base64 = json!("/wA=");
    for (config, content_type, body, expect) in [
        (json!({}), "application/json; charset=utf-8", &b"{\"a\":1}"[..], json!({"a": 1})),
        (json!({}), "application/problem+json", b"[1]", json!([1])),
        (json!({}), "text/html", "é".as_bytes(), json!("é")),
        (json!({}), "text/plain", b"\xff", json!("\u{fffd}")),
        (json!({}), "", b"plain", json!("plain")),
        (json!({}), "", b"\xff\0", base64.clone()),
        (json!({}), "image/png", b"\xff\0", base64.clone()),
        (json!({}), "application/json", b"", json!(null)),
        (json!({"response": "text"}), "application/json", b"{}", json!("{}")),
        (json!({"response": "json"}), "text/plain", b"{}", json!({})),
        (json!({}), "Text/JSON", b"{\"a\":1}", json!({"a": 1})),
        (json!({}), "application/json", b"\xef\xbb\xbf{\"a\":1}", json!({"a": 1})),
        (json!({}), "application/json", b"\xff\xfe[\x001\x00]\x00", json!([1])),
        (json!({}), "application/json; charset=iso-8859-1", b"\"\xe9\"", json!("é")),
        (json!({}), "application/ld+json", b"\"a\xffb\"", json!("a\u{fffd}b")),
        (json!({}), "text/plain; charset=Shift_JIS", b"\x82\xa0", json!("あ")),
        (json!({}), "text/csv; header=present; charset=\"windows-1252\"", b"\x80", json!("€")),
        (json!({}), "application/x-own; charset=latin1", b"\xe9", json!("é")),
        (json!({}), "text/plain", b"\xef\xbb\xbfa", json!("a")),
        (
            json!({}),
            "application/atom+xml",
            b"<?xml version='1.0' encoding='iso-8859-1'?>\xe9",
            json!("<?xml version='1.0' encoding='iso-8859-1'?>é"),
        ),
        (json!({"response": "base64"}), "text/plain; charset=nope", b"\xff\0", base64.clone()),
        (json!({}), "", b"\xfe\xff\0a", json!("a")),
        (json!({"response": "text"}), "text/plain; charset=utf-16le", b"a\0", json!("a")),
        (json!({"response": "json"}), "", b"\xef\xbb\xbf1", json!(1)),
        (json!({"response": "base64"}), "text/plain", b"\xff\0", base64.clone()),
    ] {
        let mut config = config;
        config["url"] = URL.into();
        let prepared = response(200, &[("content-type", content_type)], body);
        let output = run(json!({}), config, vec![Ok(prepared)]).await.result.unwrap();
        assert_eq!(output["body"], expect, "{content_type} {body:?}");
        assert_eq!(output["url"], "https://a.example/x?k=1");
    }
    for content_type in ["text/plain; charset=nope", "application/json; charset=utf-32"] {
        let prepared = response(200, &[("content-type", content_type)], b"1");
        let result = run(json!({}), json!({"url": URL}), vec![Ok(prepared)]).await.result;
        let failure = result.unwrap_err();
        assert_eq!(failure.code, "INVALID_RESPONSE");
        assert!(failure.message.contains("charset `"), "{}", failure.message);
    }
    let broken = response(200, &[("content-type", "application/json")], b"{");
    let failure = run(json!({}), json!({"url": URL}), vec![Ok(broken)]).await.result.unwrap_err();
    assert_eq!(failure.code, "INVALID_RESPONSE");
}

#[tokio::test]
async fn keeps_cookies_apart() {
    let cookies = ["sid=abc; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "lang=de, at; Path=/"];
    for (status, path) in [(200, "/headers"), (404, "/details/headers")] {
        for count in 0..=2 {
            let prepared = OutboundResponse {
                set_cookie: cookies[..count].iter().map(|c| (*c).to_owned()).collect(),
                ..response(status, &[("x-a", "1, 2")], b"")
            };
            let ran = run(json!({}), json!({"url": URL}), vec![Ok(prepared)]).await;
            let (output, at) = match ran.result {
                Ok(output) => (output, path),
                Err(failure) => (json!({"details": failure.details}), path),
            };
            let mut expect = json!({"x-a": "1, 2"});
            if count > 0 {
                expect["set-cookie"] = json!(cookies[..count]);
            }
            assert_eq!(output.pointer(at), Some(&expect));
        }
    }
}

/// Each line names the request, what came of it and how long it took; the time is cut out here.
fn without_times(log: &[String]) -> Vec<String> {
    let line = |line: &String| {
        let words = line.split(' ').collect::<Vec<_>>();
        let time = words.iter().position(|word| word.starts_with("ms"));
        let kept = words.iter().enumerate().filter(|(i, _)| time != Some(i + 1));
        kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
    };
    log.iter().map(line).collect()
}

#[tokio::test]
async fn logs_each_request() {
    let redirect = |status, to: &str| RedirectPolicy { status, to: to.into() };
    let redirected = OutboundResponse {
        redirects: vec![redirect(301, "https://b.example/y?t=1"), redirect(302, URL)],
        ..response(200, &[], b"hello")
    };
    for (config, prepared, expect) in [
        (
            json!({}),
            Ok(response(200, &[], b"hello")),
            vec!["GET https://a.example/x → 200 in ms, 5 bytes"],
        ),
        (
            json!({"url": "https://u:p@a.example/x?key=secret", "method": "POST"}),
            Ok(response(201, &[], b"")),
            vec!["POST https://a.example/x?… → 201 in ms, 0 bytes"],
        ),
        (
            json!({}),
            Ok(redirected),
            vec![
                "GET https://a.example/x → 301 https://b.example/y?… → 302 https://a.example/x → \
                 200 in ms, 5 bytes",
            ],
        ),
        (
            json!({}),
            Ok(response(500, &[], b"")),
            vec![
                "GET https://a.example/x → 500 in ms, 0 bytes",
                "HTTP 500 is not expected; another attempt may help",
            ],
        ),
        (
            json!({}),
            Err(OutboundError::Unreachable("cannot connect to `a`: refused".into())),
            vec![
                "GET https://a.example/x failed after ms: HTTP_UNREACHABLE (cannot connect to \
                 `a`: refused)",
            ],
        ),
        (
            json!({}),
            Ok(response(503, &[("retry-after", "45")], b"")),
            vec![
                "GET https://a.example/x → 503 in ms, 0 bytes",
                "HTTP 503; not repeated within the step: `Retry-After` is 45s, more than 30s",
                "HTTP 503 is not expected; another attempt may help",
            ],
        ),
    ] {
        let mut config = config;
        if config.get("url").is_none() {
            config["url"] = URL.into();
        }
        let ran = run(json!({}), config.clone(), vec![prepared]).await;
        assert_eq!(without_times(&ran.log), expect, "{config}");
    }
}

#[tokio::test]
async fn keeps_a_query_with_secrets_out_of_the_output() {
    let config = json!({"url": URL, "query": {"k": "secret"}});
    let output = run(json!({}), config, vec![Ok(response(200, &[], b""))]).await.result.unwrap();
    assert_eq!(output["url"], URL);
}

#[tokio::test]
async fn fails_on_unexpected_statuses() {
    for (status, retryable) in
        [(404, false), (400, false), (301, false), (408, true), (500, true), (504, true)]
    {
        let body = "x".repeat(5000);
        let prepared = response(status, &[("x-a", "b")], body.as_bytes());
        let ran = run(json!({}), json!({"url": URL}), vec![Ok(prepared)]).await;
        let failure = ran.result.unwrap_err();
        assert_eq!((failure.code, failure.retryable), ("HTTP_STATUS", retryable), "{status}");
        assert_eq!(failure.details["status"], status);
        assert_eq!(failure.details["headers"], json!({"x-a": "b"}));
        assert_eq!(failure.details["body"].as_str().unwrap().len(), 2048);
    }
    let config = json!({"url": URL, "expected_status": [404]});
    let ran = run(json!({}), config, vec![Ok(response(404, &[], b""))]).await;
    assert_eq!(ran.result.unwrap()["status"], 404);
}

#[tokio::test(start_paused = true)]
async fn repeats_when_limited() {
    let started = Instant::now();
    let responses = vec![
        Ok(response(429, &[("retry-after", "7")], b"")),
        Ok(response(503, &[], b"")),
        Ok(response(200, &[], b"")),
    ];
    let config = json!({"url": URL, "method": "POST"});
    let ran = run(json!({"body": 1}), config, responses).await;
    ran.result.unwrap();
    assert_eq!(ran.requests.len(), 3);
    assert!(ran.requests.iter().all(|r| r.headers == ran.requests[0].headers));
    // 7 s as requested, then 0.5 s doubled once.
    assert_eq!(started.elapsed().as_secs(), 8);
    assert_eq!(
        without_times(&ran.log),
        [
            "POST https://a.example/x → 429 in ms, 0 bytes",
            "HTTP 429; repeat 1 of 2 in 7s",
            "POST https://a.example/x → 503 in ms, 0 bytes",
            "HTTP 503; repeat 2 of 2 in 1s",
            "POST https://a.example/x → 200 in ms, 0 bytes",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn leaves_long_waits_and_the_last_failure_to_the_engine() {
    for (config, retry_after, requests) in [
        (json!({"retry_rate_limited": 0}), "5", 1),
        (json!({"retry_rate_limited": 1}), "5", 2),
        (json!({}), "3600", 1),
    ] {
        let mut config = config;
        config["url"] = URL.into();
        let prepared = || Ok(response(429, &[("retry-after", retry_after)], b""));
        let ran = run(json!({}), config, vec![prepared(), prepared(), prepared()]).await;
        let failure = ran.result.unwrap_err();
        assert_eq!(ran.requests.len(), requests);
        let requested = Duration::from_secs(retry_after.parse().unwrap());
        assert_eq!((failure.retryable, failure.retry_after), (true, Some(requested)));
    }
}

#[tokio::test]
async fn distinguishes_failures() {
    for (error, code, retryable) in [
        (OutboundError::Refused("x".into()), "EGRESS_REFUSED", false),
        (OutboundError::Invalid("x".into()), "INVALID_REQUEST", false),
        (OutboundError::Unreachable("x".into()), "HTTP_UNREACHABLE", true),
        (OutboundError::TimedOut("x".into()), "HTTP_TIMEOUT", true),
        (OutboundError::TooLarge("x".into()), "RESPONSE_TOO_LARGE", false),
        (OutboundError::Undecodable("x".into()), "INVALID_RESPONSE", false),
    ] {
        let ran = run(json!({}), json!({"url": URL}), vec![Err(error)]).await;
        let failure = ran.result.unwrap_err();
        assert_eq!((failure.code, failure.retryable), (code, retryable));
    }
    for config in
        [json!({"url": "/relative"}), json!({"url": URL, "method": "POST", "body_type": "form"})]
    {
        let failure = run(json!({"body": "text"}), config, vec![]).await.result.unwrap_err();
        assert_eq!(failure.code, "INVALID_REQUEST");
    }
}

#[test]
fn knows_the_effect_from_the_method() {
    for (config, effect) in [
        (json!({}), Effect::Idempotent),
        (json!({"method": "HEAD"}), Effect::Idempotent),
        (json!({"method": "DELETE"}), Effect::External),
        (json!({"method": "{{ inputs.method }}"}), Effect::External),
        (json!({"method": 5}), Effect::External),
    ] {
        assert_eq!(HttpRequest.type_spec().effect_of.unwrap()(&config), effect, "{config}");
    }
}
