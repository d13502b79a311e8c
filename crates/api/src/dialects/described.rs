//! Error responses in the OpenAPI document: unit types that list statuses.

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

/// The responses of that error body, by status.
pub(crate) fn described_errors(
    schema: &str,
    rows: &[(&str, &str)],
) -> BTreeMap<String, RefOr<Response>> {
    let response = |text: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        ResponseBuilder::new().description(text).content("application/json", content).build()
    };
    rows.iter().map(|(status, text)| ((*status).to_owned(), response(text).into())).collect()
}

/// Declares unit types for error responses in `#[utoipa::path]`.
macro_rules! error_responses {
    ($schema:literal; $($(#[$doc:meta])* $name:ident { $($status:literal: $text:literal),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            pub struct $name;

            impl utoipa::IntoResponses for $name {
                fn responses() -> std::collections::BTreeMap<
                    String,
                    utoipa::openapi::RefOr<utoipa::openapi::Response>,
                > {
                    $crate::dialects::described::described_errors($schema, &[$(($status, $text)),+])
                }
            }
        )+
    };
}

pub(crate) use error_responses;
