//! Stored forms of values that have none of their own.

/// The stored form of statuses: their names.
pub(super) mod status_names {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use stepwell_core::execution::Status;

    pub fn serialize<S: Serializer>(statuses: &[Status], to: S) -> Result<S::Ok, S::Error> {
        statuses.iter().map(|status| status.name()).collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<Status>, D::Error> {
        let status = |name: String| {
            let found = Status::ALL.into_iter().find(|status| status.name() == name);
            found.ok_or_else(|| D::Error::custom(format!("`{name}` is no status")))
        };
        Vec::<String>::deserialize(from)?.into_iter().map(status).collect()
    }
}

/// The stored form of a position in a list: time and id.
pub(super) mod cursor_parts {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use stepwell_core::Timestamp;
    use stepwell_core::ids::ExecutionId;
    use stepwell_store::lists::ExecutionCursor;

    pub fn serialize<S: Serializer>(
        cursor: &Option<ExecutionCursor>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        cursor.map(|ExecutionCursor { created_at, id }| (created_at, id)).serialize(to)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(
        from: D,
    ) -> Result<Option<ExecutionCursor>, D::Error> {
        let parts = Option::<(Timestamp, ExecutionId)>::deserialize(from)?;
        Ok(parts.map(|(created_at, id)| ExecutionCursor { created_at, id }))
    }
}
