//! Terms that mean in the interpreter what jq's syntax means.
//!
//! The interpreter differs from jq where a term has several outputs or changes a value: jq
//! evaluates the right operand first, changes all paths that it found at the beginning, and continues
//! with the last output of an update. Names that begin with `!` cannot be written in a program;
//! they are [`super::natives`], and variables.

use jaq_core::load::Arena;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::{Opt, Part, Path};

type T<'s> = Term<&'s str>;
type P<'s> = Pattern<&'s str>;

/// The right operand, or the value of an assignment.
const RIGHT: &str = "$!right";

/// The value that alternative patterns take apart, and the input of their body.
const MATCHED: &str = "$!matched";
const INPUT: &str = "$!input";

/// The body of alternative patterns.
const BODY: &str = "!body";

/// `l op r` where the order of evaluation does not matter.
pub(super) fn binary_term<'s>(l: T<'s>, op: BinaryOp<&'s str>, r: T<'s>) -> T<'s> {
    Term::BinOp(Box::new(l), op, Box::new(r))
}

/// `l op r`: jq evaluates `r` first, and all of `l` for each of its outputs.
pub(super) fn right_first<'s>(l: T<'s>, op: BinaryOp<&'s str>, r: T<'s>) -> T<'s> {
    if has_one_output(&l) || has_one_output(&r) {
        return binary_term(l, op, r);
    }
    let_in(RIGHT, r, binary_term(l, op, Term::Var(RIGHT)))
}

/// `l // r`: errors of `l` count as no output.
pub(super) fn alternative_term<'s>(l: T<'s>, r: T<'s>) -> T<'s> {
    binary_term(Term::TryCatch(Box::new(l), None), BinaryOp::Alt, r)
}

/// `l = r`.
pub(super) fn assign_term<'s>(l: T<'s>, r: T<'s>) -> T<'s> {
    Term::Call("!assign", vec![paths_term(l), r])
}

/// `l |= r`.
pub(super) fn update_term<'s>(l: T<'s>, r: T<'s>) -> T<'s> {
    // An update that is sure to have an output can take the old value, and need not copy it.
    let name = if has_one_output(&r) { "!replace" } else { "!modify" };
    Term::Call(name, vec![paths_term(l), r])
}

/// `l += r` and its kind.
pub(super) fn assign_math<'s>(l: T<'s>, op: Math, r: T<'s>) -> T<'s> {
    let changed = binary_term(Term::Id, BinaryOp::Math(op), Term::Var(RIGHT));
    let_in(RIGHT, r, update_term(l, changed))
}

/// `l //= r`.
pub(super) fn assign_alternative<'s>(l: T<'s>, r: T<'s>) -> T<'s> {
    let changed = binary_term(Term::Id, BinaryOp::Alt, Term::Var(RIGHT));
    let_in(RIGHT, r, update_term(l, changed))
}

/// All paths of a term in an array.
fn paths_term(of: T<'_>) -> T<'_> {
    Term::Arr(Some(Box::new(Term::Call("!path", vec![of]))))
}

/// `value as $name | body`.
fn let_in<'s>(name: &'s str, value: T<'s>, body: T<'s>) -> T<'s> {
    match_pattern(value, Pattern::Var(name), body)
}

/// `value as pattern | body`.
fn match_pattern<'s>(value: T<'s>, pattern: P<'s>, body: T<'s>) -> T<'s> {
    binary_term(value, BinaryOp::Pipe(Some(pattern)), body)
}

fn pipe_term<'s>(l: T<'s>, r: T<'s>) -> T<'s> {
    binary_term(l, BinaryOp::Pipe(None), r)
}

/// `term as pattern ?// pattern | body`.
pub(super) fn bind_term<'s>(value: T<'s>, patterns: Vec<P<'s>>, body: T<'s>) -> T<'s> {
    match single_pattern(patterns) {
        Ok(pattern) => match_pattern(value, pattern, body),
        Err(patterns) => let_in(MATCHED, value, alternative_patterns(patterns, body)),
    }
}

fn single_pattern(mut patterns: Vec<P<'_>>) -> Result<P<'_>, Vec<P<'_>>> {
    match (patterns.pop(), patterns.is_empty()) {
        (Some(pattern), true) => Ok(pattern),
        (Some(last), false) => {
            patterns.push(last);
            Err(patterns)
        }
        (None, _) => Err(patterns),
    }
}

