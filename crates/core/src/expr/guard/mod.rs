//! Rewrites a syntax tree so that every operation pays for the data it touches, refuses what this
//! engine does not have, and notes what the tree refers to.
//!
//! Jinja's operators cannot be replaced, and some make much from little (`'x' * 10 ** 8`). In the
//! rewritten tree their operands pass through functions of `filters`, under names that no source
//! can contain.

mod statements;

use std::collections::BTreeSet;

use minijinja::machinery::{Span, ast};
use minijinja::value::Value;

use super::environment::ROOTS;
use super::operations::{
    CONCAT, DIVIDE, DIVIDE_WHOLE, FILTERS, FUNCTIONS, INDEX, MEMBER, MINUS, PLUS, POWER, REMAINDER,
    SLICE, TESTS, TIMES,
};
use super::path::ValuePath;
use super::references::ReferenceCollector;
use super::secret;
use super::syntax::SyntaxError;
use super::tree::{
    call_function, copy_path, copy_target, copy_unary, none_constant, path_keys, root_name,
    spanned_node, weigh_expr,
};

/// The walk over one tree.
pub(super) struct SyntaxGuard<'a> {
    scopes: Vec<BTreeSet<&'a str>>,
    /// What was referred to so far.
    pub(super) references: ReferenceCollector,
    /// What is not allowed, the first first.
    pub(super) faults: Vec<SyntaxError>,
    /// Whether the next expression is written into text or a value, where secrets can be placed.
    places_secrets: bool,
    /// The first block whose text is kept before it is written.
    capture: Option<Span>,
}

impl<'a> SyntaxGuard<'a> {
    pub(super) fn new() -> Self {
        Self {
            scopes: vec![BTreeSet::new()],
            references: ReferenceCollector::default(),
            faults: Vec::new(),
            places_secrets: false,
            capture: None,
        }
    }

    fn add_error(&mut self, span: Span, message: String) {
        self.faults.push(SyntaxError::at_position(span.start_line, span.start_col, message));
    }

