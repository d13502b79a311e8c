//! Sends requests under the egress rules.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue,
    SET_COOKIE,
};
use reqwest::{Client, ClientBuilder, Method, Response, redirect};
use stepwell_steps::{
    OutboundClient, OutboundError, OutboundRequest, OutboundResponse, RESERVED_HEADERS,
    RedirectPolicy, WorkingMemory,
};
use url::Url;

use super::authorities::built_in_authorities;
use super::content_coding::{ACCEPTED, ContentCoding, content_codings, decode_body};
use super::redirects::{Hop, redirect_target};
use super::resolver::{CheckedResolver, Forbidden};
use super::retry_after::retry_after;
use super::rules::{EgressRules, refused_host};
use crate::memory::SMALL;

/// The longest URL that a user may give, in bytes.
const MAX_URL: usize = 2048;

/// How long to wait for the body of a response of which only the status matters.
const BODY_PATIENCE: Duration = Duration::from_secs(2);

/// The HTTP client for everything that leaves the server. Cheap to share; keeps connections alive.
pub struct EgressClient {
    client: Client,
    rules: Arc<EgressRules>,
}

/// The response to a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryResponse {
    /// The HTTP status.
    pub status: u16,
    /// The beginning of the body.
    pub beginning: Vec<u8>,
    /// The pause that the receiver requests before another attempt.
    pub retry_after: Option<Duration>,
}

/// The client could not be created.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client: {0}")]
pub struct SetupError(String);

impl EgressClient {
    /// A client under the given rules. Trusts the certificates of the system, or, where the
    /// system has none (a bare container), Mozilla's as of this build.
    pub fn new(rules: EgressRules) -> Result<Self, SetupError> {
        // An error only means that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let rules = Arc::new(rules);
        let client = client_builder(&rules)
            .build()
            .or_else(|error| {
                tracing::warn!(
                    error = &error as &dyn Error,
                    "the system has no usable certificate authorities; using the built-in ones"
                );
                client_builder(&rules).tls_certs_only(built_in_authorities()?).build()
            })
            .map_err(|error| SetupError(error_chain(&error)))?;
        Ok(Self { client, rules })
    }

    /// Its rules.
    pub fn rules(&self) -> &EgressRules {
        &self.rules
    }

    /// Checks a URL without resolving its host, to refuse it early: its name may still resolve to a
    /// private address. Stricter than sending, because URL parsers repair many mistakes.
    pub fn check_url(&self, url: &str) -> Result<(), OutboundError> {
        check_written(url)?;
        self.rules.check(&parse_url(url)?)
    }

    /// Sends a request, follows no redirect, and returns the status with the beginning of the body,
    /// at most `most` bytes. Only the status matters: a body that is longer, interrupted or slow is
    /// read as far as possible.
    ///
    /// # Errors
    /// There was no status within the request's timeout.
    pub async fn deliver(
        &self,
        request: OutboundRequest,
        most: usize,
    ) -> Result<DeliveryResponse, OutboundError> {
        let timeout = request.timeout.unwrap_or(self.rules.timeout);
        let hop = first_hop(request)?;
        self.rules.check(&hop.url)?;
        let response = tokio::time::timeout(timeout, self.send_one(&hop)).await;
        let mut response = response.map_err(|_| timed_out(timeout))??;
        let (status, mut beginning) = (response.status().as_u16(), Vec::new());
        let retry_after = retry_after(status, response.headers());
        let reading = async {
            while let Ok(Some(chunk)) = response.chunk().await
                && beginning.len() < most
            {
                let room = most - beginning.len();
                beginning.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
        };
        // The part that has arrived by then is enough.
        let _ = tokio::time::timeout(BODY_PATIENCE, reading).await;
        Ok(DeliveryResponse { status, beginning, retry_after })
    }

    /// Follows redirects and reads the last response.
    async fn follow(
        &self,
        request: OutboundRequest,
        memory: &dyn WorkingMemory,
    ) -> Result<OutboundResponse, OutboundError> {
        let max_redirects = request.max_redirects.min(self.rules.max_redirects);
        let limit = self.rules.max_response_bytes;
        let limit = request.max_response_bytes.map_or(limit, |own| own.min(limit));
        let mut hop = first_hop(request)?;
        hop.headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static(ACCEPTED));
        let mut redirects = Vec::new();
        loop {
            self.rules.check(&hop.url)?;
            let response = self.send_one(&hop).await?;
            let next = match max_redirects {
                0 => None,
                _ => redirect_target(&hop.url, response.status(), response.headers())?,
            };
            let Some(next) = next else {
                return Ok(OutboundResponse {
                    redirects,
                    ..read_response(response, limit, memory).await?
                });
            };
            if redirects.len() == max_redirects {
                return Err(OutboundError::Refused(format!(
                    "more than {max_redirects} redirects; the last one leads to `{}`",
                    next.host_str().unwrap_or_default()
                )));
            }
            redirects
                .push(RedirectPolicy { status: response.status().as_u16(), to: next.to_string() });
            hop = hop.redirected(response.status(), next);
        }
    }

