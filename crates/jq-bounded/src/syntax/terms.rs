//! Terms with their suffixes.

use jaq_core::load::lex::{StrPart, Tok, Token};
use jaq_core::load::parse::Term;
use jaq_core::path::{Opt, Part};

use super::{ParseResult, ProgramParser, T, text_term};
use crate::desugar;

impl<'s> ProgramParser<'s, '_> {
    /// A term with its suffixes: `.a`, `[0]`, `?`.
    pub(super) fn parse_postfix(&mut self) -> ParseResult<'s, T<'s>> {
        let mut term = self.parse_atom()?;
        let mut path = Vec::new();
        loop {
            if self.take_token("?") {
                // The `?` covers all of the term before it.
                term = desugar::path_term(self.arena, term, std::mem::take(&mut path));
                term = Term::TryCatch(Box::new(term), None);
            } else if let Some(part) = self.parse_suffix()? {
                path.push((part, Opt::Essential));
            } else {
                return Ok(desugar::path_term(self.arena, term, path));
            }
        }
    }

    fn parse_suffix(&mut self) -> ParseResult<'s, Option<Part<T<'s>>>> {
        if let Some(block) = self.take_block('[') {
            return self.parse_inside(block, "closing bracket", Self::parse_index).map(Some);
        }
        match self.rest {
            [Token(".", Tok::Sym), Token(full, Tok::Block(_)), ..] if full.starts_with('[') => {
                self.next_token();
                self.parse_suffix()
            }
            [Token(".", Tok::Sym), Token(_, Tok::Str(_) | Tok::Fmt), ..] => {
                self.next_token();
                self.parse_string().map(|key| Some(Part::Index(key)))
            }
            [Token(name, Tok::Sym), ..]
                if name.len() > 1 && name.starts_with('.') && *name != ".." =>
            {
                self.next_token();
                Ok(Some(Part::Index(text_term(&name[1..]))))
            }
            _ => Ok(None),
        }
    }

    /// What is between the brackets of `.[…]`.
    fn parse_index(&mut self) -> ParseResult<'s, Part<T<'s>>> {
        if self.at_end() {
            return Ok(Part::Range(None, None));
        }
        if self.take_token(":") {
            return Ok(Part::Range(None, Some(self.parse_pipe()?)));
        }
        let from = self.parse_pipe()?;
        if !self.take_token(":") {
            return Ok(Part::Index(from));
        }
        let to = if self.at_end() { None } else { Some(self.parse_pipe()?) };
        Ok(Part::Range(Some(from), to))
    }

    fn parse_atom(&mut self) -> ParseResult<'s, T<'s>> {
        let Some(token) = self.peek_token() else { return Err(self.syntax_error("term")) };
        match token {
            Token("..", Tok::Sym) => self.take_then(Term::Recurse),
            Token(".", Tok::Sym) => self.parse_dot(),
            Token(name, Tok::Sym) if name.starts_with('.') => self.take_then(desugar::path_term(
                self.arena,
                Term::Id,
                vec![(Part::Index(text_term(&name[1..])), Opt::Essential)],
            )),
            Token(number, Tok::Num) => self.take_then(Term::Num(number)),
            Token(_, Tok::Str(_) | Tok::Fmt) => self.format_or_string(),
            Token("$__loc__", Tok::Var) => {
                let place = self.location_term(token.0);
                self.take_then(place)
            }
            Token(name, Tok::Var) if !name.contains("::") => self.take_then(Term::Var(name)),
            Token(full, Tok::Block(_)) => {
                self.next_token();
                match full.as_bytes().first() {
                    Some(b'(') => self.parse_inside(token, "closing parenthesis", Self::parse_pipe),
                    Some(b'[') => self.parse_inside(token, "closing bracket", |inner| {
                        let items =
                            if inner.at_end() { None } else { Some(Box::new(inner.parse_pipe()?)) };
                        Ok(Term::Arr(items))
                    }),
                    _ => self.parse_inside(token, "comma or closing brace", Self::parse_object),
                }
            }
            Token("if", Tok::Word) => self.parse_condition(),
            Token("reduce" | "foreach", Tok::Word) => self.parse_fold(),
            Token("break", Tok::Word) => {
                self.next_token();
                self.parse_variable().map(Term::Break)
            }
            Token("import" | "include" | "module", Tok::Word) => {
                Err(self.syntax_error("term: modules cannot be used here"))
            }
            Token(_, Tok::Word) => {
                let name = self.parse_name("term")?;
                Ok(Term::Call(name, self.parse_arguments()?))
            }
            _ => Err(self.syntax_error("term")),
        }
    }

    pub(super) fn take_then(&mut self, term: T<'s>) -> ParseResult<'s, T<'s>> {
        self.next_token();
        Ok(term)
    }

    /// `.`, `."key"`, or a number such as `.5`, which the lexer takes apart.
    fn parse_dot(&mut self) -> ParseResult<'s, T<'s>> {
        let dot = self.next_token().map_or(self.end, |token| token.0);
        match self.peek_token() {
            Some(Token(_, Tok::Str(_) | Tok::Fmt)) => {
                let key = self.parse_string()?;
                Ok(desugar::path_term(
                    self.arena,
                    Term::Id,
                    vec![(Part::Index(key), Opt::Essential)],
                ))
            }
            Some(Token(digits, Tok::Num)) if self.offset_of(digits) == self.offset_of(dot) + 1 => {
                self.next_token();
                let start = self.offset_of(dot);
                Ok(Term::Num(&self.code[start..=start + digits.len()]))
            }
            _ => Ok(Term::Id),
        }
    }

    /// Where a part of the program begins in it.
    fn offset_of(&self, part: &str) -> usize {
        part.as_ptr().addr().wrapping_sub(self.code.as_ptr().addr())
    }

    /// `$__loc__`: `{file, line}`.
    fn location_term(&self, part: &str) -> T<'s> {
        let before = self.code.get(..self.offset_of(part)).unwrap_or_default();
        let line = (before.matches('\n').count() + 1).to_string();
        let line: &'s str = self.arena.alloc(line);
        Term::Obj(vec![
            (text_term("file"), Some(text_term("<top-level>"))),
            (text_term("line"), Some(Term::Num(line))),
        ])
    }

    fn format_or_string(&mut self) -> ParseResult<'s, T<'s>> {
        match self.rest {
            [Token(format, Tok::Fmt), next @ ..]
                if !matches!(next, [Token(_, Tok::Str(_)), ..]) =>
            {
                self.take_then(Term::Call(format, Vec::new()))
            }
            _ => self.parse_string(),
        }
    }

    /// A string, with a format before it or not.
    pub(super) fn parse_string(&mut self) -> ParseResult<'s, T<'s>> {
        let format = match self.peek_token() {
            Some(Token(format, Tok::Fmt)) => {
                self.next_token();
                Some(*format)
            }
            _ => None,
        };
        let Some(Token(_, Tok::Str(parts))) = self.peek_token() else {
            return Err(self.syntax_error("string"));
        };
        self.next_token();
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            all.push(match part {
                StrPart::Str(text) => StrPart::Str(*text),
                StrPart::Char(c) => StrPart::Char(*c),
                StrPart::Term(block) => StrPart::Term(self.parse_inside(
                    block,
                    "closing parenthesis",
                    Self::parse_pipe,
                )?),
            });
        }
        Ok(desugar::string_term(self.arena, format, all))
    }

    /// `(f; g)` after a name.
    fn parse_arguments(&mut self) -> ParseResult<'s, Vec<T<'s>>> {
        let Some(block) = self.take_block('(') else { return Ok(Vec::new()) };
        self.parse_inside(block, "semicolon or right parenthesis", |inner| {
            let mut all = vec![inner.parse_pipe()?];
            while inner.take_token(";") {
                all.push(inner.parse_pipe()?);
            }
            Ok(all)
        })
    }

    fn parse_condition(&mut self) -> ParseResult<'s, T<'s>> {
        let mut branches = Vec::new();
        self.next_token();
        loop {
            let condition = self.parse_pipe()?;
            self.expect_token("then")?;
            branches.push((condition, self.parse_pipe()?));
            if self.take_token("elif") {
                continue;
            }
            let other =
                if self.take_token("else") { Some(Box::new(self.parse_pipe()?)) } else { None };
            self.expect_token(if other.is_some() { "end" } else { "else or end" })
                .or_else(|error| if self.take_token("end") { Ok(()) } else { Err(error) })?;
            return Ok(Term::IfThenElse(branches, other));
        }
    }

    /// `reduce f as $x (init; update)` and `foreach f as $x (init; update; extract)`.
    fn parse_fold(&mut self) -> ParseResult<'s, T<'s>> {
        let is_reduce = self.next_token().is_some_and(|token| token.0 == "reduce");
        let items = self.parse_postfix()?;
        self.expect_token("as")?;
        let patterns = self.parse_patterns()?;
        let at = self.syntax_error("`(initial; update)`");
        let mut args = self.parse_arguments()?.into_iter();
        match (args.next(), args.next(), args.next(), args.next()) {
            (Some(init), Some(update), None, None) if is_reduce => {
                Ok(desugar::reduce_term(items, patterns, init, update))
            }
            (Some(init), Some(update), extract, None) if !is_reduce => {
                Ok(desugar::foreach_term(items, patterns, init, update, extract))
            }
            _ => Err(at),
        }
    }

    /// What is between the braces of an object.
    fn parse_object(&mut self) -> ParseResult<'s, T<'s>> {
        let mut entries = Vec::new();
        while !self.at_end() {
            entries.push(self.parse_entry()?);
            if !self.take_token(",") {
                break;
            }
        }
        Ok(Term::Obj(entries))
    }

    fn parse_entry(&mut self) -> ParseResult<'s, (T<'s>, Option<T<'s>>)> {
        let key = match self.peek_token() {
            Some(Token("$__loc__", Tok::Var)) => {
                let place = self.location_term(self.peek_token().map_or("", |token| token.0));
                self.next_token();
                return Ok((text_term("__loc__"), Some(place)));
            }
            Some(Token(_, Tok::Var)) => Term::Var(self.parse_variable()?),
            Some(Token(full, Tok::Block(_))) if full.starts_with('(') => {
                let at = self.syntax_error("string as a key");
                let key = self.parse_key()?;
                if matches!(key, Term::Num(_) | Term::Arr(_) | Term::Obj(_)) {
                    return Err(at);
                }
                self.expect_token(":")?;
                return Ok((key, Some(self.parse_value()?)));
            }
            _ => self.parse_key()?,
        };
        let value = if self.take_token(":") { Some(self.parse_value()?) } else { None };
        Ok((key, value))
    }

    /// The value of an entry, which a comma ends.
    fn parse_value(&mut self) -> ParseResult<'s, T<'s>> {
        self.parse_operators(0, false)
    }
}
