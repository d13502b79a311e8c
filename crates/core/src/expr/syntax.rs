//! From text to runnable code: limits on the text, parsing, rewriting, compiling.

use std::collections::BTreeMap;

use minijinja::machinery::{self, Token, ast};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;

use super::code::{CodeHandle, NotCompiled, SourceForm};
use super::environment::shared_environment;
use super::path::ValuePath;
use super::secret::{self, SecretInsertion};
use super::tree::static_path;
use super::{EvalError, EvalErrorKind, EvalScope, context, meter, stop_kind, value};
use crate::memory::allocated_bytes;

/// The most operators and names in one expression: they may all be nested, and walks over the tree
/// recurse.
const MAX_OPERATORS: usize = 400;
/// The most blocks and the most lists in one template, for the same reason.
const MAX_BLOCKS: usize = 2000;
/// The most branches of one template that nest without looking nested.
const MAX_ELIFS: usize = 100;
/// The longest template.
const MAX_SOURCE: usize = 1 << 20;

/// What is wrong with the text of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    /// From 1; 0 where unknown.
    pub(super) line: usize,
    /// From 1, in characters; 0 where unknown.
    pub(super) column: usize,
}

impl SyntaxError {
    /// From a position as the tokenizer counts it: columns from 0. It does not count beyond 16
    /// bits: what is there is at an unknown place.
    pub(super) fn at_position(line: u16, column: u16, message: String) -> Self {
        if line == u16::MAX || column == u16::MAX {
            return Self { message, line: 0, column: 0 };
        }
        Self { message, line: usize::from(line), column: usize::from(column) + 1 }
    }

    fn from_error(error: &minijinja::Error, source: &str) -> Self {
        let start = error.range().map(|range| range.start).unwrap_or_default();
        let before = source.get(..start).unwrap_or_default();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        // The error's own line has 16 bits.
        let line = match error.range() {
            Some(_) => before.matches('\n').count() + 1,
            None => error.line().unwrap_or(1),
        };
        Self { message: error_detail(error), line, column }
    }
}

fn error_detail(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (minijinja::ErrorKind::OutOfFuel, None) => {
            "it takes too many operations; let a step do this work".into()
        }
        (_, Some(detail)) => detail.to_owned(),
        // Only the sign is without one.
        (minijinja::ErrorKind::InvalidOperation, None) => {
            "the operation is not possible with this type of value; a sign `-` needs a number"
                .into()
        }
        (kind, None) => kind.to_string(),
    }
}

/// What a piece of text turned out to be.
#[derive(Debug)]
pub(super) enum CompiledText {
    /// One plain path: no Jinja needed to follow it.
    Path(ValuePath),
    /// An expression, for its value.
    Value(CodeHandle),
    /// Text with nothing but plain paths in it.
    Pieces(Vec<TextPiece>),
    /// A template, for its text.
    Text(CodeHandle),
}

/// A part of text.
#[derive(Debug)]
pub(super) enum TextPiece {
    Raw(String),
    Path {
        path: ValuePath,
        /// The line of the template, from 1.
        line: usize,
    },
}

impl CompiledText {
    /// About how many bytes it takes, the code itself not counted.
    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Path(path) => path.memory_bytes(),
            Self::Value(code) | Self::Text(code) => code.memory_bytes(),
            Self::Pieces(pieces) => pieces.iter().map(TextPiece::memory_bytes).sum(),
        }
    }
}

impl TextPiece {
    fn memory_bytes(&self) -> usize {
        let inner = match self {
            Self::Raw(text) => allocated_bytes(text.len()),
            Self::Path { path, .. } => path.memory_bytes(),
        };
        size_of::<Self>() + inner
    }
}

/// Compiles a bare expression.
pub(super) fn compile_expression(source: &str) -> Result<CompiledText, SyntaxError> {
    check_size(source, true)?;
    let tree = parse_expression(source)?;
    if let Some(path) = static_path(&tree) {
        return Ok(CompiledText::Path(path));
    }
    CodeHandle::compile_source(SourceForm::Expression, source).map(CompiledText::Value)
}

