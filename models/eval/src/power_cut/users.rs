//! Programs that use everything that Pipit has, all at once, until the power goes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::known::{Kind, Known};
use super::{PASSPHRASE, models, words_of};
use crate::chance::Chance;
use crate::panel::{Body, Failed, Panel};

/// Does one thing, and is asked again and again.
type User = fn(&Panel, &Known, &mut Chance) -> Result<(), Failed>;

const USERS: [User; 10] =
    [speak, speak, forget_conversation, timers, memory, settings, secrets, personas, models, back_up];

/// Those whose doings a backup has.
pub(super) const OF_A_BACKUP: [User; 4] = [timers, memory, settings, secrets];

/// Each of them on a thread.
pub(super) struct Traffic {
    is_over: Arc<AtomicBool>,
    refused: Arc<Mutex<Vec<String>>>,
    done: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Traffic {
    pub(super) fn begin(panel: &Panel, known: &Arc<Known>, chance: &mut Chance) -> Traffic {
        let (is_over, refused, done) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<_>>>::default(), Arc::default());
        let threads = USERS.map(|user| {
            let (panel, known, mut chance) = (panel.clone(), Arc::clone(known), Chance::new(chance.next()));
            let (is_over, refused, done) = (Arc::clone(&is_over), Arc::clone(&refused), Arc::<AtomicU64>::clone(&done));
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    match user(&panel, &known, &mut chance) {
                        Ok(()) => drop(done.fetch_add(1, Ordering::Relaxed)),
                        Err(_) if known.is_cut() => return,
                        Err(error) => {
                            refused.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
                        }
                    }
                    thread::sleep(Duration::from_millis(chance.below(50)));
                }
            })
        });
        Traffic { is_over, refused, done, threads: threads.into() }
    }

    /// How much was done, and what was refused.
    pub(super) fn end(self) -> (u64, Vec<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            // It fails where one has panicked, which says why.
            let _ = thread.join();
        }
        let refused = std::mem::take(&mut *self.refused.lock().unwrap_or_else(PoisonError::into_inner));
        (self.done.load(Ordering::Relaxed), refused)
    }
}

/// In writing, by sentences that are understood offline; each makes a conversation, or goes on with one.
fn speak(panel: &Panel, known: &Known, chance: &mut Chance) -> Result<(), Failed> {
    let (text, reply) =
        if chance.below(2) == 0 { ("What is twelve times seven?", "84") } else { ("What is five plus six?", "11") };
    let mut body = json!({"text": text});
    let there = known.names(Kind::Conversation);
    let newest = &there[there.len().saturating_sub(5)..];
    if let Some(conversation) = chance.one_of(newest).filter(|_| chance.fraction() < 0.7) {
        body["conversation"] = conversation.parse().map_or_else(|_| json!(conversation), |number: i64| json!(number));
    }
    let told = panel.bytes("POST", "/v1/chat", Body::Json(body))?;
    let told = String::from_utf8_lossy(&told);
    let end = told.split("\n\n").find(|event| event.starts_with("event: done"));
    let done = end.and_then(|event| serde_json::from_str::<Value>(event.split_once("data: ")?.1).ok());
    if let Some(done) = done.filter(|_| told.contains(reply)) {
        let conversation = words_of(&done["conversation"]);
        known.confirmed(Kind::Message, &format!("{conversation}/{}", words_of(&done["request"])), Some(text));
        known.confirmed(Kind::Conversation, &conversation, Some("there"));
    }
    Ok(())
}

fn forget_conversation(panel: &Panel, known: &Known, chance: &mut Chance) -> Result<(), Failed> {
    // Not one of those with which it is gone on.
    let there = known.names(Kind::Conversation);
    let Some(name) = chance.one_of(&there[..there.len().saturating_sub(8)]) else { return Ok(()) };
    // Its messages go with it, or are still there with it.
    known.change(Kind::Conversation, name, None, || delete(panel, &format!("/v1/conversations/{name}")))
}

fn timers(panel: &Panel, known: &Known, chance: &mut Chance) -> Result<(), Failed> {
    let label = format!("tea {}", chance.below(1_000_000));
    let body = json!({"seconds": chance.among(40_000..500_001), "name": label});
    one_more_or_less(panel, known, chance, (Kind::Timer, "/v1/timers"), (&label, body))
}

