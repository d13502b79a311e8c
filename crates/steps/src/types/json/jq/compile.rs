//! From program text to something that runs, kept for the next time.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use jaq_core::compile::Undefined;
use jaq_core::data::HasLut;
use jaq_core::load::lex::{StrPart, Tok, Token};
use jaq_core::load::parse::Def;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, DataT, Filter, Lut};

use super::budget::pay;
use super::value::Val;
use super::{MAX_PROGRAM, natives};
use crate::Failure;

/// What the interpreter works on: our values, and nothing beside the program.
pub(super) struct Data;

impl DataT for Data {
    type V<'a> = Val;
    type Data<'a> = Program<'a>;
}

/// The program while it runs. The interpreter copies it with each call, so each copy pays: a
/// program can loop without ever touching a value.
pub(super) struct Program<'a>(pub &'a Lut<Data>);

impl Clone for Program<'_> {
    fn clone(&self) -> Self {
        pay(1);
        Self(self.0)
    }
}

impl<'a> HasLut<'a, Data> for Program<'a> {
    fn lut(&self) -> &'a Lut<Data> {
        self.0
    }
}

/// How many compiled programs are kept.
const CACHED: usize = 64;

/// The most tokens in a program; bounds how deep the parser can go.
const MAX_TOKENS: usize = 4000;

/// Definitions of the standard library that are left out: they reach outside or stop the server.
const REFUSED: [&str; 4] = ["debug", "stderr", "halt", "halt_error"];

/// Definitions that `natives` replaces; those of `nan` and `infinite` divide by zero, which fails
/// here.
const REPLACED: [&str; 4] = ["infinite", "isnan", "join", "nan"];

/// Filters of other jq interpreters that are missing on purpose.
const OUTSIDE: [&str; 13] = [
    "input",
    "inputs",
    "input_filename",
    "input_line_number",
    "env",
    "now",
    "localtime",
    "strflocaltime",
    "debug",
    "stderr",
    "halt",
    "halt_error",
    "get_search_list",
];

type Cache = VecDeque<(String, Arc<Filter<Data>>)>;

/// The most recently used programs, newest at the back. Nothing awaits and nothing is compiled
/// under the lock.
static CACHE: Mutex<Cache> = Mutex::new(VecDeque::new());

/// The program, compiled. Fails with `INVALID_QUERY`, naming the place.
pub(super) fn compile(program: &str) -> Result<Arc<Filter<Data>>, Failure> {
    if let Some(found) = cached(program) {
        return Ok(found);
    }
    let compiled = Arc::new(build(program)?);
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= CACHED {
        cache.pop_front();
    }
    cache.push_back((program.to_owned(), Arc::clone(&compiled)));
    Ok(compiled)
}

fn cached(program: &str) -> Option<Arc<Filter<Data>>> {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let at = cache.iter().position(|(text, _)| text == program)?;
    let entry = cache.remove(at)?;
    let found = Arc::clone(&entry.1);
    cache.push_back(entry);
    Some(found)
}

fn build(program: &str) -> Result<Filter<Data>, Failure> {
    if program.len() > MAX_PROGRAM || tokens(program) > MAX_TOKENS {
        return Err(invalid("the query is too long".to_owned()));
    }
    // What cannot be read is told by the loader.
    if let Ok(tokens) = load::Lexer::new(program).lex() {
        check_numbers(program, &tokens)?;
    }
    let arena = Arena::default();
    let file = File { code: program, path: () };
    let modules = Loader::new(definitions()).load(&arena, file).map_err(|errors| {
        let errors = errors.into_iter().flat_map(|(_, error)| syntax(program, error));
        invalid(errors.collect::<Vec<_>>().join("; "))
    })?;
    Compiler::default().with_funs(natives::all()).compile(modules).map_err(|errors| {
        let errors = errors.into_iter().flat_map(|(_, errors)| errors);
        let errors = errors.map(|(name, kind)| undefined(program, name, &kind));
        invalid(errors.collect::<Vec<_>>().join("; "))
    })
}

/// Refuses numbers that could not be kept exactly, wherever they are written.
fn check_numbers(program: &str, tokens: &[Token<&str>]) -> Result<(), Failure> {
    let mut open: Vec<&Token<&str>> = tokens.iter().collect();
    while let Some(Token(text, token)) = open.pop() {
        match token {
            Tok::Num => stepwell_core::json::check_number(text)
                .map_err(|message| invalid(format!("{}{message}", place(program, text))))?,
            Tok::Block(inner) => open.extend(inner),
            Tok::Str(parts) => open.extend(parts.iter().filter_map(|part| match part {
                StrPart::Term(inner) => Some(inner),
                _ => None,
            })),
            _ => {}
        }
    }
    Ok(())
}

/// The standard library, as far as it only computes.
fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let own = load::parse(include_str!("library.jq"), |p| p.defs()).unwrap_or_default();
    let standard = jaq_core::defs().chain(jaq_std::defs());
    let kept = |def: &Def<&str>| !REFUSED.contains(&def.name) && !REPLACED.contains(&def.name);
    standard.filter(kept).chain(own)
}

/// About how many tokens a program has: every symbol counts, and every run of letters and digits.
fn tokens(program: &str) -> usize {
    let mut in_word = false;
    let starts = program.chars().filter(|c| {
        let word = c.is_alphanumeric() || *c == '_';
        let counts = !(c.is_whitespace() || word && in_word);
        in_word = word;
        counts
    });
    starts.count()
}

fn invalid(message: String) -> Failure {
    Failure::permanent("INVALID_QUERY", format!("`query` is no valid jq program: {message}"))
}

/// What is wrong, each with its place.
fn syntax(program: &str, error: load::Error<&str>) -> Vec<String> {
    match error {
        load::Error::Io(errors) => errors
            .into_iter()
            .map(|(path, _)| format!("{}modules cannot be used here", place(program, path)))
            .collect(),
        load::Error::Lex(errors) => errors
            .into_iter()
            .map(|(expected, found)| {
                format!("{}expected {}{}", place(program, found), expected.as_str(), seen(found))
            })
            .collect(),
        load::Error::Parse(errors) => errors
            .into_iter()
            .map(|(expected, found)| {
                format!("{}expected {}{}", place(program, found), expected.as_str(), seen(found))
            })
            .collect(),
    }
}

fn seen(found: &str) -> String {
    let mut shown: String = found.chars().take(20).collect();
    if shown.len() < found.len() {
        shown.push('…');
    }
    if shown.is_empty() { ", found the end".to_owned() } else { format!(", found `{shown}`") }
}

fn undefined(program: &str, name: &str, kind: &Undefined) -> String {
    let mut message = place(program, name);
    let _ = match kind {
        Undefined::Filter(_) if OUTSIDE.contains(&name) => {
            write!(message, "`{name}` is not available: a query cannot reach outside its input")
        }
        Undefined::Filter(arguments) => {
            write!(message, "there is no filter `{name}/{arguments}`")
        }
        other => write!(message, "there is no {} `{name}`", other.as_str()),
    };
    message
}

/// `line 1, column 5: `, for a part of the program.
fn place(program: &str, part: &str) -> String {
    let start = part.as_ptr().addr().wrapping_sub(program.as_ptr().addr());
    // A part of the library instead of the program has no place in it.
    let Some(before) = program.get(..start) else { return String::new() };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: ")
}

/// Whether the library itself parses; a defect in it would otherwise only show as missing filters.
#[cfg(test)]
pub(super) fn library_parses() -> bool {
    let text = include_str!("library.jq");
    load::parse(text, |p| p.defs()).is_some()
}
