//! References to secrets as expressions see them, and their places in the text of a template.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind, Output};

use super::error::EvalError;
use super::meter;
use super::secret_insertion::{PLACEHOLDER, SecretInsertion};

/// Text with references to secrets in it, as an expression sees it: it can be placed, joined with
/// other text by `~` and chosen by `if`; nothing can look inside.
#[derive(Debug, Clone, Default)]
pub(super) struct SecretText(Vec<SecretPart>);

#[derive(Debug, Clone)]
enum SecretPart {
    Text(String),
    Secret(Arc<str>),
}

/// What an operation on a secret is refused with.
const ONLY_PLACED: &str = "a secret can only be placed in text: write `{{ secrets.NAME }}` in the \
                           text, join it with `~`, or choose it with `… if … else …`; filters, \
                           tests and other operators cannot use it";

/// The refusal of an operation on the secret `name`.
pub(super) fn only_placed(name: &str) -> String {
    format!("{ONLY_PLACED} (in `{name}`)")
}

/// The refusal of an operation that would have to look into a secret.
pub(super) fn secret_error() -> Error {
    Error::new(ErrorKind::InvalidOperation, ONLY_PLACED)
}

impl Object for SecretText {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PLACEHOLDER)
    }
}

impl SecretText {
    pub(super) fn downcast_from(value: &Value) -> Option<&Self> {
        value.downcast_object_ref::<Self>()
    }

    /// The text with placeholders, and what is inserted into it.
    pub(super) fn place_in(&self, insertions: &mut Vec<SecretInsertion>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                SecretPart::Text(part) => text.push_str(part),
                SecretPart::Secret(name) => {
                    insertions.push(SecretInsertion::new(text.len(), name));
                    text.push_str(PLACEHOLDER);
                }
            }
        }
        text
    }

    /// Adds another one at the end.
    pub(super) fn append_secret(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Adds text at the end.
    pub(super) fn append_text(&mut self, text: &str) {
        self.0.push(SecretPart::Text(text.to_owned()));
    }

    /// As a value, which is charged.
    pub(super) fn into_value(self) -> Result<Value, Error> {
        meter::charge_text(self.len() + 32 * self.0.len())?;
        Ok(Value::from_object(self))
    }

    /// Its length with placeholders.
    pub(super) fn len(&self) -> usize {
        let length = |part: &SecretPart| match part {
            SecretPart::Text(text) => text.len(),
            SecretPart::Secret(_) => PLACEHOLDER.len(),
        };
        self.0.iter().map(length).sum()
    }
}

/// `secrets`: each name gives a reference, the secret itself is never here.
#[derive(Debug)]
pub(super) struct SecretsObject;

impl Object for SecretsObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        Some(Value::from_object(SecretText(vec![SecretPart::Secret(name.into())])))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

thread_local! {
    /// How many bytes the text of the template that is being rendered has.
    static WRITTEN: Cell<usize> = const { Cell::new(0) };
    /// What is inserted into it.
    static PLACED: RefCell<Vec<SecretInsertion>> = const { RefCell::new(Vec::new()) };
}

/// Begins a text that may have secrets in it. Like the budget, what is recorded belongs to the
/// thread, since the formatter is called without a way back to who renders.
pub(super) fn start_text() {
    WRITTEN.set(0);
    PLACED.take();
}

/// What was placed since [`start_text`] in a text that is `length` bytes long now.
pub(super) fn end_text(length: usize) -> Result<Vec<SecretInsertion>, EvalError> {
    let placed = PLACED.take();
    // Whatever writes past the formatter would move every place behind it.
    if WRITTEN.get() != length && !placed.is_empty() {
        return Err(EvalError::new("the places of secrets in the text are not known"));
    }
    Ok(placed)
}

/// Writes a piece of text that is paid for.
pub(super) fn write_text(out: &mut Output, text: &str) -> Result<(), Error> {
    WRITTEN.set(WRITTEN.get() + text.len());
    out.write_str(text).map_err(Error::from)
}

/// Writes a value that is a secret, or has one in it; `false`: it is another one.
pub(super) fn write_secret(out: &mut Output, value: &Value) -> Result<bool, Error> {
    let Some(secret) = SecretText::downcast_from(value) else { return Ok(false) };
    let mut insertions = Vec::new();
    let text = secret.place_in(&mut insertions);
    meter::charge_text(text.len() + 32 * insertions.len())?;
    let start = WRITTEN.get();
    for insertion in &mut insertions {
        insertion.offset += start;
    }
    PLACED.with_borrow_mut(|placed| placed.append(&mut insertions));
    write_text(out, &text)?;
    Ok(true)
}
