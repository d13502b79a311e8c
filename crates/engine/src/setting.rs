//! Settings of the installation, such as signing secrets, as configured objects.

use serde::{Deserialize, Serialize};
use stepwell_core::Timestamp;
use stepwell_core::ids::{SubjectId, WorkspaceId};
use stepwell_store::objects::{IndexFields, Kind, ObjectBatch};
use stepwell_store::{Effects, Store, StoreError};

use crate::objects::{self, Document, Object};

/// A setting. It belongs to the default workspace.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    /// Unique.
    name: String,
    pub(crate) value: String,
}

impl Document for Setting {
    type Id = SubjectId;
    const KIND: Kind = "setting";

    fn index(&self, _: WorkspaceId) -> IndexFields {
        IndexFields { unique_key: Some(self.name.clone()), ..IndexFields::default() }
    }
}

/// The stored value of a setting; if there is none, `value` is stored with the id `id`.
///
/// # Errors
/// The store cannot be read or written.
pub(crate) async fn find_or_insert(
    store: &dyn Store,
    id: SubjectId,
    name: &str,
    value: String,
    now: Timestamp,
) -> Result<String, StoreError> {
    let find = async || objects::find_by_key::<Setting>(store, name.to_owned()).await;
    if let Some(found) = find().await? {
        return Ok(found.document.value);
    }
    let document = Setting { name: name.to_owned(), value: value.clone() };
    let setting = Object::new(id, WorkspaceId::DEFAULT, now, document).to_stored()?;
    match store.write_objects(ObjectBatch::put(setting, Effects::default())).await {
        // Another request or node was faster.
        Err(StoreError::UniqueKeyTaken(kind)) => {
            let found = find().await?.ok_or(StoreError::Missing(kind))?;
            Ok(found.document.value)
        }
        written => written.map(|()| value),
    }
}
