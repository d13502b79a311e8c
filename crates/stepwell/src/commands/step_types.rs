//! `stepwell step-types [NAME]`: what steps a definition can have.

use std::fmt::Write as _;

use clap::Args;
use serde_json::Value;
use stepwell_core::catalog::{Catalog, StepSpec};

use super::workflows::text;
use crate::cli::Global;
use crate::fault::Fault;
use crate::ui::Cell;
use crate::{ui, wiring};

/// What to show.
#[derive(Debug, Args)]
pub struct StepTypes {
    /// Only this one, in full
    name: Option<String>,
    /// As the page docs/step-types.md
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
}

/// Shows them: from the server where one is named, else those of this binary.
pub async fn run(args: StepTypes, global: &Global) -> Result<(), Fault> {
    if args.markdown {
        ui::line(page(wiring::step_types()).trim_end());
        return Ok(());
    }
    if global.json || global.server.is_some() {
        return over_api(args, global).await;
    }
    let catalog = wiring::step_types();
    let Some(name) = args.name else {
        let rows: Vec<Vec<Cell>> =
            catalog.all().iter().map(|s| vec![s.name.into(), s.summary.into()]).collect();
        ui::table(&["type", "summary"], &rows);
        return Ok(());
    };
    let spec = catalog.find(&name).ok_or_else(|| missing(&name))?;
    ui::line(section(spec).trim_end());
    Ok(())
}

async fn over_api(args: StepTypes, global: &Global) -> Result<(), Fault> {
    let client = global.connect_or_in_memory().await?;
    let answer = client.get("/step-types").await;
    client.close().await;
    let answer = answer?;
    let types = answer["step_types"].as_array().cloned().unwrap_or_default();
    let Some(name) = args.name else {
        if global.json {
            ui::json(&answer);
            return Ok(());
        }
        let row = |t: &Value| vec![text(&t["type"]).into(), text(&t["description"]).into()];
        ui::table(&["type", "summary"], &types.iter().map(row).collect::<Vec<_>>());
        return Ok(());
    };
    let found = types.iter().find(|t| t["type"] == name || is_alias(t, &name));
    ui::json(found.ok_or_else(|| missing(&name))?);
    Ok(())
}

fn is_alias(step_type: &Value, name: &str) -> bool {
    step_type["aliases"].as_array().is_some_and(|aliases| aliases.iter().any(|a| a == name))
}

fn missing(name: &str) -> Fault {
    Fault::not_found(format!("there is no step type `{name}`; `stepwell step-types` shows all"))
}

/// The whole page of the documentation.
pub fn page(catalog: &dyn Catalog) -> String {
    let mut out = String::from(
        "# Step types\n\nMade by `stepwell step-types --markdown`; the same is answered by \
         `GET /step-types` and `GET /api/v1/step_types`. A step's `config` holds its settings, its `input` the data that it \
         works on. The *default input* is what a bare value binds to, and what the step before \
         feeds where no input is given; the *default output* is what it feeds on.\n\n\
         The *effect* decides what a crash means for a step: a `pure` one is computed again, an \
         `idempotent` one may be repeated, an `external` one is repeated with the same \
         idempotency key.\n",
    );
    let mut categories: Vec<&str> = Vec::new();
    for spec in catalog.all() {
        if !categories.contains(&spec.category) {
            categories.push(spec.category);
        }
    }
    for category in categories {
        let _ = write!(out, "\n## {category}\n");
        for spec in catalog.all().into_iter().filter(|s| s.category == category) {
            let _ = write!(out, "\n{}", section(spec));
        }
    }
    out
}

fn section(spec: &StepSpec) -> String {
    let mut out = format!("### {}\n\n{}\n", spec.name, spec.summary);
    if !spec.doc.is_empty() {
        let _ = write!(out, "\n{}\n", spec.doc.trim());
    }
    out.push('\n');
    let whole = "the whole value";
    let _ = writeln!(
        out,
        "- effect: {}; default input: {}; default output: {}",
        spec.effect.name(),
        spec.default_input.map_or_else(|| whole.into(), |name| format!("`{name}`")),
        spec.default_output.map_or_else(|| whole.into(), |name| format!("`{name}`")),
    );
    let list = |names: &[&str]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    if !spec.aliases.is_empty() {
        let _ = writeln!(out, "- also accepted as {}", list(spec.aliases));
    }
    if !spec.ports.is_empty() {
        let _ = writeln!(out, "- ports: {}", list(spec.ports));
    }
    if !spec.sensitive.is_empty() {
        let _ = writeln!(out, "- secrets may be used in {}", list(spec.sensitive));
    }
    for (what, schema) in [("config", &spec.config), ("input", &spec.input)] {
        out.push_str(&properties(what, schema));
    }
    for example in &spec.examples {
        let _ = write!(out, "\n```json\n{example:#}\n```\n");
    }
    out
}

/// The properties of an object schema, one a row; nothing where it has none.
fn properties(what: &str, schema: &Value) -> String {
    let Some(properties) = schema["properties"].as_object().filter(|p| !p.is_empty()) else {
        return String::new();
    };
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut out = format!("\n| {what} | type | |\n|---|---|---|\n");
    for (name, property) in properties {
        let must = if required.iter().any(|r| r == name) { "required. " } else { "" };
        let default = match &property["default"] {
            Value::Null => String::new(),
            value => format!(" Default: `{value}`."),
        };
        let about = text(&property["description"]).replace('|', "\\|").replace('\n', " ");
        let _ = writeln!(
            out,
            "| `{name}` | {} | {} |",
            type_of(property),
            format!("{must}{about}{default}").trim()
        );
    }
    out
}

fn type_of(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|v| format!("`{}`", text(v))).collect::<Vec<_>>().join(", ");
    }
    match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => "any".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_documentation_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/step-types.md");
        let made = page(wiring::step_types());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &made).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written.trim_end() == made.trim_end(),
            "docs/step-types.md is out of date: UPDATE_DOCS=1 cargo test -p stepwell step_types"
        );
    }

    #[test]
    fn schemas_become_rows() {
        let schema = serde_json::json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "string", "description": "x | y"},
            "b": {"enum": ["p", "q"], "default": "p"},
        }});
        assert_eq!(
            properties("config", &schema),
            "\n| config | type | |\n|---|---|---|\n| `a` | string | required. x \\| y |\n\
             | `b` | `p`, `q` | Default: `\"p\"`. |\n"
        );
    }
}
