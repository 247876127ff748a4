//! Others on the broker: a bridge with many devices, and somebody who looks at what is retained.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rumqttc::{AsyncClient, Broker as Address, Event, EventLoop, Incoming, MqttOptions, PublishOptions, QoS};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::PATIENCE;
use super::broker::Broker;
use crate::devices::discovery_message;

/// A bridge: all its devices are known by what it retains.
pub(crate) struct Bridge {
    client: Option<AsyncClient>,
    settle: mpsc::Sender<oneshot::Sender<usize>>,
    is_quiet: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn connection(broker_port: u16) -> Result<(AsyncClient, EventLoop)> {
    let mut options = MqttOptions::new(format!("peer{}", getrandom::u32()?), Address::tcp("127.0.0.1", broker_port));
    options.set_incoming_packet_size_limit(rumqttc::IncomingPacketSizeLimit::Unlimited);
    Ok(AsyncClient::builder(options).capacity(1000).build())
}

impl Bridge {
    /// One that says what it is told to.
    pub(crate) async fn connect(broker: &Broker) -> Result<Bridge> {
        let (client, mut events) = connection(broker.port)?;
        let task = tokio::spawn(async move { while events.poll().await.is_ok() {} });
        let (settle, _) = mpsc::channel(1);
        Ok(Bridge { client: Some(client), settle, is_quiet: Arc::default(), task })
    }

    /// Publishes, and waits until the broker has it.
    pub(crate) async fn publish(&self, topic: &str, payload: Vec<u8>, retain: bool) -> Result<()> {
        let client = self.client.as_ref().context("the bridge speaks by itself")?;
        let options = PublishOptions::at_least_once().retain(retain);
        let sending = client.publish_tracked(topic, payload, options).await?;
        timeout(PATIENCE, sending.wait_completion_async()).await??;
        Ok(())
    }

    /// One that says `rate` states a second, of `devices` in turn, and after each connection first who they are and how.
    pub(crate) async fn under_load(
        broker: &Broker,
        devices: usize,
        rate: u64,
        state: fn(usize, usize) -> Vec<u8>,
    ) -> Result<Bridge> {
        let (settle, mut wanted) = mpsc::channel::<oneshot::Sender<usize>>(1);
        let is_quiet = Arc::new(AtomicBool::new(false));
        let (quiet, port) = (Arc::clone(&is_quiet), broker.port);
        let task = tokio::spawn(async move {
            let mut round = 1;
            loop {
                let Ok((client, mut events)) = connection(port) else { return };
                let polled = async { while events.poll().await.is_ok() {} };
                let speaks = async {
                    for at in 0..devices {
                        let (topic, payload) = discovery_message(at);
                        client.publish(topic, payload, PublishOptions::at_least_once().retained()).await?;
                    }
                    let online = PublishOptions::at_least_once().retained();
                    client.publish("zigbee2mqtt/bridge/state", r#"{"state":"online"}"#, online).await?;
                    let mut pause = tokio::time::interval(Duration::from_micros(1_000_000 / rate));
                    loop {
                        round += 1;
                        for at in 0..devices {
                            if quiet.load(Ordering::Relaxed) {
                                break;
                            }
                            pause.tick().await;
                            let topic = format!("zigbee2mqtt/light {at}");
                            client.publish(topic, state(at, round), PublishOptions::at_most_once().retained()).await?;
                        }
                        // Somebody wants to know how they all are now.
                        if quiet.load(Ordering::Relaxed)
                            && let Some(answer) = wanted.recv().await
                        {
                            let mut last = None;
                            for at in 0..devices {
                                let options = PublishOptions::at_least_once().retained();
                                let topic = format!("zigbee2mqtt/light {at}");
                                last = Some(client.publish_tracked(topic, state(at, round), options).await?);
                            }
                            if let Some(last) = last {
                                let _ = last.wait_completion_async().await;
                            }
                            let _ = answer.send(round);
                            while quiet.load(Ordering::Relaxed) {
                                tokio::time::sleep(Duration::from_millis(1)).await;
                            }
                        }
                    }
                    #[allow(unreachable_code, reason = "it gives the type of the errors above")]
                    Ok::<(), rumqttc::ClientError>(())
                };
                tokio::select! {
                    () = polled => {}
                    _ = speaks => {}
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Ok(Bridge { client: None, settle, is_quiet, task })
    }

    /// Lets it fall silent once it has said how everything is, and says in which round that was.
    pub(crate) async fn settle(&mut self) -> Result<usize> {
        self.is_quiet.store(true, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        self.settle.send(sender).await?;
        Ok(timeout(PATIENCE, answer).await.context("the bridge does not come back")??)
    }

    /// Lets it speak again.
    pub(crate) fn go_on(&self) {
        self.is_quiet.store(false, Ordering::Relaxed);
    }
}

/// What the broker retains on these topics, in this order; what is missing after `patience` is empty.
pub(crate) async fn retained(broker: &Broker, topics: &[&str], patience: Duration) -> Result<Vec<Vec<u8>>> {
    let deadline = Instant::now() + patience;
    loop {
        let (client, mut events) = connection(broker.port)?;
        let mut kept = vec![Vec::new(); topics.len()];
        for topic in topics {
            client.subscribe(*topic, QoS::AtLeastOnce).await?;
        }
        // What is retained comes right behind the answer to who wants to hear it.
        let heard = timeout(Duration::from_millis(500), async {
            while kept.iter().any(Vec::is_empty) {
                if let Event::Incoming(Incoming::Publish(message)) = events.poll().await? {
                    let at = topics.iter().position(|topic| topic.as_bytes() == &*message.topic);
                    if let Some(at) = at.filter(|_| message.retain) {
                        kept[at] = message.payload.to_vec();
                    }
                }
            }
            anyhow::Ok(())
        });
        let is_whole = matches!(heard.await, Ok(Ok(())));
        if is_whole || Instant::now() > deadline {
            return Ok(kept);
        }
    }
}
