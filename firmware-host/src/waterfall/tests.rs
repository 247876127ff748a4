//! Stories of turns, told to the real machine: what it wants done and what comes of it is recorded as it is in the daemon.

use std::sync::Arc;

use expect_test::{Expect, expect};
use pipit_core::audio::{Fade, LISTENING_RATE, Pcm, SpeechStretch, samples_in};
use pipit_core::intent::Catalogue;
use pipit_core::turn::{Machine, Overheard, TurnSettings, Understanding};

use super::*;

/// Silence after which a pause is noticed.
const SILENCE: u64 = 200;

struct Story {
    machine: Machine,
    waterfalls: Waterfalls,
    onset: u64,
    /// Where the next stretch of speech begins.
    from: u64,
    told: String,
}

impl Story {
    fn new() -> Self {
        let machine = Machine::new(TurnSettings::default(), Duration::from_millis(500), Arc::new(Catalogue::english()));
        Story { machine, waterfalls: Waterfalls::default(), onset: 0, from: 0, told: String::new() }
    }

    /// Lets something happen, after every deadline before it.
    fn at(&mut self, ms: u64, event: Event) {
        let now = Moment::after_start(Duration::from_millis(ms));
        while let Some(deadline) = self.machine.next_deadline().filter(|deadline| *deadline <= now) {
            self.step(deadline, Event::Tick);
        }
        self.step(now, event);
    }

    fn step(&mut self, now: Moment, event: Event) {
        self.waterfalls.happened(now, &event);
        let mut effects = Vec::new();
        self.machine.step(now, event, &mut effects);
        for effect in effects {
            self.waterfalls.asked(now, &effect);
            if let Effect::Ended { turn, .. } = effect
                && let Some(record) = self.waterfalls.ended(now, turn)
            {
                tell(&mut self.told, &record);
            }
        }
    }

    fn worked(&mut self, ms: u64, took: u64, event: Event) {
        self.waterfalls.worked(&event, Duration::from_millis(took));
        self.at(ms, event);
    }

    fn speech(&mut self, ms: u64) {
        (self.onset, self.from) = (ms, ms.saturating_sub(100));
        self.at(ms, Event::Speech(SpeechFact::Started { at: sample(ms) }));
    }

    fn goes_on(&mut self, ms: u64) {
        let stretch = self.stretch(ms, 0);
        self.at(ms, Event::Speech(SpeechFact::Continues(stretch)));
    }

    fn pause(&mut self, ms: u64) {
        let stretch = self.stretch(ms, SILENCE);
        self.at(ms, Event::Speech(SpeechFact::Paused(stretch)));
    }

    fn stretch(&mut self, ms: u64, silence: u64) -> SpeechStretch {
        let start = sample(std::mem::replace(&mut self.from, ms));
        let pcm = Pcm::new(vec![0.0; (sample(ms).0 - start.0) as usize], LISTENING_RATE);
        SpeechStretch { start, onset: sample(self.onset), speech_end: sample(ms - silence), fade: Fade::default(), pcm }
    }

    #[track_caller]
    fn ends(self, expected: Expect) {
        assert!(self.waterfalls.turns.is_empty(), "a turn is still recorded: {:?}", self.waterfalls);
        expected.assert_eq(&self.told);
    }
}

fn tell(told: &mut String, record: &TurnRecord) {
    let TurnRecord { turn, timings_ms: t, waterfall: w, .. } = record;
    let milestones = [t.pause, t.turn_decided, t.transcript, t.reply_first_text, t.first_audio];
    let milestones = milestones.map(|at| at.map_or("-".to_owned(), |at| at.to_string())).join(" ");
    let mut lines = vec![format!("turn {turn}: {} {milestones} ended {}", record.outcome(), w.ended_ms)];
    lines.extend(w.reopened_ms.iter().map(|at| format!("  reopened {at}")));
    lines.extend(w.interruptions.iter().map(|interruption| format!("  {interruption:?}")));
    lines.extend(w.parts.iter().map(line));
    for draft in &w.drafts {
        let dropped = draft.dropped_ms.map_or(String::new(), |at| format!(" dropped {at}"));
        lines.push(format!("  draft {}{dropped}", draft.revision));
        lines.extend(draft.spans.iter().map(line));
    }
    told.push_str(&(lines.join("\n") + "\n"));
}