/// The body with the variables of the first pattern after which nothing fails, in the body
/// included; those of the other patterns are null. What is matched is `$!matched`.
fn alternative_patterns<'s>(patterns: Vec<P<'s>>, body: T<'s>) -> T<'s> {
    let mut names = Vec::new();
    for pattern in &patterns {
        collect_variables(pattern, &mut names);
    }
    let attempt = |pattern: P<'s>| {
        let mut bound = Vec::new();
        collect_variables(&pattern, &mut bound);
        let argument = |name: &&'s str| match bound.contains(name) {
            true => Term::Var(*name),
            false => null_term(),
        };
        let call = Term::Call(BODY, names.iter().map(argument).collect());
        match_pattern(Term::Var(MATCHED), pattern, call)
    };
    let attempts = patterns.into_iter().rev().map(attempt);
    let chain = attempts.reduce(|next, attempt| {
        let next = pipe_term(Term::Var(INPUT), next);
        Term::TryCatch(Box::new(attempt), Some(Box::new(next)))
    });
    let body = Def { name: BODY, args: names.clone(), body };
    let_in(INPUT, Term::Id, Term::Def(vec![body], Box::new(chain.unwrap_or_default())))
}

fn null_term<'s>() -> T<'s> {
    index_term(Term::Arr(None), 0)
}

fn index_term(of: T<'_>, at: u8) -> T<'_> {
    let at = Term::Num(if at == 0 { "0" } else { "1" });
    Term::Path(Box::new(of), Path(vec![(Part::Index(at), Opt::Essential)]))
}

fn collect_variables<'s>(pattern: &P<'s>, to: &mut Vec<&'s str>) {
    match pattern {
        Pattern::Var(name) if to.contains(name) => {}
        Pattern::Var(name) => to.push(name),
        Pattern::Arr(items) => items.iter().for_each(|item| collect_variables(item, to)),
        Pattern::Obj(entries) => entries.iter().for_each(|(_, item)| collect_variables(item, to)),
    }
}

/// `reduce items as patterns (init; update)`: an update's last output counts, and null where it
/// has none.
pub(super) fn reduce_term<'s>(
    items: T<'s>,
    patterns: Vec<P<'s>>,
    init: T<'s>,
    update: T<'s>,
) -> T<'s> {
    let (pattern, update) = match single_pattern(patterns) {
        Ok(pattern) => (pattern, update),
        Err(patterns) => (Pattern::Var(MATCHED), alternative_patterns(patterns, update)),
    };
    let update = if has_one_output(&update) { update } else { Term::Call("!last", vec![update]) };
    Term::Fold("reduce", Box::new(items), pattern, vec![init, update])
}

/// `foreach items as patterns (init; update; extract)`: each output of an update is extracted,
/// and the last one is where the next update begins.
pub(super) fn foreach_term<'s>(
    items: T<'s>,
    patterns: Vec<P<'s>>,
    init: T<'s>,
    update: T<'s>,
    extract: Option<T<'s>>,
) -> T<'s> {
    let (pattern, update, extract) = match single_pattern(patterns) {
        Ok(pattern) => (pattern, update, extract),
        Err(patterns) => (
            Pattern::Var(MATCHED),
            alternative_patterns(patterns.clone(), update),
            extract.map(|extract| alternative_patterns(patterns, extract)),
        ),
    };
    if has_one_output(&update) {
        let args = [Some(init), Some(update), extract].into_iter().flatten().collect();
        return Term::Fold("foreach", Box::new(items), pattern, args);
    }
    // `!foreach` passes `[state, item]` to the update and gives the same.
    let inside = |body| {
        match_pattern(
            index_term(Term::Id, 1),
            pattern.clone(),
            pipe_term(index_term(Term::Id, 0), body),
        )
    };
    let states = Term::Call("!foreach", vec![init, items, inside(update)]);
    pipe_term(states, inside(extract.unwrap_or_default()))
}

/// A term with suffixes. jq evaluates the last index first.
pub(super) fn path_term<'s>(
    arena: &'s Arena,
    head: T<'s>,
    mut parts: Vec<(Part<T<'s>>, Opt)>,
) -> T<'s> {
    if parts.is_empty() {
        return head;
    }
    let head_has_one = has_one_output(&head);
    let several =
        parts.iter().flat_map(|(part, _)| part_terms(part)).filter(|t| !has_one_output(t));
    let mut bound = Vec::new();
    if several.count() + usize::from(!head_has_one) > 1 {
        for (part, _) in &mut parts {
            for term in terms_mut(part).into_iter().filter(|term| !has_one_output(term)) {
                let name: &'s str = arena.alloc(format!("$!index{}", bound.len()));
                bound.push((name, std::mem::replace(term, Term::Var(name))));
            }
        }
    }
    let path = Term::Path(Box::new(head), Path(parts));
    bound.into_iter().fold(path, |body, (name, term)| let_in(name, term, body))
}

