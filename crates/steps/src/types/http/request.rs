//! `HttpRequest`: calls an HTTP API.

use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::catalog::{Effect, StepSpec};
use stepwell_core::memory::json_bytes;
use stepwell_core::redact::{Redact, redacted_text};

use super::build::{build_request, check_input, check_request};
use super::log::AttemptLog;
use super::response::{build_output, headers_value, read_body, shown_text};
use super::status::ExpectedStatus;
use crate::spec::{base_spec, object_schema};
use crate::values::{optional_count, optional_text};
use crate::{
    OutboundError, OutboundResponse, RunContext, StepBehaviour, StepFailure, StepOutput, StepType,
    memory_shortage,
};

/// The default number of repetitions of a request within the step after 429 or 503.
const RATE_LIMITED_RETRIES: usize = 2;

/// The longest pause between two requests of one step; for a longer one, the step is retried.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The first pause if the response has no `Retry-After`; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The part of an unexpected response's body in the failure, in bytes.
const BODY_IN_FAILURE: usize = 2048;

/// Statuses after which the same request may succeed later.
const RETRYABLE: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];

/// What a shorter body takes in memory is not worth counting.
const SMALL_BODY: usize = 1 << 10;

pub(crate) struct HttpRequest;

impl StepType for HttpRequest {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: DOC,
            config: config_schema(),
            input: object_schema(
                json!({
                    "body": {
                        "description": "The body of POST, PUT, PATCH and DELETE requests. Ignored \
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
            check: Some(check_request),
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
            ..base_spec("HttpRequest", "HTTP", "Sends an HTTP request and returns the response.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Async(|ctx| Box::pin(run_request(ctx)))
    }
}

const DOC: &str = "\
The response is decoded as JSON (`application/json`, `text/json`, `…+json`) or text by its content \
type, anything else as base64; set `response` to override this. Text is decoded by its byte order \
mark, else by the `charset` of its content type (any label of the WHATWG Encoding Standard; another \
one fails with `INVALID_RESPONSE`), else for XML by the `encoding` of its declaration, else as \
UTF-8; invalid bytes become U+FFFD. The content codings gzip, deflate and br are decoded, also \
several at once; another one, and invalid data, fails with `INVALID_RESPONSE`. In `headers`, the \
values of a repeated header are joined by `, `, and `set-cookie` is always a list. Each request is \
in the execution's log: method, URL (without user, query and fragment), redirects, status, time and \
size. An unexpected status fails with `HTTP_STATUS`; the details contain the status, headers and \
the beginning of the body.\n\n\
Requests with side effects carry an `Idempotency-Key` header that stays the same when the step is \
repeated, unless you set one. After 429 and 503 the step waits for the time in `Retry-After` \
(seconds or a date), at most 30 s, and repeats the request, at most `retry_rate_limited` times. If \
the time is longer, the step fails and its `retry` applies, with a pause of at least that time, up \
to an hour. Other failures are also retried by `retry`. If `query` is set, `url` in the output has \
no query, because it may contain secrets.";

fn config_schema() -> Value {
    object_schema(
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
                                `null` omits it. May use secrets."
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
                "description": "How to decode the response body; `auto` uses its content type."
            },
            "max_redirects": {
                "type": "integer",
                "minimum": 0,
                "maximum": 20,
                "default": 5,
                "description": "The maximum number of redirects to follow; 0 returns the redirect itself."
            },
            "retry_rate_limited": {
                "type": "integer",
                "minimum": 0,
                "maximum": 10,
                "default": RATE_LIMITED_RETRIES,
                "description": "The maximum number of repetitions after 429 or 503."
            }
        }),
        &["url"],
    )
}

fn output_schema() -> Value {
    object_schema(
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
            "body": {"description": "The response body; `null` if there is none."},
            "url": {"type": "string", "description": "The URL that responded, after redirects."}
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

async fn run_request(ctx: &RunContext<'_>) -> Result<StepOutput, StepFailure> {
    let request = build_request(ctx)?;
    let expected = ExpectedStatus::new(ctx.config)?;
    let retries = optional_count(ctx.config, "retry_rate_limited")?.unwrap_or(RATE_LIMITED_RETRIES);
    let mut repeated: u32 = 0;
    let response = loop {
        let log = AttemptLog::start_log(ctx, &request);
        let result =
            ctx.outbound.send_request(request.clone(), ctx.memory).await.map_err(to_failure);
        log.log_outcome(&result);
        let response = result?;
        let limited =
            matches!(response.status, 429 | 503) && !expected.is_expected(response.status);
        if !limited || repeated as usize >= retries {
            break response;
        }
        let requested = response.retry_after;
        let pause = requested.unwrap_or_else(|| FIRST_PAUSE.saturating_mul(1 << repeated.min(10)));
        if let Some(pause) = requested.filter(|pause| *pause > LONGEST_PAUSE) {
            let message = format!(
                "HTTP {}; not repeated within the step: `Retry-After` is {pause:?}, more \
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
    if !expected.is_expected(response.status) {
        let failure = unexpected_status(&response, ctx.redact);
        let retry = if failure.retryable { "may" } else { "does not" };
        let message =
            format!("HTTP {} is not expected; another attempt {retry} help", response.status);
        (ctx.log)("error", message);
        return Err(failure);
    }
    let how = optional_text(ctx.config, "response").unwrap_or("auto");
    ctx.memory.reserve_bytes(reading_bytes(&response)).await?;
    let body = read_body(&response, how, ctx.redact)?;
    Ok(build_output(&response, body, ctx.config.get("query").is_some()))
}

/// The most memory for the body: as received, as text, and as parsed values. In all encodings that
/// JSON has in practice, its punctuation is encoded as in ASCII.
fn reading_bytes(response: &OutboundResponse) -> usize {
    let body = response.body.as_slice();
    if body.len() < SMALL_BODY {
        return 0;
    }
    3 * body.len() + json_bytes(body).max(2 * body.len())
}

fn to_failure(error: OutboundError) -> StepFailure {
    match error {
        OutboundError::Refused(message) => {
            StepFailure::permanent_failure("EGRESS_REFUSED", message)
        }
        OutboundError::Invalid(message) => {
            StepFailure::permanent_failure("INVALID_REQUEST", message)
        }
        OutboundError::Unreachable(message) => {
            StepFailure::transient_failure("HTTP_UNREACHABLE", message)
        }
        OutboundError::TimedOut(message) => StepFailure::transient_failure("HTTP_TIMEOUT", message),
        OutboundError::TooLarge(message) => {
            StepFailure::permanent_failure("RESPONSE_TOO_LARGE", message)
        }
        OutboundError::NoMemory(message) => memory_shortage(message),
        OutboundError::Undecodable(message) => {
            StepFailure::permanent_failure("INVALID_RESPONSE", message)
        }
    }
}

fn unexpected_status(response: &OutboundResponse, redact: &dyn Redact) -> StepFailure {
    let status = response.status;
    let text = shown_text(response);
    // Before it is cut: half a secret would not be recognised any more.
    let text = redacted_text(redact, &text);
    let failure = StepFailure {
        retryable: RETRYABLE.contains(&status),
        retry_after: response.retry_after,
        ..StepFailure::permanent_failure("HTTP_STATUS", format!("the response has status {status}"))
    };
    failure.with_details(json!({
        "status": status,
        "headers": headers_value(response),
        "body": &text[..text.floor_char_boundary(BODY_IN_FAILURE)],
    }))
}
