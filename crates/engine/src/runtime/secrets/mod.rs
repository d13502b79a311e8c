//! Secrets of a request and of the installation: held in memory for that execution only, inserted
//! where its templates place them just before a step runs, and recognised wherever they come back.

mod forms;
mod matcher;
mod pieces;
mod values;
mod vault;

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::definition::plan::PlanStep;
use stepwell_core::execution::{AttemptError, StepRun, codes};
use stepwell_core::expr::{InsertError, SecretInsertion, insert_secrets};
use stepwell_core::redact::{NoSecrets, Redact};
use stepwell_core::{Map, Problem};

use self::matcher::Matcher;
pub(crate) use self::pieces::PieceRedactor;
use self::values::Values;
pub(crate) use self::vault::Vault;
use super::attempt_error::permanent_error;
use crate::AppError;
use crate::installed_secrets::{MAX_SECRETS_BYTES, MIN_SECRET_BYTES};

/// The secrets of one execution. Never printed.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Option<Arc<Known>>);

/// At least one secret, with what recognises it.
pub(crate) struct Known {
    values: Arc<Values>,
    matcher: Matcher,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Known {
    fn new(values: Arc<Values>) -> Self {
        let matcher = Matcher::new(values.recognised());
        Self { values, matcher }
    }
}

impl Redact for Known {
    fn redact_text(&self, text: &str) -> Option<String> {
        self.matcher.redact_text(text)
    }

    fn redact_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.matcher.redact_bytes(bytes)
    }
}

impl Secrets {
    fn find(&self, name: &str) -> Option<&str> {
        self.0.as_ref().and_then(|known| known.values.find(name))
    }

    /// Whether the request has sent a secret.
    pub(crate) fn is_sent(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|known| known.values.is_sent(name))
    }

    /// Whether both are the same set, not only equal ones.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(first), Some(second)) => Arc::ptr_eq(first, second),
            (first, second) => first.is_none() && second.is_none(),
        }
    }

    /// The error of a step that needs a secret without a value.
    fn missing_error(&self, name: &str) -> AttemptError {
        match self.0.as_ref().and_then(|known| known.values.find_problem(name)) {
            Some(problem) => permanent_error(
                codes::SECRET_UNAVAILABLE,
                format!("the secret `{name}` cannot be used: {problem}"),
            ),
            None => missing_secret(name),
        }
    }

    /// Redacts the events of the execution; `None` without secrets.
    pub(crate) fn redact(&self) -> Option<Arc<dyn Redact>> {
        self.0.clone().map(|known| known as Arc<dyn Redact>)
    }

    /// The same for a running step.
    pub(crate) fn redact_ref(&self) -> &dyn Redact {
        match &self.0 {
            Some(known) => &**known,
            None => &NoSecrets,
        }
    }

    /// Redacts a text that is sent in pieces; `None` without secrets.
    pub(crate) fn piece_redactor(&self) -> Option<PieceRedactor> {
        self.0.clone().map(PieceRedactor::new)
    }

    /// Rejects a value that contains a secret and would be stored unredacted.
    ///
    /// # Errors
    /// `InvalidInput` with the place in the value, which is found at `path`.
    pub(crate) fn check_absent(&self, value: &Value, path: &str) -> Result<(), AppError> {
        let Some(known) = &self.0 else { return Ok(()) };
        match first_secret(&known.matcher, value, path) {
            Some(place) => Err(AppError::InvalidInput(Problem::new(place, HELD).into())),
            None => Ok(()),
        }
    }

    /// As [`Secrets::check_absent`], for another text that would be stored unredacted.
    ///
    /// # Errors
    /// `InvalidRequest` naming `field`.
    pub(crate) fn check_text(&self, text: Option<&str>, field: &str) -> Result<(), AppError> {
        let (Some(known), Some(text)) = (&self.0, text) else { return Ok(()) };
        if known.matcher.finds(text.as_bytes()) {
            return Err(AppError::invalid(field, HELD));
        }
        Ok(())
    }

    /// As [`Secrets::check_absent`], for the values of an object.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn check_map(&self, map: &Map, path: &str) -> Result<(), AppError> {
        if self.0.is_none() || map.is_empty() {
            return Ok(());
        }
        self.check_absent(&Value::Object(map.clone()), path)
    }

    /// A step's input and configuration with the secrets where its templates placed them.
    ///
    /// # Errors
    /// A secret is missing; an insertion is not at a place for secrets.
    pub(crate) fn insert(
        &self,
        planned: &PlanStep,
        run: &StepRun,
        input: Arc<Value>,
        config: Arc<Value>,
    ) -> Result<(Arc<Value>, Arc<Value>), AttemptError> {
        if planned.secrets.is_empty() {
            return Ok((input, config));
        }
        let Some(insertions) = &run.secrets else {
            // It began under a version without insertions, whose secrets are lost.
            let name = planned.secrets.iter().find(|name| self.find(name).is_none());
            return Err(self.missing_error(name.unwrap_or(&planned.secrets[0])));
        };
        if insertions.is_empty() {
            return Ok((input, config));
        }
        if let Some(wrong) = insertions.iter().find(|place| !is_sensitive(planned, place)) {
            return Err(misplaced_secret(&wrong.pointer));
        }
        let mut both = json!({"input": *input, "config": *config});
        insert_secrets(&mut both, insertions, |name| self.find(name)).map_err(
            |error| match error {
                InsertError::Missing(name) => self.missing_error(&name),
                InsertError::Misplaced(pointer) => misplaced_secret(&pointer),
            },
        )?;
        Ok((Arc::new(both["input"].take()), Arc::new(both["config"].take())))
    }
}

