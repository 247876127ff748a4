//! What is for Pipit itself, so that no home and nobody else has to be asked.

use pipit_core::intent::{Intent, answer_to, in_parts};

use crate::engine::{Engine, Request};
use crate::error::ChatError;

impl Engine {
    /// Whether something is a request that neither a home nor a language model is needed for.
    #[must_use]
    pub fn is_understood_without_home(&self, text: &str) -> bool {
        self.shared.catalogue.recognise(text).is_some()
    }

    /// Whether a request is for Pipit itself, and neither about the home nor for a language model: a timer, the volume, the time,
    /// or the answer to something that Pipit has asked. Waits for the store.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn is_own(&self, request: &Request) -> Result<bool, ChatError> {
        let own = |text: &str, is_whole: bool| match self.shared.catalogue.recognise(text) {
            Some(Intent::PickTimer(_)) => is_whole,
            intent => intent.is_some(),
        };
        if request.text.trim().is_empty() || own(&request.text, true) || self.is_answer(&request.text) {
            return Ok(true);
        }
        if in_parts(&request.text, |text, _: Option<&()>| own(text, false).then_some(())).is_some() {
            return Ok(true);
        }
        let last = self.last_reply(request.place)?;
        Ok(last.is_some_and(|asked| answer_to(&asked, &request.text).is_some()))
    }
}
