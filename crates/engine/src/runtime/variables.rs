//! The variables of a workspace that an execution gets when it is accepted.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::definition::plan::Plan;
use stepwell_core::ids::WorkspaceId;
use stepwell_store::StoreError;

use super::engine::Engine;
use crate::objects::{self, Object, workspace_key};
use crate::variable::Variable;

impl Engine {
    /// The variables that a plan names, by name. Those in `kept` are taken from there, the others
    /// are read as they are now. Only for a plan that names some.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn variables_for(
        &self,
        workspace: WorkspaceId,
        plan: &Plan,
        kept: Option<&Value>,
    ) -> Result<Arc<Value>, StoreError> {
        let kept = kept.and_then(Value::as_object);
        let is_kept = |name: &String| kept.is_some_and(|kept| kept.contains_key(name));
        let all_kept = plan.variables.iter().all(|variable| is_kept(&variable.name));
        let mut stored = match all_kept {
            true => Map::new(),
            false => self.read_variables(workspace, plan).await?,
        };
        let mut values = Map::with_capacity(plan.variables.len());
        for variable in &plan.variables {
            let name = &variable.name;
            let value = match kept.and_then(|kept| kept.get(name)) {
                Some(value) => Some(value.clone()),
                None => stored.swap_remove(name),
            };
            if let Some(value) = value {
                values.insert(name.clone(), value);
            }
        }
        Ok(Arc::new(Value::Object(values)))
    }

    /// The variables of a workspace that a plan names, all as they were at one moment.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn read_variables(
        &self,
        workspace: WorkspaceId,
        plan: &Plan,
    ) -> Result<Map, StoreError> {
        let store = &*self.store;
        let found: Vec<Object<Variable>> = match plan.variables.as_slice() {
            [] => Vec::new(),
            [one] => {
                let key = workspace_key(workspace, &one.name);
                objects::find_by_key(store, key).await?.into_iter().collect()
            }
            _ => objects::list_all(store, workspace).await?,
        };
        let is_named = |name: &str| {
            plan.variables.binary_search_by(|known| known.name.as_str().cmp(name)).is_ok()
        };
        let named = found.into_iter().filter(|object| is_named(&object.document.name));
        Ok(named.map(|object| (object.document.name, object.document.value)).collect())
    }
}
