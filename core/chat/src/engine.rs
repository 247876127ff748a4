//! The engine: prepare, stream, perform, finalise, the same for every door. Until something is performed nothing has changed,
//! so that a turn can be given up at any point before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::{self, BoxStream, Stream, StreamExt as _, TryStreamExt as _};
use jiff::Zoned;
use pipit_core::chat::{Door, Message, ReplyCheck, Tier, TokenBudget, ToolCall, TopicGuard};
use pipit_core::intent::Catalogue;
use pipit_store::{ConversationId, MessageId, NewReply, NewTurn, PinCheck, PrivacyTier, Purpose, Said, Store, TurnIds};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

use crate::answering::{Answering, Question, permission};
use crate::cast::{Cast, Character};
use crate::error::ChatError;
use crate::history::Beginnings;
use crate::home::Speech;
use crate::offline;
use crate::prepare::Prepared;
use crate::provider::{Chain, HttpProvider, Meter, Provider, ProviderReport};
use crate::reply::{Counted, Deed, DeviceAction, FinishedTurn, Kept, Reply, ReplyEvent, Step};
use crate::settings::EngineSettings;
use crate::timers::Notices;
use crate::tools::{Answer, Circumstances, Confirmation, Confirmations, Home, Offered, Pending, Tool, ToolBox, run};

/// The local time. Tests give their own.
pub type Clock = Arc<dyn Fn() -> Zoned + Send + Sync>;

/// What is remembered in place of a PIN.
const A_PIN: &str = "(a PIN)";

/// Something that a person wants.
#[derive(Clone, Debug)]
pub struct Request {
    /// What was said or typed. Of a reply that is to be given again, what was said before it.
    pub text: String,
    /// Through which door.
    pub door: Door,
    /// Where in which conversation.
    pub place: Place,
    /// By what the ledger knows the turn, where more is sent for it than the engine sends; else it takes a number of its own.
    pub turn: Option<i64>,
}

/// Where a turn belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the end of the conversation of the doors that have no choice of conversations.
    Standing,
    /// At the end of this one.
    End(ConversationId),
    /// In the place of this earlier request and everything after it.
    Instead {
        /// The conversation.
        conversation: ConversationId,
        /// What was asked there before.
        request: MessageId,
    },
    /// In the place of the last reply.
    Again {
        /// The conversation.
        conversation: ConversationId,
        /// The last reply.
        reply: MessageId,
    },
    /// In none: whoever asks keeps a conversation of their own, if any.
    Apart,
}

/// A conversation that another program keeps, as it gives it.
#[derive(Clone, Default)]
pub struct Given {
    /// Takes the place of the device's own system prompt, and of what Pipit was told to remember.
    pub system_prompt: Option<String>,
    /// What was said before the request, the oldest first.
    pub before: Vec<Message>,
    /// Where the reply is cut, in tokens, if that is sooner than the settings have it.
    pub max_reply_tokens: Option<u32>,
}

/// Answers requests and remembers what was heard of the answers. Clones share everything.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) account: Arc<Account>,
}

/// What is the same for everybody.
pub(crate) struct Shared {
    pub(crate) settings: EngineSettings,
    pub(crate) chain: Option<Arc<Chain>>,
    pub(crate) catalogue: Catalogue,
    /// The owner's store, which knows everybody's PIN.
    pub(crate) owner: Store,
    clock: Clock,
    budget: Mutex<TokenBudget>,
    tools: Mutex<Offered>,
    /// Who answers where nobody chose a persona.
    pub(crate) configured: Arc<Character>,
    pub(crate) cast: Mutex<Cast>,
    notices: Mutex<Notices>,
    /// How far anything may travel, whoever says it.
    widest: Mutex<Tier>,
    /// Sentences about the home, once there is one.
    pub(crate) speech: Mutex<Speech>,
    /// Counts requests, whoever makes them: whatever is done between them is given up for the next.
    pub(crate) requests: watch::Sender<u64>,
}

/// Who speaks, and what is kept for them while the engine runs.
pub(crate) struct Account {
    pub(crate) store: Store,
    /// How far what they say may travel.
    pub(crate) widest: Tier,
    by_guest: bool,
    beginnings: Mutex<Beginnings>,
    confirmations: Mutex<Confirmations>,
}

