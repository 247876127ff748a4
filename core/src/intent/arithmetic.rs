//! Sums as people say them: words to an expression tree, and its value. Replies are written elsewhere.
//!
//! Precedence is that of school: powers and roots, then "half of" and "percent of", then times and divided by, then
//! plus and minus.

use super::number::{leading_fraction, leading_number, parse_ordinal};

/// A sum with at least one operation in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Arithmetic(Node);

/// Why a sum has no value that can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undefined {
    DivisionByZero,
    RootOfNegative,
    TooLarge,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(f64),
    Negate(Box<Node>),
    SquareRoot(Box<Node>),
    CubeRoot(Box<Node>),
    Binary(Box<Node>, Operator, Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    /// The left per cent of the right.
    PercentOf,
    /// The right less the left per cent of it.
    PercentOff,
    /// How many per cent the left is of the right.
    AsPercentOf,
}

impl Arithmetic {
    /// The sum that `words` are, all of them. A number alone is none.
    pub(super) fn parse(words: &[&str]) -> Option<Arithmetic> {
        let mut parser = Parser { rest: words };
        let node = parser.command().or_else(|| {
            parser.rest = words;
            parser.sum()
        })?;
        let is_sum =
            !matches!(&node, Node::Number(_)) && !matches!(&node, Node::Negate(of) if matches!(**of, Node::Number(_)));
        (parser.rest.is_empty() && is_sum).then_some(Arithmetic(node))
    }

    /// Whether the value is a number of per cent.
    pub(super) fn is_percentage(&self) -> bool {
        matches!(self.0, Node::Binary(_, Operator::AsPercentOf, _))
    }

    /// The value, which is finite.
    pub(super) fn evaluate(&self) -> Result<f64, Undefined> {
        let value = self.0.evaluate()?;
        // Zero has no sign in speech.
        Ok(if value == 0.0 { 0.0 } else { value })
    }
}

impl Node {
    fn evaluate(&self) -> Result<f64, Undefined> {
        let value = match self {
            Node::Number(number) => *number,
            Node::Negate(of) => -of.evaluate()?,
            Node::CubeRoot(of) => of.evaluate()?.cbrt(),
            Node::SquareRoot(of) => match of.evaluate()? {
                negative if negative < 0.0 => return Err(Undefined::RootOfNegative),
                square => square.sqrt(),
            },
            Node::Binary(left, operator, right) => operator.apply(left.evaluate()?, right.evaluate()?)?,
        };
        if value.is_finite() { Ok(value) } else { Err(Undefined::TooLarge) }
    }
}

impl Operator {
    fn apply(self, left: f64, right: f64) -> Result<f64, Undefined> {
        Ok(match self {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide | Operator::AsPercentOf if right == 0.0 => return Err(Undefined::DivisionByZero),
            Operator::Divide => left / right,
            Operator::Power if left == 0.0 && right < 0.0 => return Err(Undefined::DivisionByZero),
            Operator::Power if left < 0.0 && right.fract() != 0.0 => return Err(Undefined::RootOfNegative),
            Operator::Power => left.powf(right),
            Operator::PercentOf => left * right / 100.0,
            Operator::PercentOff => right * (100.0 - left) / 100.0,
            Operator::AsPercentOf => left * 100.0 / right,
        })
    }
}

/// Phrases for operators, longer ones before those that they start with.
type Operators = &'static [(&'static [&'static str], Operator)];

const ADDITIVE: Operators = &[
    (&["plus"], Operator::Add),
    (&["+"], Operator::Add),
    (&["added", "to"], Operator::Add),
    (&["minus"], Operator::Subtract),
    (&["-"], Operator::Subtract),
    (&["take", "away"], Operator::Subtract),
];

const MULTIPLICATIVE: Operators = &[
    (&["times"], Operator::Multiply),
    (&["multiplied", "by"], Operator::Multiply),
    (&["multiplied", "with"], Operator::Multiply),
    (&["x"], Operator::Multiply),
    (&["*"], Operator::Multiply),
    (&["divided", "by"], Operator::Divide),
    (&["over"], Operator::Divide),
    (&["/"], Operator::Divide),
];

const POWERS: Operators = &[
    (&["to", "the", "power", "of"], Operator::Power),
    (&["to", "the", "power"], Operator::Power),
    (&["raised", "to", "the", "power", "of"], Operator::Power),
    (&["raised", "to"], Operator::Power),
    (&["^"], Operator::Power),
];

/// Recursive descent, as deep as brackets and signs nest; an utterance has few words.
struct Parser<'a> {
    rest: &'a [&'a str],
}

