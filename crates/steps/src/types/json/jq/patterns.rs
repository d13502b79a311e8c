//! Regular expressions, by the same bounded engine as the text operations'. The library's own
//! `test`, `match`, `capture`, `scan`, `split` and `sub` are written on these three.

use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::{Cv, Error, RunPtr, ValR, ValT as _};
use regex::Captures;

use super::budget::{pay, pay_text};
use super::compile::Data;
use super::value::Val;
use crate::regexes::{compile, for_each_match};

pub(super) fn all() -> impl Iterator<Item = Fun<Data>> {
    let filters: [Filter<RunPtr<Data>>; 3] = [
        ("matches", v(2), |cv| bome(search(Give::Matches, cv))),
        ("split_matches", v(2), |cv| bome(search(Give::Both, cv))),
        ("split_", v(2), |cv| bome(search(Give::Between, cv))),
    ];
    filters.into_iter().map(run::<Data>)
}

/// What a search gives: the matches, what is between them, or both in turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Give {
    Matches,
    Between,
    Both,
}

/// The flags of a search, from jq's letters.
struct Flags {
    global: bool,
    ignore_empty: bool,
    /// As the `regex` crate writes them inside a pattern.
    inline: String,
}

impl Flags {
    fn new(letters: &str) -> Result<Self, Error<Val>> {
        let mut flags = Self { global: false, ignore_empty: false, inline: String::new() };
        for letter in letters.chars() {
            match letter {
                'g' => flags.global = true,
                'n' => flags.ignore_empty = true,
                'i' | 'm' | 's' | 'x' => flags.inline.push(letter),
                'l' => flags.inline.push('U'),
                'p' => flags.inline.push_str("ms"),
                other => return Err(Error::str(format_args!("invalid regex flag: {other}"))),
            }
        }
        Ok(flags)
    }
}

fn search(give: Give, mut cv: Cv<'_, Data>) -> ValR<Val> {
    let flags = cv.0.pop_var();
    let pattern = cv.0.pop_var();
    let flags = match &flags {
        Val::Null => Flags::new("")?,
        Val::Str(letters) => Flags::new(letters)?,
        other => return Err(Error::typ(other.clone(), "text")),
    };
    let (Val::Str(pattern), Val::Str(text)) = (&pattern, &cv.1) else {
        return Err(Error::str(format_args!("cannot match {} with {pattern}", cv.1)));
    };
    let pattern = match flags.inline.as_str() {
        "" => pattern.as_ref().to_owned(),
        letters => format!("(?{letters}){pattern}"),
    };
    let regex = compile(&pattern).map_err(|failure| Error::str(failure.message))?;
    let names: Vec<Option<&str>> = regex.capture_names().collect();
    let mut place = Place { text, byte: 0, character: 0 };
    let mut found = Vec::new();
    let mut between = 0;
    pay_text(text.len());
    let limit = if flags.global || flags.ignore_empty { usize::MAX } else { 1 };
    let mut done = false;
    for_each_match(&regex, text, limit, |captures| {
        let whole = captures.get_match();
        pay(1);
        if done || (flags.ignore_empty && whole.is_empty()) {
            return Ok(());
        }
        if give != Give::Matches {
            found.push(Val::text(&text[between..whole.start()]));
            between = whole.end();
        }
        if give != Give::Between {
            found.push(groups(&captures, &names, &mut place));
        }
        done = !flags.global;
        Ok(())
    })
    .map_err(|failure| Error::str(failure.message))?;
    if give != Give::Matches {
        found.push(Val::text(&text[between..]));
    }
    Ok(Val::array(found))
}

/// The groups of a match that took part in it, the whole first.
fn groups(captures: &Captures<'_>, names: &[Option<&str>], place: &mut Place<'_>) -> Val {
    let taken = captures.iter().zip(names).filter_map(|(group, name)| Some((group?, name)));
    let whole_start = place.of(captures.get_match().start());
    let groups = taken.map(|(group, name)| {
        let before = &place.text[captures.get_match().start()..group.start()];
        pay_text(before.len());
        let offset = whole_start + before.chars().count();
        let mut fields = vec![
            ("offset", Val::count(offset)),
            ("length", Val::count(group.as_str().chars().count())),
            ("string", Val::text(group.as_str())),
        ];
        fields.extend(name.map(|name| ("name", Val::text(name))));
        let fields = fields.into_iter().map(|(key, value)| (Val::text(key), value));
        // Its keys are texts.
        Val::from_map(fields).unwrap_or(Val::Null)
    });
    groups.collect()
}

/// Counts characters while matches go forward, so that all of them together read the text once.
struct Place<'t> {
    text: &'t str,
    byte: usize,
    character: usize,
}

impl Place<'_> {
    /// The character at which a byte offset is; offsets only grow.
    fn of(&mut self, byte: usize) -> usize {
        self.character += self.text[self.byte..byte].chars().count();
        self.byte = byte;
        self.character
    }
}
