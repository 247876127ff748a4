//! What can be chosen while Pipit runs, of the voices and recognisers that are there when it starts: whatever is configured first,
//! then what else is installed and suits this board. Which of it was chosen is kept in the history, by name.

use pipit_core::chat::Tier;
use pipit_core::config::{Config, TtsEngine};
use pipit_core::control::{Selectable, Selection};
use pipit_models::recogniser::Recogniser;
use pipit_models::runtime::Runtime;
use pipit_models::voice::{self, Voice};
use pipit_store::{Store, StoreError};

use crate::installed::Installed;
use crate::ledger::Ledger;
use crate::services::MayAsk;
use crate::worker::Which;

/// Voices and recognisers, one of each at the start.
#[derive(Debug, Default)]
pub struct Selections {
    /// What can speak.
    pub voices: Selection,
    /// The place in it of what speaks at first.
    pub voice: usize,
    /// What can recognise speech.
    pub recognisers: Selection,
    /// The place in it of what recognises at first.
    pub recogniser: usize,
    /// For each voice, the engines that can take its place, its own first, then those that are lighter.
    engines: Vec<Vec<TtsEngine>>,
    /// The voices on this device but the configured one, in the same order.
    own_voices: Vec<(TtsEngine, String)>,
}

impl Selections {
    /// Nothing but what is configured.
    pub fn configured(installed: &Installed, config: &Config) -> Selections {
        Selections { engines: vec![installed.voices(config)], ..Selections::default() }
    }

    /// What is there, and of it what was chosen in place of what is configured. The log says what that is.
    pub fn of(installed: &Installed, config: &Config, store: &Store) -> Selections {
        let recognisers = installed.recognisers(config);
        let service =
            config.transcription_service().map(|service| Selectable { name: service.to_string(), tier: service.tier });
        let recognisers = Selection(service.into_iter().chain(recognisers.into_iter().map(here)).collect());
        let recogniser = at_start("the recogniser", "[stt]", &recognisers, store.recogniser());
        let mut own_voices = installed.own_voices(config);
        let names = own_voices.iter().map(|(engine, voice)| here(voice::full_name(engine.name(), voice)));
        let service =
            config.voice_service().map(|service| Selectable { name: service.to_string(), tier: service.tier });
        let is_service = service.is_some();
        let voices = Selection(service.into_iter().chain(names).collect());
        let voice = at_start("the voice", "[tts]", &voices, store.voice());
        if !is_service {
            own_voices.remove(0);
        }
        let [kokoro, piper, espeak] = [TtsEngine::Kokoro, TtsEngine::Piper, TtsEngine::Espeak]
            .map(|engine| installed.and_lighter(config, engine));
        let engines = own_voices.iter().map(|(engine, _)| match engine {
            TtsEngine::Kokoro => kokoro.clone(),
            TtsEngine::Piper => piper.clone(),
            _ => espeak.clone(),
        });
        let engines = [installed.voices(config)].into_iter().chain(engines).collect();
        Selections { voices, voice, recognisers, recogniser, engines, own_voices }
    }

    /// For each voice, how many there are that are lighter.
    pub fn lighter_voices(&self) -> Vec<usize> {
        self.engines.iter().map(|engines| engines.len() - 1).collect()
    }

    /// Opens a voice, and says which it is.
    ///
    /// # Errors
    /// It can't be opened; of what is configured, as for [`Installed::local_voice`].
    pub fn open_voice(
        &self,
        which: Which,
        (installed, config, runtime): (&Installed, &Config, Option<&Runtime>),
        (ledger, may_ask): (&Ledger, &MayAsk),
    ) -> anyhow::Result<(Box<dyn Voice>, String)> {
        let own = which.choice.checked_sub(1).and_then(|at| self.own_voices.get(at));
        let voice = match (which.lighter, own) {
            (0, None) => return installed.voice(config, runtime, ledger, may_ask),
            (0, Some(own)) => installed.this_voice(config, own, runtime)?,
            (lighter, _) => {
                let engines = self.engines.get(which.choice).map_or(&[][..], Vec::as_slice);
                installed.lighter_voice(config, &engines[lighter.min(engines.len().saturating_sub(1))..], runtime)?
            }
        };
        let name = voice.name().to_owned();
        Ok((voice, name))
    }

