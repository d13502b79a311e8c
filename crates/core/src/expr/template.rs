//! Values in which strings may hold expressions.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::compiled_text::{CompiledText, TextPiece, compile_template};
use super::error::EvalError;
use super::evaluation::run_evaluation;
use super::expression::{code_references, syntax_problem};
use super::meter;
use super::path::ValuePath;
use super::path_lookup::FoundValue;
use super::references::{ReferenceCollector, References};
use super::scope::EvalScope;
use super::secret_insertion::{PLACEHOLDER, SecretInsertion, place_under};
use crate::memory::{ARC_BYTES, OBJECT_ENTRY_BYTES, allocated_bytes, clone_bytes};
use crate::{Map, Problems};

/// A compiled value in which strings may hold expressions.
#[derive(Debug)]
pub struct ValueTemplate {
    root: TemplateNode,
    references: References,
    leaves: Vec<TemplateLeaf>,
}

/// What a template rendered to.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedValue {
    /// The value, with placeholders for secrets.
    pub value: Arc<Value>,
    /// What is inserted into it before it is used.
    pub insertions: Vec<SecretInsertion>,
}

/// One string with expressions inside a template.
#[derive(Debug)]
pub struct TemplateLeaf {
    /// Its path from the start of the document: `steps[1].input.text`.
    pub path: String,
    /// What it refers to.
    pub references: References,
}

#[derive(Debug)]
enum TemplateNode {
    Static(Arc<Value>),
    Code { code: CompiledText, path: String },
    Array(Vec<TemplateNode>),
    Object(IndexMap<String, TemplateNode>),
}

impl TemplateNode {
    fn memory_bytes(&self) -> usize {
        let inner = match self {
            Self::Static(value) => ARC_BYTES + clone_bytes(value),
            Self::Code { code, path } => code.memory_bytes() + allocated_bytes(path.len()),
            Self::Array(items) => items.iter().map(Self::memory_bytes).sum(),
            Self::Object(fields) => {
                let field = |(key, node): (&String, &Self)| {
                    OBJECT_ENTRY_BYTES + allocated_bytes(key.len()) + node.memory_bytes()
                };
                fields.iter().map(field).sum()
            }
        };
        size_of::<Self>() + inner
    }
}

/// Appends a key to a path: `steps[1].input` and `text` make `steps[1].input.text`.
pub(crate) fn at_key(path: &str, key: &str) -> String {
    let is_plain =
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
    match (path.is_empty(), is_plain) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{}]", Value::from(key)),
    }
}

/// Whether Jinja would do anything with this text.
fn has_syntax(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// How many expressions, blocks and comments a text has; 0: it is not compiled.
pub(crate) fn count_expressions(text: &str) -> usize {
    ["{{", "{%", "{#"].iter().map(|open| text.matches(open).count()).sum()
}

struct TemplateCompiler {
    problems: Problems,
    leaves: Vec<TemplateLeaf>,
}

impl TemplateCompiler {
    fn compile_node(&mut self, value: &Value, path: &str) -> TemplateNode {
        match value {
            Value::String(text) if has_syntax(text) => match compile_template(text) {
                Ok(code) => {
                    let references = code_references(&code);
                    self.leaves.push(TemplateLeaf { path: path.to_owned(), references });
                    TemplateNode::Code { code, path: path.to_owned() }
                }
                Err(fault) => {
                    self.problems.push(syntax_problem(path, text, &fault));
                    TemplateNode::Static(Arc::new(Value::Null))
                }
            },
            Value::Array(items) => {
                let nodes: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(i, item)| self.compile_node(item, &format!("{path}[{i}]")))
                    .collect();
                match nodes.iter().all(|node| matches!(node, TemplateNode::Static(_))) {
                    true => TemplateNode::Static(Arc::new(value.clone())),
                    false => TemplateNode::Array(nodes),
                }
            }
            Value::Object(map) => {
                let nodes: IndexMap<_, _> = map
                    .iter()
                    .map(|(key, value)| (key.clone(), self.compile_node(value, &at_key(path, key))))
                    .collect();
                match nodes.values().all(|node| matches!(node, TemplateNode::Static(_))) {
                    true => TemplateNode::Static(Arc::new(value.clone())),
                    false => TemplateNode::Object(nodes),
                }
            }
            _ => TemplateNode::Static(Arc::new(value.clone())),
        }
    }
}

impl ValueTemplate {
    /// Compiles every string in `value`, whose path is `path`.
    ///
    /// # Errors
    /// Every string that is not a valid template, with its own path.
    pub fn compile_value(value: &Value, path: &str) -> Result<Self, Problems> {
        let mut compiler = TemplateCompiler { problems: Problems::default(), leaves: Vec::new() };
        let root = compiler.compile_node(value, path);
        let mut references = ReferenceCollector::default();
        for leaf in &compiler.leaves {
            references.merge_from(&leaf.references);
        }
        let references = references.into_references();
        compiler.problems.or_ok(Self { root, references, leaves: compiler.leaves })
    }

    /// Whether it holds no expression at all.
    pub fn is_static(&self) -> bool {
        matches!(self.root, TemplateNode::Static(_))
    }

    /// The value of a template without expressions; `None`: it has some.
    pub fn static_value(&self) -> Option<&Arc<Value>> {
        match &self.root {
            TemplateNode::Static(value) => Some(value),
            _ => None,
        }
    }

