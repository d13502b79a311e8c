//! Statements of templates.

use std::collections::BTreeSet;

use minijinja::machinery::{Span, ast};
use minijinja::value::Value;

use super::SyntaxGuard;
use crate::expr::operations::ITERATE;
use crate::expr::tree::{call_function, spanned_node};

impl<'a> SyntaxGuard<'a> {
    pub(in crate::expr) fn guard_body(&mut self, body: &[ast::Stmt<'a>]) -> Vec<ast::Stmt<'a>> {
        body.iter().map(|stmt| self.guard_statement(stmt)).collect()
    }

    /// A body with names of its own.
    fn guard_scoped(&mut self, body: &[ast::Stmt<'a>]) -> Vec<ast::Stmt<'a>> {
        self.scopes.push(BTreeSet::new());
        let body = self.guard_body(body);
        self.scopes.pop();
        body
    }

    fn guard_statement(&mut self, stmt: &ast::Stmt<'a>) -> ast::Stmt<'a> {
        use ast::Stmt;
        match stmt {
            Stmt::Template(s) => Stmt::Template(spanned_node(
                ast::Template { children: self.guard_body(&s.children) },
                s.span(),
            )),
            Stmt::EmitExpr(s) => Stmt::EmitExpr(spanned_node(
                ast::EmitExpr { expr: self.guard_placed(&s.expr) },
                s.span(),
            )),
            // Through an expression, so that the formatter counts it: a loop may repeat it.
            Stmt::EmitRaw(s) => {
                let value = Value::from(s.raw);
                let expr = ast::Expr::Const(spanned_node(ast::Const { value }, s.span()));
                Stmt::EmitExpr(spanned_node(ast::EmitExpr { expr }, s.span()))
            }
            Stmt::ForLoop(s) => self.for_loop(s),
            Stmt::IfCond(s) => Stmt::IfCond(spanned_node(
                ast::IfCond {
                    expr: self.guard_expr(&s.expr),
                    true_body: self.guard_body(&s.true_body),
                    false_body: self.guard_body(&s.false_body),
                },
                s.span(),
            )),
            Stmt::WithBlock(s) => {
                self.scopes.push(BTreeSet::new());
                let assignments = s
                    .assignments
                    .iter()
                    .map(|(target, value)| {
                        let value = self.guard_placed(value);
                        (self.guard_target(target), value)
                    })
                    .collect();
                let body = self.guard_body(&s.body);
                self.scopes.pop();
                Stmt::WithBlock(spanned_node(ast::WithBlock { assignments, body }, s.span()))
            }
            Stmt::Set(s) => {
                let expr = self.guard_placed(&s.expr);
                Stmt::Set(spanned_node(
                    ast::Set { target: self.guard_target(&s.target), expr },
                    s.span(),
                ))
            }
            Stmt::SetBlock(s) => {
                self.capture.get_or_insert(s.span());
                let body = self.guard_scoped(&s.body);
                let filter = self.guard_optional(s.filter.as_ref());
                let target = self.guard_target(&s.target);
                Stmt::SetBlock(spanned_node(ast::SetBlock { target, filter, body }, s.span()))
            }
            Stmt::FilterBlock(s) => {
                self.capture.get_or_insert(s.span());
                let (filter, body) = (self.guard_expr(&s.filter), self.guard_scoped(&s.body));
                Stmt::FilterBlock(spanned_node(ast::FilterBlock { filter, body }, s.span()))
            }
            Stmt::Continue(s) => Stmt::Continue(spanned_node(ast::Continue, s.span())),
            Stmt::Break(s) => Stmt::Break(spanned_node(ast::Break, s.span())),
            other => self.reject_statement(other),
        }
    }

    fn for_loop(&mut self, s: &ast::Spanned<ast::ForLoop<'a>>) -> ast::Stmt<'a> {
        if s.recursive {
            self.add_error(s.span(), "recursive loops are not available here".into());
        }
        let iter = self.guard_expr(&s.iter);
        let iter = call_function(ITERATE, vec![iter], s.span());
        self.scopes.push(BTreeSet::from(["loop"]));
        let target = self.guard_target(&s.target);
        let filter_expr = self.guard_optional(s.filter_expr.as_ref());
        let body = self.guard_body(&s.body);
        self.scopes.pop();
        let else_body = self.guard_scoped(&s.else_body);
        let node = ast::ForLoop { target, iter, filter_expr, recursive: false, body, else_body };
        ast::Stmt::ForLoop(spanned_node(node, s.span()))
    }

    fn reject_statement(&mut self, stmt: &ast::Stmt<'a>) -> ast::Stmt<'a> {
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
        self.add_error(span, format!("`{{% {name} %}}` is not available here"));
        let value = Value::from("");
        let expr = ast::Expr::Const(spanned_node(ast::Const { value }, span));
        Stmt::EmitExpr(spanned_node(ast::EmitExpr { expr }, span))
    }
}
