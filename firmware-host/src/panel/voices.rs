//! Who can speak, for the panel.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use pipit_core::config::Config;
use pipit_core::speech::ClauseSplitter;
use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::voice::{self, full_name};
use pipit_store::Store;
use pipit_web::{List, Voice};

use super::sound::Speaker;
use crate::app::{App, OpenVoice};
use crate::bus::Bus;
use crate::controls::Controls;
use crate::installed::Installed;
use crate::pace::Pace;
use crate::speech::joined;
use crate::worker::Which;
use crate::{ledger, shelf};

pub(super) struct Voices {
    config: Config,
    bus: Bus,
    store: Store,
    controls: Controls,
    open: OpenVoice,
    pace: Pace,
    speaker: Speaker,
}

impl Voices {
    pub(super) fn new(app: &App, controls: &Controls) -> Voices {
        Voices {
            config: app.config().clone(),
            bus: app.bus().clone(),
            store: app.speakers().clone(),
            controls: controls.clone(),
            open: app.voice_opener(controls.selections()),
            pace: app.pace().clone(),
            speaker: Speaker::new(controls),
        }
    }

    fn said(
        &self,
        name: &str,
        text: &str,
        on_device: bool,
        cancelled: &Arc<AtomicBool>,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let choice = self.controls.choices().voices.find(name);
        let choice = choice.with_context(|| format!("there is no voice {name}; list them again"))?;
        let (mut voice, opened) = (self.open)(Which { choice, lighter: 0 })?;
        let mut splitter = ClauseSplitter::new();
        let mut clauses = splitter.push(text);
        clauses.extend(splitter.finish());
        let cancel = CancelFlag::of(cancelled);
        let number = Timestamp::now().as_millisecond();
        let pcm = ledger::for_turn(number, || {
            joined(clauses.iter().map(|clause| voice::say(&mut *voice, &clause.spoken, &cancel)))
        })?;
        drop(voice);
        ensure!(!pcm.is_empty(), "{opened} has no sound for this text");
        if !on_device {
            return Ok(Some(clip::wav(&pcm)));
        }
        self.speaker.play(pcm, cancelled)?;
        Ok(None)
    }
}

impl pipit_web::Voices for Voices {
    fn list(&self) -> List {
        let selections = self.controls.selections();
        let now = self.bus.snapshots().borrow().voice.clone();
        let installed = Installed::open(&self.config).inspect_err(|error| tracing::warn!("{error:#}")).ok();
        let voices = selections.voices.0.iter().map(|one| {
            let (engine, own_name) = one.name.split_once(' ').unwrap_or((&one.name, ""));
            let model = installed.as_ref().and_then(|installed| {
                let model = shelf::model_of_voice(installed, &one.name)?;
                let model = installed.folder().catalogue().get(&model).ok()?;
                let fit = installed.folder().catalogue().fit(model, installed.board(), installed.measured());
                Some((model.name.clone(), model.bytes(), fit))
            });
            Voice {
                name: one.name.clone(),
                engine: engine.to_owned(),
                own_name: own_name.to_owned(),
                tier: one.tier.name(),
                bytes: model.as_ref().and_then(|(_, bytes, _)| *bytes),
                factor: model.as_ref().and_then(|(.., fit)| fit.real_time_factor),
                measured: model.as_ref().is_some_and(|(.., fit)| fit.measured),
                model: model.map(|(name, ..)| name),
                at_work: now.as_ref() == Some(&one.name),
                has_speed: engine != "wyoming",
            }
        });
        let known = |name: &String| selections.voices.find(name).is_some();
        let all = installed.as_ref().map(|installed| installed.own_voices(&self.config)).unwrap_or_default();
        let all = all.into_iter().map(|(engine, voice)| full_name(engine.name(), &voice));
        List { voices: voices.collect(), waiting: all.filter(|name| !known(name)).collect(), speed: self.pace.get() }
    }

    fn preview(
        &self,
        name: &str,
        text: &str,
        on_device: bool,
        cancelled: &Arc<AtomicBool>,
    ) -> Result<Option<Vec<u8>>, String> {
        self.said(name, text, on_device, cancelled).map_err(|error| format!("{error:#}"))
    }

    fn set_speed(&self, speed: f32) -> Result<(), String> {
        self.pace.set(speed);
        let kept = self.store.set_speed(speed);
        kept.map_err(|error| format!("it holds until Pipit ends, and could not be kept beyond that: {error}"))
    }
}