    async fn send_one(&self, hop: &Hop) -> Result<Response, OutboundError> {
        let mut request = reqwest::Request::new(hop.method.clone(), hop.url.clone());
        *request.headers_mut() = hop.headers.clone();
        *request.body_mut() = hop.body.clone().map(Into::into);
        self.client.execute(request).await.map_err(|error| outbound_error(error, &hop.url))
    }
}

#[async_trait]
impl OutboundClient for EgressClient {
    async fn send_request(
        &self,
        request: OutboundRequest,
        memory: &dyn WorkingMemory,
    ) -> Result<OutboundResponse, OutboundError> {
        let timeout = request.timeout.unwrap_or(self.rules.timeout);
        let followed = tokio::time::timeout(timeout, self.follow(request, memory)).await;
        followed.unwrap_or_else(|_| Err(timed_out(timeout)))
    }
}

fn timed_out(timeout: Duration) -> OutboundError {
    OutboundError::TimedOut(format!("no response within {timeout:?}"))
}

/// How many idle connections to a host are kept. More than the usual `max_concurrency` of a `Map`,
/// whose requests would otherwise open most of their connections anew.
const IDLE_CONNECTIONS: usize = 256;

fn client_builder(rules: &Arc<EgressRules>) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("stepwell/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .referer(false)
        .redirect(redirect::Policy::none())
        .dns_resolver(Arc::new(CheckedResolver { rules: Arc::clone(rules) }))
        .connect_timeout(rules.connect_timeout)
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
}

/// The origin of a URL: scheme, host and port.
pub(crate) fn url_origin(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}

/// Refuses text that a parser would have to repair.
fn check_written(url: &str) -> Result<(), OutboundError> {
    let refuse = |message: String| Err(OutboundError::Invalid(message));
    if url.len() > MAX_URL {
        return refuse(format!("a URL must be at most {MAX_URL} bytes long"));
    }
    if url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return refuse(
            "a URL has no spaces, line breaks, control characters or backslashes; write a space \
             as %20"
                .to_owned(),
        );
    }
    let behind = url.split_once(':').map_or("", |(_, behind)| behind);
    match behind.strip_prefix("//") {
        Some(rest) if !rest.starts_with('/') => Ok(()),
        // Parsing it will report the problem.
        None if Url::parse(url).is_err() => Ok(()),
        _ => refuse("a URL begins with `https://` or `http://` and a host".to_owned()),
    }
}

fn parse_url(url: &str) -> Result<Url, OutboundError> {
    Url::parse(url).map_err(|error| {
        OutboundError::Invalid(format!("the URL is not valid ({error}); give an absolute one"))
    })
}

fn first_hop(request: OutboundRequest) -> Result<Hop, OutboundError> {
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| OutboundError::Invalid(format!("`{}` is no HTTP method", request.method)))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let invalid = |what: &str| OutboundError::Invalid(format!("the header `{name}` {what}"));
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid("has no valid name: use letters, digits and `-`"))?;
        if RESERVED_HEADERS.contains(&header.as_str()) {
            return Err(invalid("is set by the client itself: omit it"));
        }
        // The value stays out of the message: it may be a secret.
        let value = HeaderValue::from_str(value)
            .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
            .map_err(|_| invalid("has a line break or control character in its value"))?;
        headers.append(header, value);
    }
    Ok(Hop { method, url: parse_url(&request.url)?, headers, body: request.body })
}

