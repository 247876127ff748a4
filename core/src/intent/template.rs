//! The syntax of sentence templates, as in Home Assistant's hassil: text to syntax tree, and nothing about matching.
//!
//! `[optional]`, `(one|of|these)`, `{list}` or `{list:slot}`, `<rule>`. Permutations `(a;b)` are not known here.

use std::fmt;

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// Literal text. Blanks in it match one blank, or none at a word's edge.
    Text(String),
    /// One after the other.
    Sequence(Vec<Expression>),
    /// Exactly one of these; an optional part has an empty last one.
    Alternatives(Vec<Expression>),
    /// A value of `list`, to be kept under the name `slot`.
    Slot { list: String, slot: String },
    /// The rule of this name, as if it stood here.
    Rule(String),
}

/// Why a template, or what it refers to, cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TemplateError {
    /// The template at fault.
    pub(super) template: String,
    /// What is wrong with it, and what to do.
    pub(super) problem: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sentence template {:?}: {}", self.template, self.problem)
    }
}

/// Parses one template.
///
/// # Errors
/// When a bracket is not closed, or a name or an alternative is not where it can be.
pub(super) fn parse(template: &str) -> Result<Expression, TemplateError> {
    let mut parser = Parser { template, rest: template };
    let expression = parser.alternatives(None)?;
    if matches!(expression, Expression::Alternatives(_)) {
        return Err(parser.error("alternatives need round brackets: write (a|b)"));
    }
    Ok(expression)
}

struct Parser<'a> {
    template: &'a str,
    rest: &'a str,
}

impl Parser<'_> {
    /// Sequences parted by `|`, up to `close` or, without one, to the end.
    fn alternatives(&mut self, close: Option<char>) -> Result<Expression, TemplateError> {
        let mut alternatives = vec![];
        loop {
            alternatives.push(self.sequence()?);
            let next = self.take();
            match next {
                Some('|') => {}
                _ if next == close => break,
                Some(stray) => return Err(self.error(&format!("{stray:?} closes nothing; remove it"))),
                None => return Err(self.error("a bracket is not closed; close it")),
            }
        }
        match <[Expression; 1]>::try_from(alternatives) {
            Ok([only]) => Ok(only),
            Err(alternatives) => Ok(Expression::Alternatives(alternatives)),
        }
    }

    fn sequence(&mut self) -> Result<Expression, TemplateError> {
        let mut parts = vec![];
        loop {
            let text = self.take_until(['[', '(', '{', '<', ']', ')', '}', '>', '|', ';']);
            if !text.is_empty() {
                parts.push(Expression::Text(text.to_owned()));
            }
            match self.rest.chars().next() {
                Some('[') => {
                    self.take();
                    let part = self.alternatives(Some(']'))?;
                    parts.push(optional(part));
                }
                Some('(') => {
                    self.take();
                    parts.push(self.alternatives(Some(')'))?);
                }
                Some('{') => {
                    let name = self.name('}')?;
                    let (list, slot) = name.split_once(':').unwrap_or((&name, &name));
                    parts.push(Expression::Slot { list: list.to_owned(), slot: slot.to_owned() });
                }
                Some('<') => parts.push(Expression::Rule(self.name('>')?)),
                Some(';') => return Err(self.error("permutations (a;b) are not supported; write the orders out")),
                _ => return Ok(Expression::Sequence(parts)),
            }
        }
    }

    /// The name between the bracket at hand and `close`.
    fn name(&mut self, close: char) -> Result<String, TemplateError> {
        self.take();
        let name = self.take_until([close]).trim().to_owned();
        match self.take() {
            Some(_) if !name.is_empty() => Ok(name),
            _ => Err(self.error(&format!("a name and {close:?} must follow the bracket"))),
        }
    }

    fn take(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let taken = characters.next();
        self.rest = characters.as_str();
        taken
    }

    fn take_until<const N: usize>(&mut self, ends: [char; N]) -> &str {
        let (taken, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn error(&self, problem: &str) -> TemplateError {
        TemplateError { template: self.template.to_owned(), problem: problem.to_owned() }
    }
}

fn optional(part: Expression) -> Expression {
    let mut alternatives = match part {
        Expression::Alternatives(alternatives) => alternatives,
        single => vec![single],
    };
    alternatives.push(Expression::Sequence(vec![]));
    Expression::Alternatives(alternatives)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn templates_that_cannot_be_read_say_why() {
        let problems: Vec<String> = ["a [b", "a) b", "a|b", "{}", "<rule", "(a;b)", "a ] b", "[a)"]
            .iter()
            .map(|template| parse(template).expect_err("a broken template").to_string())
            .collect();
        expect![[r#"
            sentence template "a [b": a bracket is not closed; close it
            sentence template "a) b": ')' closes nothing; remove it
            sentence template "a|b": alternatives need round brackets: write (a|b)
            sentence template "{}": a name and '}' must follow the bracket
            sentence template "<rule": a name and '>' must follow the bracket
            sentence template "(a;b)": permutations (a;b) are not supported; write the orders out
            sentence template "a ] b": ']' closes nothing; remove it
            sentence template "[a)": ')' closes nothing; remove it"#]]
        .assert_eq(&problems.join("\n"));
    }
}
