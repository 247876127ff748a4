//! Does what the chat says is to be done: asks the engine, reads and writes the store. What comes of it comes back as events.

use std::net::SocketAddr;
use std::time::Instant;

use jiff::Timestamp;
use pipit_chat::{Confirmation, Door, Engine, Place, ReplyEvent, Request};
use pipit_core::chat::{Role, title};
use pipit_store::{ConversationId, Store};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use super::super::conversations::erase;
use super::daemon;
use super::event::{Ask, Command, Event, Hit, Part, Shown};
use super::text::on_one_line;

/// How many messages of a search are shown.
const FOUND: usize = 100;
/// How much of a message is shown where it is only named, in characters.
const GLIMPSE: usize = 200;
/// What a conversation is called of which nothing is known.
const UNTITLED: &str = "New conversation";

/// What is under way.
pub(super) struct Work {
    engine: Engine,
    store: Store,
    daemon: Option<SocketAddr>,
    events: mpsc::Sender<Event>,
    /// What the store is to do, in this order.
    jobs: mpsc::UnboundedSender<Job>,
    tasks: JoinSet<()>,
    /// The reply that can be stopped.
    reply: Option<(u64, oneshot::Sender<Shown>)>,
    watch: Option<AbortHandle>,
}

type Job = Box<dyn FnOnce(&Store) -> Event + Send>;

impl Work {
    /// Nothing is under way yet. `daemon` is where the daemon can be asked what it does. Needs a tokio runtime.
    pub(super) fn new(engine: Engine, store: Store, daemon: Option<SocketAddr>, events: mpsc::Sender<Event>) -> Self {
        // A person makes jobs one by one, and none may be lost.
        let (jobs, waiting) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn_blocking({
            let (store, events) = (store.clone(), events.clone());
            move || do_jobs(waiting, &store, &events)
        });
        Work { engine, store, daemon, events, jobs, tasks, reply: None, watch: None }
    }

    /// Begins what a command says.
    pub(super) fn begin(&mut self, command: Command) {
        match command {
            Command::List(most) => self.job(move |store| Ok(Event::Listed(store.conversations(None, most)?))),
            Command::Open(id, most) => self.job(move |store| Ok(Event::Opened(id, store.last_messages(id, most)?))),
            Command::Ask(ask) => self.ask(ask),
            Command::Stop(number, shown) => {
                if let Some((_, stop)) = self.reply.take_if(|(running, _)| *running == number) {
                    // It may have ended meanwhile.
                    drop(stop.send(shown));
                }
            }
            Command::Rename(id, title) => self.change(move |store| Ok(store.rename_conversation(id, &title)?)),
            Command::DeleteConversation(id) => {
                self.change(move |store| erase(store, |store| store.delete_conversation(id)));
            }
            Command::DeleteMessage(id) => self.change(move |store| erase(store, |store| store.delete_message(id))),
            Command::Search(words) => self.job(move |store| Ok(Event::Found(words.clone(), search(store, &words)?))),
            Command::Confirm(id) => self.confirm(id),
            Command::Watch(wanted) => {
                self.watch.take().inspect(AbortHandle::abort);
                let watched = wanted.then(|| self.tasks.spawn(daemon::watch(self.daemon, self.events.clone())));
                self.watch = watched;
            }
            // Whoever draws ends.
            Command::Quit => {}
        }
    }

