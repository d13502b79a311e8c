//! From program text to something that runs, kept for the next time.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use jaq_core::compile::Undefined;
use jaq_core::load::lex::{StrPart, Tok, Token};
use jaq_core::load::parse::Def;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Filter};
use stepwell_core::cache::{ByteCache, PoolUsage};

use super::error::JqError;
use super::library::standard_library;
use super::limits::MAX_PROGRAM;
use super::natives;
use super::running_program::JqData;
use super::syntax::{self, SyntaxError};

/// The most memory for compiled programs that are kept, in bytes.
const CACHE_BYTES: u64 = 16 << 20;
/// What a compiled program takes: the definitions of the library, which each has, and so many
/// bytes for each byte of its text.
const LIBRARY_BYTES: usize = 192 << 10;
const BYTES_PER_BYTE: usize = 64;

/// The most tokens in a program; bounds how deep the parser can go.
const MAX_TOKENS: usize = 4000;

/// The name of the definition that a program becomes.
const MAIN: &str = "_main";

/// Filters of other jq interpreters that are missing on purpose.
const OUTSIDE: [&str; 16] = [
    "input",
    "inputs",
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
    "modulemeta",
    "input_filename",
    "get_prog_origin",
    "get_jq_origin",
];

/// The compiled programs.
static CACHE: LazyLock<ByteCache<String, Arc<Filter<JqData>>>> =
    LazyLock::new(|| ByteCache::new("jq_programs", CACHE_BYTES, LIBRARY_BYTES as u64));

/// The size and limit of the cache of compiled programs.
pub fn pool_usage() -> PoolUsage {
    CACHE.pool_usage()
}

/// The program, compiled. An error names the position.
pub(super) fn compile_program(program: &str) -> Result<Arc<Filter<JqData>>, JqError> {
    let key = program.to_owned();
    if let Some(found) = CACHE.get(&key) {
        return Ok(found);
    }
    let compiled = Arc::new(build_filter(program)?);
    CACHE.insert(key, Arc::clone(&compiled), memory_bytes(program) as u64);
    Ok(compiled)
}

/// About how many bytes the program takes compiled.
fn memory_bytes(program: &str) -> usize {
    LIBRARY_BYTES + BYTES_PER_BYTE * program.len()
}

fn build_filter(program: &str) -> Result<Filter<JqData>, JqError> {
    if program.len() > MAX_PROGRAM || count_tokens(program) > MAX_TOKENS {
        return Err(invalid_program("the query is too long".to_owned()));
    }
    let code = pairs_joined(program);
    let program = code.as_ref();
    // The loader reports text that cannot be read.
    if let Ok(tokens) = jaq_core::load::Lexer::new(program).lex() {
        check_numbers(program, &tokens)?;
    }
    let arena = Arena::default();
    let body = syntax::parse_program(program, &arena).map_err(|errors| {
        let errors = errors.iter().map(|error| describe_syntax_error(program, error));
        invalid_program(errors.collect::<Vec<_>>().join("; "))
    })?;
    let main = Def { name: MAIN, args: Vec::new(), body };
    let file = File { code: MAIN, path: () };
    let definitions = standard_library().iter().cloned().chain([main]);
    let modules = Loader::new(definitions).load(&arena, file);
    let modules = modules.map_err(|_| invalid_program("internal error".to_owned()))?;
    Compiler::default().with_funs(natives::all_filters()).compile(modules).map_err(|errors| {
        let errors = errors.into_iter().flat_map(|(_, errors)| errors);
        let errors = errors.map(|(name, kind)| describe_undefined(program, name, &kind));
        invalid_program(errors.collect::<Vec<_>>().join("; "))
    })
}

/// Refuses numbers that could not be kept exactly, wherever they are written.
fn check_numbers(program: &str, tokens: &[Token<&str>]) -> Result<(), JqError> {
    let mut open: Vec<&Token<&str>> = tokens.iter().collect();
    while let Some(Token(text, token)) = open.pop() {
        match token {
            Tok::Num => stepwell_core::json::check_number(text).map_err(|message| {
                invalid_program(format!("{}{message}", program_position(program, text)))
            })?,
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

/// The program with each pair of surrogate escapes in a string (`\ud83d\ude00`) as its character,
/// and U+FFFD for a single one: the lexer does not support surrogates.
fn pairs_joined(program: &str) -> Cow<'_, str> {
    let is_escape = |text: &str, from: u32, to: u32| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u32::from_str_radix(digits, 16).ok().filter(|code| (from..=to).contains(code))
    };
    let has_surrogate = |text: &str| is_escape(text, 0xd800, 0xdfff).is_some();
    if !program.match_indices("\\u").any(|(at, _)| has_surrogate(&program[at..])) {
        return Cow::Borrowed(program);
    }
    let (mut out, mut rest) = (String::with_capacity(program.len()), program);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let high = is_escape(rest, 0xd800, 0xdbff);
        let low = high.and_then(|_| is_escape(rest.get(6..)?, 0xdc00, 0xdfff));
        let taken = match (high, low) {
            (Some(high), Some(low)) => {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                12
            }
            _ if has_surrogate(rest) => {
                out.push(char::REPLACEMENT_CHARACTER);
                6
            }
            _ => {
                // Together with what it escapes, so that `\\\\u` is no escape.
                let taken = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..taken]);
                taken
            }
        };
        rest = &rest[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// About how many tokens a program has: every symbol counts, and every run of letters and digits.
fn count_tokens(program: &str) -> usize {
    let mut in_word = false;
    let starts = program.chars().filter(|c| {
        let word = c.is_alphanumeric() || *c == '_';
        let counts = !(c.is_whitespace() || word && in_word);
        in_word = word;
        counts
    });
    starts.count()
}

fn invalid_program(message: String) -> JqError {
    JqError::InvalidProgram(format!("`query` is no valid jq program: {message}"))
}

/// What is wrong, with its place.
fn describe_syntax_error(program: &str, error: &SyntaxError<'_>) -> String {
    let (place, found) = (program_position(program, error.found), describe_found(error.found));
    format!("{place}expected {}{found}", error.expected)
}

fn describe_found(found: &str) -> String {
    let mut shown: String = found.chars().take(20).collect();
    if shown.len() < found.len() {
        shown.push('…');
    }
    if shown.is_empty() { ", found the end".to_owned() } else { format!(", found `{shown}`") }
}

fn describe_undefined(program: &str, name: &str, kind: &Undefined) -> String {
    let mut message = program_position(program, name);
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
fn program_position(program: &str, part: &str) -> String {
    let start = part.as_ptr().addr().wrapping_sub(program.as_ptr().addr());
    // A part of the library instead of the program has no place in it.
    let Some(before) = program.get(..start) else { return String::new() };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: ")
}

/// Why the library itself does not parse, which would otherwise only show as missing filters.
#[cfg(test)]
pub(super) fn library_error() -> Option<String> {
    let (text, arena) = (include_str!("library.jq"), Arena::default());
    let errors = syntax::parse_library(text, &arena).err()?;
    Some(errors.iter().map(|error| describe_syntax_error(text, error)).collect())
}
