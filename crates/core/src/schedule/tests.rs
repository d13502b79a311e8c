//! Firings in zones with odd rules, and every kind of bad timing.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Problems;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("{text}"))
}

fn cron(expression: &str, zone: &str) -> Rule {
    let timing = Timing::Cron { expression: expression.into() };
    Rule::new(&timing, zone, at("2026-01-01T00:00:00Z")).unwrap_or_else(|e| panic!("{e}"))
}

/// The firings after a moment, as the wall clock of the zone shows them.
fn firings(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let found = preview(expression, zone, at(after), count).unwrap_or_else(|e| panic!("{e}"));
    found.into_iter().map(|(_, wall)| wall).collect()
}

fn check(expression: &str, zone: &str, after: &str, expect: &[&str]) {
    assert_eq!(firings(expression, zone, after, expect.len()), expect, "{expression} in {zone}");
}

#[test]
fn every_form_of_cron() {
    for (expression, after, expect) in [
        ("0 0 * * *", "2026-05-02T14:30:00Z", "2026-05-03T00:00:00+00:00"),
        ("0 0 * * 0", "2026-05-02T14:30:00Z", "2026-05-03T00:00:00+00:00"),
        ("0 0 * * 7", "2026-05-03T00:00:00Z", "2026-05-10T00:00:00+00:00"),
        ("*/15 9-17 * * MON-FRI", "2026-05-01T17:46:00Z", "2026-05-04T09:00:00+00:00"),
        ("*/10 * * * * *", "2026-05-02T14:30:10Z", "2026-05-02T14:30:20+00:00"),
        ("@hourly", "2026-05-02T14:30:00Z", "2026-05-02T15:00:00+00:00"),
        ("@daily", "2026-05-02T14:30:00Z", "2026-05-03T00:00:00+00:00"),
        ("@midnight", "2026-05-02T14:30:00Z", "2026-05-03T00:00:00+00:00"),
        ("@weekly", "2026-05-02T14:30:00Z", "2026-05-03T00:00:00+00:00"),
        ("@monthly", "2026-05-02T14:30:00Z", "2026-06-01T00:00:00+00:00"),
        ("@Yearly", "2026-05-02T14:30:00Z", "2027-01-01T00:00:00+00:00"),
        // Either day matches, as in every cron.
        ("0 0 13 * FRI", "2026-05-09T00:00:00Z", "2026-05-13T00:00:00+00:00"),
        ("0 0 L * *", "2026-02-10T00:00:00Z", "2026-02-28T00:00:00+00:00"),
        ("0 0 * * FRI#2", "2026-05-01T00:00:00Z", "2026-05-08T00:00:00+00:00"),
        // A firing at that very moment is over.
        ("0 0 * * *", "2026-05-03T00:00:00Z", "2026-05-04T00:00:00+00:00"),
        ("* * * * * *", "2026-05-03T00:00:00.999Z", "2026-05-03T00:00:01+00:00"),
    ] {
        check(expression, "UTC", after, &[expect]);
    }
}

