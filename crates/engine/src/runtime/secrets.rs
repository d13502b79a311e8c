//! Secrets that came with a request: held in memory for that execution only, put into the
//! sensitive fields that ask for them just before a step runs, and taken out of what it says.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::definition::plan::PlanStep;
use stepwell_core::expr::secret_marker;

/// What stands in a step's output or log where a secret stood.
const MASK: &str = "[secret]";

/// The secrets of one execution, by name. Never printed.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Vec<(String, String)>>);

impl Secrets {
    pub(crate) fn new(secrets: Vec<(String, String)>) -> Self {
        Self(Arc::new(secrets))
    }

    /// The secrets that the step asks for.
    ///
    /// # Errors
    /// The name of one that is not there.
    pub(crate) fn for_step(&self, step: &PlanStep) -> Result<StepSecrets, String> {
        let mut found = Vec::with_capacity(step.secrets.len());
        for name in &step.secrets {
            let known = self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
            let Some((_, value)) = known else { return Err(name.clone()) };
            found.push((secret_marker(name), value.clone()));
        }
        Ok(StepSecrets(found))
    }
}

/// The secrets of one step, by the marker that stands for each.
#[derive(Default)]
pub(crate) struct StepSecrets(Vec<(String, String)>);

impl StepSecrets {
    /// Puts the secrets where their markers stand.
    pub(crate) fn reveal(&self, value: &Arc<Value>) -> Arc<Value> {
        self.replaced(value, |text, (marker, secret)| text.replace(marker, secret))
    }

    /// Takes the secrets out of what a step made.
    pub(crate) fn mask(&self, value: &Arc<Value>) -> Arc<Value> {
        self.replaced(value, |text, (_, secret)| mask(text, secret))
    }

    /// Takes the secrets out of a text.
    pub(crate) fn mask_text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (_, secret)| mask(&text, secret))
    }

    fn replaced(
        &self,
        value: &Arc<Value>,
        one: impl Fn(&str, &(String, String)) -> String,
    ) -> Arc<Value> {
        if self.0.is_empty() {
            return value.clone();
        }
        let all = |text: &str| self.0.iter().fold(text.to_owned(), |text, pair| one(&text, pair));
        Arc::new(map_texts(value, &all))
    }
}

fn mask(text: &str, secret: &str) -> String {
    // A secret of a few characters would blot out ordinary text.
    if secret.len() < 4 { text.to_owned() } else { text.replace(secret, MASK) }
}

fn map_texts(value: &Value, map: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(map(text)),
        Value::Array(items) => items.iter().map(|v| map_texts(v, map)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(k, v)| (map(k), map_texts(v, map))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn revealed_where_marked_and_masked_where_told() {
        let secrets = StepSecrets(vec![(secret_marker("KEY"), "hunter2".into())]);
        let config = Arc::new(
            json!({"headers": {"authorization": format!("Bearer {}", secret_marker("KEY"))}}),
        );
        let revealed = secrets.reveal(&config);
        assert_eq!(revealed["headers"]["authorization"], "Bearer hunter2");
        let echoed = secrets.mask(&Arc::new(json!({"hunter2": ["you sent hunter2"]})));
        assert_eq!(*echoed, json!({"[secret]": ["you sent [secret]"]}));
        assert_eq!(secrets.mask_text("no: hunter2!"), "no: [secret]!");
    }
}
