//! `HttpRequest`: calls an HTTP API.

use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::catalog::{Effect, StepSpec};
use stepwell_core::memory::json_bytes;
use stepwell_core::redact::{Redact, redacted_text};

use super::answer::{headers, output, read_body, shown_text};
use super::build::{build, check, check_input};
use super::log::AttemptLog;
use super::status::ExpectedStatus;
use crate::spec::{base, object};
use crate::values::{optional_count, optional_text};
use crate::{
    Behaviour, Failure, OutboundError, OutboundResponse, RunContext, StepOutput, StepType,
    memory_shortage,
};

/// How often a request is repeated within the step after 429 or 503, where nothing is said.
const RATE_LIMITED_RETRIES: usize = 2;

/// The longest pause between two requests of one step; a longer one is the engine's to wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The first pause where the answer names none; doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How much of an unexpected answer's body goes into the failure, in bytes.
const BODY_IN_FAILURE: usize = 2048;

/// Statuses after which the same request may succeed later.
const RETRYABLE: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];

/// What a shorter body takes in memory is not worth counting.
const SMALL_BODY: usize = 1 << 10;

pub(crate) struct HttpRequest;

impl StepType for HttpRequest {
    fn spec(&self) -> StepSpec {
        StepSpec {
            doc: DOC,
            config: config(),
            input: object(
                json!({
                    "body": {
                        "description": "What to send with POST, PUT, PATCH and DELETE. Ignored \
                                        for other methods."
                    }
                }),
                &[],
            ),
            output: output_schema(),
            default_input: Some("body"),
            default_output: Some("body"),
            effect: Effect::External,
            effect_of: Some(effect_of),
            sensitive: &["config.headers", "config.query"],
            check: Some(check),
            check_input: Some(check_input),
            examples: vec![
                json!({
                    "type": "HttpRequest",
                    "config": {
                        "url": "https://api.example.com/orders",
                        "query": {"status": "open", "tag": ["a", "b"]},
                        "headers": {"Authorization": "Bearer {{ secrets.ORDERS_TOKEN }}"}
                    }
                }),
                json!({
                    "type": "HttpRequest",
                    "input": {"body": {"id": 7, "paid": true}},
                    "config": {
                        "method": "POST",
                        "url": "https://api.example.com/orders",
                        "expected_status": [201, 409]
                    }
                }),
            ],
            ..base("HttpRequest", "HTTP", "Sends an HTTP request and reads the answer.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Async(|ctx| Box::pin(run(ctx)))
    }
}

const DOC: &str = "\
The response is read as JSON (`application/json`, `text/json`, `…+json`) or text by its content \
type, anything else as base64; `response` says otherwise. Text is decoded by its byte order mark, \
else by the `charset` of its content type (any label of the WHATWG Encoding Standard; another one \
fails with `INVALID_RESPONSE`), else for XML by the `encoding` of its declaration, else as UTF-8; bytes that are not valid become U+FFFD. The content codings gzip, deflate and br are \
undone, also several at once; another one, and data that is not valid, fails with `INVALID_RESPONSE`. In `headers`, the \
values of a repeated header are joined by `, `, and `set-cookie` is always a list. Each request is in the \
execution's log: method, URL (without user, query and fragment), redirects, status, time and \
size. A status that is not expected fails with `HTTP_STATUS`, with the status, headers and \
the beginning of the body as details.\n\n\
Requests that may change something carry an `Idempotency-Key` header that stays the same when the \
step is repeated, unless you set one. After 429 and 503 the step waits as `Retry-After` says \
(seconds or a date), at most 30 s, and tries again, at most `retry_rate_limited` times. A longer \
wait is left to the step's `retry`, whose pause is then at least as long, up to an hour; without \
`retry` the step fails at once. Other failures are left to `retry` as well. Where `query` is given, `url` in the output has no query, as it may hold secrets.";

fn config() -> Value {
    object(
        json!({
            "method": {
                "enum": ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
                "default": "GET",
                "description": "The HTTP method."
            },
            "url": {
                "type": "string",
                "minLength": 1,
                "description": "An absolute `http` or `https` URL, without user name and password."
            },
            "headers": {
                "type": "object",
                "additionalProperties": {"type": ["string", "number", "boolean"]},
                "description": "Headers to send. May use secrets."
            },
            "query": {
                "type": "object",
                "additionalProperties": {
                    "type": ["string", "number", "boolean", "null", "array"],
                    "items": {"type": ["string", "number", "boolean"]}
                },
                "description": "Query parameters to add to the URL; a list repeats the parameter, \
                                `null` leaves it out. May use secrets."
            },
            "body_type": {
                "enum": ["json", "form", "text", "none"],
                "default": "json",
                "description": "How to write the body: `json`; `form` (an object, URL-encoded); \
                                `text` (as it is); `none` (send none)."
            },
            "expected_status": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "anyOf": [
                        {"type": "integer", "minimum": 100, "maximum": 599},
                        {"type": "string", "pattern": "^[1-5](xx|XX|[0-9]{2})$"}
                    ]
                },
                "default": ["2xx"],
                "description": "The statuses that count as success: numbers, or `2xx` for all \
                                from 200 to 299."
            },
            "response": {
                "enum": ["auto", "json", "text", "base64"],
                "default": "auto",
                "description": "How to read the answer's body; `auto` goes by its content type."
            },
            "max_redirects": {
                "type": "integer",
                "minimum": 0,
                "maximum": 20,
                "default": 5,
                "description": "The most redirects to follow; 0 gives the redirect itself."
            },
            "retry_rate_limited": {
                "type": "integer",
                "minimum": 0,
                "maximum": 10,
                "default": RATE_LIMITED_RETRIES,
                "description": "How often to repeat the request after 429 or 503."
            }
        }),
        &["url"],
    )
}

