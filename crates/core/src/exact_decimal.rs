//! Decimal numbers compared by their value.

/// A decimal number by its value: the digits without zeros at either end, times a power of ten.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ExactDecimal {
    negative: bool,
    /// The significant digits.
    pub(crate) digits: Vec<u8>,
    exponent: i64,
}

impl ExactDecimal {
    pub(crate) fn parse_decimal(number: &str) -> Self {
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let negative = mantissa.starts_with('-');
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
        digits.truncate(digits.len() - zeros);
        digits.drain(..digits.iter().take_while(|digit| **digit == b'0').count());
        if digits.is_empty() {
            return Self { negative: false, digits, exponent: 0 };
        }
        // An exponent that no `i64` holds belongs to a number that is 0 or out of range anyway.
        let written = exponent.parse::<i64>().unwrap_or(match exponent.starts_with('-') {
            true => i64::MIN / 2,
            false => i64::MAX / 2,
        });
        let signed = |n: usize| i64::try_from(n).unwrap_or(i64::MAX / 4);
        let exponent = written.saturating_add(signed(zeros)).saturating_sub(signed(fraction));
        Self { negative, digits, exponent }
    }
}