fn part_terms<'t, 's>(part: &'t Part<T<'s>>) -> impl Iterator<Item = &'t T<'s>> {
    let (first, second) = match part {
        Part::Index(index) => (Some(index), None),
        Part::Range(from, to) => (from.as_ref(), to.as_ref()),
    };
    first.into_iter().chain(second)
}

/// Those of a part, in the order in which they are bound: the last one is evaluated first.
fn terms_mut<'t, 's>(part: &'t mut Part<T<'s>>) -> Vec<&'t mut T<'s>> {
    match part {
        Part::Index(index) => vec![index],
        // Of a range the start is evaluated first.
        Part::Range(from, to) => to.iter_mut().chain(from.iter_mut()).collect(),
    }
}

/// A string with interpolations. jq evaluates the last one first.
pub(super) fn string_term<'s>(
    arena: &'s Arena,
    format: Option<&'s str>,
    mut parts: Vec<StrPart<&'s str, T<'s>>>,
) -> T<'s> {
    let several =
        |part: &StrPart<&'s str, T<'s>>| matches!(part, StrPart::Term(t) if !has_one_output(t));
    let mut bound = Vec::new();
    if parts.iter().filter(|part| several(part)).count() > 1 {
        for part in parts.iter_mut().filter(|part| several(part)) {
            let name: &'s str = arena.alloc(format!("$!part{}", bound.len()));
            if let StrPart::Term(term) = std::mem::replace(part, StrPart::Term(Term::Var(name))) {
                bound.push((name, term));
            }
        }
    }
    let string = Term::Str(format, parts);
    bound.into_iter().fold(string, |body, (name, term)| let_in(name, term, body))
}

/// A definition; a parameter `$x` is also the filter `x`.
pub(super) fn create_definition<'s>(
    name: &'s str,
    args: Vec<&'s str>,
    body: T<'s>,
) -> Def<&'s str> {
    let values = args.iter().filter_map(|arg| {
        let filter = arg.strip_prefix('$')?;
        Some(Def { name: filter, args: Vec::new(), body: Term::Var(*arg) })
    });
    let values: Vec<_> = values.collect();
    let body = if values.is_empty() { body } else { Term::Def(values, Box::new(body)) };
    Def { name, args, body }
}

/// Whether a term is certain to have exactly one output or to fail. A call is not: a program may
/// define any name.
fn has_one_output(term: &T<'_>) -> bool {
    match term {
        Term::Id | Term::Num(_) | Term::Var(_) | Term::Arr(_) => true,
        Term::Str(format, parts) => {
            format.is_none()
                && parts.iter().all(|part| match part {
                    StrPart::Term(term) => has_one_output(term),
                    _ => true,
                })
        }
        Term::Obj(entries) => entries
            .iter()
            .all(|(key, value)| has_one_output(key) && value.as_ref().is_none_or(has_one_output)),
        Term::Neg(term) => has_one_output(term),
        Term::BinOp(l, BinaryOp::Math(_) | BinaryOp::Cmp(_) | BinaryOp::And | BinaryOp::Or, r)
        | Term::BinOp(l, BinaryOp::Pipe(None | Some(Pattern::Var(_))), r) => {
            has_one_output(l) && has_one_output(r)
        }
        Term::IfThenElse(branches, other) => {
            branches.iter().all(|(c, then)| has_one_output(c) && has_one_output(then))
                && other.as_ref().is_none_or(|other| has_one_output(other))
        }
        Term::Path(head, Path(parts)) => {
            has_one_output(head)
                && parts.iter().all(|(part, opt)| {
                    matches!(opt, Opt::Essential)
                        && !matches!(part, Part::Range(None, None))
                        && part_terms(part).all(has_one_output)
                })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_output_is_known_only_where_it_is_certain() {
        let arena = Arena::default();
        for (program, expect) in [
            (". + 1", true),
            (".a.b[0]", true),
            ("[.[]]", true),
            ("{a: .b, (.c): \"x\\(.d)\"}", true),
            ("if .a then 1 else 2 end", true),
            ("1, 2", false),
            (".[]", false),
            (".a?", false),
            ("f", false),
            ("[1] | .[]", false),
            ("{a: .[]}", false),
            (".a // 1", false),
        ] {
            let Ok(term) = crate::syntax::parse_program(program, &arena) else {
                panic!("{program}")
            };
            assert_eq!(has_one_output(&term), expect, "{program}");
        }
    }
}