impl Account {
    fn new(store: Store, by_guest: bool) -> Arc<Account> {
        let widest = match store.tier() {
            PrivacyTier::Private => Tier::House,
            PrivacyTier::Standard | PrivacyTier::Ephemeral => Tier::Outside,
        };
        let (beginnings, confirmations) = (Mutex::default(), Mutex::default());
        Arc::new(Account { store, widest, by_guest, beginnings, confirmations })
    }
}

impl Engine {
    /// Makes an engine that remembers in `store`, the owner's, and takes the time from `clock`.
    ///
    /// # Errors
    /// [`ChatError::Settings`] if the language model's settings can't be used.
    pub fn new(settings: EngineSettings, store: Store, clock: Clock) -> Result<Engine, ChatError> {
        let provider = |settings| Ok(Arc::new(HttpProvider::new(settings)?) as Arc<dyn Provider>);
        let providers = settings.providers.iter().map(provider).collect::<Result<Vec<_>, ChatError>>()?;
        let chain = Chain::new(providers).map(Arc::new);
        let budget = Mutex::new(TokenBudget::new(settings.history_tokens));
        let tools = Mutex::new(Offered::new(None, Vec::new()));
        let (catalogue, owner) = (Catalogue::english(), store.clone());
        let (notices, widest, speech) = (Mutex::default(), Mutex::new(Tier::Outside), Mutex::default());
        let requests = watch::Sender::new(0);
        let (configured, cast) = (Character::of_settings(&settings), Mutex::default());
        let shared = Shared {
            settings,
            chain,
            catalogue,
            owner,
            clock,
            budget,
            tools,
            configured,
            cast,
            notices,
            widest,
            speech,
            requests,
        };
        Ok(Engine { shared: Arc::new(shared), account: Account::new(store, false) })
    }

    /// The same engine for somebody else, whose words are kept in `store`, and leave the house only if that is not a private
    /// one. Guests may have nothing done that needs to be confirmed.
    #[must_use]
    pub fn for_person(&self, store: Store, guest: bool) -> Engine {
        Engine { shared: Arc::clone(&self.shared), account: Account::new(store, guest) }
    }

    /// Lets models use these tools besides Pipit's own, in place of those that were given before.
    pub fn offer(&self, tools: impl IntoIterator<Item = Arc<dyn Tool>>) {
        lock(&self.shared.tools).offer(tools.into_iter().collect());
    }

    /// Lets models command this home, or none, and everybody by sentences that are understood without a model.
    pub fn connect_home(&self, home: Option<Arc<dyn Home>>) {
        if home.is_some() {
            // Not while somebody waits for the first answer.
            lock(&self.shared.speech).compile();
        }
        lock(&self.shared.tools).connect_home(home);
    }

    /// How the language models did, in order of preference; none where there is none.
    #[must_use]
    pub fn reports(&self) -> Vec<ProviderReport> {
        self.shared.chain.as_ref().map(|chain| chain.reports()).unwrap_or_default()
    }

    /// Asks no server that is farther away from now on, whoever speaks. What was sent before stays sent.
    pub fn set_widest(&self, tier: Tier) {
        *lock(&self.shared.widest) = tier;
    }

    /// How far what is said here may travel.
    #[must_use]
    pub fn widest(&self) -> Tier {
        self.account.widest.min(*lock(&self.shared.widest))
    }

    /// Answers `request`, once the reply is polled. Nothing is changed by it: what it asks for comes as a [`Deed`], or waits
    /// for [`Reply::permit`]. Needs a tokio runtime then.
    #[must_use]
    pub fn respond(&self, request: Request) -> Reply {
        self.respond_after(request, None)
    }

    /// The same for a request at the end of a conversation that is not kept here.
    #[must_use]
    pub fn respond_apart(&self, text: String, door: Door, given: Given) -> Reply {
        self.respond_after(Request { text, door, place: Place::Apart, turn: None }, Some(Arc::new(given)))
    }

