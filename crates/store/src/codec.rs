//! The journal codec: how the events of one commit are stored as one chunk. And the encoding of other
//! JSON that is stored.
//!
//! A chunk is a version byte and then JSON: `[first time, references, later times, events]`. The
//! seqs are not in it (they follow from the key of the row), later times are differences to the
//! one before, and a value that was in the chunk before is written as a reference to that place: a
//! step's input mostly is the output of the one before. A reference of a place to itself is a null
//! where `null` means that there is nothing. Reading never guesses: what does not fit
//! is `Corrupt`. Existing versions must stay readable for ever.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stepwell_core::Timestamp;
use stepwell_core::execution::{Event, RecordedEvent};

use crate::error::{Result, StoreError};

const VERSION: u8 = 1;
/// How deep values may be nested, what surrounds them counted: reading recurses, so there must be
/// an end to it. Refused when written, so that what is written can be read.
const MAX_DEPTH: usize = 256;
/// With how many earlier values of the chunk a value is compared.
const COMPARED: usize = 8;
/// How many values an event can hold: places are numbered `index * PLACES + place`.
const PLACES: usize = 2;

/// Encodes consecutive events as one chunk; their seqs are not written.
///
/// # Errors
/// `Corrupt` if a value is nested too deeply.
pub fn encode_events(events: &[RecordedEvent]) -> Result<Vec<u8>> {
    let first = events.first().map_or(0, |event| event.at.as_micros());
    let mut times = Vec::with_capacity(events.len());
    let mut references = Vec::new();
    let mut bodies = Vec::with_capacity(events.len());
    let mut seen = Seen::default();
    let mut last = first;
    for (index, recorded) in events.iter().enumerate() {
        let at = recorded.at.as_micros();
        if index > 0 {
            times.push(at.wrapping_sub(last));
        }
        last = at;
        let mut body = Body::Whole(&recorded.event);
        for (place, value) in event_values(&recorded.event).into_iter().enumerate() {
            let Some(value) = value else { continue };
            let here = index * PLACES + place;
            let null = value.is_null() && matches!(recorded.event, Event::StepStarted { .. });
            if let Some(source) = if null { Some(here) } else { seen.find(here, value) } {
                references.push((here, source));
                body = body.without(place);
            }
        }
        bodies.push(body);
    }
    let mut chunk = Vec::with_capacity(64 + 64 * events.len());
    chunk.push(VERSION);
    let written = serde_json::to_writer(&mut chunk, &(first, references, times, bodies));
    written.map_err(|error| corrupt_chunk(format!("events that cannot be written: {error}")))?;
    check_depth(chunk.get(1..).unwrap_or_default())?;
    Ok(chunk)
}

/// Decodes a chunk whose first event has the seq `first_seq`.
///
/// # Errors
/// `Corrupt` if it cannot be read.
pub fn decode_events(first_seq: u64, chunk: &[u8]) -> Result<Vec<RecordedEvent>> {
    let json = match chunk.split_first() {
        Some((&VERSION, json)) => json,
        Some((version, _)) => {
            return Err(corrupt_chunk(format!("a journal has the unknown version {version}")));
        }
        None => return Err(corrupt_chunk("a journal has an empty chunk")),
    };
    type Parts = (i64, Vec<(usize, usize)>, Vec<i64>, Vec<Event>);
    let (first, references, times, mut events) = read_slice::<Parts>(json)?;
    if events.len() != times.len() + 1 {
        return Err(corrupt_chunk("a journal has more or fewer times than events"));
    }
    for (here, source) in references {
        resolve_references(&mut events, here, source)?;
    }
    let mut at = first;
    let mut recorded = Vec::with_capacity(events.len());
    let gaps = std::iter::once(0).chain(times);
    for ((seq, event), gap) in (first_seq..).zip(events).zip(gaps) {
        at = at.wrapping_add(gap);
        recorded.push(RecordedEvent { seq, at: Timestamp::from_micros(at), event });
    }
    Ok(recorded)
}

/// Encodes any value as JSON text.
///
/// # Errors
/// `Corrupt` if it is nested too deeply.
pub fn write_json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value)
        .map_err(|error| corrupt_chunk(format!("a value that cannot be written: {error}")))?;
    check_depth(text.as_bytes())?;
    Ok(text)
}

/// Decodes the text of [`write_json`].
///
/// # Errors
/// `Corrupt` if it cannot be read.
pub fn read_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    read_slice(text.as_bytes())
}

fn read_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    check_depth(json)?;
    let mut reader = serde_json::Deserializer::from_slice(json);
    // `check_depth` has the same purpose; the limit of serde_json is less than requests may have
    // after a few steps have wrapped them.
    reader.disable_recursion_limit();
    let read = T::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| corrupt_chunk(format!("stored JSON that cannot be read: {error}")))
}

fn corrupt_chunk(what: impl Into<String>) -> StoreError {
    StoreError::Corrupt(what.into())
}

