//! What is to go to the broker next. The library's own queue is short; what does not fit into it waits here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use pipit_core::home::{Publish, Subscription};
use rumqttc::{AsyncClient, ClientError, SubscribeFilterInput};
use tracing::warn;

use super::outbox::{self, Limits, Unsent};

/// The most topics that wait to be subscribed to or to be left: those of the largest home, some times over. Beyond that the
/// connection is given up, for a new one begins with what is wanted then.
const MOST_TOPICS: usize = 100_000;
/// The most messages that wait. The newest is dropped beyond that: whoever floods Pipit with commands gets fewer replies.
const MOST_MESSAGES: usize = 4096;
/// How long topics wait for others. A home's devices come together, and many of them share a topic: each time that it is asked for, the
/// broker says again what it retains there, and all of them take it in.
const TOGETHER: Duration = Duration::from_millis(20);
/// Beyond so many, they wait for no more.
const MANY: usize = 1000;
/// How many topics are asked for at once, and how many bytes they have at most.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 32 * 1024;

/// All that waits.
#[derive(Debug, Default)]
pub(super) struct Work {
    subscribe: BTreeMap<String, u8>,
    /// Since when there is any.
    since: Option<Instant>,
    unsubscribe: BTreeSet<String>,
    publish: VecDeque<Publish>,
    dropped: u64,
}

/// More is wanted than there is room for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overflow;

impl Work {
    pub(super) fn is_empty(&self) -> bool {
        self.subscribe.is_empty() && self.unsubscribe.is_empty() && self.publish.is_empty()
    }

    /// Wants these topics.
    pub(super) fn subscribe(&mut self, topics: Vec<Subscription>) -> Result<(), Overflow> {
        if !topics.is_empty() {
            self.since.get_or_insert_with(Instant::now);
        }
        for Subscription { topic, qos } in topics {
            self.unsubscribe.remove(&topic);
            let wanted = self.subscribe.entry(topic).or_default();
            *wanted = qos.max(*wanted);
        }
        self.fits()
    }

    /// Does not want these any more.
    pub(super) fn unsubscribe(&mut self, topics: Vec<String>) -> Result<(), Overflow> {
        for topic in topics {
            self.subscribe.remove(&topic);
            self.unsubscribe.insert(topic);
        }
        self.fits()
    }

    /// When the topics that are wanted have waited long enough.
    pub(super) fn due(&self) -> Option<Instant> {
        let since = self.since.filter(|_| !self.subscribe.is_empty())?;
        Some(if self.subscribe.len() > MANY { since } else { since + TOGETHER })
    }

    fn fits(&self) -> Result<(), Overflow> {
        if self.subscribe.len() + self.unsubscribe.len() > MOST_TOPICS { Err(Overflow) } else { Ok(()) }
    }

    pub(super) fn publish(&mut self, messages: Vec<Publish>) {
        for message in messages {
            if self.publish.len() >= MOST_MESSAGES {
                self.dropped += 1;
                if self.dropped.is_power_of_two() {
                    warn!("{} messages for the MQTT broker were dropped: it takes them too slowly", self.dropped);
                }
                continue;
            }
            self.publish.push_back(message);
        }
    }

    /// Hands over as much as the library takes now, and says how many requests for topics the broker has to answer.
    pub(super) fn hand_over(&mut self, client: &AsyncClient, limits: Limits) -> usize {
        let mut requests = 0;
        while let Some(batch) = self.due().filter(|due| *due <= Instant::now()).and_then(|_| self.batch()) {
            let filters =
                batch.iter().map(|topic| SubscribeFilterInput::new(topic.as_str(), outbox::qos(self.subscribe[topic])));
            let outcome = client.try_subscribe_many(filters);
            if is_full(&outcome) {
                return requests;
            }
            requests += usize::from(outcome.is_ok());
            for topic in &batch {
                self.subscribe.remove(topic);
            }
        }
        if self.subscribe.is_empty() {
            self.since = None;
        }
        while !self.unsubscribe.is_empty() {
            let batch: Vec<String> = self.unsubscribe.iter().take(BATCH).cloned().collect();
            let outcome = client.try_unsubscribe_many(batch.iter().map(String::as_str));
            if is_full(&outcome) {
                return requests;
            }
            for topic in &batch {
                self.unsubscribe.remove(topic);
            }
        }
        while let Some(message) = self.publish.front() {
            match outbox::publish(client, limits, message) {
                Err(Unsent::Full) => return requests,
                Err(error) => warn!("nothing is published on {:?}: {error}", message.topic),
                // Whether it arrives shows in the connection.
                Ok(sending) => drop(sending),
            }
            self.publish.pop_front();
        }
        requests
    }

    /// The topics to ask for next, as many as a packet may hold.
    fn batch(&self) -> Option<Vec<String>> {
        let mut bytes = 0;
        let small = |topic: &&String| {
            bytes += topic.len() + 3;
            bytes <= BATCH_BYTES
        };
        let batch: Vec<String> = self.subscribe.keys().take(BATCH).take_while(small).cloned().collect();
        (!batch.is_empty()).then_some(batch)
    }
}

/// Whether there was no room for it. What can't be asked for at all is given up, and a queue that is closed says so elsewhere.
fn is_full(outcome: &Result<(), ClientError>) -> bool {
    match outcome {
        Ok(()) => false,
        Err(ClientError::RequestChannelFull(_)) => true,
        Err(ClientError::InvalidRequest(_)) => {
            warn!("some topics can't be listened to: the MQTT library does not take them");
            false
        }
        Err(_) => false,
    }
}
