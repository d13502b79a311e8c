//! The results in the XML format of JUnit, which CI systems read.

use std::fmt::Write as _;
use std::time::Duration;

use super::case_run::{CaseResult, FileResult};

/// The whole document.
pub fn write_report(results: &[FileResult]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let total: usize = results.iter().map(FileResult::total_count).sum();
    let failed: usize = results.iter().map(FileResult::failed_count).sum();
    let time = seconds(results.iter().map(FileResult::duration).sum());
    // Writing to a string does not fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"stepwell\" tests=\"{total}\" failures=\"{failed}\" time=\"{time}\">"
    );
    for result in results {
        write_suite(&mut xml, result);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn write_suite(xml: &mut String, result: &FileResult) {
    let name = escape(&result.file.display().to_string());
    let (total, failed) = (result.total_count(), result.failed_count());
    let time = seconds(result.duration());
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{total}\" failures=\"{failed}\" errors=\"0\" time=\"{time}\">"
    );
    if !result.problems.is_empty() {
        let invalid = CaseResult {
            name: "the definition is valid".to_owned(),
            failures: result.problems.clone(),
            run: serde_json::Value::Null,
            duration: Duration::ZERO,
        };
        write_case(xml, &name, &invalid);
    }
    for case in &result.cases {
        write_case(xml, &name, case);
    }
    xml.push_str("  </testsuite>\n");
}

/// `suite` is escaped already.
fn write_case(xml: &mut String, suite: &str, case: &CaseResult) {
    let (name, time) = (escape(&case.name), seconds(case.duration));
    let _ = write!(xml, "    <testcase name=\"{name}\" classname=\"{suite}\" time=\"{time}\"");
    let Some(first) = case.failures.first() else {
        xml.push_str("/>\n");
        return;
    };
    let message = escape(first.lines().next().unwrap_or_default());
    let text = escape(&case.failures.join("\n"));
    let _ =
        writeln!(xml, ">\n      <failure message=\"{message}\">{text}</failure>\n    </testcase>");
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

/// Text for XML: markup escaped, characters that XML does not allow replaced.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_report_counts_and_escapes() {
        let case = |name: &str, failures: &[&str]| CaseResult {
            name: name.to_owned(),
            failures: failures.iter().map(|failure| (*failure).to_owned()).collect(),
            run: Value::Null,
            duration: Duration::from_millis(12),
        };
        let result = FileResult {
            file: "a.test.yaml".into(),
            definition: "a.yaml".into(),
            problems: Vec::new(),
            cases: vec![case("passes", &[]), case("a \"<b>\" & \u{1}", &["x: 1 < 2\nmore", "y"])],
            graph: Value::Null,
        };
        let expect = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <testsuites name=\"stepwell\" tests=\"2\" failures=\"1\" time=\"0.024\">\n  \
            <testsuite name=\"a.test.yaml\" tests=\"2\" failures=\"1\" errors=\"0\" time=\"0.024\">\n    \
            <testcase name=\"passes\" classname=\"a.test.yaml\" time=\"0.012\"/>\n    \
            <testcase name=\"a &quot;&lt;b&gt;&quot; &amp; \u{fffd}\" classname=\"a.test.yaml\" time=\"0.012\">\n      \
            <failure message=\"x: 1 &lt; 2\">x: 1 &lt; 2\nmore\ny</failure>\n    </testcase>\n  \
            </testsuite>\n</testsuites>\n";
        assert_eq!(write_report(&[result]), expect);
    }
}
