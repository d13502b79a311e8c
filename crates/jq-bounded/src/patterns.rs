//! Regular expressions, by the bounded engine of [`crate::regexes`]. `test`, `match`,
//! `capture`, `scan`, `split` and `sub` are written on these filters.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use jaq_core::box_iter::box_once;
use jaq_core::native::{Fun, bome, v};
use jaq_core::{Bind, Cv, Error, Exn, Native, ValR, ValT as _, ValX, ValXs};
use regex::{Captures, Regex};

use super::budget::{count_bytes, pay_reading, pay_text, pay_time, pay_units};
use super::running_program::JqData;
use super::text::check_length;
use super::value::{JqNumber, JqValue};
use crate::regexes::{SIZE_LIMIT, compile_pattern};

pub(super) fn regex_filters() -> Vec<Fun<JqData>> {
    vec![
        ("_test", v(2), Native::new(|cv| bome(RegexSearch::new(cv).and_then(|s| s.has_match())))),
        (
            "_match",
            v(2),
            Native::new(|cv| bome(RegexSearch::new(cv).and_then(|s| s.all_matches()))),
        ),
        ("_split", v(2), Native::new(|cv| bome(RegexSearch::new(cv).and_then(|s| s.split_text())))),
        (
            "_sub",
            [Bind::Fun(()), Bind::Var(()), Bind::Var(())].into(),
            Native::new(|mut cv| {
                let flags = cv.0.pop_var();
                let pattern = cv.0.pop_var();
                let (filter, context) = cv.0.pop_fun();
                let text = cv.1.clone();
                let insert = |captures| filter.run((context.clone(), captures));
                let substituted = RegexSearch::from_values(cv.1, &pattern, &flags)
                    .map_err(Exn::from)
                    .and_then(|search| search.substitute_matches(insert));
                match substituted {
                    // Without a match, or without an output for one, the text stays.
                    Ok(texts) if texts.is_empty() => box_once(Ok(text)),
                    Ok(texts) => {
                        Box::new(texts.into_iter().map(|text| Ok(JqValue::from_text(text))))
                    }
                    Err(error) => box_once(Err(error)),
                }
            }),
        ),
    ]
}

/// The flags of a search, from jq's letters.
#[derive(Default)]
struct RegexFlags {
    global: bool,
    ignore_empty: bool,
    /// As the `regex` crate writes them inside a pattern.
    inline: String,
}

impl RegexFlags {
    fn new(flags: &JqValue) -> Result<Self, Error<JqValue>> {
        let letters = match flags {
            JqValue::Null => "",
            JqValue::Str(letters) => letters,
            other => return Err(not_a_string(other)),
        };
        let mut flags = Self::default();
        for letter in letters.chars() {
            match letter {
                'g' => flags.global = true,
                'n' => flags.ignore_empty = true,
                'i' | 'x' => flags.inline.push(letter),
                // `^` and `$` mean the ends of the text, as without it.
                's' => {}
                // What Oniguruma calls multi-line: `.` is any character.
                'p' | 'm' => flags.inline.push('s'),
                'l' => {
                    let message = "the regex flag `l` (the longest match) is not supported: \
                                   write longer alternatives first";
                    return Err(Error::str(message));
                }
                _ => {
                    let message = format_args!("{letters} is not a valid modifier string");
                    return Err(Error::str(message));
                }
            }
        }
        Ok(flags)
    }
}

fn not_a_string(value: &JqValue) -> Error<JqValue> {
    Error::str(format_args!("{} cannot be matched, as it is not a string", value.describe_value()))
}

/// What a program may keep of compiled patterns, in bytes; beyond, it begins anew.
const KEPT_BYTES: usize = 16 << 20;

/// Bytes of a compiled pattern for a unit of work.
const BYTES_PER_UNIT: usize = 32;

/// The patterns of a program that runs, each paid for once.
#[derive(Default)]
struct CompiledPatterns {
    patterns: HashMap<String, Rc<Regex>>,
    bytes: usize,
}

thread_local! {
    // A program has a thread of its own.
    static COMPILED: RefCell<CompiledPatterns> = RefCell::default();
}

