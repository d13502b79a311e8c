//! Compiled Jinja.
//!
//! Compiled code takes many times the memory of its text: at least 12 KiB, and up to a hundred
//! bytes for each byte of the text. So plans keep the text, and the code is in one cache for the
//! whole process that is bounded in bytes. Expressions with the same text share it, also those of
//! different workflows and releases. What was evicted is compiled again when it is evaluated.

use std::sync::{Arc, LazyLock};

use minijinja::machinery::{CodeGenerator, Instruction, Instructions, Span, ast};
use self_cell::self_cell;

use super::guard::SyntaxGuard;
use super::meter;
use super::references::References;
use super::syntax::{
    SyntaxError, child_statements, only_expression, parse_expression, parse_template,
};
use crate::cache::{ByteCache, PoolUsage};
use crate::memory::{ARC_BYTES, allocated_bytes};

/// The most memory for compiled code, in bytes.
const CACHE_BYTES: u64 = 32 << 20;
/// So many parts of the cache have a lock of their own.
const CACHE_SHARDS: usize = 4;
/// What compiling takes of the inline budget, in units: so much, and more for each byte. What does
/// not fit is compiled on a thread for blocking work. Nothing is taken of the full budget: whether
/// an evaluation succeeds must not depend on what is cached.
const COMPILE_UNITS: u64 = 2_000;
const COMPILE_UNITS_PER_BYTE: u64 = 24;

/// The room that the code generator reserves, in instructions and positions.
const RESERVED_INSTRUCTIONS: usize = 256;
const RESERVED_POSITIONS: usize = 128;
/// A position in the text for messages, and the first instruction it holds for.
const POSITION_BYTES: usize = size_of::<Span>() + 2 * size_of::<u32>() + size_of::<u64>();

static CACHE: LazyLock<ByteCache<CodeKey, Arc<CompiledProgram>>> =
    LazyLock::new(|| ByteCache::with_shards("expressions", CACHE_BYTES, 16 << 10, CACHE_SHARDS));

/// What compiled code takes and may take.
pub fn pool_usage() -> PoolUsage {
    CACHE.pool_usage()
}

/// How a text is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SourceForm {
    /// A bare expression.
    Expression,
    /// A template that is a single `{{ expression }}`, for its value.
    Insertion,
    /// A template, for its text.
    Template,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct CodeKey {
    form: SourceForm,
    source: Arc<str>,
}

/// Code by its text, with what it refers to.
#[derive(Debug)]
pub(super) struct CodeHandle {
    key: CodeKey,
    references: Arc<References>,
}

/// Instructions that borrow from the text they were compiled from.
struct BorrowedCode<'s>(Instructions<'s>);

self_cell!(
    struct OwnedCode {
        owner: Arc<str>,
        #[covariant]
        dependent: BorrowedCode,
    }
);

/// What a text compiles to.
pub(super) struct CompiledProgram {
    code: OwnedCode,
    references: Arc<References>,
}

impl CompiledProgram {
    pub(super) fn instructions(&self) -> &Instructions<'_> {
        &self.code.borrow_dependent().0
    }
}

/// Why there is no code to run.
pub(super) enum NotCompiled {
    /// The inline budget does not suffice to compile it.
    Budget(minijinja::Error),
    /// A text that compiled before does not compile any more.
    Fault(SyntaxError),
}

impl CodeHandle {
    /// Compiles a text.
    pub(super) fn compile_source(form: SourceForm, source: &str) -> Result<Self, SyntaxError> {
        let key = CodeKey { form, source: source.into() };
        let program = CACHE.get(&key).map_or_else(|| compile_key(&key), Ok)?;
        Ok(Self { key, references: program.references.clone() })
    }

    /// What was compiled.
    pub(super) fn source(&self) -> &str {
        &self.key.source
    }

    /// What it refers to.
    pub(super) fn references(&self) -> &References {
        &self.references
    }

    /// The code, compiled again where it was evicted.
    pub(super) fn load_program(&self) -> Result<Arc<CompiledProgram>, NotCompiled> {
        if let Some(found) = CACHE.get(&self.key) {
            return Ok(found);
        }
        if meter::is_inline() {
            let units = COMPILE_UNITS + COMPILE_UNITS_PER_BYTE * self.key.source.len() as u64;
            meter::charge_units(units).map_err(NotCompiled::Budget)?;
        }
        compile_key(&self.key).map_err(NotCompiled::Fault)
    }

    /// About how many bytes it takes beside the cached code.
    pub(super) fn memory_bytes(&self) -> usize {
        allocated_bytes(self.key.source.len() + ARC_BYTES)
            + ARC_BYTES
            + self.references.memory_bytes()
    }
}

