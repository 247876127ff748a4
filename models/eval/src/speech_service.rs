//! What a speech service over HTTP costs beside what the server itself takes: here that is nothing, so the whole time is
//! Pipit's own.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use pipit_core::audio::{Hertz, LISTENING_RATE, Pcm};
use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::recogniser::Recogniser as _;
use pipit_models::service::{ServiceSettings, Transcriber};
use pipit_models::voice::{self, VoiceSettings};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::figures::quantile;

/// Of the utterance and of the clause.
const SECONDS: u32 = 2;

/// OpenAI's rate, which most servers keep to.
const VOICE_RATE: Hertz = Hertz(24_000);

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    what: &'static str,
    requests: usize,
    /// From the call until the server has the whole request.
    to_server_p50_ms: f64,
    /// From the call to the words, or to the sound.
    whole_p50_ms: f64,
    whole_p99_ms: f64,
    /// Processor time of a request, without the server's.
    cpu_mean_ms: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { what, requests, to_server_p50_ms, whole_p50_ms, whole_p99_ms, cpu_mean_ms } = self;
        write!(
            f,
            "{what} requests {requests} to_server_p50_ms {to_server_p50_ms:.3} whole_p50_ms {whole_p50_ms:.3} \
             whole_p99_ms {whole_p99_ms:.3} cpu_mean_ms {cpu_mean_ms:.3}"
        )
    }
}

/// What a server says of each request.
struct Served {
    arrived: Instant,
    /// What its thread has worked so far.
    cpu: Duration,
}

/// Asks `requests` times for each.
pub(crate) fn measure(requests: usize) -> Result<[Figures; 2]> {
    let heard = "{\"text\":\"what time is it\",\"segments\":[{\"text\":\"what time is it\",\"avg_logprob\":-0.1,\
                 \"no_speech_prob\":0.01}]}";
    let (settings, served) = serve("application/json", heard.into())?;
    let mut transcriber = Transcriber::new(&settings, Some("en".to_owned()))?;
    let (utterance, never) = (sound(LISTENING_RATE), CancelFlag::new());
    let hearing = timed("hearing", requests, &served, || {
        let transcript = transcriber.transcribe(utterance.samples(), &never)?;
        ensure!(transcript.text == "what time is it", "other words came back");
        Ok(())
    })?;
    let spoken = sound(VOICE_RATE);
    let (service, served) = serve("audio/wav", clip::wav(&spoken))?;
    let settings = VoiceSettings { voice: None, speed: 1.0, models: PathBuf::new(), service: Some(service) };
    let mut voice = voice::open("openai", &settings, None)?;
    let speaking = timed("speaking", requests, &served, || {
        let pcm = voice.speak("It is five past two, and the sun is shining.", &never)?;
        ensure!(pcm.samples().len() == spoken.samples().len(), "other sound came back");
        Ok(())
    })?;
    Ok([hearing, speaking])
}

fn timed(
    what: &'static str,
    requests: usize,
    served: &Receiver<Served>,
    mut ask: impl FnMut() -> Result<()>,
) -> Result<Figures> {
    // The first one connects.
    ask()?;
    let before = served.recv().context("the server has answered")?.cpu;
    let (mut to_server, mut whole, mut server) = (Vec::new(), Vec::new(), before);
    let cpu = cpu_time(ClockId::ProcessCPUTime);
    for _ in 0..requests {
        let asked = Instant::now();
        ask()?;
        whole.push(asked.elapsed().as_secs_f64() * 1e3);
        let Served { arrived, cpu } = served.recv().context("the server has answered")?;
        to_server.push(arrived.duration_since(asked).as_secs_f64() * 1e3);
        server = cpu;
    }
    let worked = cpu_time(ClockId::ProcessCPUTime).saturating_sub(cpu).saturating_sub(server.saturating_sub(before));
    to_server.sort_by(f64::total_cmp);
    whole.sort_by(f64::total_cmp);
    let of = |sorted: &[f64], q| quantile(sorted, q).context("nothing was asked");
    Ok(Figures {
        what,
        requests,
        to_server_p50_ms: of(&to_server, 0.5)?,
        whole_p50_ms: of(&whole, 0.5)?,
        whole_p99_ms: of(&whole, 0.99)?,
        cpu_mean_ms: worked.as_secs_f64() * 1e3 / requests.max(1) as f64,
    })
}

/// Some sound that nobody takes for silence.
fn sound(rate: Hertz) -> Pcm {
    let samples = (0..rate.0 * SECONDS).map(|n| (n as f32 * 0.08).sin() * (n as f32 * 0.001).sin() * 0.3);
    Pcm::new(samples.collect::<Vec<_>>(), rate)
}

/// A server that has its answer ready, and keeps connections open as servers do.
fn serve(content_type: &str, body: Vec<u8>) -> Result<(ServiceSettings, Receiver<Served>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n", body.len());
    let (tell, served) = channel();
    let answer = [head.into_bytes(), body].concat();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // The client may go at any time.
            let _ = answer_all(stream, &answer, &tell);
        }
    });
    let settings = ServiceSettings {
        name: "measured".to_owned(),
        base_url,
        model: "m".to_owned(),
        api_key: None,
        time_limit: PATIENCE,
        meter: None,
    };
    Ok((settings, served))
}

fn answer_all(mut stream: TcpStream, answer: &[u8], tell: &Sender<Served>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut request, mut some) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        request.clear();
        while missing(&request) > 0 {
            let length = stream.read(&mut some)?;
            if length == 0 {
                return Ok(());
            }
            request.extend_from_slice(&some[..length]);
        }
        let arrived = Instant::now();
        stream.write_all(answer)?;
        // Nobody listens any more once everything is measured.
        let _ = tell.send(Served { arrived, cpu: cpu_time(ClockId::ThreadCPUTime) });
    }
}

/// How many bytes of a request are still to come, as far as that can be told.
fn missing(request: &[u8]) -> usize {
    let Some(end) = request.windows(4).take(1 << 12).position(|bytes| bytes == b"\r\n\r\n") else { return 1 };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    (end + 4 + length.unwrap_or(0)).saturating_sub(request.len())
}

fn cpu_time(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
