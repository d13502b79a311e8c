//! The types of expressions, inferred from their syntax without evaluating them.
//!
//! An expression is refused only where no value of its type can ever fit, so wherever nothing is
//! known, any type is assumed.

use minijinja::machinery::ast;
use minijinja::value::{Value, ValueKind};

use super::operations;
use super::path::Path;
use super::syntax::{self, Fault};
use super::tree::keys;
use crate::definition::{Kinds, did_you_mean};
use crate::json::check_number;

/// What a template results in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inferred {
    /// Text around or between expressions.
    Text,
    /// The value of its only expression.
    Value(Kinds),
}

/// What is known of a template or expression.
pub(crate) struct Analysis {
    pub(crate) result: Inferred,
    /// Operations that fail whenever the expression is evaluated, as sentences.
    pub(crate) faults: Vec<String>,
}

/// The type of a template. `None` where nothing can be said.
pub(crate) fn infer(source: &str, lookup: &dyn Fn(&[String]) -> Kinds) -> Option<Inferred> {
    analyse_template(source, lookup).map(|analysis| analysis.result)
}

/// Analyses a template that compiles. `lookup` gives the type of what a path leads to.
pub(crate) fn analyse_template(
    source: &str,
    lookup: &dyn Fn(&[String]) -> Kinds,
) -> Option<Analysis> {
    let tree = syntax::parse(source).ok()?;
    let mut walk = Walk { lookup, source, faults: Vec::new() };
    if let Some(only) = syntax::only_expression(source, &tree) {
        let result = Inferred::Value(walk.kinds(only, true));
        return Some(Analysis { result, faults: walk.faults });
    }
    let children = syntax::children(&tree);
    let is_plain =
        |stmt: &ast::Stmt<'_>| matches!(stmt, ast::Stmt::EmitRaw(_) | ast::Stmt::EmitExpr(_));
    // Statements bind names, repeat and branch: what is inside is not followed.
    if children.iter().all(is_plain) {
        for stmt in children {
            if let ast::Stmt::EmitExpr(emit) = stmt {
                walk.kinds(&emit.expr, true);
            }
        }
    } else if !["set", "with", "macro", "import"].iter().any(|word| source.contains(word)) {
        for stmt in children {
            walk.loop_over(stmt);
        }
    }
    Some(Analysis { result: Inferred::Text, faults: walk.faults })
}

/// Analyses a bare expression that compiles.
pub(crate) fn analyse_expression(
    source: &str,
    lookup: &dyn Fn(&[String]) -> Kinds,
) -> Option<Analysis> {
    let tree = syntax::parse_expression(source).ok()?;
    let mut walk = Walk { lookup, source, faults: Vec::new() };
    let result = Inferred::Value(walk.kinds(&tree, true));
    Some(Analysis { result, faults: walk.faults })
}

/// The result of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Always of these types.
    Always(Kinds),
    /// Of these types, unless an argument (a default or a start value) makes it another.
    Alone(Kinds),
    /// Its input, or its first argument; an empty text without one.
    InputOrArgument,
}

use Of::{Alone, Always, InputOrArgument};

const NUMERIC: Kinds = Kinds::NUMBER.or(Kinds::BOOLEAN);

