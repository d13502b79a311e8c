//! Calls about settings.

use super::{Answers, Caller};
use crate::Store;

impl Caller {
    pub(super) async fn settings(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let (name, value) = (self.number(4).to_string(), self.number(9).to_string());
        let (name, value) = (name.as_str(), value.as_str());
        both!(one, other, setting_or_insert(name, value))
    }
}
