//! Releases of a workflow and the tags that point at them.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::audit::AuditAction;
use stepwell_core::ids::{SubjectId, WorkflowId};
use stepwell_core::names;
use stepwell_store::audit::AuditRecord;
use stepwell_store::lists::{List, ListFilter, Order, Page, PageStart};
use stepwell_store::objects::{DeleteObject, ObjectBatch, ObjectFilter, ObjectSort};
use stepwell_store::record::{ReleaseRecord, WorkflowRecord};
use stepwell_store::{Effects, StoreError};

use super::App;
use super::cursor::{decode_list, encode_page};
use super::targets::{LATEST, WorkflowRef};
use crate::caller::Verb;
use crate::objects::{Document, Object};
use crate::release_tag::{ReleaseTag, Traffic};
use crate::runtime::engine::new_uuid;
use crate::{AppError, Caller};

/// How often a tag is moved again because another writer was faster.
const ATTEMPTS: usize = 16;

/// All releases of a workflow are listed, in the order of their numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReleaseFilter;

impl ListFilter for ReleaseFilter {
    type Item = ReleaseRecord;
    type SortKey = ();
    type Cursor = u32;

    fn cursor_of(release: &ReleaseRecord, (): ()) -> u32 {
        release.number
    }
}

/// The longest name of a tag, in bytes.
const MAX_NAME: usize = 100;

/// The most releases that share a tag.
const MAX_PARTS: usize = 10;

/// The most that weights may be together.
const MAX_WEIGHT: u64 = 1_000_000;