/// Compiles a template; one that is a single `{{ expression }}` is that expression.
pub(super) fn compile_template(source: &str) -> Result<CompiledText, SyntaxError> {
    check_size(source, false)?;
    let tree = parse_template(source)?;
    if let Some(only) = only_expression(source, &tree) {
        if let Some(path) = static_path(only) {
            return Ok(CompiledText::Path(path));
        }
        return CodeHandle::compile_source(SourceForm::Insertion, source).map(CompiledText::Value);
    }
    if let Some(pieces) = text_pieces(child_statements(&tree)) {
        return Ok(CompiledText::Pieces(pieces));
    }
    CodeHandle::compile_source(SourceForm::Template, source).map(CompiledText::Text)
}

fn syntax_config() -> Result<SyntaxConfig, SyntaxError> {
    // Text is data here: its last line break is part of it.
    let built = SyntaxConfig::builder().keep_trailing_newline(true).build();
    built.map_err(|e| SyntaxError { message: e.to_string(), line: 0, column: 0 })
}

pub(super) fn parse_template(source: &str) -> Result<ast::Stmt<'_>, SyntaxError> {
    machinery::parse(source, "<template>", syntax_config()?)
        .map_err(|e| SyntaxError::from_error(&e, source))
}

pub(super) fn parse_expression(source: &str) -> Result<ast::Expr<'_>, SyntaxError> {
    machinery::parse_expr(source).map_err(|e| SyntaxError::from_error(&e, source))
}

pub(super) fn child_statements<'t, 's>(tree: &'t ast::Stmt<'s>) -> &'t [ast::Stmt<'s>] {
    match tree {
        ast::Stmt::Template(template) => &template.children,
        other => std::slice::from_ref(other),
    }
}

pub(super) fn only_expression<'t, 's>(
    source: &str,
    tree: &'t ast::Stmt<'s>,
) -> Option<&'t ast::Expr<'s>> {
    match child_statements(tree) {
        [ast::Stmt::EmitExpr(only)] if source.starts_with("{{") && source.ends_with("}}") => {
            Some(&only.expr)
        }
        _ => None,
    }
}

