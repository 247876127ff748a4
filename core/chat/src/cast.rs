//! Who Pipit may be when a model answers: what the configuration says, and the personas that can be chosen in its place.

use std::collections::BTreeMap;
use std::sync::Arc;

use pipit_core::chat::{Persona, TopicGuard};
use pipit_store::ConversationId;
use tracing::warn;

use crate::engine::{Engine, lock};
use crate::error::ChatError;
use crate::settings::EngineSettings;

/// What a model is told to be.
#[derive(Clone, Debug)]
pub(crate) struct Character {
    pub(crate) system_prompt: String,
    pub(crate) topic: Option<TopicGuard>,
    /// The names of the tools that it may want used; without a list, all.
    pub(crate) tools: Option<Vec<String>>,
    /// Somebody chose it for the conversation, so that it goes before a system prompt that this has of its own.
    pub(crate) is_chosen: bool,
}

/// Who can be chosen, and who speaks where nobody chose for a conversation.
#[derive(Default)]
pub(crate) struct Cast {
    personas: BTreeMap<String, Arc<Character>>,
    speaks: Option<String>,
}

impl Character {
    pub(crate) fn of_settings(settings: &EngineSettings) -> Arc<Character> {
        let EngineSettings { system_prompt, topic, tools, .. } = settings.clone();
        Arc::new(Character { system_prompt, topic, tools, is_chosen: false })
    }

    fn of(persona: Persona) -> Arc<Character> {
        let Persona { prompt: system_prompt, topic, tools, .. } = persona;
        Arc::new(Character { system_prompt, topic, tools, is_chosen: true })
    }
}

impl Engine {
    /// Lets the personas be chosen that are in the program and those that the owner wrote, and remembers who speaks. Waits for the
    /// store.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn read_personas(&self) -> Result<(), ChatError> {
        let owner = &self.shared.owner;
        let mut personas: BTreeMap<_, _> = Persona::names()
            .filter_map(|name| Some((name.to_owned(), Character::of(Persona::built_in(name)?))))
            .collect();
        // Pipit answers without them too.
        let own = owner.personas().inspect_err(|error| warn!("the owner's personas can't be chosen: {error}"));
        for (name, pack) in own.unwrap_or_default() {
            match Persona::parse(&pack) {
                Ok(persona) => drop(personas.insert(name, Character::of(persona))),
                Err(why) => warn!("the persona {name} can't be used: {why}"),
            }
        }
        let speaks = owner.speaking_persona()?;
        *lock(&self.shared.cast) = Cast { personas, speaks };
        Ok(())
    }

    /// Whether there is such a persona.
    #[must_use]
    pub fn knows_persona(&self, name: &str) -> bool {
        lock(&self.shared.cast).personas.contains_key(name)
    }

    /// The persona that speaks where none was chosen for a conversation; nothing for what the configuration says.
    #[must_use]
    pub fn speaks(&self) -> Option<String> {
        let cast = lock(&self.shared.cast);
        cast.speaks.clone().filter(|name| cast.personas.contains_key(name))
    }

    /// Whether there is a model that can be a persona.
    #[must_use]
    pub fn has_model(&self) -> bool {
        self.shared.chain.is_some()
    }

    /// Who answers in a conversation, or in none.
    pub(crate) fn character(&self, conversation: Option<ConversationId>) -> Result<Arc<Character>, ChatError> {
        let chosen = conversation.map(|conversation| self.store().persona_of(conversation)).transpose()?.flatten();
        let cast = lock(&self.shared.cast);
        let find = |name: &Option<String>| cast.personas.get(name.as_ref()?);
        if let Some(character) = find(&chosen) {
            return Ok(Arc::clone(character));
        }
        Ok(match find(&cast.speaks) {
            Some(character) => Arc::new(Character { is_chosen: false, ..Character::clone(character) }),
            None => Arc::clone(&self.shared.configured),
        })
    }
}