/// A filter: its name, its result, the types that it takes, and the fewest and most arguments.
type Filter = (&'static str, Of, Kinds, usize, usize);

/// What has a length.
const COUNTED: Kinds = Kinds::STRING.or(Kinds::ARRAY).or(Kinds::OBJECT);
/// What a loop can go over.
const ITERABLE: Kinds = COUNTED.or(Kinds::NULL);
/// As many arguments as one likes.
const MANY: usize = usize::MAX;

/// Every filter.
const FILTERS: &[Filter] = &[
    ("abs", Always(Kinds::NUMBER), NUMERIC, 0, 0),
    ("attr", Always(Kinds::ALL), Kinds::ALL, 1, 1),
    ("batch", Always(Kinds::ARRAY), ITERABLE, 1, 2),
    ("bool", Always(Kinds::BOOLEAN), Kinds::ALL, 0, 0),
    ("capitalize", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("chain", Always(Kinds::ARRAY.or(Kinds::OBJECT)), Kinds::ALL, 0, MANY),
    ("count", Always(Kinds::INTEGER), COUNTED, 0, 0),
    ("d", InputOrArgument, Kinds::ALL, 0, 2),
    ("default", InputOrArgument, Kinds::ALL, 0, 2),
    ("dictsort", Always(Kinds::ARRAY), Kinds::OBJECT, 0, 0),
    ("first", Always(Kinds::ALL), ITERABLE, 0, 0),
    ("float", Alone(Kinds::NUMBER), Kinds::ALL, 0, 2),
    ("format", Always(Kinds::STRING), Kinds::STRING, 0, MANY),
    ("fromjson", Always(Kinds::ALL), Kinds::STRING, 0, 0),
    ("groupby", Always(Kinds::ARRAY), ITERABLE, 0, 1),
    ("indent", Always(Kinds::STRING), Kinds::STRING, 0, 3),
    ("int", Alone(Kinds::INTEGER), Kinds::ALL, 0, 2),
    ("items", Always(Kinds::ARRAY), Kinds::OBJECT, 0, 0),
    ("join", Always(Kinds::STRING), ITERABLE, 0, 2),
    ("last", Always(Kinds::ALL), ITERABLE, 0, 0),
    ("length", Always(Kinds::INTEGER), COUNTED, 0, 0),
    ("lines", Always(Kinds::ARRAY), Kinds::STRING, 0, 0),
    ("list", Always(Kinds::ARRAY), ITERABLE, 0, 0),
    ("lower", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("map", Always(Kinds::ARRAY), ITERABLE, 0, MANY),
    ("max", Always(Kinds::ALL), ITERABLE, 0, 0),
    ("min", Always(Kinds::ALL), ITERABLE, 0, 0),
    ("reject", Always(Kinds::ARRAY), ITERABLE, 0, MANY),
    ("rejectattr", Always(Kinds::ARRAY), ITERABLE, 1, MANY),
    ("replace", Always(Kinds::STRING), Kinds::ALL, 2, 2),
    ("reverse", Always(Kinds::ARRAY.or(Kinds::STRING).or(Kinds::NULL)), ITERABLE, 0, 0),
    ("round", Always(Kinds::NUMBER), NUMERIC, 0, 2),
    ("select", Always(Kinds::ARRAY), ITERABLE, 0, MANY),
    ("selectattr", Always(Kinds::ARRAY), ITERABLE, 1, MANY),
    ("slice", Always(Kinds::ARRAY), ITERABLE, 1, 2),
    ("sort", Always(Kinds::ARRAY), ITERABLE, 0, 0),
    ("split", Always(Kinds::ARRAY), Kinds::STRING, 0, 2),
    ("string", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("sum", Alone(Kinds::NUMBER), ITERABLE, 0, 2),
    ("title", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("tojson", Always(Kinds::STRING), Kinds::ALL, 0, 1),
    ("trim", Always(Kinds::STRING), Kinds::STRING, 0, 1),
    ("unique", Always(Kinds::ARRAY), ITERABLE, 0, 0),
    ("upper", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("urlencode", Always(Kinds::STRING), Kinds::ALL, 0, 0),
    ("zip", Always(Kinds::ARRAY), Kinds::ALL, 0, MANY),
];

/// The types that arguments of filters, tests and functions must have, by their place.
const ARGUMENTS: &[(&str, &[Kinds])] = &[
    ("batch", &[NUMERIC]),
    ("divisibleby", &[NUMERIC]),
    ("range", &[NUMERIC, NUMERIC.or(Kinds::NULL), NUMERIC.or(Kinds::NULL)]),
    ("replace", &[Kinds::STRING, Kinds::STRING]),
    ("round", &[NUMERIC.or(Kinds::NULL)]),
    ("slice", &[NUMERIC]),
    ("split", &[Kinds::STRING.or(Kinds::NULL), NUMERIC.or(Kinds::NULL)]),
    ("trim", &[Kinds::STRING.or(Kinds::NULL)]),
];

/// The result of every function. That of every test is a boolean.
const FUNCTIONS: &[(&str, Kinds)] = &[("dict", Kinds::OBJECT), ("range", Kinds::ARRAY)];

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, result)| *result)
}

struct Walk<'w> {
    lookup: &'w dyn Fn(&[String]) -> Kinds,
    source: &'w str,
    faults: Vec<String>,
}

impl Walk<'_> {
    /// What a loop goes over that is run whenever the template is.
    fn loop_over(&mut self, stmt: &ast::Stmt<'_>) {
        let ast::Stmt::ForLoop(looped) = stmt else { return };
        let found = self.kinds(&looped.iter, true);
        if !found.fits(ITERABLE) {
            let message = format!("`for` goes over text, lists and objects, not {found}");
            self.fault(&looped.iter, true, message);
        }
    }

    /// The types that an expression may have. `certain`: it is evaluated whenever the whole is.
    fn kinds(&mut self, expr: &ast::Expr<'_>, certain: bool) -> Kinds {
        match expr {
            ast::Expr::Const(constant) => {
                self.check_literal(expr, &constant.value);
                of_constant(&constant.value)
            }
            ast::Expr::Var(_) => self.path(expr),
            ast::Expr::GetAttr(get) => {
                if keys(expr).is_none() {
                    self.kinds(&get.expr, certain);
                }
                self.path(expr)
            }
            ast::Expr::GetItem(get) => {
                if keys(expr).is_none() {
                    self.kinds(&get.expr, certain);
                    self.kinds(&get.subscript_expr, certain);
                }
                self.path(expr)
            }
            ast::Expr::Slice(slice) => {
                let found = self.kinds(&slice.expr, certain);
                if !found.fits(ITERABLE) {
                    let message = format!("`[…]` takes a part of a text or list, not of {found}");
                    return self.fault(expr, certain, message);
                }
                if found == Kinds::STRING { found } else { Kinds::STRING.or(Kinds::ARRAY) }
            }
            ast::Expr::UnaryOp(op) => {
                let operand = self.kinds(&op.expr, certain);
                match op.op {
                    ast::UnaryOpKind::Not => Kinds::BOOLEAN,
                    ast::UnaryOpKind::Neg if operand.fits(NUMERIC) => Kinds::NUMBER,
                    ast::UnaryOpKind::Neg => {
                        let message = format!("`-` needs a number, not {operand}");
                        self.fault(expr, certain, message)
                    }
                }
            }
            ast::Expr::BinOp(op) => self.binary(expr, op, certain),
            ast::Expr::Compare(compare) => {
                self.kinds(&compare.expr, certain);
                // A chain ends at the first comparison that does not hold.
                for (i, op) in compare.ops.iter().enumerate() {
                    self.kinds(&op.expr, certain && i == 0);
                }
                Kinds::BOOLEAN
            }
            ast::Expr::IfExpr(branch) => {
                self.kinds(&branch.test_expr, certain);
                let found = self.kinds(&branch.true_expr, false);
                match &branch.false_expr {
                    Some(other) => found.or(self.kinds(other, false)),
                    // Without one, it is undefined, which fails.
                    None => found,
                }
            }
            ast::Expr::Filter(filter) => self.filter(expr, filter, certain),
            ast::Expr::Test(test) => {
                let found = self.kinds(&test.expr, certain);
                self.arguments(&test.args, certain);
                if test.name == "divisibleby" && !found.fits(NUMERIC) {
                    let message = format!("`is divisibleby` needs a number, not {found}");
                    self.fault(expr, certain, message);
                }
                self.check_arguments(expr, test.name, &test.args, certain);
                Kinds::BOOLEAN
            }
            ast::Expr::Call(call) => {
                self.arguments(&call.args, certain);
                match &call.expr {
                    ast::Expr::Var(var) => {
                        self.check_arguments(expr, var.id, &call.args, certain);
                        find(FUNCTIONS, var.id).unwrap_or(Kinds::ALL)
                    }
                    _ => Kinds::ALL,
                }
            }
            ast::Expr::List(list) => self.items(&list.items, certain),
            ast::Expr::Tuple(tuple) => self.items(&tuple.items, certain),
            ast::Expr::Map(map) => {
                self.items(&map.keys, certain);
                self.items(&map.values, certain);
                Kinds::OBJECT
            }
        }
    }

    /// A number with a fraction is rounded when it is parsed: the text is checked instead.
    fn check_literal(&mut self, expr: &ast::Expr<'_>, value: &Value) {
        if value.kind() != ValueKind::Number || value.is_integer() {
            return;
        }
        let span = expr.span();
        let text = self.source.get(span.start_offset as usize..span.end_offset as usize);
        let text = text.unwrap_or_default().replace('_', "");
        if text.parse::<f64>().is_ok()
            && let Err(message) = check_number(&text)
        {
            self.fault(expr, true, message);
        }
    }

    fn items(&mut self, items: &[ast::Expr<'_>], certain: bool) -> Kinds {
        for item in items {
            self.kinds(item, certain);
        }
        Kinds::ARRAY
    }

    fn path(&self, expr: &ast::Expr<'_>) -> Kinds {
        keys(expr).map_or(Kinds::ALL, |keys| (self.lookup)(Path::new(keys).names()))
    }

    /// The types of the arguments together.
    fn arguments(&mut self, args: &[ast::CallArg<'_>], certain: bool) -> Kinds {
        args.iter().fold(Kinds::NEVER, |all, arg| {
            let (ast::CallArg::Pos(expr)
            | ast::CallArg::Kwarg(_, expr)
            | ast::CallArg::PosSplat(expr)
            | ast::CallArg::KwargSplat(expr)) = arg;
            all.or(self.kinds(expr, certain))
        })
    }

    fn filter(&mut self, expr: &ast::Expr<'_>, filter: &ast::Filter<'_>, certain: bool) -> Kinds {
        let input = filter.expr.as_ref().map_or(Kinds::ALL, |expr| self.kinds(expr, certain));
        let arguments = self.arguments(&filter.args, certain);
        let Some((name, result, takes, fewest, most)) =
            FILTERS.iter().copied().find(|(name, ..)| *name == filter.name)
        else {
            return Kinds::ALL;
        };
        if !input.fits(takes) {
            return self.fault(expr, certain, format!("`{name}` needs {takes}, not {input}"));
        }
        self.check_count(expr, name, &filter.args, (fewest, most), certain);
        self.check_arguments(expr, name, &filter.args, certain);
        self.check_name(expr, name, &filter.args, certain);
        match result {
            Always(kinds) => kinds,
            Alone(kinds) if filter.args.is_empty() => kinds,
            InputOrArgument if filter.args.is_empty() => input.or(Kinds::STRING),
            InputOrArgument => input.or(arguments),
            Alone(_) => Kinds::ALL,
        }
    }

    fn check_count(
        &mut self,
        expr: &ast::Expr<'_>,
        name: &str,
        args: &[ast::CallArg<'_>],
        (fewest, most): (usize, usize),
        certain: bool,
    ) {
        let is_splat = |arg: &ast::CallArg<'_>| {
            matches!(arg, ast::CallArg::PosSplat(_) | ast::CallArg::KwargSplat(_))
        };
        if args.iter().any(is_splat) {
            return;
        }
        let places = args.iter().filter(|arg| matches!(arg, ast::CallArg::Pos(_))).count();
        let counted = |n: usize| match n {
            0 => "no argument".to_owned(),
            1 => "one argument".to_owned(),
            n => format!("{n} arguments"),
        };
        if places > most {
            let at_most = if most == 0 { "" } else { "at most " };
            let message = format!("`{name}` takes {at_most}{}, not {places}", counted(most));
            self.fault(expr, certain, message);
        } else if args.len() < fewest {
            self.fault(expr, certain, format!("`{name}` needs {}", counted(fewest)));
        }
    }

    /// The types of arguments that are given by their place.
    fn check_arguments(
        &mut self,
        expr: &ast::Expr<'_>,
        name: &str,
        args: &[ast::CallArg<'_>],
        certain: bool,
    ) {
        let Some(wanted) = find(ARGUMENTS, name) else { return };
        for (i, (arg, takes)) in args.iter().zip(wanted).enumerate() {
            let ast::CallArg::Pos(arg) = arg else { return };
            let found = self.kinds(arg, false);
            if !found.fits(*takes) {
                let message =
                    format!("argument {} of `{name}` must be {takes}, not {found}", i + 1);
                self.fault(expr, certain, message);
            }
        }
    }

    /// The names of filters and tests that are written as text.
    fn check_name(
        &mut self,
        expr: &ast::Expr<'_>,
        filter: &str,
        args: &[ast::CallArg<'_>],
        certain: bool,
    ) {
        let (place, what, known) = match filter {
            "map" => (0, "filter", operations::FILTERS),
            "select" | "reject" => (0, "test", operations::TESTS),
            "selectattr" | "rejectattr" => (1, "test", operations::TESTS),
            _ => return,
        };
        let are_places = args.iter().take(place).all(|arg| matches!(arg, ast::CallArg::Pos(_)));
        if let Some(ast::CallArg::Pos(ast::Expr::Const(name))) = args.get(place)
            && let Some(name) = name.value.as_str().filter(|name| !known.contains(name))
            && are_places
        {
            let shown: String = name.chars().take(60).collect();
            let hint = did_you_mean(name, known.iter().copied());
            self.fault(expr, certain, format!("there is no {what} `{shown}`{hint}"));
        }
    }

    fn binary(&mut self, expr: &ast::Expr<'_>, op: &ast::BinOp<'_>, certain: bool) -> Kinds {
        use ast::BinOpKind as Kind;
        let is_short_circuit = matches!(op.op, Kind::ScAnd | Kind::ScOr);
        let left = self.kinds(&op.left, certain);
        let right = self.kinds(&op.right, certain && !is_short_circuit);
        let both = |kinds: Kinds| left.fits(kinds) && right.fits(kinds);
        let is_whole = |kinds: Kinds| kinds.within(Kinds::INTEGER.or(Kinds::BOOLEAN));
        let number = match is_whole(left) && is_whole(right) {
            true => Kinds::INTEGER,
            false => Kinds::NUMBER,
        };
        let sign = match op.op {
            Kind::In if !right.fits(COUNTED) => {
                let message = format!("`in` looks into text, lists and objects, not {right}");
                return self.fault(expr, certain, message);
            }
            Kind::Eq | Kind::Ne | Kind::Lt | Kind::Lte | Kind::Gt | Kind::Gte | Kind::In => {
                return Kinds::BOOLEAN;
            }
            Kind::ScAnd | Kind::ScOr => return left.or(right),
            Kind::Concat => return Kinds::STRING,
            Kind::Add => {
                let sums = [
                    (NUMERIC, number),
                    (Kinds::STRING, Kinds::STRING),
                    (Kinds::ARRAY, Kinds::ARRAY),
                ];
                let fitting = sums.into_iter().filter(|(operands, _)| both(*operands));
                let sum = fitting.fold(Kinds::NEVER, |all, (_, result)| all.or(result));
                if sum == Kinds::NEVER {
                    let message = format!(
                        "cannot add {left} and {right}; `~` joins texts, `| int` and `| float` \
                         read numbers"
                    );
                    return self.fault(expr, certain, message);
                }
                return sum;
            }
            Kind::Mul => {
                let repeated = Kinds::STRING.or(Kinds::ARRAY);
                let is_repeated = (left.fits(repeated) && right.fits(NUMERIC))
                    || (right.fits(repeated) && left.fits(NUMERIC));
                return match (both(NUMERIC), is_repeated) {
                    (true, false) => number,
                    (false, false) => {
                        let message = format!("cannot multiply {left} by {right}");
                        self.fault(expr, certain, message)
                    }
                    (_, true) => Kinds::NUMBER.or(repeated),
                };
            }
            Kind::Sub => "-",
            Kind::Div => "/",
            Kind::FloorDiv => "//",
            Kind::Rem => "%",
            Kind::Pow => "**",
        };
        if !both(NUMERIC) {
            let message = format!("`{sign}` needs two numbers, not {left} and {right}");
            return self.fault(expr, certain, message);
        }
        match op.op {
            Kind::Sub | Kind::FloorDiv | Kind::Rem => number,
            _ => Kinds::NUMBER,
        }
    }

    /// An operation that always fails; of its result nothing is said a second time.
    fn fault(&mut self, expr: &ast::Expr<'_>, certain: bool, message: String) -> Kinds {
        if certain {
            let span = expr.span();
            let fault = Fault::at(span.start_line, span.start_col, message);
            let place = syntax::located(self.source, &fault);
            self.faults.push(format!("{} in {place}", fault.message));
        }
        Kinds::ALL
    }
}

/// The types of a value that is written out.
fn of_constant(value: &Value) -> Kinds {
    match value.kind() {
        ValueKind::None => Kinds::NULL,
        ValueKind::Bool => Kinds::BOOLEAN,
        ValueKind::Number if value.is_integer() => Kinds::INTEGER,
        ValueKind::Number => Kinds::NUMBER,
        ValueKind::String => Kinds::STRING,
        ValueKind::Seq | ValueKind::Iterable => Kinds::ARRAY,
        ValueKind::Map => Kinds::OBJECT,
        _ => Kinds::ALL,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::{Expr, test_scope::TestScope};
    use super::*;

    fn lookup(path: &[String]) -> Kinds {
        match path.last().map(String::as_str) {
            Some("n") => Kinds::NUMBER,
            Some("i") => Kinds::INTEGER,
            Some("t") => Kinds::STRING,
            Some("b") => Kinds::BOOLEAN,
            Some("l") => Kinds::ARRAY,
            Some("o") => Kinds::OBJECT,
            Some("never") => Kinds::NEVER,
            _ => Kinds::ALL,
        }
    }

    fn analysed(source: &str) -> (String, usize) {
        let analysis = analyse_expression(source, &lookup).unwrap();
        let Inferred::Value(kinds) = analysis.result else { panic!("{source} is text") };
        (kinds.to_string(), analysis.faults.len())
    }

    #[test]
    fn types_of_expressions() {
        for (source, expected) in [
            ("inputs.n + 1", "number"),
            ("inputs.i + 1", "integer"),
            ("inputs.i * 2 - 3 % 2", "integer"),
            ("inputs.i / 2", "number"),
            ("2 ** inputs.i", "number"),
            ("-inputs.n", "number"),
            ("inputs.t + 'x'", "string"),
            ("inputs.x + 'x'", "string"),
            ("inputs.x + 1", "number"),
            ("inputs.x + inputs.y", "number or string or array"),
            ("inputs.l + [1]", "array"),
            ("inputs.n ~ 1", "string"),
            ("inputs.n > 1", "boolean"),
            ("1 < inputs.n < 3", "boolean"),
            ("'a' in inputs.l", "boolean"),
            ("not inputs.n", "boolean"),
            ("inputs.n and inputs.t", "number or string"),
            ("inputs.x or 'none'", "any value"),
            ("inputs.n is defined", "boolean"),
            ("inputs.n is divisibleby 3", "boolean"),
            ("1 if inputs.b else 'x'", "integer or string"),
            ("1 if inputs.b", "integer"),
            ("inputs.t[1:]", "string"),
            ("inputs.x[1:]", "string or array"),
            ("[1, 2]", "array"),
            ("(1, 'x')", "array"),
            ("{'a': 1}", "object"),
            ("none", "null"),
            ("true", "boolean"),
            ("1.5", "number"),
            ("'x'", "string"),
            ("inputs.t | length", "integer"),
            ("inputs.n | string", "string"),
            ("inputs.n | default('none')", "number or string"),
            ("inputs.t | default", "string"),
            ("inputs.t | int", "integer"),
            ("inputs.t | int('none')", "any value"),
            ("inputs.l | map(attribute='x')", "array"),
            ("inputs.l | first", "any value"),
            ("range(3)", "array"),
            ("dict(a=1)", "object"),
            ("'ab' * 3", "number or string or array"),
            ("(inputs.x | first).y", "any value"),
        ] {
            assert_eq!(analysed(source), (expected.to_owned(), 0), "{source}");
        }
    }

    #[test]
    fn what_always_fails() {
        for source in [
            "inputs.t + 1",
            "1 + inputs.t",
            "inputs.t - 1",
            "inputs.o / 2",
            "inputs.l // 2",
            "inputs.t % 2",
            "none ** 2",
            "-inputs.t",
            "inputs.o * 2",
            "inputs.l + inputs.t",
            "[inputs.t - 1] | length",
            "(inputs.t - 1) | default(0)",
            "(inputs.t + 1) is defined",
            "inputs.x > inputs.t - 1",
            "9007199254740993.0",
            "1e-400",
            "[1e400, 1.5]",
            "inputs.n | length",
            "inputs.n | first",
            "inputs.b | sum",
            "inputs.n | join",
            "inputs.n | sort",
            "inputs.t | items",
            "inputs.n | split",
            "inputs.l | fromjson",
            "1 in inputs.n",
            "inputs.n[1:2]",
            "inputs.t | upper(1)",
            "inputs.x | tojson(5, 6)",
            "inputs.l | batch",
            "inputs.t | replace('a')",
            "inputs.n | round('a')",
            "range(inputs.n, 'a')",
            "inputs.l | map('nope')",
            "inputs.l | select('nope')",
            "inputs.l | selectattr('a', 'nope')",
            "inputs.t is divisibleby 3",
        ] {
            assert_eq!(analysed(source).1, 1, "{source}");
        }
        for source in [
            "inputs.t + 1 if inputs.b else 2",
            "inputs.b and inputs.t + 1",
            "inputs.b or inputs.t + 1",
            "inputs.never + 1",
            "inputs.b + 1",
            "inputs.n * inputs.t",
            "inputs.x | length",
            "inputs.never | sort",
            "inputs.l | map(attribute='nope')",
            "inputs.l | map('upper') | select('eq', 'A') | list",
            "inputs.l | batch(linecount=2)",
            "inputs.t | replace(*inputs.l)",
            "'a' in inputs.t",
        ] {
            assert_eq!(analysed(source).1, 0, "{source}");
        }
        let faults = |source: &str| analyse_template(source, &lookup).unwrap().faults.len();
        assert_eq!(faults("{% for x in inputs.n %}x{% endfor %}"), 1);
        assert_eq!(faults("{% for x in inputs.l %}x{% endfor %}"), 0);
        assert_eq!(faults("{% set inputs = {} %}{% for x in inputs.n %}x{% endfor %}"), 0);
        let fault = analyse_template("a {{ inputs.t - 1 }}", &lookup).unwrap().faults.remove(0);
        assert!(
            fault.starts_with("`-` needs two numbers, not string and integer in `a {{"),
            "{fault}"
        );
    }

    #[test]
    fn templates_are_text_or_a_value() {
        for (source, expected) in [
            ("{{ inputs.n + 1 }}", Inferred::Value(Kinds::NUMBER)),
            ("{{ inputs.n }} {{ inputs.n }}", Inferred::Text),
            (" {{ inputs.n }}", Inferred::Text),
            ("{% if inputs.b %}1{% endif %}", Inferred::Text),
        ] {
            assert_eq!(infer(source, &lookup), Some(expected), "{source}");
        }
    }

    /// Whatever is added to the language has an entry here, and nothing else has.
    #[test]
    fn every_filter_and_function_has_a_type() {
        for (names, known) in [
            (operations::FILTERS, FILTERS.iter().map(|(name, ..)| *name).collect::<Vec<_>>()),
            (operations::FUNCTIONS, FUNCTIONS.iter().map(|(name, _)| *name).collect()),
        ] {
            let mut names = names.to_vec();
            names.sort_unstable();
            assert_eq!(names, known);
        }
    }

    /// The entries hold: the result of each operation over operands of every type, where it has
    /// one, is of a type that was inferred; and what was refused fails.
    #[test]
    fn results_are_of_their_types() {
        let operands = [
            "none", "true", "7", "-2.5", "'a b'", "''", "'12'", "[3, 1]", "[]", "{'a': 1}",
            "[[1, 2]]",
        ];
        let scope = TestScope::new(json!({}));
        let check = |source: &str| {
            let Some(analysis) = analyse_expression(source, &lookup) else { return };
            let Ok(result) =
                Expr::compile(source, "").map_err(drop).and_then(|e| e.eval(&scope).map_err(drop))
            else {
                return;
            };
            assert!(analysis.faults.is_empty(), "{source} is {result}, not {:?}", analysis.faults);
            let Inferred::Value(kinds) = analysis.result else { panic!("{source}") };
            assert!(of_json(&result).within(kinds), "{source} is {result}, not {kinds}");
        };
        for left in operands {
            for filter in operations::FILTERS {
                for args in [
                    "",
                    "(1)",
                    "('a')",
                    "('a', 'b')",
                    "([1])",
                    "(attribute='a')",
                    "(none)",
                    "(true)",
                    "(1, 2)",
                    "(2.0)",
                    "('a', 2)",
                    "('a', 'a', 'a')",
                    "(1, 1, 1, 1)",
                    "('upper')",
                    "('eq', 1)",
                    "('a', 'eq', 1)",
                    "(1, fill_with=2)",
                    "({'a': 1})",
                ] {
                    check(&format!("{left} | {filter}{args}"));
                }
            }
            for test in operations::TESTS {
                check(&format!("{left} is {test}"));
                check(&format!("{left} is {test}(2)"));
                check(&format!("{left} is {test}('a')"));
            }
            for right in operands {
                for op in ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "and", "or"] {
                    check(&format!("{left} {op} {right}"));
                }
                check(&format!("{left} if {right} else {left}"));
                check(&format!("[{left}, {right}]"));
            }
            for source in [
                "-X",
                "not X",
                "X[1:]",
                "range(X)",
                "range(1, X)",
                "range(1, 9, X)",
                "dict(X)",
                "{'k': X}",
            ] {
                check(&source.replace('X', left));
            }
        }
    }

    fn of_json(value: &Json) -> Kinds {
        Kinds::of(&json!({ "const": value }))
    }
}
