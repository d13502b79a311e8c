//! The types of expressions, inferred from their syntax without evaluating them.
//!
//! An expression is refused only where no value of its type can ever fit, so wherever nothing is
//! known, any type is assumed.

use minijinja::machinery::ast;
use minijinja::value::{Value, ValueKind};

use super::path::Path;
use super::syntax::{self, Fault};
use super::tree::keys;
use crate::definition::Kinds;
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

/// The result of every filter.
const FILTERS: &[(&str, Of)] = &[
    ("abs", Always(Kinds::NUMBER)),
    ("attr", Always(Kinds::ALL)),
    ("batch", Always(Kinds::ARRAY)),
    ("bool", Always(Kinds::BOOLEAN)),
    ("capitalize", Always(Kinds::STRING)),
    ("chain", Always(Kinds::ARRAY.or(Kinds::OBJECT))),
    ("count", Always(Kinds::INTEGER)),
    ("d", InputOrArgument),
    ("default", InputOrArgument),
    ("dictsort", Always(Kinds::ARRAY)),
    ("first", Always(Kinds::ALL)),
    ("float", Alone(Kinds::NUMBER)),
    ("format", Always(Kinds::STRING)),
    ("fromjson", Always(Kinds::ALL)),
    ("groupby", Always(Kinds::ARRAY)),
    ("indent", Always(Kinds::STRING)),
    ("int", Alone(Kinds::INTEGER)),
    ("items", Always(Kinds::ARRAY)),
    ("join", Always(Kinds::STRING)),
    ("last", Always(Kinds::ALL)),
    ("length", Always(Kinds::INTEGER)),
    ("lines", Always(Kinds::ARRAY)),
    ("list", Always(Kinds::ARRAY)),
    ("lower", Always(Kinds::STRING)),
    ("map", Always(Kinds::ARRAY)),
    ("max", Always(Kinds::ALL)),
    ("min", Always(Kinds::ALL)),
    ("reject", Always(Kinds::ARRAY)),
    ("rejectattr", Always(Kinds::ARRAY)),
    ("replace", Always(Kinds::STRING)),
    ("reverse", Always(Kinds::ARRAY.or(Kinds::STRING).or(Kinds::NULL))),
    ("round", Always(Kinds::NUMBER)),
    ("select", Always(Kinds::ARRAY)),
    ("selectattr", Always(Kinds::ARRAY)),
    ("slice", Always(Kinds::ARRAY)),
    ("sort", Always(Kinds::ARRAY)),
    ("split", Always(Kinds::ARRAY)),
    ("string", Always(Kinds::STRING)),
    ("sum", Alone(Kinds::NUMBER)),
    ("title", Always(Kinds::STRING)),
    ("tojson", Always(Kinds::STRING)),
    ("trim", Always(Kinds::STRING)),
    ("unique", Always(Kinds::ARRAY)),
    ("upper", Always(Kinds::STRING)),
    ("urlencode", Always(Kinds::STRING)),
    ("zip", Always(Kinds::ARRAY)),
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
            ast::Expr::Filter(filter) => self.filter(filter, certain),
            ast::Expr::Test(test) => {
                self.kinds(&test.expr, certain);
                self.arguments(&test.args, certain);
                Kinds::BOOLEAN
            }
            ast::Expr::Call(call) => {
                self.arguments(&call.args, certain);
                match &call.expr {
                    ast::Expr::Var(var) => find(FUNCTIONS, var.id).unwrap_or(Kinds::ALL),
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

    fn filter(&mut self, filter: &ast::Filter<'_>, certain: bool) -> Kinds {
        let input = filter.expr.as_ref().map_or(Kinds::ALL, |expr| self.kinds(expr, certain));
        let arguments = self.arguments(&filter.args, certain);
        match find(FILTERS, filter.name) {
            Some(Always(kinds)) => kinds,
            Some(Alone(kinds)) if filter.args.is_empty() => kinds,
            Some(InputOrArgument) if filter.args.is_empty() => input.or(Kinds::STRING),
            Some(InputOrArgument) => input.or(arguments),
            Some(Alone(_)) | None => Kinds::ALL,
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

    use super::super::{Expr, operations, test_scope::TestScope};
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
        ] {
            assert_eq!(analysed(source).1, 0, "{source}");
        }
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
            (operations::FILTERS, FILTERS.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
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
                for args in ["", "(1)", "('a')", "('a', 'b')", "([1])", "(attribute='a')"] {
                    check(&format!("{left} | {filter}{args}"));
                }
            }
            for test in operations::TESTS {
                check(&format!("{left} is {test}"));
                check(&format!("{left} is {test}(2)"));
            }
            for right in operands {
                for op in ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "and", "or"] {
                    check(&format!("{left} {op} {right}"));
                }
                check(&format!("{left} if {right} else {left}"));
                check(&format!("[{left}, {right}]"));
            }
            for source in ["-X", "not X", "X[1:]", "range(X)", "dict(X)", "{'k': X}"] {
                check(&source.replace('X', left));
            }
        }
    }

    fn of_json(value: &Json) -> Kinds {
        Kinds::of(&json!({ "const": value }))
    }
}
