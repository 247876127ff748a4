//! A store whose writer is killed at random moments: what was acknowledged must be there, and nothing by halves.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use pipit_core::chat::Role;
use pipit_store::{ConversationId, Message, NewReply, NewTurn, Said, Store};
use serde::Serialize;

use super::made_up::MadeUp;

/// The writer is killed at the latest after this time, which it spends in opening and in some tens of turns.
const LONGEST_LIFE_MS: usize = 200;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    killed: usize,
    /// Messages whose writer was told that they are kept.
    acknowledged: usize,
    lost: usize,
    /// Turns of which only a half is there, or not as it was written.
    half_turns: usize,
    /// How often the file was found damaged.
    broken: usize,
}

impl Figures {
    /// Whether a person would have lost nothing.
    pub(crate) fn is_good(&self) -> bool {
        self.lost + self.half_turns + self.broken == 0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { killed, acknowledged, lost, half_turns, broken } = self;
        write!(f, "killed {killed}  acknowledged {acknowledged}  lost {lost}  half_turns {half_turns}  broken {broken}")
    }
}

/// Kills a writer `times` times, and looks after each time.
pub(crate) fn measure(folder: &Path, times: usize) -> Result<Figures> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    let file = folder.join("killed.db");
    let store = Store::open(&file)?;
    ensure!(store.conversations(None, 1)?.is_empty(), "{} is there already: name another folder", file.display());
    let conversation = store.create_conversation("Killed", Timestamp::now())?;
    drop(store);
    let mut figures = Figures::default();
    let mut made_up = MadeUp::new(std::process::id().into());
    let (mut first, mut seen) = (0, 0);
    for _ in 0..times {
        let acknowledged =
            let_live(&file, conversation, first, Duration::from_millis(made_up.below(LONGEST_LIFE_MS) as u64))?;
        figures.killed += 1;
        figures.acknowledged += 2 * (acknowledged - first);
        let store = Store::open(&file)?;
        figures.broken += usize::from(store.warning().is_some());
        let turns = kept(&store, conversation, &mut figures)?;
        figures.lost += 2 * acknowledged.saturating_sub(turns);
        ensure!(turns >= seen, "turns that were there before are gone");
        (first, seen) = (turns, turns);
    }
    Ok(figures)
}

/// Starts a writer that goes on with turn `first`, kills it after `life`, and says how many turns there are that were
/// acknowledged.
fn let_live(file: &Path, conversation: ConversationId, first: usize, life: Duration) -> Result<usize> {
    let mut writer = Command::new(std::env::current_exe()?)
        .arg("write-until-killed")
        .arg(file)
        .args([conversation.to_string(), first.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let said = writer.stdout.take().context("the writer's output is a pipe")?;
    // Time is what is to be random here: the moment at which it is killed.
    std::thread::sleep(life);
    writer.kill()?;
    writer.wait()?;
    let mut acknowledged = first;
    for line in BufReader::new(said).lines() {
        // The last may be cut.
        if let Some(turn) = line?.strip_suffix('.').and_then(|number| number.parse::<usize>().ok()) {
            acknowledged = turn + 1;
        }
    }
    Ok(acknowledged)
}

/// How many turns are there, from the first on without a gap.
fn kept(store: &Store, conversation: ConversationId, figures: &mut Figures) -> Result<usize> {
    let messages = store.messages(conversation, None, usize::MAX)?;
    for (n, turn) in messages.chunks(2).enumerate() {
        let said = |message: &Message, role| message.role == role && message.text == text(role, n);
        if !matches!(turn, [request, reply] if said(request, Role::User) && said(reply, Role::Assistant)) {
            figures.half_turns += 1;
        }
    }
    if let Some(last) = messages.last() {
        // The index must have it too.
        let found = store.search(&last.text, 1)?.messages;
        figures.half_turns += usize::from(found.first().map(|(_, message)| message.id) != Some(last.id));
    }
    Ok(messages.len() / 2)
}

fn text(role: Role, turn: usize) -> String {
    match role {
        Role::User => format!("What is number {turn}?"),
        _ => format!("Number {turn} it is. {}", "And so on. ".repeat(turn % 50)),
    }
}

/// Appends turns, and says the number of each once it is kept.
pub(crate) fn write_until_killed(file: &Path, conversation: i64, first: usize) -> Result<()> {
    let store = Store::open(file)?;
    let mut out = std::io::stdout().lock();
    for turn in first.. {
        let at = Timestamp::now();
        let request = Said { at, text: text(Role::User, turn) };
        let reply = NewReply { at, text: text(Role::Assistant, turn), heard: None };
        store.append(ConversationId(conversation), &NewTurn { door: None, request, reply })?;
        writeln!(out, "{turn}.")?;
        out.flush()?;
    }
    Ok(())
}
