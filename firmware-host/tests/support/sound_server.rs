//! A private PulseAudio server with two microphones and a speaker, which ALSA reaches through its own plugin.
//!
//! ALSA reads its configuration once, from where the environment says when the process starts. So each test runs its
//! own binary again, with that environment, for itself alone.

use std::env;
use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long an event may take on a machine that is busy with everything else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const HOME: &str = "PIPIT_TEST_SOUND_SERVER";

/// Runs `body` in a process of its own whose sound goes to a server of its own.
pub(crate) fn with_sound_server(test: &str, body: impl FnOnce(&SoundServer)) {
    if let Some(home) = env::var_os(HOME) {
        let server = SoundServer { home: home.into(), process: Mutex::new(None) };
        server.start();
        body(&server);
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("asound.conf");
    fs::write(&config, alsa_config(home.path())).unwrap();
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--include-ignored", "--nocapture"])
        .env(HOME, home.path())
        .env("ALSA_CONFIG_PATH", config)
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed in its own process, see above");
}

fn alsa_config(home: &Path) -> String {
    let server = format!("unix:{}", socket(home).display());
    let device = |pcm: &str, device: &str, description: &str| {
        format!(
            "pcm.{pcm} {{ type pulse server \"{server}\" device \"{device}\" \
             hint {{ show on description \"{description}\" }} }}\n"
        )
    };
    [
        format!("pcm.!default {{ type pulse server \"{server}\" hint {{ show on description \"Default\" }} }}\n"),
        device("kitchen", "kitchen", "Kitchen microphone"),
        device("hall", "hall", "Hall microphone"),
        device("speaker", "living", "Living room speaker"),
    ]
    .concat()
}

fn socket(home: &Path) -> PathBuf {
    home.join("native")
}

/// A PulseAudio server with sinks that go nowhere, two of which are heard as microphones.
pub(crate) struct SoundServer {
    home: PathBuf,
    process: Mutex<Option<Child>>,
}

impl SoundServer {
    pub(crate) fn start(&self) {
        let native = format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket(&self.home).display());
        let modules = [
            &native,
            "module-null-sink sink_name=living rate=48000 channels=2 norewinds=1",
            "module-null-sink sink_name=kitchen_feed rate=16000 channels=1 norewinds=1",
            "module-null-sink sink_name=hall_feed rate=16000 channels=1 norewinds=1",
            "module-remap-source master=kitchen_feed.monitor source_name=kitchen",
            "module-remap-source master=hall_feed.monitor source_name=hall",
        ];
        let mut command = Command::new("pulseaudio");
        command
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"])
            .args(modules.iter().map(|module| format!("--load={module}")))
            .env("HOME", &self.home)
            .env("XDG_RUNTIME_DIR", &self.home)
            .env("PULSE_RUNTIME_PATH", &self.home)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn().expect("PulseAudio runs: `make test` installs it");
        *self.process.lock().unwrap() = Some(process);
        wait_until("PulseAudio answers", || UnixStream::connect(socket(&self.home)).is_ok());
        for (what, name) in [("default-sink", "living"), ("default-source", "kitchen")] {
            assert!(self.client("pactl", &[&format!("set-{what}"), name]).status().unwrap().success());
        }
    }

    /// Ends the server at once, as a pulled plug would.
    pub(crate) fn kill(&self) {
        if let Some(mut process) = self.process.lock().unwrap().take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Has the server hang (`STOP`) or go on (`CONT`).
    pub(crate) fn signal(&self, signal: &str) {
        let process = self.process.lock().unwrap();
        let id = process.as_ref().expect("the server runs").id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    pub(crate) fn client(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env("PULSE_SERVER", format!("unix:{}", socket(&self.home).display()))
            .env("HOME", &self.home)
            .env("XDG_RUNTIME_DIR", &self.home);
        command
    }

    /// Plays 16 kHz samples into a microphone.
    pub(crate) fn say(&self, feed: &str, samples: &[f32]) -> Child {
        let file = self.home.join("said.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(&file, spec).unwrap();
        for &sample in samples {
            wav.write_sample((sample * 32_767.0) as i16).unwrap();
        }
        wav.finalize().unwrap();
        self.client("paplay", &["-d", feed, file.to_str().unwrap()]).spawn().unwrap()
    }

    /// Hears the speaker from now on.
    pub(crate) fn listen(&self) -> Ear {
        let args =
            ["-d", "living.monitor", "--raw", "--format=s16le", "--rate=48000", "--channels=1", "--latency-msec=50"];
        let mut process = self.client("parec", &args).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = process.stdout.take().unwrap();
        let heard = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let theirs = Arc::clone(&heard);
        thread::spawn(move || {
            let mut bytes = [0; 4_096];
            let mut odd = Vec::new();
            while let Ok(n @ 1..) = stdout.read(&mut bytes) {
                odd.extend_from_slice(&bytes[..n]);
                let whole = odd.len() / 2 * 2;
                let samples = odd.drain(..whole).collect::<Vec<u8>>();
                let mut heard = theirs.0.lock().unwrap();
                heard.extend(samples.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0));
                theirs.1.notify_all();
            }
        });
        let ear = Ear { process, heard };
        ear.wait("sound or silence", |heard| !heard.is_empty());
        ear
    }
}

impl Drop for SoundServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What the speaker gives.
pub(crate) struct Ear {
    process: Child,
    heard: Arc<(Mutex<Vec<f32>>, Condvar)>,
}

impl Ear {
    pub(crate) fn wait(&self, what: &str, ready: impl Fn(&[f32]) -> bool) -> Vec<f32> {
        let heard = self.heard.0.lock().unwrap();
        let (heard, outcome) = self.heard.1.wait_timeout_while(heard, PATIENCE, |heard| !ready(heard)).unwrap();
        assert!(!outcome.timed_out(), "{what}: never came");
        heard.clone()
    }

    /// Waits until the speaker sounds, and for so many samples more.
    pub(crate) fn wait_for_sound(&self, samples: usize) {
        let begun = self.wait("the sound", |heard| heard.last().is_some_and(|&s| s != 0.0)).len();
        self.wait("more of the sound", |heard| heard.len() >= begun + samples);
    }

    /// Waits until sound has come and half a second of silence after it.
    pub(crate) fn until_quiet(&self) -> Vec<f32> {
        self.wait("sound and then silence", |heard| {
            heard.len() > 24_000
                && heard[heard.len() - 24_000..].iter().all(|&s| s == 0.0)
                && heard.iter().any(|&s| s != 0.0)
        })
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn wait_until(what: &str, ready: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !ready() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        thread::sleep(Duration::from_millis(10));
    }
}
