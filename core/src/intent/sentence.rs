//! A template made ready to match, and the matching. What the slots' values mean is none of its business.
//!
//! A sentence is a small program without loops. The matcher tries its paths in order and remembers where a path has
//! failed, so that the work is bounded by steps × positions × slot lengths, whatever the utterance.

use std::collections::{BTreeMap, HashSet};

use super::slot::{SlotKind, Value};
use super::template::{Expression, TemplateError, parse};

/// What templates may refer to by name.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    /// Parts of sentences, for `<name>`.
    pub(super) rules: BTreeMap<String, String>,
    /// For `{name}`: what can be said, itself a template, and the value that it stands for.
    pub(super) lists: BTreeMap<String, BTreeMap<String, f64>>,
}

/// The values that a sentence's slots took, by name.
pub(super) type Slots = Vec<(String, Value)>;

/// One compiled template.
#[derive(Debug)]
pub(super) struct Sentence {
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    /// Exactly this text.
    Literal(String),
    /// A blank; nothing at the text's ends or after another blank, so that optional parts leave no double blanks.
    Blank,
    /// The first of these steps from which the rest matches.
    Fork(Vec<usize>),
    /// One or more whole words that are a value of this kind.
    Slot { kind: SlotKind, slot: String },
    /// Keeps a value that the path taken implies.
    Bind { slot: String, value: f64 },
    /// The utterance must end here.
    Accept,
}

impl Sentence {
    /// Compiles `template`.
    ///
    /// # Errors
    /// When it cannot be parsed, or names a rule or a list that `vocabulary` and the built-in slots lack, or a rule
    /// contains itself.
    pub(super) fn compile(template: &str, vocabulary: &Vocabulary) -> Result<Sentence, TemplateError> {
        let mut compiler = Compiler { template, vocabulary, steps: vec![], depth: 0 };
        compiler.emit(&parse(template)?)?;
        compiler.steps.push(Step::Accept);
        Ok(Sentence { steps: compiler.steps })
    }

    /// The slots of the first path on which the whole of the normalised `text` matches.
    pub(super) fn matches(&self, text: &str) -> Option<Slots> {
        let mut attempt = Attempt { steps: &self.steps, text, slots: vec![], failed: HashSet::new() };
        attempt.run(0, 0).then_some(attempt.slots)
    }
}

/// Rules that refer to each other deeper than this are taken to go round in circles.
const MAX_DEPTH: usize = 12;

struct Compiler<'a> {
    template: &'a str,
    vocabulary: &'a Vocabulary,
    steps: Vec<Step>,
    depth: usize,
}

impl Compiler<'_> {
    fn emit(&mut self, expression: &Expression) -> Result<(), TemplateError> {
        match expression {
            Expression::Text(text) => {
                self.emit_text(text);
                Ok(())
            }
            Expression::Sequence(parts) => parts.iter().try_for_each(|part| self.emit(part)),
            Expression::Alternatives(parts) => self.emit_fork(parts.iter(), |compiler, part| compiler.emit(part)),
            Expression::Rule(name) => {
                let Some(rule) = self.vocabulary.rules.get(name) else {
                    return Err(self.error(format!("there is no rule <{name}>; define it under [rules]")));
                };
                self.emit_nested(rule)
            }
            Expression::Slot { list, slot } => self.emit_slot(list, slot),
        }
    }

    fn emit_text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first.is_whitespace() {
                rest = rest.trim_start();
                self.steps.push(Step::Blank);
            } else {
                let (word, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
                self.steps.push(Step::Literal(word.to_owned()));
                rest = after;
            }
        }
    }

    fn emit_slot(&mut self, list: &str, slot: &str) -> Result<(), TemplateError> {
        if let Some(kind) = SlotKind::named(list) {
            self.steps.push(Step::Slot { kind, slot: slot.to_owned() });
            return Ok(());
        }
        let Some(values) = self.vocabulary.lists.get(list) else {
            return Err(self.error(format!("there is no list {{{list}}}; define it under [lists]")));
        };
        self.emit_fork(values.iter(), |compiler, (said, value)| {
            compiler.emit_nested(said)?;
            compiler.steps.push(Step::Bind { slot: slot.to_owned(), value: *value });
            Ok(())
        })
    }

    fn emit_nested(&mut self, template: &str) -> Result<(), TemplateError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error("its rules contain each other; unwind them".to_owned()));
        }
        self.depth += 1;
        self.emit(&parse(template)?)?;
        self.depth -= 1;
        Ok(())
    }

    /// A fork whose branches all end at the step behind the last.
    fn emit_fork<T>(
        &mut self,
        branches: impl Iterator<Item = T>,
        mut emit: impl FnMut(&mut Self, T) -> Result<(), TemplateError>,
    ) -> Result<(), TemplateError> {
        let fork = self.steps.len();
        self.steps.push(Step::Fork(vec![]));
        let (mut starts, mut ends) = (vec![], vec![]);
        for branch in branches {
            starts.push(self.steps.len());
            emit(self, branch)?;
            ends.push(self.steps.len());
            self.steps.push(Step::Fork(vec![]));
        }
        let behind = self.steps.len();
        for end in ends {
            self.steps[end] = Step::Fork(vec![behind]);
        }
        self.steps[fork] = Step::Fork(starts);
        Ok(())
    }

    fn error(&self, problem: String) -> TemplateError {
        TemplateError { template: self.template.to_owned(), problem }
    }
}