impl Parser<'_> {
    /// Sums that put the operator in front: "add five and three", "the product of six and seven".
    fn command(&mut self) -> Option<Node> {
        let forms: [(&[&'static str], &[&str], Operator, bool); 11] = [
            (&["add"], &["and", "to", "plus"], Operator::Add, false),
            (&["the", "sum", "of"], &["and"], Operator::Add, false),
            (&["subtract"], &["from"], Operator::Subtract, true),
            (&["take"], &["from", "off"], Operator::Subtract, true),
            (&["the", "difference", "between"], &["and"], Operator::Subtract, false),
            (&["multiply"], &["by", "and", "with"], Operator::Multiply, false),
            (&["the", "product", "of"], &["and"], Operator::Multiply, false),
            (&["divide"], &["by"], Operator::Divide, false),
            (&["what", "percent", "of"], &["is"], Operator::AsPercentOf, true),
            (&["what", "percentage", "of"], &["is"], Operator::AsPercentOf, true),
            (&["percent", "of"], &["is"], Operator::AsPercentOf, true),
        ];
        let (_, joins, operator, swapped) = forms.into_iter().find(|(lead, ..)| self.take(lead))?;
        // The first operand may itself contain an "and": "add one hundred and five" is a hundred and five.
        let words = self.rest;
        let join = (1..words.len()).find(|at| {
            joins.contains(&words[*at])
                && parse_operand(&words[..*at]).is_some()
                && parse_operand(&words[*at + 1..]).is_some()
        })?;
        let (first, second) = (parse_operand(&words[..join])?, parse_operand(&words[join + 1..])?);
        self.rest = &[];
        Some(if swapped { binary(second, operator, first) } else { binary(first, operator, second) })
    }

    fn sum(&mut self) -> Option<Node> {
        let mut left = self.product()?;
        while let Some(operator) = self.operator(ADDITIVE) {
            left = binary(left, operator, self.product()?);
        }
        Some(left)
    }

    fn product(&mut self) -> Option<Node> {
        let mut left = self.factor()?;
        while let Some(operator) = self.operator(MULTIPLICATIVE) {
            left = binary(left, operator, self.factor()?);
        }
        Some(left)
    }

    /// A signed power, or a share of one: "half of ninety", "15 percent of 80", "double four".
    fn factor(&mut self) -> Option<Node> {
        for sign in ["minus", "negative", "-"] {
            if self.take(&[sign]) {
                return Some(Node::Negate(Box::new(self.factor()?)));
            }
        }
        for (word, factor) in [("double", 2.0), ("twice", 2.0), ("triple", 3.0)] {
            if self.take(&[word]) {
                return Some(binary(Node::Number(factor), Operator::Multiply, self.factor()?));
            }
        }
        if let Some(share) = self.share() {
            return Some(share);
        }
        let base = self.atom()?;
        if self.take(&["squared"]) {
            return Some(binary(base, Operator::Power, Node::Number(2.0)));
        }
        if self.take(&["cubed"]) {
            return Some(binary(base, Operator::Power, Node::Number(3.0)));
        }
        // "to the fourth power".
        if let ["to", "the", ordinal, "power", rest @ ..] = self.rest
            && let Some(exponent) = parse_ordinal(&[ordinal])
        {
            self.rest = rest;
            return Some(binary(base, Operator::Power, Node::Number(f64::from(exponent))));
        }
        match self.operator(POWERS) {
            Some(operator) => Some(binary(base, operator, self.factor()?)),
            None => Some(base),
        }
    }

    /// A share of something; takes nothing if there is none.
    fn share(&mut self) -> Option<Node> {
        let before = self.rest;
        if let Some((fraction, taken)) = leading_fraction(before) {
            self.rest = &before[taken..];
            if self.take(&["of"])
                && let Some(whole) = self.factor()
            {
                return Some(binary(Node::Number(fraction), Operator::Multiply, whole));
            }
        }
        self.rest = before;
        if let Some((percent, taken)) = leading_number(before) {
            self.rest = &before[taken..];
            if self.take(&["percent"]) || self.take(&["per", "cent"]) {
                let operators: Operators = &[(&["of"], Operator::PercentOf), (&["off"], Operator::PercentOff)];
                if let Some(operator) = self.operator(operators)
                    && let Some(whole) = self.factor()
                {
                    return Some(binary(Node::Number(percent), operator, whole));
                }
            }
        }
        self.rest = before;
        None
    }

    fn atom(&mut self) -> Option<Node> {
        if self.take(&["("]) {
            let inner = self.sum()?;
            return self.take(&[")"]).then_some(inner);
        }
        self.take(&["the"]);
        if self.take(&["square", "root", "of"]) || self.take(&["root", "of"]) || self.take(&["root"]) {
            return Some(Node::SquareRoot(Box::new(self.root_of()?)));
        }
        if self.take(&["cube", "root", "of"]) || self.take(&["cubic", "root", "of"]) {
            return Some(Node::CubeRoot(Box::new(self.root_of()?)));
        }
        for (power, exponent) in [("square", 2.0), ("cube", 3.0)] {
            if self.take(&[power, "of"]) {
                return Some(binary(self.root_of()?, Operator::Power, Node::Number(exponent)));
            }
        }
        let (number, taken) = leading_number(self.rest)?;
        self.rest = &self.rest[taken..];
        Some(Node::Number(number))
    }

    /// What stands under a root: a number with its sign, or something in brackets.
    fn root_of(&mut self) -> Option<Node> {
        let negative = ["minus", "negative", "-"].iter().any(|sign| self.take(&[sign]));
        let of = self.atom()?;
        Some(if negative { Node::Negate(Box::new(of)) } else { of })
    }

    fn operator(&mut self, operators: Operators) -> Option<Operator> {
        operators.iter().find(|(phrase, _)| self.take(phrase)).map(|(_, operator)| *operator)
    }

    /// Takes `phrase` if it comes next.
    fn take(&mut self, phrase: &[&'static str]) -> bool {
        let rest = self.rest.strip_prefix(phrase);
        if let Some(rest) = rest {
            self.rest = rest;
        }
        rest.is_some()
    }
}

fn parse_operand(words: &[&str]) -> Option<Node> {
    let mut parser = Parser { rest: words };
    let operand = parser.factor()?;
    parser.rest.is_empty().then_some(operand)
}

fn binary(left: Node, operator: Operator, right: Node) -> Node {
    Node::Binary(Box::new(left), operator, Box::new(right))
}
