//! Building blocks of syntax trees: the parser's nodes can be read but not taken apart, so rewritten
//! ones are built from scratch.

use minijinja::machinery::{Span, ast};
use minijinja::value::Value;

use super::operations::WEIGH;
use super::path::{PathKey, ValuePath};

/// The static path that an expression is, if it is one.
pub(super) fn static_path(expr: &ast::Expr<'_>) -> Option<ValuePath> {
    path_keys(expr).map(ValuePath::new)
}

pub(super) fn path_keys(expr: &ast::Expr<'_>) -> Option<Vec<PathKey>> {
    match expr {
        ast::Expr::Var(var) => Some(vec![PathKey::Name(var.id.into())]),
        ast::Expr::GetAttr(get) => {
            let mut keys = path_keys(&get.expr)?;
            keys.push(PathKey::Name(get.name.into()));
            Some(keys)
        }
        ast::Expr::GetItem(get) => {
            let ast::Expr::Const(subscript) = &get.subscript_expr else { return None };
            let key = match subscript.value.as_str() {
                Some(name) => PathKey::Name(name.into()),
                None if subscript.value.is_integer() => PathKey::Index(subscript.value.as_usize()?),
                None => return None,
            };
            let mut keys = path_keys(&get.expr)?;
            keys.push(key);
            Some(keys)
        }
        _ => None,
    }
}

pub(super) fn root_name<'a>(expr: &ast::Expr<'a>) -> Option<&'a str> {
    match expr {
        ast::Expr::Var(var) => Some(var.id),
        ast::Expr::GetAttr(get) => root_name(&get.expr),
        ast::Expr::GetItem(get) => root_name(&get.expr),
        _ => None,
    }
}

pub(super) fn spanned_node<T>(node: T, span: Span) -> ast::Spanned<T> {
    ast::Spanned::new(node, span)
}

pub(super) fn call_function<'a>(
    function: &'static str,
    args: Vec<ast::Expr<'a>>,
    span: Span,
) -> ast::Expr<'a> {
    let args = args.into_iter().map(ast::CallArg::Pos).collect();
    let expr = ast::Expr::Var(spanned_node(ast::Var { id: function }, span));
    ast::Expr::Call(spanned_node(ast::Call { expr, args }, span))
}

pub(super) fn none_constant<'a>(span: Span) -> ast::Expr<'a> {
    ast::Expr::Const(spanned_node(ast::Const { value: Value::from(()) }, span))
}

pub(super) fn weigh_expr(expr: ast::Expr<'_>) -> ast::Expr<'_> {
    if matches!(expr, ast::Expr::Const(_)) {
        return expr;
    }
    let span = expr.span();
    call_function(WEIGH, vec![expr], span)
}

pub(super) fn copy_unary(op: &ast::UnaryOpKind) -> ast::UnaryOpKind {
    match op {
        ast::UnaryOpKind::Not => ast::UnaryOpKind::Not,
        ast::UnaryOpKind::Neg => ast::UnaryOpKind::Neg,
    }
}

/// A copy of what `keys` accepts.
pub(super) fn copy_path<'a>(expr: &ast::Expr<'a>) -> ast::Expr<'a> {
    let span = expr.span();
    match expr {
        ast::Expr::Var(var) => ast::Expr::Var(spanned_node(ast::Var { id: var.id }, span)),
        ast::Expr::GetAttr(get) => {
            let node = ast::GetAttr { expr: copy_path(&get.expr), name: get.name };
            ast::Expr::GetAttr(spanned_node(node, span))
        }
        ast::Expr::GetItem(get) => {
            let node = ast::GetItem {
                expr: copy_path(&get.expr),
                subscript_expr: copy_path(&get.subscript_expr),
            };
            ast::Expr::GetItem(spanned_node(node, span))
        }
        ast::Expr::Const(c) => {
            ast::Expr::Const(spanned_node(ast::Const { value: c.value.clone() }, span))
        }
        _ => none_constant(span),
    }
}

pub(super) fn copy_target<'a>(target: &ast::Expr<'a>) -> ast::Expr<'a> {
    let span = target.span();
    match target {
        ast::Expr::List(list) => {
            let items = list.items.iter().map(copy_target).collect();
            ast::Expr::List(spanned_node(ast::List { items }, span))
        }
        ast::Expr::Tuple(tuple) => {
            let items = tuple.items.iter().map(copy_target).collect();
            ast::Expr::Tuple(spanned_node(ast::Tuple { items }, span))
        }
        other => copy_path(other),
    }
}
