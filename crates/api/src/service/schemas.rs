//! Prepares the OpenAPI document for generators of clients: an object without described fields
//! takes any field, and a schema that has a name is referred to by it, so that the generated types
//! have names that people can read.

use std::collections::BTreeMap;

use utoipa::Modify;
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, Schema, SchemaType, Type};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr};

use super::common::path_operations;

/// Puts every schema in order.
pub struct Schemas;

/// What the names of the envelopes of responses begin with.
const ENVELOPE: &str = "Envelope_";
/// The field of an envelope that has the content.
const DATA: &str = "data";

/// The schemas that have a name.
type NamedSchemas = BTreeMap<String, RefOr<Schema>>;

impl Modify for Schemas {
    fn modify(&self, all: &mut OpenApi) {
        let components = all.components.get_or_insert_default();
        name_data(&mut components.schemas);
        let named = components.schemas.clone();
        for schema in components.schemas.values_mut() {
            // A named schema must not become a reference to itself.
            if let RefOr::T(schema) = schema {
                tidy_inside(schema, &named);
            }
        }
        for operation in all.paths.paths.values_mut().flat_map(path_operations) {
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                body.content.values_mut().for_each(|content| of_content(content, &named));
            }
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response {
                    response.content.values_mut().for_each(|content| of_content(content, &named));
                }
            }
        }
    }
}

/// Names the content of responses that has none: that of `Envelope_Items_Release` is `Items_Release`.
fn name_data(schemas: &mut NamedSchemas) {
    let mut contents = Vec::new();
    for (name, schema) in &*schemas {
        let RefOr::T(Schema::Object(envelope)) = schema else { continue };
        let (Some(name), Some(data)) = (name.strip_prefix(ENVELOPE), envelope.properties.get(DATA))
        else {
            continue;
        };
        if matches!(data, RefOr::T(Schema::Object(_))) && !schemas.contains_key(name) {
            contents.push((name.to_owned(), data.clone()));
        }
    }
    schemas.extend(contents);
}

fn of_content(content: &mut RefOr<Content>, named: &NamedSchemas) {
    let RefOr::T(content) = content else { return };
    for schema in [&mut content.schema, &mut content.item_schema].into_iter().flatten() {
        tidy_schema(schema, named);
    }
}

fn tidy_schema(schema: &mut RefOr<Schema>, named: &NamedSchemas) {
    match name_of(schema, named) {
        Some(name) => *schema = RefOr::Ref(Ref::from_schema_name(name)),
        None => {
            if let RefOr::T(schema) = schema {
                tidy_inside(schema, named);
            }
        }
    }
}

/// The name of an object; none where it has none, or several.
fn name_of<'a>(schema: &RefOr<Schema>, named: &'a NamedSchemas) -> Option<&'a str> {
    match schema {
        RefOr::T(Schema::Object(object)) if !object.properties.is_empty() => {}
        RefOr::T(Schema::AllOf(_)) => {}
        _ => return None,
    }
    let mut names = named.iter().filter(|(_, known)| *known == schema).map(|(name, _)| name);
    let name = names.next()?;
    names.next().is_none().then_some(name)
}

fn tidy_inside(schema: &mut Schema, named: &NamedSchemas) {
    match schema {
        Schema::Object(object) => of_object(object, named),
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                tidy_schema(items, named);
            }
        }
        Schema::OneOf(one) => one.items.iter_mut().for_each(|item| tidy_schema(item, named)),
        Schema::AllOf(all) => all.items.iter_mut().for_each(|item| tidy_schema(item, named)),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(|item| tidy_schema(item, named)),
        // The library may add kinds of schemas; what is not known stays as it is.
        _ => {}
    }
}

fn of_object(object: &mut Object, named: &NamedSchemas) {
    object.properties.values_mut().for_each(|property| tidy_schema(property, named));
    match &mut object.additional_properties {
        Some(more) => {
            if let AdditionalProperties::RefOr(more) = &mut **more {
                tidy_schema(more, named);
            }
        }
        None if is_object(&object.schema_type) && object.properties.is_empty() => {
            let anything = AdditionalProperties::FreeForm(true);
            object.additional_properties = Some(Box::new(anything));
        }
        None => {}
    }
}

fn is_object(schema_type: &SchemaType) -> bool {
    match schema_type {
        SchemaType::Type(one) => *one == Type::Object,
        SchemaType::Array(several) => several.contains(&Type::Object),
        SchemaType::AnyValue => false,
    }
}
