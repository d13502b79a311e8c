//! The client against a small server on loopback.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use stepwell_steps::{OutboundClient, OutboundError, OutboundRequest, StepFailure, WorkingMemory};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{DeliveryResponse, EgressClient, EgressRules};

/// Memory without a limit.
#[derive(Debug)]
pub(super) struct Unlimited;

#[async_trait]
impl WorkingMemory for Unlimited {
    async fn reserve_bytes(&self, _: usize) -> Result<(), StepFailure> {
        Ok(())
    }

    fn reserve_blocking(&self, _: usize) -> Result<(), StepFailure> {
        Ok(())
    }
}

/// A server that responds to each request by its path and records the heads of the requests.
struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

/// The response to a path, as raw HTTP; `None`: there is none.
type Respond = fn(path: &str, port: u16) -> Option<Vec<u8>>;

async fn serve(respond: Respond) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                    if socket.read_buf(&mut head).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                log.lock().unwrap().push(head);
                match respond(&path, port) {
                    Some(bytes) => {
                        // The client may close the connection if the response is too long.
                        let _ = socket.write_all(&bytes).await;
                    }
                    None => std::future::pending().await,
                }
            });
        }
    });
    Server { port, seen }
}

impl Server {
    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn last_seen(&self) -> String {
        self.seen.lock().unwrap().last().cloned().unwrap_or_default().to_ascii_lowercase()
    }
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

pub(super) fn get(url: &str) -> OutboundRequest {
    OutboundRequest {
        method: "GET".into(),
        url: url.into(),
        max_redirects: 5,
        ..OutboundRequest::default()
    }
}

pub(super) fn open() -> EgressRules {
    EgressRules { allow_private: true, ..EgressRules::default() }
}

pub(super) fn client(rules: EgressRules) -> EgressClient {
    EgressClient::new(rules).unwrap()
}

#[tokio::test]
async fn a_response_is_read() {
    let server = serve(|_, _| Some(response("200 OK", "X-Two: a\r\nX-Two: b\r\n", b"hello"))).await;
    let request = OutboundRequest {
        method: "POST".into(),
        headers: vec![("X-Own".into(), "1".into()), ("x-own".into(), "2".into())],
        body: Some(b"{}".to_vec()),
        ..get(&server.url("/a?b=c"))
    };
    let response = client(open()).send_request(request, &Unlimited).await.unwrap();
    assert_eq!((response.status, response.body), (200, b"hello".to_vec()));
    assert_eq!(response.headers["x-two"], "a, b");
    assert_eq!(response.url, server.url("/a?b=c"));
    let seen = server.last_seen();
    assert!(seen.starts_with("post /a?b=c http/1.1\r\n"), "{seen}");
    assert!(seen.contains("x-own: 1\r\nx-own: 2\r\n"), "{seen}");
    assert!(seen.contains("user-agent: stepwell/"), "{seen}");
}

#[tokio::test]
async fn bodies_are_decoded_and_cookies_are_separate() {
    let server = serve(|path, _| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, b"hello").unwrap();
        let body = encoder.finish().unwrap();
        Some(match path {
            "/gzip" => response("200 OK", "Content-Encoding: GZip\r\nContent-Type: a/b\r\n", &body),
            "/head" => response("200 OK", "Content-Encoding: zstd\r\n", b""),
            "/moved" => response("302 Found", "Location: /cookies?k=1\r\n", b""),
            "/cookies" | "/cookies?k=1" => {
                response("200 OK", "Set-Cookie: a=1, 2\r\nX-A: 1\r\nset-cookie: b=3\r\n", b"")
            }
            _ => response("200 OK", "Content-Encoding: zstd\r\n", b"hello"),
        })
    })
    .await;
    let client = client(open());
    let response = client.send_request(get(&server.url("/gzip")), &Unlimited).await.unwrap();
    assert_eq!(response.body, b"hello");
    assert!(!response.headers.contains_key("content-encoding"), "{:?}", response.headers);
    assert!(server.last_seen().contains("accept-encoding: gzip, deflate, br\r\n"));
    let own = vec![("Accept-Encoding".into(), "identity".into())];
    let request = OutboundRequest { headers: own, ..get(&server.url("/gzip")) };
    assert_eq!(client.send_request(request, &Unlimited).await.unwrap().body, b"hello");
    assert!(server.last_seen().contains("accept-encoding: identity\r\n"));
    let error = client.send_request(get(&server.url("/zstd")), &Unlimited).await.unwrap_err();
    assert!(matches!(&error, OutboundError::Undecodable(m) if m.contains("`zstd`")), "{error:?}");
    assert_eq!(client.send_request(get(&server.url("/head")), &Unlimited).await.unwrap().body, b"");
    let response = client.send_request(get(&server.url("/moved")), &Unlimited).await.unwrap();
    assert_eq!(response.set_cookie, ["a=1, 2", "b=3"]);
    assert!(!response.headers.contains_key("set-cookie"));
    let followed: Vec<_> = response.redirects.iter().map(|r| (r.status, r.to.clone())).collect();
    assert_eq!(followed, [(302, server.url("/cookies?k=1"))]);
}