/// Reads the whole response; fails as soon as it is larger than the limit.
async fn read_response(
    mut response: Response,
    limit: usize,
    memory: &dyn WorkingMemory,
) -> Result<OutboundResponse, OutboundError> {
    let too_large = || OutboundError::TooLarge(format!("the response has more than {limit} bytes"));
    let announced = response.content_length().unwrap_or(0);
    if announced > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let url = response.url().clone();
    let status = response.status().as_u16();
    let retry_after = retry_after(status, response.headers());
    let mut headers = BTreeMap::<String, String>::new();
    let mut set_cookie = Vec::new();
    for (name, value) in response.headers() {
        let value = header_text(value.as_bytes());
        if name == SET_COOKIE {
            set_cookie.push(value);
            continue;
        }
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|joined| {
                joined.push_str(", ");
                joined.push_str(&value);
            })
            .or_insert_with(|| value.clone());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| outbound_error(error, &url))? {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        make_room(&mut body, chunk.len(), memory).await?;
        body.extend_from_slice(&chunk);
    }
    // Without a body (`HEAD`, 304) the codings describe what another request would get.
    let codings = if body.is_empty() { Vec::new() } else { content_codings(response.headers())? };
    if !codings.is_empty() {
        body = decode_within(body, codings, limit, memory).await?;
        // They describe the bytes on the wire, not the body that is passed on.
        for name in [CONTENT_ENCODING, CONTENT_LENGTH] {
            headers.remove(name.as_str());
        }
    }
    let (url, redirects) = (url.into(), Vec::new());
    Ok(OutboundResponse { status, headers, set_cookie, body, url, redirects, retry_after })
}

/// The value of a header as text: mostly ASCII, else UTF-8 where it is that, else ISO 8859-1, which
/// HTTP meant originally.
fn header_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// Makes room for more bytes, and reserves the memory: while a buffer grows, both the old one and
/// one of twice its size exist.
async fn make_room(
    body: &mut Vec<u8>,
    more: usize,
    memory: &dyn WorkingMemory,
) -> Result<(), OutboundError> {
    let needed = body.len() + more;
    if needed > body.capacity() {
        let grown = needed.max(2 * body.capacity());
        memory.reserve_bytes(body.capacity() + grown).await.map_err(no_memory)?;
        body.reserve_exact(grown - body.len());
    }
    Ok(())
}

fn no_memory(failure: stepwell_steps::StepFailure) -> OutboundError {
    OutboundError::NoMemory(failure.message)
}

/// Decodes the body. Its decoded size is not known: most are small, for the others memory for the
/// largest one is reserved.
async fn decode_within(
    body: Vec<u8>,
    codings: Vec<ContentCoding>,
    limit: usize,
    memory: &dyn WorkingMemory,
) -> Result<Vec<u8>, OutboundError> {
    if body.len() < SMALL && limit > SMALL {
        match decode_on_thread(body.clone(), codings.clone(), SMALL).await {
            Err(OutboundError::TooLarge(_)) => {}
            done => return done,
        }
    }
    memory.reserve_bytes(body.len() + 2 * limit).await.map_err(no_memory)?;
    decode_on_thread(body, codings, limit).await
}

async fn decode_on_thread(
    body: Vec<u8>,
    codings: Vec<ContentCoding>,
    limit: usize,
) -> Result<Vec<u8>, OutboundError> {
    let decoding = tokio::task::spawn_blocking(move || decode_body(body, &codings, limit));
    decoding.await.unwrap_or_else(|_| {
        Err(OutboundError::Unreachable("decoding the response was interrupted".to_owned()))
    })
}

/// Converts an error of the client. The message does not contain the URL, whose query may contain a
/// secret.
fn outbound_error(error: reqwest::Error, url: &Url) -> OutboundError {
    let error = error.without_url();
    let host = url.host_str().unwrap_or_default();
    if error_causes(&error).any(|cause| cause.is::<Forbidden>()) {
        return refused_host(host);
    }
    let why = error_chain(&error);
    let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
    let host = format!("{host}{port}");
    if error.is_timeout() {
        OutboundError::TimedOut(format!("`{host}` did not respond in time: {why}"))
    } else if error.is_builder() {
        OutboundError::Invalid(format!("the request is not valid: {why}"))
    } else if error.is_connect() {
        OutboundError::Unreachable(format!("cannot connect to `{host}`: {why}"))
    } else {
        OutboundError::Unreachable(format!("the response of `{host}` was interrupted: {why}"))
    }
}

fn error_causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// The error and its causes in one line, without repeating one that its effect quotes already.
fn error_chain(error: &(dyn Error + 'static)) -> String {
    error_causes(error).fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        match text.as_str() {
            "" => cause,
            text if text.contains(&cause) => text.to_owned(),
            text => format!("{text}: {cause}"),
        }
    })
}
