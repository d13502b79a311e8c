//! The errors of requests that cannot be read.

use axum::http::StatusCode;

use crate::error::{ApiError, Kind};

/// The first byte of a TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;

/// The error of a request that hyper could not read and refused with `status`. `head` is what has
/// arrived of it, as far as it was not taken apart.
pub fn error_of(head: &[u8], status: StatusCode, error: &hyper::Error) -> ApiError {
    match status {
        StatusCode::URI_TOO_LONG => ApiError::new(
            Kind::UriTooLong,
            "the address of the request has more than 65,534 bytes; send long values in a body",
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ApiError::new(
            Kind::HeadersTooLarge,
            "the request line and the headers have more than 128 KiB, or there are more than 100 \
             headers; send less",
        ),
        _ if head.first() == Some(&TLS_HANDSHAKE) => ApiError::new(
            Kind::InvalidRequest,
            "this port takes HTTP without TLS; use an address that begins with http://, or a proxy \
             that ends TLS",
        ),
        _ => ApiError::new(Kind::InvalidRequest, format!("the request is not valid HTTP: {error}")),
    }
}

/// The path of a request of which this much has arrived; empty where it is not known.
pub fn path_of(head: &[u8]) -> &str {
    let mut words = head.split(|byte| byte.is_ascii_whitespace() || *byte == b'?').skip(1);
    words.next().and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_incomplete_heads() {
        for (head, path) in
            [("GET /a/b?c=d HTTP/1.1\r\n", "/a/b"), ("GET /a", "/a"), ("GET", ""), ("", "")]
        {
            assert_eq!(path_of(head.as_bytes()), path, "{head}");
        }
    }
}
