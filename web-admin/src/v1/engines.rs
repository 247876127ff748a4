//! The engines of those who ask over HTTP. They are kept for a while, because what waits to be confirmed waits in them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pipit_chat::Engine;
use pipit_store::{PrivacyTier, Store};

/// So many are kept. A house has fewer people.
const MOST: usize = 32;

/// How long nobody has to ask before theirs is dropped, and with it the key to what they said.
const KEPT: Duration = Duration::from_secs(120);

#[derive(Default)]
pub(super) struct Engines(Mutex<Vec<Kept>>);

struct Kept {
    store: Store,
    engine: Engine,
    guest: bool,
    used: Instant,
}

impl Engines {
    /// The engine of whose `store` it is, made of `engine` if they have none.
    pub(super) fn of(&self, engine: &Engine, store: &Store, guest: bool) -> Engine {
        let (mut kept, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        kept.retain(|one| now.duration_since(one.used) < KEPT);
        let traceless = store.tier() == PrivacyTier::Ephemeral;
        // Whoever was made a guest asks as one from now on.
        kept.retain(|one| one.store.person() != store.person() || one.guest == guest);
        let is_theirs =
            |one: &Kept| one.store.person() == store.person() && (!traceless || one.store.is_for_the_same(store));
        if let Some(at) = kept.iter().position(is_theirs) {
            let mut theirs = kept.remove(at);
            theirs.used = now;
            let engine = theirs.engine.clone();
            kept.push(theirs);
            return engine;
        }
        if kept.len() >= MOST {
            // The first was used the longest time ago.
            kept.remove(0);
        }
        let engine = engine.for_person(store.clone(), guest);
        kept.push(Kept { store: store.clone(), engine: engine.clone(), guest, used: now });
        engine
    }
}