    fn respond_after(&self, request: Request, given: Option<Arc<Given>>) -> Reply {
        self.shared.requests.send_modify(|number| *number += 1);
        let now = self.now();
        let (permit, permitted) = watch::channel(false);
        let answer = self.answer_in(&request.text);
        let asked = if matches!(answer, Answer::Pin(_)) { A_PIN.to_owned() } else { request.text.clone() };
        let Request { door, place, .. } = request;
        let turn = FinishedTurn { asked, door, place, at: now.timestamp(), reply: String::new(), failed: false };
        let counted = Arc::new(Mutex::new(Counted::default()));
        let events = self.answer((request, given), answer, now, permitted, Arc::clone(&counted));
        Reply::new(turn, permit, counted, events)
    }

    /// Whether somebody answers by it what Pipit waits to have confirmed.
    pub(crate) fn is_answer(&self, text: &str) -> bool {
        !matches!(self.answer_in(text), Answer::Neither)
    }

    fn answer_in(&self, text: &str) -> Answer {
        let waits = lock(&self.account.confirmations).waits(Instant::now());
        if waits { Answer::read(text) } else { Answer::Neither }
    }

    fn answer(
        &self,
        (request, given): (Request, Option<Arc<Given>>),
        answer: Answer,
        now: Zoned,
        permitted: watch::Receiver<bool>,
        counted: Arc<Mutex<Counted>>,
    ) -> BoxStream<'static, Result<ReplyEvent, ChatError>> {
        let (engine, asked) = (self.clone(), self.clone());
        stream::once(blocking(move || engine.prepare(&request, given.as_ref(), answer, &now)))
            .flat_map(move |prepared| match prepared {
                Ok(Prepared::Offline(events)) => stream::iter(events).map(Ok).boxed(),
                Ok(Prepared::Settle(answer)) => asked.settle(answer, permitted.clone()),
                Ok(Prepared::Guarded(guarded)) => asked.ask_for_pin(guarded, permitted.clone()),
                Ok(Prepared::Ask(question)) => asked.ask_model(*question, permitted.clone(), Arc::clone(&counted)),
                Err(error) => stream::iter([Err(error)]).boxed(),
            })
            .boxed()
    }

    fn ask_model(
        &self,
        question: Question,
        permitted: watch::Receiver<bool>,
        counted: Arc<Mutex<Counted>>,
    ) -> BoxStream<'static, Result<ReplyEvent, ChatError>> {
        let topic = question.character.topic.clone();
        let answer = Answering::stream(self.clone(), question, permitted, counted);
        let answer = match topic {
            Some(topic) => kept_to(topic, answer).boxed(),
            None => answer.boxed(),
        };
        stream::iter([Ok(ReplyEvent::Understood { intent: None, deed: None })]).chain(answer).boxed()
    }

    /// Does, or drops, what waits to be confirmed, once the turn is decided.
    fn settle(
        &self,
        answer: Answer,
        mut permitted: watch::Receiver<bool>,
    ) -> BoxStream<'static, Result<ReplyEvent, ChatError>> {
        let engine = self.clone();
        let settled = async move {
            permission(&mut permitted).await?;
            let (text, device) = engine.settled(answer).await?;
            let events = device.into_iter().map(ReplyEvent::Device).chain([ReplyEvent::Text(text)]);
            Ok::<_, ChatError>(stream::iter(events.map(Ok)))
        };
        let asks = [ReplyEvent::Understood { intent: None, deed: None }, ReplyEvent::WantsToAct];
        stream::iter(asks.map(Ok)).chain(stream::once(settled).try_flatten()).boxed()
    }

    async fn settled(&self, answer: Answer) -> Result<(String, Vec<DeviceAction>), ChatError> {
        let nothing = |text: &str| Ok((text.to_owned(), Vec::new()));
        match answer {
            Answer::No => {
                lock(&self.account.confirmations).take(None, Instant::now());
                nothing(offline::DROPPED)
            }
            Answer::Yes => nothing("Please say your PIN."),
            Answer::Pin(pin) => match self.check_pin(pin).await? {
                PinCheck::Right => {
                    let pending = lock(&self.account.confirmations).take(None, Instant::now());
                    self.do_confirmed(pending).await
                }
                PinCheck::Wrong => nothing("That is not the PIN."),
                PinCheck::NotSet => nothing("You have no PIN yet, so please set one with: pipit people pin."),
                PinCheck::Resting(_) => nothing("Too many PINs were wrong, so please try again later."),
            },
            Answer::Neither => nothing(offline::NOTHING_ASKED),
        }
    }

    /// Does what a [`Confirmation`] is about: somebody who is allowed to has tapped on it. Gives what to say of it.
    ///
    /// # Errors
    /// [`ChatError::NothingToConfirm`] if it is not the last that was asked, or too late.
    pub async fn confirm(&self, id: u64) -> Result<(String, Vec<DeviceAction>), ChatError> {
        let pending = lock(&self.account.confirmations).take(Some(id), Instant::now());
        self.do_confirmed(pending).await
    }

    async fn check_pin(&self, pin: String) -> Result<PinCheck, ChatError> {
        let (engine, now) = (self.clone(), self.now().timestamp());
        let owner = &self.shared.owner;
        // Whoever speaks at the owner's door and leaves no trace has no PIN but the owner's.
        let traceless = self.store().tier() == PrivacyTier::Ephemeral;
        let whose = if traceless { owner.person() } else { self.store().person() };
        blocking(move || Ok(engine.shared.owner.check_pin(whose, &pin, now)?)).await
    }

    async fn do_confirmed(&self, pending: Option<Pending>) -> Result<(String, Vec<DeviceAction>), ChatError> {
        let pending = pending.ok_or(ChatError::NothingToConfirm)?;
        let Pending { tool, call, what, door, .. } = pending;
        if tool.describe(&call) != what {
            return Ok(("That has just changed, so I did nothing. Please ask again.".to_owned(), Vec::new()));
        }
        let at = Circumstances { confirmed: true, ..self.circumstances(door, None) };
        Ok(match run(&tool, call.object(), at).await {
            // What somebody else's tool says of itself is not spoken as Pipit's own words.
            Ok(done) => ("Done.".to_owned(), done.device),
            Err(why) => (format!("That did not work: {why}."), Vec::new()),
        })
    }

    /// Does what a request asked for. What is left for the device to do comes back.
    ///
    /// # Errors
    /// The store can't be written, and what had been done by then stays done; or something in the home was not done, and all
    /// the rest is.
    pub async fn perform(&self, deed: Deed) -> Result<Vec<DeviceAction>, ChatError> {
        let Deed { steps, asked_at } = deed;
        let (mut device, mut failed, mut done) = (Vec::new(), Vec::new(), 0_usize);
        for step in steps {
            match step {
                Step::Own(action) => {
                    let (engine, asked_at) = (self.clone(), asked_at.clone());
                    let perform = move || Ok(offline::perform(vec![action], engine.store(), &asked_at)?);
                    device.extend(blocking(perform).await?);
                    done += 1;
                }
                Step::Home(command) => match self.command_home(command).await {
                    Ok(()) => done += 1,
                    Err(why) => failed.push(why),
                },
            }
        }
        if failed.is_empty() {
            return Ok(device);
        }
        failed.extend((done > 0).then(|| "The rest is done.".to_owned()));
        Err(ChatError::NotDone(failed.join(" ")))
    }

    /// Remembers a turn, with `heard` for its reply: the part that was played, or shown.
    ///
    /// A turn of which nothing was heard leaves the history as it was, and so does one that failed: a question without
    /// an answer would make the language model answer it the next time.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn finish(&self, finished: FinishedTurn, heard: &str) -> Result<Option<Kept>, ChatError> {
        let heard = heard.trim();
        if finished.failed || heard.is_empty() {
            return Ok(None);
        }
        let FinishedTurn { asked, door, place, at, reply, .. } = finished;
        let whole = reply.trim();
        // Where something else was said than the model wrote, that is all there is.
        let heard = (heard != whole).then(|| heard.to_owned());
        let text = if whole.is_empty() { heard.clone().unwrap_or_default() } else { whole.to_owned() };
        let reply = NewReply { at, text, heard };
        let turn = NewTurn { door: Some(door), request: Said { at, text: asked }, reply };
        let engine = self.clone();
        blocking(move || {
            let store = engine.store();
            let (conversation, ids) = match place {
                Place::Standing => store.append_to_standing(&turn)?,
                Place::End(conversation) => (conversation, store.append(conversation, &turn)?),
                Place::Instead { conversation, request } => (conversation, store.edit(request, &turn)?),
                Place::Again { conversation, reply } => {
                    let request = engine.position(place)?.1.unwrap_or(reply);
                    (conversation, TurnIds { request, reply: store.regenerate(reply, &turn.reply)? })
                }
                Place::Apart => return Ok(None),
            };
            Ok(Some(Kept { conversation, request: ids.request, reply: ids.reply }))
        })
        .await
    }

    /// The volume in percent: the one that was set last, or else the settings' own.
    #[must_use]
    pub fn volume(&self) -> u8 {
        let default = self.shared.settings.volume;
        match self.store().volume() {
            Ok(volume) => volume.unwrap_or(default),
            Err(error) => {
                warn!("the volume is not known, so it is {default} percent: {error}");
                default
            }
        }
    }

    pub(crate) fn now(&self) -> Zoned {
        (self.shared.clock)()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.account.store
    }

    pub(crate) fn notices(&self) -> MutexGuard<'_, Notices> {
        lock(&self.shared.notices)
    }

    pub(crate) fn is_for_guest(&self) -> bool {
        self.account.by_guest
    }

    pub(crate) fn beginnings(&self) -> MutexGuard<'_, Beginnings> {
        lock(&self.account.beginnings)
    }

    pub(crate) fn with_budget<T>(&self, use_it: impl FnOnce(&mut TokenBudget) -> T) -> T {
        use_it(&mut lock(&self.shared.budget))
    }

    /// What counts the bytes of a request to a model.
    pub(crate) fn meter(
        &self,
        purpose: Purpose,
        conversation: Option<ConversationId>,
        turn: Option<i64>,
    ) -> Option<Meter> {
        let meter = Meter::new(self.store().clone(), Arc::clone(&self.shared.clock), purpose);
        Some(Meter { turn, conversation, ..meter })
    }

    /// The home that whoever speaks may have commanded.
    pub(crate) fn home(&self) -> Option<Arc<dyn Home>> {
        lock(&self.shared.tools).home().filter(|home| home.tier() <= self.account.widest).cloned()
    }

    /// What a model may want used.
    pub(crate) fn tools(&self, character: &Character) -> ToolBox {
        let tools = lock(&self.shared.tools).all().clone();
        let tools = character.tools.as_ref().map_or_else(|| tools.clone(), |allowed| tools.only(allowed));
        tools.within(self.widest())
    }

    pub(crate) fn circumstances(&self, door: Door, turn: Option<i64>) -> Circumstances {
        Circumstances {
            store: self.store().clone(),
            now: self.now(),
            door,
            turn,
            default_volume: self.shared.settings.volume,
            snooze: self.shared.settings.snooze,
            confirmed: false,
        }
    }

    pub(crate) fn ask_to_confirm(&self, tool: Arc<dyn Tool>, call: &ToolCall, door: Door) -> Confirmation {
        lock(&self.account.confirmations).ask(tool, call, door, Instant::now())
    }
}

