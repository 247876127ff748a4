//! Echo through real sound devices: what the speaker plays comes back into the microphone, where the ear must hear nobody
//! until somebody speaks.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use pipit::audio::{Capture, CaptureStep, ClauseId, Input, Output, Pace, PlaybackReport, backend};
use pipit::worker::{Ear, EchoCancellation, Protection};
use pipit_core::audio::Pcm;
use pipit_core::ear::{EarSettings, SpeechFact};
use pipit_models::cancel::CancelFlag;
use pipit_models::espeak::{Espeak, EspeakSettings};
use pipit_models::runtime::Runtime;
use pipit_models::silero::SileroVad;
use pipit_models::voice;
use support::sound_server::{PATIENCE, SoundServer, with_sound_server};

/// The room: from the speaker to the microphone at full loudness.
const ECHO: [&str; 5] =
    ["load-module", "module-loopback", "source=living.monitor", "sink=kitchen_feed", "latency_msec=50"];

#[test]
fn its_own_voice_is_nobody_and_a_person_is_heard_over_it() {
    with_sound_server("its_own_voice_is_nobody_and_a_person_is_heard_over_it", |server| {
        play_into_the_microphone(server);
        let output = Output { target: "speaker".to_owned() };
        let (sender, reports) = mpsc::channel();
        let report = Box::new(move |report| drop(sender.send(report)));
        let mut playback = (backend("cpal").unwrap().playback)(&output, report).unwrap();
        let echo = playback.take_echo().expect("a speaker can echo");
        assert!(playback.take_echo().is_none(), "it is given once");
        let mut listener = Listener::new(Protection::Cancelled(Box::new(EchoCancellation::new(echo))));

        let reply = long_reply();
        let said = reply.duration();
        playback.play(ClauseId { turn: 1, revision: 1, clause: 0 }, reply.clone()).unwrap();
        while !matches!(reports.try_recv(), Ok(PlaybackReport::Played(_))) {
            listener.hear();
        }
        listener.listen(Duration::from_secs(1));
        assert!(listener.heard_nobody(), "its own voice, of {said:?}, was taken for a person: {:?}", listener.facts);

        playback.play(ClauseId { turn: 2, revision: 1, clause: 0 }, reply).unwrap();
        listener.listen(Duration::from_secs(3));
        assert!(listener.heard_nobody(), "before anybody speaks: {:?}", listener.facts);
        let person = support::recording::samples("1-what-time-is-it");
        let mut saying = server.say("kitchen_feed", &person);
        while listener.heard_nobody() {
            assert!(saying.try_wait().unwrap().is_none(), "the person has spoken and was not heard");
            listener.hear();
        }
        saying.wait().unwrap();
    });
}

#[test]
fn the_doctor_finds_the_echo_and_the_daemon_listens_where_it_may() {
    with_sound_server("the_doctor_finds_the_echo_and_the_daemon_listens_where_it_may", |server| {
        let home = support::Home::new();
        home.configure(&home.usual_config().replace("\"null\"", "\"cpal\""));
        let says = |words: &str| {
            let mut daemon = home.command().arg("run").stderr(Stdio::piped()).spawn().unwrap();
            let log = std::io::BufReader::new(daemon.stderr.take().unwrap());
            let said = std::io::BufRead::lines(log).map_while(Result::ok).any(|line| line.contains(words));
            daemon.kill().unwrap();
            daemon.wait().unwrap();
            assert!(said, "`{words}` is not in the daemon's log");
        };
        says("run `pipit doctor audio`");
        let deaf = home.pipit(["doctor", "audio"]);
        assert_eq!(deaf.code, Some(1), "the microphone hears nothing of the speaker: {deaf:?}");
        assert!(deaf.out.contains("the microphone does not hear the speaker"), "{deaf:?}");
        says("found that its echo can't be removed here");

        play_into_the_microphone(server);
        let found = home.pipit(["doctor", "audio"]).succeeded();
        for words in ["echo delay", " ms", "echo removed", "noise floor", "Pipit can be interrupted here"] {
            assert!(found.out.contains(words), "`{words}` is missing: {found:?}");
        }
        says("Pipit can be interrupted:");
    });
}

fn play_into_the_microphone(server: &SoundServer) {
    assert!(server.client("pactl", &ECHO).stdout(Stdio::null()).status().unwrap().success());
}

/// Some twenty seconds of speech, a quarter as loud as it was made, so that nothing is clipped.
fn long_reply() -> Pcm {
    let text = "It is a quarter past four. The kitchen light is on, and so is the heating in the hall. Tomorrow will be \
        cloudy with some rain in the afternoon, and a light wind from the west. You have two timers: one for the eggs, \
        which ends in three minutes, and one for the laundry, which ends in an hour. The radio plays until midnight.";
    let mut espeak = Espeak::new(EspeakSettings::default()).unwrap();
    let pcm = voice::say(&mut espeak, text, &CancelFlag::new()).unwrap();
    Pcm::new(pcm.samples().iter().map(|sample| sample * 0.25).collect::<Vec<_>>(), pcm.rate())
}

/// An ear at the kitchen's microphone.
struct Listener {
    ear: Ear,
    microphone: Box<dyn Capture>,
    facts: Vec<SpeechFact>,
}

impl Listener {
    /// Whether nothing was taken for speech. A sound for which a reply falls silent for a moment need not be.
    fn heard_nobody(&self) -> bool {
        self.facts.iter().all(|fact| *fact == SpeechFact::Stirred)
    }

    fn new(protection: Protection) -> Self {
        let models = support::models_folder();
        let runtime = Runtime::load(&models.join("onnxruntime/libonnxruntime.so")).unwrap();
        let vad = SileroVad::load(&runtime, &models.join("silero-vad-v6.onnx")).unwrap();
        let input =
            Input { device: "kitchen".to_owned(), clip: None, pace: Pace::RealTime, trailing_silence: Duration::ZERO };
        let microphone = (backend("cpal").unwrap().capture)(&input).unwrap();
        Listener { ear: Ear::new(vad, EarSettings::default(), protection), microphone, facts: Vec::new() }
    }

    fn hear(&mut self) {
        match self.microphone.next_frame(PATIENCE) {
            CaptureStep::Frame(frame) => self.ear.hear(frame, &mut self.facts),
            CaptureStep::Found(_) => {}
            other => panic!("{other:?} in place of a frame"),
        }
    }

    fn listen(&mut self, time: Duration) {
        (0..time.as_millis() / 32).for_each(|_| self.hear());
    }
}
