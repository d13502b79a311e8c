//! Terminal output: results on stdout, everything else on stderr, colours only on a terminal.
//!
//! No other module writes to either.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use serde_json::Value;

use crate::error::CliError;
use crate::logs;

/// Colours by their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Success.
    Green,
    /// Failure.
    Red,
    /// In progress, or a warning.
    Yellow,
    /// Secondary.
    Dim,
    /// Emphasised.
    Bold,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Green => "32",
            Self::Red => "31",
            Self::Yellow => "33",
            Self::Dim => "2",
            Self::Bold => "1",
        }
    }

    /// The colour of a status of any object, in the notation of either API.
    pub fn for_status(status: &str) -> Self {
        match status.to_ascii_uppercase().as_str() {
            "COMPLETED" | "ACTIVE" => Self::Green,
            "FAILED" | "TIMED_OUT" => Self::Red,
            "PENDING" | "SKIPPED" | "CANCELLED" | "NOT_REACHED" | "INACTIVE" | "EXPIRED"
            | "REVOKED" => Self::Dim,
            _ => Self::Yellow,
        }
    }
}

fn has_colours(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn paint_text(on: bool, colour: Colour, text: &str) -> String {
    if on { format!("\x1b[{}m{text}\x1b[0m", colour.code()) } else { text.to_owned() }
}

/// Text in a colour for stdout; plain if stdout is not a terminal.
pub fn paint_stdout(colour: Colour, text: &str) -> String {
    paint_text(has_colours(std::io::stdout().is_terminal()), colour, text)
}

/// Text in a colour for stderr; plain if stderr is not a terminal.
pub fn paint_stderr(colour: Colour, text: &str) -> String {
    paint_text(has_colours(std::io::stderr().is_terminal()), colour, text)
}

pub fn stderr_has_colours() -> bool {
    has_colours(std::io::stderr().is_terminal())
}

/// The first write error of stdout. Later lines are not written.
static STDOUT_ERROR: OnceLock<std::io::Error> = OnceLock::new();

pub fn print_line(text: &str) {
    if STDOUT_ERROR.get().is_some() {
        return;
    }
    if let Err(error) = writeln!(std::io::stdout().lock(), "{text}") {
        // If another thread was first, its error is as good.
        let _ = STDOUT_ERROR.set(error);
    }
}

/// Prints a part of a text on stdout, as it is.
pub fn print_bytes(bytes: &[u8]) {
    if STDOUT_ERROR.get().is_some() {
        return;
    }
    if let Err(error) = std::io::stdout().lock().write_all(bytes) {
        // If another thread was first, its error is as good.
        let _ = STDOUT_ERROR.set(error);
    }
}

/// Whether writing to stdout has failed, so that a command that streams can stop.
pub fn is_stdout_closed() -> bool {
    STDOUT_ERROR.get().is_some()
}

/// The write error of stdout, if any. A closed pipe (`| head`) is not an error.
pub fn stdout_error() -> Option<&'static std::io::Error> {
    STDOUT_ERROR.get().filter(|error| error.kind() != std::io::ErrorKind::BrokenPipe)
}

