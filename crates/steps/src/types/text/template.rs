//! `Template`: renders a template to text.
//!
//! The template itself is rendered before the step runs, as every `{{ … }}` of a configuration;
//! here its value is only converted to text.

use serde_json::{Value, json};
use stepwell_core::catalog::StepSpec;

use crate::spec::{base_spec, object_schema, text_object};
use crate::values::{check_size, required_field, text_output};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct RenderTemplate;

impl StepType for RenderTemplate {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "The template is Jinja. It can use `inputs`, `steps.ID.output`, `state` and all \
                  other variables of expressions. If the template is a single `{{ … }}` whose value \
                  is not a text, the output is its JSON.",
            config: object_schema(
                json!({
                    "template": {"description": "The template: a text with `{{ … }}`."}
                }),
                &["template"],
            ),
            output: text_object("The text made from the template."),
            default_output: Some("text"),
            examples: vec![json!({
                "type": "Template",
                "config": {"template": "{% for c in ['red', 'blue'] %}{{ c }} {% endfor %}"}
            })],
            ..base_spec("Template", "Text", "Renders a template to text.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_template)
    }
}

fn run_template(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let text = match required_field(call.config, "template")? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    check_size(text.len())?;
    text_output(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    #[test]
    fn writes_what_the_template_became() {
        for (template, expect) in [
            (json!(""), ""),
            (json!("Hello 🇫🇷"), "Hello 🇫🇷"),
            (json!(42), "42"),
            (json!(null), "null"),
            (json!({"b": 1, "a": ["x"]}), r#"{"b":1,"a":["x"]}"#),
        ] {
            let output = run(&RenderTemplate, json!(null), json!({"template": template})).unwrap();
            assert_eq!(output, json!({"text": expect}), "{template}");
        }
    }
}
