//! Who may use the panel and the APIs: the claim, sessions, passwords, API tokens and the audit log.

mod access;
mod audit;
mod claim;
mod guests;
mod invitation;
mod oidc;
mod passkeys;
mod password;
mod people;
mod programs;
mod sessions;
mod sign_in;
mod tokens;
mod ways;
mod webauthn;
mod who;

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{delete, get, patch, post, put};
use jiff::Timestamp;
use pipit_store::{Person, PersonId, PrivacyTier, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::guard::{Buckets, Rate};
use crate::problem::Problem;
use crate::{Announce, Sources};

pub use oidc::{AskProvider, Provider, Question};

pub(crate) use access::GOOD_FOR as ACCESS_GOOD_FOR;
pub(crate) use programs::NewGrant;
pub(crate) use sign_in::Visitor;
pub(crate) use who::{Caller, Credential, Here, Scope, Scopes, Watcher, Who, address, while_signed_in};

use claim::Code;
pub use claim::GOOD_FOR as CODE_GOOD_FOR;

/// What the time is.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Passwords that are hashed at once. Each takes 19 MiB, and a core from whoever speaks.
const HASHES: usize = 2;

/// Looks at once whether a session goes on. Each takes a thread for a moment.
const LOOKS: usize = 2;

/// Signing in, from one address or with one name.
const SIGN_IN: Rate = Rate { burst: 10, every: Duration::from_secs(30) };
/// Signing in, whoever it is.
const SIGN_IN_OVER_ALL: Rate = Rate { burst: 40, every: Duration::from_secs(5) };
/// What nobody guesses and only costs work, from one address.
const COME: Rate = Rate { burst: 60, every: Duration::from_secs(1) };
/// The same, whoever it is.
const COME_OVER_ALL: Rate = Rate { burst: 100, every: Duration::from_millis(500) };
/// Guesses of the code, from one address.
const CLAIM: Rate = Rate { burst: 5, every: Duration::from_secs(30) };
/// Guesses of the code, whoever it is: in a day, of a million codes, fewer than 1500.
const CLAIM_OVER_ALL: Rate = Rate { burst: 10, every: Duration::from_secs(60) };

/// Shows the code of the claim, or no longer any. It is good for [`CODE_GOOD_FOR`].
pub type ShowCode = Arc<dyn Fn(Option<&str>) + Send + Sync>;

/// Everybody who may sign in, and who has. Clones are about the same.
#[derive(Clone)]
pub struct Accounts(Arc<Shared>);

struct Shared {
    root: Store,
    /// Whether nothing that anybody says is to reach the file.
    in_memory: bool,
    now: Now,
    say: Announce,
    hashing: Arc<Semaphore>,
    limits: Mutex<Limits>,
    names: RandomState,
    code: Mutex<Option<Code>>,
    challenges: Mutex<passkeys::Challenges>,
    provider: OnceLock<Provider>,
    show_code: OnceLock<ShowCode>,
    flows: Mutex<oidc::Flows>,
    /// Stores that can't be opened again for each request: what a passphrase has opened, and what is in memory.
    open: Mutex<HashMap<Credential, Store>>,
    /// Told whenever a session may have ended.
    endings: watch::Sender<()>,
    /// Those who look whether theirs has.
    looking: Semaphore,
}

struct Limits {
    sign_in_from: Buckets<IpAddr>,
    sign_in_as: Buckets<u64>,
    sign_in: Buckets<()>,
    come_from: Buckets<IpAddr>,
    come: Buckets<()>,
    claim_from: Buckets<IpAddr>,
    claim: Buckets<()>,
}

/// What is limited.
#[derive(Clone, Copy)]
enum Attempt {
    /// To sign in with a name, of which the hash.
    SignIn(u64),
    /// To claim the device.
    Claim,
    /// To show what nobody guesses, such as a refresh token.
    Come,
}

/// Takes away what has the number that a path names, and gives that number.
///
/// # Errors
/// There is none, or it is somebody else's: `missing`. Or see [`StoreError`].
fn take_away(
    id: &str,
    remove: impl FnOnce(i64) -> Result<bool, StoreError>,
    missing: impl FnOnce() -> Problem,
) -> Result<i64, Problem> {
    match id.parse() {
        Ok(id) if remove(id)? => Ok(id),
        _ => Err(missing()),
    }
}

impl Accounts {
    /// Whether the device has an owner. SQLite may have to wait, so this is for a blocking thread.
    pub(crate) fn is_claimed(&self) -> Result<bool, StoreError> {
        self.0.root.is_claimed()
    }

    /// The accounts of the people in `root`, the owner's store. `say` speaks the code of the claim. Where `in_memory`, what
    /// people say at the panel is in memory only, and gone with their session or with the daemon.
    #[must_use]
    pub fn new(root: Store, in_memory: bool, now: Now, say: Announce) -> Accounts {
        let limits = Limits {
            sign_in_from: Buckets::new(SIGN_IN),
            sign_in_as: Buckets::new(SIGN_IN),
            sign_in: Buckets::new(SIGN_IN_OVER_ALL),
            come_from: Buckets::new(COME),
            come: Buckets::new(COME_OVER_ALL),
            claim_from: Buckets::new(CLAIM),
            claim: Buckets::new(CLAIM_OVER_ALL),
        };
        Accounts(Arc::new(Shared {
            root,
            in_memory,
            now,
            say,
            hashing: Arc::new(Semaphore::new(HASHES)),
            limits: Mutex::new(limits),
            names: RandomState::new(),
            code: Mutex::default(),
            challenges: Mutex::default(),
            provider: OnceLock::new(),
            show_code: OnceLock::new(),
            flows: Mutex::default(),
            open: Mutex::default(),
            endings: watch::Sender::new(()),
            looking: Semaphore::new(LOOKS),
        }))
    }

    /// Has the code of the claim shown as long as it is good, for whoever stands before the device.
    #[must_use]
    pub fn showing_code(self, show: ShowCode) -> Accounts {
        // It is set once, before anything is served.
        let _ = self.0.show_code.set(show);
        self
    }

    fn show_code(&self, code: Option<&str>) {
        if let Some(show) = self.0.show_code.get() {
            show(code);
        }
    }

    /// Says in the log whether somebody has changed the audit log.
    pub fn check_audit(&self) {
        match self.0.root.check_audit() {
            Ok(None) => {}
            Ok(Some(row)) => tracing::error!(
                "the audit log is not as it was written, from row {row} on: somebody has changed the file of the history"
            ),
            Err(error) => tracing::warn!("the audit log could not be checked: {error}"),
        }
    }

    /// What is remembered of the device.
    pub(crate) fn device_store(&self) -> Store {
        self.0.root.clone()
    }

    pub(crate) fn root(&self) -> &Store {
        &self.0.root
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0.now)()
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.0.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn code(&self) -> MutexGuard<'_, Option<Code>> {
        self.0.code.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Credential, Store>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an attempt before it is looked at.
    fn attempt(&self, attempt: Attempt, from: Option<IpAddr>) -> Result<(), Problem> {
        let (now, mut limits, from) = (self.now(), self.limits(), network(from));
        let taken = match attempt {
            Attempt::SignIn(name) => (limits.sign_in_from.take(from, now))
                .and_then(|()| limits.sign_in_as.take(name, now))
                .and_then(|()| limits.sign_in.take((), now)),
            Attempt::Come => limits.come_from.take(from, now).and_then(|()| limits.come.take((), now)),
            Attempt::Claim => limits.claim_from.take(from, now).and_then(|()| limits.claim.take((), now)),
        };
        taken.map_err(Problem::too_many)
    }

    /// An attempt was right, so it does not count.
    fn succeeded(&self, attempt: Attempt, from: Option<IpAddr>) {
        let (mut limits, from) = (self.limits(), network(from));
        match attempt {
            Attempt::SignIn(name) => {
                limits.sign_in_from.give_back(&from);
                limits.sign_in_as.give_back(&name);
                limits.sign_in.give_back(&());
            }
            Attempt::Come => {
                limits.come_from.give_back(&from);
                limits.come.give_back(&());
            }
            Attempt::Claim => {}
        }
    }

    /// To sign in by this name, whether or not anybody has it.
    fn as_name(&self, name: &str) -> Attempt {
        Attempt::SignIn(self.0.names.hash_one(name.trim().to_ascii_lowercase()))
    }

    /// To show the password of somebody who is signed in.
    fn as_person(&self, person: PersonId) -> Attempt {
        Attempt::SignIn(self.0.names.hash_one(person))
    }

    /// Waits until a password may be hashed.
    async fn may_hash(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = Arc::clone(&self.0.hashing).acquire_owned().await;
        permit.map_err(|_| Problem::unavailable("Pipit is ending; try again soon."))
    }

    /// What belongs to this person, as long as the credential is good.
    fn theirs(&self, credential: Credential, person: &Person) -> Result<Store, Problem> {
        if !self.0.in_memory && person.tier == PrivacyTier::Standard {
            return Ok(self.root().of(person.id)?);
        }
        let mut open = self.open();
        if let Some(store) = open.get(&credential) {
            return Ok(store.clone());
        }
        if !self.0.in_memory && person.tier == PrivacyTier::Private {
            // Pipit was started anew, and only their passphrase opens it again.
            return Err(Problem::signed_out());
        }
        let store = self.root().in_memory_of(person.id)?;
        open.insert(credential, store.clone());
        Ok(store)
    }

    /// Tells streams to look whether their session goes on, and forgets what was open for those that do not.
    fn some_ended(&self) {
        let now = self.now();
        self.open().retain(|credential, _| self.is_good(*credential, now).unwrap_or(true));
        self.0.endings.send_replace(());
    }

    fn is_good(&self, credential: Credential, now: Timestamp) -> Result<bool, StoreError> {
        match credential {
            Credential::Session(id) => self.root().is_session(id, now),
            Credential::Token(id) => self.root().is_token(id),
            Credential::Family(id) => self.root().is_family(id, now),
        }
    }

    /// Writes down what was done. Whoever did it is not kept from it where that can't be written.
    fn note(&self, who: Option<PersonId>, what: &str, address: &str) {
        if let Err(error) = self.root().audit(who, what, address, self.now()) {
            tracing::error!("the audit log is missing \"{what}\" from {address}: {error}");
        }
    }
}

/// Says nothing of anybody.
impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accounts")
    }
}

