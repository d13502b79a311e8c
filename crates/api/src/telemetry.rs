//! The server's metrics, and the recorder that all crates' metrics go to.

use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use stepwell_engine::PoolUsage;

use crate::connections::CLOSE_LABELS;
use crate::process_metrics;

/// Responses, by method, route and status.
pub const REQUESTS: &str = "stepwell_http_requests_total";

/// How long they took, in seconds, by method and route.
pub const DURATION: &str = "stepwell_http_request_duration_seconds";

/// Connections that are open now, by kind: `ordinary` or `reserved`.
const CONNECTIONS: &str = "stepwell_http_connections";

/// Connections that the server closed, by reason.
const CLOSED: &str = "stepwell_http_connections_closed_total";

/// From a fast pure workflow to a long wait.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Steps take from microseconds to hours.
const STEP_BUCKETS: [f64; 12] =
    [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0];

/// How many writes share a transaction.
const BATCH_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the process's metrics recorder, once; `/metrics` shows what it holds. [`crate::serve_router`]
/// looks after it while it runs.
///
/// # Errors
/// Another recorder is installed already.
pub fn install_metrics() -> Result<PrometheusHandle, std::io::Error> {
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    // All durations share the buckets, those of the engine and the store included.
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)
        .and_then(|builder| {
            let name = Matcher::Full("stepwell_step_duration_seconds".into());
            builder.set_buckets_for_metric(name, &STEP_BUCKETS)
        })
        .and_then(|builder| {
            let name = Matcher::Full("stepwell_store_transaction_writes".into());
            builder.set_buckets_for_metric(name, &BATCH_BUCKETS)
        })
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(std::io::Error::other)?;
    metrics::describe_counter!(REQUESTS, "HTTP responses sent.");
    metrics::describe_histogram!(DURATION, metrics::Unit::Seconds, "How long requests took.");
    metrics::describe_gauge!(CONNECTIONS, "Open HTTP connections, ordinary and reserved ones.");
    metrics::describe_counter!(CLOSED, "HTTP connections that the server closed, by reason.");
    // What has one label of fixed values is there with 0 from the start; so is one series of the
    // requests.
    for reason in CLOSE_LABELS {
        metrics::counter!(CLOSED, "reason" => reason).absolute(0);
    }
    metrics::counter!(REQUESTS, "method" => "GET", "route" => "/metrics", "status" => "200")
        .absolute(0);
    let _ = metrics::histogram!(DURATION, "method" => "GET", "route" => "/metrics");
    open_connections(0, 0);
    process_metrics::register_metrics();
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// What `/metrics` shows; `None` where no recorder is installed.
pub fn render_metrics() -> Option<String> {
    HANDLE.get().map(PrometheusHandle::render)
}

/// Folds recorded durations into their buckets now and then, so that they do not pile up.
pub async fn run_upkeep() {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    loop {
        every.tick().await;
        if let Some(handle) = HANDLE.get() {
            handle.run_upkeep();
        }
    }
}

/// Counts a request.
pub fn count_request(method: &Method, route: &str, status: StatusCode, took: Duration) {
    // Without a recorder there is nothing to count, and no series must be kept that counts nothing.
    if HANDLE.get().is_none() {
        return;
    }
    let method = method_label(method);
    let known = SERIES.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(series) = known.get(route).and_then(|methods| methods.get(method)) {
        return series.count(status, took, || request_counter(method, route, status));
    }
    drop(known);
    let mut known = SERIES.write().unwrap_or_else(PoisonError::into_inner);
    let series = known.entry(route.to_owned()).or_default().entry(method).or_insert_with(|| {
        let duration =
            metrics::histogram!(DURATION, "method" => method, "route" => route.to_owned());
        RequestSeries { duration, by_status: RwLock::default() }
    });
    series.count(status, took, || request_counter(method, route, status));
}

/// The series of the requests seen so far, by route and method. The recorder would have to build
/// and hash the labels of each request. Bounded by the number of routes.
static SERIES: LazyLock<RwLock<HashMap<String, BTreeMap<&'static str, RequestSeries>>>> =
    LazyLock::new(RwLock::default);

/// The series of one operation.
struct RequestSeries {
    duration: Histogram,
    /// The statuses returned so far, mostly one or two.
    by_status: RwLock<Vec<(StatusCode, Counter)>>,
}

impl RequestSeries {
    fn count(&self, status: StatusCode, took: Duration, register: impl FnOnce() -> Counter) {
        self.duration.record(took.as_secs_f64());
        let known = self.by_status.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, counter)) = known.iter().find(|(known, _)| *known == status) {
            return counter.increment(1);
        }
        drop(known);
        // Another thread may have added it meanwhile: both handles count the same series.
        let counter = register();
        counter.increment(1);
        let mut known = self.by_status.write().unwrap_or_else(PoisonError::into_inner);
        if !known.iter().any(|(known, _)| *known == status) {
            known.push((status, counter));
        }
    }
}

fn request_counter(method: &'static str, route: &str, status: StatusCode) -> Counter {
    let (route, status) = (route.to_owned(), status.as_str().to_owned());
    metrics::counter!(REQUESTS, "method" => method, "route" => route, "status" => status)
}

/// Records how many connections are open.
pub fn open_connections(ordinary: usize, reserved: usize) {
    metrics::gauge!(CONNECTIONS, "kind" => "ordinary").set(ordinary as f64);
    metrics::gauge!(CONNECTIONS, "kind" => "reserved").set(reserved as f64);
}

/// Records the memory of the open connections, each with buffers of the largest size.
pub fn connection_memory(used: u64, limit: u64) {
    stepwell_engine::show_memory_pool(PoolUsage::new("connections", used, limit));
}

/// Counts a connection that the server closed.
pub fn closed_connection(reason: &'static str) {
    metrics::counter!(CLOSED, "reason" => reason).increment(1);
}

/// A bounded set of labels, whatever methods clients invent.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_was_counted() {
        install_metrics().unwrap();
        install_metrics().unwrap();
        let weird = Method::from_bytes(b"BREW").unwrap();
        count_request(&weird, "/workflows/{id}", StatusCode::OK, Duration::from_millis(3));
        let text = render_metrics().unwrap();
        assert!(
            text.contains(
                "stepwell_http_requests_total{method=\"OTHER\",route=\"/workflows/{id}\",status=\"200\"}"
            ),
            "{text}"
        );
        assert!(text.contains("stepwell_http_request_duration_seconds_bucket"), "{text}");
    }
}
