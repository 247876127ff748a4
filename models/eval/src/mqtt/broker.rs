//! mosquitto on a port of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use pipit_core::config::{self, Defaults, Layers, MqttSettings, Text};
use tempfile::TempDir;

/// A broker, which ends with this.
pub(crate) struct Broker {
    process: Option<Child>,
    folder: TempDir,
    remembers: bool,
    pub(crate) port: u16,
}

impl Broker {
    /// One that keeps what it retains over a restart, or forgets it.
    pub(crate) fn start(remembers: bool) -> Result<Broker> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut broker = Broker { process: None, folder: tempfile::tempdir()?, remembers, port };
        broker.restart()?;
        Ok(broker)
    }

    /// Starts it, and says when it was ready.
    pub(crate) fn restart(&mut self) -> Result<Instant> {
        let user = Command::new("id").arg("-un").output()?.stdout;
        let settings = format!(
            "user {}\nlistener {} 127.0.0.1\nallow_anonymous true\nlog_dest stderr\npersistence {}\npersistence_location {}/\n",
            String::from_utf8(user)?.trim(),
            self.port,
            self.remembers,
            self.folder.path().display(),
        );
        let file = self.folder.path().join("mosquitto.conf");
        fs::write(&file, settings)?;
        let usual = PathBuf::from("/usr/sbin/mosquitto");
        let mut command = Command::new(if usual.exists() { usual } else { "mosquitto".into() });
        let command = command.arg("-c").arg(file).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().context("mosquitto does not run; apt install mosquitto")?;
        let lines = BufReader::new(process.stderr.take().context("it has no log")?).lines();
        self.process = Some(process);
        let (sender, ready) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok).filter(|line| line.ends_with("running")) {
                let _ = sender.send((Instant::now(), line));
            }
        });
        match ready.recv_timeout(Duration::from_secs(10)) {
            Ok((at, _)) => Ok(at),
            Err(_) => bail!("mosquitto is not ready within 10 s"),
        }
    }

    /// Ends it in order, so that it writes down what it retains.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let told = Command::new("kill").arg(process.id().to_string()).status()?;
        ensure!(told.success(), "mosquitto can't be ended");
        process.wait()?;
        Ok(())
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        process.kill()?;
        process.wait()?;
        Ok(())
    }

    /// How Pipit connects to it.
    pub(crate) fn settings(&self) -> Result<MqttSettings> {
        let toml = format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {}\n", self.port);
        let layers = Layers {
            defaults: Defaults { state_dir: PathBuf::from("/nowhere") },
            file: Some(Text { name: "pipit.toml", content: &toml }),
            panel: None,
            environment: Vec::new(),
            flags: &[],
        };
        let config = config::load(layers).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
        config.mqtt.context("no broker is configured")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It has ended, or can't be ended.
        let _ = self.kill();
    }
}