/// Every change of what these guard is one assignment or one call, so a panic elsewhere cannot have left it half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("providers", &self.shared.settings.providers).finish_non_exhaustive()
    }
}

/// The reply, sentence by sentence, as long as it keeps to the subject.
fn kept_to(
    topic: TopicGuard,
    reply: impl Stream<Item = Result<ReplyEvent, ChatError>> + Send,
) -> impl Stream<Item = Result<ReplyEvent, ChatError>> + Send {
    let begun = (Box::pin(reply), Some(ReplyCheck::new(topic)));
    let sentences = stream::try_unfold(begun, |(mut reply, check)| async move {
        let Some(mut check) = check.filter(|check| !check.is_over()) else { return Ok(None) };
        Ok(match reply.try_next().await? {
            Some(ReplyEvent::Text(more)) => Some((ReplyEvent::Text(check.push(&more)), (reply, Some(check)))),
            Some(other) => Some((other, (reply, Some(check)))),
            None => Some((ReplyEvent::Text(check.finish()), (reply, None))),
        })
    });
    sentences.try_filter(|event| std::future::ready(!matches!(event, ReplyEvent::Text(text) if text.is_empty())))
}

/// Runs what waits for the disk where it holds nobody up.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ChatError> + Send + 'static,
) -> Result<T, ChatError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(ChatError::Stopping),
        },
    }
}
