//! Calls that are allowed in few files only.

use super::{Finding, Source};

struct Rule {
    /// The text of the call.
    needle: &'static str,
    /// Path prefixes in which it is allowed.
    allowed: &'static [&'static str],
    /// Whether tests may contain it.
    is_allowed_in_tests: bool,
    instead: &'static str,
}

const TERMINAL: &[&str] = &["crates/stepwell/src/terminal.rs", "xtask/", "bench/"];

const RULES: &[Rule] = &[
    Rule {
        needle: "SystemTime::now",
        allowed: &["crates/engine/src/clock.rs"],
        is_allowed_in_tests: true,
        instead: "use the Clock",
    },
    Rule {
        needle: "SystemClock",
        // Where it is defined, given to the application, and read before there is one.
        allowed: &["crates/engine/", "crates/stepwell/src/wiring.rs"],
        is_allowed_in_tests: true,
        instead: "use `App::now`",
    },
    Rule {
        needle: "Timestamp::now",
        // Without a server: the command line converts a duration to a time.
        allowed: &[
            "crates/stepwell/src/commands/keys.rs",
            "crates/stepwell/src/commands/executions/list.rs",
            // The age of a server from its start time.
            "crates/stepwell/src/commands/status.rs",
        ],
        is_allowed_in_tests: true,
        instead: "use the Clock, in the API `App::now`",
    },
    Rule {
        needle: "Instant::now",
        // Measurements of the file's own work; no decision of the domain depends on them.
        allowed: &[
            "crates/engine/src/clock.rs",
            "crates/api/src/connections/table.rs",
            "crates/api/src/edge.rs",
            "crates/engine/src/app/metrics.rs",
            "crates/engine/src/app/store_probe.rs",
            "crates/stepwell/src/logs",
            "crates/store-sqlite/src/writer.rs",
            "crates/jq-bounded/src/cost_tests.rs",
            "crates/jq-bounded/src/limit_tests.rs",
            "crates/jq-bounded/src/patterns.rs",
            "crates/steps/src/regexes.rs",
            "crates/steps/src/types/http/log.rs",
            "crates/stepwell/src/commands/test/case_run.rs",
        ],
        is_allowed_in_tests: true,
        instead: "use the Clock",
    },
    Rule {
        needle: "thread::sleep",
        // Opening a database that another process is setting up, before any async code; the pause
        // of the thread that writes, in which more writes arrive; and the thread that ends a process
        // whose async workers are stuck.
        allowed: &[
            "bench/",
            "crates/store-sqlite/src/connection.rs",
            "crates/store-sqlite/src/writer.rs",
            "crates/stepwell/src/commands/serve/watchdog.rs",
        ],
        is_allowed_in_tests: true,
        instead: "wait for a signal, or arm a timer",
    },
    Rule {
        needle: "reqwest::Client",
        allowed: &["crates/engine/src/egress", "crates/stepwell/src/client/http.rs"],
        is_allowed_in_tests: true,
        instead: "go out through the egress client",
    },
    Rule {
        needle: "serde_json::from_str",
        // Text that the server itself wrote.
        allowed: &[
            "crates/store-sqlite/",
            "crates/store/src/conformance/",
            "crates/stepwell/src/client/",
            "crates/stepwell/src/data_dir.rs",
            "bench/",
        ],
        is_allowed_in_tests: true,
        instead: "read JSON through stepwell_core::json, which rounds no number",
    },
    Rule {
        needle: "serde_json::from_slice",
        allowed: &["crates/stepwell/src/client/", "bench/"],
        is_allowed_in_tests: true,
        instead: "read JSON through stepwell_core::json, which rounds no number",
    },
    Rule {
        needle: "println!",
        allowed: TERMINAL,
        is_allowed_in_tests: true,
        instead: "use the terminal module",
    },
    Rule {
        needle: " print!",
        allowed: TERMINAL,
        is_allowed_in_tests: true,
        instead: "use the terminal module",
    },
    Rule {
        needle: "eprint!",
        allowed: TERMINAL,
        is_allowed_in_tests: true,
        instead: "use the terminal module",
    },
    Rule { needle: "todo!(", allowed: &[], is_allowed_in_tests: false, instead: "write it" },
    Rule {
        needle: "unimplemented!(",
        allowed: &[],
        is_allowed_in_tests: false,
        instead: "write it",
    },
];

