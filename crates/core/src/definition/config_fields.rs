//! Step types whose configuration is written beside `type` instead of in `config`.

/// These types, each with the fields of its configuration.
const CONFIG_FIELDS: [(&str, &[&str]); 3] = [
    ("SubWorkflow", &["workflow", "release", "release_tag", "wait"]),
    ("WaitForSignal", &["signal", "key", "on_timeout"]),
    ("WaitUntil", &["until"]),
];

/// The fields of the configuration of a type that has them beside `type`; `None`: it has `config`.
pub(super) fn config_fields(type_name: &str) -> Option<&'static [&'static str]> {
    CONFIG_FIELDS.iter().find(|(name, _)| *name == type_name).map(|(_, fields)| *fields)
}

/// The type that has this field beside `type`.
pub(super) fn type_with_field(field: &str) -> Option<&'static str> {
    CONFIG_FIELDS.iter().find(|(_, fields)| fields.contains(&field)).map(|(name, _)| *name)
}
