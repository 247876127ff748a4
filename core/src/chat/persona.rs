//! Who Pipit is when it speaks through a language model: packs in TOML, of which three are in the program.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::topic::TopicGuard;

/// The packs in the program, by name.
const BUILT_IN: [(&str, &str); 3] = [
    ("home", include_str!("persona/home.toml")),
    ("kitchen", include_str!("persona/kitchen.toml")),
    ("automotive", include_str!("persona/automotive.toml")),
];

/// A pack, ready to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    /// What it is, in a few words, for people to choose by.
    pub title: String,
    /// What the model is told before every conversation. Not empty.
    pub prompt: String,
    /// What it says when a conversation begins, if anything.
    pub greeting: Option<String>,
    /// The names of the tools that it may use; without a list, all.
    pub tools: Option<Vec<String>>,
    /// What keeps it to its subject, if it has one.
    pub topic: Option<TopicGuard>,
    /// The voice that suits it, by the name of an engine that has it. The owner's own choice goes before it.
    pub voice: Option<String>,
}

/// A pack that can't be used, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonaError(String);

impl fmt::Display for PersonaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PersonaError {}

/// A pack as it is written; see [`Persona`] for what each key means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each is described where it is ready to be used")]
pub struct Pack {
    pub title: String,
    pub prompt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeting: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    // TOML has tables last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<PackTopic>,
}

/// The subject of a pack that keeps to one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PackTopic {
    /// Words of what it is about.
    pub subject: Vec<String>,
    /// Words of what lies elsewhere.
    #[serde(default)]
    pub elsewhere: Vec<String>,
    /// What it joins in all the same.
    #[serde(default)]
    pub small_talk: Vec<String>,
    /// What it says to all else.
    pub refusal: String,
}

impl Pack {
    /// Reads one.
    ///
    /// # Errors
    /// It is no TOML, or has other keys than these.
    pub fn read(pack: &str) -> Result<Pack, PersonaError> {
        toml::from_str(pack).map_err(|error| PersonaError(error.to_string().trim_end().to_owned()))
    }

    /// It as TOML.
    ///
    /// # Errors
    /// It can't be written so.
    pub fn written(&self) -> Result<String, PersonaError> {
        toml::to_string(self).map_err(|error| PersonaError(error.to_string()))
    }

    /// The pack of that name in the program, if there is one.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Pack> {
        let (_, pack) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Pack::read(pack).expect("the packs in the program are read by a test"))
    }
}

impl Persona {
    /// Reads a pack: `title`, `prompt`, perhaps a `greeting`, a list of `tools` and a `voice`, and perhaps a table
    /// `[topic]` with the words of its `subject`, of what lies
    /// `elsewhere`, of the `small_talk` that it joins in, and the `refusal` that it says to all else.
    ///
    /// # Errors
    /// It is no TOML, or has other keys or values than these.
    pub fn parse(pack: &str) -> Result<Persona, PersonaError> {
        Persona::of(Pack::read(pack)?)
    }

    /// The same of a pack that was read.
    ///
    /// # Errors
    /// Something that it must say is empty.
    pub fn of(pack: Pack) -> Result<Persona, PersonaError> {
        let Pack { title, prompt, greeting, tools, topic, voice } = pack;
        let empty = |key: &str| PersonaError(format!("its {key} is empty; write one, or leave the key out"));
        if prompt.trim().is_empty() {
            return Err(empty("prompt"));
        }
        if voice.as_ref().is_some_and(|voice| voice.trim().is_empty()) {
            return Err(empty("voice"));
        }
        let topic = topic.map(|PackTopic { subject, elsewhere, small_talk, refusal }| {
            if subject.is_empty() {
                return Err(empty("topic.subject"));
            }
            if refusal.trim().is_empty() {
                return Err(empty("topic.refusal"));
            }
            Ok(TopicGuard::new(&subject, &elsewhere, &small_talk, refusal))
        });
        let greeting = greeting.map(|greeting| greeting.trim().to_owned()).filter(|greeting| !greeting.is_empty());
        Ok(Persona { title, prompt: prompt.trim().to_owned(), greeting, tools, voice, topic: topic.transpose()? })
    }

    /// The pack of that name in the program, if there is one.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Persona> {
        Pack::built_in(name).map(|pack| Persona::of(pack).expect("the packs in the program are read by a test"))
    }

    /// The names of the packs in the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn the_packs_in_the_program_can_be_read() {
        let packs: Vec<String> = Persona::names()
            .map(|name| {
                let persona = Persona::built_in(name).unwrap();
                format!("{name}: {}, keeps to a subject: {}", persona.title, persona.topic.is_some())
            })
            .collect();
        expect![[r#"
            home: A voice assistant at home, keeps to a subject: false
            kitchen: A cook beside you, keeps to a subject: false
            automotive: A car expert who keeps to cars, keeps to a subject: true"#]]
        .assert_eq(&packs.join("\n"));
        assert_eq!(Persona::built_in("butler"), None);
        for name in Persona::names() {
            let pack = Pack::built_in(name).unwrap();
            assert_eq!(Pack::read(&pack.written().unwrap()).unwrap(), pack, "{name}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_pack_is_said() {
        let wrong = |pack: &str| Persona::parse(pack).unwrap_err().to_string();
        let said = [
            wrong("title = 'x'\nprompt = ' '\n"),
            wrong("title = 'x'\nprompt = 'y'\nvoice = ''\n"),
            wrong("title = 'x'\nprompt = 'y'\n[topic]\nsubject = []\nrefusal = 'no'\n"),
            wrong("title = 'x'\nprompt = 'y'\nvoices = 3\n"),
            wrong("title = "),
        ];
        expect![[r#"
            its prompt is empty; write one, or leave the key out
            ---
            its voice is empty; write one, or leave the key out
            ---
            its topic.subject is empty; write one, or leave the key out
            ---
            TOML parse error at line 3, column 1
              |
            3 | voices = 3
              | ^^^^^^
            unknown field `voices`, expected one of `title`, `prompt`, `greeting`, `tools`, `voice`, `topic`
            ---
            TOML parse error at line 1, column 9
              |
            1 | title = 
              |         ^
            string values must be quoted, expected literal string"#]]
        .assert_eq(&said.join("\n---\n"));
    }
}
