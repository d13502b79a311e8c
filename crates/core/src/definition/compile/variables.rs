//! Which variables of the workspace the expressions of a definition read.

use super::PlanCompiler;
use super::infer::InputUse;
use crate::definition::plan::PlanVariable;
use crate::names;

impl PlanCompiler<'_> {
    /// Notes a variable that an expression at `path` reads. `rest`: what follows `vars`.
    pub(super) fn check_variable(
        &mut self,
        rest: &[&str],
        path: &str,
        need: InputUse,
    ) -> Option<String> {
        let Some(name) = rest.first() else {
            return Some(
                "write the name of one variable, `vars.NAME`: a name cannot be computed; to look \
                 up a value by a computed key, store one object with all of them in a variable \
                 and write `vars.NAME[key]`"
                    .into(),
            );
        };
        if let Err(message) = names::check_variable_name(name) {
            return Some(format!("`{name}` cannot be the name of a variable: it {message}"));
        }
        let required_at = self.variables.entry((*name).to_owned()).or_default();
        if need != InputUse::Maybe {
            required_at.get_or_insert_with(|| path.to_owned());
        }
        None
    }

    pub(super) fn planned_variables(&self) -> Vec<PlanVariable> {
        let planned = self.variables.iter().map(|(name, required_at)| PlanVariable {
            name: name.clone(),
            required_at: required_at.clone(),
        });
        planned.collect()
    }
}
