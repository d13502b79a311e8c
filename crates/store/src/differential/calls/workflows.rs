//! Calls about workflows.

use std::sync::Arc;

use stepwell_core::ids::WorkflowId;

use super::{CallResults, Caller, WORKFLOWS, labels, objects, random_list};
use crate::Store;
use crate::conformance::build::{key, new_workflow, workflow, workspace};
use crate::conformance::objects::FIRST_KIND;
use crate::differential::random::Random;
use crate::lists::{List, PageStart, SortKey, WorkflowCursor, WorkflowFilter, WorkflowSort};
use crate::objects::ObjectBatch;
use crate::record::{IntegrationUse, WorkflowParts};
use crate::traits::{AddRelease, FindWorkflow, UpdateWorkflow};

impl Caller {
    fn workflow_list(&mut self) -> List<WorkflowFilter> {
        use WorkflowSort::{Active, CreatedAt, Kind, Name, UpdatedAt};
        let random = &mut self.random;
        let label = |random: &mut Random| ("a".to_owned(), random.below(2).to_string());
        let sort = random.pick(&[Active, CreatedAt, Kind, Name, UpdatedAt]);
        let key = match sort {
            CreatedAt => SortKey::Time(random.created()),
            UpdatedAt => SortKey::Time(random.time()),
            Name | Kind => SortKey::Text(random.below(4).to_string()),
            Active => SortKey::Active(random.once_in(2)),
        };
        let filter = WorkflowFilter {
            active: random.maybe(3, |random| random.once_in(2)),
            kind: random.maybe(3, |random| random.below(2).to_string()),
            labels: random.maybe(4, label).into_iter().collect(),
        };
        let start = if random.once_in(3) {
            let id = workflow(u128::from(random.below(WORKFLOWS + 1)));
            PageStart::After(WorkflowCursor { key, id })
        } else {
            PageStart::Skip(random.below(4))
        };
        random_list(random, filter, sort, start)
    }

    fn parts(&mut self) -> WorkflowParts {
        let random = &mut self.random;
        WorkflowParts {
            description: random.maybe(2, |random| random.below(9).to_string()),
            kind: random.below(2).to_string(),
            configuration: random.maybe(2, |random| labels(random.value())),
            integrations: (0..random.below(3))
                .map(|n| IntegrationUse { id: n.to_string(), required: random.once_in(2) })
                .collect(),
            metadata: labels(random.value()),
        }
    }

    fn next_release(&mut self, workflow: WorkflowId, name: &str) -> AddRelease {
        AddRelease {
            workflow,
            expected: self.random.maybe(3, |random| 1 + random.below(4)),
            name: name.to_owned(),
            source: Arc::new(self.random.value()),
            retention_seconds: self.random.maybe(3, |_| 0),
            parts: self.parts(),
            objects: match self.random.once_in(3) {
                true => vec![objects::next(self)],
                false => Vec::new(),
            },
            now: self.random.time(),
            effects: self.effects(),
        }
    }

    fn next_update(&mut self, id: WorkflowId, active: Option<bool>) -> UpdateWorkflow {
        let expected = self.random.maybe(3, |random| 1 + random.below(4));
        let parts = if self.random.once_in(2) { Some(self.parts()) } else { None };
        let (delete, now) = (self.random.once_in(6), self.random.time());
        let effects = self.effects();
        let delete_children = self.random.maybe(2, |_| FIRST_KIND).into_iter().collect();
        let objects = match self.random.once_in(4) {
            true => vec![objects::next(self)],
            false => Vec::new(),
        };
        UpdateWorkflow {
            id,
            expected,
            active,
            delete,
            delete_children,
            parts,
            objects,
            now,
            effects,
        }
    }

    pub(super) async fn workflows(&mut self, one: &dyn Store, other: &dyn Store) -> CallResults {
        let n = self.number(WORKFLOWS);
        let (id, of, name) = (workflow(n), workspace(self.number(2)), self.number(4).to_string());
        let name = name.as_str();
        let active = self.random.maybe(2, |random| random.once_in(2));
        match self.random.below(8) {
            0 => {
                let mut create = new_workflow(n, name);
                create.workflow.workspace = of;
                create.workflow.retention_seconds = self.random.maybe(3, |_| 0);
                create.workflow.created_at = self.random.created();
                create.workflow.created_by = self.random.maybe(2, |_| key(1));
                create.workflow.kind = self.random.below(2).to_string();
                create.idempotency = self.random.once_in(3).then(|| self.idempotency_key());
                create.effects = self.effects();
                both!(one, other, create_workflow(create))
            }
            1 => {
                let add = self.next_release(id, name);
                let results = both!(one, other, add_release(add));
                if !results.1.starts_with("refused") {
                    let puts = add.objects;
                    objects::wrote(self, Some(&ObjectBatch { puts, ..ObjectBatch::default() }));
                }
                results
            }
            2 => {
                let update = self.next_update(id, active);
                let results = both!(one, other, update_workflow(update));
                if !results.1.starts_with("refused") {
                    let puts = update.objects;
                    objects::wrote(self, Some(&ObjectBatch { puts, ..ObjectBatch::default() }));
                }
                results
            }
            3 | 4 => {
                let find = match self.random.once_in(2) {
                    true => FindWorkflow::Id(id),
                    false => FindWorkflow::Name(of, name.to_owned()),
                };
                both!(one, other, find_workflow(find))
            }
            5 => {
                let list = self.workflow_list();
                both!(one, other, list_workflows(of, list))
            }
            6 => {
                let number = u32::try_from(self.random.below(5)).unwrap();
                both!(one, other, find_release(id, number))
            }
            _ => both!(one, other, workflow_stats(id)),
        }
    }
}
