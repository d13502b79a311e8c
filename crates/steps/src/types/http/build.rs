//! Builds a request from a step's configuration and input.

use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::catalog::{ConfigCheck, StaticFields};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::values::{optional_count, optional_text, scalar_text, text_field, type_name};
use crate::{OutboundRequest, RunContext, StepFailure};

/// The default limit of redirects.
const REDIRECTS: usize = 5;

/// The request the step sends.
pub(super) fn build_request(ctx: &RunContext<'_>) -> Result<OutboundRequest, StepFailure> {
    let config = ctx.config;
    let method = optional_text(config, "method").unwrap_or("GET");
    let mut headers = read_headers(config)?;
    let mut set = |name: &str, value: &str| {
        if !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    };
    let mut body = None;
    if matches!(method, "POST" | "PUT" | "PATCH" | "DELETE") {
        set("Idempotency-Key", ctx.idempotency_key);
        let how = optional_text(config, "body_type").unwrap_or("json");
        if let Some((content_type, bytes)) = write_body(ctx.input.get("body"), how)? {
            set("Content-Type", content_type);
            body = Some(bytes);
        }
    }
    Ok(OutboundRequest {
        method: method.to_owned(),
        url: build_url(text_field(config, "url")?, config.get("query"))?,
        headers,
        body,
        max_redirects: optional_count(config, "max_redirects")?.unwrap_or(REDIRECTS),
        timeout: None,
        max_response_bytes: None,
    })
}

/// Checks the known parts of the request, for the type's `check`: whether the `url` can be
/// requested and the `headers` can be sent. The outbound client checks the host.
pub(super) fn check_request(known: &StaticFields) -> ConfigCheck {
    check_headers(&known.config)?;
    if let Some(prefix) = known.prefixes.get("url") {
        return check_url_prefix(prefix.trim_start());
    }
    let Some(text) = known.config.get("url").and_then(Value::as_str) else { return Ok(()) };
    check_url(text)
}

/// Checks that the body can be sent with the `body_type`.
pub(super) fn check_input(known: &StaticFields) -> ConfigCheck {
    let is_form = known.config.get("body_type").is_some_and(|how| how == "form");
    match known.input.get("body").filter(|body| is_form && !body.is_null()) {
        Some(body) => encode_form(body).map(drop).map_err(|failure| ("body", failure.message)),
        None => Ok(()),
    }
}

/// A URL that is continued by an expression.
fn check_url_prefix(prefix: &str) -> ConfigCheck {
    let lower = prefix.to_ascii_lowercase();
    let begins_one = |scheme: &str| scheme.starts_with(&lower) || lower.starts_with(scheme);
    if !["http://", "https://"].into_iter().any(begins_one) {
        let message = "must start with `http://` or `https://`: use https://host/path";
        return Err(("url", message.into()));
    }
    // With a slash behind it, the host is known.
    match prefix.splitn(4, '/').count() {
        4 => check_url(prefix),
        _ => Ok(()),
    }
}

fn check_url(text: &str) -> ConfigCheck {
    let parsed = Url::parse(text.trim()).map_err(|error| {
        let message = format!("not a valid absolute URL ({error}): use https://host/path");
        ("url", message)
    })?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(("url", "a URL must not carry a user name or password: use a header".into()));
    }
    match parsed.scheme() {
        "http" | "https" => Ok(()),
        other => Err(("url", format!("must start with `http://` or `https://`, not `{other}:`"))),
    }
}

/// Headers that describe the connection or the framing of the body: the client sets them.
pub const RESERVED_HEADERS: [&str; 6] =
    ["connection", "content-length", "keep-alive", "te", "transfer-encoding", "upgrade"];

fn check_headers(config: &Map) -> ConfigCheck {
    for (name, value) in config.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let shown: String = name.chars().take(60).collect();
        let refuse = |what: &str| Err(("headers", format!("the header `{shown}` {what}")));
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(is_token) {
            return refuse("has no valid name: use letters, digits and `-`");
        }
        if RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return refuse("is set by the client itself: omit it");
        }
        let is_control = |c: char| c.is_ascii_control() && c != '\t';
        if value.as_str().is_some_and(|text| text.contains(is_control)) {
            return refuse("has a line break or control character in its value");
        }
    }
    Ok(())
}

fn invalid_request(message: String) -> StepFailure {
    StepFailure::permanent_failure("INVALID_REQUEST", message)
}

fn read_headers(config: &Value) -> Result<Vec<(String, String)>, StepFailure> {
    let given = config.get("headers").and_then(Value::as_object);
    let pairs = given.into_iter().flatten().map(|(name, value)| match scalar_text(value) {
        Some(value) => Ok((name.clone(), value.into_owned())),
        None => Err(invalid_request(format!(
            "the header `{name}` must be a text, not {}",
            type_name(value)
        ))),
    });
    pairs.collect()
}

/// The URL with the query parameters added to those it has.
fn build_url(url: &str, query: Option<&Value>) -> Result<String, StepFailure> {
    let mut url = Url::parse(url.trim()).map_err(|error| {
        invalid_request(format!(
            "`url` is not a valid absolute URL ({error}): use https://host/path"
        ))
    })?;
    let mut pairs = Vec::new();
    for (name, value) in query.and_then(Value::as_object).into_iter().flatten() {
        add_pairs(&mut pairs, name, value)?;
    }
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    Ok(url.into())
}

/// Adds a parameter: a list repeats it, `null` leaves it out.
fn add_pairs(
    pairs: &mut Vec<(String, String)>,
    name: &str,
    value: &Value,
) -> Result<(), StepFailure> {
    match value {
        Value::Null => {}
        Value::Array(values) => {
            for value in values {
                add_pairs(pairs, name, value)?;
            }
        }
        value => {
            let text = scalar_text(value).ok_or_else(|| {
                invalid_request(format!(
                    "`{name}` must be a text, number, boolean or list, not an object"
                ))
            })?;
            pairs.push((name.to_owned(), text.into_owned()));
        }
    }
    Ok(())
}

fn encode_form(body: &Value) -> Result<String, StepFailure> {
    let Value::Object(fields) = body else {
        let message =
            format!("a form is built from an object of its fields, not {}", type_name(body));
        return Err(invalid_request(message));
    };
    let mut pairs = Vec::new();
    for (name, value) in fields {
        add_pairs(&mut pairs, name, value)?;
    }
    Ok(Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// The body's content type and bytes; `None` where nothing is to be sent.
fn write_body(
    body: Option<&Value>,
    how: &str,
) -> Result<Option<(&'static str, Vec<u8>)>, StepFailure> {
    let Some(body) = body.filter(|_| how != "none") else { return Ok(None) };
    Ok(Some(match how {
        "form" => {
            let form = encode_form(body)?;
            ("application/x-www-form-urlencoded", form.into_bytes())
        }
        "text" => {
            let text = scalar_text(body).map_or_else(|| body.to_string(), Into::into);
            ("text/plain; charset=utf-8", text.into_bytes())
        }
        _ => ("application/json", body.to_string().into_bytes()),
    }))
}
