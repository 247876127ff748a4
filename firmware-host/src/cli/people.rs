//! `pipit people`: who may speak to Pipit, how private each of them is, and how somebody is removed wholly.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use pipit_core::config::Config;
use pipit_store::{NewPerson, NewPrivacy, Person, PinCheck, PrivacyTier, Role, Store};

use super::who::named;
use super::{Options, read_secret};

#[derive(Debug, Args)]
pub(super) struct People {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show who is known
    List,
    /// Make somebody known
    Add {
        /// What the others call them
        #[arg(value_name = "NAME")]
        name: String,
        /// Only their passphrase, which is read from standard input, opens what they say
        #[arg(long, conflicts_with = "ephemeral")]
        private: bool,
        /// What they say is in memory only
        #[arg(long)]
        ephemeral: bool,
        /// They visit
        #[arg(long)]
        guest: bool,
    },
    /// Remove somebody who has said nothing yet
    Remove {
        /// Their name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Remove somebody with everything that they have said, for good
    Erase {
        /// Their name
        #[arg(value_name = "NAME")]
        name: String,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
    /// Give somebody private another passphrase: the old one and then the new one are read from standard input
    Passphrase {
        /// Their name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Give somebody a PIN, which is read from standard input
    Pin {
        /// Their name
        #[arg(value_name = "NAME")]
        name: String,
        /// Take it away
        #[arg(long, conflicts_with = "check")]
        remove: bool,
        /// See whether it is theirs
        #[arg(long)]
        check: bool,
    },
    /// Give somebody another password for the panel, which is read from standard input; the owner's first one claims this Pipit
    Password {
        /// Their name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Give up what a lost key would open, and begin with a new one
    BeginAnew,
}

impl People {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        if matches!(self.action, Action::BeginAnew) {
            return begin_anew(&config);
        }
        let store = crate::chat::store(&config)?;
        match self.action {
            Action::List => list(&store)?,
            Action::Add { name, private, ephemeral, guest } => {
                let role = if guest { Role::Guest } else { Role::Member };
                add(&store, &name, role, private, ephemeral)?;
            }
            Action::Remove { name } => remove(&store, &name)?,
            Action::Erase { name, yes } => return erase(&store, &name, yes),
            Action::Passphrase { name } => {
                let person = named(&store, &name)?;
                let old = read_secret("old passphrase")?;
                store.change_passphrase(person.id, &old, &read_secret("new passphrase")?)?;
            }
            Action::Password { name } => {
                let person = named(&store, &name)?;
                store.set_password(person.id, &read_secret("password")?, None)?;
                store.audit(Some(person.id), "password set at the machine", "this machine", Timestamp::now())?;
            }
            Action::Pin { name, remove: true, .. } => store.set_pin(named(&store, &name)?.id, None)?,
            Action::Pin { name, check: true, .. } => return check(&store, &named(&store, &name)?),
            Action::Pin { name, .. } => store.set_pin(named(&store, &name)?.id, Some(&read_secret("PIN")?))?,
            Action::BeginAnew => {}
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(store: &Store) -> anyhow::Result<()> {
    let people = store.people()?;
    let width = people.iter().map(|person| shown(person).chars().count()).max().unwrap_or(0);
    for person in people {
        let pin = if person.has_pin { "  PIN" } else { "" };
        print_line!("{:<width$}  {:<6}  {}{pin}", shown(&person), person.role, person.tier)?;
    }
    Ok(())
}

/// Names come from people, and may not command the terminal.
fn shown(person: &Person) -> String {
    let name = person.name.as_deref().unwrap_or("(a guest)");
    name.chars().filter(|c| !c.is_control()).collect()
}

fn add(store: &Store, name: &str, role: Role, private: bool, ephemeral: bool) -> anyhow::Result<()> {
    let passphrase = private.then(|| read_secret("passphrase")).transpose()?;
    let privacy = match &passphrase {
        Some(passphrase) => NewPrivacy::Private(passphrase),
        None if ephemeral => NewPrivacy::Ephemeral,
        None => NewPrivacy::Standard,
    };
    store.add_person(&NewPerson { name: Some(name), role, privacy }, Timestamp::now())?;
    Ok(())
}

/// What only they can open may be something or nothing, so they are erased.
fn remove(store: &Store, name: &str) -> anyhow::Result<()> {
    let person = named(store, name)?;
    if person.role == Role::Owner {
        bail!("the device has to have an owner; `pipit people erase` lets it begin with a new one");
    }
    let has_said_nothing = match person.tier {
        PrivacyTier::Ephemeral => true,
        PrivacyTier::Private => false,
        PrivacyTier::Standard => {
            let theirs = store.of(person.id)?;
            theirs.conversations(None, 1)?.is_empty() && theirs.facts()?.is_empty()
        }
    };
    if !has_said_nothing {
        bail!("there is, or may be, something that they have said; `pipit people erase` removes that too");
    }
    store.erase_person(person.id)?;
    Ok(())
}

fn erase(store: &Store, name: &str, yes: bool) -> anyhow::Result<ExitCode> {
    let person = named(store, name)?;
    if !yes {
        eprintln!(
            "Everything that {} has said to Pipit will be gone for good, the copies of last night included. Type the name \
             again to go on, or give --yes.",
            shown(&person)
        );
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).context("nothing was erased, because standard input can't be read")?;
        if !answer.trim().eq_ignore_ascii_case(name) {
            eprintln!("Nothing was erased.");
            return Ok(ExitCode::FAILURE);
        }
    }
    let erased = store.erase_person(person.id)?;
    print_line!("Erased: {}", shown(&person))?;
    for file in erased.set_aside {
        print_line!(
            "This was set aside and may hold something of it; delete it if nobody needs it: {}",
            file.display()
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(store: &Store, person: &Person) -> anyhow::Result<ExitCode> {
    match store.check_pin(person.id, &read_secret("PIN")?, Timestamp::now())? {
        PinCheck::Right => return Ok(ExitCode::SUCCESS),
        PinCheck::Wrong => eprintln!("That is not the PIN."),
        PinCheck::Resting(rest) => eprintln!("Too many PINs were wrong; try again in {} s.", rest.as_secs().max(1)),
        PinCheck::NotSet => eprintln!("There is no PIN; `pipit people pin` sets one."),
    }
    Ok(ExitCode::FAILURE)
}

fn begin_anew(config: &Config) -> anyhow::Result<ExitCode> {
    let file = crate::chat::history_file(config)?;
    let kept = Store::begin_anew(&file, &crate::chat::device_key())?;
    print_line!("Begun anew. Should the key come back, what it opens is in {}", kept.display())?;
    Ok(ExitCode::SUCCESS)
}
