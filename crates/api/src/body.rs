//! Reading request bodies: bounded in size and time, with their media type and idempotency key.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use axum::http::{Method, Uri};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use stepwell_core::memory::{json_bytes, yaml_bytes};
use stepwell_engine::AppError;
use stepwell_engine::app::Idempotency;
use stepwell_engine::memory::{HeldMemory, PATIENCE, Reservation};

use crate::error::{ApiError, Kind};
use crate::fields::{Fields, FromFields};
use crate::json;
use crate::state::Api;

/// What the values of a shorter body take is not worth counting.
const SMALL_BODY: usize = 1 << 10;

/// The longest idempotency key.
const MAX_KEY: usize = 255;

/// The format of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// No media type.
    Missing,
    /// Compressed, or encoded in another way, as the header names it.
    Encoded(String),
    /// Something else, as written.
    Other(String),
}

impl Media {
    fn of(headers: &HeaderMap) -> Self {
        if let Some(encoding) = content_encoding(headers) {
            return Self::Encoded(encoding);
        }
        let Some(value) = headers.get(CONTENT_TYPE) else { return Self::Missing };
        let Ok(text) = value.to_str() else { return Self::Other("unreadable".into()) };
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let charset = parts.find_map(|p| {
            let (name, value) = p.split_once('=')?;
            name.eq_ignore_ascii_case("charset").then(|| value.trim_matches('"'))
        });
        let utf8 = charset.is_none_or(|c| {
            c.eq_ignore_ascii_case("utf-8")
                || c.eq_ignore_ascii_case("utf8")
                || c.eq_ignore_ascii_case("us-ascii")
        });
        match essence.as_str() {
            _ if !utf8 => Self::Other(text.to_owned()),
            "application/json" | "text/json" => Self::Json,
            "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Self::Yaml,
            other if other.starts_with("application/") && other.ends_with("+json") => Self::Json,
            _ => Self::Other(text.to_owned()),
        }
    }
}

/// How a body is encoded, if it is.
fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let named = headers.get_all(CONTENT_ENCODING).iter();
    let mut named = named.map(|value| value.to_str().unwrap_or("unreadable").trim());
    named.find(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity")).map(str::to_owned)
}

/// A request body, read whole.
pub struct RequestBody {
    /// The bytes; empty where there was no body.
    pub bytes: Bytes,
    /// Their format.
    pub media: Media,
    /// The idempotency key with the digest of this request.
    pub key: Option<Idempotency>,
    /// What is reserved for the bytes and for the values that they are parsed into.
    pub memory: Arc<HeldMemory>,
    /// The headers of the request.
    pub headers: HeaderMap,
    max_depth: usize,
}

impl RequestBody {
    /// The body as JSON; `None` where there is none.
    ///
    /// # Errors
    /// `UnsupportedMediaType`; `InvalidRequest` where it is not JSON.
    pub fn json(&self) -> Result<Option<Value>, ApiError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        if self.media != Media::Json {
            return Err(self.unsupported("application/json"));
        }
        json::parse_json(&self.bytes, self.max_depth).map(Some)
    }

    /// The fields of the body; none where there is no body.
    ///
    /// # Errors
    /// As [`RequestBody::json`]; `InvalidRequest` where it is not an object.
    pub fn fields(&self) -> Result<Fields, ApiError> {
        Fields::of(self.json()?.unwrap_or_else(|| Value::Object(stepwell_core::Map::new())))
    }

    /// The body as a struct, without rules beyond the types of its fields.
    ///
    /// # Errors
    /// As [`RequestBody::fields`]; `InvalidRequest` with every problem.
    pub fn read<T: FromFields>(&self) -> Result<T, ApiError> {
        let mut fields = self.fields()?;
        let body = T::read(&mut fields);
        fields.finish()?;
        Ok(body)
    }

    /// The body is in a format that is not taken here.
    pub fn unsupported(&self, accepted: &str) -> ApiError {
        let found = match &self.media {
            Media::Missing => "the request has a body but no Content-Type".to_owned(),
            Media::Json => "application/json is not accepted here".to_owned(),
            Media::Yaml => "YAML is not accepted here".to_owned(),
            Media::Encoded(encoding) => {
                let shown: String = encoding.chars().take(100).collect();
                return ApiError::new(
                    Kind::UnsupportedMediaType,
                    format!(
                        "a body with `Content-Encoding: {shown}` is not accepted; \
                         send it as it is, without that header"
                    ),
                );
            }
            Media::Other(text) => {
                format!("`{}` is not accepted here", text.chars().take(100).collect::<String>())
            }
        };
        ApiError::new(
            Kind::UnsupportedMediaType,
            format!("{found}; send the header `Content-Type: {accepted}` and a body in it"),
        )
    }
}

