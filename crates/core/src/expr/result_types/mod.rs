//! The types of expressions, inferred from their syntax without evaluating them.
//!
//! An expression is refused only where no value of its type can ever fit, so wherever nothing is
//! known, any type is assumed.

mod operations;

use minijinja::machinery::ast;
use minijinja::value::{Value, ValueKind};

use super::operand_types::{ITERABLE, NUMERIC};
use super::path::ValuePath;
use super::syntax::{self, SyntaxError};
use super::tree::path_keys;
use crate::definition::ValueTypes;
use crate::json::check_number;

/// What a template results in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InferredType {
    /// Text around or between expressions.
    Text,
    /// The value of its only expression.
    Value(ValueTypes),
}

/// What is known of a template or expression.
pub(crate) struct TypeAnalysis {
    pub(crate) result: InferredType,
    /// Operations that fail whenever the expression is evaluated, as sentences.
    pub(crate) faults: Vec<String>,
}

/// The type of a template. `None` if it is not known.
pub(crate) fn infer_type(
    source: &str,
    lookup: &dyn Fn(&[String]) -> ValueTypes,
) -> Option<InferredType> {
    analyse_template(source, lookup).map(|analysis| analysis.result)
}

/// Analyses a template that compiles. `lookup` gives the type of what a path leads to.
pub(crate) fn analyse_template(
    source: &str,
    lookup: &dyn Fn(&[String]) -> ValueTypes,
) -> Option<TypeAnalysis> {
    let tree = syntax::parse_template(source).ok()?;
    let mut walk = TypeWalk { lookup, source, faults: Vec::new() };
    if let Some(only) = syntax::only_expression(source, &tree) {
        let result = InferredType::Value(walk.expr_types(only, true));
        return Some(TypeAnalysis { result, faults: walk.faults });
    }
    let children = syntax::child_statements(&tree);
    let is_plain =
        |stmt: &ast::Stmt<'_>| matches!(stmt, ast::Stmt::EmitRaw(_) | ast::Stmt::EmitExpr(_));
    // Statements bind names, repeat and branch: what is inside is not followed.
    if children.iter().all(is_plain) {
        for stmt in children {
            if let ast::Stmt::EmitExpr(emit) = stmt {
                walk.expr_types(&emit.expr, true);
            }
        }
    } else if !["set", "with", "macro", "import"].iter().any(|word| source.contains(word)) {
        for stmt in children {
            walk.loop_over(stmt);
        }
    }
    Some(TypeAnalysis { result: InferredType::Text, faults: walk.faults })
}

/// Analyses a bare expression that compiles.
pub(crate) fn analyse_expression(
    source: &str,
    lookup: &dyn Fn(&[String]) -> ValueTypes,
) -> Option<TypeAnalysis> {
    let tree = syntax::parse_expression(source).ok()?;
    let mut walk = TypeWalk { lookup, source, faults: Vec::new() };
    let result = InferredType::Value(walk.expr_types(&tree, true));
    Some(TypeAnalysis { result, faults: walk.faults })
}

/// The result of every function. That of every test is a boolean.
pub(super) const FUNCTIONS: &[(&str, ValueTypes)] =
    &[("dict", ValueTypes::OBJECT), ("range", ValueTypes::ARRAY)];

fn find_entry<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, result)| *result)
}

/// One walk over an expression.
struct TypeWalk<'w> {
    lookup: &'w dyn Fn(&[String]) -> ValueTypes,
    source: &'w str,
    faults: Vec<String>,
}

