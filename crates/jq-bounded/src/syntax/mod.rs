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
type TokenSlice<'s, 't> = &'t [Token<&'s str>];
type ParseResult<'s, R> = Result<R, SyntaxError<'s>>;

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
pub(super) fn parse_program<'s>(
    code: &'s str,
    arena: &'s Arena,
) -> Result<T<'s>, Vec<SyntaxError<'s>>> {
    parse_tokens(code, arena, |parser| match parser.at_end() {
        true => Ok(Term::Id),
        // Definitions alone are a program, too: the identity with them.
        false => parser.parse_pipe(),
    })
}

/// A library: definitions only.
pub(super) fn parse_library<'s>(
    code: &'s str,
    arena: &'s Arena,
) -> Result<Vec<Def<&'s str>>, Vec<SyntaxError<'s>>> {
    parse_tokens(code, arena, |parser| parser.parse_definitions())
}

fn parse_tokens<'s, R>(
    code: &'s str,
    arena: &'s Arena,
    parse: impl FnOnce(&mut ProgramParser<'s, '_>) -> ParseResult<'s, R>,
) -> Result<R, Vec<SyntaxError<'s>>> {
    let lexed = Lexer::new(code).lex().map_err(|errors| {
        let error = |(expected, found): lex::Error<&'s str>| SyntaxError {
            expected: expected.as_str(),
            found,
        };
        errors.into_iter().map(error).collect::<Vec<_>>()
    })?;
    let mut parser = ProgramParser { code, arena, rest: &lexed, end: &code[code.len()..] };
    let parsed = parse(&mut parser).and_then(|parsed| {
        parser.expect_end("operator or the end")?;
        Ok(parsed)
    });
    parsed.map_err(|error| vec![error])
}

struct ProgramParser<'s, 't> {
    code: &'s str,
    arena: &'s Arena,
    rest: TokenSlice<'s, 't>,
    /// Where the tokens end in the program.
    end: &'s str,
}

impl<'s, 't> ProgramParser<'s, 't> {
    fn peek_token(&self) -> Option<&'t Token<&'s str>> {
        self.rest.first()
    }

