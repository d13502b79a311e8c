//! The result types of filters and operators, and problems of their arguments.

use std::ops::RangeInclusive;

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
        self.check_count(expr, filter, fewest..=most, certain);
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
        filter: &ast::Filter<'_>,
        allowed: RangeInclusive<usize>,
        certain: bool,
    ) {
        let ast::Filter { name, args, .. } = filter;
        let (fewest, most) = allowed.into_inner();
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
        let is_usable = |kinds| left.is_usable_as(kinds) && right.is_usable_as(kinds);
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
                return sum_types(left, right).unwrap_or_else(|| {
                    let message = format!(
                        "cannot add {left} and {right}; `~` joins texts, `| int` and `| float` \
                         read numbers"
                    );
                    self.report_error(expr, certain, message)
                });
            }
            Kind::Mul => {
                return product_types(left, right).unwrap_or_else(|| {
                    let message = format!("cannot multiply {left} by {right}");
                    self.report_error(expr, certain, message)
                });
            }
            Kind::Sub => "-",
            Kind::Div => "/",
            Kind::FloorDiv => "//",
            Kind::Rem => "%",
            Kind::Pow => "**",
        };
        if !is_usable(NUMERIC) {
            let message = format!("`{sign}` needs two numbers, not {left} and {right}");
            return self.report_error(expr, certain, message);
        }
        match op.op {
            Kind::Sub | Kind::FloorDiv | Kind::Rem => number_types(left, right),
            _ => ValueTypes::NUMBER,
        }
    }
}

/// The types of a number that is calculated from two, without division.
fn number_types(left: ValueTypes, right: ValueTypes) -> ValueTypes {
    let whole = ValueTypes::INTEGER.union_with(ValueTypes::BOOLEAN);
    match left.is_subset_of(whole) && right.is_subset_of(whole) {
        true => ValueTypes::INTEGER,
        false => ValueTypes::NUMBER,
    }
}

/// The types of a sum; `None`: such operands cannot be added.
fn sum_types(left: ValueTypes, right: ValueTypes) -> Option<ValueTypes> {
    let sums = [
        (NUMERIC, number_types(left, right)),
        (ValueTypes::STRING, ValueTypes::STRING),
        (ValueTypes::ARRAY, ValueTypes::ARRAY),
    ];
    let fitting = sums
        .into_iter()
        .filter(|(operands, _)| left.is_usable_as(*operands) && right.is_usable_as(*operands));
    let sum = fitting.fold(ValueTypes::NEVER, |all, (_, result)| all.union_with(result));
    (sum != ValueTypes::NEVER).then_some(sum)
}

/// The types of a product, which may be a repeated text or list; `None`: such operands cannot be
/// multiplied.
fn product_types(left: ValueTypes, right: ValueTypes) -> Option<ValueTypes> {
    let repeated = ValueTypes::STRING.union_with(ValueTypes::ARRAY);
    let are_numbers = left.is_usable_as(NUMERIC) && right.is_usable_as(NUMERIC);
    let is_repeated = (left.is_usable_as(repeated) && right.is_usable_as(NUMERIC))
        || (right.is_usable_as(repeated) && left.is_usable_as(NUMERIC));
    match (are_numbers, is_repeated) {
        (true, false) => Some(number_types(left, right)),
        (false, false) => None,
        (_, true) => Some(ValueTypes::NUMBER.union_with(repeated)),
    }
}
