use proptest::prelude::*;
use serde_json::json;
use stepwell_core::execution::{Failure, IterationPath, StepRunId};
use stepwell_core::expr::SecretInsertion;

use super::*;

fn recorded(first_seq: u64, events: Vec<Event>) -> Vec<RecordedEvent> {
    let at = |seq: u64| Timestamp::from_micros(1_800_000_000_000_000 + seq.cast_signed() * 150);
    (first_seq..)
        .zip(events)
        .map(|(seq, event)| RecordedEvent { seq, at: at(seq), event })
        .collect()
}

fn started(step: u32, input: Value, config: Option<Value>) -> Event {
    let (input, config) = (Some(Arc::new(input)), config.map(Arc::new));
    Event::StepStarted { step: step.into(), attempt: 1, input, config, secrets: None }
}

fn completed(step: u32, output: Value) -> Event {
    Event::StepCompleted { step: step.into(), output: Arc::new(output), port: None }
}

fn text(events: &[RecordedEvent]) -> String {
    serde_json::to_string(events).unwrap()
}

fn check(first_seq: u64, events: Vec<Event>) -> String {
    let events = recorded(first_seq, events);
    let chunk = encode_events(&events).unwrap();
    let read = decode_events(first_seq, &chunk).unwrap();
    assert_eq!(read, events);
    assert_eq!(text(&read), text(&events));
    String::from_utf8(chunk[1..].to_vec()).unwrap()
}

/// Held for ever: if this test must be changed, the version must be, and this one stay readable.
#[test]
fn version_1_is_written_so() {
    let shared = json!({ "text": "Hello" });
    let written = check(
        4,
        vec![
            Event::accepted(json!({})),
            Event::Started,
            started(0, shared.clone(), None),
            completed(0, shared.clone()),
            started(1, shared, Some(json!({ "a": 1 }))),
            completed(1, json!({ "a": 1 })),
        ],
    );
    assert_eq!(
        written,
        r#"[1800000000000600,[[6,4],[8,4],[10,9]],[150,150,150,150,150],[{"e":"accepted","in":{}},{"e":"started"},{"e":"step_started","n":0,"in":{"text":"Hello"}},{"e":"step_completed","n":0,"out":null},{"e":"step_started","n":1,"cfg":{"a":1}},{"e":"step_completed","n":1,"out":null}]]"#
    );
}

/// `tests/chunks.jsonl` has chunks as a server wrote them, each with the seq of its first event.
#[test]
fn chunks_of_a_server_are_written_again_as_they_were() {
    for line in include_str!("tests/chunks.jsonl").lines() {
        let pair = stepwell_core::json::from_str(line).unwrap();
        let (first_seq, written) = (pair[0].as_u64().unwrap(), pair[1].as_str().unwrap());
        let chunk = [&[VERSION], written.as_bytes()].concat();
        let events = decode_events(first_seq, &chunk).unwrap();
        assert_eq!(String::from_utf8(encode_events(&events).unwrap()).unwrap(), {
            String::from_utf8(chunk).unwrap()
        });
    }
}

#[test]
fn a_path_is_written_where_there_is_one() {
    let step = StepRunId { path: [3].into(), ..1.into() };
    let event = Event::StepCompleted { step, output: Arc::new(json!(1)), port: None };
    let written = check(1, vec![completed(1, json!(1)), event]);
    let events =
        r#"[{"e":"step_completed","n":1,"out":1},{"e":"step_completed","n":[1,[3]],"out":1}]"#;
    assert!(written.ends_with(&format!("{events}]")), "{written}");
}

#[test]
fn only_identical_values_are_shared() {
    let written = check(
        1,
        vec![
            completed(0, json!({ "a": 1, "b": 2 })),
            completed(1, json!({ "b": 2, "a": 1 })),
            completed(2, json!([0.0])),
            completed(3, json!([-0.0])),
            completed(4, json!([1])),
            completed(5, json!([1.0])),
            completed(6, json!(7)),
            completed(7, json!(7)),
        ],
    );
    assert!(written.contains(",[],"), "{written}");
}

#[test]
fn a_null_is_not_nothing() {
    let nothing =
        Event::StepStarted { step: 0.into(), attempt: 2, input: None, config: None, secrets: None };
    let written = check(1, vec![started(0, json!(null), Some(json!(null))), nothing]);
    assert!(written.contains("[[0,0],[1,1]]"), "{written}");
}

/// With serde_json's features `raw_value` or `arbitrary_precision` these keys would be magic.
#[test]
fn no_key_is_magic() {
    for key in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
        for value in [json!("1"), json!("{"), json!(5)] {
            check(1, vec![completed(0, json!({ key: value.clone() }))]);
            let text = write_json(&json!({ key: value })).unwrap();
            assert_eq!(read_json::<Value>(&text).unwrap().to_string(), text);
        }
    }
}

#[test]
fn shared_values_are_shared_when_read() {
    let value = json!({ "k": "v".repeat(100) });
    let events = recorded(1, vec![completed(0, value.clone()), started(1, value, None)]);
    let read = decode_events(1, &encode_events(&events).unwrap()).unwrap();
    let [output, _] = event_values(&read[0].event);
    let [input, _] = event_values(&read[1].event);
    assert!(Arc::ptr_eq(output.unwrap(), input.unwrap()));
}

