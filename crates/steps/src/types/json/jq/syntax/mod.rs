//! The grammar of jq 1.7: from tokens to the terms of the interpreter.
//!
//! The lexer is the interpreter's own. Its parser is not used: in it, operators bind differently
//! (`//`, `%`, `as`), and some of the language is missing (`?//`, `$__loc__`, `{$a: [$b]}`).
//! Where the interpreter evaluates differently from jq, [`super::desugar`] writes something else.

mod operators;
mod terms;

use jaq_core::load::lex::{Lexer, StrPart, Tok, Token};
use jaq_core::load::parse::{Def, Pattern, Term};
use jaq_core::load::{Arena, lex};

use super::desugar;

type T<'s> = Term<&'s str>;
type Tokens<'s, 't> = &'t [Token<&'s str>];
type Parsed<'s, R> = Result<R, SyntaxError<'s>>;

/// What was expected, and the part of the program that is there instead; empty: its end.
#[derive(Debug)]
pub(super) struct SyntaxError<'s> {
    pub expected: &'static str,
    pub found: &'s str,
}

/// Words that are no names of filters.
const KEYWORDS: [&str; 19] = [
    "def", "if", "then", "elif", "else", "end", "as", "reduce", "foreach", "try", "catch", "label",
    "break", "import", "include", "and", "or", "module", "__loc__",
];

/// A whole program: definitions and a term.
pub(super) fn program<'s>(code: &'s str, arena: &'s Arena) -> Result<T<'s>, Vec<SyntaxError<'s>>> {
    parse(code, arena, |parser| match parser.at_end() {
        true => Ok(Term::Id),
        // Definitions alone are a program, too: the identity with them.
        false => parser.pipe(),
    })
}

/// A library: definitions only.
pub(super) fn library<'s>(
    code: &'s str,
    arena: &'s Arena,
) -> Result<Vec<Def<&'s str>>, Vec<SyntaxError<'s>>> {
    parse(code, arena, |parser| parser.definitions())
}

fn parse<'s, R>(
    code: &'s str,
    arena: &'s Arena,
    parse: impl FnOnce(&mut Parser<'s, '_>) -> Parsed<'s, R>,
) -> Result<R, Vec<SyntaxError<'s>>> {
    let lexed = Lexer::new(code).lex().map_err(|errors| {
        let error = |(expected, found): lex::Error<&'s str>| SyntaxError {
            expected: expected.as_str(),
            found,
        };
        errors.into_iter().map(error).collect::<Vec<_>>()
    })?;
    let mut parser = Parser { code, arena, rest: &lexed, end: &code[code.len()..] };
    let parsed = parse(&mut parser).and_then(|parsed| {
        parser.finish("operator or the end")?;
        Ok(parsed)
    });
    parsed.map_err(|error| vec![error])
}

struct Parser<'s, 't> {
    code: &'s str,
    arena: &'s Arena,
    rest: Tokens<'s, 't>,
    /// Where the tokens end in the program.
    end: &'s str,
}

impl<'s, 't> Parser<'s, 't> {
    fn peek(&self) -> Option<&'t Token<&'s str>> {
        self.rest.first()
    }

