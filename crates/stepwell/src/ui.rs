//! The terminal: results on stdout, everything else on stderr, colours for people only.
//!
//! The one module of the binary that writes to either.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use serde_json::Value;

use crate::logs;

/// A colour that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Went well.
    Green,
    /// Went wrong.
    Red,
    /// Under way or worth a look.
    Yellow,
    /// Less important.
    Dim,
    /// More important.
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

    /// The colour of a status or a step's status, in either notation.
    pub fn of_status(status: &str) -> Self {
        match status.to_ascii_uppercase().as_str() {
            "COMPLETED" | "ACTIVE" => Self::Green,
            "FAILED" | "TIMED_OUT" => Self::Red,
            "PENDING" | "SKIPPED" | "CANCELLED" | "INACTIVE" | "EXPIRED" | "REVOKED" => Self::Dim,
            _ => Self::Yellow,
        }
    }
}

fn colours_wanted(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn paint(on: bool, colour: Colour, text: &str) -> String {
    if on { format!("\x1b[{}m{text}\x1b[0m", colour.code()) } else { text.to_owned() }
}

/// Text in a colour for stdout, plain where no person looks.
pub fn out_paint(colour: Colour, text: &str) -> String {
    paint(colours_wanted(std::io::stdout().is_terminal()), colour, text)
}

/// Text in a colour for stderr, plain where no person looks.
pub fn err_paint(colour: Colour, text: &str) -> String {
    paint(colours_wanted(std::io::stderr().is_terminal()), colour, text)
}

/// Whether colours are wanted on stderr.
pub fn err_colours() -> bool {
    colours_wanted(std::io::stderr().is_terminal())
}

/// The first error of stdout; after it nothing more is written there.
static OUTPUT_ERROR: OnceLock<std::io::Error> = OnceLock::new();

/// A line on stdout.
pub fn line(text: &str) {
    if OUTPUT_ERROR.get().is_some() {
        return;
    }
    if let Err(error) = writeln!(std::io::stdout().lock(), "{text}") {
        // Only this function writes there, one line after the other.
        let _ = OUTPUT_ERROR.set(error);
    }
}

/// Whether stdout takes no more: a command that prints for as long as it runs can end.
pub fn is_output_closed() -> bool {
    OUTPUT_ERROR.get().is_some()
}

/// Why a part of the output is missing. A reader that has gone away (`| head`) is no error.
pub fn output_error() -> Option<&'static std::io::Error> {
    OUTPUT_ERROR.get().filter(|error| error.kind() != std::io::ErrorKind::BrokenPipe)
}

/// A line on stderr; in a process that has a log, among the lines of the log.
pub fn note(text: &str) {
    if !logs::write_line(text) {
        // There is nowhere to report it.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

/// A JSON value on stdout, indented.
pub fn json(value: &Value) {
    line(&format!("{value:#}"));
}

/// A JSON value on one line on stdout, for streams.
pub fn json_line(value: &Value) {
    line(&value.to_string());
}

/// A table on stdout. A cell's colour does not count for its width.
pub fn table(headers: &[&str], rows: &[Vec<Cell>]) {
    for text in table_lines(headers, rows, colours_wanted(std::io::stdout().is_terminal())) {
        line(&text);
    }
}

/// A cell of a table.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    colour: Option<Colour>,
}

impl Cell {
    /// A cell in a colour.
    pub fn coloured(text: impl Into<String>, colour: Colour) -> Self {
        Self { text: text.into(), colour: Some(colour) }
    }

    /// A cell that shows a status.
    pub fn status(status: &str) -> Self {
        Self::coloured(status, Colour::of_status(status))
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), colour: None }
    }
}

fn table_lines(headers: &[&str], rows: &[Vec<Cell>], colours: bool) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|c| c.text.chars().count());
        cells.chain([headers[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headers.len()).map(width).collect();
    let head = headers.iter().map(|h| Cell::coloured(h.to_uppercase(), Colour::Dim)).collect();
    std::iter::once(&head)
        .chain(rows)
        .map(|row: &Vec<Cell>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| {
                let padding = " ".repeat(width - cell.text.chars().count());
                let text = cell
                    .colour
                    .map_or_else(|| cell.text.clone(), |colour| paint(colours, colour, &cell.text));
                text + &padding
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// A duration as people read it: `840 µs`, `12 ms`, `3.4 s`, `2 m 5 s`.
pub fn duration(duration: std::time::Duration) -> String {
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
    fn columns_line_up_whatever_their_colour() {
        let rows = [
            vec![Cell::from("wf-1"), Cell::status("ACTIVE")],
            vec![Cell::from("wf-22"), Cell::from("é")],
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
            assert_eq!(duration(Duration::from_micros(micros)), text);
        }
    }
}