fn output_schema() -> Value {
    object(
        json!({
            "status": {"type": "integer", "description": "The HTTP status."},
            "headers": {
                "type": "object",
                "properties": {
                    "set-cookie": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "The cookies that are set, one value each."
                    }
                },
                "additionalProperties": {"type": "string"},
                "description": "The response's headers, names in lower case. Values of a repeated \
                                header are joined by `, `; `set-cookie` is always a list."
            },
            "body": {"description": "The answer's body; `null` where there is none."},
            "url": {"type": "string", "description": "The URL that answered, after redirects."}
        }),
        &["status", "headers", "body", "url"],
    )
}

/// Reading may be repeated; any other method, or one not known before the step runs, may not.
fn effect_of(config: &Value) -> Effect {
    match config.get("method").map_or(Some("GET"), Value::as_str) {
        Some("GET" | "HEAD" | "OPTIONS") => Effect::Idempotent,
        _ => Effect::External,
    }
}

async fn run(ctx: &RunContext<'_>) -> Result<StepOutput, Failure> {
    let request = build(ctx)?;
    let expected = ExpectedStatus::new(ctx.config)?;
    let retries = optional_count(ctx.config, "retry_rate_limited")?.unwrap_or(RATE_LIMITED_RETRIES);
    let mut repeated: u32 = 0;
    let response = loop {
        let log = AttemptLog::start(ctx, &request);
        let result = ctx.outbound.send(request.clone(), ctx.memory).await.map_err(failure);
        log.finish(&result);
        let response = result?;
        let limited = matches!(response.status, 429 | 503) && !expected.holds(response.status);
        if !limited || repeated as usize >= retries {
            break response;
        }
        let asked = response.retry_after;
        let pause = asked.unwrap_or_else(|| FIRST_PAUSE.saturating_mul(1 << repeated.min(10)));
        if let Some(pause) = asked.filter(|pause| *pause > LONGEST_PAUSE) {
            let message = format!(
                "HTTP {}; not repeated within the step: `Retry-After` asks for {pause:?}, more \
                 than {LONGEST_PAUSE:?}",
                response.status
            );
            (ctx.log)("warn", message);
            break response;
        }
        let pause = pause.min(LONGEST_PAUSE);
        repeated += 1;
        let status = response.status;
        (ctx.log)("warn", format!("HTTP {status}; repeat {repeated} of {retries} in {pause:?}"));
        tokio::time::sleep(pause).await;
    };
    if !expected.holds(response.status) {
        let failure = unexpected(&response, ctx.redact);
        let retry = if failure.retryable { "may" } else { "does not" };
        let message =
            format!("HTTP {} is not expected; another attempt {retry} help", response.status);
        (ctx.log)("error", message);
        return Err(failure);
    }
    let how = optional_text(ctx.config, "response").unwrap_or("auto");
    ctx.memory.reserve(reading_bytes(&response)).await?;
    let body = read_body(&response, how, ctx.redact)?;
    Ok(output(&response, body, ctx.config.get("query").is_some()))
}

/// What the body takes at most: as it came, as text, and as the values that the text stands for.
/// The encodings that JSON may have in practice are like ASCII where JSON has its signs.
fn reading_bytes(response: &OutboundResponse) -> usize {
    let body = response.body.as_slice();
    if body.len() < SMALL_BODY {
        return 0;
    }
    3 * body.len() + json_bytes(body).max(2 * body.len())
}

fn failure(error: OutboundError) -> Failure {
    match error {
        OutboundError::Refused(message) => Failure::permanent("EGRESS_REFUSED", message),
        OutboundError::Invalid(message) => Failure::permanent("INVALID_REQUEST", message),
        OutboundError::Unreachable(message) => Failure::transient("HTTP_UNREACHABLE", message),
        OutboundError::TimedOut(message) => Failure::transient("HTTP_TIMEOUT", message),
        OutboundError::TooLarge(message) => Failure::permanent("RESPONSE_TOO_LARGE", message),
        OutboundError::NoMemory(message) => memory_shortage(message),
        OutboundError::Undecodable(message) => Failure::permanent("INVALID_RESPONSE", message),
    }
}

fn unexpected(response: &OutboundResponse, redact: &dyn Redact) -> Failure {
    let status = response.status;
    let text = shown_text(response);
    // Before it is cut: half a secret would not be recognised any more.
    let text = redacted_text(redact, &text);
    let failure = Failure {
        retryable: RETRYABLE.contains(&status),
        retry_after: response.retry_after,
        ..Failure::permanent("HTTP_STATUS", format!("the answer has status {status}"))
    };
    failure.with_details(json!({
        "status": status,
        "headers": headers(response),
        "body": &text[..text.floor_char_boundary(BODY_IN_FAILURE)],
    }))
}
