//! Fields as other products call them, with the names that they have here.

/// The names of a field in other products.
struct Habit {
    /// The field here.
    field: &'static str,
    /// What it is called elsewhere: lower case, words separated by `_`.
    others: &'static [&'static str],
    /// What else to change; may be empty.
    note: &'static str,
}

const fn same(field: &'static str, others: &'static [&'static str]) -> Habit {
    Habit { field, others, note: "" }
}

const HABITS: &[Habit] = &[
    // The workflow.
    same("steps", &["jobs", "tasks", "nodes", "actions", "states", "activities", "dag", "stages"]),
    same(
        "inputs",
        &[
            "params",
            "parameters",
            "arguments",
            "args",
            "variables",
            "vars",
            "input",
            "input_schema",
        ],
    ),
    same("outputs", &["results", "return", "returns", "output", "result"]),
    same("name", &["title", "workflow", "workflow_name"]),
    same("description", &["summary", "comment", "doc", "documentation"]),
    same("metadata", &["labels", "tags", "annotations"]),
    same("retention", &["ttl", "ttl_seconds", "ttl_strategy", "history_ttl"]),
    // A step.
    same("type", &["uses", "action", "kind", "task", "operation", "module", "run", "task_type"]),
    same(
        "after",
        &[
            "needs",
            "depends_on",
            "dependencies",
            "depends",
            "requires",
            "previous",
            "run_after",
            "runs_after",
            "upstream",
            "predecessors",
            "parents",
        ],
    ),
    Habit {
        field: "after",
        others: &["next", "next_step", "on_success", "then", "goto", "downstream", "transitions"],
        note: " Write it in the step that comes next; steps of a list follow each other without it",
    },
    same("when", &["if", "condition", "conditions", "only_if", "run_if", "if_expression"]),
    Habit {
        field: "when",
        others: &["unless", "skip_if", "skip_when", "not_if"],
        note: " It is true if the step is to run: write `not (…)`",
    },
    same(
        "input",
        &["with", "params", "parameters", "arguments", "args", "inputs", "payload", "task_input"],
    ),
    same("config", &["settings", "options", "configuration", "properties"]),
    same(
        "timeout",
        &[
            "deadline",
            "time_limit",
            "max_duration",
            "active_deadline_seconds",
            "timeout_seconds",
            "timeout_in_seconds",
            "timeout_secs",
            "timeout_sec",
            "start_to_close_timeout",
        ],
    ),
    Habit {
        field: "timeout",
        others: &["timeout_ms", "timeout_millis", "timeout_milliseconds"],
        note: " A number is in seconds; write milliseconds as `500ms`",
    },
    Habit {
        field: "timeout",
        others: &["timeout_minutes", "timeout_in_minutes"],
        note: " A number is in seconds; write minutes as `5m`",
    },
    Habit {
        field: "timeout",
        others: &["duration"],
        note: " It limits an attempt; to wait, use a `Delay` step with `config: {for: 5m}`",
    },
    same(
        "retry",
        &[
            "retries",
            "retry_policy",
            "retry_count",
            "retry_strategy",
            "retry_on_fail",
            "retry_options",
            "max_retries",
            "max_tries",
            "max_attempts",
            "attempts",
        ],
    ),
    same(
        "on_error",
        &[
            "continue_on_error",
            "on_failure",
            "catch",
            "onerror",
            "error_handler",
            "continue_on_fail",
            "continue_on",
            "allow_failure",
            "ignore_error",
            "ignore_errors",
        ],
    ),
    same("id", &["name", "key", "step_id", "ref", "task_reference_name"]),
    same("join", &["trigger_rule", "join_type", "wait_for"]),
    // `retry`.
    same("max_attempts", &["attempts", "limit", "max", "count", "max_attempt", "maximum_attempts"]),
    Habit {
        field: "max_attempts",
        others: &["max_retries", "retries"],
        note: " It counts the first attempt, too",
    },
    same(
        "initial",
        &[
            "delay",
            "interval",
            "backoff",
            "initial_interval",
            "wait",
            "interval_seconds",
            "duration",
        ],
    ),
    same("factor", &["multiplier", "backoff_coefficient", "backoff_rate", "exponent"]),
    same("max", &["max_delay", "max_interval", "maximum_interval", "max_backoff"]),
    same("on", &["error_equals", "errors", "error", "codes", "code", "error_code", "retry_on"]),
    // Blocks and sub-workflows.
    same("over", &["items", "items_path", "for_each", "foreach", "collection", "list"]),
    same("max_concurrency", &["parallelism", "max_parallel", "concurrency_limit"]),
    same("max_iterations", &["iterations", "max_loops", "max_count"]),
    same("cases", &["choices", "rules"]),
    same("else", &["default", "otherwise"]),
    same("equals", &["case", "values", "match"]),
    same("finally", &["always", "ensure"]),
    same("workflow", &["workflow_name", "workflow_id", "flow", "flow_id"]),
    same("signal", &["signal_name", "event", "message_name"]),
    // The configuration of steps.
    same("for", &["duration", "seconds", "delay", "time", "wait", "wait_time", "sleep"]),
    same("until", &["timestamp", "date", "date_time", "wait_until"]),
    same("url", &["uri", "endpoint", "address", "href"]),
    same("method", &["verb", "http_method"]),
    same("headers", &["header", "http_headers"]),
    same("query", &["params", "query_params", "query_parameters", "qs"]),
    same("body", &["data", "payload", "json", "content"]),
];

/// `; did you mean `x`?` where one of the `known` fields has the name `key` in other products.
pub(super) fn habit_hint<'n>(
    key: &str,
    known: impl IntoIterator<Item = &'n str> + Clone,
) -> Option<String> {
    let folded = key.to_lowercase().replace('-', "_");
    let separated: String = key
        .chars()
        .flat_map(|c| c.is_ascii_uppercase().then_some('_').into_iter().chain(Some(c)))
        .collect::<String>()
        .to_lowercase();
    let is_named = |habit: &&Habit| {
        habit.others.contains(&folded.as_str())
            || habit.others.contains(&separated.trim_start_matches('_'))
    };
    let mut meant = HABITS.iter().filter(is_named);
    let Habit { field, note, .. } =
        meant.find(|habit| known.clone().into_iter().any(|name| name == habit.field))?;
    Some(format!("; did you mean `{field}`?{note}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_written_as_it_is_compared() {
        for Habit { field, others, .. } in HABITS {
            for (i, name) in others.iter().enumerate() {
                let folded = name.to_lowercase().replace('-', "_");
                assert_eq!(*name, folded);
                assert!(name != field && !others[..i].contains(name), "{field}: {name}");
                let hint = habit_hint(name, [*field]).unwrap();
                assert!(hint.starts_with(&format!("; did you mean `{field}`?")), "{name}");
            }
        }
    }

    #[test]
    fn a_name_means_a_field_that_is_known_there() {
        let hint = |key, known: &[&'static str]| habit_hint(key, known.iter().copied());
        let mean = |field: &str| Some(format!("; did you mean `{field}`?"));
        assert_eq!(hint("dependsOn", &["after", "when"]), mean("after"));
        assert_eq!(hint("Depends-On", &["after"]), mean("after"));
        assert_eq!(hint("duration", &["for", "until"]), mean("for"));
        assert_eq!(hint("dependsOn", &["when"]), None);
        assert_eq!(hint("zzz", &["after"]), None);
    }
}
