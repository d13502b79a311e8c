//! Quotes of a text below messages about it: the line, and a caret under the column.

/// The most characters of a quoted line.
const MAX_LINE: usize = 160;

/// A text to quote from.
pub struct QuotedText<'t> {
    lines: Vec<&'t str>,
}

impl<'t> QuotedText<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { lines: text.lines().collect() }
    }

    /// The line with its number, and a caret under the column; both count from 1, columns in
    /// characters. Nothing if the text has no such line or it is empty.
    pub fn quote(&self, line: usize, column: usize) -> Vec<String> {
        let text = line.checked_sub(1).and_then(|index| self.lines.get(index));
        let Some(text) = text.map(|text| text.trim_end()).filter(|text| !text.is_empty()) else {
            return Vec::new();
        };
        let before = column.saturating_sub(1);
        // The window begins so that the column is in it.
        let start = (before / MAX_LINE) * MAX_LINE;
        let shown: String = text.chars().skip(start).take(MAX_LINE).collect();
        let is_cut = text.chars().nth(start + MAX_LINE).is_some();
        let (lead, tail) = (if start > 0 { "…" } else { "" }, if is_cut { "…" } else { "" });
        // Tabs stay, so that the caret is below its column at every width of tabs.
        let padding: String = text.chars().skip(start).take(before - start).map(blank).collect();
        let padding = format!("{}{padding}", if start > 0 { " " } else { "" });
        vec![format!("  {line:>5} | {lead}{shown}{tail}"), format!("        | {padding}^")]
    }
}

fn blank(character: char) -> char {
    if character == '\t' { '\t' } else { ' ' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_is_under_the_column() {
        let text = QuotedText::new("name: x\n\n\t\"k\": é\n");
        for (line, column, expect) in [
            (1, 1, &["      1 | name: x", "        | ^"][..]),
            (1, 7, &["      1 | name: x", "        |       ^"]),
            (3, 7, &["      3 | \t\"k\": é", "        | \t     ^"]),
            (2, 1, &[]),
            (9, 1, &[]),
            (0, 0, &[]),
        ] {
            assert_eq!(text.quote(line, column), expect, "{line}:{column}");
        }
    }

    #[test]
    fn long_lines_are_cut_around_the_column() {
        let line = format!("{}x{}", "a".repeat(400), "b".repeat(400));
        let quoted = QuotedText::new(&line).quote(1, 401);
        let at = quoted[1].chars().position(|c| c == '^').unwrap();
        assert_eq!(quoted[0].chars().nth(at), Some('x'), "{quoted:?}");
        assert!(quoted[0].chars().count() < 200, "{quoted:?}");
    }
}