    fn next(&mut self) -> Option<&'t Token<&'s str>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn error(&self, expected: &'static str) -> SyntaxError<'s> {
        SyntaxError { expected, found: self.peek().map_or(self.end, |token| token.0) }
    }

    fn finish(&self, expected: &'static str) -> Parsed<'s, ()> {
        if self.at_end() { Ok(()) } else { Err(self.error(expected)) }
    }

    /// Whether the next token is this one; takes it.
    fn take(&mut self, token: &str) -> bool {
        let is = self.peek().is_some_and(|next| next.0 == token && !matches!(next.1, Tok::Str(_)));
        if is {
            self.rest = &self.rest[1..];
        }
        is
    }

    fn expect(&mut self, token: &'static str) -> Parsed<'s, ()> {
        if self.take(token) { Ok(()) } else { Err(self.error(token)) }
    }

    /// Does something with the tokens between a pair of brackets; all must be used.
    fn inside<R>(
        &self,
        block: &'t Token<&'s str>,
        expected: &'static str,
        parse: impl FnOnce(&mut Self) -> Parsed<'s, R>,
    ) -> Parsed<'s, R> {
        let Tok::Block(tokens) = &block.1 else { return Err(self.error(expected)) };
        let (last, tokens) =
            tokens.split_last().map_or((self.end, &tokens[..]), |(last, rest)| (last.0, rest));
        let mut inner = Parser { code: self.code, arena: self.arena, rest: tokens, end: last };
        let parsed = parse(&mut inner)?;
        inner.finish(expected)?;
        Ok(parsed)
    }

    /// The next token, where it is a block that begins with this bracket; takes it.
    fn block(&mut self, open: char) -> Option<&'t Token<&'s str>> {
        let block = self
            .peek()
            .filter(|token| matches!(token.1, Tok::Block(_)) && token.0.starts_with(open))?;
        self.rest = &self.rest[1..];
        Some(block)
    }

    fn name(&mut self, expected: &'static str) -> Parsed<'s, &'s str> {
        match self.peek() {
            Some(Token(name, Tok::Word)) if !KEYWORDS.contains(name) && !name.contains("::") => {
                self.next();
                Ok(name)
            }
            _ => Err(self.error(expected)),
        }
    }

    fn variable(&mut self) -> Parsed<'s, &'s str> {
        match self.peek() {
            Some(Token(name, Tok::Var)) if !name.contains("::") => {
                self.next();
                Ok(name)
            }
            _ => Err(self.error("variable")),
        }
    }

    /// `def f(g; $x): …;`, any number of them.
    fn definitions(&mut self) -> Parsed<'s, Vec<Def<&'s str>>> {
        let mut all = Vec::new();
        while self.take("def") {
            all.push(self.definition()?);
        }
        Ok(all)
    }

    fn definition(&mut self) -> Parsed<'s, Def<&'s str>> {
        let name = match self.peek() {
            Some(Token(format, Tok::Fmt)) => {
                self.next();
                *format
            }
            _ => self.name("name of a filter")?,
        };
        let args = match self.block('(') {
            Some(block) => self.inside(block, "semicolon or right parenthesis", |inner| {
                let mut args = vec![inner.parameter()?];
                while inner.take(";") {
                    args.push(inner.parameter()?);
                }
                Ok(args)
            })?,
            None => Vec::new(),
        };
        self.expect(":")?;
        let body = self.pipe()?;
        self.expect(";")?;
        Ok(desugar::definition(name, args, body))
    }

    fn parameter(&mut self) -> Parsed<'s, &'s str> {
        match self.peek() {
            Some(Token(_, Tok::Var)) => self.variable(),
            _ => self.name("parameter"),
        }
    }

    /// A term with any operators.
    fn pipe(&mut self) -> Parsed<'s, T<'s>> {
        let definitions = self.definitions()?;
        if definitions.is_empty() {
            return self.climb(0, true);
        }
        let body = if self.at_end() { Term::Id } else { self.pipe()? };
        Ok(Term::Def(definitions, Box::new(body)))
    }

    /// Patterns between `?//`.
    fn patterns(&mut self) -> Parsed<'s, Vec<Pattern<&'s str>>> {
        let mut all = vec![self.pattern()?];
        while let [Token("?", Tok::Sym), Token("//", Tok::Sym), ..] = self.rest {
            self.rest = &self.rest[2..];
            all.push(self.pattern()?);
        }
        Ok(all)
    }

    fn pattern(&mut self) -> Parsed<'s, Pattern<&'s str>> {
        if let Some(block) = self.block('[') {
            return self.inside(block, "comma or closing bracket", |inner| {
                let mut items = vec![inner.pattern()?];
                while inner.take(",") {
                    items.push(inner.pattern()?);
                }
                Ok(Pattern::Arr(items))
            });
        }
        if let Some(block) = self.block('{') {
            return self.inside(block, "comma or closing brace", |inner| {
                let mut entries = Vec::new();
                inner.pattern_entry(&mut entries)?;
                while inner.take(",") {
                    inner.pattern_entry(&mut entries)?;
                }
                Ok(Pattern::Obj(entries))
            });
        }
        match self.peek() {
            Some(Token(_, Tok::Var)) => self.variable().map(Pattern::Var),
            _ => Err(self.error("pattern")),
        }
    }

    /// `$a`, `$a: pattern`, `key: pattern`, `"key": pattern` or `(f): pattern`.
    fn pattern_entry(&mut self, to: &mut Vec<(T<'s>, Pattern<&'s str>)>) -> Parsed<'s, ()> {
        if let Some(Token(_, Tok::Var)) = self.peek() {
            let name = self.variable()?;
            to.push((text(&name[1..]), Pattern::Var(name)));
            if self.take(":") {
                to.push((text(&name[1..]), self.pattern()?));
            }
            return Ok(());
        }
        let key = self.key()?;
        self.expect(":")?;
        to.push((key, self.pattern()?));
        Ok(())
    }

    /// A key that is written out: a word, a string, or a term in parentheses.
    fn key(&mut self) -> Parsed<'s, T<'s>> {
        if let Some(block) = self.block('(') {
            return self.inside(block, "closing parenthesis", Self::pipe);
        }
        match self.peek() {
            Some(Token(name, Tok::Word)) if !name.contains("::") => self.taken(text(name)),
            Some(Token(_, Tok::Str(_) | Tok::Fmt)) => self.string(),
            _ => Err(self.error("key")),
        }
    }
}

/// A string without escapes.
pub(super) fn text(text: &str) -> T<'_> {
    Term::Str(None, vec![StrPart::Str(text)])
}