fn line(span: &pipit_web::Span) -> String {
    let ended = span.ended_ms.map_or("?".to_owned(), |at| at.to_string());
    let clause = span.clause.map_or(String::new(), |clause| format!(" clause {clause}"));
    let model = span.model_ms.map_or(String::new(), |ms| format!(" model {ms}"));
    let marks = [(span.speculative, " speculative"), (span.discarded, " discarded"), (span.failed, " failed")];
    let marks: String = marks.into_iter().filter(|(set, _)| *set).map(|(_, mark)| mark).collect();
    format!("    {:<13} {}..{ended}{clause}{model}{marks}", span.stage.name(), span.began_ms)
}

fn sample(ms: u64) -> SampleIndex {
    SampleIndex(samples_in(Duration::from_millis(ms), LISTENING_RATE) as u64)
}

fn id(turn: u64, revision: u32) -> DraftId {
    DraftId { turn: TurnId(turn), revision }
}

fn words(draft: DraftId) -> Event {
    Event::Transcribed { draft, transcription: Transcription::Words(Overheard::new("what time is it".to_owned())) }
}

fn scored(draft: DraftId, probability: f32) -> Event {
    Event::TurnScored { draft, probability: Some(probability) }
}

fn understood(draft: DraftId, intent: bool) -> Event {
    Event::Understood { draft, understanding: Understanding { intent, acts: false } }
}

fn text(draft: DraftId, text: &str) -> Event {
    Event::ReplyText { draft, text: text.to_owned() }
}

fn ready(draft: DraftId, clause: usize) -> Event {
    Event::ClauseReady { draft, clause, pcm: Pcm::new(vec![0.0; 16_000], LISTENING_RATE) }
}