    /// Waits until something under way has failed as it never should.
    pub(super) async fn panicked(&mut self) -> tokio::task::JoinError {
        loop {
            match self.tasks.join_next().await {
                Some(Err(failure)) if failure.is_panic() => return failure,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Lets what is to be kept be kept, and gives up all else.
    pub(super) async fn end(mut self) {
        drop(self.jobs);
        drop(self.events);
        self.watch.take().inspect(AbortHandle::abort);
        // Nobody stops a reply any more, so it ends here, with what was shown if that has been said.
        drop(self.reply.take());
        while self.tasks.join_next().await.is_some() {}
    }

    fn job(&self, work: impl FnOnce(&Store) -> anyhow::Result<Event> + Send + 'static) {
        let job: Job = Box::new(move |store| work(store).unwrap_or_else(|error| Event::Failed(format!("{error:#}"))));
        // The other end goes only when all ends.
        let _ = self.jobs.send(job);
    }

    fn change(&self, work: impl FnOnce(&Store) -> anyhow::Result<()> + Send + 'static) {
        self.job(move |store| work(store).map(|()| Event::Done));
    }

    fn ask(&mut self, ask: Ask) {
        let (stop, stopped) = oneshot::channel();
        self.reply = Some((ask.number, stop));
        let asking = Asking {
            engine: self.engine.clone(),
            store: self.store.clone(),
            number: ask.number,
            events: self.events.clone(),
        };
        self.tasks.spawn(asking.run(ask, stopped));
    }

    fn confirm(&mut self, id: u64) {
        let (engine, events) = (self.engine.clone(), self.events.clone());
        self.tasks.spawn(async move {
            let event = match engine.confirm(id).await {
                Ok((said, _)) => Event::Confirmed(said),
                Err(error) => Event::Failed(error.to_string()),
            };
            let _ = events.send(event).await;
        });
    }
}

fn do_jobs(mut waiting: mpsc::UnboundedReceiver<Job>, store: &Store, events: &mpsc::Sender<Event>) {
    while let Some(job) = waiting.blocking_recv() {
        if events.blocking_send(job(store)).is_err() {
            // The screen has gone; what is still to be changed is changed.
            while let Some(job) = waiting.blocking_recv() {
                drop(job(store));
            }
        }
    }
}

/// A request under way.
struct Asking {
    engine: Engine,
    store: Store,
    number: u64,
    events: mpsc::Sender<Event>,
}

impl Asking {
    async fn run(self, ask: Ask, stopped: oneshot::Receiver<Shown>) {
        let (place, new) = match ask.place {
            Some(place) => (place, None),
            None => match self.begin(&ask.text).await {
                Ok(id) => (Place::End(id), Some(id)),
                Err(error) => return self.tell(Part::Ended(None, Some(format!("{error:#}")))).await,
            },
        };
        let outcome = self.answer(ask.text, place, stopped).await;
        let (kept, why) = match outcome {
            Ok(kept) => (kept, None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        let stands_in = match (kept, new, place) {
            (Some(conversation), ..) => {
                self.tell(Part::Ended(Some(conversation), why)).await;
                self.look_after(conversation).await;
                return;
            }
            // Nothing was said in it after all.
            (None, Some(new), _) => self.drop_empty(new).await,
            (None, None, Place::End(id)) => Some(id),
            (None, None, Place::Instead { conversation, .. } | Place::Again { conversation, .. }) => Some(conversation),
            (None, None, Place::Standing | Place::Apart) => None,
        };
        self.tell(Part::Ended(stands_in, why)).await;
    }

    /// Begins a conversation, under a title that stands in until there is a better one.
    async fn begin(&self, text: &str) -> anyhow::Result<ConversationId> {
        let title = title(text).unwrap_or_else(|| UNTITLED.to_owned());
        let id = self.blocking(move |store| Ok(store.create_conversation(&title, Timestamp::now())?)).await?;
        self.tell(Part::Began(id)).await;
        Ok(id)
    }

    /// Tells the reply as it comes, until it is stopped, and has it kept as it was shown. Gives where.
    async fn answer(
        &self,
        text: String,
        place: Place,
        mut stopped: oneshot::Receiver<Shown>,
    ) -> anyhow::Result<Option<ConversationId>> {
        let asked = Instant::now();
        let mut reply = self.engine.respond(Request { text, door: Door::Terminal, place, turn: None });
        let mut said = String::new();
        let shown = loop {
            tokio::select! {
                biased;
                shown = &mut stopped => break shown.map_or(said, |Shown(shown)| shown),
                event = reply.next() => match event {
                    // What is typed is decided.
                    Some(Ok(ReplyEvent::WantsToAct)) => reply.permit(),
                    Some(event) => self.take(event?, asked, &mut said).await?,
                    None => break said,
                },
            }
        };
        Ok(self.engine.finish(reply.finished(), &shown).await?.map(|kept| kept.conversation))
    }

    async fn take(&self, event: ReplyEvent, asked: Instant, said: &mut String) -> anyhow::Result<()> {
        match event {
            // A running daemon takes up what is set here from the store.
            ReplyEvent::Understood { deed: Some(deed), .. } => drop(self.engine.perform(deed).await?),
            ReplyEvent::AnsweredBy(provider) => self.tell(Part::AnsweredBy(provider)).await,
            ReplyEvent::Text(text) => {
                said.push_str(&text);
                self.tell(Part::Text(text, asked.elapsed())).await;
            }
            ReplyEvent::Confirm(confirmation) => self.ask_to_confirm(confirmation).await,
            ReplyEvent::Understood { deed: None, .. } | ReplyEvent::Device(_) | ReplyEvent::WantsToAct => {}
        }
        Ok(())
    }

    async fn ask_to_confirm(&self, confirmation: Confirmation) {
        let (id, within, events) = (confirmation.id, confirmation.within, self.events.downgrade());
        tokio::spawn(async move {
            tokio::time::sleep(within).await;
            if let Some(events) = events.upgrade() {
                let _ = events.send(Event::TooLate(id)).await;
            }
        });
        self.tell(Part::Confirm(confirmation)).await;
    }

    async fn look_after(&self, conversation: ConversationId) {
        // It is done while nobody waits, and not finished when the screen has gone.
        tokio::select! {
            () = self.events.closed() => return,
            done = self.engine.look_after(conversation) => if let Err(error) = done {
                let _ = self.events.send(Event::Failed(error.to_string())).await;
                return;
            }
        }
        let _ = self.events.send(Event::Changed).await;
    }

    /// Deletes a conversation if it is still empty, and gives it if it is not.
    async fn drop_empty(&self, id: ConversationId) -> Option<ConversationId> {
        let dropped = self.blocking(move |store| {
            let about = store.conversation(id)?;
            let is_empty = store.messages(id, None, 1)?.is_empty() && about.temporary && about.system_prompt.is_none();
            if is_empty {
                store.delete_conversation(id)?;
            }
            Ok(is_empty)
        });
        // Where even that fails, it stays and is used again.
        if dropped.await.unwrap_or(false) { None } else { Some(id) }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || work(&store)).await?
    }

    async fn tell(&self, part: Part) {
        // Where the screen has gone, what was shown is kept all the same.
        let _ = self.events.send(Event::Reply(self.number, part)).await;
    }
}

fn search(store: &Store, words: &str) -> anyhow::Result<Vec<Hit>> {
    let found = store.search(words, FOUND)?;
    let titles = found.conversations.into_iter().map(|about| Hit {
        conversation: about.id,
        message: None,
        text: format!("* {}", on_one_line(&about.title)),
    });
    let messages = found.messages.into_iter().map(|(conversation, message)| {
        let mark = if message.role == Role::User { "> " } else { "  " };
        let glimpse: String = message.said().chars().take(GLIMPSE).collect();
        Hit { conversation, message: Some(message.id), text: format!("{mark}{}", on_one_line(&glimpse)) }
    });
    Ok(titles.chain(messages).collect())
}