/// What counts as one address: of IPv6, whatever one household is given.
pub(crate) fn network(from: Option<IpAddr>) -> IpAddr {
    match from {
        Some(IpAddr::V6(v6)) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        Some(v4) => v4,
        None => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// Everything under `/api` that is about accounts.
pub(crate) fn routes() -> Router<Sources> {
    Router::new()
        .route("/api/claim/code", post(claim::new_code))
        .route("/api/claim", post(claim::claim))
        .route("/api/session", get(sign_in::session).post(sign_in::sign_in).delete(sign_in::sign_out))
        .route("/api/session/guest", post(guests::come))
        .route("/api/session/code", post(invitation::accept))
        .route("/api/session/passkey/options", post(passkeys::sign_in_options))
        .route("/api/session/passkey", post(passkeys::sign_in))
        .route("/api/session/provider", post(oidc::leave))
        .route("/api/session/provider/back", get(oidc::back))
        .route("/api/links", get(oidc::list).post(oidc::connect))
        .route("/api/links/{id}", delete(oidc::disconnect))
        .route("/api/passkeys", get(passkeys::list).post(passkeys::add))
        .route("/api/passkeys/options", post(passkeys::options))
        .route("/api/passkeys/{id}", patch(passkeys::rename).delete(passkeys::remove))
        .route("/api/ways", get(ways::show))
        .route("/api/guests", get(guests::show).put(guests::allow))
        .route("/api/people", get(people::list).post(people::add))
        .route("/api/people/{id}", patch(people::change).delete(people::remove))
        .route("/api/people/{id}/code", post(people::invite))
        .route("/api/people/{id}/password", put(people::set_password))
        .route("/api/people/{id}/access", get(people::access))
        .route("/api/people/{id}/access/{kind}/{number}", delete(people::revoke))
        .route("/api/sessions", get(sessions::list))
        .route("/api/sessions/{id}", delete(sessions::end))
        .route("/api/programs", get(programs::list))
        .route("/api/programs/{id}", delete(programs::end))
        .route("/api/password", put(password::change))
        .route("/api/tokens", get(tokens::list).post(tokens::make))
        .route("/api/tokens/{id}", delete(tokens::remove))
        .route("/api/audit", get(audit::list))
}
