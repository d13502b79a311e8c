//! What holds for any expression, in any zone.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

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
        let _ = preview_firings(&expression, &zone, at("2026-05-02T10:00:00Z"), 2);
        let _ = preview_firings(&expression, "UTC", at("2026-05-02T10:00:00Z"), 2);
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
        let next = rule.next_after(from).unwrap();
        prop_assert!(next > from);
        prop_assert_eq!(rule.at_or_before(next), Some(next));
        prop_assert_eq!(rule.next_after(next.before(Duration::from_micros(1))), Some(next));
        let last = rule.at_or_before(from).unwrap();
        prop_assert!(last <= from);
        prop_assert_eq!(rule.next_after(last), Some(next), "nothing lies between");
    }
}
