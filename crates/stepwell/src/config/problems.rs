//! Errors about settings: the setting, the problem, what is allowed, and the source with its line.

use std::path::Path;

use figment::error::Kind;
use figment::value::{Dict, Value};
use figment::{Figment, Metadata, Source};

use super::bounds;
use super::settings::Config;
use super::sources::{ENV_DATA_DIR, ENV_PREFIX};
use crate::error::CliError;

/// How many wrong settings one error lists.
const MAX_PROBLEMS: usize = 20;

/// A wrong setting that has not been located yet.
pub struct SettingProblem {
    /// The path of the setting, such as `server.port`.
    pub path: String,
    /// What is wrong with its value.
    pub message: String,
}

/// The error that stops a start.
pub fn configuration_error(problems: &[String]) -> CliError {
    let shown = &problems[..problems.len().min(MAX_PROBLEMS)];
    let more = match problems.len() - shown.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    CliError::usage(format!("configuration: {}{more}", shown.join("; ")))
}

/// Adds the source to each problem.
pub fn locate(figment: &Figment, problems: Vec<SettingProblem>) -> Vec<String> {
    let text = |SettingProblem { path, message }: SettingProblem| {
        format!("`{path}`: {message}{}", source_suffix(figment.find_metadata(&path), &path))
    };
    problems.into_iter().map(text).collect()
}

/// Every setting of the sources that does not exist.
pub fn find_unknown(figment: &Figment) -> Vec<String> {
    // An error of a source is reported when the settings are extracted.
    let Ok(all) = figment.extract::<Dict>() else { return Vec::new() };
    let known: Vec<String> = Config::default().values().into_iter().map(|(path, _)| path).collect();
    let mut found = Vec::new();
    for (name, value) in &all {
        let prefix = format!("{name}.");
        let is_section = known.iter().any(|path| path.starts_with(&prefix));
        match value {
            Value::Dict(_, settings) if is_section => {
                let paths = settings.keys().map(|key| format!("{name}.{key}"));
                found.extend(paths.filter(|path| !known.contains(path)));
            }
            // A section that is not a table is an error of its type.
            _ if is_section || known.contains(name) => {}
            _ => found.push(name.clone()),
        }
    }
    let describe = |path: String| {
        let source = source_suffix(figment.find_metadata(&path), &path);
        format!("unknown setting `{path}`; {}{source}", suggest_setting(&path, &known))
    };
    found.into_iter().map(describe).collect()
}

/// The setting that is probably meant, else those of the same section.
fn suggest_setting(path: &str, known: &[String]) -> String {
    if let Some(near) = nearest_setting(path, known) {
        return format!("did you mean `{near}`?");
    }
    let section = path.split_once('.').map(|(section, _)| format!("{section}."));
    let prefix = section.filter(|section| known.iter().any(|name| name.starts_with(section)));
    if let Some(prefix) = prefix {
        let names: Vec<&str> = known.iter().filter_map(|name| name.strip_prefix(&prefix)).collect();
        return format!("the settings there are {}", names.join(", "));
    }
    let mut sections: Vec<&str> =
        known.iter().map(|name| name.split('.').next().unwrap_or(name)).collect();
    sections.dedup();
    let distance = |section: &str| strsim::damerau_levenshtein(section, path);
    let near = sections.iter().filter(|section| distance(section) <= 2);
    if let Some(near) = near.min_by_key(|section| distance(section)) {
        return format!("did you mean `{near}`?");
    }
    format!("the sections are {}", sections.join(", "))
}

/// The setting with nearly this path, or with this name in another section.
pub fn nearest_setting<'k>(path: &str, known: &'k [String]) -> Option<&'k str> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let name = last(path);
    if let Some(moved) = known.iter().find(|known| last(known) == name) {
        return Some(moved);
    }
    let distance = |known: &str| {
        let whole = strsim::damerau_levenshtein(known, path);
        whole.min(strsim::damerau_levenshtein(&last(known), &name))
    };
    let nearest = known.iter().min_by_key(|known| distance(known))?;
    // A third of the letters may differ.
    (distance(nearest) * 3 <= name.len()).then_some(nearest.as_str())
}

/// One text for each error of a source or of a value's type.
pub fn describe_errors(figment: &Figment, errors: figment::Error) -> Vec<String> {
    let describe = |error: figment::Error| {
        let path = error.path.join(".");
        // Found by `find_unknown`, all at once.
        if matches!(error.kind, Kind::UnknownField(..)) {
            return None;
        }
        let problem = match path.as_str() {
            "" => error.kind.to_string(),
            path => format!("`{path}`: {}{}", error.kind, allowed_values(path, &error.kind)),
        };
        let metadata = figment.find_metadata(&path).or(error.metadata.as_ref());
        Some(format!("{}{}", problem.trim_end(), source_suffix(metadata, &path)))
    };
    errors.into_iter().filter_map(describe).collect()
}

/// What to write instead of a value of the wrong type.
fn allowed_values(path: &str, kind: &Kind) -> String {
    let (Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected)) = kind else {
        return match path {
            "server.host" => "; write an address such as 127.0.0.1, 0.0.0.0 or ::".into(),
            _ => String::new(),
        };
    };
    if expected.contains("bool") {
        return "; write true or false".into();
    }
    if expected.contains("sequence") {
        return "; write a list in brackets, such as [\"a\", \"b\"]".into();
    }
    bounds::describe_bounds(path).map(|allowed| format!("; write {allowed}")).unwrap_or_default()
}

/// ` (in the file x, line 3)`, ` (in the environment variable X)`, or empty if unknown.
fn source_suffix(metadata: Option<&Metadata>, path: &str) -> String {
    let Some(metadata) = metadata else { return String::new() };
    if let Some(file) = metadata.source.as_ref().and_then(Source::file_path) {
        let line = find_line(file, path).map(|line| format!(", line {line}")).unwrap_or_default();
        return format!(" (in the file {}{line})", relative_path(file).display());
    }
    if metadata.name.contains("environment") {
        let variable = match path {
            "data_dir" if std::env::var_os(ENV_DATA_DIR).is_some() => ENV_DATA_DIR.to_owned(),
            path => variable_name(path),
        };
        return format!(" (in the environment variable {variable})");
    }
    String::new()
}

/// The environment variable of a setting.
pub fn variable_name(path: &str) -> String {
    format!("{ENV_PREFIX}{}", path.replace('.', "__").to_uppercase())
}

/// The line of a setting in a TOML file, counted from 1; that of its section if it has none.
fn find_line(file: &Path, path: &str) -> Option<usize> {
    let text = std::fs::read_to_string(file).ok()?;
    let document = toml_edit::ImDocument::parse(text.as_str()).ok()?;
    let mut item = document.as_item();
    let mut start = None;
    for part in path.split('.') {
        let Some((key, value)) = item.as_table_like().and_then(|table| table.get_key_value(part))
        else {
            break;
        };
        start = key.span().map(|span| span.start).or(start);
        item = value;
    }
    Some(text.get(..start?)?.matches('\n').count() + 1)
}

/// Relative to the current folder, if the path is below it.
fn relative_path(path: &Path) -> &Path {
    std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}
