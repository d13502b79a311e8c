//! Definitions and inputs named on the command line: files, `-` (stdin) or inline JSON.

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use stepwell_core::definition::{self, DefinitionLimits, SourceFormat};

use crate::error::{CliError, CliErrorKind};

/// Reads a definition as a JSON value: JSON if the name ends in `.json`, otherwise YAML (a superset
/// of JSON).
///
/// # Errors
/// `Usage` if the file cannot be read; `kind` if its text cannot be parsed.
pub fn read_definition(path: &Path, kind: CliErrorKind) -> Result<Value, CliError> {
    let text = read_text(path)?;
    let format = source_format(path);
    definition::read_source(&text, format, &DefinitionLimits::default()).map_err(|problems| {
        CliError::invalid(kind, format!("cannot parse {}", path.display()), problems)
    })
}

/// The format of a definition by the name of its file.
pub fn source_format(path: &Path) -> SourceFormat {
    if path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("json")) {
        SourceFormat::Json
    } else {
        SourceFormat::Yaml
    }
}

/// Reads the value of an option, which errors name: inline JSON, or `@FILE` with JSON.
///
/// # Errors
/// `Usage`, with the position of the syntax error.
pub fn read_input(option: &str, argument: &str) -> Result<Value, CliError> {
    let (name, json) = match argument.strip_prefix('@') {
        Some(file) => (file, read_text(Path::new(file))?),
        None => (option, argument.to_owned()),
    };
    stepwell_core::json::from_str(&json).map_err(|e| {
        CliError::usage(format!(
            "{name} is not valid JSON: {e}; write JSON such as '{{\"text\": \"hello\"}}', or @FILE"
        ))
    })
}

/// clap value parser of `NAME=VALUE`.
pub fn parse_name_value(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

/// Reads a text: a file, or `-` for stdin, without a byte order mark.
///
/// # Errors
/// `Usage` if it cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, CliError> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let bytes =
        bytes.map_err(|e| CliError::usage(format!("cannot read {}: {e}", path.display())))?;
    let mut text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        CliError::usage(format!(
            "{} is not UTF-8: invalid byte at offset {at}; save the file as UTF-8",
            path.display()
        ))
    })?;
    // Some editors and PowerShell write a byte order mark.
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn inputs_come_from_the_argument_or_a_file() {
        assert_eq!(read_input("--input", r#"{"a": 1}"#).unwrap(), json!({"a": 1}));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[2]").unwrap();
        assert_eq!(
            read_input("--input", &format!("@{}", file.path().display())).unwrap(),
            json!([2])
        );
        std::fs::write(file.path(), "\u{feff}[3]").unwrap();
        assert_eq!(
            read_input("--input", &format!("@{}", file.path().display())).unwrap(),
            json!([3])
        );
        for wrong in ["{a: 1}", "@/nowhere/at/all", "", "18446744073709551616", "1e-400"] {
            assert_eq!(
                read_input("--input", wrong).unwrap_err().kind,
                CliErrorKind::Usage,
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_name_is_required() {
        assert_eq!(parse_name_value("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert!(parse_name_value("A").is_err());
        assert!(parse_name_value("=b").is_err());
    }
}
