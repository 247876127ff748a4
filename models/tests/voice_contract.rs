//! What every voice promises, asked of each engine in the table. A new engine adds its arm to [`ready`], and its files to
//! `voice_support::models_folder`.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::Path;

use pipit_core::audio::Pcm;
use pipit_models::cancel::CancelFlag;
use pipit_models::voice::{self, ENGINES, Voice, VoiceError, VoiceSettings};
use pipit_testkit::http::Server;
use pipit_testkit::wyoming;

mod service_support;
mod voice_support;
use service_support::{settings, speaks, speaks_wyoming, wyoming_settings};
use voice_support::{models_folder, runtime};

/// The settings with which an engine can speak in the tests; a service is asked at `server` or `wyoming`.
fn ready(engine: &str, models: &Path, server: &Server, wyoming: &wyoming::Server) -> VoiceSettings {
    let voice = match engine {
        "espeak" => "en-gb",
        "kokoro" => "af_one",
        "piper" => "en_US-one-medium",
        "openai" | "fish" | "wyoming" => "en-gb",
        _ => panic!("say here with which voice {engine} is tested"),
    };
    let service = match engine {
        "openai" => Some(settings(server, "/v1")),
        "fish" => Some(settings(server, "")),
        "wyoming" => Some(wyoming_settings(wyoming)),
        _ => None,
    };
    VoiceSettings { voice: Some(voice.to_owned()), speed: 1.0, models: models.to_owned(), service }
}

fn with_each(check: impl Fn(&str, &VoiceSettings, &mut dyn Voice)) {
    let (models, runtime, server) = (models_folder(), runtime(), Server::answering(speaks));
    let wyoming = wyoming::Server::answering(speaks_wyoming);
    for engine in ENGINES {
        let settings = ready(engine.name, models.path(), &server, &wyoming);
        let mut voice = voice::open(engine.name, &settings, Some(&runtime))
            .unwrap_or_else(|error| panic!("{}: {error}", engine.name));
        check(engine.name, &settings, voice.as_mut());
    }
}

fn say(voice: &mut dyn Voice, text: &str) -> Result<Pcm, VoiceError> {
    voice::say(voice, text, &CancelFlag::new())
}

#[test]
fn a_voice_on_this_device_is_called_by_its_engine_and_its_own_name() {
    with_each(|engine, settings, voice| {
        if settings.service.is_none() {
            assert_eq!(voice.name(), voice::full_name(engine, settings.voice.as_deref().unwrap()));
        }
    });
    let (models, runtime) = (models_folder(), runtime());
    // Kokoro's usual voice is not among those that stand in here.
    for engine in ["espeak", "piper"] {
        let settings = VoiceSettings { voice: None, speed: 1.0, models: models.path().to_owned(), service: None };
        let usual = voice::usual(engine, &settings).unwrap();
        let opened = voice::open(engine, &settings, Some(&runtime)).unwrap();
        assert_eq!(opened.name(), voice::full_name(engine, &usual));
    }
}

#[test]
fn a_sentence_is_sound_at_the_stated_rate_within_full_scale() {
    with_each(|engine, _, voice| {
        let short = say(voice, "Hello there.").unwrap();
        let long = say(voice, "Hello there, it is twenty past four, and the kitchen light is on.").unwrap();
        assert_eq!(short.rate(), voice.rate(), "{engine}");
        assert!(long.duration() > short.duration(), "{engine}");
        let peak = long.samples().iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!((0.1..=1.0).contains(&peak), "{engine}: peak {peak}");
    });
}

#[test]
fn text_without_words_is_silence() {
    with_each(|engine, _, voice| {
        for text in ["", " \n\t", "...", "?! (—) «»", "😀🎉", "\0\0", "-"] {
            assert!(say(voice, text).unwrap().is_empty(), "{engine}: {text:?}");
            assert!(voice.speak(text, &CancelFlag::new()).is_ok(), "{engine}: {text:?} to the engine itself");
        }
    });
}

#[test]
fn odd_text_is_spoken_or_refused_and_the_voice_goes_on() {
    let long = "The quick brown fox jumps over the lazy dog, and so on. ".repeat(180);
    assert!(long.len() > 10_000);
    let odd = [
        "a\0b\u{1}5s\u{7f} c",
        "--help",
        "-v de --stdin",
        "[[h@l]] [word](/wɜːd/) [x](+2)",
        "<speak>hi <break time=\"3s\"/> &amp;</speak>",
        "你好，世界。これはテストです",
        "Привет мир. Ωμέγα. مرحبا",
        "naïve café Łódź Straße x́",
        "hello😀world 👩‍👩‍👧 ok",
        "a\u{202e}bc \u{feff}d \u{e000}",
        "'''''' ‘’‘’ don't o'clock's'",
        "3.14159 -5 1,000,000 1st 1e309 0x1F $9.99 50% ½ ²",
        "qzxwv Wojciech Tchaikovsky",
        "https://example.com/a?b=c#d user@example.com",
    ];
    let (endless_word, endless_sentence) = ("a".repeat(5_000), "and so on ".repeat(1_000));
    with_each(|engine, _, voice| {
        for text in odd.iter().copied().chain([&*long, &*endless_word, &*endless_sentence]) {
            let shown: String = text.chars().take(30).collect();
            match say(voice, text) {
                Ok(_) | Err(VoiceError::Failed(_) | VoiceError::Service(_)) => {}
                Err(error) => panic!("{engine}: {shown:?}: {error}"),
            }
        }
        assert!(!say(voice, "Still here.").unwrap().is_empty(), "{engine}");
    });
}

