//! Generates load with `wrk`.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// Repeats the same POST request.
pub struct Load {
    url: String,
    script: String,
}

pub struct LoadResult {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Responses other than 2xx and 3xx, and connection errors.
    pub failed: u64,
}

impl Load {
    pub fn post(url: &str, key: &str) -> Self {
        let script = format!(
            "wrk.method = \"POST\"\nwrk.body = \"{{}}\"\nwrk.headers[\"content-type\"] = \"application/json\"\nwrk.headers[\"x-api-key\"] = \"{key}\"\n"
        );
        Self { url: url.to_owned(), script }
    }

    pub fn run(&self, connections: u32, duration: Duration) -> Result<LoadResult> {
        let mut script = NamedTempFile::with_suffix(".lua")?;
        script.write_all(self.script.as_bytes())?;
        let output = Command::new("wrk")
            .args([
                "--latency",
                "-t1",
                &format!("-c{connections}"),
                &format!("-d{}s", duration.as_secs()),
            ])
            .arg("-s")
            .arg(script.path())
            .arg(&self.url)
            .output()
            .context("wrk is needed (apt-get install wrk)")?;
        parse_output(&String::from_utf8_lossy(&output.stdout))
    }
}

fn parse_output(text: &str) -> Result<LoadResult> {
    let after =
        |label: &str| text.lines().find_map(|line| line.trim().strip_prefix(label).map(str::trim));
    let per_second = after("Requests/sec:").with_context(|| format!("no rate in: {text}"))?;
    let failed = after("Non-2xx or 3xx responses:").map_or(Ok(0), str::parse)?;
    Ok(LoadResult {
        per_second: per_second.parse()?,
        p50_ms: parse_millis(after("50%").context("no p50")?)?,
        p99_ms: parse_millis(after("99%").context("no p99")?)?,
        failed: failed + u64::from(text.contains("Socket errors")),
    })
}

/// Parses `1.23ms`, `456.00us` or `1.20s` to milliseconds.
fn parse_millis(text: &str) -> Result<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    let (number, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
        .with_context(|| format!("no time: {text}"))?;
    Ok(number.parse::<f64>()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_wrk_is_parsed() {
        let text = "  Latency Distribution\n     50%  456.00us\n     99%    1.20ms\n  100 requests in 1.00s\n  Non-2xx or 3xx responses: 7\nRequests/sec:  12345.67\n";
        let measured = parse_output(text).unwrap();
        assert_eq!(
            (measured.per_second, measured.p50_ms, measured.p99_ms, measured.failed),
            (12345.67, 0.456, 1.2, 7)
        );
    }
}
