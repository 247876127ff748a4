//! Long utterances, transcribed while they are spoken, so that at their end only the last stretch is left to do.
//!
//! Where to cut is decided here, and what the transcripts of the parts and of the rest come to together. The rest of the
//! machine sees one transcript of the whole utterance and never learns that there were parts.

use std::collections::BTreeMap;

use super::{DraftId, Event, Overheard, Transcription, TurnId};
use crate::audio::{LISTENING_RATE, quietest};

/// A part has at least this many samples: 6 s. Shorter ones lose more at their ends than they gain in time.
pub(super) const LEAST: usize = 6 * LISTENING_RATE.0 as usize;
/// A part has at most this many samples: 9 s, which the smallest recogniser's window of 10.24 s holds.
pub(super) const MOST: usize = 9 * LISTENING_RATE.0 as usize;
/// What must have been said for a part to be cut off the front: the last word before the cut is then over.
pub(super) const ENOUGH: usize = MOST + LISTENING_RATE.0 as usize;

/// Where to cut `samples`, of which there are [`ENOUGH`]: in the middle of the quietest 100 ms from [`LEAST`] to [`MOST`].
pub(super) fn cut(samples: &[f32]) -> usize {
    LEAST + quietest(&samples[LEAST..MOST], LISTENING_RATE)
}

/// Where to cut a part off the front of speech that goes on, once there is enough of it: a number of samples.
#[must_use]
pub fn part_to_cut(samples: &[f32]) -> Option<usize> {
    (samples.len() >= ENOUGH).then(|| cut(samples))
}

/// What has been transcribed of the turns that are under way.
#[derive(Debug, Default)]
pub(super) struct Parts(BTreeMap<TurnId, Transcripts>);

#[derive(Debug, Default)]
struct Transcripts {
    /// The parts in their order; none while the recogniser works on it.
    parts: Vec<Option<Transcription>>,
    /// What follows the parts, up to the pause of this draft.
    rest: Option<(DraftId, Transcription)>,
}

impl Parts {
    /// Another part is cut off. Gives its number; the recogniser has to be asked for its transcript.
    pub(super) fn add(&mut self, turn: TurnId) -> usize {
        let parts = &mut self.0.entry(turn).or_default().parts;
        parts.push(None);
        parts.len() - 1
    }

    /// What follows the parts becomes a part itself, because the person goes on. Gives its number if its transcript is not
    /// there already from `draft`.
    pub(super) fn add_rest(&mut self, draft: DraftId) -> Option<usize> {
        let transcripts = self.0.entry(draft.turn).or_default();
        let known = transcripts.rest.take().filter(|(of, _)| *of == draft).map(|(_, transcription)| transcription);
        let missing = known.is_none().then_some(transcripts.parts.len());
        transcripts.parts.push(known);
        missing
    }

    /// Whether the recogniser is at work on a part.
    pub(super) fn are_awaited(&self) -> bool {
        self.0.values().any(|transcripts| transcripts.parts.contains(&None))
    }

    /// Takes in a transcript and gives in its place that of the whole utterance, once everything of it is there.
    pub(super) fn complete(&mut self, event: Event) -> Event {
        let turn = match event {
            Event::Transcribed { draft, transcription } => {
                self.0.entry(draft.turn).or_default().rest = Some((draft, transcription));
                draft.turn
            }
            Event::PartTranscribed { turn, part, transcription } => {
                let transcripts = self.0.get_mut(&turn);
                let Some(slot) = transcripts.and_then(|transcripts| transcripts.parts.get_mut(part)) else {
                    return Event::Tick;
                };
                slot.get_or_insert(transcription);
                turn
            }
            event => return event,
        };
        self.0[&turn].whole().map_or(Event::Tick, |(draft, transcription)| Event::Transcribed { draft, transcription })
    }

    /// All words of an utterance that goes on: those of its parts and what follows them, once every part is known and none was lost.
    pub(super) fn so_far(&self, turn: TurnId, rest: Overheard) -> Option<Overheard> {
        let parts = self.0.get(&turn).map_or(&[][..], |transcripts| &transcripts.parts);
        let parts: Vec<&Transcription> = parts.iter().map(Option::as_ref).collect::<Option<_>>()?;
        match join(parts.into_iter().chain([&Transcription::Words(rest)])) {
            Transcription::Words(words) => Some(words),
            _ => None,
        }
    }

    /// The turn has ended.
    pub(super) fn forget(&mut self, turn: TurnId) {
        self.0.remove(&turn);
    }
}

impl Transcripts {
    fn whole(&self) -> Option<(DraftId, Transcription)> {
        let (draft, rest) = self.rest.as_ref()?;
        if self.parts.is_empty() {
            return Some((*draft, rest.clone()));
        }
        let parts: Vec<&Transcription> = self.parts.iter().map(Option::as_ref).collect::<Option<_>>()?;
        Some((*draft, join(parts.into_iter().chain([rest]))))
    }
}

/// One transcript of all. Something that was not understood makes the whole not understood: half a sentence may mean the
/// contrary.
fn join<'a>(transcripts: impl Iterator<Item = &'a Transcription>) -> Transcription {
    let mut words = Vec::new();
    let mut not_understood = false;
    for transcription in transcripts {
        match transcription {
            Transcription::Words(overheard) => words.push(overheard),
            Transcription::Silence => {}
            Transcription::NotUnderstood(_) => not_understood = true,
            Transcription::Failed => return Transcription::Failed,
        }
    }
    match words.as_slice() {
        // A guess at a part is none at the whole.
        _ if not_understood => Transcription::NotUnderstood(Overheard::default()),
        [] => Transcription::Silence,
        words => Transcription::Words(Overheard::joined(words.iter().copied())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_cut_where_the_voice_is_quietest() {
        let mut samples = vec![0.1; ENOUGH];
        let gap = 7 * LISTENING_RATE.0 as usize;
        samples[gap..gap + 1_600].fill(0.001);
        // An utterance's end is quiet too, but a part would be too long there.
        samples[MOST..].fill(0.0);
        assert!((gap..gap + 1_600).contains(&cut(&samples)), "{}", cut(&samples));
    }

    #[test]
    fn a_voice_without_gaps_is_cut_all_the_same_and_no_sample_upsets_it() {
        for sample in [0.5, f32::NAN, f32::INFINITY] {
            assert!((LEAST..MOST).contains(&cut(&vec![sample; ENOUGH])));
        }
    }

    #[test]
    fn the_whole_is_as_good_as_its_worst_part() {
        use Transcription::{Failed, NotUnderstood, Silence, Words};
        let badly = || NotUnderstood(Overheard::default());
        let words = |text: &str| Words(Overheard::new(text.to_owned()));
        for (parts, whole) in [
            (vec![words("tell me"), words("a story")], words("tell me a story")),
            (vec![words("tell me"), Silence], words("tell me")),
            (vec![Silence, Silence], Silence),
            (vec![words("do not"), badly()], badly()),
            (vec![badly(), Failed, words("stop")], Failed),
        ] {
            assert_eq!(join(parts.iter()), whole, "{parts:?}");
        }
    }
}
