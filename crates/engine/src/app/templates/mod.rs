//! Templates: Jinja texts, or JSON values with Jinja in their texts, under a name.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stepwell_core::audit::{AuditAction, ObjectKind};
use stepwell_core::expr;
use stepwell_core::ids::{TemplateId, WorkspaceId};
use stepwell_core::{Map, Problem, Problems, names};
use stepwell_store::objects::{IndexFields, Kind};

use super::json_scope::JsonScope;
use super::objects::json_bytes;
use super::{App, Noun};
use crate::objects::{Document, Object, workspace_key};
use crate::{AppError, Caller};

/// The most characters of a name.
const MAX_NAME: usize = 100;
/// The most characters of a description.
const MAX_DESCRIPTION: usize = 1_000;
/// The most bytes of a body or a sample, as JSON.
const MAX_BYTES: usize = 256 << 10;

/// A template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Its name, unique in its workspace: 1 to 100 visible characters.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Jinja text, or a JSON value whose texts are Jinja.
    pub body: Value,
    /// The data of a preview: variables by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub sample: Map,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map,
}

impl Document for Template {
    type Id = TemplateId;
    const KIND: Kind = ObjectKind::Template.name();

    fn index(&self, workspace: WorkspaceId) -> IndexFields {
        IndexFields {
            unique_key: Some(workspace_key(workspace, &self.name)),
            name: Some(self.name.clone()),
            labels: self.metadata.clone(),
            ..IndexFields::default()
        }
    }
}

impl Noun for Template {
    const OBJECT_KIND: ObjectKind = ObjectKind::Template;
    const SCOPE: &'static str = "templates";
    const MAX_PER_WORKSPACE: u64 = 1_000;
    const ACTIONS: [AuditAction; 3] =
        [AuditAction::TemplateCreated, AuditAction::TemplateUpdated, AuditAction::TemplateDeleted];

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Result<(), Problems> {
        let Self { name, description, body, sample, metadata } = self;
        let mut problems = Problems::default();
        if name.trim().is_empty() || name.chars().count() > MAX_NAME {
            let message = format!("must have 1 to {MAX_NAME} visible characters");
            problems.push(Problem::new("name", message));
        } else if let Err(message) = names::check_visible(name) {
            problems.push(Problem::new("name", message));
        }
        if description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
            let message = format!("must have at most {MAX_DESCRIPTION} characters");
            problems.push(Problem::new("description", message));
        }
        if let Err(problem) = names::check_visible_keys("metadata", metadata) {
            problems.push(problem);
        }
        let too_large =
            |field| Problem::new(field, format!("must have at most {MAX_BYTES} bytes of JSON"));
        if json_bytes(sample) > MAX_BYTES {
            problems.push(too_large("sample"));
        }
        if json_bytes(body) > MAX_BYTES {
            problems.push(too_large("body"));
        } else if let Err(Problems(of_body)) = compile_body(body) {
            problems.0.extend(of_body);
        }
        problems.or_ok(())
    }
}

/// Compiles a body. It must not refer to secrets: where it is rendered there are none.
fn compile_body(body: &Value) -> Result<expr::ValueTemplate, Problems> {
    let template = expr::ValueTemplate::compile_value(body, "body")?;
    let of_secrets = |leaf: &&expr::TemplateLeaf| {
        let mut paths = leaf.references.paths.iter();
        paths.any(|path| path.first().is_some_and(|root| root == "secrets"))
    };
    let leaves = template.leaves().iter().filter(of_secrets);
    let message = "`secrets` cannot be used in a template";
    let problems: Vec<_> = leaves.map(|leaf| Problem::new(&leaf.path, message)).collect();
    Problems(problems).or_ok(template)
}

impl App {
    /// Renders a template with data, or with its own sample, within the full budget of an
    /// expression. Scope `read:templates`.
    ///
    /// # Errors
    /// `NotFound`; `InvalidObject` naming the place in the body where it fails.
    pub async fn preview_template(
        &self,
        caller: &Caller,
        id: TemplateId,
        data: Option<Map>,
    ) -> Result<Value, AppError> {
        let Object { document, .. } = self.object::<Template>(caller, id).await?;
        let Template { body, sample, .. } = document;
        let data = data.unwrap_or(sample);
        let permit = self.engine.evaluations.clone().acquire_owned().await;
        let permit = permit.map_err(|_| AppError::stopping())?;
        // The budget bounds how long it takes; a caller that goes away leaves it to its end.
        let rendering = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            render_body(&body, data)
        });
        rendering.await.map_err(|error| AppError::Internal(error.to_string()))?
    }
}

