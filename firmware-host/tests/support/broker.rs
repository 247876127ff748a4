//! mosquitto on a port of its own, and a client of it that hears everything.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use pipit_core::config::{self, Config, Defaults, Layers, Text};
use rumqttc::{AsyncClient, Broker as Address, Event, Incoming, MqttOptions, PublishOptions, QoS};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Far beyond what anything here takes, so that only what never happens fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A broker, which ends with this.
pub(crate) struct Broker {
    process: Option<Child>,
    log: Receiver<String>,
    folder: TempDir,
    settings: String,
    pub(crate) port: u16,
}

/// Somebody else on the broker.
pub(crate) struct Peer {
    client: AsyncClient,
    messages: mpsc::UnboundedReceiver<Heard>,
}

/// What somebody else heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) retained: bool,
}

impl Broker {
    /// One that lets in anybody.
    pub(crate) fn start() -> Broker {
        Broker::with("allow_anonymous true\n")
    }

    /// One with these lines in its configuration; what they name lies in [`Broker::path`].
    pub(crate) fn with(settings: &str) -> Broker {
        Broker::in_folder(tempfile::tempdir().unwrap(), settings)
    }

    /// The same, with files in `folder`.
    pub(crate) fn in_folder(folder: TempDir, settings: &str) -> Broker {
        let (_, log) = channel();
        let mut broker = Broker { process: None, log, folder, settings: settings.to_owned(), port: 0 };
        // Somebody else may take the port before mosquitto does.
        for _ in 0..10 {
            broker.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if broker.try_start() {
                return broker;
            }
        }
        panic!("mosquitto does not start: {:?}", broker.log.try_iter().collect::<Vec<_>>());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Lets it stop, go on, or whatever else a signal does.
    pub(crate) fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.process.as_ref().unwrap().id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Starts it again, on the same port; it has forgotten everything.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        assert!(self.try_start(), "mosquitto does not start again");
    }

    fn try_start(&mut self) -> bool {
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let settings = format!(
            "user {}\nper_listener_settings false\nlistener {} 127.0.0.1\npersistence false\nlog_dest stderr\n{}",
            String::from_utf8(user).unwrap().trim(),
            self.port,
            self.settings
        );
        let file = self.path("mosquitto.conf");
        fs::write(&file, settings).unwrap();
        let program =
            ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].into_iter().find(|path| fs::exists(path).unwrap());
        let mut command = Command::new(program.unwrap_or("mosquitto"));
        let command = command.arg("-c").arg(file).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("mosquitto runs; `firmware-host/setup.sh test` installs it");
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (sender, log) = channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        self.log = log;
        self.process = Some(process);
        self.logs("running")
    }

    /// Waits until its log has a line with `words`; false where the log ends before.
    pub(crate) fn logs(&mut self, words: &str) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let next = || self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
        std::iter::from_fn(next).any(|line| line.contains(words))
    }

    /// Pipit's configuration with this broker; `more` are lines of its section.
    pub(crate) fn section(&self, more: &str) -> String {
        format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {}\n{more}", self.port)
    }

    /// The same, read.
    pub(crate) fn config(&self, more: &str) -> Config {
        config(&self.section(more))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A configuration of these lines.
pub(crate) fn config(toml: &str) -> Config {
    let layers = Layers {
        defaults: Defaults { state_dir: PathBuf::from("/nowhere") },
        file: Some(Text { name: "pipit.toml", content: toml }),
        panel: None,
        environment: Vec::new(),
        flags: &[],
    };
    config::load(layers).unwrap_or_else(|problems| panic!("{problems:?}"))
}

impl Peer {
    /// Connects, and hears everything from now on, and what is retained.
    pub(crate) async fn of(broker: &Broker) -> Peer {
        Peer::hearing(broker, "#").await
    }

    /// The same, of these topics.
    pub(crate) async fn hearing(broker: &Broker, topics: &str) -> Peer {
        let name = format!("peer{}", getrandom::u32().unwrap());
        let mut options = MqttOptions::new(name, Address::tcp("127.0.0.1", broker.port));
        options.set_incoming_packet_size_limit(rumqttc::IncomingPacketSizeLimit::Unlimited);
        let (client, mut events) = AsyncClient::builder(options).capacity(100).build();
        let (sender, messages) = mpsc::unbounded_channel();
        client.subscribe(topics, QoS::AtMostOnce).await.unwrap();
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let mut ready = Some(ready);
            while let Ok(event) = events.poll().await {
                match event {
                    Event::Incoming(Incoming::SubAck(_)) => drop(ready.take().map(|ready| ready.send(()))),
                    Event::Incoming(Incoming::Publish(message)) => {
                        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                        let (topic, payload) = (text(&message.topic), text(&message.payload));
                        if sender.send(Heard { topic, payload, retained: message.retain }).is_err() {
                            break;
                        }
                    }
                    _ => {}
                }
            }
        });
        timeout(PATIENCE, is_ready).await.unwrap().unwrap();
        Peer { client, messages }
    }

    /// Publishes, and waits until the broker has it.
    pub(crate) async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>, retained: bool) {
        let options = PublishOptions::at_least_once().retain(retained);
        let sending = self.client.publish_tracked(topic, payload.into(), options).await.unwrap();
        timeout(PATIENCE, sending.wait_completion_async()).await.unwrap().unwrap();
    }

    /// Waits for a message that is `wanted`, and returns it; those before it are passed over.
    #[track_caller]
    pub(crate) fn hears(&mut self, topic: &str, payload: &str) -> impl Future<Output = Heard> {
        let (topic, payload) = (topic.to_owned(), payload.to_owned());
        async move {
            let mut seen = Vec::new();
            loop {
                match timeout(PATIENCE, self.messages.recv()).await {
                    Ok(Some(heard)) if heard.topic == topic && heard.payload == payload => return heard,
                    Ok(Some(heard)) => seen.push(heard),
                    _ => panic!("nobody said {payload:?} on {topic:?}: {seen:?}"),
                }
            }
        }
    }

    /// What was heard since the last call.
    pub(crate) fn heard(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.messages.try_recv().ok()).collect()
    }
}