    fn next_token(&mut self) -> Option<&'t Token<&'s str>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn syntax_error(&self, expected: &'static str) -> SyntaxError<'s> {
        SyntaxError { expected, found: self.peek_token().map_or(self.end, |token| token.0) }
    }

    fn expect_end(&self, expected: &'static str) -> ParseResult<'s, ()> {
        if self.at_end() { Ok(()) } else { Err(self.syntax_error(expected)) }
    }

    /// Whether the next token is this one; takes it.
    fn take_token(&mut self, token: &str) -> bool {
        let is =
            self.peek_token().is_some_and(|next| next.0 == token && !matches!(next.1, Tok::Str(_)));
        if is {
            self.rest = &self.rest[1..];
        }
        is
    }

    fn expect_token(&mut self, token: &'static str) -> ParseResult<'s, ()> {
        if self.take_token(token) { Ok(()) } else { Err(self.syntax_error(token)) }
    }

    /// Does something with the tokens between a pair of brackets; all must be used.
    fn parse_inside<R>(
        &self,
        block: &'t Token<&'s str>,
        expected: &'static str,
        parse: impl FnOnce(&mut Self) -> ParseResult<'s, R>,
    ) -> ParseResult<'s, R> {
        let Tok::Block(tokens) = &block.1 else { return Err(self.syntax_error(expected)) };
        let (last, tokens) =
            tokens.split_last().map_or((self.end, &tokens[..]), |(last, rest)| (last.0, rest));
        let mut inner =
            ProgramParser { code: self.code, arena: self.arena, rest: tokens, end: last };
        let parsed = parse(&mut inner)?;
        inner.expect_end(expected)?;
        Ok(parsed)
    }

    /// The next token, where it is a block that begins with this bracket; takes it.
    fn take_block(&mut self, open: char) -> Option<&'t Token<&'s str>> {
        let block = self
            .peek_token()
            .filter(|token| matches!(token.1, Tok::Block(_)) && token.0.starts_with(open))?;
        self.rest = &self.rest[1..];
        Some(block)
    }

    fn parse_name(&mut self, expected: &'static str) -> ParseResult<'s, &'s str> {
        match self.peek_token() {
            Some(Token(name, Tok::Word)) if !KEYWORDS.contains(name) && !name.contains("::") => {
                self.next_token();
                Ok(name)
            }
            _ => Err(self.syntax_error(expected)),
        }
    }

    fn parse_variable(&mut self) -> ParseResult<'s, &'s str> {
        match self.peek_token() {
            Some(Token(name, Tok::Var)) if !name.contains("::") => {
                self.next_token();
                Ok(name)
            }
            _ => Err(self.syntax_error("variable")),
        }
    }

    /// `def f(g; $x): …;`, any number of them.
    fn parse_definitions(&mut self) -> ParseResult<'s, Vec<Def<&'s str>>> {
        let mut all = Vec::new();
        while self.take_token("def") {
            all.push(self.parse_definition()?);
        }
        Ok(all)
    }

    fn parse_definition(&mut self) -> ParseResult<'s, Def<&'s str>> {
        let name = match self.peek_token() {
            Some(Token(format, Tok::Fmt)) => {
                self.next_token();
                *format
            }
            _ => self.parse_name("name of a filter")?,
        };
        let args = match self.take_block('(') {
            Some(block) => self.parse_inside(block, "semicolon or right parenthesis", |inner| {
                let mut args = vec![inner.parse_parameter()?];
                while inner.take_token(";") {
                    args.push(inner.parse_parameter()?);
                }
                Ok(args)
            })?,
            None => Vec::new(),
        };
        self.expect_token(":")?;
        let body = self.parse_pipe()?;
        self.expect_token(";")?;
        Ok(desugar::create_definition(name, args, body))
    }

    fn parse_parameter(&mut self) -> ParseResult<'s, &'s str> {
        match self.peek_token() {
            Some(Token(_, Tok::Var)) => self.parse_variable(),
            _ => self.parse_name("parameter"),
        }
    }

    /// A term with any operators.
    fn parse_pipe(&mut self) -> ParseResult<'s, T<'s>> {
        let definitions = self.parse_definitions()?;
        if definitions.is_empty() {
            return self.parse_operators(0, true);
        }
        let body = if self.at_end() { Term::Id } else { self.parse_pipe()? };
        Ok(Term::Def(definitions, Box::new(body)))
    }

    /// Patterns between `?//`.
    fn parse_patterns(&mut self) -> ParseResult<'s, Vec<Pattern<&'s str>>> {
        let mut all = vec![self.parse_pattern()?];
        while let [Token("?", Tok::Sym), Token("//", Tok::Sym), ..] = self.rest {
            self.rest = &self.rest[2..];
            all.push(self.parse_pattern()?);
        }
        Ok(all)
    }

    fn parse_pattern(&mut self) -> ParseResult<'s, Pattern<&'s str>> {
        if let Some(block) = self.take_block('[') {
            return self.parse_inside(block, "comma or closing bracket", |inner| {
                let mut items = vec![inner.parse_pattern()?];
                while inner.take_token(",") {
                    items.push(inner.parse_pattern()?);
                }
                Ok(Pattern::Arr(items))
            });
        }
        if let Some(block) = self.take_block('{') {
            return self.parse_inside(block, "comma or closing brace", |inner| {
                let mut entries = Vec::new();
                inner.pattern_entry(&mut entries)?;
                while inner.take_token(",") {
                    inner.pattern_entry(&mut entries)?;
                }
                Ok(Pattern::Obj(entries))
            });
        }
        match self.peek_token() {
            Some(Token(_, Tok::Var)) => self.parse_variable().map(Pattern::Var),
            _ => Err(self.syntax_error("pattern")),
        }
    }

    /// `$a`, `$a: pattern`, `key: pattern`, `"key": pattern` or `(f): pattern`.
    fn pattern_entry(&mut self, to: &mut Vec<(T<'s>, Pattern<&'s str>)>) -> ParseResult<'s, ()> {
        if let Some(Token(_, Tok::Var)) = self.peek_token() {
            let name = self.parse_variable()?;
            to.push((text_term(&name[1..]), Pattern::Var(name)));
            if self.take_token(":") {
                to.push((text_term(&name[1..]), self.parse_pattern()?));
            }
            return Ok(());
        }
        let key = self.parse_key()?;
        self.expect_token(":")?;
        to.push((key, self.parse_pattern()?));
        Ok(())
    }

    /// A key that is written out: a word, a string, or a term in parentheses.
    fn parse_key(&mut self) -> ParseResult<'s, T<'s>> {
        if let Some(block) = self.take_block('(') {
            return self.parse_inside(block, "closing parenthesis", Self::parse_pipe);
        }
        match self.peek_token() {
            Some(Token(name, Tok::Word)) if !name.contains("::") => self.take_then(text_term(name)),
            Some(Token(_, Tok::Str(_) | Tok::Fmt)) => self.parse_string(),
            _ => Err(self.syntax_error("key")),
        }
    }
}

/// A string without escapes.
pub(super) fn text_term(text: &str) -> T<'_> {
    Term::Str(None, vec![StrPart::Str(text)])
}
