//! `stepwell validate`: every problem with its position in the file.

use serde_json::json;

use crate::folder::Folder;

const BAD_YAML: &str = "\
name: bad
steps:
  - type: Ecko
    needs: a
  - type: Delay
    config:
      duration: 5s
";

#[test]
fn problems_have_lines_and_columns() {
    let folder = Folder::new();
    folder.write("bad.yaml", BAD_YAML);
    let output = folder.run(&["validate", "bad.yaml"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], "bad.yaml: invalid");
    for (start, quoted) in [
        (
            "  bad.yaml:3:5: steps[0].type: there is no step type `Ecko`; did you mean `Echo`?",
            "      3 |   - type: Ecko",
        ),
        (
            "  bad.yaml:4:5: steps[0].needs: there is no field `needs`; did you mean `after`?",
            "      4 |     needs: a",
        ),
        (
            "  bad.yaml:7:7: steps[1].config.duration: there is no `duration`; did you mean `for`?",
            "      7 |       duration: 5s",
        ),
    ] {
        let at = lines.iter().position(|line| line.starts_with(start));
        let at = at.unwrap_or_else(|| panic!("{start}\n{printed}"));
        assert_eq!(lines[at + 1], quoted, "{printed}");
        let column: usize = start.split(':').nth(2).unwrap().parse().unwrap();
        assert_eq!(lines[at + 2], format!("        | {}^", " ".repeat(column - 1)), "{printed}");
    }
    let positions: Vec<&&str> =
        lines.iter().filter(|line| line.starts_with("  bad.yaml:")).collect();
    assert!(positions.is_sorted(), "{printed}");
}

#[test]
fn positions_are_in_the_json_report() {
    let folder = Folder::new();
    folder.write(
        "bad.json",
        "{\"name\": \"\\ud83d\\ude00\",\n\t\"steps\": [\n\t\t{\"type\": \"Echo\", \"if\": 1}]}",
    );
    folder.write("syntax.yaml", "name: x\nsteps: [\n");
    folder.write("good.yaml", "name: good\nsteps: [Echo]\n");
    let args = ["validate", "bad.json", "syntax.yaml", "good.yaml", "--json"];
    let output = folder.run(&args);
    assert_eq!(output.status.code(), Some(1));
    let reports: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let problem = &reports[0]["problems"][0];
    assert_eq!((&problem["line"], &problem["column"]), (&json!(3), &json!(20)), "{problem}");
    assert_eq!(problem["path"], "steps[0].if", "{problem}");
    assert_eq!(reports[1]["valid"], false, "{reports}");
    assert!(reports[1]["problems"][0]["line"].is_u64(), "{reports}");
    assert_eq!((&reports[2]["valid"], &reports[2]["problems"]), (&json!(true), &json!([])));
    assert_eq!(reports[2]["graph"]["steps"][0]["id"], "echo", "{reports}");
}

#[test]
fn valid_definitions_have_warnings_and_a_graph() {
    let folder = Folder::new();
    folder.write(
        "graph.yaml",
        "name: graph\ninputs:\n  unused: string\nsteps:\n  - { id: first, type: Echo, input: 1 }\n\
         \x20 - id: way\n    type: Branch\n    on_error: port\n    cases:\n      - when: 1 == 1\n        steps: [{ id: inner, type: Echo }]\n\
         \x20 - { id: last, type: Echo, after: [first, way.error] }\n",
    );
    let output = folder.run(&["validate", "graph.yaml", "--graph"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}");
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], "graph.yaml: valid");
    assert!(lines[1].starts_with("  graph.yaml:3:3: warning: inputs.unused: "), "{printed}");
    assert_eq!(lines[2..4], ["      3 |   unused: string", "        |   ^"], "{printed}");
    let rows: Vec<Vec<&str>> =
        lines[4..].iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["STEP", "TYPE", "EFFECT", "AFTER", "IN"]);
    assert_eq!(rows[3], ["inner", "Echo", "pure", "way.cases[0]"], "{printed}");
    assert_eq!(rows[4], ["last", "Echo", "pure", "first,", "way.error"], "{printed}");
}
