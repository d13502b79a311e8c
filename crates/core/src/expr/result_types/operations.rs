//! The result types of filters and operators, and problems of their arguments.

use minijinja::machinery::ast;

use super::{TypeWalk, find_entry};
use crate::definition::ValueTypes;
use crate::expr::operand_types::ResultType::{Alone, Always, InputOrArgument};
use crate::expr::operand_types::{ARGUMENTS, COUNTED, FILTERS, NUMERIC};
use crate::expr::operations;

impl TypeWalk<'_> {
    pub(super) fn filter_types(
        &mut self,
        expr: &ast::Expr<'_>,
        filter: &ast::Filter<'_>,
        certain: bool,
    ) -> ValueTypes {
        let input =
            filter.expr.as_ref().map_or(ValueTypes::ALL, |expr| self.expr_types(expr, certain));
        let arguments = self.argument_types(&filter.args, certain);
        let Some((name, result, takes, fewest, most)) =
            FILTERS.iter().copied().find(|(name, ..)| *name == filter.name)
        else {
            return ValueTypes::ALL;
        };
        if !input.is_usable_as(takes) {
            return self.report_error(
                expr,
                certain,
                format!("`{name}` needs {takes}, not {input}"),
            );
        }
        self.check_count(expr, name, &filter.args, (fewest, most), certain);
        self.check_arguments(expr, name, &filter.args, certain);
        self.check_name(expr, name, &filter.args, certain);
        match result {
            Always(kinds) => kinds,
            Alone(kinds) if filter.args.is_empty() => kinds,
            InputOrArgument if filter.args.is_empty() => input.union_with(ValueTypes::STRING),
            InputOrArgument => input.union_with(arguments),
            Alone(_) => ValueTypes::ALL,
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
            self.report_error(expr, certain, message);
        } else if args.len() < fewest {
            self.report_error(expr, certain, format!("`{name}` needs {}", counted(fewest)));
        }
    }

    /// The types of arguments that are given by their place.
    pub(super) fn check_arguments(
        &mut self,
        expr: &ast::Expr<'_>,
        name: &str,
        args: &[ast::CallArg<'_>],
        certain: bool,
    ) {
        let Some(wanted) = find_entry(ARGUMENTS, name) else { return };
        for (i, (arg, takes)) in args.iter().zip(wanted).enumerate() {
            let ast::CallArg::Pos(arg) = arg else { return };
            let found = self.expr_types(arg, false);
            if !found.is_usable_as(*takes) {
                let message =
                    format!("argument {} of `{name}` must be {takes}, not {found}", i + 1);
                self.report_error(expr, certain, message);
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
            let hint = crate::definition::did_you_mean(name, known.iter().copied());
            self.report_error(expr, certain, format!("there is no {what} `{shown}`{hint}"));
        }
    }

    pub(super) fn binary_types(
        &mut self,
        expr: &ast::Expr<'_>,
        op: &ast::BinOp<'_>,
        certain: bool,
    ) -> ValueTypes {
        use ast::BinOpKind as Kind;
        let is_short_circuit = matches!(op.op, Kind::ScAnd | Kind::ScOr);
        let left = self.expr_types(&op.left, certain);
        let right = self.expr_types(&op.right, certain && !is_short_circuit);
        let both = |kinds: ValueTypes| left.is_usable_as(kinds) && right.is_usable_as(kinds);
        let is_whole = |kinds: ValueTypes| {
            kinds.is_subset_of(ValueTypes::INTEGER.union_with(ValueTypes::BOOLEAN))
        };
        let number = match is_whole(left) && is_whole(right) {
            true => ValueTypes::INTEGER,
            false => ValueTypes::NUMBER,
        };
        let sign = match op.op {
            Kind::In if !right.is_usable_as(COUNTED) => {
                let message = format!("`in` looks into text, lists and objects, not {right}");
                return self.report_error(expr, certain, message);
            }
            Kind::Eq | Kind::Ne | Kind::Lt | Kind::Lte | Kind::Gt | Kind::Gte | Kind::In => {
                return ValueTypes::BOOLEAN;
            }
            Kind::ScAnd | Kind::ScOr => return left.union_with(right),
            Kind::Concat => return ValueTypes::STRING,
            Kind::Add => {
                let sums = [
                    (NUMERIC, number),
                    (ValueTypes::STRING, ValueTypes::STRING),
                    (ValueTypes::ARRAY, ValueTypes::ARRAY),
                ];
                let fitting = sums.into_iter().filter(|(operands, _)| both(*operands));
                let sum =
                    fitting.fold(ValueTypes::NEVER, |all, (_, result)| all.union_with(result));
                if sum == ValueTypes::NEVER {
                    let message = format!(
                        "cannot add {left} and {right}; `~` joins texts, `| int` and `| float` \
                         read numbers"
                    );
                    return self.report_error(expr, certain, message);
                }
                return sum;
            }
            Kind::Mul => {
                let repeated = ValueTypes::STRING.union_with(ValueTypes::ARRAY);
                let is_repeated = (left.is_usable_as(repeated) && right.is_usable_as(NUMERIC))
                    || (right.is_usable_as(repeated) && left.is_usable_as(NUMERIC));
                return match (both(NUMERIC), is_repeated) {
                    (true, false) => number,
                    (false, false) => {
                        let message = format!("cannot multiply {left} by {right}");
                        self.report_error(expr, certain, message)
                    }
                    (_, true) => ValueTypes::NUMBER.union_with(repeated),
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
            return self.report_error(expr, certain, message);
        }
        match op.op {
            Kind::Sub | Kind::FloorDiv | Kind::Rem => number,
            _ => ValueTypes::NUMBER,
        }
    }
}
