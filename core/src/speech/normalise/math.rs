//! Sums and equations: "1-2=5", "y=x +1", "3 × 4 = 12", "E = mc²".

use super::cursor::{Cursor, Reading};
use super::number::Number;
use super::words::And;

/// More operators than anybody would say in one breath.
const LONGEST: usize = 32;

/// Reads operands and operators as long as they last. A hyphen, a slash or an "x" is an operator only in the company
/// of one that cannot be anything else.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    let (mut said, mut end) = operand(at)?;
    let mut certain = false;
    let mut count = 0;
    while count < LONGEST
        && let Some((operator, next)) = operator(end)
        && let Some((word, next)) = operand(next.spaces())
    {
        certain |= operator.certain;
        said = format!("{said} {} {word}", operator.name);
        end = next;
        count += 1;
    }
    certain.then_some((said, end))
}

struct Operator {
    name: &'static str,
    certain: bool,
}

fn operator(at: Cursor<'_>) -> Option<(Operator, Cursor<'_>)> {
    let start = at.spaces();
    for (sign, name) in [("<=", "is at most"), (">=", "is at least"), ("!=", "is not equal to"), ("==", "equals")] {
        if let Some(next) = start.eat_text(sign) {
            return Some((Operator { name, certain: true }, next));
        }
    }
    let (c, next) = start.next()?;
    let (name, certain) = match c {
        '+' => ("plus", true),
        '=' => ("equals", true),
        '×' | '·' => ("times", true),
        '*' => ("times", true),
        '÷' => ("divided by", true),
        '≈' => ("is about", true),
        '≠' => ("is not equal to", true),
        '≤' => ("is at most", true),
        '≥' => ("is at least", true),
        '<' => ("is less than", true),
        '>' => ("is greater than", true),
        '^' => ("to the power of", true),
        '-' | '−' | '–' => ("minus", false),
        '/' => ("divided by", false),
        'x' => ("times", false),
        _ => return None,
    };
    Some((Operator { name, certain }, next))
}

/// A number or a variable, perhaps with an exponent. Two letters are variables only with one ("mc²"): "at +1" is no sum.
fn operand(at: Cursor<'_>) -> Reading<'_> {
    if let Some(inner) = at.eat('√') {
        let (said, next) = operand(inner)?;
        return Some((format!("the square root of {said}"), next));
    }
    let (said, next) = match Number::read(at) {
        Some((number, next)) => {
            let said = number.say(And::Said);
            match next.letters() {
                // "3x": a number of something unknown, but not "3 x".
                Some((variable, after)) if variable.len() == 1 && after.at_boundary() => {
                    (format!("{said} {variable}"), after)
                }
                _ => (said, next),
            }
        }
        None => {
            let (variable, next) = at.letters()?;
            let power = next.eat_any("²³^").is_some();
            if variable.chars().count() > if power { 2 } else { 1 } {
                return None;
            }
            (variable.to_owned(), next)
        }
    };
    for (sign, name) in [("²", "squared"), ("³", "cubed"), ("^2", "squared"), ("^3", "cubed")] {
        if let Some(next) = next.eat_text(sign) {
            return next.at_boundary().then(|| (format!("{said} {name}"), next));
        }
    }
    next.at_boundary().then_some((said, next))
}
