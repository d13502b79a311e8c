//! The simulator: random executions of random definitions through crashes, redelivery,
//! reordering, duplicates, pauses and cancels; then the faults stop and progress is demanded.
//!
//! Every history is generated from a seed alone. `STEPWELL_SIM_HISTORIES` and `STEPWELL_SIM_SEED` set
//! how many are run and where they begin; a failure prints the seed that shows it again, and
//! `STEPWELL_SIM_TRACE=1` prints its events.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a broken invariant must stop the test"
)]

mod approval_oracle;
mod ending_oracle;
mod family;
mod graph;
mod oracle;
mod place_oracle;
mod rng;
mod signal_oracle;
mod world;

use std::time::Instant;

use family::Family;
use rng::Rng;
use world::World;

/// Histories that share one definition: compiling one takes longer than running it.
const HISTORIES_PER_GRAPH: u64 = 20;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn every_history_keeps_the_invariants_and_ends() {
    let histories = setting("STEPWELL_SIM_HISTORIES", 20_000);
    let first = setting("STEPWELL_SIM_SEED", 1);
    let began = Instant::now();
    let mut events = 0;
    for graph in 0..histories.div_ceil(HISTORIES_PER_GRAPH) {
        let seed = first + graph;
        let plan = graph::random_plan(&mut Rng::new(seed));
        for history in 0..HISTORIES_PER_GRAPH {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                World::new(plan.clone(), Rng::new(seed ^ (history << 32))).run()
            }));
            match result {
                Ok(count) => events += count,
                Err(_) => panic!(
                    "history {history} of seed {seed} failed; see it again with STEPWELL_SIM_SEED={seed} STEPWELL_SIM_HISTORIES=1"
                ),
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{histories} histories, {events} events, {seconds:.1} s");
}

#[test]
fn every_family_of_executions_ends_together() {
    let histories = setting("STEPWELL_SIM_HISTORIES", 20_000).div_ceil(4);
    let first = setting("STEPWELL_SIM_SEED", 1);
    let mut events = 0;
    for graph in 0..histories.div_ceil(HISTORIES_PER_GRAPH) {
        let seed = first + graph;
        let mut rng = Rng::new(seed ^ (1 << 40));
        let plans: Vec<_> = (0..3).map(|_| graph::random_plan(&mut rng)).collect();
        for history in 0..HISTORIES_PER_GRAPH {
            let rng = Rng::new(seed ^ (history << 32));
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                Family::new(plans.clone(), rng).run()
            }));
            match result {
                Ok(count) => events += count,
                Err(_) => panic!(
                    "history {history} of seed {seed} failed; see it again with STEPWELL_SIM_SEED={seed} STEPWELL_SIM_HISTORIES=20"
                ),
            }
        }
    }
    println!("{histories} families, {events} events");
}
