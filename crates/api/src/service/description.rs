//! The API's description, put together from the dialects.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::dialects::{abi, dataflow};

/// The description of all dialects: OpenAPI 3.1, made from the handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut all = Base::openapi();
    for part in [dataflow::Doc::openapi(), abi::Doc::openapi(), super::Doc::openapi()] {
        all.merge(part);
    }
    all
}

/// What is common to all dialects.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stepwell",
        description = "Durable workflows over HTTP. Every error tells what to change, place by place, and carries the id of its request. Every POST takes an `Idempotency-Key`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Keys),
    security(("key" = []), ("bearer" = []))
)]
struct Base;

/// The two headers in which a key can come.
struct Keys;

impl Modify for Keys {
    fn modify(&self, all: &mut utoipa::openapi::OpenApi) {
        let components = all.components.get_or_insert_default();
        let key = ApiKey::Header(ApiKeyValue::new("X-API-KEY"));
        components.add_security_scheme("key", SecurityScheme::ApiKey(key));
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}