fn text_pieces(tree: &[ast::Stmt<'_>]) -> Option<Vec<TextPiece>> {
    tree.iter()
        .map(|stmt| match stmt {
            ast::Stmt::EmitRaw(raw) => Some(TextPiece::Raw(raw.raw.to_owned())),
            ast::Stmt::EmitExpr(emit) => {
                let line = usize::from(emit.span().start_line);
                static_path(&emit.expr).map(|path| TextPiece::Path { path, line })
            }
            _ => None,
        })
        .collect()
}

/// The expressions of a template that has no blocks, as they are written.
pub(crate) fn find_insertions(source: &str) -> Vec<&str> {
    let Ok(syntax) = syntax_config() else { return Vec::new() };
    let (mut all, mut start) = (Vec::new(), None);
    for token in machinery::tokenize(source, false, syntax) {
        match token {
            Ok((Token::VariableStart, span)) => start = Some(span.end_offset as usize),
            Ok((Token::VariableEnd, span)) => {
                let end = span.start_offset as usize;
                all.extend(start.take().and_then(|start| source.get(start..end)));
            }
            Ok((Token::BlockStart, _)) | Err(_) => return Vec::new(),
            Ok(_) => {}
        }
    }
    all
}

/// Refuses what would nest too deep for those who walk the tree, before there is a tree.
fn check_size(source: &str, in_expression: bool) -> Result<(), SyntaxError> {
    let too_much = |what: String| Err(SyntaxError { message: what, line: 0, column: 0 });
    if source.len() > MAX_SOURCE {
        return too_much(format!("a template may have at most {} KiB", MAX_SOURCE >> 10));
    }
    let (mut operators, mut blocks, mut elifs, mut lists) = (0, 0, 0, 0);
    for token in machinery::tokenize(source, in_expression, syntax_config()?) {
        // The parser reports the same error with a better message.
        let Ok((token, _)) = token else { break };
        match token {
            Token::VariableStart => operators = 0,
            Token::BlockStart => {
                operators = 0;
                blocks += 1;
            }
            Token::Ident("elif") => elifs += 1,
            Token::BracketOpen | Token::BraceOpen => lists += 1,
            Token::TemplateData(_)
            | Token::Comma
            | Token::Colon
            | Token::Str(_)
            | Token::String(_)
            | Token::Int(_)
            | Token::Int128(_)
            | Token::Float(_) => {}
            _ => operators += 1,
        }
        if operators > MAX_OPERATORS {
            return too_much(format!("an expression may have at most {MAX_OPERATORS} operators"));
        }
        if blocks > MAX_BLOCKS || lists > MAX_BLOCKS || elifs > MAX_ELIFS {
            return too_much(format!(
                "a template may have at most {MAX_BLOCKS} blocks and lists, {MAX_ELIFS} `elif`"
            ));
        }
    }
    Ok(())
}

impl CodeHandle {
    /// Runs it; `text` gets what it writes.
    fn run_code(
        &self,
        scope: &dyn EvalScope,
        text: &mut String,
    ) -> Result<Option<Value>, EvalError> {
        let program = self.load_program().map_err(|error| self.not_compiled(error))?;
        let root = context::build_root(self.references(), scope)
            .map_err(|error| EvalError::of_meter(&error))?;
        let mut out = machinery::make_string_output(text);
        machinery::eval(
            shared_environment(meter::is_inline()),
            program.instructions(),
            root,
            &BTreeMap::new(),
            &mut out,
            minijinja::AutoEscape::None,
        )
        .map(|(value, _)| value)
        .map_err(|error| self.to_eval_error(&error))
    }

    fn not_compiled(&self, error: NotCompiled) -> EvalError {
        let fault = match error {
            NotCompiled::Budget(error) => return EvalError::of_meter(&error),
            NotCompiled::Fault(fault) => fault,
        };
        let message = format!("{} in {}", fault.message, describe_error(self.source(), &fault));
        EvalError { message, kind: EvalErrorKind::Internal }
    }

    /// The value of an expression.
    pub(super) fn eval_value(&self, scope: &dyn EvalScope) -> Result<Value, EvalError> {
        let value = self.run_code(scope, &mut String::new())?.unwrap_or_default();
        if value.is_undefined() {
            return Err(EvalError::new(format!(
                "`{}` is undefined",
                shorten_source(self.source())
            )));
        }
        Ok(value)
    }

    /// The value of an expression as JSON, and the secrets that are inserted into it.
    pub(super) fn eval_json(
        &self,
        scope: &dyn EvalScope,
        insertions: &mut Vec<SecretInsertion>,
    ) -> Result<serde_json::Value, EvalError> {
        let value = self.eval_value(scope)?;
        value::to_json_placed(&value, insertions).map_err(|error| self.to_eval_error(&error))
    }

    /// The text of a template, and the secrets that are inserted into it.
    pub(super) fn render_text(
        &self,
        scope: &dyn EvalScope,
        insertions: &mut Vec<SecretInsertion>,
    ) -> Result<String, EvalError> {
        let mut text = String::new();
        secret::start_text();
        self.run_code(scope, &mut text)?;
        if text.len() > meter::MAX_TEXT {
            return Err(EvalError::new("the text is too long"));
        }
        insertions.append(&mut secret::end_text(text.len())?);
        Ok(text)
    }

    fn to_eval_error(&self, error: &minijinja::Error) -> EvalError {
        let cause = innermost_error(error);
        let fault = SyntaxError::from_error(cause, self.source());
        let message = format!("{} in {}", fault.message, describe_error(self.source(), &fault));
        let is_fuel =
            cause.kind() == minijinja::ErrorKind::OutOfFuel && meter::stop_reason().is_none();
        let kind = match is_fuel && meter::is_inline() {
            true => EvalErrorKind::NeedsFullBudget,
            false => stop_kind(),
        };
        EvalError { message, kind }
    }
}

/// The error that started it: the outer ones only say on the way to what.
fn innermost_error(error: &minijinja::Error) -> &minijinja::Error {
    let mut at = error;
    while let Some(inner) = std::error::Error::source(at).and_then(|e| e.downcast_ref()) {
        at = inner;
    }
    if at.range().is_none() { error_with_range(error, at) } else { at }
}

fn error_with_range<'e>(
    outer: &'e minijinja::Error,
    inner: &'e minijinja::Error,
) -> &'e minijinja::Error {
    if outer.detail().is_some() { outer } else { inner }
}

/// Where a fault is, for a message: the text and the position in it.
pub(super) fn describe_error(source: &str, fault: &SyntaxError) -> String {
    let place = match fault.line {
        0 => String::new(),
        1 => format!(" at column {}", fault.column),
        line => format!(" at line {line}, column {}", fault.column),
    };
    format!("`{}`{place}", shorten_source(source))
}

fn shorten_source(source: &str) -> String {
    match source.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", source.get(..end).unwrap_or_default()),
        None => source.to_owned(),
    }
}