#[test]
fn nothing_is_said_once_the_flag_is_raised() {
    let cancel = CancelFlag::new();
    cancel.cancel();
    with_each(|engine, _, voice| {
        let outcome = voice::say(voice, "Hello there.", &cancel);
        assert!(matches!(outcome, Err(VoiceError::Cancelled)), "{engine}");
        assert!(matches!(voice.speak("Hello there.", &cancel), Err(VoiceError::Cancelled)), "{engine}");
    });
}

#[test]
fn twice_the_speed_takes_about_half_as_long() {
    let runtime = runtime();
    with_each(|engine, settings, voice| {
        if engine == "wyoming" {
            // The protocol knows no pace.
            return;
        }
        let text = "The kitchen light is on and the door is closed.";
        let usual = say(voice, text).unwrap().duration().as_secs_f64();
        for (speed, expected) in [(2.0, 0.5), (99.0, 0.5), (0.5, 2.0), (f32::NAN, 1.0)] {
            let settings = VoiceSettings { speed, ..settings.clone() };
            let mut voice = voice::open(engine, &settings, Some(&runtime)).unwrap();
            let ratio = say(voice.as_mut(), text).unwrap().duration().as_secs_f64() / usual;
            assert!(
                (ratio / expected - 1.0).abs() < 0.25,
                "{engine}: at speed {speed} it takes {ratio:.2} of the time"
            );
            // Chosen later, it does the same.
            voice.set_speed(2.0);
            let ratio = say(voice.as_mut(), text).unwrap().duration().as_secs_f64() / usual;
            assert!(
                (ratio / 0.5 - 1.0).abs() < 0.25,
                "{engine}: at speed 2, chosen later, it takes {ratio:.2} of the time"
            );
        }
    });
}

#[test]
fn a_voice_that_is_not_there_brings_those_that_are() {
    let runtime = runtime();
    with_each(|engine, settings, _| {
        if settings.service.is_some() {
            // Only the server knows its voices, and says so when it is asked to speak.
            let settings = VoiceSettings { voice: Some("en-gbx".to_owned()), ..settings.clone() };
            let error = say(&mut *voice::open(engine, &settings, None).unwrap(), "Hello.").unwrap_err().to_string();
            assert!(error.contains("en-gbx") && error.contains("check the names"), "{engine}: {error}");
            return;
        }
        let installed = voice::voices(engine, settings).unwrap();
        let wanted = settings.voice.as_deref().unwrap();
        assert!(installed.iter().any(|name| name == wanted), "{engine}: {installed:?}");
        let settings = VoiceSettings { voice: Some(format!("{wanted}x")), ..settings.clone() };
        let error = voice::open(engine, &settings, Some(&runtime)).err().expect("there is no such voice");
        assert!(matches!(error, VoiceError::Unknown { .. }) && error.to_string().contains(wanted), "{engine}: {error}");
    });
}

#[test]
fn the_first_choice_is_a_voice_that_is_there() {
    let (models, runtime) = (models_folder(), runtime());
    let settings = VoiceSettings { voice: None, speed: 1.0, models: models.path().to_owned(), service: None };
    for engine in ["piper", "espeak"] {
        let mut voice = voice::open(engine, &settings, Some(&runtime)).unwrap();
        assert!(voice.name().starts_with(engine), "{}", voice.name());
        assert!(!say(voice.as_mut(), "Yes.").unwrap().is_empty(), "{engine}");
    }
}

#[test]
fn without_files_or_runtime_an_engine_says_what_is_not_installed() {
    let (empty, full) = (tempfile::tempdir().unwrap(), models_folder());
    let settings = |models: &Path| VoiceSettings { voice: None, speed: 1.0, models: models.to_owned(), service: None };
    for engine in ["kokoro", "piper"] {
        let error = voice::open(engine, &settings(empty.path()), Some(&runtime())).err().expect("there are no files");
        assert!(matches!(error, VoiceError::NotInstalled(_)), "{error}");
        assert!(error.to_string().contains("pipit models"), "{error}");
        assert!(voice::voices(engine, &settings(empty.path())).unwrap().is_empty());
        let error = voice::open(engine, &settings(full.path()), None).err().expect("there is no runtime");
        assert!(matches!(error, VoiceError::NotInstalled(_)) && error.to_string().contains("ONNX Runtime"), "{error}");
    }
    for engine in ["openai", "fish", "wyoming"] {
        let error = voice::open(engine, &settings(full.path()), None).err().expect("there is no server");
        assert!(error.to_string().contains("tts.base_url"), "{error}");
    }
    let error = voice::open("kokro", &settings(full.path()), None).err().expect("no such engine");
    assert!(error.to_string().contains("are: kokoro, "), "{error}");
}