struct Attempt<'a> {
    steps: &'a [Step],
    text: &'a str,
    slots: Slots,
    /// Where nothing matched: the slots before do not matter for what follows, so it never will.
    failed: HashSet<(usize, usize)>,
}

impl Attempt<'_> {
    /// Whether the steps from `step` on match the text from byte `at` on. Recursion is as deep as a path is long.
    fn run(&mut self, step: usize, at: usize) -> bool {
        match &self.steps[step] {
            Step::Accept => at == self.text.len(),
            Step::Literal(literal) => {
                self.text[at..].starts_with(literal.as_str()) && self.run(step + 1, at + literal.len())
            }
            Step::Blank if self.text[at..].starts_with(' ') => self.run(step + 1, at + 1),
            Step::Blank => (self.starts_word(at) || at == self.text.len()) && self.run(step + 1, at),
            Step::Fork(branches) => {
                if self.failed.contains(&(step, at)) {
                    return false;
                }
                let matched = branches.iter().any(|branch| self.run(*branch, at));
                if !matched {
                    self.failed.insert((step, at));
                }
                matched
            }
            Step::Slot { kind, slot } => self.fill(*kind, slot, step, at),
            Step::Bind { slot, value } => {
                self.slots.push((slot.clone(), Value::Number(*value)));
                let matched = self.run(step + 1, at);
                if !matched {
                    self.slots.pop();
                }
                matched
            }
        }
    }

    /// Tries to take as many words as can be a value and let the rest match, then fewer.
    fn fill(&mut self, kind: SlotKind, slot: &str, step: usize, at: usize) -> bool {
        if !self.starts_word(at) || at == self.text.len() || self.failed.contains(&(step, at)) {
            return false;
        }
        let text = self.text;
        let blanks = text[at..].match_indices(' ').map(|(blank, _)| at + blank);
        let mut ends: Vec<usize> = blanks.chain([text.len()]).collect();
        while let Some(end) = ends.pop() {
            let words: Vec<&str> = text[at..end].split(' ').collect();
            let Some(value) = kind.parse(&words) else { continue };
            self.slots.push((slot.to_owned(), value));
            if self.run(step + 1, end) {
                return true;
            }
            self.slots.pop();
        }
        self.failed.insert((step, at));
        false
    }

    fn starts_word(&self, at: usize) -> bool {
        at == 0 || self.text.as_bytes()[at - 1] == b' '
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(template: &str, text: &str) -> bool {
        Sentence::compile(template, &Vocabulary::default()).unwrap().matches(text).is_some()
    }

    #[test]
    fn blanks_around_optional_parts_are_one_blank_or_none() {
        for (template, text, expected) in [
            ("set [a] timer", "set timer", true),
            ("set [a] timer", "set a timer", true),
            ("set [a] timer", "seta timer", false),
            ("set [a] timer", "settimer", false),
            ("set [a ]timer", "set timer", true),
            ("stop [it] [now]", "stop", true),
            ("stop [it] [now]", "stop now", true),
            ("stop [it] [now]", "stop it stop", false),
            ("[the] timer[s]", "timers", true),
            ("[the] timer[s]", "the timer", true),
            ("[the] timer[s]", "theatre", false),
            ("in {number} days", "in five days", true),
            ("in {number} days", "in days", false),
        ] {
            assert_eq!(matches(template, text), expected, "{template:?} on {text:?}");
        }
    }

    #[test]
    fn a_rule_that_contains_itself_is_refused() {
        let rules = BTreeMap::from([("a".to_owned(), "x <b>".to_owned()), ("b".to_owned(), "y <a>".to_owned())]);
        let vocabulary = Vocabulary { rules, ..Vocabulary::default() };
        let error = Sentence::compile("<a>", &vocabulary).unwrap_err();
        assert!(error.to_string().contains("contain each other"), "{error}");
    }

    #[test]
    fn a_template_that_could_backtrack_forever_does_not() {
        let template = "[a] ".repeat(60) + "b";
        let text = ["a"; 60].join(" ");
        assert!(!matches(&template, &text));
        assert!(matches(&template, &(text + " b")));
    }
}