    /// The value with every expression evaluated. A static template gives the same `Arc` each
    /// time, and one that is exactly one path gives what the scope shares. Secrets are not in it:
    /// see [`SecretInsertion`].
    ///
    /// # Errors
    /// As [`super::Expression::eval_json`]; the message names the path inside the template.
    pub fn render_value(&self, scope: &dyn EvalScope) -> Result<RenderedValue, EvalError> {
        let mut insertions = Vec::new();
        let value = match &self.root {
            TemplateNode::Static(value) => Arc::clone(value),
            TemplateNode::Code { code: CompiledText::Path(at), path }
                if at.secret_name().is_none() =>
            {
                run_evaluation(scope, || {
                    at.resolve_path(scope)
                        .and_then(FoundValue::into_shared)
                        .map_err(|e| error_at(e, path))
                })?
            }
            other => {
                run_evaluation(scope, || render_node(other, scope, &mut insertions).map(Arc::new))?
            }
        };
        Ok(RenderedValue { value, insertions })
    }

    /// About how many bytes it takes, compiled code not counted.
    pub(crate) fn memory_bytes(&self) -> usize {
        let leaf =
            |leaf: &TemplateLeaf| allocated_bytes(leaf.path.len()) + leaf.references.memory_bytes();
        size_of::<Self>()
            + self.root.memory_bytes()
            + self.references.memory_bytes()
            + self.leaves.iter().map(|one| size_of::<String>() + leaf(one)).sum::<usize>()
    }

    /// What it refers to.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Every string with expressions, each with its place and what it refers to.
    pub fn leaves(&self) -> &[TemplateLeaf] {
        &self.leaves
    }

    /// Where the template at this place inside it (object keys, array indexes as text) is exactly
    /// one static dotted path, that path.
    pub fn as_path<S: AsRef<str>>(&self, inside: &[S]) -> Option<&[String]> {
        let mut at = &self.root;
        for key in inside {
            let key = key.as_ref();
            at = match at {
                TemplateNode::Object(fields) => fields.get(key)?,
                TemplateNode::Array(items) => items.get(key.parse::<usize>().ok()?)?,
                TemplateNode::Static(_) | TemplateNode::Code { .. } => return None,
            };
        }
        match at {
            TemplateNode::Code { code: CompiledText::Path(path), .. } => Some(path.names()),
            _ => None,
        }
    }
}

fn error_at(error: EvalError, path: &str) -> EvalError {
    if path.is_empty() {
        return error;
    }
    EvalError { message: format!("{path}: {}", error.message), ..error }
}

/// The error with the line of a template that has several.
fn at_line(error: EvalError, line: usize) -> EvalError {
    if line <= 1 {
        return error;
    }
    EvalError { message: format!("{} (at line {line})", error.message), ..error }
}

fn render_node(
    node: &TemplateNode,
    scope: &dyn EvalScope,
    insertions: &mut Vec<SecretInsertion>,
) -> Result<Value, EvalError> {
    match node {
        TemplateNode::Static(value) => Ok(Value::clone(value)),
        TemplateNode::Code { code, path } => {
            render_code(code, scope, insertions).map_err(|e| error_at(e, path))
        }
        TemplateNode::Array(items) => {
            let mut values = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let before = insertions.len();
                values.push(render_node(item, scope, insertions)?);
                if insertions.len() > before {
                    place_under(&mut insertions[before..], &index.to_string());
                }
            }
            Ok(Value::Array(values))
        }
        TemplateNode::Object(fields) => {
            let mut map = Map::with_capacity(fields.len());
            for (key, node) in fields {
                let before = insertions.len();
                map.insert(key.clone(), render_node(node, scope, insertions)?);
                place_under(&mut insertions[before..], key);
            }
            Ok(Value::Object(map))
        }
    }
}

pub(super) fn render_code(
    code: &CompiledText,
    scope: &dyn EvalScope,
    insertions: &mut Vec<SecretInsertion>,
) -> Result<Value, EvalError> {
    match code {
        CompiledText::Path(path) => match path.secret_name() {
            Some(name) => {
                insertions.push(SecretInsertion::new(0, name));
                Ok(PLACEHOLDER.into())
            }
            None => path.resolve_path(scope)?.into_json(),
        },
        CompiledText::Value(code) => code.eval_json(scope, insertions),
        CompiledText::Text(code) => code.render_text(scope, insertions).map(Value::String),
        CompiledText::Pieces(pieces) => {
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    TextPiece::Raw(raw) => text.push_str(raw),
                    TextPiece::Path { path, line } => match path.secret_name() {
                        Some(name) => {
                            insertions.push(SecretInsertion::new(text.len(), name));
                            text.push_str(PLACEHOLDER);
                        }
                        None => {
                            push_value(&mut text, path, scope).map_err(|e| at_line(e, *line))?
                        }
                    },
                }
                if text.len() > meter::MAX_TEXT {
                    return Err(EvalError::new("the text is too long"));
                }
            }
            Ok(Value::String(text))
        }
    }
}

/// Appends a value to text: scalars plain, `null` as nothing, arrays and objects as JSON.
fn push_value(text: &mut String, path: &ValuePath, scope: &dyn EvalScope) -> Result<(), EvalError> {
    use std::fmt::Write;
    let found = path.resolve_path(scope)?;
    match found.get() {
        Value::Null => {}
        Value::String(part) => {
            meter::charge_units(part.len() as u64).map_err(|error| EvalError::of_meter(&error))?;
            text.push_str(part);
        }
        other => {
            meter::weigh_json(other).map_err(|error| EvalError::of_meter(&error))?;
            // Writing to a string does not fail.
            let _ = write!(text, "{other}");
        }
    }
    Ok(())
}
