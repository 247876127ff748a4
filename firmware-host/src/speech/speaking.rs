//! Text that somebody else has spoken: cut into clauses, so that the first is heard while the rest is still being said or written.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use pipit_core::audio::{Hertz, Pcm};
use pipit_core::speech::{Clause, ClauseSplitter};
use pipit_core::turn::{DraftId, TurnId};

use super::Refused;
use crate::audio::resample;
use crate::worker::{Endpoint, Urgency};

/// Letters that are spoken at once: some ten minutes.
const LONGEST: usize = 10_000;

/// So many clauses are with the voice at once, or wait to be sent.
const AHEAD: usize = 2;

/// One request, from its text to the last sound.
pub(crate) struct Speaking {
    draft: DraftId,
    number: i64,
    splitter: ClauseSplitter,
    length: usize,
    text_ended: bool,
    /// Words that the voice has not been asked for.
    waiting: VecDeque<String>,
    asked: usize,
    /// Clauses that came before the one that is next.
    made: BTreeMap<usize, Pcm>,
    sent: usize,
    /// The rate of all that is given: of the first sound, unless another is wanted.
    rate: Option<Hertz>,
}

impl Speaking {
    pub(crate) fn new(turn: TurnId, rate: Option<Hertz>) -> Self {
        Speaking {
            draft: DraftId { turn, revision: 1 },
            number: Timestamp::now().as_millisecond(),
            splitter: ClauseSplitter::new(),
            length: 0,
            text_ended: false,
            waiting: VecDeque::new(),
            asked: 0,
            made: BTreeMap::new(),
            sent: 0,
            rate,
        }
    }

    /// By what the voice knows it.
    pub(crate) fn draft(&self) -> DraftId {
        self.draft
    }

    pub(crate) fn has_all_its_text(&self) -> bool {
        self.text_ended
    }

    pub(crate) fn push(&mut self, text: &str, endpoint: &Endpoint) -> Result<(), Refused> {
        self.length += text.len();
        if self.length > LONGEST {
            return Err(Refused(format!("no more than {LONGEST} letters are spoken at once")));
        }
        let clauses = self.splitter.push(text);
        self.take(clauses, endpoint)
    }

    pub(crate) fn end(&mut self, endpoint: &Endpoint) -> Result<(), Refused> {
        self.text_ended = true;
        let clauses = self.splitter.finish();
        self.take(clauses, endpoint)
    }

    /// The voice has spoken a clause; without sound where it could not.
    pub(crate) fn spoken(&mut self, draft: DraftId, clause: usize, pcm: Option<Pcm>) -> Result<(), Refused> {
        if draft != self.draft {
            return Ok(());
        }
        let pcm = pcm.ok_or_else(|| Refused("the text could not be spoken; Pipit's log says why".to_owned()))?;
        self.made.insert(clause, pcm);
        Ok(())
    }

    /// The next clause, if it is ready. One may be without sound.
    pub(crate) fn next(&mut self, endpoint: &Endpoint) -> Result<Option<Pcm>, Refused> {
        let Some(pcm) = self.made.remove(&self.sent) else { return Ok(None) };
        self.sent += 1;
        self.ask(endpoint)?;
        if pcm.is_empty() {
            return Ok(Some(pcm));
        }
        let rate = *self.rate.get_or_insert(pcm.rate());
        if pcm.rate() == rate {
            return Ok(Some(pcm));
        }
        // A lighter voice that takes over in the middle has a rate of its own.
        let failed = |error: anyhow::Error| Refused(error.to_string());
        Ok(Some(Pcm::new(resample(pcm.samples(), pcm.rate(), rate).map_err(failed)?, rate)))
    }

    /// Whether there is nothing more to come.
    pub(crate) fn is_over(&self) -> bool {
        self.text_ended && self.waiting.is_empty() && self.sent == self.asked
    }

    fn take(&mut self, clauses: Vec<Clause>, endpoint: &Endpoint) -> Result<(), Refused> {
        self.waiting.extend(clauses.into_iter().map(|clause| clause.spoken).filter(|words| !words.is_empty()));
        self.ask(endpoint)
    }

    fn ask(&mut self, endpoint: &Endpoint) -> Result<(), Refused> {
        while self.asked - self.sent < AHEAD {
            let Some(words) = self.waiting.pop_front() else { break };
            if !endpoint.speak(self.draft, Urgency::Guest, self.asked, words, self.number) {
                return Err(Refused("too much waits to be spoken; try again later".to_owned()));
            }
            self.asked += 1;
        }
        Ok(())
    }
}
