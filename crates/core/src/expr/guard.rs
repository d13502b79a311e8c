//! Rewrites a syntax tree so that every operation pays for the data it touches, refuses what this
//! engine does not have, and notes what the tree refers to.
//!
//! Jinja's operators cannot be replaced, and some make much from little (`'x' * 10 ** 8`). In the
//! rewritten tree their operands pass through functions of `filters`, under names that no source
//! can contain.

use std::collections::BTreeSet;

use minijinja::machinery::{Span, ast};
use minijinja::value::Value;

use super::ROOTS;
use super::operations::{
    CONCAT, DIVIDE, DIVIDE_WHOLE, FILTERS, FUNCTIONS, INDEX, ITERATE, MEMBER, MINUS, PLUS, POWER,
    REMAINDER, SLICE, TESTS, TIMES,
};
use super::path::ValuePath;
use super::references::ReferenceCollector;
use super::secret;
use super::syntax::SyntaxError;
use super::tree::{call, copy_path, copy_target, keys, none, root, spanned, unary, weighed};

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

    fn fault(&mut self, span: Span, message: String) {
        self.faults.push(SyntaxError::at(span.start_line, span.start_col, message));
    }

    fn is_local(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.contains(name))
    }

    fn bind(&mut self, target: &ast::Expr<'a>) {
        match target {
            ast::Expr::Var(var) => {
                if ROOTS.contains(&var.id) {
                    self.fault(target.span(), format!("`{}` cannot be set", var.id));
                }
                if let Some(scope) = self.scopes.last_mut() {
                    scope.insert(var.id);
                }
            }
            ast::Expr::List(list) => list.items.iter().for_each(|item| self.bind(item)),
            ast::Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.bind(item)),
            other => self.fault(other.span(), "only a name can be set".into()),
        }
    }

    /// A target, bound and copied as it is.
    fn target(&mut self, target: &ast::Expr<'a>) -> ast::Expr<'a> {
        self.bind(target);
        copy_target(target)
    }

    fn known(&mut self, span: Span, what: &str, name: &str, names: &[&str]) {
        if !names.contains(&name) {
            let hint = crate::definition::did_you_mean(name, names.iter().copied());
            self.fault(span, format!("there is no {what} `{name}`{hint}"));
        }
    }

    /// Notes a reference, if the expression is one.
    fn refer(&mut self, expr: &ast::Expr<'a>, optional: bool) -> bool {
        if root(expr).is_none_or(|name| self.is_local(name)) {
            return false;
        }
        match keys(expr) {
            Some(keys) => {
                self.references.add(ValuePath::new(keys).names(), optional);
                true
            }
            None => false,
        }
    }

    pub(super) fn expr(&mut self, expr: &ast::Expr<'a>) -> ast::Expr<'a> {
        self.passed(expr, false)
    }

    /// An expression whose value is written as it is, so that secrets can be placed there.
    pub(super) fn placed(&mut self, expr: &ast::Expr<'a>) -> ast::Expr<'a> {
        self.passed(expr, true)
    }

    fn passed(&mut self, expr: &ast::Expr<'a>, places_secrets: bool) -> ast::Expr<'a> {
        self.places_secrets = places_secrets;
        self.visit(expr, false)
    }

    /// Refuses `secrets` in any other form than `secrets.NAME` where a secret can be placed.
    fn check_secret(&mut self, expr: &ast::Expr<'a>, places_secrets: bool) {
        if root(expr) != Some("secrets") {
            return;
        }
        let keys = keys(expr).map(ValuePath::new);
        if places_secrets && keys.as_ref().is_some_and(|path| path.secret().is_some()) {
            return;
        }
        let written = keys.map_or_else(|| "secrets".into(), |path| path.names().join("."));
        self.fault(expr.span(), secret::only_placed(&written));
    }

    /// Refuses secrets beside text that is kept before it is written: where it ends up is not
    /// known.
    pub(super) fn check_captures(&mut self) {
        if let Some(span) = self.capture
            && self.references.has_root("secrets")
        {
            let message = "a template with secrets cannot have `{% set %}…{% endset %}` or \
                           `{% filter %}` blocks; write `{% set name = … %}`";
            self.fault(span, message.into());
        }
    }

    fn boxed(&mut self, expr: Option<&ast::Expr<'a>>) -> Option<ast::Expr<'a>> {
        expr.map(|expr| self.expr(expr))
    }

    fn visit(&mut self, expr: &ast::Expr<'a>, optional: bool) -> ast::Expr<'a> {
        let span = expr.span();
        let places = std::mem::take(&mut self.places_secrets);
        self.check_secret(expr, places);
        match expr {
            ast::Expr::Var(var) => {
                self.refer(expr, optional);
                ast::Expr::Var(spanned(ast::Var { id: var.id }, span))
            }
            ast::Expr::Const(c) => {
                ast::Expr::Const(spanned(ast::Const { value: c.value.clone() }, span))
            }
            ast::Expr::GetAttr(_) | ast::Expr::GetItem(_) if optional => self.maybe(expr),
            ast::Expr::GetAttr(get) => {
                let inner = self.below(expr, &get.expr);
                ast::Expr::GetAttr(spanned(ast::GetAttr { expr: inner, name: get.name }, span))
            }
            ast::Expr::GetItem(get) => {
                let inner = self.below(expr, &get.expr);
                let key = self.expr(&get.subscript_expr);
                call(INDEX, vec![inner, key], span)
            }
            ast::Expr::Slice(slice) => {
                let mut args = vec![self.expr(&slice.expr)];
                for bound in [&slice.start, &slice.stop, &slice.step] {
                    args.push(self.boxed(bound.as_ref()).unwrap_or_else(|| none(span)));
                }
                call(SLICE, args, span)
            }
            ast::Expr::UnaryOp(op) => {
                let node = ast::UnaryOp { op: unary(&op.op), expr: self.expr(&op.expr) };
                ast::Expr::UnaryOp(spanned(node, span))
            }
            ast::Expr::BinOp(op) => self.binary(op, span, places),
            ast::Expr::Compare(compare) => self.compare(compare, span),
            ast::Expr::IfExpr(branch) => ast::Expr::IfExpr(spanned(
                ast::IfExpr {
                    test_expr: self.expr(&branch.test_expr),
                    true_expr: self.passed(&branch.true_expr, places),
                    false_expr: branch.false_expr.as_ref().map(|expr| self.passed(expr, places)),
                },
                span,
            )),
            ast::Expr::Filter(filter) => self.filter(filter, span),
            ast::Expr::Test(test) => self.test(test, span),
            ast::Expr::Call(node) => self.call(node, span),
            ast::Expr::List(list) => {
                let items = list.items.iter().map(|item| self.passed(item, places)).collect();
                ast::Expr::List(spanned(ast::List { items }, span))
            }
            ast::Expr::Tuple(tuple) => {
                let items = tuple.items.iter().map(|item| self.passed(item, places)).collect();
                ast::Expr::Tuple(spanned(ast::Tuple { items }, span))
            }
            ast::Expr::Map(map) => {
                let keys = map.keys.iter().map(|key| self.map_key(key)).collect();
                let values = map.values.iter().map(|value| self.passed(value, places)).collect();
                ast::Expr::Map(spanned(ast::Map { keys, values }, span))
            }
        }
    }

    /// A key of a map literal, which is hashed and compared as a whole.
    fn map_key(&mut self, key: &ast::Expr<'a>) -> ast::Expr<'a> {
        let is_constant = matches!(key, ast::Expr::Const(_));
        let key = self.expr(key);
        if is_constant { key } else { weighed(key) }
    }

    /// The object of an attribute: part of a reference noted as a whole, or visited by itself.
    fn below(&mut self, whole: &ast::Expr<'a>, inner: &ast::Expr<'a>) -> ast::Expr<'a> {
        if self.refer(whole, false) {
            // A part of it is not a reference of its own.
            copy_path(inner)
        } else {
            self.visit(inner, false)
        }
    }

    /// A chain of members before `default` or `is defined`: it may end anywhere.
    fn maybe(&mut self, expr: &ast::Expr<'a>) -> ast::Expr<'a> {
        let noted = self.refer(expr, true);
        self.member(expr, noted)
    }

    fn member(&mut self, expr: &ast::Expr<'a>, noted: bool) -> ast::Expr<'a> {
        let span = expr.span();
        let (inner, key) = match expr {
            ast::Expr::GetAttr(get) => {
                let value = Value::from(get.name);
                (&get.expr, ast::Expr::Const(spanned(ast::Const { value }, span)))
            }
            ast::Expr::GetItem(get) if noted => (&get.expr, copy_path(&get.subscript_expr)),
            ast::Expr::GetItem(get) => (&get.expr, self.expr(&get.subscript_expr)),
            other if noted => return copy_path(other),
            other => return self.visit(other, true),
        };
        let noted = noted || self.refer(inner, true);
        let inner = self.member(inner, noted);
        call(MEMBER, vec![inner, key], span)
    }

    fn binary(&mut self, op: &ast::BinOp<'a>, span: Span, places: bool) -> ast::Expr<'a> {
        use ast::BinOpKind as Kind;
        // Of all operators, only this one takes secrets.
        let places = places && matches!(op.op, Kind::Concat);
        let (left, right) = (self.passed(&op.left, places), self.passed(&op.right, places));
        let (left, right) = match op.op {
            Kind::Add => return call(PLUS, vec![left, right], span),
            Kind::Mul => return call(TIMES, vec![left, right], span),
            Kind::Concat => return call(CONCAT, vec![left, right], span),
            Kind::ScAnd | Kind::ScOr => (left, right),
            Kind::Sub => return call(MINUS, vec![left, right], span),
            Kind::Div => return call(DIVIDE, vec![left, right], span),
            Kind::FloorDiv => return call(DIVIDE_WHOLE, vec![left, right], span),
            Kind::Rem => return call(REMAINDER, vec![left, right], span),
            Kind::Pow => return call(POWER, vec![left, right], span),
            Kind::Eq | Kind::Ne | Kind::Lt | Kind::Lte | Kind::Gt | Kind::Gte | Kind::In => {
                (weighed(left), weighed(right))
            }
        };
        ast::Expr::BinOp(spanned(ast::BinOp { op: op.op, left, right }, span))
    }

    fn compare(&mut self, compare: &ast::Compare<'a>, span: Span) -> ast::Expr<'a> {
        let expr = weighed(self.expr(&compare.expr));
        let ops = compare
            .ops
            .iter()
            .map(|op| ast::CompareOp { op: op.op, expr: weighed(self.expr(&op.expr)) });
        let ops = ops.collect();
        ast::Expr::Compare(spanned(ast::Compare { expr, ops }, span))
    }

    fn filter(&mut self, filter: &ast::Filter<'a>, span: Span) -> ast::Expr<'a> {
        self.known(span, "filter", filter.name, FILTERS);
        let optional = matches!(filter.name, "default" | "d");
        let expr = filter.expr.as_ref().map(|expr| self.visit(expr, optional));
        let args = self.args(&filter.args);
        ast::Expr::Filter(spanned(ast::Filter { name: filter.name, expr, args }, span))
    }

    fn test(&mut self, test: &ast::Test<'a>, span: Span) -> ast::Expr<'a> {
        self.known(span, "test", test.name, TESTS);
        let optional = matches!(test.name, "defined" | "undefined");
        let expr = self.visit(&test.expr, optional);
        let args = self.args(&test.args);
        ast::Expr::Test(spanned(ast::Test { name: test.name, expr, args }, span))
    }

    fn call(&mut self, node: &ast::Call<'a>, span: Span) -> ast::Expr<'a> {
        let expr = match &node.expr {
            ast::Expr::Var(var) => {
                self.known(span, "function", var.id, FUNCTIONS);
                ast::Expr::Var(spanned(ast::Var { id: var.id }, span))
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
                self.fault(span, format!("values have no methods such as `{name}()`{hint}"));
                self.expr(&node.expr)
            }
            other => {
                self.fault(span, "only functions can be called".into());
                self.expr(other)
            }
        };
        let mut args = self.args(&node.args);
        if !matches!(expr, ast::Expr::Var(_)) {
            // The methods of `loop` compare and keep what they are given.
            args = args.into_iter().map(weighed_argument).collect();
        }
        ast::Expr::Call(spanned(ast::Call { expr, args }, span))
    }

    fn args(&mut self, args: &[ast::CallArg<'a>]) -> Vec<ast::CallArg<'a>> {
        use ast::CallArg as Arg;
        args.iter()
            .map(|arg| match arg {
                Arg::Pos(expr) => Arg::Pos(self.expr(expr)),
                Arg::Kwarg(name, expr) => Arg::Kwarg(name, self.expr(expr)),
                Arg::PosSplat(expr) => Arg::PosSplat(weighed(self.expr(expr))),
                Arg::KwargSplat(expr) => Arg::KwargSplat(weighed(self.expr(expr))),
            })
            .collect()
    }

    pub(super) fn body(&mut self, body: &[ast::Stmt<'a>]) -> Vec<ast::Stmt<'a>> {
        body.iter().map(|stmt| self.stmt(stmt)).collect()
    }

    /// A body with names of its own.
    fn scoped(&mut self, body: &[ast::Stmt<'a>]) -> Vec<ast::Stmt<'a>> {
        self.scopes.push(BTreeSet::new());
        let body = self.body(body);
        self.scopes.pop();
        body
    }

    fn stmt(&mut self, stmt: &ast::Stmt<'a>) -> ast::Stmt<'a> {
        use ast::Stmt;
        match stmt {
            Stmt::Template(s) => Stmt::Template(spanned(
                ast::Template { children: self.body(&s.children) },
                s.span(),
            )),
            Stmt::EmitExpr(s) => {
                Stmt::EmitExpr(spanned(ast::EmitExpr { expr: self.placed(&s.expr) }, s.span()))
            }
            // Through an expression, so that the formatter counts it: a loop may repeat it.
            Stmt::EmitRaw(s) => {
                let value = Value::from(s.raw);
                let expr = ast::Expr::Const(spanned(ast::Const { value }, s.span()));
                Stmt::EmitExpr(spanned(ast::EmitExpr { expr }, s.span()))
            }
            Stmt::ForLoop(s) => self.for_loop(s),
            Stmt::IfCond(s) => Stmt::IfCond(spanned(
                ast::IfCond {
                    expr: self.expr(&s.expr),
                    true_body: self.body(&s.true_body),
                    false_body: self.body(&s.false_body),
                },
                s.span(),
            )),
            Stmt::WithBlock(s) => {
                self.scopes.push(BTreeSet::new());
                let assignments = s
                    .assignments
                    .iter()
                    .map(|(target, value)| {
                        let value = self.placed(value);
                        (self.target(target), value)
                    })
                    .collect();
                let body = self.body(&s.body);
                self.scopes.pop();
                Stmt::WithBlock(spanned(ast::WithBlock { assignments, body }, s.span()))
            }
            Stmt::Set(s) => {
                let expr = self.placed(&s.expr);
                Stmt::Set(spanned(ast::Set { target: self.target(&s.target), expr }, s.span()))
            }
            Stmt::SetBlock(s) => {
                self.capture.get_or_insert(s.span());
                let body = self.scoped(&s.body);
                let filter = self.boxed(s.filter.as_ref());
                let target = self.target(&s.target);
                Stmt::SetBlock(spanned(ast::SetBlock { target, filter, body }, s.span()))
            }
            Stmt::FilterBlock(s) => {
                self.capture.get_or_insert(s.span());
                let (filter, body) = (self.expr(&s.filter), self.scoped(&s.body));
                Stmt::FilterBlock(spanned(ast::FilterBlock { filter, body }, s.span()))
            }
            Stmt::Continue(s) => Stmt::Continue(spanned(ast::Continue, s.span())),
            Stmt::Break(s) => Stmt::Break(spanned(ast::Break, s.span())),
            other => self.unavailable(other),
        }
    }

    fn for_loop(&mut self, s: &ast::Spanned<ast::ForLoop<'a>>) -> ast::Stmt<'a> {
        if s.recursive {
            self.fault(s.span(), "recursive loops are not available here".into());
        }
        let iter = self.expr(&s.iter);
        let iter = call(ITERATE, vec![iter], s.span());
        self.scopes.push(BTreeSet::from(["loop"]));
        let target = self.target(&s.target);
        let filter_expr = self.boxed(s.filter_expr.as_ref());
        let body = self.body(&s.body);
        self.scopes.pop();
        let else_body = self.scoped(&s.else_body);
        let node = ast::ForLoop { target, iter, filter_expr, recursive: false, body, else_body };
        ast::Stmt::ForLoop(spanned(node, s.span()))
    }

    fn unavailable(&mut self, stmt: &ast::Stmt<'a>) -> ast::Stmt<'a> {
        use ast::Stmt;
        let (name, span) = match stmt {
            Stmt::AutoEscape(s) => ("autoescape", s.span()),
            Stmt::Block(s) => ("block", s.span()),
            Stmt::Import(s) => ("import", s.span()),
            Stmt::FromImport(s) => ("from", s.span()),
            Stmt::Extends(s) => ("extends", s.span()),
            Stmt::Include(s) => ("include", s.span()),
            Stmt::Macro(s) => ("macro", s.span()),
            Stmt::CallBlock(s) => ("call", s.span()),
            Stmt::Do(s) => ("do", s.span()),
            _ => ("this statement", Span::default()),
        };
        self.fault(span, format!("`{{% {name} %}}` is not available here"));
        let value = Value::from("");
        let expr = ast::Expr::Const(spanned(ast::Const { value }, span));
        Stmt::EmitExpr(spanned(ast::EmitExpr { expr }, span))
    }
}

fn weighed_argument(arg: ast::CallArg<'_>) -> ast::CallArg<'_> {
    match arg {
        ast::CallArg::Pos(expr) => ast::CallArg::Pos(weighed(expr)),
        ast::CallArg::Kwarg(name, expr) => ast::CallArg::Kwarg(name, weighed(expr)),
        weighed => weighed,
    }
}
