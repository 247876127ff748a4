//! Writes down what goes to speech services, in the ledger of those who speak. What goes to language models, the chat core
//! counts itself.

use std::cell::Cell;
use std::sync::Arc;

use jiff::Timestamp;
use pipit_core::chat::Tier;
use pipit_core::config::{Config, SpeechService};
use pipit_models::service::{Meter, ServiceTraffic};
use pipit_store::{Purpose, Store, Traffic};
use tokio::runtime::Handle;

use crate::assist::ASSIST;
use crate::chat;

thread_local! {
    /// The turn that this thread works for. Services tell of their traffic on the thread that asked them.
    static TURN: Cell<Option<i64>> = const { Cell::new(None) };
}

/// Does some work for a turn: whatever a service is asked meanwhile, on this thread, the ledger counts to it.
pub fn for_turn<T>(turn: i64, work: impl FnOnce() -> T) -> T {
    TURN.set(Some(turn));
    let done = work();
    TURN.set(None);
    done
}

/// Where it is written down.
#[derive(Clone)]
pub struct Ledger {
    store: Arc<dyn Fn() -> anyhow::Result<Store> + Send + Sync>,
    /// What everything is sent for, where that is not to hear or to speak.
    purpose: Option<Purpose>,
    /// Where what waits for the disk holds nobody up; without it, it is waited for.
    runtime: Option<Handle>,
}

impl Ledger {
    /// The ledger of those whose store this is.
    pub fn of(store: Store) -> Ledger {
        let store = Arc::new(move || Ok(store.clone()));
        Ledger { store, purpose: None, runtime: Handle::try_current().ok() }
    }

    /// The same for a command that needs the history for nothing else: it is opened once something was sent.
    pub fn of_command(config: &Config) -> Ledger {
        let config = config.clone();
        let store = Arc::new(move || chat::speakers(&config, &chat::store(&config)?));
        Ledger { store, purpose: None, runtime: None }
    }

    /// The same for what is sent to find out whether all is well.
    #[must_use]
    pub fn of_tests(self) -> Ledger {
        Ledger { purpose: Some(Purpose::Test), ..self }
    }

    /// Counts what goes to `service`.
    pub fn meter(&self, service: &SpeechService, purpose: Purpose) -> Meter {
        let (ledger, name, tier) = (self.clone(), service.name.to_owned(), service.tier);
        let purpose = self.purpose.unwrap_or(purpose);
        Arc::new(move |ServiceTraffic { host, sent, received }| {
            let (at, turn, provider) = (Timestamp::now(), TURN.get(), name.clone());
            ledger.write(Traffic { at, turn, conversation: None, purpose, host, provider, tier, sent, received });
        })
    }

    /// Counts what a request to Assist took, in bytes of sound that were sent and received.
    pub fn asked_assist(&self, turn: Option<i64>, (host, tier): (String, Tier), (sent, received): (u64, u64)) {
        let (at, provider) = (Timestamp::now(), ASSIST.to_owned());
        let purpose = Purpose::Chat;
        self.write(Traffic { at, turn, conversation: None, purpose, host, provider, tier, sent, received });
    }

    fn write(&self, traffic: Traffic) {
        let store = Arc::clone(&self.store);
        let record = move || {
            if let Err(error) = store().and_then(|store| Ok(store.record_traffic(&traffic)?)) {
                tracing::warn!("what was sent to the {} is missing from the ledger: {error:#}", traffic.provider);
            }
        };
        match &self.runtime {
            Some(runtime) => drop(runtime.spawn_blocking(record)),
            None => record(),
        }
    }
}
