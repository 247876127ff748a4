//! `pipit doctor`: each thing that Pipit needs, whether it is there, and what to do where it is not.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use pipit_core::audio::LISTENING_RATE;
use pipit_core::config::{AudioBackend, Config};
use pipit_core::turn::WakeMode;
use pipit_models::cancel::CancelFlag;
use pipit_models::runtime::Runtime;
use pipit_models::voice;
use pipit_store::Purpose;

use super::{Options, doctor_audio, doctor_board};
use crate::audio;
use crate::hearing;
use crate::installed::{Installed, NANO};
use crate::ledger::Ledger;
use crate::{self_test, services};

#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(subcommand)]
    only: Option<Only>,
}

#[derive(Debug, Subcommand)]
enum Only {
    /// Measure the echo between speaker and microphone by a test sound, and whether Pipit can be interrupted here
    Audio,
    /// Have Pipit say something to itself and understand it, and say by the exit status whether it does
    SelfTest,
}

/// What was found out about one thing.
pub(super) enum Finding {
    Good(String),
    /// Pipit works, but not as well as it could.
    Fair(String),
    Bad(String),
}

use Finding::{Bad, Fair, Good};

impl Doctor {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = match options.load() {
            Ok(config) => config,
            Err(error) => {
                show("configuration", &Bad(format!("{error:#}")))?;
                return Ok(ExitCode::FAILURE);
            }
        };
        super::start_logging(&config, true);
        match self.only {
            Some(Only::Audio) => return doctor_audio::execute(&config),
            Some(Only::SelfTest) => return self_test_alone(&config),
            None => {}
        }
        let mut findings = vec![("configuration", Good(options.described_file())), ("history", history(&config))];
        findings.extend(doctor_board::findings(&config));
        match Installed::open(&config) {
            Ok(installed) => findings.extend(models(&config, &installed)),
            Err(error) => findings.push(("models", bad(&error))),
        }
        findings.push(("sound", sound(&config)));
        findings.extend(broker(&config).map(|finding| ("MQTT broker", finding)));
        for (what, finding) in &findings {
            show(what, finding)?;
        }
        let well = findings.iter().all(|(_, finding)| !matches!(finding, Bad(_)));
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The power-on self-test by itself, which touches neither sound devices nor the history, for what decides by it whether to go on.
fn self_test_alone(config: &Config) -> anyhow::Result<ExitCode> {
    let runtime = hearing::runtime(config)?;
    let (mut recogniser, _) = Installed::open(config)?.local_recogniser(config)?;
    let speech = self_test::spoken_sample()?;
    let passed = self_test::run(config, runtime.as_ref(), &mut *recogniser, &speech)?;
    print_line!("{passed}")?;
    Ok(ExitCode::SUCCESS)
}

/// What is found out beside a daemon that runs, without loading a model a second time: of what, a mark, and words.
pub(crate) fn at_hand(config: &Config) -> Vec<(&'static str, &'static str, String)> {
    let findings = [("ONNX Runtime", onnx_runtime(config).0), ("sound", sound(config))];
    findings.map(|(what, finding)| (what, finding.written().0, finding.written().1.to_owned())).into()
}

impl Finding {
    fn written(&self) -> (&'static str, &str) {
        match self {
            Good(words) => ("ok  ", words),
            Fair(words) => ("note", words),
            Bad(words) => ("BAD ", words),
        }
    }
}

fn show(what: &str, finding: &Finding) -> std::io::Result<()> {
    let (mark, words) = finding.written();
    print_line!("{mark}  {what:<14} {words}")
}

fn bad(error: &anyhow::Error) -> Finding {
    Bad(format!("{error:#}"))
}

/// The broker that is named, and what is known behind it.
fn broker(config: &Config) -> Option<Finding> {
    let mqtt = config.mqtt.as_ref()?;
    Some(match super::home::look(config) {
        Ok(home) => {
            let entities = home.look(|registry| registry.entities().count());
            let (host, port, secured) = (&mqtt.host, mqtt.port, if mqtt.tls.is_some() { ", encrypted" } else { "" });
            Good(format!("{host}:{port}{secured}; {entities} things are known there (`pipit home` lists them)"))
        }
        Err(error) => bad(&error),
    })
}

fn history(config: &Config) -> Finding {
    match crate::chat::store(config).and_then(|store| crate::chat::engine(config, &store, store.clone())) {
        Ok(_) if config.privacy.ephemeral => Good("in memory only (privacy.ephemeral)".to_owned()),
        Ok(_) => Good(format!("kept in {}", config.state_dir.display())),
        Err(error) => bad(&error),
    }
}

fn models(config: &Config, installed: &Installed) -> Vec<(&'static str, Finding)> {
    let (finding, runtime) = onnx_runtime(config);
    let mut findings = vec![("ONNX Runtime", finding)];
    findings.extend(services(config));
    findings.push(("voice", voice_finding(config, installed, runtime.as_ref())));
    findings.extend(hears(config, installed, runtime.as_ref()));
    if config.wake.attention.mode == WakeMode::OpenWakeWord {
        let loaded = installed.wake_word(config, runtime.as_ref());
        findings.push(("wake word", loaded.map_or_else(|error| bad(&error), |(_, name)| Good(name))));
    }
    findings
}

/// How it is with ONNX Runtime and what it runs to hear, and the runtime itself, if it is there.
fn onnx_runtime(config: &Config) -> (Finding, Option<Runtime>) {
    match hearing::runtime(config) {
        Ok(runtime) => {
            let missing = hearing::missing(config, runtime.as_ref());
            let library = runtime.as_ref().map(|runtime| runtime.library().display().to_string());
            (missing.map_or_else(|| Good(library.unwrap_or_default()), Fair), runtime)
        }
        Err(error) => (Bad(error.to_string()), None),
    }
}

/// The speech services that are named, each without what stands by for it.
fn services(config: &Config) -> Vec<(&'static str, Finding)> {
    let mut findings = Vec::new();
    for (purpose, service) in services::named(config) {
        let what = if purpose == Purpose::Speech { "speech" } else { "transcription" };
        if !config.allows(service) {
            findings.push((what, Fair(format!("{service} is never asked (chat.privacy)"))));
            continue;
        }
        let finding = match services::try_out(config, purpose, service, &Ledger::of_command(config)) {
            Ok(took) => Good(format!("{service} answers within {} ms", took.as_millis())),
            Err(error) => {
                Bad(format!("{service}: {error:#}; until then, what is installed on this device takes its place"))
            }
        };
        findings.push((what, finding));
    }
    findings
}

fn voice_finding(config: &Config, installed: &Installed, runtime: Option<&Runtime>) -> Finding {
    let ledger = Ledger::of_command(config).of_tests();
    let spoken = installed.voice(config, runtime, &ledger, &services::as_configured()).and_then(|(mut voice, _)| {
        let pcm = voice::say(&mut *voice, "Hello.", &CancelFlag::new())?;
        Ok(format!("{} says \"Hello.\" in {:.1} s of sound", voice.name(), pcm.duration().as_secs_f64()))
    });
    spoken.map_or_else(|error| bad(&error), Good)
}

fn hears(config: &Config, installed: &Installed, runtime: Option<&Runtime>) -> Vec<(&'static str, Finding)> {
    let (mut recogniser, name) =
        match installed.recogniser(config, &Ledger::of_command(config).of_tests(), &services::as_configured()) {
            Ok(recogniser) => recogniser,
            Err(error) => return vec![("recogniser", bad(&error))],
        };
    let finding = if name == NANO {
        Fair(format!("{NANO}, for a first try only; run `pipit models pull --recommended` for daily use"))
    } else {
        Good(name)
    };
    let tested =
        self_test::spoken_sample().and_then(|speech| self_test::run(config, runtime, &mut *recogniser, &speech));
    let tested = tested.map_or_else(|error| bad(&error), |passed| Good(passed.to_string()));
    vec![("recogniser", finding), ("self-test", tested)]
}

fn sound(config: &Config) -> Finding {
    match &config.audio.backend {
        AudioBackend::Cpal { .. } => {
            let devices = audio::devices();
            let microphone = devices.devices.iter().any(|device| device.input.is_some());
            let speaker = devices.devices.iter().any(|device| device.output.is_some());
            match (microphone, speaker) {
                (true, true) => Good("there are a microphone and a speaker; `pipit devices` names them".to_owned()),
                (false, true) => Bad("there is no microphone; plug one in, it is found by itself".to_owned()),
                (true, false) => Bad("there is no speaker; plug one in, it is found by itself".to_owned()),
                (false, false) => Bad("there is no sound device; plug in a microphone and a speaker".to_owned()),
            }
        }
        backend => Good(format!("the {} backend needs no sound devices ({LISTENING_RATE})", backend.name())),
    }
}