/// Compiles a text and caches its code.
fn compile_key(key: &CodeKey) -> Result<Arc<CompiledProgram>, SyntaxError> {
    let (mut references, mut bytes) = (References::default(), 0);
    let code = OwnedCode::try_new(key.source.clone(), |source| {
        let (code, found) = generate_code(key.form, source)?;
        references = found;
        bytes = code_bytes(source, code.next_instruction() as usize);
        Ok::<_, SyntaxError>(BorrowedCode(code.finish().0))
    })?;
    bytes += references.memory_bytes();
    let program = Arc::new(CompiledProgram { code, references: Arc::new(references) });
    CACHE.insert(key.clone(), program.clone(), bytes as u64);
    Ok(program)
}

/// About how many bytes the code of a text takes.
fn code_bytes(source: &str, instructions: usize) -> usize {
    // Constants are parts of the text, or copies of them.
    let constants = 2 * source.len();
    let reserved = |count: usize, least: usize| count.max(least).next_power_of_two();
    reserved(instructions, RESERVED_INSTRUCTIONS) * size_of::<Instruction<'_>>()
        + reserved(instructions, RESERVED_POSITIONS) * POSITION_BYTES
        + constants
        + size_of::<CompiledProgram>()
}

fn generate_code<'s>(
    form: SourceForm,
    source: &'s str,
) -> Result<(CodeGenerator<'s>, References), SyntaxError> {
    match form {
        SourceForm::Expression => generate_expression(source, &parse_expression(source)?),
        SourceForm::Insertion => {
            let tree = parse_template(source)?;
            match only_expression(source, &tree) {
                Some(only) => generate_expression(source, only),
                None => {
                    Err(SyntaxError { message: "not one expression".into(), line: 0, column: 0 })
                }
            }
        }
        SourceForm::Template => {
            let tree = parse_template(source)?;
            let mut guard = SyntaxGuard::new();
            let body = guard.guard_body(child_statements(&tree));
            let mut code = CodeGenerator::new("<template>", source);
            body.iter().for_each(|stmt| code.compile_stmt(stmt));
            finish_code(guard, code)
        }
    }
}

fn generate_expression<'s>(
    source: &'s str,
    tree: &ast::Expr<'s>,
) -> Result<(CodeGenerator<'s>, References), SyntaxError> {
    let mut guard = SyntaxGuard::new();
    let tree = guard.guard_placed(tree);
    let mut code = CodeGenerator::new("<expression>", source);
    code.compile_expr(&tree);
    finish_code(guard, code)
}

fn finish_code<'s>(
    mut guard: SyntaxGuard<'s>,
    code: CodeGenerator<'s>,
) -> Result<(CodeGenerator<'s>, References), SyntaxError> {
    guard.check_captures();
    match guard.faults.into_iter().next() {
        Some(fault) => Err(fault),
        None => Ok((code, guard.references.into_references())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::EvalBudget;
    use super::*;

    // One test: the parts share the cache, and the last one fills it.
    #[test]
    fn code_is_cached_by_text_and_compiled_again_where_it_was_evicted() {
        shared_by_text_and_form();
        compiled_again_within_the_inline_budget();
        bounded_in_bytes();
    }

    fn shared_by_text_and_form() {
        let code = |form, source: &str| CodeHandle::compile_source(form, source).unwrap();
        let program = |code: &CodeHandle| code.load_program().ok().unwrap();
        let first = code(SourceForm::Expression, "inputs.shared + 1");
        let second = code(SourceForm::Expression, "inputs.shared + 1");
        assert!(Arc::ptr_eq(&program(&first), &program(&second)));
        let text = code(SourceForm::Template, "inputs.shared + 1");
        assert!(!Arc::ptr_eq(&program(&first), &program(&text)));
        assert_eq!(second.references().paths, [["inputs", "shared"]]);
    }

    fn compiled_again_within_the_inline_budget() {
        let source = format!("inputs.evicted + {}", vec!["1"; 100].join(" + "));
        let code = CodeHandle::compile_source(SourceForm::Expression, &source).unwrap();
        CACHE.remove(&code.key);
        meter::start_evaluation(EvalBudget::inline_of(COMPILE_UNITS));
        assert!(matches!(code.load_program(), Err(NotCompiled::Budget(_))));
        meter::start_evaluation(EvalBudget::inline());
        assert!(code.load_program().is_ok());
        assert!(meter::spent_units() > COMPILE_UNITS);
        // From now on it is at hand again.
        meter::start_evaluation(EvalBudget::inline_of(0));
        assert!(code.load_program().is_ok());
        CACHE.remove(&code.key);
        meter::start_evaluation(EvalBudget::full());
        assert!(code.load_program().is_ok());
        assert_eq!(meter::spent_units(), 0, "the full budget is the same whatever is cached");
    }

    fn bounded_in_bytes() {
        for n in 0..5_000 {
            CodeHandle::compile_source(SourceForm::Expression, &format!("inputs.bounded + {n}"))
                .unwrap();
        }
        let usage = pool_usage();
        assert!(usage.used <= usage.limit && usage.used > usage.limit / 2, "{usage:?}");
    }
}
