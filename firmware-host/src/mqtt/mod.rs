//! The MQTT broker in the house: one connection to it, which all of Pipit's parts share that have something to say or to hear
//! there. What a part says and hears is its own affair ([`Participant`]); when, over what and again after which pause is decided
//! here and in the files beside it.

mod backoff;
mod connection;
pub mod device;
mod failure;
mod home;
mod options;
mod outbox;
mod rooms;
mod work;

use pipit_core::home::{Publish, Subscription};

pub use connection::{Connection, Password, Status};
pub use home::MqttHome;
pub use options::{OFFLINE, ONLINE, password, status_topic};
pub use outbox::{Outbox, Sending, Unsent};
pub use rooms::{Rooms, Tasks};

/// A message that came.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Where.
    pub topic: &'a str,
    /// What.
    pub payload: &'a [u8],
    /// Whether the broker had kept it, so that nobody may have just said it. What was kept on Pipit's own topics never gets
    /// here: a command that somebody retained once would be carried out at each start.
    pub retained: bool,
}

/// What follows from a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is to be published, in this order.
    pub publish: Vec<Publish>,
    /// What is to be listened to from now on, even if it already is: the broker then says again what it keeps.
    pub subscribe: Vec<Subscription>,
    /// What need not be listened to any more.
    pub unsubscribe: Vec<String>,
    /// Why the message, or part of it, was ignored: a sentence for the log, without what people say.
    pub problem: Option<String>,
}

/// A part of Pipit that takes part in what goes over the broker. Its methods are called by the task of the connection, and answer
/// at once; what takes longer is for a task of the participant's own, which publishes through an [`Outbox`].
pub trait Participant: Send {
    /// All that it wants to hear. With each new connection it is asked first of all; no broker remembers it.
    fn subscriptions(&self) -> Vec<Subscription>;

    /// What it makes known with each new connection before Pipit says that it is online, such as discovery.
    fn announcements(&mut self) -> Vec<Publish> {
        Vec::new()
    }

    /// What it makes known with each new connection once Pipit has said that it is online: its states.
    fn states(&mut self) -> Vec<Publish> {
        Vec::new()
    }

    /// Takes in a message. Each participant hears all that any of them listens to, so it has to look at the topic.
    fn message(&mut self, message: &Incoming<'_>) -> Outcome;
}