    /// Loads a recogniser, and says which it is.
    ///
    /// # Errors
    /// It can't be loaded; of what is configured, as for [`Installed::local_recogniser`].
    pub fn load_recogniser(
        &self,
        which: Which,
        (installed, config): (&Installed, &Config),
        (ledger, may_ask): (&Ledger, &MayAsk),
    ) -> anyhow::Result<(Box<dyn Recogniser>, String)> {
        if which.choice == 0 {
            return installed.recogniser(config, ledger, may_ask);
        }
        // Behind a service, the first of the others is what is configured for this device, which need not be of the catalogue.
        if which.choice == 1 && config.transcription_service().is_some() {
            return installed.local_recogniser(config);
        }
        let name = self.recognisers.names().nth(which.choice).unwrap_or_default();
        installed.load_named(name, config)
    }
}

fn here(name: String) -> Selectable {
    Selectable { name, tier: Tier::Device }
}

/// The place of what was chosen, or of what takes its place.
fn at_start(what: &str, section: &str, selection: &Selection, chosen: Result<Option<String>, StoreError>) -> usize {
    let name_of = |at| selection.names().nth(at).unwrap_or("none");
    let chosen = match chosen {
        Ok(chosen) => chosen,
        Err(error) => {
            let at = selection.nearest();
            tracing::error!("{what} is {}, since it can't be read which was chosen: {error}", name_of(at));
            return at;
        }
    };
    let at = selection.at_start(chosen.as_deref());
    match chosen {
        Some(chosen) if selection.find(&chosen).is_none() => {
            tracing::warn!("{what} is {}, since {chosen}, which was chosen, is there no more", name_of(at));
        }
        Some(chosen) if at != 0 => {
            tracing::warn!("{what} is {chosen}, as it was chosen, and not {}, as {section} says", name_of(0));
        }
        _ => {}
    }
    at
}

#[cfg(test)]
mod tests {
    use pipit_core::config::{Defaults, Layers, Text, load};
    use pipit_models::whisper::nano;
    use tempfile::TempDir;

    use super::*;
    use crate::services;

    /// A second recogniser, which is the one in the box by another name.
    const OWN: &str = "[[model]]\nname = \"whisper-own\"\nengine = \"whisper\"\nlanguages = [\"en\"]\nlicence = \"MIT\"\n\
                       memory_mb = 40\nquality = 5\nabout = \"Ours.\"\n[[model.file]]\nname = \"own.bin\"\n\
                       url = \"https://nas.local/own.bin\"\nbytes = BYTES\n";

    struct Here {
        folder: TempDir,
        store: Store,
    }

    impl Here {
        fn new() -> Here {
            let folder = TempDir::new().unwrap();
            let models = folder.path().join("models");
            std::fs::create_dir(&models).unwrap();
            std::fs::write(models.join("own.bin"), nano()).unwrap();
            let own = OWN.replace("BYTES", &nano().len().to_string());
            std::fs::write(models.join("catalogue.toml"), own).unwrap();
            let store = Store::open(&folder.path().join("pipit.db")).unwrap();
            Here { folder, store }
        }

        fn config(&self, content: &str) -> Config {
            let layers = Layers {
                defaults: Defaults { state_dir: self.folder.path().to_owned() },
                file: Some(Text { name: "pipit.toml", content }),
                panel: None,
                environment: Vec::new(),
                flags: &[],
            };
            load(layers).unwrap_or_else(|problems| panic!("{problems:?}"))
        }

        fn of(&self, content: &str) -> (Selections, Installed, Config) {
            let config = self.config(content);
            let installed = Installed::open(&config).unwrap();
            (Selections::of(&installed, &config, &self.store), installed, config)
        }
    }

    fn names(selection: &Selection) -> Vec<&str> {
        selection.names().collect()
    }

    #[test]
    fn what_is_installed_can_be_chosen_with_what_is_configured_first() {
        let here = Here::new();
        let (of, ..) = here.of("");
        assert_eq!(names(&of.recognisers), ["whisper-own", "pipit-nano-en"]);
        let voices = names(&of.voices);
        assert_eq!(voices[0], "espeak-ng en-us");
        assert!(voices.contains(&"espeak-ng en-gb") && !voices.contains(&"espeak-ng de"), "{voices:?}");
        assert_eq!((of.voice, of.recogniser), (0, 0));

        let (of, ..) = here.of("[stt]\nmodel = 'pipit-nano-en'\n[tts]\nengine = 'espeak'\nvoice = 'en-gb+f3'\n");
        assert_eq!(names(&of.recognisers), ["pipit-nano-en", "whisper-own"]);
        assert_eq!(names(&of.voices)[0], "espeak-ng en-gb+f3");

        let (of, ..) = here.of("[stt]\nmodel = '/models/of/mine.bin'\nlanguage = 'de'\n");
        assert_eq!(names(&of.recognisers), ["mine.bin"], "no other knows German");
        assert!(names(&of.voices).contains(&"espeak-ng de"), "{of:?}");
    }