fn compiled_regex(pattern: String) -> Result<Rc<Regex>, Error<JqValue>> {
    pay_reading(pattern.len());
    if let Some(known) = COMPILED.with_borrow(|compiled| compiled.patterns.get(&pattern).cloned()) {
        return Ok(known);
    }
    pay_reading(pattern.len().saturating_mul(64));
    let result = compile_pattern(&pattern);
    let size = result.as_ref().map_or(SIZE_LIMIT, |(_, size)| *size);
    pay_units(size / BYTES_PER_UNIT);
    let (regex, _) = result.map_err(Error::str)?;
    let regex = Rc::new(regex);
    count_bytes(size);
    COMPILED.with_borrow_mut(|compiled| {
        if compiled.bytes + size > KEPT_BYTES {
            *compiled = CompiledPatterns::default();
        }
        compiled.bytes += size + pattern.len();
        compiled.patterns.insert(pattern, Rc::clone(&regex));
    });
    Ok(regex)
}

struct RegexSearch {
    text: Rc<str>,
    regex: Rc<Regex>,
    flags: RegexFlags,
}

impl RegexSearch {
    /// A search with the arguments `(pattern; flags)`.
    fn new(mut cv: Cv<'_, JqData>) -> Result<Self, Error<JqValue>> {
        let flags = cv.0.pop_var();
        let pattern = cv.0.pop_var();
        Self::from_values(cv.1, &pattern, &flags)
    }

    fn from_values(
        text: JqValue,
        pattern: &JqValue,
        flags: &JqValue,
    ) -> Result<Self, Error<JqValue>> {
        let JqValue::Str(text) = text else { return Err(not_a_string(&text)) };
        let JqValue::Str(pattern) = pattern else { return Err(not_a_string(pattern)) };
        let flags = RegexFlags::new(flags)?;
        let pattern = match flags.inline.as_str() {
            "" => pattern.as_ref().to_owned(),
            letters => format!("(?{letters}){pattern}"),
        };
        let regex = compiled_regex(pattern)?;
        pay_text(text.len());
        Ok(Self { text, regex, flags })
    }

    fn has_match(&self) -> ValR<JqValue> {
        let mut is_match = false;
        self.for_each_match(|_| {
            is_match = true;
            Ok(false)
        })?;
        Ok(JqValue::Bool(is_match))
    }

    fn all_matches(&self) -> ValR<JqValue> {
        let mut found = Vec::new();
        let mut place = CharacterCounter { text: &self.text, byte: 0, character: 0 };
        self.for_each_match(|captures| {
            found.push(self.match_object(captures, &mut place));
            Ok(true)
        })?;
        Ok(JqValue::from_items(found))
    }

    /// What is between the matches.
    fn split_text(&self) -> ValR<JqValue> {
        let mut parts = Vec::new();
        let mut start = 0;
        self.for_each_match(|captures| {
            let whole = captures.get_match();
            parts.push(JqValue::from_text(&self.text[start..whole.start()]));
            start = whole.end();
            Ok(true)
        })?;
        parts.push(JqValue::from_text(&self.text[start..]));
        Ok(JqValue::from_items(parts))
    }

