//! From text to its syntax tree: limits on the text, parsing, the places of faults.

use minijinja::machinery::{self, Token, ast};
use minijinja::syntax::SyntaxConfig;

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

    pub(super) fn from_error(error: &minijinja::Error, source: &str) -> Self {
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
pub(super) fn check_size(source: &str, in_expression: bool) -> Result<(), SyntaxError> {
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

/// Where a fault is, for a message: the text and the position in it.
pub(super) fn describe_error(source: &str, fault: &SyntaxError) -> String {
    let place = match fault.line {
        0 => String::new(),
        1 => format!(" at column {}", fault.column),
        line => format!(" at line {line}, column {}", fault.column),
    };
    format!("`{}`{place}", shorten_source(source))
}

/// The beginning of a text, for a message.
pub(super) fn shorten_source(source: &str) -> String {
    match source.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", source.get(..end).unwrap_or_default()),
        None => source.to_owned(),
    }
}