impl App {
    /// A workflow by id or name, without its definition. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn find_workflow(
        &self,
        caller: &Caller,
        workflow: WorkflowRef<'_>,
    ) -> Result<Arc<WorkflowRecord>, AppError> {
        self.find_named(caller, Verb::Read, workflow).await
    }

    /// Creates a release and moves these tags to it, at the same moment. The workflow's name,
    /// description and metadata stay where the definition leaves them out. Scope
    /// `write:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow; `InvalidDefinition`; `InvalidRequest` for the name of a tag.
    pub async fn add_release(
        &self,
        caller: &Caller,
        id: WorkflowId,
        source: Value,
        tags: &[String],
    ) -> Result<ReleaseRecord, AppError> {
        self.find_for(caller, Verb::Write, id).await?;
        for (at, tag) in tags.iter().enumerate() {
            let place = format!("release_tags[{at}]");
            check_name(&place, tag)?;
            if tags[..at].contains(tag) {
                return Err(AppError::invalid(&place, format!("names the tag `{tag}` twice")));
            }
        }
        let source = |workflow: &WorkflowRecord| with_name(&source, &workflow.name);
        let number = self.release_tagged(caller, id, source, tags).await?.release;
        self.release_record(id, number).await
    }

    /// A page of releases. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRequest` for a cursor or limit that is wrong.
    pub async fn releases(
        &self,
        caller: &Caller,
        id: WorkflowId,
        list: List<ReleaseFilter, String>,
    ) -> Result<Page<ReleaseRecord>, AppError> {
        let workflow = self.find_for(caller, Verb::Read, id).await?;
        let list = decode_list(list)?;
        let newest = workflow.release;
        let mut found = Vec::new();
        let numbers = release_numbers(newest, list.window.start, list.sort.order);
        for number in numbers.take(list.window.read_limit()) {
            found.push(self.release_record(id, number).await?);
        }
        Ok(encode_page(list.page_of(found, Some(newest.into())), ()))
    }

    /// One release. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow or the release.
    pub async fn release(
        &self,
        caller: &Caller,
        id: WorkflowId,
        number: u32,
    ) -> Result<ReleaseRecord, AppError> {
        self.find_for(caller, Verb::Read, id).await?;
        self.release_record(id, number).await
    }

    async fn release_record(&self, id: WorkflowId, number: u32) -> Result<ReleaseRecord, AppError> {
        let found = self.engine.store.find_release(id, number).await?;
        found.ok_or_else(|| AppError::not_found("release", number))
    }

    /// All tags of a workflow by name, [`LATEST`] first. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn release_tags(
        &self,
        caller: &Caller,
        id: WorkflowId,
    ) -> Result<Vec<Object<ReleaseTag>>, AppError> {
        let workflow = self.find_for(caller, Verb::Read, id).await?;
        let filter = ObjectFilter { parent: Some(id.into()), ..ObjectFilter::default() };
        let list = List::first_page(filter, usize::MAX);
        let list = list.sorted_by(ObjectSort::Name, Order::Ascending);
        let store = &self.engine.store;
        let found = store.list_objects(ReleaseTag::KIND, workflow.workspace, list).await?.items;
        let mut tags = vec![latest_tag(&workflow)];
        for object in found {
            tags.push(Object::from_stored(object)?);
        }
        Ok(tags)
    }

    /// The first names of tags, [`LATEST`] first.
    pub(super) async fn tag_names(
        &self,
        workflow: &WorkflowRecord,
        limit: usize,
    ) -> Result<Vec<String>, AppError> {
        let filter = ObjectFilter { parent: Some(workflow.id.into()), ..ObjectFilter::default() };
        let list = List::first_page(filter, limit);
        let list = list.sorted_by(ObjectSort::Name, Order::Ascending);
        let store = &self.engine.store;
        let found = store.list_objects(ReleaseTag::KIND, workflow.workspace, list).await?.items;
        let names = found.into_iter().filter_map(|object| object.index.name);
        Ok(std::iter::once(LATEST.to_owned()).chain(names).collect())
    }

    /// One tag. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow or the tag.
    pub async fn release_tag(
        &self,
        caller: &Caller,
        id: WorkflowId,
        name: &str,
    ) -> Result<Object<ReleaseTag>, AppError> {
        let workflow = self.find_for(caller, Verb::Read, id).await?;
        if name == LATEST {
            return Ok(latest_tag(&workflow));
        }
        let found = self.engine.find_tag(id, name).await?;
        found.ok_or_else(|| AppError::not_found("release tag", name))
    }

    /// Creates or moves a tag; executions that name it from now on run what it points at. Scope
    /// `write:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow; `InvalidRequest` for a name, release or weight that is wrong.
    pub async fn put_release_tag(
        &self,
        caller: &Caller,
        id: WorkflowId,
        name: &str,
        traffic: Vec<Traffic>,
    ) -> Result<Object<ReleaseTag>, AppError> {
        let workflow = self.find_for(caller, Verb::Write, id).await?;
        check_name("tag", name)?;
        check_traffic(&workflow, &traffic)?;
        for _ in 0..ATTEMPTS {
            let tag = self.moved_tag(&workflow, name, traffic.clone()).await?;
            let entry = self.tag_audit(caller, &workflow, name, &traffic);
            let batch = ObjectBatch::put(tag.to_stored()?, Effects::with_audit(entry));
            match self.engine.store.write_objects(batch).await {
                Ok(()) => return Ok(tag),
                Err(StoreError::Outdated(_) | StoreError::UniqueKeyTaken(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Outdated(ReleaseTag::KIND).into())
    }

    /// Deletes a tag; executions that named it are unchanged. Scope `write:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow or the tag; `InvalidRequest` for [`LATEST`].
    pub async fn delete_release_tag(
        &self,
        caller: &Caller,
        id: WorkflowId,
        name: &str,
    ) -> Result<(), AppError> {
        let workflow = self.find_for(caller, Verb::Write, id).await?;
        if name.eq_ignore_ascii_case(LATEST) {
            return Err(AppError::invalid("tag", "LATEST cannot be deleted"));
        }
        let not_found = || AppError::not_found("release tag", name);
        let tag = self.engine.find_tag(id, name).await?.ok_or_else(not_found)?;
        let entry = self.engine.audit_entry(caller, AuditAction::ReleaseTagDeleted, id);
        let entry = entry.named(&workflow.name).with("tag", name);
        let delete = DeleteObject { kind: ReleaseTag::KIND, id: tag.id, expected: None };
        let batch = ObjectBatch::delete(delete, Effects::with_audit(entry));
        match self.engine.store.write_objects(batch).await {
            Err(StoreError::Missing(_)) => Err(not_found()),
            other => Ok(other?),
        }
    }

    /// The tag that points at these releases from now on: the next version of the stored one.
    pub(super) async fn moved_tag(
        &self,
        workflow: &WorkflowRecord,
        name: &str,
        traffic: Vec<Traffic>,
    ) -> Result<Object<ReleaseTag>, AppError> {
        let now = self.engine.now();
        let document = ReleaseTag { workflow: workflow.id, name: name.to_owned(), traffic };
        Ok(match self.engine.find_tag(workflow.id, name).await? {
            Some(before) => before.next(now, document),
            None => {
                let id = SubjectId::from_uuid(new_uuid());
                Object::new(id, workflow.workspace, now, document)
            }
        })
    }

    /// The audit entry of a tag that is created or moved.
    pub(super) fn tag_audit(
        &self,
        caller: &Caller,
        workflow: &WorkflowRecord,
        name: &str,
        traffic: &[Traffic],
    ) -> AuditRecord {
        let shares: Vec<_> =
            traffic.iter().map(|part| json!([part.release, part.weight])).collect();
        let entry = self.engine.audit_entry(caller, AuditAction::ReleaseTagMoved, workflow.id);
        entry.named(&workflow.name).with("tag", name).with("traffic", shares)
    }
}

/// The numbers of the releases from there on. They have no gaps, since releases are never deleted.
fn release_numbers(newest: u32, begin: PageStart<u32>, order: Order) -> impl Iterator<Item = u32> {
    let before = match begin {
        PageStart::Skip(skip) => u32::try_from(skip).unwrap_or(u32::MAX),
        // A cursor can contain any number.
        PageStart::After(last) => match order {
            Order::Ascending => last,
            Order::Descending => newest.saturating_add(1).saturating_sub(last),
        },
    };
    (before..newest).map(move |before| match order {
        Order::Ascending => before + 1,
        Order::Descending => newest - before,
    })
}

/// The tag that moves by itself. It is not stored.
fn latest_tag(workflow: &WorkflowRecord) -> Object<ReleaseTag> {
    let traffic = vec![Traffic { release: workflow.release, weight: 1 }];
    let document = ReleaseTag { workflow: workflow.id, name: LATEST.to_owned(), traffic };
    let WorkflowRecord { workspace, version, created_at, updated_at, .. } = *workflow;
    Object { id: workflow.id.into(), workspace, version, created_at, updated_at, document }
}

/// `place` is its path in the request.
fn check_name(place: &str, name: &str) -> Result<(), AppError> {
    if name.eq_ignore_ascii_case(LATEST) {
        return Err(AppError::invalid(place, "LATEST moves by itself; move a tag of another name"));
    }
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
        let message = format!("must be 1 to {MAX_NAME} bytes of letters, digits, `-`, `_` and `.`");
        return Err(AppError::invalid(place, message));
    }
    // Some letters are not shown.
    names::check_visible(name).map_err(|message| AppError::invalid(place, message))
}

fn check_traffic(workflow: &WorkflowRecord, traffic: &[Traffic]) -> Result<(), AppError> {
    let refuse = |message: String| Err(AppError::invalid("traffic", message));
    if traffic.is_empty() || traffic.len() > MAX_PARTS {
        return refuse(format!("must name 1 to {MAX_PARTS} releases"));
    }
    for (at, part) in traffic.iter().enumerate() {
        if !(1..=workflow.release).contains(&part.release) {
            let (release, newest) = (part.release, workflow.release);
            return refuse(format!("there is no release {release}; the newest is {newest}"));
        }
        if traffic[..at].iter().any(|other| other.release == part.release) {
            return refuse(format!("names release {} twice", part.release));
        }
    }
    let sum: u64 = traffic.iter().map(|part| u64::from(part.weight)).sum();
    if sum == 0 || sum > MAX_WEIGHT {
        return refuse(format!("the weights must be 1 to {MAX_WEIGHT} together, not {sum}"));
    }
    Ok(())
}

/// The definition, which is of that name where it has none.
fn with_name(source: &Value, name: &str) -> Value {
    let mut source = source.clone();
    if let Value::Object(fields) = &mut source
        && fields.get("name").is_none_or(Value::is_null)
    {
        fields.insert("name".to_owned(), name.into());
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_continue_after_a_cursor_or_a_number() {
        for (begin, up, down) in [
            (PageStart::Skip(0), vec![1, 2, 3], vec![3, 2, 1]),
            (PageStart::Skip(2), vec![3], vec![1]),
            (PageStart::Skip(u64::MAX), vec![], vec![]),
            (PageStart::After(2), vec![3], vec![1]),
            (PageStart::After(0), vec![1, 2, 3], vec![]),
            (PageStart::After(3), vec![], vec![2, 1]),
            (PageStart::After(u32::MAX), vec![], vec![3, 2, 1]),
        ] {
            let shown = format!("{begin:?}");
            let read = |order| release_numbers(3, begin, order).collect::<Vec<_>>();
            assert_eq!((read(Order::Ascending), read(Order::Descending)), (up, down), "{shown}");
        }
    }
}
