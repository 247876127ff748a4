//! What a socket waits for, and what follows from what comes: data alone, without a clock and without a connection.

use std::time::Duration;

use zeroize::Zeroizing;

use super::message::{Closing, Reply, Said, Subject, VERSION};
use crate::account::Scopes;

/// How long somebody may take to say hello.
pub(super) const HELLO: Duration = Duration::from_secs(30);
/// How long, from then on, to sign in.
pub(super) const SIGN_IN: Duration = Duration::from_secs(60);
/// How long nothing at all may come, not even an answer to a ping.
pub(super) const IDLE: Duration = Duration::from_secs(90);
/// Where nothing comes, it is asked for this often.
pub(super) const PING: Duration = Duration::from_secs(30);

/// Bytes of a text.
const LARGEST_TEXT: usize = 4096;
/// Bytes of a piece of sound: a quarter of a second.
pub(super) const LARGEST_SOUND: usize = 8192;

/// Texts that may come at once, and one more after each [`TEXT_EVERY`].
const TEXTS: u32 = 60;
const TEXT_EVERY: Duration = Duration::from_millis(100);

/// A socket. Times are since it was opened.
#[derive(Debug)]
pub(super) struct Machine {
    state: State,
    /// When that began.
    since: Duration,
    /// When something came last.
    heard: Duration,
    pinged: Duration,
    /// Until when what was said counts: the generic cell rate algorithm.
    said: Duration,
    scopes: Option<Scopes>,
    voice: Voice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Hello,
    SignIn,
    /// A token was shown, and is looked at.
    Checking,
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    Never,
    Opening,
    Open,
    /// What is still on its way to it is heard by nobody.
    Gone,
}

/// What happens to it.
#[derive(Debug)]
pub(super) enum Input<'a> {
    Text(&'a str),
    /// So many bytes of sound.
    Sound(usize),
    /// A ping, or what answers one.
    Alive,
    /// The token that was shown is good for this, or for nothing.
    Checked(Option<Scopes>),
    /// There is a place to speak from, or why there is none.
    Opened(Result<(), String>),
    /// The place to speak from is lost.
    Lost,
    /// Time has passed.
    Tick,
}

/// What is to be done about it.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    Tell(Reply),
    /// Look at this token.
    Check(Zeroizing<String>),
    /// Tell what happens there, or no more. The answer to it is told then.
    Follow(Subject),
    Leave(Subject),
    /// Open a place to speak from.
    OpenVoice,
    /// The sound is for that place.
    Hear,
    Press,
    Release,
    Stop,
    Ping,
    Close(Closing),
}

impl Machine {
    /// One that was just opened, by somebody who may do this if it is known who.
    pub(super) fn new(scopes: Option<Scopes>) -> Machine {
        let zero = Duration::ZERO;
        let (state, voice) = (State::Hello, Voice::Never);
        Machine { state, since: zero, heard: zero, pinged: zero, said: zero, scopes, voice }
    }

    /// Until when nothing need be done where nothing happens.
    pub(super) fn deadline(&self) -> Duration {
        match self.state {
            State::Hello => self.since + HELLO,
            State::SignIn | State::Checking => self.since + SIGN_IN,
            State::Open => (self.heard + IDLE).min(self.heard.max(self.pinged) + PING),
            State::Closed => Duration::MAX,
        }
    }

    /// What follows from `input`.
    pub(super) fn step(&mut self, now: Duration, input: Input<'_>) -> Option<Action> {
        if self.state == State::Closed {
            return None;
        }
        if matches!(input, Input::Text(_) | Input::Sound(_) | Input::Alive) {
            self.heard = now;
        }
        let action = match input {
            Input::Text(text) => self.on_text(now, text),
            Input::Sound(bytes) => self.on_sound(bytes),
            Input::Alive => None,
            Input::Checked(scopes) => self.on_checked(now, scopes),
            Input::Opened(outcome) => self.on_opened(outcome),
            Input::Lost => {
                self.voice = Voice::Gone;
                Some(Action::Tell(Reply::Unsubscribed { from: Subject::Voice }))
            }
            Input::Tick => self.on_tick(now),
        };
        if matches!(action, Some(Action::Close(_))) {
            self.state = State::Closed;
        }
        action
    }