#[tokio::test]
async fn responses_above_the_size_limit_fail() {
    let server = serve(|path, _| {
        Some(match path {
            "/announced" => response("200 OK", "", &[b'a'; 2000]),
            "/endless" => {
                let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice();
                [head, &[b'a'; 100_000]].concat()
            }
            "/bomb" => response("200 OK", "Content-Encoding: gzip\r\n", &gzip_zeros()),
            _ => response("200 OK", "", &[b'a'; 1000]),
        })
    })
    .await;
    let client = client(EgressRules { max_response_bytes: 1000, ..open() });
    assert_eq!(
        client.send_request(get(&server.url("/")), &Unlimited).await.unwrap().body.len(),
        1000
    );
    for path in ["/announced", "/endless", "/bomb"] {
        let error = client.send_request(get(&server.url(path)), &Unlimited).await.unwrap_err();
        assert!(matches!(error, OutboundError::TooLarge(_)), "{path}: {error:?}");
    }
    // A request may lower the limit, not raise it.
    for (own, fits) in [(10, false), (5000, true)] {
        let request = OutboundRequest { max_response_bytes: Some(own), ..get(&server.url("/")) };
        assert_eq!(client.send_request(request, &Unlimited).await.is_ok(), fits, "{own}");
    }
}

/// A megabyte of zeros as gzip with run-length deflate, under 6 KB, written as one fixed Huffman
/// block.
fn gzip_zeros() -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    // The literal 0, then matches of length 258 (code 285) at distance 1 (code 0).
    bits.extend([false, false, true, true, false, false, false, false]);
    for _ in 0..4000 {
        bits.extend([true, true, false, false, false, true, false, true]);
        bits.extend([false; 5]);
    }
    bits.extend([false; 7]);
    let deflated = bits.chunks(8).map(|chunk| {
        chunk.iter().enumerate().fold(0_u8, |byte, (i, bit)| byte | u8::from(*bit) << i)
    });
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    gzip.extend(deflated);
    gzip.extend([0; 8]);
    gzip
}