#[test]
fn a_skipped_half_past_two_fires_when_the_clocks_have_jumped() {
    check(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-03-27T12:00:00Z",
        &["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
    );
    // What happens every half hour has no firing to make up for.
    check(
        "*/30 * * * *",
        "Europe/Berlin",
        "2026-03-29T00:15:00Z",
        &["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"],
    );
}

#[test]
fn a_repeated_half_past_one_fires_once() {
    check(
        "30 1 * * *",
        "America/New_York",
        "2026-10-31T12:00:00Z",
        &["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
    );
    // What happens every half hour happens in both passes.
    check(
        "*/30 * * * *",
        "America/New_York",
        "2026-11-01T05:00:00Z",
        &[
            "2026-11-01T01:30:00-04:00",
            "2026-11-01T01:00:00-05:00",
            "2026-11-01T01:30:00-05:00",
            "2026-11-01T02:00:00-05:00",
        ],
    );
}

#[test]
fn lord_howe_moves_by_half_an_hour() {
    check(
        "15 2 * * *",
        "Australia/Lord_Howe",
        "2026-10-02T00:00:00Z",
        &["2026-10-03T02:15:00+10:30", "2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
    );
    check(
        "45 1 * * *",
        "Australia/Lord_Howe",
        "2026-04-03T20:00:00Z",
        &["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"],
    );
    check(
        "*/15 * * * *",
        "Australia/Lord_Howe",
        "2026-04-04T14:30:00Z",
        &["2026-04-05T01:45:00+11:00", "2026-04-05T01:30:00+10:30", "2026-04-05T01:45:00+10:30"],
    );
}

#[test]
fn a_midnight_that_does_not_exist() {
    check(
        "0 0 * * *",
        "America/Santiago",
        "2026-09-05T12:00:00Z",
        &["2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"],
    );
    check(
        "0 0 * * *",
        "Africa/Cairo",
        "2026-04-23T12:00:00Z",
        &["2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"],
    );
    // And one that comes twice.
    check(
        "30 23 * * *",
        "America/Santiago",
        "2026-04-04T12:00:00Z",
        &["2026-04-04T23:30:00-03:00", "2026-04-05T23:30:00-04:00"],
    );
}

#[test]
fn leap_days() {
    check(
        "0 0 29 2 *",
        "UTC",
        "2026-03-01T00:00:00Z",
        &["2028-02-29T00:00:00+00:00", "2032-02-29T00:00:00+00:00"],
    );
    check("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", &["2104-02-29T00:00:00+00:00"]);
    check("0 12 29 2 +SUN", "UTC", "2026-03-01T00:00:00Z", &["2032-02-29T12:00:00+00:00"]);
}

#[test]
fn intervals_count_from_where_they_began() {
    let every = |value, unit| {
        Rule::new(&Timing::Interval { value, unit }, "UTC", at("2026-03-28T10:00:00.5Z")).unwrap()
    };
    for (value, unit, after, expect) in [
        (30, Unit::Minutes, "2026-03-28T10:00:00.5Z", "2026-03-28T10:30:00.500Z"),
        (30, Unit::Minutes, "2026-03-28T10:30:00.5Z", "2026-03-28T11:00:00.500Z"),
        (30, Unit::Minutes, "2026-03-28T10:30:00.4Z", "2026-03-28T10:30:00.500Z"),
        (90, Unit::Seconds, "2026-03-28T10:02:00Z", "2026-03-28T10:03:00.500Z"),
        (1, Unit::Days, "2026-03-28T10:00:01Z", "2026-03-29T10:00:00.500Z"),
        (7, Unit::Hours, "2020-01-01T00:00:00Z", "2026-03-28T17:00:00.500Z"),
    ] {
        assert_eq!(every(value, unit).after(at(after)), Some(at(expect)), "{value} {unit:?}");
    }
    let rule = every(30, Unit::Minutes);
    assert_eq!(rule.at_or_before(at("2026-03-28T10:29:00Z")), None);
    assert_eq!(rule.at_or_before(at("2026-03-28T11:29:00Z")), Some(at("2026-03-28T11:00:00.500Z")));
    let last = Timestamp::from_micros(i64::MAX);
    assert_eq!(rule.after(last), None);
}

fn wrong(said: &Said, before: Option<&Timing>) -> Vec<String> {
    let before = before.map(|timing| (timing, "UTC"));
    let Err(Problems(problems)) = said.merge(before, at("2026-05-02T14:30:00Z")) else {
        panic!("{said:?} is right");
    };
    problems.into_iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn of_cron(expression: &str) -> Said {
    Said { schedule_type: text("cron"), cron_expression: text(expression), ..Said::default() }
}

#[test]
fn bad_timings_name_their_field() {
    let interval = |value, unit| Said {
        schedule_type: text("interval"),
        interval_value: value,
        interval_unit: unit,
        ..Said::default()
    };
    let fixed =
        |time| Said { schedule_type: text("fixed_time"), execution_time: time, ..Said::default() };
    for (said, expect) in [
        (Said::default(), "schedule_type: is required"),
        (Said { schedule_type: text("Cron"), ..Said::default() }, "schedule_type: must be one of"),
        (Said { schedule_type: text("cron"), ..Said::default() }, "cron_expression: is required"),
        (of_cron(""), "cron_expression: must have five fields"),
        (of_cron("0 0 * *"), "cron_expression: must have five fields"),
        (of_cron("0 0 0 * * * 2030"), "cron_expression: must have five fields"),
        (of_cron("60 0 * * *"), "cron_expression: `60 0 * * *` is not"),
        (of_cron("0 24 * * *"), "cron_expression: `0 24 * * *` is not"),
        (of_cron("a b c d e"), "cron_expression: `a b c d e` is not"),
        (of_cron("*/0 * * * *"), "cron_expression: `*/0 * * * *` is not"),
        (of_cron("@reboot"), "cron_expression: `@reboot` is not one of @yearly"),
        (of_cron("@daily x"), "cron_expression: `@daily x` is not one of"),
        (of_cron("0 0 30 2 *"), "cron_expression: `0 0 30 2 *` never fires"),
        (of_cron("0 0 31 2,4,6,9,11 *"), "never fires"),
        (of_cron("0 0 0 30 2 +MON"), "never fires"),
        (of_cron(&"1,".repeat(200)), "cron_expression: must be at most 256"),
        (
            Said { timezone: text("Europe/Berln"), ..of_cron("0 0 * * *") },
            "timezone: `Europe/Berln` is not an IANA time zone such as Europe/Berlin; did you mean `Europe/Berlin`?",
        ),
        (Said { timezone: text("../etc/passwd"), ..of_cron("0 0 * * *") }, "timezone: "),
        (Said { timezone: text(""), ..of_cron("0 0 * * *") }, "timezone: "),
        (interval(None, text("days")), "interval_value: is required"),
        (interval(Some(1.0), None), "interval_unit: is required"),
        (interval(Some(0.0), text("days")), "interval_value: must be a whole number"),
        (interval(Some(-1.0), text("days")), "interval_value: must be a whole number"),
        (interval(Some(1.5), text("days")), "interval_value: must be a whole number"),
        (interval(Some(f64::NAN), text("days")), "interval_value: must be a whole number"),
        (interval(Some(1e300), text("days")), "interval_value: must be a whole number"),
        (interval(Some(40_000.0), text("days")), "interval_value: must be greater than 0 and"),
        (interval(Some(1.0), text("weeks")), "interval_unit: must be one of seconds, minutes"),
        (fixed(None), "execution_time: is required"),
        (fixed(text("tomorrow")), "execution_time: must be an RFC 3339 time"),
        (fixed(text("2026-05-03T00:00:00")), "execution_time: must be an RFC 3339 time"),
        (fixed(text("2026-05-02T14:30:00Z")), "execution_time: must lie in the future"),
        (
            Said { interval_unit: text("days"), ..of_cron("0 0 * * *") },
            "interval_unit: belongs to schedule_type `interval`, but this one is `cron`",
        ),
    ] {
        let told = wrong(&said, None);
        assert!(told.len() == 1 && told[0].contains(expect), "{said:?}: {told:?}");
    }
    let many = Said { timezone: text("Mars"), ..interval(Some(0.0), text("weeks")) };
    assert_eq!(wrong(&many, None).len(), 3);
}

#[test]
fn what_is_left_out_stays() {
    let now = at("2026-05-02T14:30:00Z");
    let daily = Timing::Cron { expression: "0 0 * * *".into() };
    let hourly = Timing::Interval { value: 1, unit: Unit::Hours };
    let past = Timing::FixedTime { at: at("2026-01-01T00:00:00Z") };
    for (said, before, expect) in [
        (Said::default(), &daily, (daily.clone(), "Europe/Berlin")),
        (
            Said { timezone: text("america/new_york"), ..Said::default() },
            &daily,
            (daily.clone(), "America/New_York"),
        ),
        (
            Said { interval_value: Some(3.0), ..Said::default() },
            &hourly,
            (Timing::Interval { value: 3, unit: Unit::Hours }, "Europe/Berlin"),
        ),
        (of_cron("0 0 * * *"), &hourly, (daily.clone(), "Europe/Berlin")),
        (
            Said { execution_time: text("2026-01-01T00:00:00Z"), ..Said::default() },
            &past,
            (past.clone(), "Europe/Berlin"),
        ),
        // It is over, but nobody touches that.
        (Said::default(), &past, (past.clone(), "Europe/Berlin")),
    ] {
        let merged = said.merge(Some((before, "Europe/Berlin")), now).unwrap();
        assert_eq!(merged, (expect.0, expect.1.to_owned()), "{said:?}");
    }
    let said = Said { cron_expression: text("0 2 * * *"), ..Said::default() };
    assert!(wrong(&said, Some(&hourly))[0].starts_with("cron_expression: belongs to"));
}

const HOUR: &str = "0 * * * *";

fn turn(policies: Policies, progress: &Progress, now: &str, busy: bool) -> Turn {
    policies.turn(&cron(HOUR, "UTC"), progress, at(now), busy)
}

fn next(at: Timestamp) -> Progress {
    Progress { next_at: Some(at), ..Progress::default() }
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
        let policies = Policies { misfire, ..Policies::default() };
        let turn = turn(policies, &next(first), now, false);
        assert_eq!(turn.fire, fire.map(full), "{misfire:?} {now}");
        assert_eq!(turn.progress.next_at, Some(full(next_at)), "{misfire:?} {now}");
        let told = turn.progress.skipped.map(|skipped| skipped.scheduled_at);
        assert_eq!(told, skipped.map(full), "{misfire:?} {now}");
    }
}

#[test]
fn no_more_than_so_many_are_made_up_for() {
    let policies = Policies { misfire: Misfire::RunAll, ..Policies::default() };
    let mut progress = next(at("2026-01-01T00:00:00Z"));
    let mut fired = Vec::new();
    loop {
        let turn = turn(policies, &progress, "2026-05-02T10:20:00Z", false);
        let Some(at) = turn.fire else { break };
        assert!(fired.last().is_none_or(|last| *last < at), "in order");
        fired.push(at);
        progress = turn.progress;
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
        let policies = Policies { overlap, ..Policies::default() };
        let turn = turn(policies, &due, now, busy);
        assert_eq!(turn.fire.is_some(), fires, "{overlap:?} {busy}");
        assert_eq!(turn.progress.queued.len(), queued, "{overlap:?} {busy}");
        assert_eq!(turn.progress.skipped.map(|s| s.code).as_deref(), skipped, "{overlap:?}");
    }
}

#[test]
fn the_queue_is_in_order_and_bounded() {
    let policies = Policies { overlap: Overlap::Queue, ..Policies::default() };
    let mut progress = next(at("2026-05-02T10:00:00Z"));
    let mut now = at("2026-05-02T10:00:00Z");
    for _ in 0..MAX_QUEUED + 3 {
        let turn = policies.turn(&cron(HOUR, "UTC"), &progress, now, true);
        assert_eq!(turn.fire, None);
        progress = turn.progress;
        now = now.after(Duration::from_secs(3600));
    }
    assert_eq!(progress.queued.len(), MAX_QUEUED);
    assert_eq!(progress.skipped.as_ref().unwrap().code, "QUEUE_FULL");
    let quiet = at("2026-05-02T10:30:00Z");
    assert_eq!(progress.look_at(quiet), Some(quiet.after(Duration::from_secs(15))));
    let between = Progress { next_at: Some(now.after(Duration::from_secs(9))), ..progress.clone() };
    let turn = policies.turn(&cron(HOUR, "UTC"), &between, now, false);
    assert_eq!(turn.fire, Some(at("2026-05-02T10:00:00Z")), "the oldest goes first");
    assert_eq!(turn.progress.queued.len(), MAX_QUEUED - 1);
    // A new one goes to the end of the queue, and the oldest starts.
    let due = Progress { next_at: Some(now), queued: vec![quiet], skipped: None };
    let turn = policies.turn(&cron(HOUR, "UTC"), &due, now, false);
    assert_eq!((turn.fire, turn.progress.queued), (Some(quiet), vec![now]));
}

#[test]
fn nothing_to_do_changes_nothing() {
    let later = next(at("2026-05-02T11:00:00Z"));
    let turn = turn(Policies::default(), &later, "2026-05-02T10:30:00Z", false);
    assert_eq!(turn, Turn { fire: None, progress: later.clone() });
    assert_eq!(later.look_at(at("2026-05-02T10:30:00Z")), later.next_at);
    assert_eq!(Progress::default().look_at(at("2026-05-02T10:30:00Z")), None);
}

#[test]
fn a_fixed_time_fires_once() {
    let when = at("2026-05-02T10:00:00Z");
    let rule = Rule::new(&Timing::FixedTime { at: when }, "UTC", when).unwrap();
    let turn = Policies::default().turn(&rule, &next(when), when, false);
    assert_eq!((turn.fire, turn.progress.next_at), (Some(when), None));
}

const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Pacific/Chatham",
    "Africa/Casablanca",
];

proptest! {
    #[test]
    fn no_text_is_too_odd(expression in "[0-9*,/#LW?+@A-Za-zé -]{0,24}", zone in ".{0,20}") {
        let _ = preview(&expression, &zone, at("2026-05-02T10:00:00Z"), 2);
        let _ = preview(&expression, "UTC", at("2026-05-02T10:00:00Z"), 2);
    }

    #[test]
    fn forwards_and_backwards_agree(
        minute in prop_oneof![Just("*"), Just("*/7"), Just("0"), Just("30"), Just("15,45")],
        hour in prop_oneof![Just("*"), Just("2"), Just("1"), Just("0-3"), Just("23")],
        day in prop_oneof![Just("*"), Just("29"), Just("L"), Just("1-7")],
        zone in 0..ZONES.len(),
        second in 1_700_000_000_i64..1_900_000_000,
    ) {
        let rule = cron(&format!("{minute} {hour} {day} * *"), ZONES[zone]);
        let from = Timestamp::from_millis(second * 1000 + 1);
        let next = rule.after(from).unwrap();
        prop_assert!(next > from);
        prop_assert_eq!(rule.at_or_before(next), Some(next));
        prop_assert_eq!(rule.after(next.before(Duration::from_micros(1))), Some(next));
        let last = rule.at_or_before(from).unwrap();
        prop_assert!(last <= from);
        prop_assert_eq!(rule.after(last), Some(next), "nothing lies between");
    }
}
