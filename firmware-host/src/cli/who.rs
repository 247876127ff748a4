//! Whose words a command is about. It is the owner's, unless somebody else is named.

use anyhow::Context as _;
use clap::Args;
use pipit_core::config::Config;
use pipit_store::{Person, PrivacyTier, Role, Store};

use super::read_secret;

/// Whose conversations, memory and ledger these are.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// Somebody's of whom `pipit people list` tells, in place of the owner's; a passphrase is read from standard input
    #[arg(long = "as", global = true, value_name = "NAME")]
    name: Option<String>,
}

impl Whose {
    /// The history that is theirs.
    ///
    /// # Errors
    /// It can't be opened, nobody is called that, or the passphrase is wrong.
    pub(super) fn open(&self, config: &Config) -> anyhow::Result<Store> {
        let owner = crate::chat::store(config)?;
        match &self.name {
            Some(name) => theirs(&owner, &named(&owner, name)?),
            None => Ok(owner),
        }
    }
}

/// Who types.
#[derive(Debug, Args)]
pub(super) struct Who {
    #[command(flatten)]
    whose: Whose,
    /// Somebody who visits: nothing that is said is kept
    #[arg(long, conflicts_with = "name")]
    guest: bool,
}

impl Who {
    /// The store of whoever types, and whether they are a guest. Where the configuration wants no trace of anybody, it is in
    /// memory.
    ///
    /// # Errors
    /// Nobody is called that, or the passphrase is wrong.
    pub(super) fn speaker(&self, config: &Config, owner: &Store) -> anyhow::Result<(Store, bool)> {
        if self.guest {
            return Ok((owner.ephemeral()?, true));
        }
        let Some(name) = &self.whose.name else { return Ok((crate::chat::speakers(config, owner)?, false)) };
        let person = named(owner, name)?;
        let theirs = theirs(owner, &person)?;
        let store = if config.privacy.ephemeral { owner.ephemeral()? } else { theirs };
        Ok((store, person.role == Role::Guest))
    }
}

/// Somebody of whom the device knows.
pub(super) fn named(store: &Store, name: &str) -> anyhow::Result<Person> {
    let is_named = |person: &Person| person.name.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(name));
    let found = store.people()?.into_iter().find(is_named);
    found.context("nobody is called that; `pipit people list` shows who is known")
}

fn theirs(owner: &Store, person: &Person) -> anyhow::Result<Store> {
    Ok(match person.tier {
        PrivacyTier::Private => owner.unlock(person.id, &read_secret("passphrase")?)?,
        PrivacyTier::Standard | PrivacyTier::Ephemeral if person.id == owner.person() => owner.clone(),
        PrivacyTier::Standard | PrivacyTier::Ephemeral => owner.of(person.id)?,
    })
}
