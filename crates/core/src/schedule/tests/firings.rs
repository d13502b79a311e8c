//! Firings in zones with odd rules.

use super::*;

/// The firings after a moment, as the wall clock of the zone shows them.
fn firings(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let found =
        preview_firings(expression, zone, at(after), count).unwrap_or_else(|e| panic!("{e}"));
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
        FiringRule::new(
            &ScheduleTiming::Interval { value, unit },
            "UTC",
            at("2026-03-28T10:00:00.5Z"),
        )
        .unwrap()
    };
    for (value, unit, after, expect) in [
        (30, Unit::Minutes, "2026-03-28T10:00:00.5Z", "2026-03-28T10:30:00.500Z"),
        (30, Unit::Minutes, "2026-03-28T10:30:00.5Z", "2026-03-28T11:00:00.500Z"),
        (30, Unit::Minutes, "2026-03-28T10:30:00.4Z", "2026-03-28T10:30:00.500Z"),
        (90, Unit::Seconds, "2026-03-28T10:02:00Z", "2026-03-28T10:03:00.500Z"),
        (1, Unit::Days, "2026-03-28T10:00:01Z", "2026-03-29T10:00:00.500Z"),
        (7, Unit::Hours, "2020-01-01T00:00:00Z", "2026-03-28T17:00:00.500Z"),
    ] {
        assert_eq!(every(value, unit).next_after(at(after)), Some(at(expect)), "{value} {unit:?}");
    }
    let rule = every(30, Unit::Minutes);
    assert_eq!(rule.at_or_before(at("2026-03-28T10:29:00Z")), None);
    assert_eq!(rule.at_or_before(at("2026-03-28T11:29:00Z")), Some(at("2026-03-28T11:00:00.500Z")));
    let last = Timestamp::from_micros(i64::MAX);
    assert_eq!(rule.next_after(last), None);
}
