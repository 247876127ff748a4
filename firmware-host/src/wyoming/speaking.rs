//! Text that a peer has spoken: cut into clauses, so that the first is heard while the rest is still being said or written.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use pipit_core::audio::{Hertz, Pcm};
use pipit_core::speech::{Clause, ClauseSplitter};
use pipit_core::turn::{DraftId, TurnId};
use pipit_core::wyoming::{Event, sound};

use super::peer::Fault;
use crate::audio::resample;
use crate::worker::{Endpoint, Urgency};

/// Letters that are spoken at once: some ten minutes.
const LONGEST: usize = 10_000;

/// So many clauses are with the voice at once, or wait to be sent.
const AHEAD: usize = 2;

/// Seconds of sound in an event.
const PIECE: f32 = 0.1;

/// What a reply without a word in it is said to be sampled at.
const USUAL_RATE: Hertz = Hertz(22_050);

/// One request, from its text to the last sound.
pub(super) struct Speaking {
    draft: DraftId,
    number: i64,
    /// Whether the text comes in pieces.
    streaming: bool,
    splitter: ClauseSplitter,
    length: usize,
    text_ended: bool,
    /// Words that the voice has not been asked for.
    waiting: VecDeque<String>,
    asked: usize,
    /// Clauses that came before the one that is next.
    made: BTreeMap<usize, Pcm>,
    sent: usize,
    /// The rate that the peer was told.
    rate: Option<Hertz>,
}

impl Speaking {
    pub(super) fn new(turn: TurnId, streaming: bool) -> Self {
        Speaking {
            draft: DraftId { turn, revision: 1 },
            number: Timestamp::now().as_millisecond(),
            streaming,
            splitter: ClauseSplitter::new(),
            length: 0,
            text_ended: false,
            waiting: VecDeque::new(),
            asked: 0,
            made: BTreeMap::new(),
            sent: 0,
            rate: None,
        }
    }

    pub(super) fn draft(&self) -> DraftId {
        self.draft
    }

    pub(super) fn is_streaming(&self) -> bool {
        self.streaming
    }

    pub(super) fn has_all_its_text(&self) -> bool {
        self.text_ended
    }

    pub(super) fn push(&mut self, text: &str, endpoint: &Endpoint) -> Result<(), Fault> {
        self.length += text.len();
        if self.length > LONGEST {
            return Err(Fault::Refused(format!("no more than {LONGEST} letters are spoken at once")));
        }
        let clauses = self.splitter.push(text);
        self.take(clauses, endpoint)
    }

    pub(super) fn end(&mut self, endpoint: &Endpoint) -> Result<(), Fault> {
        self.text_ended = true;
        let clauses = self.splitter.finish();
        self.take(clauses, endpoint)
    }

    /// The voice has spoken a clause; without sound where it could not.
    pub(super) fn spoken(&mut self, draft: DraftId, clause: usize, pcm: Option<Pcm>) -> Result<(), Fault> {
        if draft != self.draft {
            return Ok(());
        }
        let pcm = pcm.ok_or_else(|| Fault::Refused("the text could not be spoken; Pipit's log says why".to_owned()))?;
        self.made.insert(clause, pcm);
        Ok(())
    }

    /// The events of the next clause that is ready; none if none is.
    pub(super) fn next(&mut self, endpoint: &Endpoint) -> Result<Option<Vec<Event>>, Fault> {
        let Some(pcm) = self.made.remove(&self.sent) else { return Ok(None) };
        self.sent += 1;
        self.ask(endpoint)?;
        if pcm.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let begins = self.rate.is_none();
        let rate = *self.rate.get_or_insert(pcm.rate());
        // A lighter voice that takes over in the middle has a rate of its own.
        let pcm = if pcm.rate() == rate {
            pcm
        } else {
            let failed = |error: anyhow::Error| Fault::Refused(error.to_string());
            Pcm::new(resample(pcm.samples(), pcm.rate(), rate).map_err(failed)?, rate)
        };
        let start = begins.then(|| Event::audio_start(rate));
        Ok(Some(start.into_iter().chain(sound(&pcm, PIECE)).collect()))
    }

    /// The events at the end of it all, if that has come.
    pub(super) fn last(&self) -> Option<Vec<Event>> {
        let over = self.text_ended && self.waiting.is_empty() && self.sent == self.asked;
        over.then(|| {
            let start = self.rate.is_none().then(|| Event::audio_start(USUAL_RATE));
            let stopped = self.streaming.then(|| Event::new("synthesize-stopped"));
            start.into_iter().chain([Event::audio_stop()]).chain(stopped).collect()
        })
    }

    fn take(&mut self, clauses: Vec<Clause>, endpoint: &Endpoint) -> Result<(), Fault> {
        self.waiting.extend(clauses.into_iter().map(|clause| clause.spoken).filter(|words| !words.is_empty()));
        self.ask(endpoint)
    }

    fn ask(&mut self, endpoint: &Endpoint) -> Result<(), Fault> {
        while self.asked - self.sent < AHEAD {
            let Some(words) = self.waiting.pop_front() else { break };
            if !endpoint.speak(self.draft, Urgency::Guest, self.asked, words, self.number) {
                return Err(Fault::Refused("too much waits to be spoken; try again later".to_owned()));
            }
            self.asked += 1;
        }
        Ok(())
    }
}
