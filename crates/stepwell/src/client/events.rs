//! Server-sent events, as they arrive in chunks.

use serde_json::Value;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Where to resume.
    pub id: Option<String>,
    /// Its kind: `status`, `task`, `log`…
    pub name: String,
    /// Its data; text that is not JSON stays text.
    pub data: Value,
}

/// Puts events together from chunks that end anywhere.
#[derive(Debug, Default)]
pub struct Parser {
    /// The line that has not ended yet.
    rest: Vec<u8>,
    id: Option<String>,
    name: String,
    data: Vec<String>,
}

impl Parser {
    /// Takes a chunk; answers the events that it completes.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(chunk);
        let mut events = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            events.extend(self.line(line.trim_end_matches(['\r', '\n'])));
        }
        events
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            return self.complete();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = Some(value.into()),
            "event" => self.name = value.into(),
            "data" => self.data.push(value.into()),
            // A comment keeps the connection open; other fields are not for us.
            _ => {}
        }
        None
    }

    fn complete(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        if self.data.is_empty() {
            return None;
        }
        let text = std::mem::take(&mut self.data).join("\n");
        let data = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Some(Event { id: self.id.clone(), name, data })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "id: 1\nevent: status\ndata: {\"status\":\ndata: \"RUNNING\"}\n\n\
        : still here\n\nevent: log\r\ndata: plain\r\n\r\nid: 3\ndata: 4\n\nid: 5\ndata: cut";

    #[test]
    fn events_are_the_same_wherever_the_chunks_end() {
        let expect = [
            ("1", "status", json!({"status": "RUNNING"})),
            ("1", "log", json!("plain")),
            ("3", "", json!(4)),
        ]
        .map(|(id, name, data)| Event { id: Some(id.into()), name: name.into(), data });
        for size in [1, 2, 7, TEXT.len()] {
            let mut parser = Parser::default();
            let events: Vec<Event> =
                TEXT.as_bytes().chunks(size).flat_map(|chunk| parser.push(chunk)).collect();
            assert_eq!(events, expect, "chunks of {size}");
        }
    }
}
