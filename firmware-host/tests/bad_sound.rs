//! People whom it is hard to listen to, and a speaker that goes away: each comes to an answer or a word about it, and Pipit
//! listens again.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use pipit_store::Store;
use support::Home;
use support::recording::{self, RATE, WHAT_TIME_IS_IT, demo};
use support::server::{Server, streamed};
use support::sound_server::with_sound_server;

#[test]
fn a_person_who_never_pauses_is_answered_once_the_utterance_is_as_long_as_any() {
    let home = Home::new();
    let file = home.path("never-pauses.wav");
    recording::write(&file, &without_a_pause(34));
    let turns = home.hear(&[file, demo(WHAT_TIME_IS_IT)]).succeeded().turns();
    assert_eq!(turns[0]["ended_by"], "length", "{turns:#?}");
    assert_ne!(turns[0]["reply"], "", "{turns:#?}");
    assert_eq!(turns.last().unwrap()["transcript"], "what time is it", "and then it listens: {turns:#?}");
}

#[test]
fn who_whispers_or_is_far_away_is_understood_or_told_so() {
    let home = Home::new();
    let whispered = home.path("whispered.wav");
    speak("en-us+whisper", "what time is it", &whispered);
    let mut files = vec![whispered];
    for (name, loudness) in [("quiet", 0.05), ("very-quiet", 0.005), ("hardly-there", 0.000_5)] {
        let file = home.path(format!("{name}.wav"));
        let speech = recording::samples(WHAT_TIME_IS_IT);
        recording::write(&file, &speech.iter().map(|sample| sample * loudness).collect::<Vec<_>>());
        files.push(file);
    }
    files.push(demo(WHAT_TIME_IS_IT));
    let turns = home.hear(&files).succeeded().turns();
    for turn in &turns {
        let transcript = turn["transcript"].as_str().unwrap();
        assert!(["what time is it", ""].contains(&transcript), "nothing else is made of it: {turns:#?}");
        assert_ne!(turn["reply"], "", "whoever was heard is answered: {turns:#?}");
    }
    assert_eq!(turns.last().unwrap()["transcript"], "what time is it", "and then it listens: {turns:#?}");
}

/// The plug of a loudspeaker is pulled while it speaks.
#[test]
fn a_speaker_that_vanishes_in_mid_reply_ends_it_with_what_was_heard_and_pipit_listens() {
    const TEST: &str = "a_speaker_that_vanishes_in_mid_reply_ends_it_with_what_was_heard_and_pipit_listens";
    with_sound_server(TEST, |server| {
        let text = "The story begins in a garden. A bird lives there. It sings every morning. Then a cat comes. The bird \
            sees it and flies away. The cat goes home. It has no supper. The bird sings again. That is the end of it.";
        let language_model = Server::answering(streamed(&text.split_inclusive(' ').collect::<Vec<_>>()));
        let home = Home::new();
        home.configure(&(home.usual_config().replace("\"null\"", "\"cpal\"") + &language_model.config()));
        let mut daemon = home.command().arg("run").stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(daemon.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut logged = |words: &[&str]| {
            let found = log.find(|line| words.iter().any(|words| line.contains(words)));
            found.unwrap_or_else(|| panic!("none of {words:?} is in the daemon's log"))
        };
        // The microphone, the speaker and the voice come in any order; the voice is the last to be ready.
        logged(&["voice: espeak"]);

        let ear = server.listen();
        let request = spoken(&home, "tell me a story");
        server.say("kitchen_feed", &request).wait().unwrap();
        ear.wait("two seconds of the reply", |heard| heard.iter().filter(|s| s.abs() > 0.02).count() > 48_000);
        // To unload the sink alone would have PulseAudio move the stream to another, where it would go on.
        server.kill();
        logged(&["WARN"]);
        logged(&["turn=1"]);

        server.start();
        let back = logged(&["speaking through", "listening to"]);
        logged(if back.contains("speaking through") { &["listening to"] } else { &["speaking through"] });
        server.say("kitchen_feed", &recording::samples(WHAT_TIME_IS_IT)).wait().unwrap();
        assert!(logged(&["turn=2"]).contains("HassGetCurrentTime"));
        daemon.kill().unwrap();
        daemon.wait().unwrap();

        let told = Store::open(&home.path("state").join("pipit.db")).unwrap().recent_exchanges(9).unwrap();
        let heard = &told.iter().find(|exchange| exchange.asked == "tell me a story").expect("it is remembered").heard;
        assert!(text.starts_with(heard.as_str()) && heard.len() > 10 && heard.len() < text.len(), "{heard}");
    });
}

/// People's words one after the other, for so many seconds.
fn without_a_pause(seconds: usize) -> Vec<f32> {
    let clips: Vec<_> = recording::all_of_the_demo();
    let names = clips.iter().map(|clip| clip.file_stem().unwrap().to_str().unwrap());
    let words: Vec<f32> = names.flat_map(|name| loud_part(&recording::samples(name)).to_vec()).collect();
    words.iter().copied().cycle().take(seconds * RATE as usize).collect()
}

fn loud_part(samples: &[f32]) -> &[f32] {
    let loud = |sample: &f32| sample.abs() > 0.05;
    let first = samples.iter().position(loud).unwrap();
    &samples[first..=samples.iter().rposition(loud).unwrap()]
}

fn speak(voice: &str, words: &str, file: &Path) {
    let said = Command::new("espeak-ng").args(["-v", voice, "-w"]).arg(file).arg(words).status();
    assert!(said.expect("espeak-ng runs: `make test` installs it").success());
}

fn spoken(home: &Home, words: &str) -> Vec<f32> {
    let file = home.path("spoken.wav");
    speak("en-us", words, &file);
    let wav = hound::WavReader::open(&file).unwrap();
    let rate = wav.spec().sample_rate;
    let samples: Vec<f32> = wav.into_samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect();
    recording::resampled(&samples, rate, RATE)
}
