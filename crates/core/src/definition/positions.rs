//! Lines and columns of problems in the text of a definition.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{Event, Parser};
use serde_json::Value;

use super::SourceFormat;
use super::place::path_ends;
use crate::Problem;
use crate::expr::at_key;
use crate::text_position::TextPosition;

/// The longest path of a problem that is located: the time must not grow with the product of its
/// length and the size of the text.
const MAX_PATH: usize = 1000;

impl TextPosition {
    /// The position in the message of a syntax error, which has no path.
    fn of_message(message: &str) -> Option<Self> {
        let (_, rest) = message.split_once(" at line ")?;
        let (line, rest) = rest.split_once(", column ")?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let column: usize = rest.get(..digits)?.parse().ok()?;
        let line = line.parse().ok().filter(|line| *line > 0)?;
        Some(Self { line, column: column.max(1) })
    }
}

/// The position of each problem in the text in which it was found: that of the field's name or of
/// the item, or of what encloses it if the field is missing.
pub fn locate_problems(
    text: &str,
    format: SourceFormat,
    problems: &[Problem],
) -> Vec<Option<TextPosition>> {
    let paths = problems.iter().map(|problem| problem.path.as_str());
    let finder = PositionFinder::find_paths(text, format, paths);
    problems.iter().map(|problem| finder.position_of(problem)).collect()
}

/// The position of each path in the text, as [`locate_problems`] finds them.
pub fn locate_paths<'p>(
    text: &str,
    format: SourceFormat,
    paths: impl Iterator<Item = &'p str> + Clone,
) -> Vec<Option<TextPosition>> {
    let finder = PositionFinder::find_paths(text, format, paths.clone());
    paths.map(|path| finder.position_of_path(path)).collect()
}

/// A collection around the current value, with its path; `None`: no wanted path is in it.
enum OpenCollection {
    Sequence {
        path: Option<String>,
        next: usize,
    },
    /// `key`: the path of the value whose key was read.
    Mapping {
        path: Option<String>,
        key: Option<Option<String>>,
    },
}

/// Follows the paths of the values of a text, and keeps the positions of those that are wanted.
#[derive(Default)]
struct PositionFinder {
    open: Vec<OpenCollection>,
    /// The wanted paths; `None`: not found so far.
    found: BTreeMap<String, Option<TextPosition>>,
}

