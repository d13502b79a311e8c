//! Operators and what goes before a term.

use jaq_core::load::lex::{Tok, Token};
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::ops::{Cmp, Math};

use super::{ParseResult, ProgramParser, T};
use crate::desugar;

/// An operator with its level; higher binds tighter.
#[derive(Clone, Copy)]
enum BinaryOperator {
    Pipe,
    Comma,
    Alternative,
    Assign(Option<Math>, bool),
    Update,
    Or,
    And,
    Compare(Cmp),
    Compute(Math),
}

impl BinaryOperator {
    fn from_token(token: &str) -> Option<(u8, Self)> {
        Some(match token {
            "|" => (0, Self::Pipe),
            "," => (1, Self::Comma),
            "//" => (2, Self::Alternative),
            "=" => (3, Self::Assign(None, false)),
            "//=" => (3, Self::Assign(None, true)),
            "|=" => (3, Self::Update),
            "+=" => (3, Self::Assign(Some(Math::Add), false)),
            "-=" => (3, Self::Assign(Some(Math::Sub), false)),
            "*=" => (3, Self::Assign(Some(Math::Mul), false)),
            "/=" => (3, Self::Assign(Some(Math::Div), false)),
            "%=" => (3, Self::Assign(Some(Math::Rem), false)),
            "or" => (4, Self::Or),
            "and" => (5, Self::And),
            "==" => (6, Self::Compare(Cmp::Eq)),
            "!=" => (6, Self::Compare(Cmp::Ne)),
            "<" => (6, Self::Compare(Cmp::Lt)),
            "<=" => (6, Self::Compare(Cmp::Le)),
            ">" => (6, Self::Compare(Cmp::Gt)),
            ">=" => (6, Self::Compare(Cmp::Ge)),
            "+" => (7, Self::Compute(Math::Add)),
            "-" => (7, Self::Compute(Math::Sub)),
            "*" => (8, Self::Compute(Math::Mul)),
            "/" => (8, Self::Compute(Math::Div)),
            "%" => (8, Self::Compute(Math::Rem)),
            _ => return None,
        })
    }

    fn apply_to<'s>(self, l: T<'s>, r: T<'s>) -> T<'s> {
        match self {
            Self::Pipe => desugar::binary_term(l, BinaryOp::Pipe(None), r),
            Self::Comma => desugar::binary_term(l, BinaryOp::Comma, r),
            Self::Alternative => desugar::alternative_term(l, r),
            Self::Assign(None, false) => desugar::assign_term(l, r),
            Self::Assign(None, true) => desugar::assign_alternative(l, r),
            Self::Assign(Some(op), _) => desugar::assign_math(l, op, r),
            Self::Update => desugar::update_term(l, r),
            Self::Or => desugar::binary_term(l, BinaryOp::Or, r),
            Self::And => desugar::binary_term(l, BinaryOp::And, r),
            Self::Compare(op) => desugar::right_first(l, BinaryOp::Cmp(op), r),
            Self::Compute(op) => desugar::right_first(l, BinaryOp::Math(op), r),
        }
    }
}

impl<'s> ProgramParser<'s, '_> {
    /// Operators that bind at least so tightly.
    pub(super) fn parse_operators(
        &mut self,
        least: u8,
        with_comma: bool,
    ) -> ParseResult<'s, T<'s>> {
        let mut left = self.parse_operand(with_comma)?;
        while let Some((level, operator)) = self.peek_token().and_then(|token| match token.1 {
            Tok::Sym | Tok::Word => BinaryOperator::from_token(token.0),
            _ => None,
        }) {
            if level < least || (level == 1 && !with_comma) {
                break;
            }
            self.next_token();
            let right = match level {
                // They group to the right, and definitions may follow a pipe.
                0 if with_comma => self.parse_pipe()?,
                0 | 2 => self.parse_operators(level, with_comma)?,
                _ => self.parse_operators(level + 1, with_comma)?,
            };
            left = operator.apply_to(left, right);
            let again = self.peek_token().and_then(|token| BinaryOperator::from_token(token.0));
            // `1 == 2 == 3` and `.a = .b = 1` mean nothing in jq.
            if matches!(level, 3 | 6) && again.is_some_and(|(next, _)| next == level) {
                return Err(self.syntax_error("another operator, or parentheses"));
            }
        }
        Ok(left)
    }

    /// A term with what goes before it: `-`, `try`, `reduce`, `label`, a binding.
    pub(super) fn parse_operand(&mut self, with_comma: bool) -> ParseResult<'s, T<'s>> {
        if self.take_token("-") {
            // As jq: everything that binds tighter than `-` between two terms.
            let term = self.parse_operators(8, with_comma)?;
            return Ok(Term::Neg(Box::new(term)));
        }
        if self.take_token("try") {
            let body = self.parse_try()?;
            let catch =
                if self.take_token("catch") { Some(Box::new(self.parse_try()?)) } else { None };
            return Ok(Term::TryCatch(Box::new(body), catch));
        }
        if self.take_token("label") {
            let name = self.parse_variable()?;
            self.expect_token("|")?;
            return Ok(Term::Label(name, Box::new(self.parse_pipe()?)));
        }
        if self.peek_token().is_some_and(|token| token.0 == "def" && matches!(token.1, Tok::Word)) {
            return self.parse_pipe();
        }
        let term = self.parse_postfix()?;
        if !self.take_token("as") {
            return Ok(term);
        }
        let patterns = self.parse_patterns()?;
        self.expect_token("|")?;
        let body = self.parse_pipe()?;
        Ok(desugar::bind_term(term, patterns, body))
    }

    /// What `try` and `catch` take: a term, or another `try`, `-` and so on.
    fn parse_try(&mut self) -> ParseResult<'s, T<'s>> {
        match self.peek_token() {
            Some(Token("try" | "-" | "label" | "def", Tok::Word | Tok::Sym)) => {
                self.parse_operand(true)
            }
            _ => self.parse_postfix(),
        }
    }
}
