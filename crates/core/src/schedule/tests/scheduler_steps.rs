//! The next step of a schedule at a given time.

use std::time::Duration;

use super::*;

const HOUR: &str = "0 * * * *";

fn step(
    policies: SchedulePolicies,
    progress: &ScheduleProgress,
    now: &str,
    busy: bool,
) -> SchedulerStep {
    policies.next_step(&cron(HOUR, "UTC"), progress, context(at(now), busy))
}

/// No outage.
fn context(now: Timestamp, busy: bool) -> SchedulerContext {
    SchedulerContext { now, up_since: Timestamp::from_micros(i64::MIN), busy }
}

fn next(at: Timestamp) -> ScheduleProgress {
    ScheduleProgress { next_at: Some(at), ..ScheduleProgress::default() }
}

#[test]
fn missed_firings() {
    let first = at("2026-05-02T10:00:00Z");
    for (misfire, now, fire, next_at, skipped) in [
        // On time, or late because the server was busy.
        (Misfire::RunOnce, "2026-05-02T10:00:00Z", Some("10:00"), "11:00", None),
        (Misfire::Skip, "2026-05-02T10:00:05Z", Some("10:00"), "11:00", None),
        // One missed.
        (Misfire::RunOnce, "2026-05-02T10:20:00Z", Some("10:00"), "11:00", None),
        (Misfire::Skip, "2026-05-02T10:20:00Z", None, "11:00", Some("10:00")),
        (Misfire::RunAll, "2026-05-02T10:20:00Z", Some("10:00"), "11:00", None),
        // Three missed.
        (Misfire::RunOnce, "2026-05-02T12:20:00Z", Some("12:00"), "13:00", None),
        (Misfire::Skip, "2026-05-02T12:20:00Z", None, "13:00", Some("12:00")),
        (Misfire::RunAll, "2026-05-02T12:20:00Z", Some("10:00"), "11:00", None),
        // Two missed, and one that is on time.
        (Misfire::RunOnce, "2026-05-02T12:00:01Z", Some("12:00"), "13:00", None),
        (Misfire::Skip, "2026-05-02T12:00:01Z", Some("12:00"), "13:00", Some("11:00")),
        (Misfire::RunAll, "2026-05-02T12:00:01Z", Some("10:00"), "11:00", None),
    ] {
        let full = |time: &str| at(&format!("2026-05-02T{time}:00Z"));
        let policies = SchedulePolicies { misfire, ..SchedulePolicies::default() };
        let step = step(policies, &next(first), now, false);
        assert_eq!(step.fire, fire.map(full), "{misfire:?} {now}");
        assert_eq!(step.progress.next_at, Some(full(next_at)), "{misfire:?} {now}");
        let found = step.progress.skipped.map(|skipped| skipped.scheduled_at);
        assert_eq!(found, skipped.map(full), "{misfire:?} {now}");
    }
}

/// All that fires of a schedule that fires each second since 10:00:01, and the last that was
/// skipped; the server is up since a moment of that minute.
fn each_second(misfire: Misfire, up_since: &str, now: &str) -> (String, Option<String>) {
    let of_minute = |second: &str| at(&format!("2026-05-02T10:00:{second}Z"));
    let second = |at: Timestamp| at.to_string()[17..19].to_owned();
    let policies = SchedulePolicies { misfire, ..SchedulePolicies::default() };
    let context =
        SchedulerContext { up_since: of_minute(up_since), ..context(of_minute(now), false) };
    let (rule, mut progress) = (cron("* * * * * *", "UTC"), next(of_minute("01")));
    let mut fired = Vec::new();
    loop {
        let step = policies.next_step(&rule, &progress, context);
        progress = step.progress;
        match step.fire {
            Some(at) => fired.push(second(at)),
            None => break,
        }
    }
    assert!(progress.next_at > Some(context.now), "all is settled");
    (fired.join(" "), progress.skipped.map(|skipped| second(skipped.scheduled_at)))
}

#[test]
fn what_is_only_a_little_late_was_not_missed() {
    use Misfire::{RunAll, RunOnce, Skip};
    for (misfire, up_since, now, fired, skipped) in [
        // The server was only busy.
        (RunOnce, "00", "04.5", "01 02 03 04", None),
        (Skip, "00", "04.5", "01 02 03 04", None),
        (RunAll, "00", "04.5", "01 02 03 04", None),
        (Skip, "01", "04.5", "01 02 03 04", None),
        // A restart, however short.
        (RunOnce, "03.5", "04.5", "04", None),
        (RunOnce, "04.5", "04.5", "04", None),
        (Skip, "03.5", "04.5", "04", Some("03")),
        (Skip, "04.5", "04.5", "", Some("04")),
        (RunAll, "04.5", "04.5", "01 02 03 04", None),
        // So busy that it comes to the same.
        (RunOnce, "00", "08.5", "08", None),
        (Skip, "00", "08.5", "04 05 06 07 08", Some("03")),
        (RunAll, "00", "08.5", "01 02 03 04 05 06 07 08", None),
    ] {
        let found = each_second(misfire, up_since, now);
        let expect = (fired.to_owned(), skipped.map(str::to_owned));
        assert_eq!(found, expect, "{misfire:?}, up since {up_since}, at {now}");
    }
}

