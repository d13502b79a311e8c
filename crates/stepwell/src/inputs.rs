//! Inputs of executions on the command line: whole documents, and single fields as `NAME=VALUE`.

use std::path::Path;

use clap::Args;
use serde_json::{Map, Value};

use crate::documents;
use crate::error::CliError;

#[derive(Debug, Default, Args)]
pub struct InputArgs {
    /// Input: JSON, @FILE or FILE; or NAME=VALUE (repeatable), a value that is JSON or else text
    #[arg(long = "input", short = 'i', value_name = "INPUT")]
    inputs: Vec<String>,
}

/// Variables that expressions read as `vars.NAME`.
#[derive(Debug, Default, Args)]
pub struct VarArgs {
    /// Variable that expressions read as vars.NAME, a value that is JSON or else text; repeatable
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = documents::parse_name_value)]
    vars: Vec<(String, String)>,
}

impl VarArgs {
    /// The variables by name.
    pub fn read(&self) -> Map<String, Value> {
        self.vars.iter().map(|(name, value)| (name.clone(), json_or_text(value))).collect()
    }
}

/// A value that is JSON, or else text.
pub fn json_or_text(text: &str) -> Value {
    stepwell_core::json::from_str(text).unwrap_or_else(|_| text.into())
}

/// One `--input`.
#[derive(Debug, PartialEq)]
enum InputPart {
    Whole(Value),
    Field(String, Value),
}

impl InputArgs {
    /// Whether there are fields but no whole input.
    pub fn has_only_pairs(&self) -> bool {
        let is_pair = |text: &String| matches!(read_part(text), Ok(InputPart::Field(..)));
        !self.inputs.is_empty() && self.inputs.iter().all(is_pair)
    }

    /// The input; `None` if there is none.
    ///
    /// # Errors
    /// `Usage`.
    pub fn read(&self) -> Result<Option<Value>, CliError> {
        self.read_over(Value::Null)
    }

    /// The input: the fields are set in the whole input or, without one, in `original`. `None` if
    /// there is none.
    ///
    /// # Errors
    /// `Usage`.
    pub fn read_over(&self, original: Value) -> Result<Option<Value>, CliError> {
        let (mut whole, mut fields) = (None, Map::new());
        for text in &self.inputs {
            match read_part(text)? {
                InputPart::Field(name, value) => {
                    fields.insert(name, value);
                }
                InputPart::Whole(value) if whole.is_none() => whole = Some(value),
                InputPart::Whole(_) => {
                    let message = "--input names two whole inputs; give one, and set single \
                                   fields with -i NAME=VALUE";
                    return Err(CliError::usage(message));
                }
            }
        }
        if fields.is_empty() {
            return Ok(whole);
        }
        match whole.unwrap_or(original) {
            Value::Null => Ok(Some(Value::Object(fields))),
            Value::Object(mut object) => {
                object.extend(fields);
                Ok(Some(Value::Object(object)))
            }
            _ => Err(CliError::usage(
                "-i NAME=VALUE sets a field of an object, but the whole input is none",
            )),
        }
    }
}

fn read_part(text: &str) -> Result<InputPart, CliError> {
    if text.starts_with('@') {
        return documents::read_input("--input", text).map(InputPart::Whole);
    }
    if let Ok(whole) = stepwell_core::json::from_str(text) {
        return Ok(InputPart::Whole(whole));
    }
    if let Some((name, value)) = text.split_once('=').filter(|(name, _)| is_name(name)) {
        return Ok(InputPart::Field(name.to_owned(), json_or_text(value)));
    }
    if Path::new(text).is_file() {
        return documents::read_input("--input", &format!("@{text}")).map(InputPart::Whole);
    }
    documents::read_input("--input", text).map(InputPart::Whole).map_err(|error| {
        let message = format!("{}, the name of a file that exists, or NAME=VALUE", error.message);
        CliError { message, ..error }
    })
}

/// Whether the text can be the name of an input, not the beginning of a document.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_-. ".contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(texts: &[&str]) -> Result<Option<Value>, CliError> {
        InputArgs { inputs: texts.iter().map(|text| (*text).to_owned()).collect() }.read()
    }

    #[test]
    fn fields_are_json_or_text() {
        for (texts, expect) in [
            (&[][..], None),
            (&["n=1", "s=one", "b=true"], Some(json!({"n": 1, "s": "one", "b": true}))),
            (&["l=[1, 2]", "q=\"1\"", "e="], Some(json!({"l": [1, 2], "q": "1", "e": ""}))),
            (&["url=http://a/?b=c"], Some(json!({"url": "http://a/?b=c"}))),
            (&["n=1", "n=2"], Some(json!({"n": 2}))),
            (&[r#"{"a": 1, "b": 2}"#, "b=3"], Some(json!({"a": 1, "b": 3}))),
            (&["[1]"], Some(json!([1]))),
            (&["\"a=b\""], Some(json!("a=b"))),
        ] {
            assert_eq!(read(texts), Ok(expect), "{texts:?}");
        }
        for wrong in [&["{a=1}"][..], &["=1"], &["nonsense"], &["{}", "{}"], &["[1]", "a=1"]] {
            let error = read(wrong).unwrap_err();
            assert_eq!(error.kind, crate::error::CliErrorKind::Usage, "{wrong:?}");
        }
    }

    #[test]
    fn files_are_whole_inputs() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"a": 1}"#).unwrap();
        let path = file.path().display().to_string();
        for text in [path.clone(), format!("@{path}")] {
            assert_eq!(read(&[&text, "b=2"]), Ok(Some(json!({"a": 1, "b": 2}))), "{text}");
        }
    }

    #[test]
    fn fields_edit_an_original() {
        let edit = InputArgs { inputs: vec!["b=2".into()] };
        assert!(edit.has_only_pairs());
        let original = json!({"a": 1, "b": 1});
        assert_eq!(edit.read_over(original), Ok(Some(json!({"a": 1, "b": 2}))));
        let whole = InputArgs { inputs: vec!["{}".into()] };
        assert!(!whole.has_only_pairs() && !InputArgs::default().has_only_pairs());
    }
}
