//! `pipit conversations`: what was said, as a list, word for word, and as a file to carry elsewhere.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pipit_chat::transfer::{self, LONGEST_TITLE, TransferError};
use pipit_core::chat::Role;
use pipit_store::{Conversation, ConversationId, Message, Store, StoreError};

use super::Options;
use super::who::Whose;

/// How many conversations or messages are read at a time.
const PAGE: usize = 200;
/// How many messages of a search are shown.
const FOUND: usize = 50;
/// How much of a message is shown where it is only named.
const GLIMPSE: usize = 100;

#[derive(Debug, Args)]
pub(super) struct Conversations {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show which there are, the most recent first
    List,
    /// Print what was said in one
    Show {
        /// Its number in the list
        #[arg(value_name = "ID")]
        id: i64,
    },
    /// Find messages and titles with all of these words, or words that begin so
    Search {
        /// The words
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
    },
    /// Give one another title
    Rename {
        /// Its number in the list
        #[arg(value_name = "ID")]
        id: i64,
        /// The title
        #[arg(required = true, value_name = "TITLE")]
        title: Vec<String>,
    },
    /// Delete one with everything in it, for good
    Delete {
        /// Its number in the list
        #[arg(value_name = "ID")]
        id: i64,
    },
    /// Write some, or all, to standard output as JSON
    Export {
        /// Their numbers in the list; all if none is given
        #[arg(value_name = "ID")]
        ids: Vec<i64>,
    },
    /// Add what `export` wrote; conversations that are here already stay as they are
    Import {
        /// Where it lies, or `-` for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

impl Conversations {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let store = self.whose.open(&config)?;
        match self.action {
            Action::List => list(&store)?,
            Action::Show { id } => show(&store, ConversationId(id))?,
            Action::Search { words } => return search(&store, &words.join(" ")),
            Action::Rename { id, title } => rename(&store, ConversationId(id), &title.join(" "))?,
            Action::Delete { id } => delete(&store, ConversationId(id))?,
            Action::Export { ids } => export(&store, &ids.into_iter().map(ConversationId).collect::<Vec<_>>())?,
            Action::Import { file } => import(&store, &file)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(store: &Store) -> anyhow::Result<()> {
    let mut page = store.conversations(None, PAGE)?;
    if page.is_empty() {
        print_line!("There are no conversations yet.")?;
    }
    while let Some(last) = page.last().map(|conversation| conversation.id) {
        for conversation in &page {
            print_conversation(conversation)?;
        }
        page = store.conversations(Some(last), PAGE)?;
    }
    Ok(())
}

fn show(store: &Store, id: ConversationId) -> anyhow::Result<()> {
    let conversation = store.conversation(id)?;
    print_conversation(&conversation)?;
    let mut page = store.messages(id, None, PAGE)?;
    while let Some(last) = page.last().map(|message| message.id) {
        for message in &page {
            let who = if message.role == Role::User { "You" } else { "Pipit" };
            print_line!("\n{who}, {}:\n{}", local(message.at), printable(message.said()))?;
            if message.heard.is_some() {
                print_line!("[not heard to the end]")?;
            }
        }
        page = store.messages(id, Some(last), PAGE)?;
    }
    Ok(())
}

/// As grep does, it ends with 1 where nothing was found.
fn search(store: &Store, words: &str) -> anyhow::Result<ExitCode> {
    let found = store.search(words, FOUND)?;
    for conversation in &found.conversations {
        print_conversation(conversation)?;
    }
    for (conversation, message) in &found.messages {
        print_line!("{conversation:>6}  {}  {}", local(message.at), glimpse(message))?;
    }
    if found.conversations.is_empty() && found.messages.is_empty() {
        eprintln!("No message and no title has all of these words.");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn rename(store: &Store, id: ConversationId, title: &str) -> anyhow::Result<()> {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() || title.len() > LONGEST_TITLE {
        bail!("a title has at least one character and at most {LONGEST_TITLE} bytes");
    }
    Ok(store.rename_conversation(id, &title)?)
}

/// Deletes something. The copy of last night goes the same way, by a new one: a daemon that would make it need not run.
pub(super) fn erase(store: &Store, delete: impl FnOnce(&Store) -> Result<(), StoreError>) -> anyhow::Result<()> {
    let is_copied = store.backed_up_at().is_some();
    delete(store)?;
    if is_copied {
        store.back_up().context("it is deleted, but last night's copy still has it")?;
    }
    Ok(())
}

fn delete(store: &Store, id: ConversationId) -> anyhow::Result<()> {
    let title = store.conversation(id)?.title;
    erase(store, |store| store.delete_conversation(id))?;
    print_line!("Deleted: {}", printable(&title))?;
    Ok(())
}

fn export(store: &Store, ids: &[ConversationId]) -> anyhow::Result<()> {
    let mut to = BufWriter::new(std::io::stdout().lock());
    match transfer::export(store, ids, &mut to) {
        // Whoever reads on has read enough, or the disk is full; either is standard output's own affair.
        Err(TransferError::Unwritten(error)) => return Err(error.into()),
        outcome => outcome?,
    };
    Ok(())
}

fn import(store: &Store, file: &Path) -> anyhow::Result<()> {
    let name = file.display().to_string();
    let carried = if name == "-" {
        transfer::import(store, std::io::stdin().lock())
    } else {
        transfer::import(store, File::open(file).with_context(|| format!("{name} can't be read"))?)
    };
    let carried = carried.with_context(|| format!("{name} was not imported"))?;
    print_line!("{} imported, {} here already.", carried.added, carried.already_here)?;
    Ok(())
}

fn print_conversation(conversation: &Conversation) -> std::io::Result<()> {
    let Conversation { id, title, changed, .. } = conversation;
    print_line!("{id:>6}  {}  {}", local(*changed), printable(title))
}

fn local(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The beginning of what was said, on one line.
fn glimpse(message: &Message) -> String {
    let line = message.said().split_whitespace().collect::<Vec<_>>().join(" ");
    let who = if message.role == Role::User { "You" } else { "Pipit" };
    let begun: String = printable(&line).chars().take(GLIMPSE).collect();
    format!("{who}: {begun}{}", if line.chars().count() > GLIMPSE { "..." } else { "" })
}

/// Without the characters by which a text could command the terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