    /// The texts with each match replaced: one for each output of `insert`, which is given the
    /// named groups.
    fn substitute_matches<'a>(
        &self,
        insert: impl Fn(JqValue) -> ValXs<'a, JqValue>,
    ) -> ValX<'a, Vec<String>, JqValue> {
        let mut texts: Vec<String> = Vec::new();
        let mut start = 0;
        self.for_each_match::<Exn<'a, JqValue>>(|captures| {
            let whole = captures.get_match();
            let gap = &self.text[start..whole.start()];
            start = whole.end();
            for (i, inserted) in insert(self.named_groups(captures)).enumerate() {
                let inserted = inserted?;
                let JqValue::Str(inserted) = &inserted else {
                    let (gap, found) =
                        (JqValue::from_text(gap).describe_value(), inserted.describe_value());
                    let message = format_args!("{gap} and {found} cannot be added");
                    return Err(Error::str(message).into());
                };
                if texts.len() == i {
                    pay_units(1);
                    texts.push(String::new());
                }
                let text = &mut texts[i];
                pay_text(gap.len() + inserted.len());
                check_length(text.len() + gap.len() + inserted.len());
                text.push_str(gap);
                text.push_str(inserted);
            }
            Ok(true)
        })?;
        let rest = &self.text[start..];
        for text in &mut texts {
            check_length(text.len() + rest.len());
            text.push_str(rest);
        }
        Ok(texts)
    }

    /// Calls `f` with each match, until it is `false`. After an empty match the search continues
    /// with the next character.
    fn for_each_match<E: From<Error<JqValue>>>(
        &self,
        mut f: impl FnMut(&Captures<'_>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut at = 0;
        while at <= self.text.len() {
            pay_units(1);
            let started = Instant::now();
            let captures = self.regex.captures_at(&self.text, at);
            pay_time(started.elapsed());
            let Some(captures) = captures else { break };
            let whole = captures.get_match();
            at = match self.text[whole.end()..].chars().next() {
                Some(next) if whole.is_empty() => whole.end() + next.len_utf8(),
                None if whole.is_empty() => self.text.len() + 1,
                _ => whole.end(),
            };
            if self.flags.ignore_empty && whole.is_empty() {
                continue;
            }
            if !f(&captures)? || !self.flags.global {
                break;
            }
        }
        Ok(())
    }

    /// The named groups; null for one that took no part.
    fn named_groups(&self, captures: &Captures<'_>) -> JqValue {
        let named = self.regex.capture_names().zip(captures.iter());
        let named = named.filter_map(|(name, group)| {
            let value = group.map_or(JqValue::Null, |group| JqValue::from_text(group.as_str()));
            Some((Rc::from(name?), value))
        });
        JqValue::from_entries(named.collect())
    }

    /// `{offset, length, string, captures}`. Every group is there, so that positions count; one
    /// that took no part has the offset -1 and the string null.
    fn match_object(&self, captures: &Captures<'_>, place: &mut CharacterCounter<'_>) -> JqValue {
        let whole = captures.get_match();
        let start = place.character_index(whole.start());
        let group = |(name, group): (Option<&str>, Option<regex::Match<'_>>)| {
            let (offset, length, string) = match group {
                // As jq 1.7: in an empty match every group is empty.
                _ if whole.is_empty() => (JqValue::from_count(start), 0, JqValue::from_text("")),
                None => (JqValue::Num(JqNumber::Int(-1)), 0, JqValue::Null),
                Some(group) => {
                    let before = &self.text[whole.start().min(group.start())..group.start()];
                    pay_text(before.len());
                    let offset = start + before.chars().count();
                    let length = group.as_str().chars().count();
                    (JqValue::from_count(offset), length, JqValue::from_text(group.as_str()))
                }
            };
            let name = name.map_or(JqValue::Null, JqValue::from_text);
            object_value([
                ("offset", offset),
                ("length", JqValue::from_count(length)),
                ("string", string),
                ("name", name),
            ])
        };
        let groups = self.regex.capture_names().zip(captures.iter()).skip(1).map(group).collect();
        object_value([
            ("offset", JqValue::from_count(start)),
            ("length", JqValue::from_count(whole.as_str().chars().count())),
            ("string", JqValue::from_text(whole.as_str())),
            ("captures", groups),
        ])
    }
}

fn object_value<const N: usize>(fields: [(&str, JqValue); N]) -> JqValue {
    let fields = fields.into_iter().map(|(key, value)| (JqValue::from_text(key), value));
    // Its keys are texts.
    JqValue::from_map(fields).unwrap_or(JqValue::Null)
}

/// Counts characters while matches go forward, so that all of them together read the text once.
struct CharacterCounter<'t> {
    text: &'t str,
    byte: usize,
    character: usize,
}

impl CharacterCounter<'_> {
    /// The character at which a byte offset is; offsets only grow.
    fn character_index(&mut self, byte: usize) -> usize {
        self.character += self.text[self.byte..byte].chars().count();
        self.byte = byte;
        self.character
    }
}
