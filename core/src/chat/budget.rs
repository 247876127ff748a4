//! How much of a conversation a model is reminded of, in tokens that nobody here can count: estimated, and corrected by what
//! its server says that prompts took.

use super::prompt::estimated_tokens;
use super::{Message, ToolSpec};

/// A measurement outside these says something about the server and nothing about the text: some leave out of their count
/// what they had in their cache.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 0.5..=4.0;

/// Shorter prompts consist of the template around them.
const WORTH_MEASURING: usize = 50;

/// What is left of a budget that was too long.
const AFTER_TOO_LONG: f64 = 0.5;

/// The budget of one model, which learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenBudget {
    /// What the owner allows.
    tokens: f64,
    /// Tokens of the server for each estimated one.
    scale: f64,
}

impl TokenBudget {
    /// A budget of `tokens`, of which nothing is known yet.
    #[must_use]
    pub fn new(tokens: u32) -> Self {
        TokenBudget { tokens: f64::from(tokens), scale: 1.0 }
    }

    /// How many estimated tokens the history may have.
    #[must_use]
    pub fn estimated(&self) -> usize {
        // What does not fit is cut to the nearest number that does.
        (self.tokens / self.scale) as usize
    }

    /// Takes note of what a prompt took, by the server's count.
    pub fn learn(&mut self, estimated: usize, counted: u64) {
        let measured = counted as f64 / estimated.max(1) as f64;
        if estimated >= WORTH_MEASURING && PLAUSIBLE.contains(&measured) {
            // Halfway, so that one odd text does not decide.
            self.scale = f64::midpoint(self.scale, measured);
        }
    }

    /// Takes note that a history of `estimated` tokens was more than the model can take.
    pub fn too_long(&mut self, estimated: usize) {
        self.tokens = self.tokens.min(estimated as f64 * self.scale * AFTER_TOO_LONG);
    }
}

/// About how many tokens a prompt is, on the high side.
#[must_use]
pub fn estimated_prompt_tokens(messages: &[Message], tools: &[ToolSpec]) -> usize {
    let message = |message: &Message| match message {
        Message::Said { text, .. } => estimated_tokens(text),
        Message::Called { text, calls } => {
            let call = |call: &super::ToolCall| estimated_tokens(&call.name) + estimated_tokens(&call.arguments);
            estimated_tokens(text) + calls.iter().map(call).sum::<usize>()
        }
        Message::Returned { result, .. } => estimated_tokens(result),
    };
    let tool = |tool: &ToolSpec| {
        let ToolSpec { name, description, parameters, .. } = tool;
        estimated_tokens(name) + estimated_tokens(description) + estimated_tokens(&parameters.to_string())
    };
    messages.iter().map(message).sum::<usize>() + tools.iter().map(tool).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_comes_to_be_what_the_server_counts() {
        let mut budget = TokenBudget::new(1000);
        for _ in 0..8 {
            budget.learn(400, 800);
        }
        assert!((500..=505).contains(&budget.estimated()), "{}", budget.estimated());
        budget.learn(400, 3);
        budget.learn(10, 40);
        budget.learn(400, u64::MAX);
        assert!((500..=505).contains(&budget.estimated()), "what says nothing about the text teaches nothing");
    }

    #[test]
    fn what_was_too_long_is_not_tried_again() {
        let mut budget = TokenBudget::new(100_000);
        budget.too_long(8000);
        assert_eq!(budget.estimated(), 4000);
        budget.too_long(4000);
        assert_eq!(budget.estimated(), 2000);
        budget.too_long(9000);
        assert_eq!(budget.estimated(), 2000);
    }
}
