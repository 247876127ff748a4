//! An answer in the making to what was said up to one pause. Until the turn is decided nothing of it is heard and
//! nothing is done that could not be taken back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::heard::Heard;
use super::reply::Reply;
use super::utterance::Utterance;
use super::{DraftId, Effect, Event, Understanding};
use crate::audio::Pcm;

const NOT_UNDERSTOOD: &str = "Sorry, I didn't catch that.";
const RECOGNISER_FAILED: &str = "Sorry, I can't make out speech just now. My log says why.";

#[derive(Debug)]
pub(super) struct Draft {
    id: DraftId,
    heard: Option<Heard>,
    understanding: Option<Understanding>,
    action: Action,
    /// Whatever was asked for is wanted no more, but for the voice.
    closed: bool,
    reply: Reply,
    /// Clauses that are made and must not be heard yet.
    held: BTreeMap<usize, Pcm>,
}

/// Something to say that nobody asked for.
#[derive(Clone, Debug)]
pub(super) enum Announcement {
    Text(String),
    Sound(Pcm),
}

/// How far the draft has come in doing what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    /// There is nothing to do, or it must not be done yet.
    Held,
    Asked,
    Done,
}

impl Draft {
    pub(super) fn new(id: DraftId) -> Self {
        Draft {
            id,
            heard: None,
            understanding: None,
            action: Action::Held,
            closed: false,
            reply: Reply::default(),
            held: BTreeMap::new(),
        }
    }

    /// A draft of something to say that nobody asked for.
    pub(super) fn announcement(id: DraftId, announcement: Announcement) -> Self {
        let mut draft = Draft::new(id);
        match announcement {
            Announcement::Text(text) => draft.say(&text),
            Announcement::Sound(pcm) => {
                draft.push_sound(String::new(), pcm);
                draft.say("");
            }
        }
        draft.closed = true;
        draft
    }

    pub(super) fn id(&self) -> DraftId {
        self.id
    }

    pub(super) fn reply(&self) -> &Reply {
        &self.reply
    }

    pub(super) fn reply_mut(&mut self) -> &mut Reply {
        &mut self.reply
    }

    /// Whether what it was asked to do may have been done, so that it can't be taken back.
    pub(super) fn has_acted(&self) -> bool {
        self.action != Action::Held
    }

    /// Whether what the request means is still being found out.
    fn is_understanding(&self) -> bool {
        match &self.heard {
            None => self.awaits_words(),
            Some(heard) if heard.request().is_some() => self.understanding.is_none() && !self.reply.is_complete(),
            Some(_) => false,
        }
    }

    /// What the recogniser's answer came to, if there is one.
    pub(super) fn heard(&self) -> Option<&Heard> {
        self.heard.as_ref()
    }

    /// Whether what was said is still to be found out.
    pub(super) fn awaits_words(&self) -> bool {
        self.heard.is_none() && !self.closed
    }

    /// Whether some of the answer is still being found, made or done.
    pub(super) fn is_in_the_making(&self) -> bool {
        self.is_understanding() || self.is_acting() || self.reply.is_in_the_making()
    }

    /// Takes in what came of the work that was asked for.
    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::ClauseReady { clause, pcm, .. } if self.reply.made(clause, pcm.duration()) => {
                self.held.insert(clause, pcm);
            }
            Event::ClauseFailed { clause, .. } => self.reply.failed(clause),
            _ if self.closed => {}
            Event::Understood { understanding, .. } => self.understanding = Some(understanding),
            Event::ReplyText { text, .. } => self.reply.push_text(&text),
            Event::ReplySound { text, pcm, .. } => self.push_sound(text, pcm),
            Event::ReplyEnded { .. } => self.reply.end_text(),
            Event::ReplyFailed { apology, .. } => self.on_failure(&apology),
            Event::Acted { .. } if self.action == Action::Asked => self.action = Action::Done,
            _ => {}
        }
    }

    /// Takes in what was said. Only the first time counts.
    pub(super) fn hear(&mut self, heard: Heard, out: &mut Vec<Effect>) {
        if !self.awaits_words() {
            return;
        }
        match (heard.request(), &heard) {
            (Some(request), _) => out.push(Effect::Respond { draft: self.id, request: request.to_owned() }),
            (None, Heard::Words(_) | Heard::Silence) => self.say(""),
            (None, Heard::NotUnderstood(_)) => self.say(NOT_UNDERSTOOD),
            (None, Heard::Failed) => self.say(RECOGNISER_FAILED),
        }
        self.heard = Some(heard);
    }

    fn on_failure(&mut self, apology: &str) {
        if self.action == Action::Asked {
            // What was to be said about the deed is not true.
            self.action = Action::Done;
            self.replace(apology);
        } else {
            self.reply.push_text("\n\n");
            self.say(apology);
        }
    }

    fn push_sound(&mut self, text: String, pcm: Pcm) {
        if let Some(clause) = self.reply.push_sound(text, pcm.duration()) {
            self.held.insert(clause, pcm);
        }
    }

    fn say(&mut self, text: &str) {
        self.reply.push_text(text);
        self.reply.end_text();
    }

    /// Gives up what is not yet said, and says this in its place.
    pub(super) fn close(&mut self, apology: &str) {
        self.closed = true;
        self.replace(apology);
    }

    fn replace(&mut self, text: &str) {
        for clause in std::mem::take(&mut self.held).into_keys() {
            self.reply.lose(clause);
        }
        self.reply.replace_rest(text);
    }

    /// Prepares what can be prepared before the turn is decided: the sound of the first clause.
    pub(super) fn prepare(&mut self, out: &mut Vec<Effect>) {
        if !self.reply.has_begun() {
            self.synthesise_next(out);
        }
    }

    /// Does what the turn's decision has set free for what was said. Gives how much sound it sent to the speaker.
    pub(super) fn go_on(&mut self, said: &Utterance, may_play: bool, out: &mut Vec<Effect>) -> Duration {
        let acts = !self.closed && self.understanding.is_some_and(|understanding| understanding.acts);
        if acts && self.action == Action::Held {
            self.action = Action::Asked;
            out.push(Effect::Act { draft: self.id, utterance: said.pcm() });
        }
        let mut sent = Duration::ZERO;
        // What is said about a deed is true only once it is done.
        while may_play
            && !self.is_acting()
            && let Some(next) = self.held.first_entry()
            && !self.reply.awaits_one_before(*next.key())
        {
            let (clause, pcm) = next.remove_entry();
            sent += pcm.duration();
            out.push(Effect::Play { draft: self.id, clause, pcm });
        }
        while self.synthesise_next(out) {}
        sent
    }

    /// Asks the voice for the next clause. False where it should not be asked now.
    fn synthesise_next(&mut self, out: &mut Vec<Effect>) -> bool {
        let Some((clause, words)) = self.reply.next_to_synthesise() else { return false };
        out.push(Effect::Synthesise { draft: self.id, clause, words });
        true
    }

    /// Whether something that was asked for is being done.
    pub(super) fn is_acting(&self) -> bool {
        self.action == Action::Asked
    }

    /// Whether there is nothing left to say or do.
    pub(super) fn is_over(&self) -> bool {
        self.reply.is_over() && !self.is_acting()
    }

    /// Whether some of it is at the speaker.
    pub(super) fn is_playing(&self) -> bool {
        self.reply.clauses_made() > self.held.len()
    }
}