impl PositionFinder {
    fn find_paths<'p>(
        text: &str,
        format: SourceFormat,
        paths: impl Iterator<Item = &'p str>,
    ) -> Self {
        let mut finder = Self::default();
        for path in paths.filter(|path| path.len() <= MAX_PATH) {
            for end in path_ends(path) {
                finder.found.entry(path[..end].to_owned()).or_default();
            }
        }
        match format {
            SourceFormat::Json => finder.read_json(text),
            SourceFormat::Yaml => finder.read_yaml(text),
        }
        finder
    }

    fn position_of(&self, problem: &Problem) -> Option<TextPosition> {
        if problem.path.is_empty()
            && let Some(position) = TextPosition::of_message(&problem.message)
        {
            return Some(position);
        }
        self.position_of_path(&problem.path)
    }

    fn position_of_path(&self, path: &str) -> Option<TextPosition> {
        let ends = path_ends(path);
        ends.iter().rev().find_map(|end| *self.found.get(&path[..*end])?)
    }

    /// Notes the position of a path; the first one counts.
    fn note(&mut self, path: &str, position: impl FnOnce() -> TextPosition) {
        if let Some(found) = self.found.get_mut(path) {
            found.get_or_insert_with(position);
        }
    }

    /// Whether the next node is the key of a mapping.
    fn is_at_key(&self) -> bool {
        matches!(self.open.last(), Some(OpenCollection::Mapping { key: None, .. }))
    }

    fn begin_key(&mut self, name: &str, position: impl FnOnce() -> TextPosition) {
        let Some(OpenCollection::Mapping { path, key }) = self.open.last_mut() else { return };
        let child = path.as_ref().map(|path| at_key(path, name));
        let child = child.filter(|child| self.found.contains_key(child));
        *key = Some(child.clone());
        if let Some(child) = child {
            self.note(&child, position);
        }
    }

    /// The path of the value that begins here, if it or one in it is wanted.
    fn begin_value(&mut self, position: impl FnOnce() -> TextPosition) -> Option<String> {
        let path = match self.open.last_mut() {
            None => Some(String::new()),
            Some(OpenCollection::Sequence { path, next }) => {
                *next += 1;
                path.as_ref().map(|path| format!("{path}[{}]", *next - 1))
            }
            // The position is that of the key.
            Some(OpenCollection::Mapping { key, .. }) => return key.take().flatten(),
        };
        let path = path.filter(|path| self.found.contains_key(path))?;
        self.note(&path, position);
        Some(path)
    }

    fn read_yaml(&mut self, text: &str) {
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else { return };
            let position =
                || TextPosition { line: span.start.line(), column: span.start.col() + 1 };
            if event.is_node() && self.is_at_key() {
                match &event {
                    Event::Scalar(name, ..) => self.begin_key(name, position),
                    // No definition has such keys.
                    _ => return,
                }
                continue;
            }
            match event {
                Event::SequenceStart(..) => {
                    let path = self.begin_value(position);
                    self.open.push(OpenCollection::Sequence { path, next: 0 });
                }
                Event::MappingStart(..) => {
                    let path = self.begin_value(position);
                    self.open.push(OpenCollection::Mapping { path, key: None });
                }
                Event::SequenceEnd | Event::MappingEnd => drop(self.open.pop()),
                event if event.is_node() => drop(self.begin_value(position)),
                _ => {}
            }
        }
    }

    /// Reads a text that is known to be JSON.
    fn read_json(&mut self, text: &str) {
        let mut lines = LineCounter { text, offset: 0, at: TextPosition { line: 1, column: 1 } };
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let start = at;
            at += 1;
            match byte {
                b'"' => {
                    at = string_end(bytes, start);
                    if self.is_at_key() {
                        let name = text.get(start..at).map_or(Cow::Borrowed(""), unescape);
                        self.begin_key(&name, || lines.advance(start));
                    } else {
                        self.begin_value(|| lines.advance(start));
                    }
                }
                b'[' => {
                    let path = self.begin_value(|| lines.advance(start));
                    self.open.push(OpenCollection::Sequence { path, next: 0 });
                }
                b'{' => {
                    let path = self.begin_value(|| lines.advance(start));
                    self.open.push(OpenCollection::Mapping { path, key: None });
                }
                b']' | b'}' => drop(self.open.pop()),
                b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' => {}
                _ => {
                    let is_end = |b: &u8| b" \t\r\n,]}".contains(b);
                    at = bytes[at..].iter().position(is_end).map_or(bytes.len(), |end| at + end);
                    self.begin_value(|| lines.advance(start));
                }
            }
        }
    }
}

/// The offset after a JSON string that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    bytes.len()
}

fn unescape(json: &str) -> Cow<'_, str> {
    match crate::json::from_str(json) {
        Ok(Value::String(name)) => Cow::Owned(name),
        _ => Cow::Borrowed(json),
    }
}

/// Lines and columns of increasing offsets.
struct LineCounter<'t> {
    text: &'t str,
    offset: usize,
    at: TextPosition,
}

