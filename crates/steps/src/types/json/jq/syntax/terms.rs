//! Terms with their suffixes.

use jaq_core::load::lex::{StrPart, Tok, Token};
use jaq_core::load::parse::Term;
use jaq_core::path::{Opt, Part};

use super::super::desugar;
use super::{Parsed, Parser, T, text};

impl<'s> Parser<'s, '_> {
    /// A term with its suffixes: `.a`, `[0]`, `?`.
    pub(super) fn postfix(&mut self) -> Parsed<'s, T<'s>> {
        let mut term = self.atom()?;
        let mut path = Vec::new();
        loop {
            if self.take("?") {
                // The `?` covers all of the term before it.
                term = desugar::path(self.arena, term, std::mem::take(&mut path));
                term = Term::TryCatch(Box::new(term), None);
            } else if let Some(part) = self.suffix()? {
                path.push((part, Opt::Essential));
            } else {
                return Ok(desugar::path(self.arena, term, path));
            }
        }
    }

    fn suffix(&mut self) -> Parsed<'s, Option<Part<T<'s>>>> {
        if let Some(block) = self.block('[') {
            return self.inside(block, "closing bracket", Self::index).map(Some);
        }
        match self.rest {
            [Token(".", Tok::Sym), Token(full, Tok::Block(_)), ..] if full.starts_with('[') => {
                self.next();
                self.suffix()
            }
            [Token(".", Tok::Sym), Token(_, Tok::Str(_) | Tok::Fmt), ..] => {
                self.next();
                self.string().map(|key| Some(Part::Index(key)))
            }
            [Token(name, Tok::Sym), ..]
                if name.len() > 1 && name.starts_with('.') && *name != ".." =>
            {
                self.next();
                Ok(Some(Part::Index(text(&name[1..]))))
            }
            _ => Ok(None),
        }
    }

    /// What is between the brackets of `.[…]`.
    fn index(&mut self) -> Parsed<'s, Part<T<'s>>> {
        if self.at_end() {
            return Ok(Part::Range(None, None));
        }
        if self.take(":") {
            return Ok(Part::Range(None, Some(self.pipe()?)));
        }
        let from = self.pipe()?;
        if !self.take(":") {
            return Ok(Part::Index(from));
        }
        let to = if self.at_end() { None } else { Some(self.pipe()?) };
        Ok(Part::Range(Some(from), to))
    }

    fn atom(&mut self) -> Parsed<'s, T<'s>> {
        let Some(token) = self.peek() else { return Err(self.error("term")) };
        match token {
            Token("..", Tok::Sym) => self.taken(Term::Recurse),
            Token(".", Tok::Sym) => self.dot(),
            Token(name, Tok::Sym) if name.starts_with('.') => self.taken(desugar::path(
                self.arena,
                Term::Id,
                vec![(Part::Index(text(&name[1..])), Opt::Essential)],
            )),
            Token(number, Tok::Num) => self.taken(Term::Num(number)),
            Token(_, Tok::Str(_) | Tok::Fmt) => self.format_or_string(),
            Token("$__loc__", Tok::Var) => {
                let place = self.place(token.0);
                self.taken(place)
            }
            Token(name, Tok::Var) if !name.contains("::") => self.taken(Term::Var(name)),
            Token(full, Tok::Block(_)) => {
                self.next();
                match full.as_bytes().first() {
                    Some(b'(') => self.inside(token, "closing parenthesis", Self::pipe),
                    Some(b'[') => self.inside(token, "closing bracket", |inner| {
                        let items =
                            if inner.at_end() { None } else { Some(Box::new(inner.pipe()?)) };
                        Ok(Term::Arr(items))
                    }),
                    _ => self.inside(token, "comma or closing brace", Self::object),
                }
            }
            Token("if", Tok::Word) => self.condition(),
            Token("reduce" | "foreach", Tok::Word) => self.fold(),
            Token("break", Tok::Word) => {
                self.next();
                self.variable().map(Term::Break)
            }
            Token("import" | "include" | "module", Tok::Word) => {
                Err(self.error("term: modules cannot be used here"))
            }
            Token(_, Tok::Word) => {
                let name = self.name("term")?;
                Ok(Term::Call(name, self.arguments()?))
            }
            _ => Err(self.error("term")),
        }
    }

    pub(super) fn taken(&mut self, term: T<'s>) -> Parsed<'s, T<'s>> {
        self.next();
        Ok(term)
    }

    /// `.`, `."key"`, or a number such as `.5`, which the lexer takes apart.
    fn dot(&mut self) -> Parsed<'s, T<'s>> {
        let dot = self.next().map_or(self.end, |token| token.0);
        match self.peek() {
            Some(Token(_, Tok::Str(_) | Tok::Fmt)) => {
                let key = self.string()?;
                Ok(desugar::path(self.arena, Term::Id, vec![(Part::Index(key), Opt::Essential)]))
            }
            Some(Token(digits, Tok::Num)) if self.offset(digits) == self.offset(dot) + 1 => {
                self.next();
                let start = self.offset(dot);
                Ok(Term::Num(&self.code[start..=start + digits.len()]))
            }
            _ => Ok(Term::Id),
        }
    }

    /// Where a part of the program begins in it.
    fn offset(&self, part: &str) -> usize {
        part.as_ptr().addr().wrapping_sub(self.code.as_ptr().addr())
    }

    /// `$__loc__`: `{file, line}`.
    fn place(&self, part: &str) -> T<'s> {
        let before = self.code.get(..self.offset(part)).unwrap_or_default();
        let line = (before.matches('\n').count() + 1).to_string();
        let line: &'s str = self.arena.alloc(line);
        Term::Obj(vec![
            (text("file"), Some(text("<top-level>"))),
            (text("line"), Some(Term::Num(line))),
        ])
    }

    fn format_or_string(&mut self) -> Parsed<'s, T<'s>> {
        match self.rest {
            [Token(format, Tok::Fmt), next @ ..]
                if !matches!(next, [Token(_, Tok::Str(_)), ..]) =>
            {
                self.taken(Term::Call(format, Vec::new()))
            }
            _ => self.string(),
        }
    }

    /// A string, with a format before it or not.
    pub(super) fn string(&mut self) -> Parsed<'s, T<'s>> {
        let format = match self.peek() {
            Some(Token(format, Tok::Fmt)) => {
                self.next();
                Some(*format)
            }
            _ => None,
        };
        let Some(Token(_, Tok::Str(parts))) = self.peek() else { return Err(self.error("string")) };
        self.next();
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            all.push(match part {
                StrPart::Str(text) => StrPart::Str(*text),
                StrPart::Char(c) => StrPart::Char(*c),
                StrPart::Term(block) => {
                    StrPart::Term(self.inside(block, "closing parenthesis", Self::pipe)?)
                }
            });
        }
        Ok(desugar::string(self.arena, format, all))
    }

    /// `(f; g)` after a name.
    fn arguments(&mut self) -> Parsed<'s, Vec<T<'s>>> {
        let Some(block) = self.block('(') else { return Ok(Vec::new()) };
        self.inside(block, "semicolon or right parenthesis", |inner| {
            let mut all = vec![inner.pipe()?];
            while inner.take(";") {
                all.push(inner.pipe()?);
            }
            Ok(all)
        })
    }

    fn condition(&mut self) -> Parsed<'s, T<'s>> {
        let mut branches = Vec::new();
        self.next();
        loop {
            let condition = self.pipe()?;
            self.expect("then")?;
            branches.push((condition, self.pipe()?));
            if self.take("elif") {
                continue;
            }
            let other = if self.take("else") { Some(Box::new(self.pipe()?)) } else { None };
            self.expect(if other.is_some() { "end" } else { "else or end" })
                .or_else(|error| if self.take("end") { Ok(()) } else { Err(error) })?;
            return Ok(Term::IfThenElse(branches, other));
        }
    }

    /// `reduce f as $x (init; update)` and `foreach f as $x (init; update; extract)`.
    fn fold(&mut self) -> Parsed<'s, T<'s>> {
        let is_reduce = self.next().is_some_and(|token| token.0 == "reduce");
        let items = self.postfix()?;
        self.expect("as")?;
        let patterns = self.patterns()?;
        let at = self.error("`(initial; update)`");
        let mut args = self.arguments()?.into_iter();
        match (args.next(), args.next(), args.next(), args.next()) {
            (Some(init), Some(update), None, None) if is_reduce => {
                Ok(desugar::reduce(items, patterns, init, update))
            }
            (Some(init), Some(update), extract, None) if !is_reduce => {
                Ok(desugar::foreach(items, patterns, init, (update, extract)))
            }
            _ => Err(at),
        }
    }

    /// What is between the braces of an object.
    fn object(&mut self) -> Parsed<'s, T<'s>> {
        let mut entries = Vec::new();
        while !self.at_end() {
            entries.push(self.entry()?);
            if !self.take(",") {
                break;
            }
        }
        Ok(Term::Obj(entries))
    }

    fn entry(&mut self) -> Parsed<'s, (T<'s>, Option<T<'s>>)> {
        let key = match self.peek() {
            Some(Token("$__loc__", Tok::Var)) => {
                let place = self.place(self.peek().map_or("", |token| token.0));
                self.next();
                return Ok((text("__loc__"), Some(place)));
            }
            Some(Token(_, Tok::Var)) => Term::Var(self.variable()?),
            Some(Token(full, Tok::Block(_))) if full.starts_with('(') => {
                let at = self.error("string as a key");
                let key = self.key()?;
                if matches!(key, Term::Num(_) | Term::Arr(_) | Term::Obj(_)) {
                    return Err(at);
                }
                self.expect(":")?;
                return Ok((key, Some(self.value()?)));
            }
            _ => self.key()?,
        };
        let value = if self.take(":") { Some(self.value()?) } else { None };
        Ok((key, value))
    }

    /// The value of an entry, which a comma ends.
    fn value(&mut self) -> Parsed<'s, T<'s>> {
        self.climb(0, false)
    }
}
