//! References to secrets. A rendered value never holds a secret: where a template places one, the
//! text has [`PLACEHOLDER`], and a [`SecretInsertion`] beside the value names the secret that goes
//! there. Only the compiled template creates insertions, so no data can spell one, and nothing
//! looks for them in text.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind, Output};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::meter;
use super::operators::value_text;

/// What a rendered or stored text has where a secret belongs. Text like any other: only an
/// insertion makes it more than that.
pub const PLACEHOLDER: &str = "[secret]";

/// One place of a rendered value that a secret is inserted into before the step runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretInsertion {
    /// JSON Pointer (RFC 6901) of the text.
    #[serde(rename = "p")]
    pub pointer: String,
    /// Byte offset of the placeholder in that text.
    #[serde(rename = "o")]
    pub offset: usize,
    /// The secret.
    #[serde(rename = "k")]
    pub name: String,
}

impl SecretInsertion {
    /// In a text that is the whole value so far; see [`place_under`].
    pub(super) fn new(offset: usize, name: &str) -> Self {
        Self { pointer: String::new(), offset, name: name.to_owned() }
    }
}

/// Moves insertions one level down: the value they belong to became the member `key` of another.
pub(crate) fn place_under(insertions: &mut [SecretInsertion], key: &str) {
    for insertion in insertions {
        let key = key.replace('~', "~0").replace('/', "~1");
        insertion.pointer = format!("/{key}{}", insertion.pointer);
    }
}

/// A value whose insertions do not fit it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InsertError {
    /// There is no secret of that name.
    #[error("the secret `{0}` is not available")]
    Missing(String),
    /// The value has no placeholder there. A fault of Stepwell itself.
    #[error("there is no place for a secret at `{0}`")]
    Misplaced(String),
}

/// Inserts secrets where a template placed them, and nowhere else.
///
/// # Errors
/// A secret that `find` does not know; an insertion that does not fit the value.
pub fn insert_secrets<'s>(
    value: &mut Json,
    insertions: &[SecretInsertion],
    find: impl Fn(&str) -> Option<&'s str>,
) -> Result<(), InsertError> {
    let mut by_text: BTreeMap<&str, Vec<&SecretInsertion>> = BTreeMap::new();
    for insertion in insertions {
        by_text.entry(&insertion.pointer).or_default().push(insertion);
    }
    for (pointer, mut places) in by_text {
        let misplaced = || InsertError::Misplaced(pointer.to_owned());
        let Some(Json::String(text)) = value.pointer_mut(pointer) else { return Err(misplaced()) };
        places.sort_unstable_by_key(|place| place.offset);
        let mut filled = String::with_capacity(text.len());
        let mut rest = 0;
        for place in places {
            let before = text.get(rest..place.offset).ok_or_else(misplaced)?;
            rest = place.offset + PLACEHOLDER.len();
            if text.get(place.offset..rest) != Some(PLACEHOLDER) {
                return Err(misplaced());
            }
            let secret =
                find(&place.name).ok_or_else(|| InsertError::Missing(place.name.clone()))?;
            filled.push_str(before);
            filled.push_str(secret);
        }
        filled.push_str(text.get(rest..).ok_or_else(misplaced)?);
        *text = filled;
    }
    Ok(())
}

/// Text with references to secrets in it, as an expression sees it: it can be placed, joined with
/// other text by `~` and chosen by `if`; nothing can look inside.
#[derive(Debug, Clone)]
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

/// `left ~ right`, where one of them is a secret or has one in it.
pub(super) fn concat_secrets(left: Value, right: Value) -> Result<Value, Error> {
    let mut parts = Vec::new();
    for side in [left, right] {
        match SecretText::downcast_from(&side) {
            Some(secret) => parts.extend(secret.0.iter().cloned()),
            None => {
                parts.push(SecretPart::Text(
                    value_text(side)?.as_str().unwrap_or_default().to_owned(),
                ));
            }
        }
    }
    let joined = SecretText(parts);
    meter::charge_text(joined.len() + 32 * joined.0.len())?;
    Ok(Value::from_object(joined))
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
pub(super) fn end_text(length: usize) -> Result<Vec<SecretInsertion>, super::EvalError> {
    let placed = PLACED.take();
    // Whatever writes past the formatter would move every place behind it.
    if WRITTEN.get() != length && !placed.is_empty() {
        return Err(super::EvalError::new("the places of secrets in the text are not known"));
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