impl LineCounter<'_> {
    fn advance(&mut self, offset: usize) -> TextPosition {
        for c in self.text.get(self.offset..offset).unwrap_or_default().chars() {
            match c {
                '\n' => self.at = TextPosition { line: self.at.line + 1, column: 1 },
                _ => self.at.column += 1,
            }
        }
        self.offset = offset;
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, format: SourceFormat, path: &str) -> Option<(usize, usize)> {
        let found = locate_problems(text, format, &[Problem::new(path, "wrong")]);
        found[0].map(|position| (position.line, position.column))
    }

    #[test]
    fn paths_have_positions_in_both_formats() {
        let yaml = "# c\nname: x\nsteps:\n  - type: Echo\n    \"a b\": [1, {k: 2}]\n  - Fail\n";
        let json = "{\"name\": \"x\",\n \"steps\": [\n  {\"type\": \"Echo\", \"a b\": [1, {\"k\": 2}]},\n\t\"Fail\"]}";
        for (path, in_yaml, in_json) in [
            ("", (2, 1), (1, 1)),
            ("name", (2, 1), (1, 2)),
            ("steps", (3, 1), (2, 2)),
            ("steps[0]", (4, 5), (3, 3)),
            ("steps[0].type", (4, 5), (3, 4)),
            ("steps[0][\"a b\"]", (5, 5), (3, 20)),
            ("steps[0][\"a b\"][1].k", (5, 17), (3, 32)),
            ("steps[1]", (6, 5), (4, 2)),
            // What is missing has the position of what encloses it.
            ("steps[0].input.text", (4, 5), (3, 3)),
            ("outputs.a", (2, 1), (1, 1)),
        ] {
            assert_eq!(at(yaml, SourceFormat::Yaml, path), Some(in_yaml), "{path}");
            assert_eq!(at(json, SourceFormat::Json, path), Some(in_json), "{path}");
        }
    }

    #[test]
    fn deep_and_long_texts_take_no_more_than_linear_time() {
        let deep = "[".repeat(200_000);
        assert_eq!(at(&deep, SourceFormat::Json, ""), Some((1, 1)));
        assert_eq!(at(&deep, SourceFormat::Json, "[0][0][7]"), Some((1, 3)));
        let long = "k".repeat(200_000);
        let wide = format!("{{\"{long}\": [{}1], \"b\": 2}}", "1,".repeat(200_000));
        assert_eq!(at(&wide, SourceFormat::Json, "b").map(|(line, _)| line), Some(1));
        // The path is too long to be searched for.
        assert_eq!(at(&wide, SourceFormat::Json, &format!("{long}[3]")), None);
    }

    #[test]
    fn columns_count_characters() {
        let json = r#"{"\ud83d\ude00": "ä\"{", "b": {"c": 1}}"#;
        assert_eq!(at(json, SourceFormat::Json, "b.c"), Some((1, 32)));
        assert_eq!(at(json, SourceFormat::Json, "[\"😀\"]"), Some((1, 2)));
        assert_eq!(at("{ä: 1, b: {c: 1}}", SourceFormat::Yaml, "b.c"), Some((1, 12)));
    }

    #[test]
    fn anchors_and_odd_keys_do_not_mislead() {
        let yaml = "a: &x {k: 1}\nb: *x\nc: {k: 2}\n";
        assert_eq!(at(yaml, SourceFormat::Yaml, "b.k"), Some((2, 1)));
        assert_eq!(at(yaml, SourceFormat::Yaml, "c.k"), Some((3, 5)));
        assert_eq!(at("? [a]\n: 1\nb: 2\n", SourceFormat::Yaml, "b"), Some((1, 1)));
    }

    #[test]
    fn syntax_errors_have_the_position_of_their_message() {
        let limits = super::super::DefinitionLimits::default();
        for (text, format, expected) in [
            ("{\n \"a\": }", SourceFormat::Json, (2, 7)),
            ("a: 1\n b: [\n", SourceFormat::Yaml, (2, 3)),
        ] {
            let problems = super::super::read_source(text, format, &limits).unwrap_err().0;
            let found = locate_problems(text, format, &problems);
            assert_eq!(found[0].map(|p| (p.line, p.column)), Some(expected), "{problems:?}");
        }
    }
}