#[test]
fn what_cannot_be_read_is_corrupt() {
    for chunk in [
        "",
        "\u{2}[0,[],[],[]]",
        "\u{1}",
        "\u{1}[]",
        "\u{1}[0,[],[],[]]",
        "\u{1}[0,[],[1],[{\"e\":\"started\"}]]",
        "\u{1}[0,[],[],[{\"e\":\"started\"}]] ",
        "\u{1}[0,[],[],[{\"e\":\"started\"}]]x",
        "\u{1}[0,[],[],[{\"e\":\"unheard_of\"}]]",
        "\u{1}[0,[[0,1]],[],[{\"e\":\"accepted\",\"in\":null}]]",
        "\u{1}[0,[[2,0]],[1],[{\"e\":\"started\"},{\"e\":\"started\"}]]",
        "\u{1}[0,[[2,0]],[1],[{\"e\":\"accepted\",\"in\":1},{\"e\":\"accepted\",\"in\":2}]]",
        "\u{1}[0,[[3,0]],[1],[{\"e\":\"accepted\",\"in\":1},{\"e\":\"accepted\",\"in\":null}]]",
        "\u{1}[0,[[9,0]],[1],[{\"e\":\"accepted\",\"in\":1},{\"e\":\"accepted\",\"in\":null}]]",
    ] {
        let read = decode_events(1, chunk.as_bytes());
        // A space at the end is what JSON allows.
        assert_eq!(read.is_err(), !chunk.ends_with(' '), "{chunk:?}");
    }
}

fn nested(levels: usize) -> Vec<RecordedEvent> {
    let value = (0..levels).fold(json!(1), |inner, _| json!([inner]));
    recorded(1, vec![completed(0, value)])
}

/// On a stack of 2 MiB, as threads have, and unoptimised.
#[test]
fn depth_has_an_end_and_what_is_written_can_be_read() {
    let deepest = nested(MAX_DEPTH - 3);
    assert_eq!(decode_events(1, &encode_events(&deepest).unwrap()).unwrap(), deepest);
    let error = encode_events(&nested(MAX_DEPTH - 2)).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("256 levels"), "{message}");
    let hostile = format!("\u{1}{}", "[".repeat(1_000_000));
    assert!(decode_events(1, hostile.as_bytes()).is_err());
    assert!(check_depth(br#"["[[[[\"[[[["]"#).is_ok());
}

#[test]
fn a_short_execution_is_small() {
    let hello = json!("Hello, world!");
    let chunk = check(
        1,
        vec![
            Event::accepted(json!({})),
            Event::Started,
            started(0, hello.clone(), None),
            completed(0, hello.clone()),
            started(1, hello, None),
            completed(1, json!("!dlrow ,olleH")),
            started(2, json!("!dlrow ,olleH"), None),
            completed(2, json!("!dlrow ,olleH")),
            Event::Completed { output: Arc::new(json!({ "output": "!dlrow ,olleH" })) },
        ],
    );
    assert!(chunk.len() < 500, "{} bytes: {chunk}", chunk.len());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((".{0,4}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn any_insertions() -> impl Strategy<Value = Vec<SecretInsertion>> {
    let insertion = (".{0,6}", any::<usize>(), "[A-Z]{1,3}")
        .prop_map(|(pointer, offset, name)| SecretInsertion { pointer, offset, name });
    proptest::collection::vec(insertion, 0..3)
}

fn any_step() -> impl Strategy<Value = StepRunId> {
    let path = prop_oneof![
        3 => Just(IterationPath::EMPTY),
        1 => any::<[u32; 1]>().prop_map(IterationPath::from),
        1 => any::<[u32; 4]>().prop_map(IterationPath::from),
    ];
    (any::<u32>(), path).prop_map(|(step, path)| StepRunId { path, ..step.into() })
}

fn any_event() -> impl Strategy<Value = Event> {
    let value = || any_value().prop_map(Arc::new);
    let few = || prop_oneof![Just(json!({ "a": [1] })), Just(json!("x"))].prop_map(Arc::new);
    prop_oneof![
        value().prop_map(|input| Event::accepted(Value::clone(&input))),
        Just(Event::Started),
        (
            any_step(),
            1_u32..4,
            proptest::option::of(few()),
            proptest::option::of(value()),
            proptest::option::of(any_insertions()),
        )
            .prop_map(|(step, attempt, input, config, secrets)| {
                Event::StepStarted { step, attempt, input, config, secrets }
            }),
        (any_step(), few(), proptest::option::of("[a-z]{1,5}"))
            .prop_map(|(step, output, port)| Event::StepCompleted { step, output, port }),
        (any_step(), any_value(), any::<bool>()).prop_map(|(step, details, handled)| {
            Event::StepFailed {
                step,
                error: Failure { details, ..Failure::new("A", "b") },
                handled,
            }
        }),
        few().prop_map(|output| Event::Completed { output }),
    ]
}

fn any_chunk() -> impl Strategy<Value = Vec<RecordedEvent>> {
    let events = proptest::collection::vec((any::<i64>(), any_event()), 1..12);
    events.prop_map(|events| {
        let recorded =
            |(seq, (at, event))| RecordedEvent { seq, at: Timestamp::from_micros(at), event };
        (1..).zip(events).map(recorded).collect()
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(events in any_chunk()) {
        let read = decode_events(1, &encode_events(&events).unwrap()).unwrap();
        prop_assert_eq!(text(&read), text(&events));
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_events(1, &bytes);
        let _ = decode_events(u64::MAX, &[&[VERSION][..], &bytes].concat());
    }

    #[test]
    fn damaged_chunks_never_panic(
        events in any_chunk(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut chunk = encode_events(&events).unwrap();
        for (place, byte) in damage {
            let place = place.index(chunk.len());
            chunk[place] = byte;
        }
        let _ = decode_events(1, &chunk);
    }
}
