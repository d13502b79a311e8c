//! Whether a failed attempt is repeated, and the pause before the next one.

use std::time::Duration;

use super::input::AttemptError;
use super::step_run::FailedAttempt;
use crate::definition::model::RetryPolicy;

/// The retry policy by which another attempt follows a failed one.
#[derive(Debug)]
pub(super) struct NextRetry<'p> {
    pub(super) policy: &'p RetryPolicy,
    /// Its position among those of the step.
    pub(super) position: u32,
    /// How many attempts have failed with errors that it fits, this one included.
    pub(super) failures: u32,
}

/// The policy by which another attempt follows one that failed after `failed`: the first that fits
/// the error. Each policy counts its own failures. `None`: there is no other attempt.
pub(super) fn next_retry<'p>(
    policies: &'p [RetryPolicy],
    error: &AttemptError,
    failed: &[FailedAttempt],
) -> Option<NextRetry<'p>> {
    let fits = |policy: &RetryPolicy| match policy.on.as_slice() {
        [] => error.retryable,
        on => on.contains(&error.failure.code),
    };
    let (position, policy) = (0..).zip(policies).find(|(_, policy)| fits(policy))?;
    let before = failed.iter().filter(|attempt| attempt.policy == position).count();
    let failures = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
    (failures < policy.max_attempts).then_some(NextRetry { policy, position, failures })
}

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
    use crate::Timestamp;
    use crate::execution::failure::Failure;

    #[test]
    fn the_first_policy_that_fits_counts_its_own_failures() {
        let policy = |max_attempts, on: &[&str]| RetryPolicy {
            max_attempts,
            on: on.iter().map(|code| (*code).to_owned()).collect(),
            ..RetryPolicy::default()
        };
        let policies = [policy(3, &["BUSY"]), policy(2, &[])];
        let error = |code, retryable| AttemptError {
            failure: Failure::new(code, ""),
            retryable,
            retry_after: None,
        };
        let failed = |policy| FailedAttempt {
            number: 1,
            started_at: Timestamp::default(),
            ended_at: Timestamp::default(),
            code: String::new(),
            message: String::new(),
            next_at: Timestamp::default(),
            policy,
        };
        for (before, code, retryable, expected) in [
            (vec![], "BUSY", false, Some((0, 1))),
            (vec![0, 1], "BUSY", false, Some((0, 2))),
            (vec![0, 0], "BUSY", true, None),
            (vec![0, 0], "OTHER", true, Some((1, 1))),
            (vec![1], "OTHER", true, None),
            (vec![], "OTHER", false, None),
        ] {
            let failed: Vec<FailedAttempt> = before.iter().copied().map(failed).collect();
            let next = next_retry(&policies, &error(code, retryable), &failed);
            let next = next.map(|next| (next.position, next.failures));
            assert_eq!(next, expected, "{before:?} {code}");
        }
    }

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