fn check_depth(json: &[u8]) -> Result<()> {
    // Counting needs a fraction of the time, and most texts have few containers. Short sums of
    // bytes, which cannot overflow, are added many at a time.
    let is_opening = |byte: &u8| u8::from(matches!(byte, b'[' | b'{'));
    let parts = json.chunks(usize::from(u8::MAX));
    let opening = parts.map(|part| usize::from(part.iter().map(is_opening).sum::<u8>()));
    if opening.sum::<usize>() <= MAX_DEPTH {
        return Ok(());
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > MAX_DEPTH {
                    let text = format!("a value is nested more than {MAX_DEPTH} levels deep");
                    return Err(corrupt_chunk(text));
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// An event as it is written: whole, or a copy without the values that are references.
enum Body<'a> {
    Whole(&'a Event),
    Without(Box<Event>),
}

impl Body<'_> {
    fn without(self, place: usize) -> Self {
        let mut event = match self {
            Self::Whole(event) => Box::new(event.clone()),
            Self::Without(event) => event,
        };
        match (&mut *event, place) {
            (Event::StepStarted { input, .. }, 0) => *input = None,
            (Event::StepStarted { config, .. }, 1) => *config = None,
            (Event::BodyEnded { output, .. }, 0) => *output = None,
            (event, _) => {
                if let Some(value) = always_there(event) {
                    *value = Arc::new(Value::Null);
                }
            }
        }
        Self::Without(event)
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Whole(event) => event.serialize(serializer),
            Self::Without(event) => event.serialize(serializer),
        }
    }
}

/// The values that can be references, each at its place. Places never change: they are stored.
fn event_values(event: &Event) -> [Option<&Arc<Value>>; PLACES] {
    match event {
        Event::StepStarted { input, config, .. } => [input.as_ref(), config.as_ref()],
        Event::BodyEnded { output, .. } => [output.as_ref(), None],
        Event::Accepted { input, .. } => [Some(input), None],
        Event::StepCompleted { output, .. } | Event::Completed { output } => [Some(output), None],
        Event::SignalReceived { data, .. } => [Some(data), None],
        _ => [None, None],
    }
}

/// The value at place 0 of an event that always has one.
fn always_there(event: &mut Event) -> Option<&mut Arc<Value>> {
    match event {
        Event::Accepted { input, .. } => Some(input),
        Event::StepCompleted { output, .. } | Event::Completed { output } => Some(output),
        Event::SignalReceived { data, .. } => Some(data),
        _ => None,
    }
}

/// Replaces a reference by the value at `source`.
fn resolve_references(events: &mut [Event], here: usize, source: usize) -> Result<()> {
    let wrong = || corrupt_chunk("a journal refers to a value that is not there");
    let value = if source == here {
        Arc::new(Value::Null)
    } else if source < here {
        let [first, second] = event_values(events.get(source / PLACES).ok_or_else(wrong)?);
        let value = if source.is_multiple_of(PLACES) { first } else { second };
        value.ok_or_else(wrong)?.clone()
    } else {
        return Err(wrong());
    };
    let event = events.get_mut(here / PLACES).ok_or_else(wrong)?;
    match (event, here % PLACES) {
        (Event::StepStarted { input: empty @ None, .. }, 0)
        | (Event::BodyEnded { output: empty @ None, .. }, 0)
        | (Event::StepStarted { config: empty @ None, .. }, 1) => *empty = Some(value),
        (event, 0) => match always_there(event) {
            Some(place) if place.is_null() => *place = value,
            _ => return Err(wrong()),
        },
        _ => return Err(wrong()),
    }
    Ok(())
}

/// The last values of a chunk with their places.
#[derive(Default)]
struct Seen<'a> {
    recent: Vec<(usize, &'a Arc<Value>)>,
}

impl<'a> Seen<'a> {
    /// Where the same value was before; notes where it is now if it was not.
    fn find(&mut self, here: usize, value: &'a Arc<Value>) -> Option<usize> {
        if !matches!(**value, Value::String(_) | Value::Array(_) | Value::Object(_)) {
            return None;
        }
        let same = |other: &Arc<Value>| Arc::ptr_eq(other, value) || values_identical(other, value);
        let found = self.recent.iter().rev().find(|(_, other)| same(other));
        if let Some((source, _)) = found {
            return Some(*source);
        }
        if self.recent.len() == COMPARED {
            self.recent.remove(0);
        }
        self.recent.push((here, value));
        None
    }
}

/// Equal in everything that is written: unlike `==` also in the order of keys and in the sign of
/// a zero.
fn values_identical(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            a.as_f64().map(f64::to_bits) == b.as_f64().map(f64::to_bits)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| values_identical(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |((a_key, a), (b_key, b)): ((&String, &Value), (&String, &Value))| {
                a_key == b_key && values_identical(a, b)
            };
            a.len() == b.len() && a.iter().zip(b).all(same)
        }
        _ => one == other,
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
