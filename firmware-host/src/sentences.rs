//! Which sentences about the home are understood: Pipit's own or Home Assistant's, and with them those that the household wrote
//! itself, files in Home Assistant's format of `custom_sentences`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pipit_core::config::{Config, Sentences};
use pipit_core::intent::HomeSentences;
use pipit_core::intent::hassil::Pack;
use pipit_models::catalogue::ModelFolder;
use pipit_models::sentences::{self, NAME};
use tracing::{info, warn};

/// The largest file that is read, in bytes. Home Assistant's whole English pack has half as many.
const LARGEST: u64 = 1 << 20;

/// The most files that are read.
const MOST_FILES: usize = 256;

/// The language of Pipit's own sentences.
const ENGLISH: &str = "en";

/// What Home Assistant's packs say about Home Assistant: who made it, and where what is said is kept. Of Pipit it is not true.
const ABOUT_HOME_ASSISTANT: &str = "HassRespond";

/// The sentences that the configuration wants; nothing where those are Pipit's own and no others.
///
/// # Errors
/// Home Assistant's are not installed or have no such language, or a file can't be read or not be used; it is named.
pub fn home_sentences(config: &Config) -> anyhow::Result<Option<HomeSentences>> {
    let custom = config.home.custom_sentences.as_deref();
    match (&config.home.sentences, custom) {
        (Sentences::Pipit, None) => Ok(None),
        (Sentences::Pipit, Some(folder)) => with_custom(Pack::english(), ENGLISH, folder).map(Some),
        (Sentences::HomeAssistant(language), custom) => {
            let pack = of_home_assistant(&config.models.dir, language)
                .with_context(|| format!("home.sentences is \"{language}\""))?;
            match custom {
                Some(folder) => with_custom(pack, language, folder).map(Some),
                None => compiled(&pack, language).map(Some),
            }
        }
    }
}

/// The pack of a language, out of the models folder.
fn of_home_assistant(models: &Path, language: &str) -> anyhow::Result<Pack> {
    let folder = ModelFolder::open(models, None)?;
    let installed = folder.installed(NAME);
    let Some(archive) = installed.as_deref().and_then(<[PathBuf]>::first) else {
        bail!(
            "Home Assistant's sentences are not in {}: run `pipit models pull home-assistant-intents`",
            models.display()
        );
    };
    let mut pack = sentences::pack(archive, language)?;
    pack.keep_intents(|intent| intent != ABOUT_HOME_ASSISTANT);
    Ok(pack)
}

fn compiled(pack: &Pack, language: &str) -> anyhow::Result<HomeSentences> {
    let sentences = HomeSentences::new(pack.clone());
    sentences.with_context(|| format!("Home Assistant's sentences in the language \"{language}\" can't be used"))
}

/// A pack with the sentences of a folder: its files `*.yaml`, and those in a folder below it that is called as the language.
fn with_custom(mut all: Pack, language: &str, folder: &Path) -> anyhow::Result<HomeSentences> {
    let files = files(folder, language)?;
    if files.is_empty() {
        warn!("{} has no sentences in it: no file that ends in .yaml", folder.display());
    }
    let mut last = None;
    for file in files {
        let own = read(&file)?;
        if !own.language.is_empty() && own.language != language {
            info!("{} is left out: it is in the language {}", file.display(), own.language);
            continue;
        }
        for intent in HomeSentences::come_to_nothing(&own) {
            warn!("{}: nothing is done for the intent {intent}, which has no reply either", file.display());
        }
        all.add(own);
        // One after the other, so that what is wrong is wrong with this one.
        let sentences = HomeSentences::new(all.clone());
        last = Some(sentences.with_context(|| format!("{} can't be used; mend it, or take it away", file.display()))?);
    }
    last.map_or_else(|| compiled(&all, language), Ok)
}

fn files(folder: &Path, language: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = files_in(folder).with_context(|| {
        format!("{} can't be read; set home.custom_sentences to a folder that can", folder.display())
    })?;
    let below = folder.join(language);
    if below.is_dir() {
        files.extend(files_in(&below).with_context(|| format!("{} can't be read", below.display()))?);
    }
    files.sort();
    if files.len() > MOST_FILES {
        bail!("{} has more than {MOST_FILES} files of sentences", folder.display());
    }
    Ok(files)
}

fn files_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if is_yaml && path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

