//! The fields that only blocks have.

/// The types of blocks, each with the fields that only it has.
const BLOCKS: [(&str, &[&str]); 6] = [
    ("Branch", &["cases", "else"]),
    ("Switch", &["value", "cases", "else"]),
    ("Parallel", &["branches"]),
    ("Loop", &["while", "until", "max_iterations", "pause", "collect", "steps", "output"]),
    (
        "Map",
        &["over", "as", "max_concurrency", "on_item_error", "collect", "record", "steps", "output"],
    ),
    ("Try", &["steps", "catch", "finally"]),
];

/// The fields that only blocks of this type have; `None`: it is not the type of a block.
pub(super) fn block_fields(type_name: &str) -> Option<&'static [&'static str]> {
    BLOCKS.iter().find(|(name, _)| *name == type_name).map(|(_, fields)| *fields)
}

/// The type of blocks that has this field.
pub(super) fn block_with_field(field: &str) -> Option<&'static str> {
    let mut found = BLOCKS.iter().filter(|(_, fields)| fields.contains(&field));
    let (name, _) = found.next()?;
    found.next().is_none().then_some(*name)
}