fn memory(panel: &Panel, known: &Known, chance: &mut Chance) -> Result<(), Failed> {
    let text = format!("The key of the shed has number {}.", chance.below(1_000_000));
    let body = json!({"text": text});
    one_more_or_less(panel, known, chance, (Kind::Fact, "/v1/memory"), (&text, body))
}

/// Makes one, or deletes one where there are many.
fn one_more_or_less(
    panel: &Panel,
    known: &Known,
    chance: &mut Chance,
    (kind, path): (Kind, &str),
    (value, body): (&str, Value),
) -> Result<(), Failed> {
    let there = known.names(kind);
    if let Some(name) = chance.one_of(&there).filter(|_| there.len() > 8) {
        return known.change(kind, name, None, || delete(panel, &format!("{path}/{name}")));
    }
    let made = panel.ask("POST", path, Body::Json(body))?;
    known.confirmed(kind, &words_of(&made["id"]), Some(value));
    Ok(())
}

fn settings(panel: &Panel, known: &Known, chance: &mut Chance) -> Result<(), Failed> {
    let (name, value) = match chance.below(3) {
        0 => ("audio.volume", chance.among(1..101)),
        1 => ("ear.pause_ms", chance.among(100..401)),
        _ => ("turn.longest_utterance_s", chance.among(5..31)),
    };
    let body = json!({"changes": {name: value}});
    known
        .change(Kind::Setting, name, Some(&value.to_string()), || panel.ask("PATCH", "/api/settings", Body::Json(body)))
}

fn secrets(panel: &Panel, known: &Known, chance: &mut Chance) -> Result<(), Failed> {
    let name = format!("SECRET_{}", chance.below(6));
    let path = format!("/api/secrets/{name}");
    if known.names(Kind::Secret).contains(&name) && chance.fraction() < 0.5 {
        return known.change(Kind::Secret, &name, None, || match delete(panel, &path) {
            // Whether it was there was not known.
            Err(Failed::Refused { status: 404, .. }) => Ok(()),
            other => other,
        });
    }
    let body = json!({"secret": format!("key-{}", chance.next())});
    known.change(Kind::Secret, &name, Some("kept"), || panel.ask("PUT", &path, Body::Json(body)))
}

fn personas(panel: &Panel, known: &Known, chance: &mut Chance) -> Result<(), Failed> {
    let name = format!("persona-{}", chance.below(3));
    let prompt = format!("You are number {}.", chance.below(1_000_000)).repeat(20);
    let body = json!({"title": name, "prompt": prompt, "greeting": "", "tools": [], "topic": null});
    let path = format!("/api/personas/{name}");
    known.change(Kind::Persona, &name, Some(&prompt), || panel.ask("PUT", &path, Body::Json(body)))
}

fn models(panel: &Panel, known: &Known, chance: &mut Chance) -> Result<(), Failed> {
    const ANY: [Option<&str>; 3] = [Some("installed"), Some("partial"), Some("absent")];
    let name = if chance.below(2) == 0 { models::KNOWN } else { models::LEARNT };
    let may_become_any = || known.may_become(Kind::Model, name, Some("absent"), &ANY);
    if known.names(Kind::Model).iter().any(|there| there == name) && chance.fraction() < 0.8 {
        if !may_become_any() {
            return Ok(());
        }
        delete(panel, &format!("/api/models/{name}"))?;
        known.confirmed(Kind::Model, name, Some("absent"));
    }
    if !may_become_any() {
        return Ok(());
    }
    panel.task("POST", &format!("/api/models/{name}/pull"), Body::Nothing)?;
    known.confirmed(Kind::Model, name, Some("installed"));
    Ok(())
}

fn back_up(panel: &Panel, _: &Known, chance: &mut Chance) -> Result<(), Failed> {
    thread::sleep(Duration::from_millis(chance.below(2000)));
    panel.task("POST", "/api/backup", Body::Json(json!({"passphrase": PASSPHRASE})))
}

fn delete(panel: &Panel, path: &str) -> Result<(), Failed> {
    panel.ask("DELETE", path, Body::Nothing).map(drop)
}
