//! Conversions between the bodies about step types and the domain.

use std::cmp::Ordering;

use stepwell_core::catalog::{Effect, StepSpec};

use super::wire::{StepEffect, StepType};

impl From<Effect> for StepEffect {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Pure => Self::Pure,
            Effect::Idempotent => Self::Idempotent,
            Effect::External => Self::External,
        }
    }
}

impl<'a> From<&'a StepSpec> for StepType<'a> {
    fn from(spec: &'a StepSpec) -> Self {
        let StepSpec {
            name,
            aliases,
            summary,
            doc,
            category,
            config,
            input,
            output,
            default_input,
            default_output,
            is_source,
            check: _,
            check_input: _,
            effect,
            effect_of,
            action: _,
            block,
            sensitive,
            ports,
            examples,
        } = spec;
        Self {
            name,
            aliases,
            description: summary,
            documentation: doc,
            category,
            effect: (*effect).into(),
            effect_varies: effect_of.is_some(),
            configuration_schema: config,
            input_schema: input,
            output_schema: output,
            block_schema: block.as_ref(),
            default_input: *default_input,
            default_output: *default_output,
            is_source: *is_source,
            ports,
            secret_fields: sensitive,
            examples,
        }
    }
}

/// How the step types can be sorted.
#[derive(Clone, Copy)]
pub enum StepTypeOrder {
    Name,
    Category,
}

impl StepTypeOrder {
    pub const ALL: [(&str, Self); 2] = [("type", Self::Name), ("category", Self::Category)];

    pub fn compare(self, a: &StepSpec, b: &StepSpec) -> Ordering {
        let order = match self {
            Self::Name => Ordering::Equal,
            Self::Category => a.category.cmp(b.category),
        };
        order.then(a.name.cmp(b.name))
    }
}
