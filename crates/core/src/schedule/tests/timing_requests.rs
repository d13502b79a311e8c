//! Every kind of bad timing, and what a change leaves as it was.

use super::*;
use crate::Problems;

fn wrong(request: &TimingRequest, before: Option<&ScheduleTiming>) -> Vec<String> {
    let before = before.map(|timing| (timing, "UTC"));
    let Err(Problems(problems)) = request.merge_with(before, at("2026-05-02T14:30:00Z")) else {
        panic!("{request:?} is right");
    };
    problems.into_iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn of_cron(expression: &str) -> TimingRequest {
    TimingRequest {
        schedule_type: text("cron"),
        cron_expression: text(expression),
        ..TimingRequest::default()
    }
}

fn of_interval(value: Option<f64>, unit: Option<String>) -> TimingRequest {
    TimingRequest {
        schedule_type: text("interval"),
        interval_value: value,
        interval_unit: unit,
        ..TimingRequest::default()
    }
}

fn of_fixed_time(time: Option<String>) -> TimingRequest {
    TimingRequest {
        schedule_type: text("fixed_time"),
        execution_time: time,
        ..TimingRequest::default()
    }
}

fn in_zone(timezone: &str) -> TimingRequest {
    TimingRequest { timezone: text(timezone), ..of_cron("0 0 * * *") }
}

/// Each request has one problem, with that text.
fn check_problems(cases: &[(TimingRequest, &str)]) {
    for (request, expect) in cases {
        let problems = wrong(request, None);
        assert!(problems.len() == 1 && problems[0].contains(expect), "{request:?}: {problems:?}");
    }
}

#[test]
fn bad_types_name_their_field() {
    check_problems(&[
        (TimingRequest::default(), "schedule_type: is required"),
        (
            TimingRequest { schedule_type: text("Cron"), ..TimingRequest::default() },
            "schedule_type: must be one of",
        ),
        (
            TimingRequest { schedule_type: text("cron"), ..TimingRequest::default() },
            "cron_expression: is required",
        ),
        (
            TimingRequest { interval_unit: text("days"), ..of_cron("0 0 * * *") },
            "interval_unit: belongs to schedule_type `interval`, but this one is `cron`",
        ),
    ]);
}

#[test]
fn bad_cron_expressions_name_their_field() {
    check_problems(&[
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
        // Never read as six fields.
        (of_cron("1, 2 * * * *"), "the list `1,` lacks a value beside a comma"),
        (of_cron("1,,2 * * * *"), "the list `1,,2` lacks a value beside a comma"),
        (of_cron("0 0 * * ,1"), "the list `,1` lacks a value beside a comma"),
    ]);
}

#[test]
fn bad_time_zones_name_their_field() {
    check_problems(&[
        (
            in_zone("Europe/Berln"),
            "timezone: `Europe/Berln` is not an IANA time zone such as Europe/Berlin; did you mean `Europe/Berlin`?",
        ),
        (in_zone("../etc/passwd"), "timezone: "),
        (in_zone(""), "timezone: `` is not an IANA time zone such as Europe/Berlin"),
        (in_zone("Etc/Unknown"), "timezone: "),
        (in_zone("Factory"), "timezone: "),
        (in_zone("+02:00"), "timezone: "),
    ]);
}

#[test]
fn bad_intervals_name_their_field() {
    check_problems(&[
        (of_interval(None, text("days")), "interval_value: is required"),
        (of_interval(Some(1.0), None), "interval_unit: is required"),
        (of_interval(Some(0.0), text("days")), "interval_value: must be a whole number"),
        (of_interval(Some(-1.0), text("days")), "interval_value: must be a whole number"),
        (of_interval(Some(1.5), text("days")), "interval_value: must be a whole number"),
        (of_interval(Some(f64::NAN), text("days")), "interval_value: must be a whole number"),
        (of_interval(Some(1e300), text("days")), "interval_value: must be a whole number"),
        (of_interval(Some(40_000.0), text("days")), "interval_value: must be greater than 0 and"),
        (of_interval(Some(1.0), text("weeks")), "interval_unit: must be one of seconds, minutes"),
    ]);
}

#[test]
fn bad_fixed_times_name_their_field() {
    check_problems(&[
        (of_fixed_time(None), "execution_time: is required"),
        (of_fixed_time(text("tomorrow")), "execution_time: must be an RFC 3339 time"),
        (of_fixed_time(text("2026-05-03T00:00:00")), "execution_time: must be an RFC 3339 time"),
        (of_fixed_time(text("2026-05-02T14:30:00Z")), "execution_time: must lie in the future"),
    ]);
}

#[test]
fn every_problem_is_reported() {
    let many = TimingRequest { timezone: text("Mars"), ..of_interval(Some(0.0), text("weeks")) };
    assert_eq!(wrong(&many, None).len(), 3);
    // Both are reported, and neither hides the other.
    for expression in ["nope", "0 0 30 2 *"] {
        let both = wrong(&TimingRequest { timezone: text("Mars"), ..of_cron(expression) }, None);
        let fields: Vec<_> =
            both.iter().map(|problems| problems.split(':').next().unwrap()).collect();
        assert_eq!(fields, ["timezone", "cron_expression"], "{both:?}");
    }
}

#[test]
fn omitted_fields_are_unchanged() {
    let now = at("2026-05-02T14:30:00Z");
    let daily = ScheduleTiming::Cron { expression: "0 0 * * *".into() };
    let hourly = ScheduleTiming::Interval { value: 1, unit: Unit::Hours };
    let past = ScheduleTiming::FixedTime { at: at("2026-01-01T00:00:00Z") };
    for (request, before, expect) in [
        (TimingRequest::default(), &daily, (daily.clone(), "Europe/Berlin")),
        (
            TimingRequest { timezone: text("america/new_york"), ..TimingRequest::default() },
            &daily,
            (daily.clone(), "America/New_York"),
        ),
        (
            TimingRequest { interval_value: Some(3.0), ..TimingRequest::default() },
            &hourly,
            (ScheduleTiming::Interval { value: 3, unit: Unit::Hours }, "Europe/Berlin"),
        ),
        (of_cron("0 0 * * *"), &hourly, (daily.clone(), "Europe/Berlin")),
        (
            TimingRequest {
                execution_time: text("2026-01-01T00:00:00Z"),
                ..TimingRequest::default()
            },
            &past,
            (past.clone(), "Europe/Berlin"),
        ),
        // It is over, but the request does not change it.
        (TimingRequest::default(), &past, (past.clone(), "Europe/Berlin")),
    ] {
        let merged = request.merge_with(Some((before, "Europe/Berlin")), now).unwrap();
        assert_eq!(merged, (expect.0, expect.1.to_owned()), "{request:?}");
    }
    // All returned fields are sent back with another kind.
    for (request, before, expect) in [
        (
            TimingRequest {
                schedule_type: text("interval"),
                interval_value: Some(1.0),
                interval_unit: text("hours"),
                ..of_cron("0 0 * * *")
            },
            &daily,
            &hourly,
        ),
        (
            TimingRequest {
                interval_value: Some(1.0),
                interval_unit: text("hours"),
                ..of_cron("0 0 * * *")
            },
            &hourly,
            &daily,
        ),
        (
            TimingRequest {
                execution_time: text("2026-01-01T01:00:00+01:00"),
                ..of_cron("0 0 * * *")
            },
            &past,
            &daily,
        ),
    ] {
        let merged = request.merge_with(Some((before, "UTC")), now).unwrap();
        assert_eq!(&merged.0, expect, "{request:?}");
    }
    let mixed = TimingRequest { interval_value: Some(2.0), ..of_cron("0 0 * * *") };
    assert!(wrong(&mixed, Some(&hourly))[0].starts_with("interval_value: belongs to"));
    let request = TimingRequest { cron_expression: text("0 2 * * *"), ..TimingRequest::default() };
    assert!(wrong(&request, Some(&hourly))[0].starts_with("cron_expression: belongs to"));
}