impl FromRequest<Api> for RequestBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let key = idempotency_key(&parts.headers)?;
        let limit = api.config.max_body_bytes;
        let mut memory = api.app.memory().empty();
        let reading = read_body(body, &parts.headers, limit, &mut memory);
        let bytes = tokio::time::timeout(api.config.body_timeout(), reading)
            .await
            .map_err(|_| body_timed_out(api.config.body_timeout()))??;
        let key = key.map(|key| Idempotency {
            fingerprint: request_fingerprint(&parts.method, &parts.uri, &bytes),
            key,
        });
        let media = Media::of(&parts.headers);
        reserve_values(&bytes, &media, &mut memory).await?;
        let memory = HeldMemory::new(memory);
        let (headers, max_depth) = (parts.headers, api.config.max_json_depth);
        Ok(Self { bytes, media, key, memory, headers, max_depth })
    }
}

fn body_timed_out(limit: Duration) -> ApiError {
    let seconds = limit.as_secs();
    ApiError::new(
        Kind::SlowBody,
        format!("the body did not arrive within {seconds} s; send the request again"),
    )
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let bytes = value.as_bytes();
    let sane = (1..=MAX_KEY).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(text) if sane => Ok(Some(text.to_owned())),
        _ => Err(ApiError::invalid(
            "Idempotency-Key",
            format!("must be 1 to {MAX_KEY} visible ASCII characters without spaces"),
        )),
    }
}

/// A digest of method, path, query and body.
fn request_fingerprint(method: &Method, uri: &Uri, body: &[u8]) -> Vec<u8> {
    let target = uri.path_and_query().map_or("", |p| p.as_str());
    let mut digest = Sha256::new();
    for part in [method.as_str(), target] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    digest.update(body);
    digest.finalize().to_vec()
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        Kind::TooLarge,
        format!("the body is larger than the {limit} bytes that are allowed"),
    )
}

/// Reserves what the values of a body take, before they are parsed: a text of a few bytes a value
/// takes many times its length.
async fn reserve_values(
    bytes: &[u8],
    media: &Media,
    memory: &mut Reservation,
) -> Result<(), ApiError> {
    if bytes.len() < SMALL_BODY {
        return Ok(());
    }
    let values = match media {
        Media::Json => json_bytes(bytes),
        Media::Yaml => yaml_bytes(bytes),
        Media::Missing | Media::Encoded(_) | Media::Other(_) => 0,
    };
    let all = bytes.len().saturating_add(values);
    reserve_memory(memory, all).await?;
    memory.shrink_to(all);
    Ok(())
}

async fn reserve_memory(memory: &mut Reservation, bytes: usize) -> Result<(), ApiError> {
    memory.grow_to(bytes, PATIENCE).await.map_err(|shortage| AppError::from(shortage).into())
}

