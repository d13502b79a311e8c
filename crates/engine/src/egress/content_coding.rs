//! Decoding response bodies by their `Content-Encoding`, within the size limit.

use std::io::Read;

use brotli_decompressor::Decompressor;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use stepwell_steps::OutboundError;

/// The codings that requests accept.
pub(super) const ACCEPTED: &str = "gzip, deflate, br";

/// The most codings that are decoded one after the other.
const MAX_CODINGS: usize = 4;

/// The buffer of the Brotli decoder, in bytes.
const BUFFER: usize = 8 * 1024;

/// A content coding of RFC 9110, section 8.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentCoding {
    Gzip,
    Deflate,
    Brotli,
}

impl ContentCoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
        }
    }
}

/// The codings of a response in the order in which they were applied. Names are case-insensitive,
/// and the header may be a list, repeated, or both.
pub(super) fn content_codings(headers: &HeaderMap) -> Result<Vec<ContentCoding>, OutboundError> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let value = String::from_utf8_lossy(value.as_bytes());
        for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            codings.push(match name.to_ascii_lowercase().as_str() {
                "identity" => continue,
                "gzip" | "x-gzip" => ContentCoding::Gzip,
                "deflate" => ContentCoding::Deflate,
                "br" => ContentCoding::Brotli,
                _ => return Err(unknown_coding(name)),
            });
        }
    }
    if codings.len() > MAX_CODINGS {
        let message = format!(
            "the response has {} content codings on top of each other; at most {MAX_CODINGS} are \
             decoded",
            codings.len()
        );
        return Err(OutboundError::Undecodable(message));
    }
    Ok(codings)
}

fn unknown_coding(name: &str) -> OutboundError {
    let shown: String = name.chars().take(40).collect();
    OutboundError::Undecodable(format!(
        "the response has the unknown content coding `{shown}`; known are gzip, deflate and br: \
         request one of them with the header `Accept-Encoding`"
    ))
}

/// Decodes the codings, the last one first. Neither the result nor an intermediate one may be
/// larger than the limit.
///
/// Takes time for a large body, so it runs off the async workers.
pub(super) fn decode_body(
    mut body: Vec<u8>,
    codings: &[ContentCoding],
    limit: usize,
) -> Result<Vec<u8>, OutboundError> {
    for coding in codings.iter().rev() {
        body = decode_coding(&body, *coding, limit)?;
    }
    Ok(body)
}

fn decode_coding(
    body: &[u8],
    coding: ContentCoding,
    limit: usize,
) -> Result<Vec<u8>, OutboundError> {
    let decoded = match coding {
        ContentCoding::Gzip => read_bounded(MultiGzDecoder::new(body), limit),
        ContentCoding::Brotli => read_bounded(Decompressor::new(body, BUFFER), limit),
        // RFC 9110 means the zlib format; many servers send the bare deflate stream instead.
        ContentCoding::Deflate if has_zlib_header(body) => {
            read_bounded(ZlibDecoder::new(body), limit)
        }
        ContentCoding::Deflate => read_bounded(DeflateDecoder::new(body), limit),
    };
    let decoded = decoded.map_err(|error| {
        let name = coding.name();
        OutboundError::Undecodable(format!("the response is not valid {name} data: {error}"))
    })?;
    if decoded.len() > limit {
        return Err(OutboundError::TooLarge(format!(
            "the response has more than {limit} bytes after {} decoding",
            coding.name()
        )));
    }
    Ok(decoded)
}

/// Reads at most one byte more than the limit.
fn read_bounded(reader: impl Read, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_to_end(&mut out)?;
    Ok(out)
}

/// RFC 1950: the method is 8, and the first two bytes are a multiple of 31.
fn has_zlib_header(body: &[u8]) -> bool {
    match body {
        [first, second, ..] => {
            first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use reqwest::header::HeaderValue;

    use super::*;

    /// `hello` as Brotli: one uncompressed meta-block and an empty last one (RFC 7932, 9.2).
    const HELLO_BROTLI: [u8; 9] = [0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(body: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(body: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn of(values: &[&str]) -> Result<Vec<ContentCoding>, OutboundError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, HeaderValue::from_str(value).unwrap());
        }
        content_codings(&headers)
    }

    #[test]
    fn decodes_every_coding_in_any_spelling_and_order() {
        let twice = gzip(&gzip(b"hello"));
        let mixed = zlib(&HELLO_BROTLI);
        for (names, body) in [
            (&[][..], b"hello".to_vec()),
            (&["identity"], b"hello".to_vec()),
            (&["gzip"], gzip(b"hello")),
            (&["GZIP"], gzip(b"hello")),
            (&["X-GZip"], gzip(b"hello")),
            (&["gzip"], [gzip(b"hel"), gzip(b"lo")].concat()),
            (&["Deflate"], zlib(b"hello")),
            (&["deflate"], deflate(b"hello")),
            (&["BR"], HELLO_BROTLI.to_vec()),
            (&["gzip, x-gzip"], twice.clone()),
            (&["gzip", " identity ,GZip"], twice),
            (&["br,deflate"], mixed),
        ] {
            let codings = of(names).unwrap();
            assert_eq!(decode_body(body, &codings, 100).unwrap(), b"hello", "{names:?}");
        }
    }

    #[test]
    fn names_a_coding_that_it_does_not_know() {
        for (names, expect) in [
            (&["zstd"][..], "`zstd`"),
            (&["gzip, Compress"], "`Compress`"),
            (&["gzip, gzip, gzip, gzip, gzip"], "at most 4"),
        ] {
            let Err(OutboundError::Undecodable(message)) = of(names) else { panic!("{names:?}") };
            assert!(message.contains(expect), "{message}");
        }
    }

    #[test]
    fn stops_at_the_limit_at_every_stage() {
        let zeros = vec![0; 1 << 20];
        for (codings, body) in [
            (vec![ContentCoding::Gzip], gzip(&zeros)),
            (vec![ContentCoding::Deflate], zlib(&zeros)),
            (vec![ContentCoding::Deflate], deflate(&zeros)),
            // The outer stage is small and what it holds is large.
            (vec![ContentCoding::Gzip, ContentCoding::Gzip], gzip(&gzip(&zeros))),
        ] {
            let result = decode_body(body, &codings, 10_000);
            assert!(matches!(result, Err(OutboundError::TooLarge(_))), "{codings:?}");
        }
    }

    #[test]
    fn reports_data_that_is_not_in_its_coding() {
        let cut = gzip(b"hello");
        for (coding, body) in [
            (ContentCoding::Gzip, b"hello".to_vec()),
            (ContentCoding::Gzip, cut[..cut.len() - 9].to_vec()),
            (ContentCoding::Deflate, b"\xff\xff".to_vec()),
            (ContentCoding::Brotli, b"hello".to_vec()),
        ] {
            let result = decode_body(body, &[coding], 100);
            assert!(matches!(result, Err(OutboundError::Undecodable(_))), "{coding:?} {result:?}");
        }
    }
}