/// Prints a line on stderr, through the log's queue if the process has a log.
pub fn print_stderr(text: &str) {
    if !logs::write_line(text) {
        // An error of stderr cannot be reported anywhere.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

/// Whether the user confirms it on the terminal.
///
/// # Errors
/// `Usage` if stdin is not a terminal.
pub fn confirm(question: &str) -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        let message = format!("{question} Confirm with --yes, or count them with --dry-run");
        return Err(CliError::usage(message));
    }
    // Like other messages, without a line break. An error of stderr cannot be reported anywhere.
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{question} [y/N] ");
    let _ = stderr.flush();
    let mut reply = String::new();
    std::io::stdin()
        .read_line(&mut reply)
        .map_err(|error| CliError::usage(format!("stdin cannot be read: {error}")))?;
    Ok(matches!(reply.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Prints the `warnings` of an API response on stderr.
pub fn print_warnings(response: &Value) {
    print_warnings_at("", response);
}

/// As [`print_warnings`], with a prefix of each place, such as a file.
pub fn print_warnings_at(prefix: &str, response: &Value) {
    for warning in response["warnings"].as_array().into_iter().flatten() {
        let place = warning.get("field").or(warning.get("path")).map(value_text);
        let place = place.filter(|place| !place.is_empty());
        let text = warning.get("detail").or(warning.get("message")).map(value_text);
        let place = place.map_or_else(String::new, |place| format!("{place}: "));
        let label = paint_stderr(Colour::Yellow, "warning:");
        print_stderr(&format!("{label} {prefix}{place}{}", text.unwrap_or_default()));
    }
}

pub fn print_json(value: &Value) {
    print_line(&format!("{value:#}"));
}

/// Prints a list as JSON: the same shape for every list. `next` is the cursor of the following
/// items, or null.
pub fn print_items(items: &[Value], next: &Value) {
    print_json(&serde_json::json!({"items": items, "next": next}));
}

pub fn print_json_line(value: &Value) {
    print_line(&value.to_string());
}

/// Prints a table with aligned columns on stdout.
pub fn print_table(headers: &[&str], rows: &[Vec<TableCell>]) {
    for text in table_lines(headers, rows, has_colours(std::io::stdout().is_terminal())) {
        print_line(&text);
    }
}

#[derive(Debug, Clone)]
pub struct TableCell {
    text: String,
    colour: Option<Colour>,
}

impl TableCell {
    pub fn coloured(text: impl Into<String>, colour: Colour) -> Self {
        Self { text: text.into(), colour: Some(colour) }
    }

    pub fn status(status: &str) -> Self {
        Self::coloured(status, Colour::for_status(status))
    }
}

impl<T: Into<String>> From<T> for TableCell {
    fn from(text: T) -> Self {
        Self { text: text.into(), colour: None }
    }
}

fn table_lines(headers: &[&str], rows: &[Vec<TableCell>], colours: bool) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|c| c.text.chars().count());
        cells.chain([headers[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headers.len()).map(width).collect();
    let head = headers.iter().map(|h| TableCell::coloured(h.to_uppercase(), Colour::Dim)).collect();
    std::iter::once(&head)
        .chain(rows)
        .map(|row: &Vec<TableCell>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| {
                let padding = " ".repeat(width - cell.text.chars().count());
                let text = cell.colour.map_or_else(
                    || cell.text.clone(),
                    |colour| paint_text(colours, colour, &cell.text),
                );
                text + &padding
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// A value as text for users: strings without quotes, null as nothing.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A duration for users: `840 µs`, `12 ms`, `3.4 s`, `2 m 5 s`.
pub fn format_duration(duration: std::time::Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", micros / 1000),
        1_000_000..60_000_000 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{} m {} s", duration.as_secs() / 60, duration.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn columns_are_aligned_with_and_without_colours() {
        let rows = [
            vec![TableCell::from("wf-1"), TableCell::status("ACTIVE")],
            vec![TableCell::from("wf-22"), TableCell::from("é")],
        ];
        let plain = table_lines(&["id", "status"], &rows, false);
        assert_eq!(plain, ["ID     STATUS", "wf-1   ACTIVE", "wf-22  é"]);
        let coloured = table_lines(&["id", "status"], &rows, true);
        assert_eq!(coloured[1], "wf-1   \x1b[32mACTIVE\x1b[0m");
    }

    #[test]
    fn durations_are_short() {
        for (micros, text) in
            [(840, "840 µs"), (12_345, "12 ms"), (3_400_000, "3.4 s"), (125_000_000, "2 m 5 s")]
        {
            assert_eq!(format_duration(Duration::from_micros(micros)), text);
        }
    }
}