    fn on_text(&mut self, now: Duration, text: &str) -> Option<Action> {
        if text.len() > LARGEST_TEXT {
            return Some(Action::Close(Closing::TOO_LARGE));
        }
        self.said = self.said.max(now) + TEXT_EVERY;
        if self.said > now + TEXT_EVERY * TEXTS {
            return Some(Action::Close(Closing::TOO_MUCH));
        }
        // What is wrong with it is not told: there may be a token in it.
        let Ok(said) = serde_json::from_str(text) else { return Some(Action::Close(Closing::NOT_JSON)) };
        match (self.state, said) {
            (State::Hello, Said::Hello { version: VERSION }) => {
                let signed_in = self.scopes.is_some();
                self.enter(if signed_in { State::Open } else { State::SignIn }, now);
                Some(Action::Tell(Reply::Welcome { version: VERSION, signed_in }))
            }
            (State::Hello, Said::Hello { .. }) => Some(Action::Close(Closing::OTHER_VERSION)),
            (State::Hello, _) => Some(Action::Close(Closing::NO_HELLO)),
            (State::SignIn, Said::SignIn { token }) => {
                // Looking at it does not give more time.
                self.state = State::Checking;
                Some(Action::Check(token))
            }
            (_, Said::Hello { .. } | Said::SignIn { .. }) => Some(Action::Close(Closing::SAID_BEFORE)),
            (State::SignIn | State::Checking, _) => Some(Action::Close(Closing::NO_SIGN_IN)),
            (State::Open, said) => self.on_said(said),
            (State::Closed, _) => None,
        }
    }

    fn on_said(&mut self, said: Said) -> Option<Action> {
        match said {
            Said::Subscribe { to } => Some(self.subscribe(to)),
            Said::Unsubscribe { from } => {
                if from == Subject::Voice && self.voice != Voice::Never {
                    self.voice = Voice::Gone;
                }
                Some(Action::Leave(from))
            }
            _ if self.voice != Voice::Open => {
                let message = "Nobody speaks from here; subscribe to voice first.".to_owned();
                Some(Action::Tell(Reply::Error { code: "no_voice", message }))
            }
            Said::Press {} => Some(Action::Press),
            Said::Release {} => Some(Action::Release),
            Said::Stop {} => Some(Action::Stop),
            Said::Hello { .. } | Said::SignIn { .. } => None,
        }
    }

    fn subscribe(&mut self, to: Subject) -> Action {
        if !self.scopes.as_ref().is_some_and(|scopes| scopes.contains(to.needs())) {
            let needed = to.needs().name();
            let message = format!("This API token is not good for that; it takes one with the scope \"{needed}\".");
            return Action::Tell(Reply::Error { code: "forbidden", message });
        }
        match (to, self.voice) {
            (Subject::Voice, Voice::Opening | Voice::Open) => {
                let message = "Somebody speaks from here already.".to_owned();
                Action::Tell(Reply::Error { code: "conflict", message })
            }
            (Subject::Voice, _) => {
                self.voice = Voice::Opening;
                Action::OpenVoice
            }
            _ => Action::Follow(to),
        }
    }

    fn on_sound(&mut self, bytes: usize) -> Option<Action> {
        match (self.state, self.voice) {
            _ if bytes > LARGEST_SOUND => Some(Action::Close(Closing::TOO_LARGE)),
            _ if !bytes.is_multiple_of(2) => Some(Action::Close(Closing::HALF_A_SAMPLE)),
            (State::Hello, _) => Some(Action::Close(Closing::NO_HELLO)),
            (State::SignIn | State::Checking, _) => Some(Action::Close(Closing::NO_SIGN_IN)),
            (_, Voice::Never) => Some(Action::Close(Closing::UNEXPECTED_SOUND)),
            (_, Voice::Opening | Voice::Gone) => None,
            (_, Voice::Open) => Some(Action::Hear),
        }
    }

    fn on_checked(&mut self, now: Duration, scopes: Option<Scopes>) -> Option<Action> {
        let Some(scopes) = scopes else { return Some(Action::Close(Closing::WRONG_TOKEN)) };
        self.scopes = Some(scopes);
        self.enter(State::Open, now);
        Some(Action::Tell(Reply::SignedIn))
    }

    fn on_opened(&mut self, outcome: Result<(), String>) -> Option<Action> {
        if self.voice != Voice::Opening {
            // It was not waited for.
            return None;
        }
        match outcome {
            Ok(()) => {
                self.voice = Voice::Open;
                Some(Action::Follow(Subject::Voice))
            }
            Err(message) => {
                self.voice = Voice::Gone;
                Some(Action::Tell(Reply::Error { code: "no_voice", message }))
            }
        }
    }

    fn on_tick(&mut self, now: Duration) -> Option<Action> {
        if now < self.deadline() {
            return None;
        }
        match self.state {
            State::Hello => Some(Action::Close(Closing::HELLO_MISSING)),
            State::SignIn | State::Checking => Some(Action::Close(Closing::SIGN_IN_MISSING)),
            State::Open if now >= self.heard + IDLE => Some(Action::Close(Closing::SILENT)),
            State::Open => {
                self.pinged = now;
                Some(Action::Ping)
            }
            State::Closed => None,
        }
    }