/// Renders a body with data.
fn render_body(body: &Value, data: Map) -> Result<Value, AppError> {
    let invalid = |problems| AppError::InvalidObject { kind: Template::KIND, problems };
    let template = compile_body(body).map_err(invalid)?;
    let rendered = template.render_value(&JsonScope::new(data));
    let rendered = rendered.map_err(|error| {
        // The message begins with the place.
        let (path, message) = error.message.split_once(": ").unwrap_or(("body", &error.message));
        invalid(Problem::new(path, message).into())
    })?;
    Ok(Value::clone(&rendered.value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().unwrap().clone()
    }

    fn template(body: Value) -> Template {
        let (sample, metadata) = (Map::new(), Map::new());
        Template { name: "greeting".into(), description: None, body, sample, metadata }
    }

    #[test]
    fn bodies_are_rendered_with_data() {
        let data = json!({"customer": {"name": "Ada"}, "items": [1, 2], "inputs": {"n": 3},
            "steps": {"pay": {"output": {"id": "p1"}, "error": {"code": "X"}}},
            "state": {"seen": 4}});
        for (body, expect) in [
            (json!("Dear {{ customer.name }}!"), json!("Dear Ada!")),
            (json!("{{ items }}"), json!([1, 2])),
            (
                json!({"n": "{{ items | length }}", "k": [1, "{{ customer.name | upper }}"]}),
                json!({"n": 2, "k": [1, "ADA"]}),
            ),
            (
                json!(
                    "{{ inputs.n }}{{ state.seen }}{{ steps.pay.output.id }}{{ steps.pay.error.code }}"
                ),
                json!("34p1X"),
            ),
            (json!("{% for i in items %}{{ i }};{% endfor %}"), json!("1;2;")),
            (json!("{{ missing | default('-') }}"), json!("-")),
            (json!(7), json!(7)),
        ] {
            assert_eq!(render_body(&body, map(data.clone())).unwrap(), expect, "{body}");
        }
    }

    #[test]
    fn failures_name_place_and_line() {
        for (body, path, part) in [
            (json!("a\nb\n{{ customer.name }}"), "body", "line 3"),
            (json!({"k": ["x", "a\n{{ 1 + n }}"]}), "body.k[1]", "line 2"),
        ] {
            let error = render_body(&body, map(json!({"n": "text"}))).unwrap_err();
            let AppError::InvalidObject { kind: "template", problems } = error else {
                panic!("{error}")
            };
            let [problem] = problems.0.as_slice() else { panic!("{problems}") };
            assert_eq!(problem.path, path, "{problem}");
            assert!(problem.message.contains(part), "{problem}");
        }
    }

    #[test]
    fn a_body_that_costs_too_much_is_ended() {
        let data = map(json!({"text": "x".repeat(1 << 20)}));
        let body = json!("{% for i in range(1000) %}{{ text }}{% endfor %}");
        let error = render_body(&body, data).unwrap_err();
        assert!(matches!(error, AppError::InvalidObject { .. }), "{error}");
    }

    #[test]
    fn every_problem_is_found() {
        let long = |n| "x".repeat(n);
        let paths = |template: Template| {
            let Err(Problems(problems)) = template.check() else { return Vec::new() };
            problems.into_iter().map(|problem| problem.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(template(json!("a {{ b }}"))), [""; 0]);
        let wrong = Template {
            name: "a\u{202e}".into(),
            description: Some(long(MAX_DESCRIPTION + 1)),
            metadata: map(json!({"a\u{200b}": 1})),
            sample: map(json!({"a": long(MAX_BYTES)})),
            ..template(json!({"a": "{{ b", "c": "{{ secrets.D }}", "d": "{{ e | nope }}"}))
        };
        let expect = ["name", "description", "metadata.a", "sample", "body.a", "body.d"];
        assert_eq!(paths(wrong), expect);
        let secret = template(json!({"c": "x {{ secrets.D }}"}));
        assert_eq!(paths(secret), ["body.c"]);
        for name in ["", " ", &long(MAX_NAME + 1)] {
            let named = Template { name: name.into(), ..template(json!("a")) };
            assert_eq!(paths(named), ["name"], "{name}");
        }
        assert_eq!(paths(template(json!(long(MAX_BYTES)))), ["body"]);
    }

    #[test]
    fn documents_read_back() {
        let full = Template {
            description: Some("d".into()),
            sample: map(json!({"a": null})),
            metadata: map(json!({"team": "x"})),
            ..template(json!(["{{ a }}", null, 1.5]))
        };
        for template in [full, template(json!(null))] {
            let text = serde_json::to_string(&template).unwrap();
            assert_eq!(serde_json::from_str::<Template>(&text).unwrap(), template, "{text}");
        }
    }
}
