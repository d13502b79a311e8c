//! Reading the rows, and the positions of their problems in both formats.

use std::path::PathBuf;

use serde_json::Value;

/// What precedes a list of steps.
const PRELUDE: &str = "name: n\ninputs: { n: number, list: array, text: string }\nsteps:\n";

/// A wrong definition.
pub struct Row {
    /// The name of its file, without the extension.
    pub file: String,
    /// What is wrong: the text of the first line.
    pub kind: String,
    /// The definition in YAML.
    pub text: String,
    /// The path and a part of the text of each problem.
    pub expected: Vec<(String, String)>,
    /// The line of each, and the column if the field is in that line.
    pub positions: Vec<(u64, Option<u64>)>,
}

/// The rows of all files.
pub fn read_rows() -> Vec<Row> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/http/wrong_forms");
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        rows.extend(text.split("\n---\n").map(|text| read_row(&file, text)));
    }
    rows
}

fn read_row(file: &str, text: &str) -> Row {
    let (comments, body): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with('#'));
    let kind = comments[0].trim_start_matches("# ").to_owned();
    let expected: Vec<(String, String)> = comments
        .iter()
        .filter_map(|line| line.strip_prefix("#! ")?.split_once(": "))
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect();
    let prelude = if body[0].starts_with('-') { PRELUDE } else { "" };
    let text = format!("{prelude}{}\n", body.join("\n"));
    let positions =
        (1..).zip(&expected).map(|(number, (path, _))| yaml_position(&text, number, path));
    let positions = positions.collect();
    Row { file: file.to_owned(), kind, expected, positions, text }
}

/// The line that is marked with `#<` and the number, and the column of the path's last name if the
/// line begins with it.
fn yaml_position(text: &str, number: usize, path: &str) -> (u64, Option<u64>) {
    let is_marked = |line: &str| {
        let (_, markers) = line.split_once("#<").unwrap_or_default();
        let number = number.to_string();
        line.contains("#<")
            && (markers.split("#<").any(|m| m.trim() == number) || markers.is_empty())
    };
    let (line, found) = (1_u64..)
        .zip(text.lines())
        .find(|(_, line)| is_marked(line))
        .unwrap_or_else(|| panic!("no line is marked with #<{number}:\n{text}"));
    let begin = found.len() - found.trim_start_matches([' ', '-']).len();
    let name = path.rsplit(['.', '[']).next().unwrap_or_default();
    let name = name.trim_end_matches(']').trim_matches('"');
    let is_named = found[begin..].trim_start_matches('"').starts_with(name);
    let column = (is_named || path.ends_with(']')).then(|| begin as u64 + 1);
    (line, column)
}

/// The line and column of each problem in the definition as JSON with a line for each value: the
/// value at the path, or the innermost one that exists, is replaced by a mark.
pub fn json_positions(row: &Row, value: &Value) -> Vec<(u64, Option<u64>)> {
    let position = |path: &str| {
        const MARK: &str = "the marked value";
        let mut marked = value.clone();
        *find_value(&mut marked, path) = Value::from(MARK);
        let text = serde_json::to_string_pretty(&marked).unwrap();
        let (line, found) = (1..).zip(text.lines()).find(|(_, line)| line.contains(MARK)).unwrap();
        (line, Some((found.len() - found.trim_start().len()) as u64 + 1))
    };
    row.expected.iter().map(|(path, _)| position(path)).collect()
}

/// The value at the path, or the innermost one around it.
fn find_value<'v>(value: &'v mut Value, path: &str) -> &'v mut Value {
    if let Some((key, rest)) = first_part(value, path) {
        let inner = match value {
            Value::Object(map) => map.get_mut(&key),
            Value::Array(items) => key.parse().ok().and_then(|at: usize| items.get_mut(at)),
            _ => None,
        };
        return find_value(inner.unwrap(), &rest);
    }
    value
}

/// The key or index with which the path begins, if the value has it, and the rest of the path.
fn first_part(value: &Value, path: &str) -> Option<(String, String)> {
    let keys: Vec<String> = match value {
        Value::Object(map) => map.keys().cloned().collect(),
        Value::Array(items) => (0..items.len()).map(|at| at.to_string()).collect(),
        _ => return None,
    };
    keys.into_iter().find_map(|key| {
        [format!(".{key}"), format!("[{key}]"), format!("[\"{key}\"]"), key.clone()]
            .iter()
            .filter_map(|form| path.strip_prefix(form.as_str()))
            .find(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            .map(|rest| (key, rest.to_owned()))
    })
}