async fn read_body(
    body: Body,
    headers: &HeaderMap,
    limit: usize,
    memory: &mut Reservation,
) -> Result<Bytes, ApiError> {
    let announced = content_length(headers);
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let announced = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    // The values of most bodies take about as much again: then one wait is enough.
    reserve_memory(memory, announced + announced * 5 / 4).await?;
    let mut chunks = body.into_data_stream();
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            ApiError::invalid("", format!("the body could not be read: {error}"))
        })?;
        if first.len() + all.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        // Most bodies are one chunk, and that one needs no copy.
        match (first.is_empty(), all.is_empty()) {
            (true, true) => first = chunk,
            (true, false) => {
                make_room(&mut all, chunk.len(), memory).await?;
                all.extend_from_slice(&chunk);
            }
            (false, _) => {
                let more = announced.max(first.len() + chunk.len());
                make_room(&mut all, more, memory).await?;
                all.extend_from_slice(&std::mem::take(&mut first));
                all.extend_from_slice(&chunk);
            }
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Makes room for so many bytes more, and reserves the memory for it: while a buffer grows, the old
/// one and one of twice its size are there.
async fn make_room(
    all: &mut BytesMut,
    more: usize,
    memory: &mut Reservation,
) -> Result<(), ApiError> {
    let needed = all.len() + more;
    if needed > all.capacity() {
        let grown = needed.max(2 * all.capacity());
        reserve_memory(memory, all.capacity() + grown).await?;
        all.reserve(grown - all.len());
    }
    Ok(())
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use stepwell_engine::memory::MemoryBudget;

    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            axum::http::HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )])
    }

    #[test]
    fn media_types() {
        for (text, expect) in [
            ("application/json", Some(Media::Json)),
            ("Application/JSON; charset=UTF-8", Some(Media::Json)),
            ("application/vnd.x+json", Some(Media::Json)),
            ("Text/JSON", Some(Media::Json)),
            ("application/yaml", Some(Media::Yaml)),
            ("text/x-yaml; charset=\"utf-8\"", Some(Media::Yaml)),
            ("application/json; charset=latin1", None),
            ("application/x-www-form-urlencoded", None),
        ] {
            let expect = expect.unwrap_or_else(|| Media::Other(text.into()));
            assert_eq!(Media::of(&with("content-type", text)), expect, "{text}");
        }
        assert_eq!(Media::of(&HeaderMap::new()), Media::Missing);
    }

    #[test]
    fn keys_are_visible_ascii() {
        let long = "k".repeat(256);
        for (text, ok) in
            [("a-1", true), (&long[..255], true), (&long, false), ("a b", false), ("", false)]
        {
            assert_eq!(idempotency_key(&with("idempotency-key", text)).is_ok(), ok, "{text}");
        }
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn requests_have_different_fingerprints() {
        let of = |method: Method, uri: &str, body: &[u8]| {
            request_fingerprint(&method, &uri.parse().unwrap(), body)
        };
        let base = of(Method::POST, "/workflows/x/execute?wait=true", b"{}");
        assert_eq!(base.len(), 32);
        assert_eq!(base, of(Method::POST, "/workflows/x/execute?wait=true", b"{}"));
        for other in [
            of(Method::PUT, "/workflows/x/execute?wait=true", b"{}"),
            of(Method::POST, "/workflows/y/execute?wait=true", b"{}"),
            of(Method::POST, "/workflows/x/execute", b"{}"),
            of(Method::POST, "/workflows/x/execute?wait=true", b"{ }"),
        ] {
            assert_ne!(base, other);
        }
    }

    #[tokio::test]
    async fn bodies_are_bounded() {
        let chunks = |sizes: &[usize]| {
            let chunks: Vec<Result<Bytes, std::io::Error>> =
                sizes.iter().map(|n| Ok(Bytes::from(vec![b'x'; *n]))).collect();
            Body::from_stream(futures_util::stream::iter(chunks))
        };
        let none = HeaderMap::new();
        for (sizes, expect) in [
            (&[][..], Some(0)),
            (&[10], Some(10)),
            (&[4, 6], Some(10)),
            (&[1, 2, 3, 4], Some(10)),
            (&[4, 7], None),
            (&[11], None),
        ] {
            let mut memory = MemoryBudget::new(1 << 20).empty();
            let read = read_body(chunks(sizes), &none, 10, &mut memory).await;
            assert_eq!(read.as_ref().ok().map(Bytes::len), expect, "{sizes:?}");
            assert_eq!(read.err().map(|e| e.kind()), expect.map_or(Some(Kind::TooLarge), |_| None));
        }
        let mut memory = MemoryBudget::new(1 << 20).empty();
        let declared =
            read_body(chunks(&[1]), &with("content-length", "11"), 10, &mut memory).await;
        assert_eq!(declared.unwrap_err().kind(), Kind::TooLarge);
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_reserved_before_it_is_used() {
        let budget = MemoryBudget::new(4 << 20);
        let body = |size: usize| Body::from(vec![b'['; size]);
        let none = HeaderMap::new();
        let mut memory = budget.empty();
        let bytes = read_body(body(1 << 20), &none, 8 << 20, &mut memory).await.unwrap();
        reserve_values(&bytes, &Media::Missing, &mut memory).await.unwrap();
        assert_eq!(budget.used(), 1 << 20);
        // The values of a text are counted before they exist.
        let dense = format!("[{}0]", "0,".repeat(100_000));
        let mut values = budget.empty();
        let refused = reserve_values(dense.as_bytes(), &Media::Json, &mut values).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), Kind::Unavailable);
        assert!(refused.retry_after().is_some());
        let declared = with("content-length", "4000000");
        let mut other = budget.empty();
        let refused = read_body(body(1), &declared, 8 << 20, &mut other).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Unavailable);
        drop(memory);
        read_body(body(1), &declared, 8 << 20, &mut other).await.unwrap();
        // A small body waits for nothing.
        let mut small = budget.empty();
        read_body(body(60_000), &none, 8 << 20, &mut small).await.unwrap();
        assert_eq!((small.bytes(), budget.used()), (0, 4 << 20));
    }
}
