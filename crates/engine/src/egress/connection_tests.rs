//! Connections that the client uses again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stepwell_steps::OutboundClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use super::tests::{Unlimited, client, get, open};

/// How many connections a server accepts for rounds of so many requests at the same time.
async fn count_connections(rounds: usize, at_once: usize) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    let all_are_here = Arc::new(Barrier::new(at_once));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let all_are_here = Arc::clone(&all_are_here);
            tokio::spawn(async move {
                let mut request = Vec::new();
                while socket.read_buf(&mut request).await.unwrap_or(0) > 0 {
                    if request.ends_with(b"\r\n\r\n") {
                        request.clear();
                        all_are_here.wait().await;
                        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                        socket.write_all(response).await.unwrap();
                    }
                }
            });
        }
    });
    let client = client(open());
    for _ in 0..rounds {
        let requests = (0..at_once).map(|_| client.send_request(get(&url), &Unlimited));
        for response in futures_util::future::join_all(requests).await {
            assert_eq!(response.unwrap().body, b"ok");
        }
    }
    accepted.load(Ordering::SeqCst)
}

#[tokio::test]
async fn many_requests_at_once_use_the_same_connections_again() {
    let connections = count_connections(5, 100).await;
    // A few requests can begin before the response of a connection is read to its end.
    assert!(
        (100..150).contains(&connections),
        "{connections} connections for 5 times 100 requests"
    );
}
