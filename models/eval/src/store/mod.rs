//! What the store costs when it is full: appending, reading, searching, and memory, beside the disk's own fsync.

pub(crate) mod killed;
mod made_up;
mod sealing;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use pipit_store::{ConversationId, Store};
use serde::Serialize;

use crate::figures::{quantile, resident_kb};
use made_up::MadeUp;
use sealing::Sealing;

/// Turns in each conversation that the store is filled with.
const TURNS: usize = 100;
/// Conversations that are put in at once.
const AT_ONCE: usize = 20;
/// How often each thing is measured.
const SAMPLES: usize = 2000;
/// What a panel shows of a search.
const SHOWN: usize = 50;

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    messages: usize,
    file_mb: f64,
    fsync_p50_ms: f64,
    fsync_p99_ms: f64,
    append_p50_ms: f64,
    append_p99_ms: f64,
    append_max_ms: f64,
    /// To be at most 2.
    append_p99_by_fsync_p99: f64,
    last_50_p50_ms: f64,
    last_50_p99_ms: f64,
    sealing: Sealing,
    search_p50_ms: f64,
    search_p99_ms: f64,
    search_max_ms: f64,
    /// Deleting a conversation of 200 messages, and one of 2000.
    delete_200_ms: f64,
    delete_2000_ms: f64,
    open_ms: f64,
    /// Resident memory after the same work over an empty store and over the full one.
    empty_mb: f64,
    full_mb: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { messages, file_mb, open_ms, .. } = self;
        writeln!(f, "messages {messages}  file {file_mb:.0} MB  opened in {open_ms:.0} ms")?;
        writeln!(f, "fsync    p50 {:.2} ms  p99 {:.2} ms", self.fsync_p50_ms, self.fsync_p99_ms)?;
        writeln!(
            f,
            "append   p50 {:.2} ms  p99 {:.2} ms  max {:.1} ms  p99 by fsync's {:.2}",
            self.append_p50_ms, self.append_p99_ms, self.append_max_ms, self.append_p99_by_fsync_p99
        )?;
        writeln!(f, "last 50  p50 {:.2} ms  p99 {:.2} ms", self.last_50_p50_ms, self.last_50_p99_ms)?;
        let Sealing { append, last_50, last_50_from_disk } = &self.sealing;
        writeln!(f, "sealed   append {append}  last 50 {last_50}  from the disk {last_50_from_disk}")?;
        writeln!(
            f,
            "search   p50 {:.2} ms  p99 {:.2} ms  max {:.1} ms",
            self.search_p50_ms, self.search_p99_ms, self.search_max_ms
        )?;
        writeln!(f, "delete   200 messages {:.0} ms  2000 {:.0} ms", self.delete_200_ms, self.delete_2000_ms)?;
        write!(f, "resident {:.1} MB, over an empty store {:.1} MB", self.full_mb, self.empty_mb)
    }
}

/// Fills a store in `folder`, or takes the one that is there from last time, and measures it.
pub(crate) fn measure(folder: &Path, messages: usize) -> Result<Figures> {
    fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    let (file, empty) = (folder.join("full.db"), folder.join("empty.db"));
    fill(&Store::open(&file)?, messages)?;
    let sealing = sealing::measure(&file)?;
    let began = Instant::now();
    let store = Store::open(&file)?;
    let open_ms = ms(began.elapsed());
    let conversations: Vec<_> =
        store.conversations(None, usize::MAX)?.into_iter().map(|conversation| conversation.id).collect();
    ensure!(!conversations.is_empty(), "there is nothing to measure: ask for more messages");

    let mut made_up = MadeUp::new(7);
    let (append, fsync) = append(&store, folder, &conversations, &mut made_up)?;
    let last_50 = timed(SAMPLES, || Ok(store.last_messages(made_up.one_of(&conversations), SHOWN).map(drop)?))?;
    let search = timed(SAMPLES, || Ok(store.search(&made_up.search(), SHOWN).map(drop)?))?;
    let delete_200_ms = delete(&store, &mut made_up, TURNS)?;
    let delete_2000_ms = delete(&store, &mut made_up, 10 * TURNS)?;
    drop(store);
    let full_mb = resident(&file)?;
    let empty_mb = resident(&empty)?;
    let at = |sorted: &[f64], q| quantile(sorted, q).unwrap_or_default();
    Ok(Figures {
        messages,
        file_mb: fs::metadata(&file)?.len() as f64 / 1e6,
        fsync_p50_ms: at(&fsync, 0.5),
        fsync_p99_ms: at(&fsync, 0.99),
        append_p50_ms: at(&append, 0.5),
        append_p99_ms: at(&append, 0.99),
        append_max_ms: at(&append, 1.0),
        append_p99_by_fsync_p99: at(&append, 0.99) / at(&fsync, 0.99),
        last_50_p50_ms: at(&last_50, 0.5),
        last_50_p99_ms: at(&last_50, 0.99),
        sealing,
        search_p50_ms: at(&search, 0.5),
        search_p99_ms: at(&search, 0.99),
        search_max_ms: at(&search, 1.0),
        delete_200_ms,
        delete_2000_ms,
        open_ms,
        empty_mb,
        full_mb,
    })
}