impl TypeWalk<'_> {
    /// What a loop goes over that is run whenever the template is.
    fn loop_over(&mut self, stmt: &ast::Stmt<'_>) {
        let ast::Stmt::ForLoop(looped) = stmt else { return };
        let found = self.expr_types(&looped.iter, true);
        if !found.is_usable_as(ITERABLE) {
            let message = format!("`for` goes over text, lists and objects, not {found}");
            self.report_error(&looped.iter, true, message);
        }
    }

    /// The types that an expression may have. `certain`: it is evaluated whenever the whole is.
    fn expr_types(&mut self, expr: &ast::Expr<'_>, certain: bool) -> ValueTypes {
        match expr {
            ast::Expr::Const(constant) => {
                self.check_literal(expr, &constant.value);
                of_constant(&constant.value)
            }
            ast::Expr::Var(_) => self.path_types(expr),
            ast::Expr::GetAttr(get) => {
                if path_keys(expr).is_none() {
                    self.expr_types(&get.expr, certain);
                }
                self.path_types(expr)
            }
            ast::Expr::GetItem(get) => {
                if path_keys(expr).is_none() {
                    self.expr_types(&get.expr, certain);
                    self.expr_types(&get.subscript_expr, certain);
                }
                self.path_types(expr)
            }
            ast::Expr::Slice(slice) => self.slice_types(expr, slice, certain),
            ast::Expr::UnaryOp(op) => self.unary_types(expr, op, certain),
            ast::Expr::BinOp(op) => self.binary_types(expr, op, certain),
            ast::Expr::Compare(compare) => {
                self.expr_types(&compare.expr, certain);
                // A chain ends at the first comparison that does not hold.
                for (i, op) in compare.ops.iter().enumerate() {
                    self.expr_types(&op.expr, certain && i == 0);
                }
                ValueTypes::BOOLEAN
            }
            ast::Expr::IfExpr(branch) => {
                self.expr_types(&branch.test_expr, certain);
                let found = self.expr_types(&branch.true_expr, false);
                match &branch.false_expr {
                    Some(other) => found.union_with(self.expr_types(other, false)),
                    // Without one, it is undefined, which fails.
                    None => found,
                }
            }
            ast::Expr::Filter(filter) => self.filter_types(expr, filter, certain),
            ast::Expr::Test(test) => self.test_types(expr, test, certain),
            ast::Expr::Call(call) => {
                self.argument_types(&call.args, certain);
                match &call.expr {
                    ast::Expr::Var(var) => {
                        self.check_arguments(expr, var.id, &call.args, certain);
                        find_entry(FUNCTIONS, var.id).unwrap_or(ValueTypes::ALL)
                    }
                    _ => ValueTypes::ALL,
                }
            }
            ast::Expr::List(list) => self.item_types(&list.items, certain),
            ast::Expr::Tuple(tuple) => self.item_types(&tuple.items, certain),
            ast::Expr::Map(map) => {
                self.item_types(&map.keys, certain);
                self.item_types(&map.values, certain);
                ValueTypes::OBJECT
            }
        }
    }

    fn slice_types(
        &mut self,
        expr: &ast::Expr<'_>,
        slice: &ast::Slice<'_>,
        certain: bool,
    ) -> ValueTypes {
        let found = self.expr_types(&slice.expr, certain);
        if !found.is_usable_as(ITERABLE) {
            let message = format!("`[…]` takes a part of a text or list, not of {found}");
            return self.report_error(expr, certain, message);
        }
        if found == ValueTypes::STRING {
            found
        } else {
            ValueTypes::STRING.union_with(ValueTypes::ARRAY)
        }
    }

    fn unary_types(
        &mut self,
        expr: &ast::Expr<'_>,
        op: &ast::UnaryOp<'_>,
        certain: bool,
    ) -> ValueTypes {
        let operand = self.expr_types(&op.expr, certain);
        match op.op {
            ast::UnaryOpKind::Not => ValueTypes::BOOLEAN,
            ast::UnaryOpKind::Neg if operand.is_usable_as(NUMERIC) => ValueTypes::NUMBER,
            ast::UnaryOpKind::Neg => {
                let message = format!("`-` needs a number, not {operand}");
                self.report_error(expr, certain, message)
            }
        }
    }

    fn test_types(
        &mut self,
        expr: &ast::Expr<'_>,
        test: &ast::Test<'_>,
        certain: bool,
    ) -> ValueTypes {
        let found = self.expr_types(&test.expr, certain);
        self.argument_types(&test.args, certain);
        if test.name == "divisibleby" && !found.is_usable_as(NUMERIC) {
            let message = format!("`is divisibleby` needs a number, not {found}");
            self.report_error(expr, certain, message);
        }
        self.check_arguments(expr, test.name, &test.args, certain);
        ValueTypes::BOOLEAN
    }

    /// A number with a fraction is rounded when it is parsed: the text is checked instead.
    fn check_literal(&mut self, expr: &ast::Expr<'_>, value: &Value) {
        if value.kind() != ValueKind::Number || value.is_integer() {
            return;
        }
        let span = expr.span();
        let text = self.source.get(span.start_offset as usize..span.end_offset as usize);
        let text = text.unwrap_or_default().replace('_', "");
        if text.parse::<f64>().is_ok()
            && let Err(message) = check_number(&text)
        {
            self.report_error(expr, true, message);
        }
    }

    fn item_types(&mut self, items: &[ast::Expr<'_>], certain: bool) -> ValueTypes {
        for item in items {
            self.expr_types(item, certain);
        }
        ValueTypes::ARRAY
    }

    fn path_types(&self, expr: &ast::Expr<'_>) -> ValueTypes {
        path_keys(expr).map_or(ValueTypes::ALL, |keys| (self.lookup)(ValuePath::new(keys).names()))
    }

    /// The types of the arguments together.
    fn argument_types(&mut self, args: &[ast::CallArg<'_>], certain: bool) -> ValueTypes {
        args.iter().fold(ValueTypes::NEVER, |all, arg| {
            let (ast::CallArg::Pos(expr)
            | ast::CallArg::Kwarg(_, expr)
            | ast::CallArg::PosSplat(expr)
            | ast::CallArg::KwargSplat(expr)) = arg;
            all.union_with(self.expr_types(expr, certain))
        })
    }

    /// Reports an operation that always fails; its result has no type, so that later checks do not
    /// report it again.
    fn report_error(&mut self, expr: &ast::Expr<'_>, certain: bool, message: String) -> ValueTypes {
        if certain {
            let span = expr.span();
            let fault = SyntaxError::at_position(span.start_line, span.start_col, message);
            let place = syntax::describe_error(self.source, &fault);
            let fault = format!("{} in {place}", fault.message);
            // Arguments are visited twice.
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
        }
        ValueTypes::ALL
    }
}

/// The types of a value that is written out.
pub(super) fn of_constant(value: &Value) -> ValueTypes {
    match value.kind() {
        ValueKind::None => ValueTypes::NULL,
        ValueKind::Bool => ValueTypes::BOOLEAN,
        ValueKind::Number if value.is_integer() => ValueTypes::INTEGER,
        ValueKind::Number => ValueTypes::NUMBER,
        ValueKind::String => ValueTypes::STRING,
        ValueKind::Seq | ValueKind::Iterable => ValueTypes::ARRAY,
        ValueKind::Map => ValueTypes::OBJECT,
        _ => ValueTypes::ALL,
    }
}