    fn enter(&mut self, state: State, now: Duration) {
        (self.state, self.since, self.pinged) = (state, now, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO_1: Input<'_> = Input::Text(r#"{"type":"hello","version":1}"#);

    fn scopes(names: &str) -> Option<Scopes> {
        Scopes::read(names.split(' '))
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn text(what: &str) -> Input<'_> {
        Input::Text(what)
    }

    /// What comes of all of these, as their names.
    fn told(known: Option<&str>, inputs: Vec<(u64, Input<'_>)>) -> Vec<String> {
        let mut machine = Machine::new(known.and_then(scopes));
        inputs.into_iter().map(|(seconds, input)| named(machine.step(at(seconds), input))).collect()
    }

    fn named(action: Option<Action>) -> String {
        match action {
            None => "-".to_owned(),
            Some(Action::Close(closing)) => format!("{} {}", closing.code, closing.why),
            Some(Action::Tell(Reply::Error { code, .. })) => code.to_owned(),
            Some(Action::Tell(reply)) => serde_json::to_value(&reply).unwrap()["type"].as_str().unwrap().to_owned(),
            Some(Action::Check(_)) => "check".to_owned(),
            Some(action) => format!("{action:?}").to_lowercase(),
        }
    }

    #[test]
    fn what_is_waited_for_comes_in_this_order() {
        let sign_in = r#"{"type":"sign_in","token":"pipit_1"}"#;
        let events = r#"{"type":"subscribe","to":"events"}"#;
        let voice = r#"{"type":"subscribe","to":"voice"}"#;
        let press = r#"{"type":"press"}"#;
        type Row<'a> = (Option<&'a str>, Vec<(u64, Input<'a>)>, &'a str);
        let table: Vec<Row<'_>> = vec![
            (Some("read"), vec![(0, HELLO_1), (1, text(events))], "welcome, follow(events)"),
            (
                None,
                vec![(0, HELLO_1), (1, text(sign_in)), (2, Input::Checked(scopes("read"))), (3, text(events))],
                "welcome, check, signed_in, follow(events)",
            ),
            (
                None,
                vec![(0, HELLO_1), (1, text(sign_in)), (2, Input::Checked(None)), (3, text(events))],
                "welcome, check, 4401 That token opens nothing; make another in the panel., -",
            ),
            (None, vec![(0, HELLO_1), (1, text(events))], "welcome, 1008 Sign in with a token first."),
            (
                None,
                vec![(0, HELLO_1), (1, text(sign_in)), (1, text(events))],
                "welcome, check, 1008 Sign in with a token first.",
            ),
            (
                None,
                vec![(0, HELLO_1), (1, text(sign_in)), (1, text(sign_in))],
                "welcome, check, 1008 That was said before.",
            ),
            (Some("read"), vec![(0, text(events))], "1008 Say hello first."),
            (Some("read"), vec![(0, HELLO_1), (1, HELLO_1)], "welcome, 1008 That was said before."),
            (Some("read"), vec![(0, HELLO_1), (1, text(sign_in))], "welcome, 1008 That was said before."),
            (
                Some("read"),
                vec![(0, text(r#"{"type":"hello","version":2}"#))],
                "1008 This Pipit speaks version 1; say hello with that.",
            ),
            (
                Some("talk"),
                vec![(0, HELLO_1), (1, text(events)), (1, text(r#"{"type":"subscribe","to":"levels"}"#))],
                "welcome, forbidden, forbidden",
            ),
            (Some("read"), vec![(0, HELLO_1), (1, text(voice)), (1, text(press))], "welcome, forbidden, no_voice"),
            (
                Some("talk"),
                vec![
                    (0, HELLO_1),
                    (1, text(voice)),
                    (1, text(press)),
                    (1, Input::Sound(640)),
                    (2, Input::Opened(Ok(()))),
                    (2, text(press)),
                    (2, Input::Sound(640)),
                    (2, text(voice)),
                    (3, text(r#"{"type":"release"}"#)),
                    (4, text(r#"{"type":"stop"}"#)),
                    (5, text(r#"{"type":"unsubscribe","from":"voice"}"#)),
                    (5, Input::Sound(640)),
                    (5, text(voice)),
                ],
                "welcome, openvoice, no_voice, -, follow(voice), press, hear, conflict, release, stop, leave(voice), -, openvoice",
            ),
            (
                Some("talk"),
                vec![(0, HELLO_1), (1, text(voice)), (2, Input::Opened(Err("No.".to_owned()))), (3, Input::Sound(2))],
                "welcome, openvoice, no_voice, -",
            ),
            (
                Some("talk"),
                vec![(0, HELLO_1), (1, text(voice)), (2, Input::Opened(Ok(()))), (3, Input::Lost), (3, text(press))],
                "welcome, openvoice, follow(voice), unsubscribed, no_voice",
            ),
            (
                Some("talk"),
                vec![(0, HELLO_1), (1, Input::Sound(640))],
                "welcome, 1003 Sound is taken once voice is subscribed to.",
            ),
            (Some("talk"), vec![(0, Input::Sound(640))], "1008 Say hello first."),
            (None, vec![(0, HELLO_1), (1, Input::Sound(640))], "welcome, 1008 Sign in with a token first."),
            (
                Some("talk"),
                vec![(0, HELLO_1), (1, Input::Sound(641))],
                "welcome, 1007 Sound has two bytes for each sample.",
            ),
            (
                Some("talk"),
                vec![(0, HELLO_1), (1, Input::Sound(LARGEST_SOUND + 2))],
                "welcome, 1009 A text may have 4096 bytes, and a piece of sound 8192.",
            ),
        ];
        for (known, inputs, expected) in table {
            let asked = format!("{known:?} {inputs:?}");
            assert_eq!(told(known, inputs).join(", "), expected, "{asked}");
        }
    }

    #[test]
    fn what_can_not_be_meant_closes_it_with_a_reason() {
        let long = format!(r#"{{"type":"hello","version":1,"x":"{}"}}"#, "a".repeat(LARGEST_TEXT));
        for (wrong, code) in [
            ("", 1007),
            ("hello", 1007),
            ("{}", 1007),
            ("[]", 1007),
            (r#"{"type":"dance"}"#, 1007),
            (r#"{"type":"hello"}"#, 1007),
            (r#"{"type":"hello","version":-1}"#, 1007),
            (r#"{"type":"hello","version":1,"token":"pipit_1"}"#, 1007),
            (r#"{"type":"subscribe","to":"everything"}"#, 1007),
            (r#"{"type":"press","hard":true}"#, 1007),
            (&long, 1009),
        ] {
            let action = Machine::new(scopes("read")).step(at(0), text(wrong));
            assert!(matches!(action, Some(Action::Close(closing)) if closing.code == code), "{wrong}: {action:?}");
        }
    }

    #[test]
    fn nobody_is_waited_for_longer_than_that() {
        // When nothing happens, what is done and when.
        let idle = |known: Option<&str>, before: &[(u64, &str)]| {
            let mut machine = Machine::new(known.and_then(scopes));
            for (seconds, said) in before {
                assert!(!matches!(machine.step(at(*seconds), text(said)), Some(Action::Close(_))));
            }
            let mut done = Vec::new();
            while machine.state != State::Closed {
                let now = machine.deadline();
                assert_eq!(machine.step(now - Duration::from_millis(1), Input::Tick), None, "not before");
                done.push(format!("{} s {}", now.as_secs(), named(machine.step(now, Input::Tick))));
            }
            done.join(", ")
        };
        let hello = r#"{"type":"hello","version":1}"#;
        assert_eq!(idle(Some("read"), &[]), "30 s 4408 Nobody said hello in 30 s.");
        assert_eq!(idle(None, &[(20, hello)]), "80 s 4408 Nobody signed in within 60 s.");
        let sign_in = r#"{"type":"sign_in","token":"pipit_1"}"#;
        assert_eq!(idle(None, &[(20, hello), (70, sign_in)]), "80 s 4408 Nobody signed in within 60 s.");
        assert_eq!(
            idle(Some("read"), &[(5, hello)]),
            "35 s ping, 65 s ping, 95 s 4408 Nothing came in 90 s, and pings were not answered."
        );
    }

    #[test]
    fn whoever_answers_pings_stays() {
        let mut machine = Machine::new(scopes("read"));
        machine.step(at(0), HELLO_1);
        for _ in 0..1_000 {
            let now = machine.deadline();
            assert_eq!(machine.step(now, Input::Tick), Some(Action::Ping));
            assert_eq!(machine.step(now, Input::Alive), None);
        }
    }

    #[test]
    fn a_flood_of_texts_is_cut_off_and_a_person_is_not() {
        let events = r#"{"type":"subscribe","to":"events"}"#;
        let mut machine = Machine::new(scopes("read"));
        machine.step(at(0), HELLO_1);
        for tenth in 0..10_000 {
            let action = machine.step(Duration::from_millis(tenth * 100), text(events));
            assert_eq!(action, Some(Action::Follow(Subject::Events)));
        }
        let mut machine = Machine::new(scopes("read"));
        machine.step(at(0), HELLO_1);
        let closed = (1..).find(|_| matches!(machine.step(at(0), text(events)), Some(Action::Close(_))));
        assert_eq!(closed, Some(TEXTS as usize));
    }
}
