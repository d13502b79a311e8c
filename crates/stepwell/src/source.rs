//! Reading what the user names on the command line: definitions and inputs, from files, `-`
//! (stdin) or the argument itself.

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use stepwell_core::definition::{self, Format, Limits};

use crate::fault::{Fault, Kind};

/// Reads a definition as a JSON value. JSON where the name ends in `.json`, else YAML (of which
/// JSON is a part).
///
/// # Errors
/// `Usage` where the file cannot be read; `kind` where its text is neither.
pub fn definition(path: &Path, kind: Kind) -> Result<Value, Fault> {
    let text = text(path)?;
    let format = if path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("json")) {
        Format::Json
    } else {
        Format::Yaml
    };
    definition::read(&text, format, &Limits::default()).map_err(|problems| {
        Fault::invalid(kind, format!("{} cannot be read", path.display()), problems)
    })
}

/// Reads an input: JSON, or `@file` with JSON in it.
///
/// # Errors
/// `Usage`, saying where the JSON breaks off.
pub fn input(argument: &str) -> Result<Value, Fault> {
    let (name, json) = match argument.strip_prefix('@') {
        Some(file) => (file, text(Path::new(file))?),
        None => ("--input", argument.to_owned()),
    };
    stepwell_core::json::from_str(&json).map_err(|e| {
        Fault::usage(format!(
            "{name} is not JSON: {e}; write it as '{{\"text\": \"hello\"}}', or @FILE"
        ))
    })
}

/// Reads `NAME=VALUE`; for clap.
///
/// # Errors
/// What to write instead.
pub fn pair(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("write it as NAME=VALUE".into()),
    }
}

fn text(path: &Path) -> Result<String, Fault> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let bytes =
        bytes.map_err(|e| Fault::usage(format!("{} cannot be read: {e}", path.display())))?;
    let mut text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Fault::usage(format!(
            "{} is not UTF-8 text: byte {at} is not valid; save it encoded as UTF-8",
            path.display()
        ))
    })?;
    // Editors and PowerShell put a byte order mark there; it is no part of the text.
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
        assert_eq!(input(r#"{"a": 1}"#).unwrap(), json!({"a": 1}));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[2]").unwrap();
        assert_eq!(input(&format!("@{}", file.path().display())).unwrap(), json!([2]));
        std::fs::write(file.path(), "\u{feff}[3]").unwrap();
        assert_eq!(input(&format!("@{}", file.path().display())).unwrap(), json!([3]));
        for wrong in ["{a: 1}", "@/nowhere/at/all", "", "18446744073709551616", "1e-400"] {
            assert_eq!(input(wrong).unwrap_err().kind, Kind::Usage, "{wrong}");
        }
    }

    #[test]
    fn pairs_have_a_name() {
        assert_eq!(pair("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert!(pair("A").is_err());
        assert!(pair("=b").is_err());
    }
}
