//! The pause between attempts.

use std::time::Duration;

use crate::definition::model::RetryPolicy;

/// The pause after a failed attempt: exponential backoff, bounded, and shortened by a random part
/// of at most `jitter`.
pub(super) fn retry_pause(retry: &RetryPolicy, attempt: u32, entropy: u64) -> Duration {
    let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let grown = retry.initial.as_secs_f64() * retry.factor.powi(exponent);
    let longest = retry.max.as_secs_f64();
    // A huge factor can overflow to infinity.
    let pause = if grown.is_finite() { grown.min(longest) } else { longest };
    #[expect(clippy::cast_precision_loss, reason = "53 of 64 random bits are plenty")]
    let random = entropy as f64 / u64::MAX as f64;
    Duration::from_secs_f64((pause * (1.0 - retry.jitter.clamp(0.0, 1.0) * random)).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_bound_and_jitter_only_shortens() {
        let retry = RetryPolicy { jitter: 0.5, ..RetryPolicy::default() };
        let pauses: Vec<u64> = (1..9).map(|a| retry_pause(&retry, a, 0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(retry_pause(&retry, 3, u64::MAX), Duration::from_secs(2));
        let wild = RetryPolicy { factor: 1e300, ..RetryPolicy::default() };
        assert_eq!(retry_pause(&wild, u32::MAX, 0), Duration::from_secs(60));
    }
}
