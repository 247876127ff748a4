//! The state in which an answer is given, and in which it may be interrupted.

use std::time::Duration;

use super::draft::Draft;
use super::heard::Heard;
use super::overheard::Overheard;
use super::utterance::{Speech, Utterance};
use super::weighing::Pause;
use super::{Effect, Event, Interruption, TurnId, TurnSettings, Verdict, ends_in_question, interruption};
use crate::ear::SpeechFact;
use crate::intent::Catalogue;
use crate::time::Moment;

/// Speech over the answer is told from other sounds within so long.
const HUSH: Duration = Duration::from_millis(200);

const GIVEN_UP: &str = "Sorry, that is taking too long. I have given up on it.";

#[derive(Debug)]
pub(super) struct Replying {
    pub(super) draft: Draft,
    /// What is being answered; empty for an announcement.
    pub(super) utterance: Utterance,
    pub(super) longest_until: Moment,
    /// The pause that decided the turn.
    pub(super) pause: Option<Pause>,
    /// Nothing but an apology is to be said any more.
    pub(super) given_up: bool,
    playback: Playback,
    /// Some of the answer has been heard.
    heard: bool,
    /// When what has been handed to the speaker will have been played.
    playing_until: Moment,
    stalled_at: Moment,
    pub(super) overheard: Overheard,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Playback {
    Running,
    /// Something sounds over the answer, since then; it is not yet clear whether somebody speaks.
    Hushed {
        since: Moment,
    },
    /// Somebody speaks over the answer, since then; it is not yet clear what for.
    Paused {
        since: Moment,
    },
    /// It has been told to stop for good.
    Stopping,
}

/// What a step depends on beside the state.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) now: Moment,
    /// Whether somebody is speaking to Pipit.
    pub(super) speaking: bool,
    pub(super) settings: &'a TurnSettings,
    pub(super) catalogue: &'a Catalogue,
    pub(super) pre_roll: Duration,
}

/// What comes after an event.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// The answer goes on.
    Replying,
    /// It has ended; the clause in which it was cut, and how much of that was heard.
    Ended(Option<(usize, Duration)>),
}

impl Replying {
    pub(super) fn new(draft: Draft, utterance: Utterance, longest_until: Moment) -> Self {
        Replying {
            draft,
            utterance,
            longest_until,
            pause: None,
            given_up: false,
            playback: Playback::Running,
            heard: false,
            playing_until: Moment::START,
            stalled_at: Moment::START,
            overheard: Overheard::default(),
        }
    }

    /// Whether the turn can be taken up again as if it had never been taken to be over.
    pub(super) fn can_reopen(&self) -> bool {
        let untouched = !self.heard && !self.draft.has_acted() && self.overheard.since().is_none();
        untouched && !self.given_up && self.playback == Playback::Running && !self.utterance.is_empty()
    }

    /// Whether what was said plainly goes on: the decision was too early.
    pub(super) fn is_taken_back_by(&self, now: Moment, heard: &Heard, settings: &TurnSettings) -> bool {
        let open = self.pause.is_some_and(|pause| pause.is_open_after_all(now, heard, settings));
        open && self.can_reopen()
    }

    /// When [`Replying::wait_no_longer`] is due.
    pub(super) fn deadline(&self, scene_speaking: bool, settings: &TurnSettings) -> Moment {
        match self.playback {
            Playback::Paused { since } if scene_speaking => self.stalled_at.min(since + settings.interruption),
            Playback::Hushed { since } => self.stalled_at.min(since + HUSH),
            _ => self.stalled_at,
        }
    }

    pub(super) fn take(&mut self, scene: Scene<'_>, event: Event, out: &mut Vec<Effect>) -> Next {
        match event {
            Event::ClauseStarted { .. } => self.heard = true,
            Event::ClausePlayed { clause, .. } => {
                self.heard = true;
                self.draft.reply_mut().played(clause);
            }
            Event::PlaybackStopped { cut, .. } => {
                out.push(Effect::Cancel { draft: self.draft.id() });
                return Next::Ended(cut);
            }
            event => self.draft.take(event),
        }
        self.go_on(scene, out)
    }

    /// Takes in what was said.
    pub(super) fn hear(&mut self, scene: Scene<'_>, heard: Heard, out: &mut Vec<Effect>) -> Next {
        self.draft.hear(heard, out);
        self.go_on(scene, out)
    }

    /// Says and does what can be said and done by now.
    pub(super) fn go_on(&mut self, scene: Scene<'_>, out: &mut Vec<Effect>) -> Next {
        let stall = scene.settings.reply_stall;
        if self.playback == Playback::Stopping {
            self.stalled_at = scene.now + stall;
            return Next::Replying;
        }
        // Nobody begins to speak while somebody else does. What sounds already is another matter.
        let may_play = self.playback == Playback::Running && (self.draft.is_playing() || !scene.speaking);
        let sent = self.draft.go_on(&self.utterance, may_play, out);
        if !sent.is_zero() {
            self.playing_until = scene.now.max(self.playing_until) + sent;
        }
        self.stalled_at = scene.now.max(self.playing_until) + stall;
        if !self.draft.is_over() {
            return Next::Replying;
        }
        self.resume(scene.now, out);
        Next::Ended(None)
    }