#[test]
fn what_was_prepared_too_early_is_marked_as_thrown_away() {
    let mut story = Story::new();
    story.speech(0);
    story.pause(1200);
    story.worked(1225, 20, scored(id(1, 1), 0.1));
    story.worked(1300, 80, words(id(1, 1)));
    story.at(1301, understood(id(1, 1), false));
    story.at(1350, text(id(1, 1), "For how long? "));
    story.speech(1500);
    // The voice has gone on until it noticed.
    story.worked(1520, 100, Event::ClauseFailed { draft: id(1, 1), clause: 0 });
    story.pause(2200);
    story.worked(2280, 70, words(id(1, 2)));
    story.at(2281, understood(id(1, 2), true));
    story.at(2282, text(id(1, 2), "It's noon."));
    story.at(2282, Event::ReplyEnded { draft: id(1, 2) });
    // Smart Turn had to wait for the recogniser.
    story.worked(2300, 20, scored(id(1, 2), 0.9));
    story.worked(2330, 40, ready(id(1, 2), 0));
    story.at(2340, Event::ClauseStarted { draft: id(1, 2), clause: 0 });
    story.at(3340, Event::ClausePlayed { draft: id(1, 2), clause: 0 });
    story.ends(expect![[r#"
        turn 1: intent 200 281 280 282 340 ended 1340
          draft 1 dropped -500
            endpointing   -800..-775 model 20 speculative discarded
            transcription -800..-700 model 80 speculative discarded
            understanding -700..-650 speculative discarded
            synthesis     -650..-480 clause 0 model 100 speculative discarded
          draft 2
            endpointing   200..300 model 20 speculative discarded
            transcription 200..280 model 70 speculative
            understanding 280..282 speculative
            synthesis     282..330 clause 0 model 40
            playback      340..1340 clause 0
    "#]]);
}

#[test]
fn a_stage_that_fails_has_an_end_all_the_same() {
    let mut story = Story::new();
    story.speech(0);
    story.pause(1200);
    story.at(1201, Event::TurnScored { draft: id(1, 1), probability: None });
    story.worked(1300, 80, words(id(1, 1)));
    story.at(1310, Event::ReplyFailed { draft: id(1, 1), apology: "Sorry, no.".to_owned() });
    story.worked(1350, 30, Event::ClauseFailed { draft: id(1, 1), clause: 0 });
    story.at(2600, Event::Tick);
    story.ends(expect![[r#"
        turn 1: silence 200 900 300 - - ended 900
          draft 1
            endpointing   200..201 speculative failed
            transcription 200..300 model 80 speculative
            understanding 300..310 speculative failed
            synthesis     310..350 clause 0 model 30 speculative failed
    "#]]);
}

#[test]
fn an_end_that_was_taken_back_is_told_and_what_is_interrupted_goes_on() {
    let mut story = Story::new();
    story.speech(0);
    story.pause(1200);
    story.worked(1225, 20, scored(id(1, 1), 0.9));
    story.worked(1300, 80, words(id(1, 1)));
    story.speech(1340);
    story.pause(2200);
    story.worked(2225, 20, scored(id(1, 2), 0.9));
    story.worked(2300, 80, words(id(1, 2)));
    story.at(2310, text(id(1, 2), "It's noon. And more."));
    story.at(2310, Event::ReplyEnded { draft: id(1, 2) });
    story.worked(2350, 40, ready(id(1, 2), 0));
    story.at(2360, Event::ClauseStarted { draft: id(1, 2), clause: 0 });
    // A cough.
    story.speech(2500);
    story.pause(2900);
    let nothing = Event::Transcribed { draft: id(2, 1), transcription: Transcription::Silence };
    story.worked(2950, 40, nothing);
    story.worked(2960, 40, ready(id(1, 2), 1));
    // Somebody presses the button.
    story.at(3000, Event::StopRequested);
    let cut = Some((0, Duration::from_millis(500)));
    story.at(3010, Event::PlaybackStopped { draft: id(1, 2), cut });
    story.ends(expect![[r#"
        turn 2: dropped 200 - 250 - - ended 250
          draft 1 dropped 250
            endpointing   200..? speculative discarded
            transcription 200..250 model 40 speculative discarded
        turn 1: smart_turn 200 330 300 310 360 ended 1010
          reopened -660
          Interruption { at_ms: 500.0, resumed_ms: Some(950.0), stopped_ms: None }
          Interruption { at_ms: 1000.0, resumed_ms: None, stopped_ms: Some(1000.0) }
          draft 1 dropped -660
            endpointing   -800..-775 model 20 speculative discarded
            transcription -800..-700 model 80 speculative discarded
            understanding -700..-660 speculative discarded
          draft 2
            endpointing   200..225 model 20 speculative
            transcription 200..300 model 80 speculative
            understanding 300..310 speculative
            synthesis     310..350 clause 0 model 40 speculative
            synthesis     330..960 clause 1 model 40 discarded
            playback      360..1010 clause 0
    "#]]);
}

#[test]
fn nothing_of_an_announcement_is_speculative() {
    let mut story = Story::new();
    story.at(600, Event::Announce { notice: pipit_core::turn::NoticeId(1), text: "Your timer is done.".to_owned() });
    story.worked(700, 90, ready(id(1, 1), 0));
    story.at(710, Event::ClauseStarted { draft: id(1, 1), clause: 0 });
    story.at(1710, Event::ClausePlayed { draft: id(1, 1), clause: 0 });
    story.ends(expect![[r#"
        turn 1: announcement - - - - 110 ended 1110
          draft 1
            synthesis     0..100 clause 0 model 90
            playback      110..1110 clause 0
    "#]]);
}

#[test]
fn what_is_listened_to_ahead_is_no_stage_of_the_answer_and_alone_no_turn() {
    let followed = |turn, round| Event::Followed { turn: TurnId(turn), round, agreed: Some(Overheard::default()) };
    let mut story = Story::new();
    story.speech(0);
    story.goes_on(2_000);
    story.worked(2_400, 400, followed(1, 1));
    story.pause(3_000);
    story.worked(3_020, 20, scored(id(1, 1), 0.9));
    story.worked(3_100, 90, Event::Transcribed { draft: id(1, 1), transcription: Transcription::Silence });
    story.speech(5_000);
    story.goes_on(7_000);
    story.worked(7_400, 400, followed(2, 2));
    story.at(7_500, Event::Speech(SpeechFact::Discarded));
    story.ends(expect![[r#"
        turn 1: silence 200 1500 300 - - ended 1500
          draft 1
            endpointing   200..220 model 20 speculative
            transcription 200..300 model 90 speculative
    "#]]);
}

#[test]
fn a_long_utterance_is_transcribed_in_parts_before_it_ends() {
    let part = |part| Event::PartTranscribed { turn: TurnId(1), part, transcription: Transcription::Silence };
    let mut story = Story::new();
    story.speech(0);
    story.goes_on(10_000);
    story.worked(10_400, 300, part(0));
    story.goes_on(18_000);
    story.pause(19_000);
    story.worked(19_020, 20, scored(id(1, 1), 0.9));
    // The recogniser does the last part before what follows it, but a queue need not keep the order.
    let rest = Event::Transcribed {
        draft: id(1, 1),
        transcription: Transcription::Words(Overheard::new("tell me a story".to_owned())),
    };
    story.worked(19_200, 90, rest);
    story.worked(19_300, 90, part(1));
    story.at(19_310, Event::ReplyEnded { draft: id(1, 1) });
    story.ends(expect![[r#"
        turn 1: smart_turn 200 500 500 - - ended 510
            transcription -8800..-8400 model 300 speculative
            transcription -800..500 model 90 speculative
          draft 1
            endpointing   200..220 model 20 speculative
            transcription 200..400 model 90 speculative
            understanding 500..510 speculative
    "#]]);
}