    #[test]
    fn voices_that_speak_another_language_or_are_too_much_for_the_board_are_not_offered() {
        let here = Here::new();
        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures");
        for (from, to) in [
            ("voice_kokoro.onnx", "kokoro-v1.0.onnx"),
            ("voice_styles.npz", "voices-v1.0.bin"),
            ("voice_piper.onnx", "en_US-one-medium.onnx"),
            ("voice_piper.onnx.json", "en_US-one-medium.onnx.json"),
            ("voice_piper.onnx", "de_DE-one-medium.onnx"),
            ("voice_piper.onnx.json", "de_DE-one-medium.onnx.json"),
            // Of the catalogue, and not what it should be.
            ("voice_piper.onnx", "en_US-ljspeech-medium.onnx"),
            ("voice_piper.onnx.json", "en_US-ljspeech-medium.onnx.json"),
        ] {
            std::fs::copy(fixtures.join(from), here.folder.path().join("models").join(to)).unwrap();
        }
        let neural = |content: &str| {
            let (of, ..) = here.of(content);
            let neural: Vec<String> =
                of.voices.names().filter(|name| !name.starts_with("espeak-ng")).map(str::to_owned).collect();
            (neural.join(", "), of.lighter_voices()[0], names(&of.voices)[0].to_owned())
        };
        let (offered, lighter, configured) = neural("");
        assert_eq!((offered.as_str(), lighter, configured.as_str()), ("piper en_US-one-medium", 0, "espeak-ng en-us"));
        let kokoro = "[tts]\nengine = 'kokoro'\nvoice = 'af_one*0.5+bf_two*0.5'\n";
        let (offered, lighter, configured) = neural(kokoro);
        assert!(
            offered.contains("kokoro af_one, kokoro bf_two, ") && offered.ends_with(", piper en_US-one-medium"),
            "{offered}"
        );
        assert_eq!((lighter, configured.as_str()), (2, "kokoro af_one*0.5+bf_two*0.5"));
        let (offered, ..) = neural(&format!("[stt]\nlanguage = 'de'\n{kokoro}"));
        assert!(!offered.contains("bf_two, ") && offered.ends_with(", piper de_DE-one-medium"), "{offered}");
    }

    #[test]
    fn what_was_chosen_is_found_again_and_what_is_gone_is_not_missed() {
        let here = Here::new();
        here.store.set_voice(Some("espeak-ng en-gb")).unwrap();
        here.store.set_recogniser(Some("pipit-nano-en")).unwrap();
        let (of, installed, config) = here.of("");
        assert_eq!(names(&of.recognisers)[of.recogniser], "pipit-nano-en");
        assert_eq!(names(&of.voices)[of.voice], "espeak-ng en-gb");
        let with = (&Ledger::of_command(&config), &services::as_configured());
        for (at, name) in of.recognisers.names().enumerate() {
            let which = Which { choice: at, lighter: 0 };
            assert_eq!(of.load_recogniser(which, (&installed, &config), with).unwrap().1, name);
        }
        here.store.set_voice(Some("piper gone")).unwrap();
        here.store.set_recogniser(Some("gone")).unwrap();
        let (of, ..) = here.of("");
        assert_eq!((of.voice, of.recogniser), (0, 0));
    }

    #[test]
    fn behind_a_service_stands_what_is_here() {
        let here = Here::new();
        let services = "[stt]\nengine = 'openai'\nbase_url = 'http://nas.local/v1'\n\
                        [tts]\nengine = 'openai'\nbase_url = 'http://nas.local/v1'\n";
        let (of, installed, config) = here.of(services);
        let tiers = |selection: &Selection| selection.0.iter().map(|one| one.tier).take(2).collect::<Vec<_>>();
        assert_eq!(
            (tiers(&of.recognisers), tiers(&of.voices)),
            (vec![Tier::House, Tier::Device], vec![Tier::House, Tier::Device])
        );
        assert_eq!(names(&of.recognisers)[1..], ["whisper-own", "pipit-nano-en"]);
        let with = (&Ledger::of_command(&config), &services::as_configured());
        for at in 0..3 {
            let (_, name) = of.load_recogniser(Which { choice: at, lighter: 0 }, (&installed, &config), with).unwrap();
            assert_eq!(name, names(&of.recognisers)[at]);
        }
        // Nothing that was said went there, so it does not go there now.
        here.store.set_recogniser(Some("gone")).unwrap();
        assert_eq!(here.of(services).0.recogniser, 1);
        let (of, ..) = here.of(&format!("[chat]\nprivacy = 'on this device'\n{services}"));
        assert_eq!(tiers(&of.recognisers), [Tier::Device, Tier::Device], "it is not asked");
    }
}
