//! `stepwell status`: the state of a running server, from its metrics and lists.

use serde_json::{Value, json};
use stepwell_core::Timestamp;

use crate::client::Client;
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal::{self, Colour, value_text};

/// Prints the state. Fails if the server is not ready.
pub async fn run(global: &GlobalArgs) -> Result<(), CliError> {
    let (client, url) = Client::connect_to_server(global)?;
    let status = read_status(&client, &url).await;
    client.close().await;
    let status = status?;
    if global.json {
        terminal::print_json(&status);
    } else {
        print_status(&status);
    }
    match status["ready"] == true {
        true => Ok(()),
        false => Err(CliError::failed(format!(
            "the server is not ready: {}",
            value_text(&status["reason"])
        ))),
    }
}

async fn read_status(client: &Client, url: &str) -> Result<Value, CliError> {
    let metrics = client.get("/metrics").await?;
    let metrics = Metrics(metrics.as_str().unwrap_or_default());
    let total = async |path: &str| -> Result<Value, CliError> {
        let list = client.get(&format!("{path}page_size=1")).await?;
        Ok(list["data"]["pagination"]["total_items"].clone())
    };
    let waiting = total("/api/v1/workflow_executions?status=waiting&").await?;
    let schedules = total("/api/v1/workflow_schedules?").await?;
    let enabled = total("/api/v1/workflow_schedules?enabled=true&").await?;
    let reason = client.get_readiness().await?;
    let started = metrics.number("process_start_time_seconds");
    let started = started.map(|seconds| Timestamp::from_micros((seconds * 1e6) as i64));
    let now = Timestamp::from_micros(jiff::Timestamp::now().as_microsecond());
    let count = |name: &str| metrics.number(name).map(|number| number as u64);
    let bytes = ["stepwell_store_database_bytes", "stepwell_store_wal_bytes"];
    Ok(json!({
        "server": url,
        "version": metrics.label("stepwell_build_info", "version"),
        "ready": reason.is_none(),
        "reason": reason,
        "started_at": started.map(|at| at.to_string()),
        "uptime_seconds": started.map(|at| now.since(at).as_secs()),
        "store_bytes": bytes.iter().filter_map(|name| count(name)).sum::<u64>(),
        "executions": {
            "active": count("stepwell_executions_active"),
            "queued": count("stepwell_executions_queued"),
            "waiting": waiting,
        },
        "schedules": {"total": schedules, "enabled": enabled},
        "deliveries": {"pending": count("stepwell_deliveries_pending")},
        "webhooks": {"disabled": count("stepwell_webhooks_disabled")},
    }))
}

fn print_status(status: &Value) {
    let print = |name: &str, text: &str| terminal::print_line(&format!("{name:<11} {text}"));
    let text = |pointer: &str| status.pointer(pointer).map(value_text).unwrap_or_default();
    print("server", &text("/server"));
    print("version", &text("/version"));
    let (colour, word) = match status["ready"] == true {
        true => (Colour::Green, "ready"),
        false => (Colour::Red, "not ready"),
    };
    print("status", &terminal::paint_stdout(colour, word));
    if let Some(seconds) = status["uptime_seconds"].as_u64() {
        print("started", &format!("{} ({} ago)", text("/started_at"), format_age(seconds)));
    }
    let counts = format!(
        "{} active, {} queued, {} waiting",
        text("/executions/active"),
        text("/executions/queued"),
        text("/executions/waiting")
    );
    print("executions", &counts);
    let enabled = format!("{} of {} enabled", text("/schedules/enabled"), text("/schedules/total"));
    print("schedules", &enabled);
    print("deliveries", &format!("{} pending", text("/deliveries/pending")));
    print("webhooks", &format!("{} disabled", text("/webhooks/disabled")));
    let bytes = status["store_bytes"].as_u64().unwrap_or_default();
    print("store", &format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)));
}

/// An age in its two largest units.
fn format_age(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// Metrics in the text format of Prometheus.
struct Metrics<'t>(&'t str);

impl Metrics<'_> {
    /// The value of a metric without labels.
    fn number(&self, name: &str) -> Option<f64> {
        let mut values =
            self.0.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        values.next()?.trim().parse().ok()
    }

    /// A label of the first sample of a metric.
    fn label(&self, name: &str, label: &str) -> Option<&str> {
        let mut samples =
            self.0.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
        let (_, value) = samples.next()?.split_once(&format!("{label}=\""))?;
        value.split_once('"').map(|(value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_by_their_whole_name() {
        let text = "# HELP a_b Things.\n# TYPE a_b gauge\na_b_limit 7\na_b 3\n\
                    info{arch=\"x\",version=\"1.2\"} 1\nstart 1.5e9\n";
        let metrics = Metrics(text);
        assert_eq!((metrics.number("a_b"), metrics.number("a_b_limit")), (Some(3.0), Some(7.0)));
        assert_eq!((metrics.number("a"), metrics.number("start")), (None, Some(1.5e9)));
        assert_eq!(metrics.label("info", "version"), Some("1.2"));
        assert_eq!((metrics.label("info", "os"), metrics.label("a_b", "version")), (None, None));
    }

    #[test]
    fn ages_have_two_units() {
        for (seconds, text) in
            [(7, "7 s"), (125, "2 min 5 s"), (7_260, "2 h 1 min"), (180_000, "2 d 2 h")]
        {
            assert_eq!(format_age(seconds), text);
        }
    }
}
