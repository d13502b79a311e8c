//! Attacks on the real server through its HTTP API.
//!
//! Targets are derived, not listed: operations of expressions from the table in `core`, endpoints
//! from the server's OpenAPI description, step types from `GET /step-types`. A new one is
//! attacked without being added here.
//!
//! `STEPWELL_ATTACK_SECONDS` (default 20) is the time for all topics together,
//! `STEPWELL_ATTACK_SEED` chooses the attacks. A topic that fails prints its seed.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot continue must fail"
)]

mod connections;
mod endpoints;
mod expressions;
mod kills;
mod memory;
mod operations;
mod random;
mod secrets;
#[expect(dead_code, reason = "the crash harness uses the rest")]
#[path = "../crash/server.rs"]
mod server;
mod step_types;
mod strangers;
mod target;
mod world;

use std::time::{Duration, Instant};

use random::Random;
use tokio::sync::{Mutex, MutexGuard};

/// Topics share the machine, so they run one after the other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Share of the time for each topic with rounds, in percent; the rest is for starts, ends, checks and
/// the topic `memory`, which has no rounds.
const SHARE: u64 = 8;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The running topic: its random choices and the moment at which it begins no further round.
struct Topic {
    random: Random,
    deadline: Instant,
    _alone: MutexGuard<'static, ()>,
}

impl Topic {
    async fn begin(name: &str) -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let seed = setting("STEPWELL_ATTACK_SEED", 1);
        println!("{name}: STEPWELL_ATTACK_SEED={seed}");
        let share = setting("STEPWELL_ATTACK_SECONDS", 20) * 1000 * SHARE / 100;
        let deadline = Instant::now() + Duration::from_millis(share);
        Self { random: Random::new(seed, name), deadline, _alone: alone }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }
}
