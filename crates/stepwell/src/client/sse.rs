//! Parser of server-sent events.

use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub struct ServerEvent {
    /// The `Last-Event-ID` with which to resume after it.
    pub id: Option<String>,
    /// Its type: `status`, `task`, `log`…
    pub name: String,
    /// Data that is not JSON is a string.
    pub data: Value,
}

/// Parses events from chunks that may end anywhere.
#[derive(Debug, Default)]
pub struct SseParser {
    /// The beginning of a line whose end has not arrived.
    incomplete_line: Vec<u8>,
    id: Option<String>,
    name: String,
    data: Vec<String>,
}

impl SseParser {
    /// Returns the events that a chunk completes.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<ServerEvent> {
        self.incomplete_line.extend_from_slice(chunk);
        let mut events = Vec::new();
        while let Some(end) = self.incomplete_line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.incomplete_line.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            events.extend(self.parse_line(line.trim_end_matches(['\r', '\n'])));
        }
        events
    }

    fn parse_line(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            return self.take_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = Some(value.into()),
            "event" => self.name = value.into(),
            "data" => self.data.push(value.into()),
            // Comments are keep-alives.
            _ => {}
        }
        None
    }

    fn take_event(&mut self) -> Option<ServerEvent> {
        let name = std::mem::take(&mut self.name);
        if self.data.is_empty() {
            return None;
        }
        let text = std::mem::take(&mut self.data).join("\n");
        let data = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Some(ServerEvent { id: self.id.clone(), name, data })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "id: 1\nevent: status\ndata: {\"status\":\ndata: \"RUNNING\"}\n\n\
        : still here\n\nevent: log\r\ndata: plain\r\n\r\nid: 3\ndata: 4\n\nid: 5\ndata: cut";

    #[test]
    fn chunk_boundaries_do_not_matter() {
        let expect = [
            ("1", "status", json!({"status": "RUNNING"})),
            ("1", "log", json!("plain")),
            ("3", "", json!(4)),
        ]
        .map(|(id, name, data)| ServerEvent {
            id: Some(id.into()),
            name: name.into(),
            data,
        });
        for size in [1, 2, 7, TEXT.len()] {
            let mut parser = SseParser::default();
            let events: Vec<ServerEvent> =
                TEXT.as_bytes().chunks(size).flat_map(|chunk| parser.push(chunk)).collect();
            assert_eq!(events, expect, "chunks of {size}");
        }
    }
}
