//! Configured objects.

use std::collections::BTreeMap;

use async_trait::async_trait;
use stepwell_core::ids::{SubjectId, WorkspaceId};

use super::lists::cut_page;
use super::{MemoryStore, Result, State};
use crate::StoreError;
use crate::lists::{List, Page};
use crate::objects::{
    DueObjects, Kind, ObjectBatch, ObjectChanges, ObjectCursor, ObjectFilter, ObjectRef,
    ObjectStore, StoredObject, remembers_revision,
};
use crate::record::has_label;

/// All objects and how they changed.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// With the revision of the last write.
    stored: BTreeMap<(Kind, SubjectId), (u64, StoredObject)>,
    /// With the revision of the deletion.
    deleted: BTreeMap<(Kind, SubjectId), u64>,
    revision: u64,
}

impl Objects {
    fn of_kind(&self, kind: Kind) -> impl DoubleEndedIterator<Item = &(u64, StoredObject)> {
        let all = self.stored.iter();
        all.filter(move |((of, _), _)| *of == kind).map(|(_, stored)| stored)
    }

    fn holder(&self, kind: Kind, key: &str) -> Option<&StoredObject> {
        let mut all = self.of_kind(kind).map(|(_, object)| object);
        all.find(|object| object.index.unique_key.as_deref() == Some(key))
    }

    pub(super) fn check(&self, batch: &ObjectBatch) -> Result<()> {
        batch.check(
            |kind, id| Ok(self.stored.get(&(kind, id)).map(|(_, object)| object.version)),
            |kind, key| Ok::<_, StoreError>(self.holder(kind, key).map(|object| object.id)),
        )
    }

    /// Deletes the objects of these kinds that have the parent.
    pub(super) fn delete_children(&mut self, parent: SubjectId, kinds: &[Kind]) {
        let objects = self.stored.values().map(|(_, object)| object);
        let children = objects
            .filter(|object| object.index.parent == Some(parent) && kinds.contains(&object.kind));
        let children: Vec<_> = children.map(|object| (object.kind, object.id)).collect();
        if !kinds.is_empty() {
            self.revision += 1;
            self.change(Vec::new(), children);
        }
    }

    pub(super) fn write(&mut self, puts: Vec<StoredObject>, deletes: Vec<(Kind, SubjectId)>) {
        if puts.is_empty() && deletes.is_empty() {
            return;
        }
        self.revision += 1;
        self.change(puts, deletes);
    }

    fn change(&mut self, puts: Vec<StoredObject>, deletes: Vec<(Kind, SubjectId)>) {
        for object in puts {
            let key = (object.kind, object.id);
            self.deleted.remove(&key);
            self.stored.insert(key, (self.revision, object));
        }
        for key in deletes {
            self.stored.remove(&key);
            self.deleted.insert(key, self.revision);
        }
    }
}

#[async_trait]
impl ObjectStore for MemoryStore {
    async fn write_objects(&self, batch: ObjectBatch) -> Result<()> {
        let mut state = self.writable()?;
        state.require_objects(Some(&batch))?;
        state.put_objects(batch);
        Ok(())
    }

    async fn find_object(&self, kind: Kind, by: ObjectRef) -> Result<Option<StoredObject>> {
        let state = self.state();
        Ok(match by {
            ObjectRef::Id(id) => state.objects.stored.get(&(kind, id)).map(|(_, found)| found),
            ObjectRef::UniqueKey(key) => state.objects.holder(kind, &key),
        }
        .cloned())
    }

    async fn list_objects(
        &self,
        kind: Kind,
        workspace: WorkspaceId,
        list: List<ObjectFilter>,
    ) -> Result<Page<StoredObject, ObjectCursor>> {
        let state = self.state();
        let objects = state.objects.of_kind(kind).map(|(_, object)| object);
        let is_listed = |object: &&StoredObject| {
            object.workspace == workspace && is_selected(&list.filter, object)
        };
        Ok(cut_page(&list, objects.filter(is_listed).collect()))
    }

    async fn due_objects(&self, due: DueObjects) -> Result<Vec<StoredObject>> {
        let state = self.state();
        let is_due = |object: &&StoredObject| {
            let is_later = |at| due.after.is_none_or(|after| (at, object.id) > after);
            object.index.due_at.is_some_and(|at| at <= due.now && is_later(at))
        };
        let all = state.objects.of_kind(due.kind).map(|(_, object)| object);
        let mut found: Vec<_> = all.filter(is_due).collect();
        found.sort_by_key(|object| (object.index.due_at, object.id));
        Ok(found.into_iter().take(due.limit).cloned().collect())
    }

    async fn object_changes(&self, kind: Kind, since: u64) -> Result<ObjectChanges> {
        let state = self.state();
        let objects = &state.objects;
        let revision = objects.revision;
        let all = !remembers_revision(since, revision);
        let mut puts: Vec<_> =
            objects.of_kind(kind).filter(|(written, _)| all || *written > since).collect();
        puts.sort_by_key(|(written, object)| (*written, object.id));
        let deleted = objects.deleted.iter();
        let deleted = deleted.filter(|((of, _), at)| *of == kind && **at > since && !all);
        Ok(ObjectChanges {
            revision,
            all,
            puts: puts.into_iter().map(|(_, object)| object.clone()).collect(),
            deleted: deleted.map(|((_, id), _)| *id).collect(),
        })
    }
}

impl State {
    /// Checks a batch before anything is written.
    pub(super) fn require_objects(&mut self, batch: Option<&ObjectBatch>) -> Result<()> {
        let Some(batch) = batch else { return Ok(()) };
        self.require_new_key(batch.idempotency.as_ref())?;
        if let Some(workflow) = batch.live_workflow {
            self.live_workflow(workflow, None)?;
        }
        self.objects.check(batch)
    }

    /// Writes a batch that was checked.
    pub(super) fn put_objects(&mut self, batch: ObjectBatch) {
        let ObjectBatch { puts, deletes, effects, idempotency, live_workflow: _ } = batch;
        self.take_key(idempotency);
        let deletes = deletes.into_iter().map(|delete| (delete.kind, delete.id)).collect();
        self.objects.write(puts, deletes);
        self.take_effects(effects);
    }
}

fn is_selected(filter: &ObjectFilter, object: &StoredObject) -> bool {
    let ObjectFilter { name, parent, status, labels } = filter;
    let index = &object.index;
    name.as_ref().is_none_or(|name| index.name.as_ref() == Some(name))
        && parent.is_none_or(|parent| index.parent == Some(parent))
        && status.as_ref().is_none_or(|status| index.status.as_ref() == Some(status))
        && labels.iter().all(|(name, value)| has_label(&index.labels, name, value))
}