/// Brings the store up to `messages`, in conversations of some length.
#[allow(clippy::print_stderr, reason = "it takes a while")]
fn fill(store: &Store, messages: usize) -> Result<()> {
    let wanted = messages.div_ceil(2 * TURNS);
    let mut there = store.conversations(None, usize::MAX)?.len();
    let began = Instant::now();
    while there < wanted {
        let mut made_up = MadeUp::new(there as u64 + 1);
        let next: Vec<_> =
            (there..wanted.min(there + AT_ONCE)).map(|n| made_up.conversation(&format!("{n:032x}"), TURNS)).collect();
        there += store.take_in(&next)?.added;
        if there.is_multiple_of(50 * AT_ONCE) {
            eprintln!("{} messages after {:.0} s", there * 2 * TURNS, began.elapsed().as_secs_f64());
        }
    }
    Ok(())
}

/// Times appends and, in turn with them, the least that a disk must do for one: a page written over an old one, and fsync.
fn append(
    store: &Store,
    folder: &Path,
    conversations: &[ConversationId],
    made_up: &mut MadeUp,
) -> Result<(Vec<f64>, Vec<f64>)> {
    const PAGE: usize = 4096;
    const PAGES: usize = 256;
    let probe = folder.join("fsync");
    let disk = OpenOptions::new().create(true).truncate(true).write(true).open(&probe)?;
    disk.write_all_at(&[1; PAGE * PAGES], 0)?;
    disk.sync_all()?;
    let (mut appended, mut synced) = (Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES));
    for n in 0..SAMPLES {
        let turn = made_up.turn(Timestamp::now());
        let conversation = made_up.one_of(conversations);
        appended.push(time(|| Ok(store.append(conversation, &turn).map(drop)?))?);
        synced.push(time(|| write_page(&disk, n % PAGES * PAGE, &[n as u8; PAGE]))?);
    }
    fs::remove_file(probe)?;
    appended.sort_by(f64::total_cmp);
    synced.sort_by(f64::total_cmp);
    Ok((appended, synced))
}

/// Times the deletion of a conversation that is in the index.
fn delete(store: &Store, made_up: &mut MadeUp, turns: usize) -> Result<f64> {
    store.take_in(&[made_up.conversation("deleted", turns)])?;
    let last = store.conversations(None, 1)?.pop().context("the last conversation is there")?;
    store.search("anything", 1)?;
    time(|| Ok(store.delete_conversation(last.id)?))
}

fn write_page(disk: &File, at: usize, page: &[u8]) -> Result<()> {
    disk.write_all_at(page, at as u64)?;
    Ok(disk.sync_all()?)
}

fn timed(times: usize, mut what: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let mut sorted = (0..times).map(|_| time(&mut what)).collect::<Result<Vec<_>>>()?;
    sorted.sort_by(f64::total_cmp);
    Ok(sorted)
}

fn time(what: impl FnOnce() -> Result<()>) -> Result<f64> {
    let began = Instant::now();
    what()?;
    Ok(ms(began.elapsed()))
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// What a process of its own takes that works with this file, in MB.
fn resident(file: &Path) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?).arg("store-memory").arg(file).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().with_context(|| format!("no figure: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Does some of everything with a store, and prints what memory this process has taken then.
pub(crate) fn print_memory(file: &Path) -> Result<()> {
    let store = Store::open(file)?;
    let mut made_up = MadeUp::new(11);
    let mut conversations: Vec<_> =
        store.conversations(None, 500)?.iter().map(|conversation| conversation.id).collect();
    if conversations.is_empty() {
        conversations.push(store.create_conversation("Empty", Timestamp::now())?);
    }
    for _ in 0..200 {
        let conversation = made_up.one_of(&conversations);
        store.append(conversation, &made_up.turn(Timestamp::now()))?;
        store.last_messages(conversation, SHOWN)?;
        store.search(&made_up.search(), SHOWN)?;
    }
    println!("{:.2}", resident_kb()? as f64 / 1024.0);
    Ok(())
}
