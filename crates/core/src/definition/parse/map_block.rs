//! The fields of a `Map`.

use serde_json::Value;

use super::block::BlockReader;
use super::walk::describe_value;
use crate::Problem;
use crate::definition::blocks::{BlockKind, ItemCollection, ItemRecord, MapDefinition};
use crate::definition::step_id::is_id;
use crate::expr::{ROOTS, at_key};

/// The default of `max_concurrency`, and its highest value.
const DEFAULT_CONCURRENCY: u32 = 16;
const MAX_CONCURRENCY: u32 = 1_000;

impl BlockReader<'_, '_, '_> {
    pub(super) fn read_map(&mut self) -> BlockKind {
        let item_name = match self.map.get("as") {
            None | Some(Value::Null) => "item".to_owned(),
            Some(Value::String(name)) if is_variable(name) => name.clone(),
            Some(other) => {
                let path = at_key(&self.path, "as");
                let expected = "a letter or _, then letters, digits or _, and none of the names \
                                that expressions start with";
                let problem = Problem::new(path, "`as` cannot be the name of the item");
                self.parser
                    .walk
                    .problems
                    .push(problem.with_expectation(expected, describe_value(other)));
                "item".to_owned()
            }
        };
        let collect_errors = match self.map.get("on_item_error") {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) if text == "fail" => false,
            Some(Value::String(text)) if text == "collect" => true,
            Some(other) => {
                let path = at_key(&self.path, "on_item_error");
                self.parser.walk.add_mismatch(&path, "fail or collect", other);
                false
            }
        };
        let collection = self.read_collection(collect_errors);
        let definition = MapDefinition {
            item_name,
            max_concurrency: self
                .read_count("max_concurrency", MAX_CONCURRENCY)
                .unwrap_or(DEFAULT_CONCURRENCY),
            collect_errors,
            collection,
            output: self.read_value("output"),
            record: self.read_record(),
        };
        self.add_iterated_body();
        BlockKind::Map(Box::new(definition))
    }

    fn read_collection(&mut self, collects_errors: bool) -> ItemCollection {
        let path = at_key(&self.path, "collect");
        let Some(value) = self.map.get("collect").filter(|value| !value.is_null()) else {
            return ItemCollection::All;
        };
        let found = ItemCollection::NAMES.iter().find(|(name, _)| value.as_str() == Some(name));
        let Some((_, collection)) = found else {
            self.parser.walk.add_mismatch(&path, "all, errors, none or file", value);
            return ItemCollection::All;
        };
        if *collection == ItemCollection::Errors && !collects_errors {
            let message = "`collect: errors` needs `on_item_error: collect`: otherwise the first \
                           error fails the block";
            self.parser.walk.add_problem(&path, message);
        }
        if !collection.records_outputs() && self.read_value("output").is_some() {
            let message = format!(
                "`output` is the result of an item, which `collect: {}` does not keep; omit it",
                collection.name()
            );
            self.parser.walk.add_problem(&at_key(&self.path, "output"), message);
        }
        *collection
    }

    fn read_record(&mut self) -> Option<ItemRecord> {
        let value = self.map.get("record").filter(|value| !value.is_null())?;
        let found = ItemRecord::NAMES.iter().find(|(name, _)| value.as_str() == Some(name));
        if found.is_none() {
            let path = at_key(&self.path, "record");
            self.parser.walk.add_mismatch(&path, "steps or results", value);
        }
        found.map(|(_, record)| *record)
    }
}

/// Whether a name can be a variable of expressions that means nothing else.
fn is_variable(name: &str) -> bool {
    is_id(name)
        && !name.contains('-')
        && (name == "item" || !ROOTS.contains(&name))
        && !["last", "error"].contains(&name)
}