/// The error for a value with a secret.
const HELD: &str = "holds the value of a secret of this execution, but is stored and may be \
                    shown: omit it, and use the secret as `secrets.NAME` in the workflow";

/// The place of the first text with a secret in it.
fn first_secret(matcher: &Matcher, value: &Value, path: &str) -> Option<String> {
    let holds = |text: &str| matcher.finds(text.as_bytes());
    match value {
        Value::String(text) => holds(text).then(|| path.to_owned()),
        Value::Number(number) => matcher.is_whole(&number.to_string()).then(|| path.to_owned()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(i, item)| first_secret(matcher, item, &format!("{path}[{i}]"))),
        Value::Object(map) => map.iter().find_map(|(key, value)| {
            // The name of such a key would show the secret.
            let in_key = holds(key).then(|| path.to_owned());
            in_key.or_else(|| first_secret(matcher, value, &format!("{path}.{key}")))
        }),
        Value::Null | Value::Bool(_) => None,
    }
}

/// Whether the step type marks the place as one for secrets.
fn is_sensitive(planned: &PlanStep, place: &SecretInsertion) -> bool {
    let spec = stepwell_core::catalog::StepCatalog::find_type(
        stepwell_steps::step_registry(),
        planned.type_name,
    );
    spec.is_some_and(|spec| {
        spec.sensitive.iter().any(|field| {
            let pointer = format!("/{}", field.replace('.', "/"));
            let below = place.pointer.strip_prefix(&pointer);
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        })
    })
}

/// Checks the secrets of a request.
///
/// # Errors
/// `InvalidRequest` naming the header of one that cannot be recognised again.
pub(crate) fn check_secrets(secrets: &[(String, String)]) -> Result<(), AppError> {
    for (name, value) in secrets {
        if value.len() < MIN_SECRET_BYTES {
            return Err(AppError::invalid(
                &header_name(name),
                format!(
                    "the secret `{name}` has {} characters and must have at least \
                     {MIN_SECRET_BYTES}, so that it can be recognised and kept out of what is \
                     stored; send a longer one, or omit the header",
                    value.len()
                ),
            ));
        }
    }
    let bytes: usize = secrets.iter().map(|(_, value)| value.len()).sum();
    if let Some((name, _)) = secrets.iter().max_by_key(|(_, value)| value.len())
        && bytes > MAX_SECRETS_BYTES
    {
        return Err(AppError::invalid(
            &header_name(name),
            format!(
                "the secrets of a request may have at most {MAX_SECRETS_BYTES} bytes together, \
                 not {bytes}; `{name}` is the longest"
            ),
        ));
    }
    Ok(())
}

/// The header that a secret is sent in.
fn header_name(name: &str) -> String {
    match name {
        "OPENAI_KEY" => "X-OpenAI-Key".into(),
        name => {
            let words = name.split('_').map(|word| match word.split_at_checked(1) {
                Some((first, rest)) => format!("{first}{}", rest.to_ascii_lowercase()),
                None => word.to_owned(),
            });
            format!("X-Secret-{}", words.collect::<Vec<_>>().join("-"))
        }
    }
}

fn missing_secret(name: &str) -> AttemptError {
    permanent_error(
        codes::SECRET_UNAVAILABLE,
        format!(
            "the secret `{name}` is not there: it was not sent with the request that started this \
             execution (header `{}`), or the server restarted since, and no secret of the \
             installation has this name; secrets of requests are never stored",
            header_name(name)
        ),
    )
}

fn misplaced_secret(pointer: &str) -> AttemptError {
    permanent_error(codes::INTERNAL, format!("there is no place for a secret at `{pointer}`"))
}

#[cfg(test)]
mod tests;
