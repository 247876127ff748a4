//! How what is to be published gets to the broker: at once, or not at all. Nothing is kept for a connection that is yet to come, for
//! nobody wants the light to go out an hour after the broker was down.

use std::sync::{Arc, Mutex, PoisonError};

use pipit_core::home::Publish;
use rumqttc::{AsyncClient, ClientError, PublishNotice, PublishNoticeError, PublishOptions, QoS};

/// Messages wait here for the broker to take them. Whoever has one more is told so ([`Unsent::Full`]).
pub(super) const WAITING: usize = 256;

/// Publishes from outside of the connection's task. It never waits.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    connected: Arc<Mutex<Option<Connected>>>,
}

/// The connection that there is now.
#[derive(Clone, Debug)]
struct Connected {
    client: AsyncClient,
    limits: Limits,
}

/// What the broker said that it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The largest packet, in bytes.
    pub(super) packet: usize,
    pub(super) qos: u8,
    pub(super) retain: bool,
}

/// Why a message is not on its way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// The broker can't be reached.
    #[error("the MQTT broker can't be reached")]
    NotConnected,
    /// It takes messages too slowly.
    #[error("{WAITING} messages are waiting for the MQTT broker already")]
    Full,
    /// It did not want this one, for a reason.
    #[error("the MQTT broker does not take it: {0}")]
    Refused(String),
}

/// A message on its way. It gets there whether or not this is waited for.
#[derive(Debug)]
pub struct Sending(PublishNotice);

impl Sending {
    /// Waits until the broker has it; with quality of service 0, until it was written to the network.
    ///
    /// # Errors
    /// It was lost with the connection, or the broker refused it.
    pub async fn sent(self) -> Result<(), Unsent> {
        self.0.wait_completion_async().await.map_err(|error| match error {
            PublishNoticeError::V5PubAck(reason) => Unsent::Refused(format!("{reason:?}")),
            PublishNoticeError::V5PubRec(reason) => Unsent::Refused(format!("{reason:?}")),
            PublishNoticeError::V5PubComp(reason) => Unsent::Refused(format!("{reason:?}")),
            _ => Unsent::NotConnected,
        })
    }
}

impl Outbox {
    /// Sends a message, if it can be sent now.
    ///
    /// # Errors
    /// Why not. The message is gone; whoever sent it has to say it again when that makes sense.
    pub fn try_publish(&self, message: &Publish) -> Result<Sending, Unsent> {
        let connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Connected { client, limits } = connected.ok_or(Unsent::NotConnected)?;
        publish(&client, limits, message)
    }

    /// Whether there is a connection now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What is published from now on goes here.
    pub(super) fn open(&self, client: AsyncClient, limits: Limits) {
        *self.connected.lock().unwrap_or_else(PoisonError::into_inner) = Some(Connected { client, limits });
    }

    /// There is no connection from now on.
    pub(super) fn close(&self) {
        *self.connected.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

pub(super) fn qos(of: u8) -> QoS {
    match of {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

/// Hands a message to the connection. One that the broker would end the connection for is refused here.
pub(super) fn publish(client: &AsyncClient, limits: Limits, message: &Publish) -> Result<Sending, Unsent> {
    /// A packet's other fields, in bytes, beside topic and payload.
    const OTHERS: usize = 16;
    let size = message.topic.len() + message.payload.len() + OTHERS;
    if size > limits.packet {
        return Err(Unsent::Refused(format!("it has {size} bytes, and at most {} are allowed", limits.packet)));
    }
    let options = PublishOptions::new(qos(message.qos.min(limits.qos))).retain(message.retain && limits.retain);
    let queued = client.try_publish_tracked(message.topic.as_str(), message.payload.as_str(), options);
    queued.map(Sending).map_err(|error| match error {
        ClientError::RequestChannelFull(_) => Unsent::Full,
        ClientError::InvalidRequest(_) => Unsent::Refused("its topic can't be published to".to_owned()),
        _ => Unsent::NotConnected,
    })
}
