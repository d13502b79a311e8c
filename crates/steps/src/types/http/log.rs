//! The log entry of each request in a step run: small, without secrets.

use tokio::time::Instant;
use url::Url;

use crate::{OutboundRequest, OutboundResponse, RunContext, StepFailure};

/// The most of a URL or an error that goes into a line, in characters.
const SHOWN: usize = 500;

/// The redirects that are named; more are counted.
const REDIRECTS_SHOWN: usize = 5;

/// The log of one request, from its start.
pub(super) struct AttemptLog<'c> {
    context: &'c RunContext<'c>,
    what: String,
    started: Instant,
}

impl<'c> AttemptLog<'c> {
    pub fn start_log(context: &'c RunContext<'c>, request: &OutboundRequest) -> Self {
        let what = format!("{} {}", request.method, shown_url(&request.url));
        Self { context, what, started: Instant::now() }
    }

    /// Logs the outcome. Nothing is logged before: a line is a stored event, and one is enough.
    pub fn log_outcome(self, result: &Result<OutboundResponse, StepFailure>) {
        let millis = self.started.elapsed().as_millis();
        let attempt = match self.context.attempt {
            0 | 1 => String::new(),
            attempt => format!("attempt {attempt}: "),
        };
        let what = &self.what;
        let (level, outcome) = match result {
            Ok(response) => {
                let size = response.body.len();
                let way = shown_redirects(response);
                ("info", format!("{way} → {} in {millis} ms, {size} bytes", response.status))
            }
            Err(failure) => {
                let level = if failure.retryable { "warn" } else { "error" };
                let why = shorten_text(&failure.message);
                (level, format!(" failed after {millis} ms: {} ({why})", failure.code))
            }
        };
        (self.context.log)(level, format!("{attempt}{what}{outcome}"));
    }
}

fn shown_redirects(response: &OutboundResponse) -> String {
    let mut shown = String::new();
    for redirect in response.redirects.iter().take(REDIRECTS_SHOWN) {
        shown.push_str(&format!(" → {} {}", redirect.status, shown_url(&redirect.to)));
    }
    let more = response.redirects.len().saturating_sub(REDIRECTS_SHOWN);
    if more > 0 {
        shown.push_str(&format!(" → {more} more redirects"));
    }
    shown
}

/// The URL without user, password, query and fragment: each of them may hold a secret.
fn shown_url(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "an invalid URL".to_owned() };
    // Only URLs without a host refuse these, and those have neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let mark = if url.query().is_some() { "?…" } else { "" };
    url.set_query(None);
    url.set_fragment(None);
    shorten_text(url.as_str()) + mark
}

fn shorten_text(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        for (url, expect) in [
            ("https://a.example/x", "https://a.example/x"),
            ("https://user:pw@a.example:8443/x?token=t#f", "https://a.example:8443/x?…"),
            ("nonsense", "an invalid URL"),
        ] {
            assert_eq!(shown_url(url), expect);
        }
        let long = shown_url(&format!("https://a.example/{}", "é".repeat(1000)));
        assert!(long.chars().count() <= SHOWN + 1 && long.ends_with('…'), "{long}");
    }
}