    /// Somebody speaks though it is Pipit's turn. True if `new_turn` was used for what they say.
    pub(super) fn overhear(
        &mut self,
        scene: Scene<'_>,
        (speech, fact): (Speech, SpeechFact),
        new_turn: TurnId,
        out: &mut Vec<Effect>,
    ) -> bool {
        let begins = matches!(fact, SpeechFact::Started { .. });
        let discarded = matches!(fact, SpeechFact::Discarded);
        match self.playback {
            Playback::Hushed { since } if begins => self.playback = Playback::Paused { since },
            Playback::Running if begins && self.draft.is_playing() => {
                self.playback = Playback::Paused { since: scene.now };
                out.push(Effect::PausePlayback { draft: self.draft.id() });
            }
            _ => {}
        }
        // What interrupts has to be understood before it can be judged.
        let transcribe = scene.settings.drafts || self.is_paused();
        let (fact, settings) = ((speech, fact), (scene.settings, transcribe));
        let used = self.overheard.take_in(scene.now, fact, new_turn, scene.pre_roll, settings, out);
        if discarded {
            self.resume(scene.now, out);
        }
        used
    }

    /// Something sounds over the answer. Falls silent until it is clear whether somebody speaks: whoever does has waited long
    /// enough by then, and a moment's silence for a dropped spoon does little harm.
    pub(super) fn hush(&mut self, now: Moment, out: &mut Vec<Effect>) {
        if self.heard && self.playback == Playback::Running && self.draft.is_playing() {
            self.playback = Playback::Hushed { since: now };
            out.push(Effect::PausePlayback { draft: self.draft.id() });
        }
    }

    /// Takes in what was said over the answer.
    pub(super) fn hear_overheard(&mut self, scene: Scene<'_>, heard: Heard, out: &mut Vec<Effect>) -> Next {
        if self.is_paused() {
            match self.meaning(&heard, scene.catalogue) {
                Interruption::Speech => self.interrupt(scene, out),
                Interruption::Stop => {
                    out.push(Effect::Silenced);
                    self.overheard.drop(out);
                    self.interrupt(scene, out);
                }
                Interruption::BackChannel => {
                    self.overheard.drop(out);
                    self.resume(scene.now, out);
                }
            }
        }
        if let Some(weighing) = self.overheard.weighing_mut() {
            weighing.hear(heard, out);
        }
        self.go_on(scene, out)
    }

    /// Takes in what else came of the work on what was overheard.
    pub(super) fn take_overheard(&mut self, scene: Scene<'_>, event: Event, out: &mut Vec<Effect>) -> Next {
        if let Some(weighing) = self.overheard.weighing_mut() {
            weighing.take(event, out);
        }
        self.go_on(scene, out)
    }

    /// What was meant by something short that was said over the answer.
    fn meaning(&self, heard: &Heard, catalogue: &Catalogue) -> Interruption {
        let meant = |text: &str| interruption(catalogue, text, ends_in_question(&self.draft.reply().said()));
        match heard {
            Heard::Words(Verdict::Request { text, .. }) => meant(text),
            // Over a voice little is certain, and to fall silent for nothing costs less than to go on over a "stop".
            Heard::NotUnderstood(Verdict::Request { text, .. }) if meant(text) == Interruption::Stop => {
                Interruption::Stop
            }
            // Whoever calls Pipit wants to be listened to.
            Heard::Words(Verdict::Addressed) => Interruption::Speech,
            // A cough, a door, a word from the next room. Whoever means it says more, and that interrupts.
            _ => Interruption::BackChannel,
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        matches!(self.playback, Playback::Paused { .. })
    }

    /// Goes on where the answer was interrupted.
    fn resume(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let (Playback::Paused { since } | Playback::Hushed { since }) = self.playback else { return };
        self.playback = Playback::Running;
        self.playing_until = self.playing_until + now.saturating_since(since);
        out.push(Effect::ResumePlayback { draft: self.draft.id() });
    }

    fn interrupt(&mut self, scene: Scene<'_>, out: &mut Vec<Effect>) {
        self.playback = Playback::Stopping;
        self.stalled_at = scene.now + scene.settings.reply_stall;
        out.push(Effect::StopPlayback { draft: self.draft.id() });
    }

    pub(super) fn stop(&mut self, scene: Scene<'_>, out: &mut Vec<Effect>) -> Next {
        if self.playback == Playback::Stopping {
            return Next::Replying;
        }
        if self.draft.is_playing() {
            self.interrupt(scene, out);
            return Next::Replying;
        }
        out.push(Effect::Cancel { draft: self.draft.id() });
        Next::Ended(None)
    }

    /// Nothing has come for too long, or somebody has spoken for so long that they mean to interrupt.
    pub(super) fn wait_no_longer(&mut self, scene: Scene<'_>, out: &mut Vec<Effect>) -> Next {
        if scene.now < self.stalled_at {
            if let Playback::Hushed { .. } = self.playback {
                self.resume(scene.now, out);
                return self.go_on(scene, out);
            }
            self.interrupt(scene, out);
            return Next::Replying;
        }
        out.push(Effect::Cancel { draft: self.draft.id() });
        if self.given_up || self.playback == Playback::Stopping {
            return Next::Ended(None);
        }
        self.given_up = true;
        self.draft.close(GIVEN_UP);
        self.resume(scene.now, out);
        self.go_on(scene, out)
    }
}