    fn is_local(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.contains(name))
    }

    fn bind_target(&mut self, target: &ast::Expr<'a>) {
        match target {
            ast::Expr::Var(var) => {
                if ROOTS.contains(&var.id) {
                    self.add_error(target.span(), format!("`{}` cannot be set", var.id));
                }
                if let Some(scope) = self.scopes.last_mut() {
                    scope.insert(var.id);
                }
            }
            ast::Expr::List(list) => list.items.iter().for_each(|item| self.bind_target(item)),
            ast::Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.bind_target(item)),
            other => self.add_error(other.span(), "only a name can be set".into()),
        }
    }

    /// A target, bound and copied as it is.
    fn guard_target(&mut self, target: &ast::Expr<'a>) -> ast::Expr<'a> {
        self.bind_target(target);
        copy_target(target)
    }

    fn require_known(&mut self, span: Span, what: &str, name: &str, names: &[&str]) {
        if !names.contains(&name) {
            let hint = crate::definition::did_you_mean(name, names.iter().copied());
            self.add_error(span, format!("there is no {what} `{name}`{hint}"));
        }
    }

    /// Notes a reference, if the expression is one.
    fn note_reference(&mut self, expr: &ast::Expr<'a>, optional: bool) -> bool {
        if root_name(expr).is_none_or(|name| self.is_local(name)) {
            return false;
        }
        match path_keys(expr) {
            Some(keys) => {
                self.references.add_path(ValuePath::new(keys).names(), optional);
                true
            }
            None => false,
        }
    }

    pub(super) fn guard_expr(&mut self, expr: &ast::Expr<'a>) -> ast::Expr<'a> {
        self.guard_argument(expr, false)
    }

    /// An expression whose value is written as it is, so that secrets can be placed there.
    pub(super) fn guard_placed(&mut self, expr: &ast::Expr<'a>) -> ast::Expr<'a> {
        self.guard_argument(expr, true)
    }

    fn guard_argument(&mut self, expr: &ast::Expr<'a>, places_secrets: bool) -> ast::Expr<'a> {
        self.places_secrets = places_secrets;
        self.visit_expr(expr, false)
    }

    /// Refuses `secrets` in any other form than `secrets.NAME` where a secret can be placed.
    fn check_secret(&mut self, expr: &ast::Expr<'a>, places_secrets: bool) {
        if root_name(expr) != Some("secrets") {
            return;
        }
        let keys = path_keys(expr).map(ValuePath::new);
        if places_secrets && keys.as_ref().is_some_and(|path| path.secret_name().is_some()) {
            return;
        }
        let written = keys.map_or_else(|| "secrets".into(), |path| path.names().join("."));
        self.add_error(expr.span(), secret::only_placed(&written));
    }

    /// Refuses secrets beside text that is kept before it is written: where it ends up is not
    /// known.
    pub(super) fn check_captures(&mut self) {
        if let Some(span) = self.capture
            && self.references.has_root("secrets")
        {
            let message = "a template with secrets cannot have `{% set %}…{% endset %}` or \
                           `{% filter %}` blocks; write `{% set name = … %}`";
            self.add_error(span, message.into());
        }
    }

    fn guard_optional(&mut self, expr: Option<&ast::Expr<'a>>) -> Option<ast::Expr<'a>> {
        expr.map(|expr| self.guard_expr(expr))
    }

    fn visit_expr(&mut self, expr: &ast::Expr<'a>, optional: bool) -> ast::Expr<'a> {
        let span = expr.span();
        let places = std::mem::take(&mut self.places_secrets);
        self.check_secret(expr, places);
        match expr {
            ast::Expr::Var(var) => {
                self.note_reference(expr, optional);
                ast::Expr::Var(spanned_node(ast::Var { id: var.id }, span))
            }
            ast::Expr::Const(c) => {
                ast::Expr::Const(spanned_node(ast::Const { value: c.value.clone() }, span))
            }
            ast::Expr::GetAttr(_) | ast::Expr::GetItem(_) if optional => self.visit_chain(expr),
            ast::Expr::GetAttr(get) => {
                let inner = self.visit_object(expr, &get.expr);
                ast::Expr::GetAttr(spanned_node(ast::GetAttr { expr: inner, name: get.name }, span))
            }
            ast::Expr::GetItem(get) => {
                let inner = self.visit_object(expr, &get.expr);
                let key = self.guard_expr(&get.subscript_expr);
                call_function(INDEX, vec![inner, key], span)
            }
            ast::Expr::Slice(slice) => {
                let mut args = vec![self.guard_expr(&slice.expr)];
                for bound in [&slice.start, &slice.stop, &slice.step] {
                    args.push(
                        self.guard_optional(bound.as_ref()).unwrap_or_else(|| none_constant(span)),
                    );
                }
                call_function(SLICE, args, span)
            }
            ast::Expr::UnaryOp(op) => {
                let node = ast::UnaryOp { op: copy_unary(&op.op), expr: self.guard_expr(&op.expr) };
                ast::Expr::UnaryOp(spanned_node(node, span))
            }
            ast::Expr::BinOp(op) => self.guard_binary(op, span, places),
            ast::Expr::Compare(compare) => self.guard_compare(compare, span),
            ast::Expr::IfExpr(branch) => ast::Expr::IfExpr(spanned_node(
                ast::IfExpr {
                    test_expr: self.guard_expr(&branch.test_expr),
                    true_expr: self.guard_argument(&branch.true_expr, places),
                    false_expr: branch
                        .false_expr
                        .as_ref()
                        .map(|expr| self.guard_argument(expr, places)),
                },
                span,
            )),
            ast::Expr::Filter(filter) => self.guard_filter(filter, span),
            ast::Expr::Test(test) => self.guard_test(test, span),
            ast::Expr::Call(node) => self.guard_call(node, span),
            ast::Expr::List(list) => {
                let items =
                    list.items.iter().map(|item| self.guard_argument(item, places)).collect();
                ast::Expr::List(spanned_node(ast::List { items }, span))
            }
            ast::Expr::Tuple(tuple) => {
                let items =
                    tuple.items.iter().map(|item| self.guard_argument(item, places)).collect();
                ast::Expr::Tuple(spanned_node(ast::Tuple { items }, span))
            }
            ast::Expr::Map(map) => {
                let keys = map.keys.iter().map(|key| self.map_key(key)).collect();
                let values =
                    map.values.iter().map(|value| self.guard_argument(value, places)).collect();
                ast::Expr::Map(spanned_node(ast::Map { keys, values }, span))
            }
        }
    }

    /// A key of a map literal, which is hashed and compared as a whole.
    fn map_key(&mut self, key: &ast::Expr<'a>) -> ast::Expr<'a> {
        let is_constant = matches!(key, ast::Expr::Const(_));
        let key = self.guard_expr(key);
        if is_constant { key } else { weigh_expr(key) }
    }

    /// The object of an attribute: part of a reference noted as a whole, or visited by itself.
    fn visit_object(&mut self, whole: &ast::Expr<'a>, inner: &ast::Expr<'a>) -> ast::Expr<'a> {
        if self.note_reference(whole, false) {
            // A part of it is not a reference of its own.
            copy_path(inner)
        } else {
            self.visit_expr(inner, false)
        }
    }

    /// A chain of members before `default` or `is defined`: it may end anywhere.
    fn visit_chain(&mut self, expr: &ast::Expr<'a>) -> ast::Expr<'a> {
        let noted = self.note_reference(expr, true);
        self.guard_member(expr, noted)
    }

    fn guard_member(&mut self, expr: &ast::Expr<'a>, noted: bool) -> ast::Expr<'a> {
        let span = expr.span();
        let (inner, key) = match expr {
            ast::Expr::GetAttr(get) => {
                let value = Value::from(get.name);
                (&get.expr, ast::Expr::Const(spanned_node(ast::Const { value }, span)))
            }
            ast::Expr::GetItem(get) if noted => (&get.expr, copy_path(&get.subscript_expr)),
            ast::Expr::GetItem(get) => (&get.expr, self.guard_expr(&get.subscript_expr)),
            other if noted => return copy_path(other),
            other => return self.visit_expr(other, true),
        };
        let noted = noted || self.note_reference(inner, true);
        let inner = self.guard_member(inner, noted);
        call_function(MEMBER, vec![inner, key], span)
    }

    fn guard_binary(&mut self, op: &ast::BinOp<'a>, span: Span, places: bool) -> ast::Expr<'a> {
        use ast::BinOpKind as Kind;
        // Of all operators, only this one takes secrets.
        let places = places && matches!(op.op, Kind::Concat);
        let (left, right) =
            (self.guard_argument(&op.left, places), self.guard_argument(&op.right, places));
        let (left, right) = match op.op {
            Kind::Add => return call_function(PLUS, vec![left, right], span),
            Kind::Mul => return call_function(TIMES, vec![left, right], span),
            Kind::Concat => return call_function(CONCAT, vec![left, right], span),
            Kind::ScAnd | Kind::ScOr => (left, right),
            Kind::Sub => return call_function(MINUS, vec![left, right], span),
            Kind::Div => return call_function(DIVIDE, vec![left, right], span),
            Kind::FloorDiv => return call_function(DIVIDE_WHOLE, vec![left, right], span),
            Kind::Rem => return call_function(REMAINDER, vec![left, right], span),
            Kind::Pow => return call_function(POWER, vec![left, right], span),
            Kind::Eq | Kind::Ne | Kind::Lt | Kind::Lte | Kind::Gt | Kind::Gte | Kind::In => {
                (weigh_expr(left), weigh_expr(right))
            }
        };
        ast::Expr::BinOp(spanned_node(ast::BinOp { op: op.op, left, right }, span))
    }

    fn guard_compare(&mut self, compare: &ast::Compare<'a>, span: Span) -> ast::Expr<'a> {
        let expr = weigh_expr(self.guard_expr(&compare.expr));
        let ops = compare
            .ops
            .iter()
            .map(|op| ast::CompareOp { op: op.op, expr: weigh_expr(self.guard_expr(&op.expr)) });
        let ops = ops.collect();
        ast::Expr::Compare(spanned_node(ast::Compare { expr, ops }, span))
    }

    fn guard_filter(&mut self, filter: &ast::Filter<'a>, span: Span) -> ast::Expr<'a> {
        self.require_known(span, "filter", filter.name, FILTERS);
        let optional = matches!(filter.name, "default" | "d");
        let expr = filter.expr.as_ref().map(|expr| self.visit_expr(expr, optional));
        let args = self.guard_args(&filter.args);
        ast::Expr::Filter(spanned_node(ast::Filter { name: filter.name, expr, args }, span))
    }

    fn guard_test(&mut self, test: &ast::Test<'a>, span: Span) -> ast::Expr<'a> {
        self.require_known(span, "test", test.name, TESTS);
        let optional = matches!(test.name, "defined" | "undefined");
        let expr = self.visit_expr(&test.expr, optional);
        let args = self.guard_args(&test.args);
        ast::Expr::Test(spanned_node(ast::Test { name: test.name, expr, args }, span))
    }

    fn guard_call(&mut self, node: &ast::Call<'a>, span: Span) -> ast::Expr<'a> {
        let expr = match &node.expr {
            ast::Expr::Var(var) => {
                self.require_known(span, "function", var.id, FUNCTIONS);
                ast::Expr::Var(spanned_node(ast::Var { id: var.id }, span))
            }
            ast::Expr::GetAttr(get)
                if matches!(&get.expr, ast::Expr::Var(var) if var.id == "loop")
                    && self.is_local("loop") =>
            {
                copy_path(&node.expr)
            }
            ast::Expr::GetAttr(get) => {
                let name = get.name;
                let hint = if FILTERS.contains(&name) {
                    format!("; write `| {name}`")
                } else {
                    "; use a filter: `value | filter`".into()
                };
                self.add_error(span, format!("values have no methods such as `{name}()`{hint}"));
                self.guard_expr(&node.expr)
            }
            other => {
                self.add_error(span, "only functions can be called".into());
                self.guard_expr(other)
            }
        };
        let mut args = self.guard_args(&node.args);
        if !matches!(expr, ast::Expr::Var(_)) {
            // The methods of `loop` compare and keep what they are given.
            args = args.into_iter().map(weighed_argument).collect();
        }
        ast::Expr::Call(spanned_node(ast::Call { expr, args }, span))
    }

    fn guard_args(&mut self, args: &[ast::CallArg<'a>]) -> Vec<ast::CallArg<'a>> {
        use ast::CallArg as Arg;
        args.iter()
            .map(|arg| match arg {
                Arg::Pos(expr) => Arg::Pos(self.guard_expr(expr)),
                Arg::Kwarg(name, expr) => Arg::Kwarg(name, self.guard_expr(expr)),
                Arg::PosSplat(expr) => Arg::PosSplat(weigh_expr(self.guard_expr(expr))),
                Arg::KwargSplat(expr) => Arg::KwargSplat(weigh_expr(self.guard_expr(expr))),
            })
            .collect()
    }
}

fn weighed_argument(arg: ast::CallArg<'_>) -> ast::CallArg<'_> {
    match arg {
        ast::CallArg::Pos(expr) => ast::CallArg::Pos(weigh_expr(expr)),
        ast::CallArg::Kwarg(name, expr) => ast::CallArg::Kwarg(name, weigh_expr(expr)),
        weighed => weighed,
    }
}
