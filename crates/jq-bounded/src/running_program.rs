//! The program as the interpreter sees it while it runs.

use jaq_core::data::HasLut;
use jaq_core::{DataT, Lut};

use super::budget::pay_units;
use super::value::JqValue;

/// What the interpreter works on: our values, and nothing beside the program.
pub(super) struct JqData;

impl DataT for JqData {
    type V<'a> = JqValue;
    type Data<'a> = RunningProgram<'a>;
}

/// The program while it runs. The interpreter copies it with each call, so each copy pays: a
/// program can loop without ever touching a value.
pub(super) struct RunningProgram<'a> {
    pub lut: &'a Lut<JqData>,
    /// What each copy pays.
    pub units_of_call: usize,
}

impl Clone for RunningProgram<'_> {
    fn clone(&self) -> Self {
        pay_units(self.units_of_call);
        Self { lut: self.lut, units_of_call: self.units_of_call }
    }
}

impl<'a> HasLut<'a, JqData> for RunningProgram<'a> {
    fn lut(&self) -> &'a Lut<JqData> {
        self.lut
    }
}

/// The interpreter finds a variable or an argument by walking over those that were bound after it:
/// a unit for so many of them.
const NAMES_PER_UNIT: usize = 64;

/// What a call within a program pays.
pub(super) fn units_of_call(program: &str) -> usize {
    1 + program.bytes().filter(|byte| matches!(byte, b'$' | b';')).count() / NAMES_PER_UNIT
}
