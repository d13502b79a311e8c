//! `Template`: a text made from a template.
//!
//! The template itself is resolved before the step runs, as every `{{ … }}` of a configuration
//! is; here it is only turned into text.

use serde_json::{Value, json};
use stepwell_core::catalog::StepSpec;

use crate::spec::{base, object, text_object};
use crate::values::{check_size, required, text_output};
use crate::{Behaviour, Failure, PureCall, StepOutput, StepType, Work};

pub(crate) struct Template;

impl StepType for Template {
    fn spec(&self) -> StepSpec {
        StepSpec {
            doc: "The template is Jinja. It sees `inputs`, `steps.ID.output`, `state` and the \
                  rest of what an expression sees. A template that is one single `{{ … }}` of \
                  something other than text is written as JSON.",
            config: object(
                json!({
                    "template": {"description": "The template, a text with `{{ … }}` in it."}
                }),
                &["template"],
            ),
            output: text_object("The text made from the template."),
            default_output: Some("text"),
            examples: vec![json!({
                "type": "Template",
                "config": {"template": "{% for c in ['red', 'blue'] %}{{ c }} {% endfor %}"}
            })],
            ..base("Template", "Text", "Makes a text from a template.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Pure(Work::Linear, run)
    }
}

fn run(call: &PureCall<'_>) -> Result<StepOutput, Failure> {
    let text = match required(call.config, "template")? {
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
            let output = run(&Template, json!(null), json!({"template": template})).unwrap();
            assert_eq!(output, json!({"text": expect}), "{template}");
        }
    }
}
