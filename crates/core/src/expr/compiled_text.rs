//! A text as it is evaluated: a plain path, text with paths in it, or compiled code.

use minijinja::machinery::ast;

use super::code::{CodeHandle, SourceForm};
use super::path::ValuePath;
use super::syntax::{
    SyntaxError, check_size, child_statements, only_expression, parse_expression, parse_template,
};
use super::tree::static_path;
use crate::memory::allocated_bytes;

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