fn read(file: &Path) -> anyhow::Result<Pack> {
    let size = fs::metadata(file).with_context(|| format!("{} can't be read", file.display()))?.len();
    if size > LARGEST {
        bail!("{} has {size} bytes; at most {LARGEST} are read", file.display());
    }
    let text = fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    serde_saphyr::from_str(&text)
        .with_context(|| format!("{} is not in the format of custom_sentences", file.display()))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::Write as _;
    use std::sync::{Arc, Mutex};

    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;
    use pipit_chat::tools::{Home, HomeCommand};
    use pipit_chat::{Door, Engine, Place, ReplyEvent, Request};
    use pipit_core::config::{Defaults, Layers, Text, load};
    use pipit_core::home::{Device, Household, Meaning, Registry, Settings, Vocabulary};
    use pipit_core::intent::Understanding;
    use pipit_core::intent::hassil::Recognised;
    use pipit_store::Store;
    use serde_json::json;
    use zip::write::{FileOptions, ZipWriter};

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        folder
    }

    #[test]
    fn the_households_own_sentences_are_understood_besides_pipits() {
        let folder = folder(&[
            (
                "movie.yaml",
                "language: en\nintents:\n  HassTurnOff:\n    data:\n      - sentences: ['<gloom> <everywhere>']\n        slots: {domain: light}\n        response: light_all\nexpansion_rules:\n  gloom: 'let there be (dark|darkness)'\n",
            ),
            (
                "en/wifi.yml",
                "language: en\nintents:\n  WifiPassword:\n    data:\n      - sentences: ['what is the wifi password']\nresponses:\n  intents:\n    WifiPassword:\n      default: It is on the fridge.\n",
            ),
            ("german.yaml", "language: de\nintents:\n  HassTurnOff:\n    data:\n      - sentences: ['(mach|']\n"),
            ("notes.txt", "(("),
        ]);
        let mut sentences = with_custom(Pack::english(), ENGLISH, folder.path()).unwrap();
        sentences.furnish(1, Vocabulary::default);
        let intent = |said: &str| match sentences.understand(said, None) {
            Understanding::Certain(found) => (found.intent.clone(), sentences.answer(&found)),
            other => panic!("{said}: {other:?}"),
        };
        assert_eq!(intent("let there be darkness everywhere"), ("HassTurnOff".to_owned(), None));
        assert_eq!(intent("turn on all the lights"), ("HassTurnOn".to_owned(), None));
        let wifi = ("WifiPassword".to_owned(), Some("It is on the fridge.".to_owned()));
        assert_eq!(intent("What is the wifi password?"), wifi);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_file() {
        // Each rule is twice the next one, which written out is a million words.
        let runaway: String = (0..20).map(|at| format!("  r{at}: '<r{}> <r{}>'\n", at + 1, at + 1)).collect();
        let runaway = format!(
            "intents:\n  HassTurnOn:\n    data:\n      - sentences: ['go <r0>']\nexpansion_rules:\n{runaway}  r20: x\n"
        );
        let sentence = "intents:\n  HassTurnOn:\n    data:\n      - sentences: ['turn (on']\n";
        for (text, expected) in [
            (sentence, &["the sentence \"turn (on\" of \"HassTurnOn\"", "')' is missing"][..]),
            (&runaway, &["the sentence \"go <r0>\" of \"HassTurnOn\"", "more than 20000 parts"]),
            ("intents: [1]", &["format of custom_sentences"]),
        ] {
            let folder = folder(&[("own.yaml", text)]);
            let error = format!("{:#}", with_custom(Pack::english(), ENGLISH, folder.path()).unwrap_err());
            assert!(error.contains("own.yaml"), "{error}");
            expected.iter().for_each(|expected| assert!(error.contains(expected), "{error}"));
        }
        let nowhere = with_custom(Pack::english(), ENGLISH, Path::new("/nowhere")).unwrap_err();
        assert!(format!("{nowhere:#}").contains("home.custom_sentences"));
    }

    /// A home of what was discovered.
    struct House(Mutex<Registry>);

    impl House {
        /// With a lamp and a heating in the kitchen, and a front door.
        fn new() -> House {
            let household = Household::default();
            let settings = Settings { prefix: "homeassistant".into(), own_topics: Vec::new(), own_id: None, household };
            let mut registry = Registry::new(settings);
            for (kind, payload) in [
                ("light", json!({"name": "Stehlampe", "dev": {"sa": "Küche"}, "cmd_t": "lampe"})),
                ("climate", json!({"name": "Heizung", "dev": {"sa": "Küche"}, "temp_cmd_t": "heizung"})),
                ("lock", json!({"name": "Haustür", "cmd_t": "tuer", "stat_t": "tuer/state"})),
            ] {
                registry.on_message(&format!("homeassistant/{kind}/it/config"), payload.to_string().as_bytes());
            }
            registry.on_message("tuer/state", b"LOCKED");
            House(Mutex::new(registry))
        }
    }

    impl Home for House {
        fn find(&self, what: &str, place: Option<&str>) -> Result<Vec<Device>, String> {
            self.0.lock().unwrap().find(what, place)
        }

        fn generation(&self) -> u64 {
            self.0.lock().unwrap().generation()
        }

        fn vocabulary(&self) -> Vocabulary {
            self.0.lock().unwrap().vocabulary()
        }

        fn meaning(&self, said: &Recognised, here: Option<&str>) -> Meaning {
            self.0.lock().unwrap().meaning(said, here)
        }

        fn command(self: Arc<Self>, command: HomeCommand) -> BoxFuture<'static, Result<(), String>> {
            for device in &command.devices {
                let (mut registry, HomeCommand { action, value, .. }) = (self.0.lock().unwrap(), &command);
                registry.command(&device.id, *action, *value).unwrap();
                registry.commanded(&device.id, *action, *value);
            }
            std::future::ready(Ok(())).boxed()
        }
    }

    /// A models folder with Home Assistant's packs in it, which are these.
    fn packs(packs: &[(&str, serde_json::Value)]) -> tempfile::TempDir {
        let entry = "[[model]]\nname = 'home-assistant-intents'\nengine = 'hassil'\nsource = 'setup'\nlanguages = ['*']\n\
                     licence = 'MIT'\nmemory_mb = 1\nabout = 'A test.'\n[[model.file]]\nname = 'packs.whl'\n";
        let folder = folder(&[("catalogue.toml", entry)]);
        let mut archive = ZipWriter::new(fs::File::create(folder.path().join("packs.whl")).unwrap());
        for (language, pack) in packs {
            let name = format!("home_assistant_intents/data/{language}.json");
            archive.start_file(name, FileOptions::default()).unwrap();
            archive.write_all(pack.to_string().as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        folder
    }

    fn german() -> serde_json::Value {
        json!({
            "language": "de",
            "settings": { "filter_with_regex": false },
            "skip_words": ["bitte", "kannst du"],
            "intents": {
                "HassTurnOn": { "data": [
                    { "sentences": ["(schalte|mach) <name> (an|ein)"], "metadata": { "slot_combination": "name_only" } },
                    {
                        "sentences": ["(schalte|mach) [das ]licht <area> (an|ein)"],
                        "slots": { "domain": "light" },
                        "response": "lights_area",
                    },
                ] },
                "HassTurnOff": { "data": [
                    { "sentences": ["entsperre <name>"], "requires_context": { "domain": "lock" }, "response": "lock" },
                ] },
                "HassClimateSetTemperature": { "data": [
                    { "sentences": ["stell[e] [die ]heizung <area> auf {temperature}[[ ](°|grad)]"] },
                ] },
                "HassGetState": { "data": [
                    {
                        "sentences": ["ist <name> {lock_states:state}"],
                        "requires_context": { "domain": "lock" },
                        "response": "one_yesno",
                    },
                ] },
                "HassStartTimer": { "data": [{ "sentences": ["timer auf {temperature} minuten"] }] },
                "HassRespond": { "data": [{ "sentences": ["wer hat dich gemacht"], "response": "creator" }] },
            },
            "lists": {
                "temperature": { "range": { "from": 0, "to": 100, "type": "temperature" } },
                "lock_states": { "values": [
                    { "in": "(abgeschlossen|zu)", "out": "locked" },
                    { "in": "offen", "out": "unlocked" },
                ] },
            },
            "expansion_rules": { "name": "[(der|die|das) ]{name}", "area": "[(in|im)[ (der|dem)] ]{area}" },
            "responses": {
                "intents": {
                    "HassTurnOn": { "default": "{{ slots.name }} eingeschaltet", "lights_area": "Licht eingeschaltet" },
                    "HassTurnOff": { "lock": "entsperrt" },
                    "HassClimateSetTemperature": { "default": "Temperatur auf {{ slots.temperature }} Grad gestellt" },
                    "HassGetState": { "one_yesno": "{% if query.matched %}Ja{% else %}Nein, {{ {'locked': 'abgeschlossen'}.get(state.state) }}{% endif %}" },
                    "HassRespond": { "creator": "Ich wurde von der Home-Assistant-Community entwickelt." },
                },
                "errors": { "no_intent": "Entschuldigung" },
            },
        })
    }

    fn config(content: &str, models: &Path) -> Config {
        let content = format!("[models]\ndir = '{}'\n[home]\n{content}", models.display());
        let defaults = Defaults { state_dir: models.to_owned() };
        let file = Some(Text { name: "pipit.toml", content: &content });
        load(Layers { defaults, file, panel: None, environment: Vec::new(), flags: &[] }).unwrap()
    }

    /// What is said to a sentence, once it is done; and what has to be confirmed.
    async fn answer(engine: &Engine, said: &str) -> String {
        let request = Request { text: said.to_owned(), door: Door::Voice, place: Place::Standing, turn: None };
        let (mut reply, mut told) = (engine.respond(request), String::new());
        while let Some(event) = reply.next().await {
            match event.unwrap() {
                ReplyEvent::Understood { deed: Some(deed), .. } => drop(engine.perform(deed).await.unwrap()),
                ReplyEvent::Text(text) => told.push_str(&text),
                ReplyEvent::WantsToAct => reply.permit(),
                ReplyEvent::Confirm(confirmation) => write!(told, "[{confirmation:?}] ").unwrap(),
                _ => {}
            }
        }
        told
    }

    #[tokio::test]
    async fn a_pack_of_home_assistant_is_understood_and_answered_in_its_language() {
        let models = packs(&[("de", german()), ("nl", json!({ "language": "nl" }))]);
        let own = folder(&[
            (
                "de/kino.yaml",
                "language: de\nintents:\n  HassTurnOn:\n    data:\n      - sentences: ['es werde Licht <area>']\n        slots: {domain: light}\n        response: lights_area\n",
            ),
            ("en.yaml", "language: en\nintents:\n  HassTurnOn:\n    data:\n      - sentences: ['(broken']\n"),
        ]);
        let home = format!("sentences = 'de'\ncustom_sentences = '{}'\n", own.path().display());
        let store = Store::open(&models.path().join("pipit.db")).unwrap();
        let engine = crate::chat::engine(&config(&home, models.path()), &store, store.clone()).unwrap();
        engine.connect_home(Some(Arc::new(House::new()) as Arc<dyn Home>));
        let mut told = String::new();
        for said in [
            "Schalte bitte die Stehlampe ein.",
            "Mach das Licht in der Küche an!",
            "Mach die Stehlamppe an",
            "Es werde Licht in der Küche",
            "Stelle die Heizung in der Küche auf 21 Grad",
            "Ist die Haustür offen?",
            "Ist die Haustür zu?",
            "Entsperre die Haustür",
            "Stelle die Heizung in der Küche auf einundzwanzig Grad",
            "Wer hat dich gemacht?",
            "turn on the Stehlampe",
            "timer for ten minutes",
        ] {
            let answer = answer(&engine, said).await;
            let answer = if answer.starts_with("Sorry, I can't") { "not understood" } else { &answer };
            writeln!(told, "{said} -> {answer}").unwrap();
        }
        expect_test::expect![[r#"
            Schalte bitte die Stehlampe ein. -> Stehlampe eingeschaltet
            Mach das Licht in der Küche an! -> Licht eingeschaltet
            Mach die Stehlamppe an -> Stehlampe eingeschaltet
            Es werde Licht in der Küche -> Licht eingeschaltet
            Stelle die Heizung in der Küche auf 21 Grad -> Temperatur auf 21 Grad gestellt
            Ist die Haustür offen? -> Nein, abgeschlossen
            Ist die Haustür zu? -> Ja
            Entsperre die Haustür -> [Confirmation { id: 1, what: "unlock Haustür", within: 30s }] That needs your confirmation: unlock Haustür. Please say your PIN.
            Stelle die Heizung in der Küche auf einundzwanzig Grad -> not understood
            Wer hat dich gemacht? -> not understood
            turn on the Stehlampe -> not understood
            timer for ten minutes -> Timer set for 10 minutes.
        "#]].assert_eq(&told);
    }

    #[test]
    fn packs_that_are_not_there_are_missed_by_name() {
        let sentences = |home: &str, models: &Path| match home_sentences(&config(home, models)) {
            Ok(sentences) => panic!("{home}: {}", sentences.is_some()),
            Err(error) => format!("{error:#}"),
        };
        let none = tempfile::tempdir().unwrap();
        let missing = sentences("sentences = 'de'", none.path());
        assert!(
            missing.contains("home.sentences is \"de\"") && missing.contains("pipit models pull home"),
            "{missing}"
        );
        let broken = json!({ "intents": { "HassTurnOn": { "data": [{ "sentences": ["(broken"] }] } } });
        let models = packs(&[("de", german()), ("nl", broken)]);
        let unknown = sentences("sentences = 'tlh'", models.path());
        assert!(unknown.contains("\"tlh\"") && unknown.contains("it has de, nl"), "{unknown}");
        let broken = sentences("sentences = 'nl'", models.path());
        assert!(broken.contains("\"nl\"") && broken.contains("(broken"), "{broken}");
        assert!(home_sentences(&config("", none.path())).unwrap().is_none(), "Pipit's own need no pack");
    }
}
