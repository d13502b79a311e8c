//! A receiver of webhooks.

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::support::PATIENCE;

/// Stores the bodies of the webhooks that it receives.
pub struct Receiver {
    pub url: String,
    bodies: Arc<Mutex<Vec<Value>>>,
    count: watch::Receiver<usize>,
}

impl Receiver {
    pub async fn start(status: StatusCode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let bodies: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (counted, count) = watch::channel(0);
        let all = bodies.clone();
        let take = async move |body: String| {
            let mut all = all.lock().unwrap();
            all.push(serde_json::from_str(&body).unwrap());
            counted.send_replace(all.len());
            (status, "thank you")
        };
        let router = axum::Router::new().route("/hook", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, bodies, count }
    }

    pub async fn at_least(&self, wanted: usize) -> Vec<Value> {
        let mut count = self.count.clone();
        let reached = count.wait_for(|count| *count >= wanted);
        tokio::time::timeout(PATIENCE, reached).await.unwrap().unwrap();
        self.bodies.lock().unwrap().clone()
    }
}