#[tokio::test]
async fn a_request_times_out() {
    let server = serve(|_, _| None).await;
    let request =
        OutboundRequest { timeout: Some(Duration::from_millis(50)), ..get(&server.url("/")) };
    let error = client(open()).send_request(request, &Unlimited).await.unwrap_err();
    assert!(matches!(error, OutboundError::TimedOut(_)), "{error:?}");
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("http://127.0.0.1:{port}/?token=secret");
    let error = client(open()).send_request(get(&url), &Unlimited).await.unwrap_err();
    assert!(matches!(error, OutboundError::Unreachable(_)), "{error:?}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

fn redirecting(path: &str, port: u16) -> Option<Vec<u8>> {
    let to = |location: &str| response("302 Found", &format!("Location: {location}\r\n"), b"");
    Some(match path {
        "/relative" => to("/end"),
        "/loop" => to("/loop"),
        "/elsewhere" => to(&format!("http://localhost:{port}/end")),
        "/metadata" => to("http://169.254.169.254/latest"),
        "/file" => to("file:///etc/passwd"),
        _ => response("200 OK", "", b"end"),
    })
}

#[tokio::test]
async fn redirects_are_followed_within_the_rules() {
    let server = serve(redirecting).await;
    let allowed = vec!["127.0.0.1".parse().unwrap()];
    let strict = client(EgressRules { allowed, ..EgressRules::default() });
    let response = strict.send_request(get(&server.url("/relative")), &Unlimited).await.unwrap();
    assert_eq!((response.body, response.url), (b"end".to_vec(), server.url("/end")));
    for (path, refused) in
        [("/loop", true), ("/elsewhere", true), ("/metadata", true), ("/file", false)]
    {
        let error = strict.send_request(get(&server.url(path)), &Unlimited).await.unwrap_err();
        assert_eq!(matches!(error, OutboundError::Refused(_)), refused, "{path}: {error:?}");
        assert_eq!(matches!(error, OutboundError::Invalid(_)), !refused, "{path}: {error:?}");
    }
    assert_eq!(server.seen.lock().unwrap().iter().filter(|s| s.contains("/loop")).count(), 6);
    // Without redirects to follow, it returns the redirect itself.
    let request = OutboundRequest { max_redirects: 0, ..get(&server.url("/loop")) };
    assert_eq!(strict.send_request(request, &Unlimited).await.unwrap().status, 302);
}

#[tokio::test]
async fn credentials_are_not_sent_to_another_origin() {
    let server = serve(redirecting).await;
    let client = client(open());
    for (path, kept) in [("/relative", true), ("/elsewhere", false)] {
        let request = OutboundRequest {
            headers: vec![
                ("Authorization".into(), "Bearer secret".into()),
                ("X-Odd".into(), "secret".into()),
                ("Accept".into(), "text/plain".into()),
            ],
            ..get(&server.url(path))
        };
        client.send_request(request, &Unlimited).await.unwrap();
        let seen = server.last_seen();
        assert!(seen.starts_with("get /end"), "{seen}");
        assert_eq!(seen.contains("secret"), kept, "{path}: {seen}");
        assert!(seen.contains("accept: text/plain"), "{path}: {seen}");
    }
}

#[tokio::test]
async fn private_names_and_addresses_are_refused() {
    let server = serve(redirecting).await;
    let strict = client(EgressRules::default());
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let url = format!("http://{host}:{}/end", server.port);
        let error = strict.send_request(get(&url), &Unlimited).await.unwrap_err();
        assert!(matches!(error, OutboundError::Refused(_)), "{host}: {error:?}");
        assert_eq!(strict.check_url(&url), Err(error));
    }
    assert!(server.seen.lock().unwrap().is_empty());
    assert_eq!(
        client(open()).send_request(get(&server.url("/end")), &Unlimited).await.unwrap().status,
        200
    );
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_refused_when_connecting() {
    use reqwest::dns::{Name, Resolve as _};
    let resolve = async |rules: EgressRules| {
        let resolver = super::resolver::CheckedResolver { rules: Arc::new(rules) };
        let name: Name = "localhost".parse().unwrap();
        resolver.resolve(name).await.map(Iterator::count)
    };
    let Err(error) = resolve(EgressRules::default()).await else { panic!("must be refused") };
    assert!(error.is::<super::resolver::Forbidden>(), "{error}");
    assert!(resolve(open()).await.unwrap() > 0);
    let allowed = vec!["localhost".parse().unwrap()];
    assert!(resolve(EgressRules { allowed, ..EgressRules::default() }).await.unwrap() > 0);
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let client = client(open());
    let good = get("http://127.0.0.1:1/");
    let with_header = |name: &str, value: &str| OutboundRequest {
        headers: vec![(name.into(), value.into())],
        ..good.clone()
    };
    for (request, expect) in [
        (OutboundRequest { method: "GE T".into(), ..good.clone() }, "HTTP method"),
        (OutboundRequest { url: "/relative".into(), ..good.clone() }, "absolute"),
        (OutboundRequest { url: "http://a:b@c/".into(), ..good.clone() }, "password"),
        (with_header("a b", "x"), "`a b`"),
        (with_header("X-A", "secret\r\nX-B: y"), "`X-A`"),
        (with_header("Content-Length", "5"), "omit it"),
    ] {
        let error = client.send_request(request, &Unlimited).await.unwrap_err();
        assert!(matches!(error, OutboundError::Invalid(_)), "{error:?}");
        assert!(error.to_string().contains(expect), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

/// Only the status of a delivery's response matters, not its body.
#[tokio::test]
async fn the_status_decides_about_a_delivery() {
    let server = serve(|path, _| {
        let begun = |length: usize, body: &[u8]| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            Some([head.as_bytes(), body].concat())
        };
        match path {
            "/small" => Some(response("202 Accepted", "", b"thanks")),
            "/huge" => begun(50 << 20, &vec![b'x'; 50 << 20]),
            "/broken" => begun(1000, b"abc"),
            "/elsewhere" => Some(response("307 Go", "Location: /small\r\n", b"")),
            "/busy" => Some(response("429 Slow", "Retry-After: 7\r\nRetry-After: 9\r\n", b"")),
            "/nonsense" => Some(b"hello\r\n\r\n".to_vec()),
            _ => None,
        }
    })
    .await;
    let client = client(open());
    let deliver = async |path: &str| {
        let timeout = Some(Duration::from_millis(500));
        let request = OutboundRequest { method: "POST".into(), timeout, ..get(&server.url(path)) };
        client.deliver(request, 8).await
    };
    let received = |status, body: &[u8]| {
        Ok(DeliveryResponse { status, beginning: body.to_vec(), retry_after: None })
    };
    assert_eq!(deliver("/small").await, received(202, b"thanks"));
    assert_eq!(deliver("/huge").await, received(200, b"xxxxxxxx"));
    assert_eq!(deliver("/broken").await, received(200, b"abc"));
    assert_eq!(deliver("/elsewhere").await, received(307, b""));
    let busy = deliver("/busy").await.unwrap();
    assert_eq!(busy.retry_after, Some(Duration::from_secs(9)));
    let read = client.send_request(get(&server.url("/busy")), &Unlimited).await.unwrap();
    assert_eq!(read.retry_after, Some(Duration::from_secs(9)));
    let nonsense = deliver("/nonsense").await.unwrap_err();
    assert!(matches!(nonsense, OutboundError::Unreachable(_)), "{nonsense:?}");
    let silent = deliver("/silent").await.unwrap_err();
    assert_eq!(silent, OutboundError::TimedOut("no response within 500ms".into()));
    let closed = EgressClient::new(EgressRules::default()).unwrap();
    let refused = closed.deliver(get(&server.url("/small")), 8).await.unwrap_err();
    assert!(matches!(refused, OutboundError::Refused(_)), "{refused:?}");
}

/// A body that never ends is not waited for.
#[tokio::test]
async fn a_delivery_does_not_wait_for_a_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            socket.read_buf(&mut head).await.unwrap();
        }
        socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").await.unwrap();
        std::future::pending::<()>().await;
    });
    let response = client(open()).deliver(get(&url), 8).await;
    assert_eq!(response.unwrap().beginning, b"abc");
}

#[test]
fn urls_that_a_parser_would_repair_are_refused_early() {
    let client = client(EgressRules::default());
    let long = format!("https://example.com/{}", "x".repeat(2048));
    for (url, expect) in [
        ("http:///example.com", "and a host"),
        ("http:example.com", "and a host"),
        ("https:/example.com", "and a host"),
        ("javascript:alert(1)", "and a host"),
        (" https://example.com", "no spaces"),
        ("https://example.com/a b", "no spaces"),
        ("https://exa\nmple.com", "no spaces"),
        ("https://example.com/\0", "no spaces"),
        ("https:\\\\example.com", "no spaces"),
        ("", "absolute"),
        ("example.com/hook", "absolute"),
        ("//example.com", "absolute"),
        ("http://", "empty host"),
        ("ftp://example.com", "must start with"),
        (long.as_str(), "at most 2048 bytes"),
    ] {
        let error = client.check_url(url).unwrap_err();
        assert!(error.to_string().contains(expect), "{url}: {error}");
    }
    for url in ["HTTPS://Example.com", "https://m\u{fc}nchen.example/\u{fc}?a=b%20c#d"] {
        client.check_url(url).unwrap();
    }
}