#[test]
fn at_most_max_catch_up_firings_are_caught_up() {
    let policies = SchedulePolicies { misfire: Misfire::RunAll, ..SchedulePolicies::default() };
    let mut progress = next(at("2026-01-01T00:00:00Z"));
    let mut fired = Vec::new();
    loop {
        let step = step(policies, &progress, "2026-05-02T10:20:00Z", false);
        let Some(at) = step.fire else { break };
        assert!(fired.last().is_none_or(|last| *last < at), "in order");
        fired.push(at);
        progress = step.progress;
    }
    assert_eq!(fired.len(), MAX_CATCH_UP);
    assert_eq!(fired.last(), Some(&at("2026-05-02T10:00:00Z")));
    assert_eq!(progress.skipped.unwrap().code, "MISFIRED");
    assert_eq!(progress.next_at, Some(at("2026-05-02T11:00:00Z")));
}

#[test]
fn firings_that_meet_a_running_execution() {
    let due = next(at("2026-05-02T10:00:00Z"));
    let now = "2026-05-02T10:00:00Z";
    for (overlap, busy, fires, queued, skipped) in [
        (Overlap::Allow, true, true, 0, None),
        (Overlap::Skip, true, false, 0, Some("OVERLAPPED")),
        (Overlap::Skip, false, true, 0, None),
        (Overlap::Queue, true, false, 1, None),
        (Overlap::Queue, false, true, 0, None),
    ] {
        let policies = SchedulePolicies { overlap, ..SchedulePolicies::default() };
        let step = step(policies, &due, now, busy);
        assert_eq!(step.fire.is_some(), fires, "{overlap:?} {busy}");
        assert_eq!(step.progress.queued.len(), queued, "{overlap:?} {busy}");
        assert_eq!(step.progress.skipped.map(|s| s.code).as_deref(), skipped, "{overlap:?}");
    }
}

#[test]
fn the_queue_is_in_order_and_bounded() {
    let policies = SchedulePolicies { overlap: Overlap::Queue, ..SchedulePolicies::default() };
    let mut progress = next(at("2026-05-02T10:00:00Z"));
    let mut now = at("2026-05-02T10:00:00Z");
    for _ in 0..MAX_QUEUED + 3 {
        let step = policies.next_step(&cron(HOUR, "UTC"), &progress, context(now, true));
        assert_eq!(step.fire, None);
        progress = step.progress;
        now = now.after(Duration::from_secs(3600));
    }
    assert_eq!(progress.queued.len(), MAX_QUEUED);
    assert_eq!(progress.skipped.as_ref().unwrap().code, "QUEUE_FULL");
    let quiet = at("2026-05-02T10:30:00Z");
    assert_eq!(progress.look_at(quiet), Some(quiet.after(Duration::from_secs(15))));
    let between =
        ScheduleProgress { next_at: Some(now.after(Duration::from_secs(9))), ..progress.clone() };
    let step = policies.next_step(&cron(HOUR, "UTC"), &between, context(now, false));
    assert_eq!(step.fire, Some(at("2026-05-02T10:00:00Z")), "the oldest goes first");
    assert_eq!(step.progress.queued.len(), MAX_QUEUED - 1);
    // A new one goes to the end of the queue, and the oldest starts.
    let due = ScheduleProgress { next_at: Some(now), queued: vec![quiet], skipped: None };
    let step = policies.next_step(&cron(HOUR, "UTC"), &due, context(now, false));
    assert_eq!((step.fire, step.progress.queued), (Some(quiet), vec![now]));
}

#[test]
fn nothing_to_do_changes_nothing() {
    let later = next(at("2026-05-02T11:00:00Z"));
    let step = step(SchedulePolicies::default(), &later, "2026-05-02T10:30:00Z", false);
    assert_eq!(step, SchedulerStep { fire: None, progress: later.clone() });
    assert_eq!(later.look_at(at("2026-05-02T10:30:00Z")), later.next_at);
    assert_eq!(ScheduleProgress::default().look_at(at("2026-05-02T10:30:00Z")), None);
}

#[test]
fn a_fixed_time_fires_once() {
    let when = at("2026-05-02T10:00:00Z");
    let rule = FiringRule::new(&ScheduleTiming::FixedTime { at: when }, "UTC", when).unwrap();
    let step = SchedulePolicies::default().next_step(&rule, &next(when), context(when, false));
    assert_eq!((step.fire, step.progress.next_at), (Some(when), None));
}
