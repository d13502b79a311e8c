//! Warnings in the format of this dialect.

use std::borrow::Cow;

use serde::Serialize;
use stepwell_engine::warning::Warning;
use utoipa::ToSchema;

/// What is accepted, but probably not what was meant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Warning)]
pub struct WarningItem<'a> {
    /// A stable code.
    #[schema(example = "SECRET_UNAVAILABLE")]
    pub code: &'static str,
    /// What is probably wrong, and what to change.
    pub detail: &'a str,
    /// The field, or the place in the definition; `null` where it is about the whole.
    #[schema(value_type = Option<String>)]
    pub field: Option<Cow<'a, str>>,
}

impl<'a> From<&'a Warning> for WarningItem<'a> {
    fn from(warning: &'a Warning) -> Self {
        let Warning { code, path, message } = warning;
        // What the core calls the input are the parameters here.
        let field = match path.strip_prefix("input.") {
            Some(rest) => Cow::Owned(format!("parameters.{rest}")),
            None => Cow::Borrowed(path.as_str()),
        };
        Self { code, detail: message, field: Some(field).filter(|field| !field.is_empty()) }
    }
}

/// The warnings of a response; `None` where there are none.
pub fn warnings_body<'w>(
    warnings: impl IntoIterator<Item = &'w Warning>,
) -> Option<Vec<WarningItem<'w>>> {
    let warnings: Vec<_> = warnings.into_iter().map(Into::into).collect();
    Some(warnings).filter(|warnings| !warnings.is_empty())
}