/// New ids come from one place of the engine, so that tests can give their own.
const ID_CALL: &str = "Uuid::now_v7";
/// Request ids name no object of the domain.
const REQUEST_IDS: &str = "crates/api/src/edge.rs";

/// Checks every file.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    // This crate contains the names of the calls in its rules.
    let sources = sources.iter().filter(|s| !s.path.starts_with("xtask/"));
    let mut findings = Vec::new();
    let mut id_callers = Vec::new();
    for source in sources {
        for rule in RULES {
            findings.extend(violations(source, rule));
        }
        if !source.is_test()
            && source.path != REQUEST_IDS
            && source.code(false).iter().any(|(_, l)| l.contains(ID_CALL))
        {
            id_callers.push(source.path.as_str());
        }
    }
    let in_engine = id_callers.iter().all(|path| path.starts_with("crates/engine/src/"));
    if id_callers.len() > 1 || !in_engine {
        findings.push(Finding::Wrong(format!(
            "`{ID_CALL}` belongs in one file of the engine, but is in {}",
            id_callers.join(", ")
        )));
    }
    findings
}

fn violations(source: &Source, rule: &Rule) -> Vec<Finding> {
    let exempt = rule.allowed.iter().any(|prefix| source.path.starts_with(prefix))
        || (rule.is_allowed_in_tests && source.is_test());
    if exempt {
        return Vec::new();
    }
    let code = source.code(!rule.is_allowed_in_tests);
    let hits = code.iter().filter(|(_, line)| line.contains(rule.needle));
    hits.map(|(number, _)| {
        let Rule { needle, instead, .. } = rule;
        Finding::Wrong(format!("{}:{number}: `{}`: {instead}", source.path, needle.trim()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.into(), text: text.into() };
        let wrong = check(&[source]).into_iter().map(|f| match f {
            Finding::Wrong(text) | Finding::Note(text) => text,
        });
        wrong.collect()
    }

    #[test]
    fn forbidden_calls_are_found_where_they_are_forbidden() {
        for (path, text, count) in [
            ("crates/api/src/a.rs", "let t = SystemTime::now();", 1),
            ("crates/engine/src/clock.rs", "let t = SystemTime::now();", 0),
            ("crates/api/tests/a.rs", "let t = SystemTime::now();", 0),
            ("crates/api/src/a.rs", "// SystemTime::now is forbidden", 0),
            ("crates/api/src/a.rs", "#[cfg(test)]\nmod tests {\n Instant::now();\n}", 0),
            ("crates/api/src/a.rs", "#[cfg(test)]\nmod tests {\n todo!()\n}", 1),
            ("crates/api/src/a.rs", "let now = SystemClock.now();", 1),
            ("crates/engine/src/lib.rs", "pub use clock::{Clock, SystemClock};", 0),
            ("crates/api/src/a.rs", "let now = jiff::Timestamp::now();", 1),
            ("crates/api/src/a.rs", "serde_json::from_str::<Value>(text)", 1),
            ("crates/steps/src/a.rs", "serde_json::from_slice(bytes)", 1),
            ("crates/core/src/a.rs", "crate::json::from_str(text)", 0),
            ("crates/api/src/a.rs", "let c = reqwest::Client::new();", 1),
            ("crates/engine/src/egress/mod.rs", "let c = reqwest::Client::new();", 0),
            ("crates/stepwell/src/main.rs", "    println!(\"x\");", 1),
            ("crates/stepwell/src/terminal.rs", "    println!(\"x\");", 0),
            ("crates/engine/src/new_id.rs", "Uuid::now_v7()", 0),
            ("crates/api/src/a.rs", "Uuid::now_v7()", 1),
        ] {
            assert_eq!(found(path, text).len(), count, "{path}: {text}");
        }
        assert_eq!(
            found("crates/api/src/a.rs", "\n todo!()"),
            ["crates/api/src/a.rs:2: `todo!(`: write it"]
        );
    }

    #[test]
    fn ids_are_created_in_one_file() {
        let source = |path: &str| Source { path: path.into(), text: "Uuid::now_v7()".into() };
        let two = [source("crates/engine/src/a.rs"), source("crates/engine/src/b.rs")];
        assert_eq!(check(&two).len(), 1);
    }
}
