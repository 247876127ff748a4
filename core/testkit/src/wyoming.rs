//! A real Wyoming server on a port that the system chooses, which answers as a test wants it to, well or badly.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use pipit_core::wyoming::{AudioFormat, Decoder, Event, Limits, MonoReader};

pub use crate::http::Answer;

/// Long enough to never be reached where a test passes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client sent, up to a text to speak or to the end of a sound.
#[derive(Clone, Debug)]
pub struct Request {
    /// The events, in their order.
    pub events: Vec<Event>,
    /// The sound in them, as one channel.
    pub sound: Vec<f32>,
    /// How many bytes it was.
    pub bytes: u64,
}

impl Request {
    /// The text to speak, if that is what is wanted.
    pub fn text(&self) -> Option<&str> {
        self.events.last()?.text("text")
    }
}

/// Lives until the test's process ends.
pub struct Server {
    /// Host and port.
    pub address: String,
    requests: Receiver<Request>,
    hang_ups: Receiver<()>,
}

impl Server {
    /// Answers each request on a thread of its own, and hangs up then.
    ///
    /// # Panics
    /// There is no port.
    pub fn answering(answer: impl FnMut(&Request) -> Answer + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the system has a port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let ((seen, requests), (gone, hang_ups)) = (mpsc::channel(), mpsc::channel());
        let answer = Arc::new(Mutex::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, seen, gone) = (Arc::clone(&answer), seen.clone(), gone.clone());
                let answer = move |request: &Request| (answer.lock().expect("no test fails in it"))(request);
                thread::spawn(move || serve(stream, answer, &seen, &gone));
            }
        });
        Server { address, requests, hang_ups }
    }

    /// The requests since the last call.
    pub fn seen(&self) -> Vec<Request> {
        self.requests.try_iter().collect()
    }

    /// Waits for a request.
    ///
    /// # Panics
    /// None comes.
    pub fn next(&self) -> Request {
        self.requests.recv_timeout(PATIENCE).expect("a request comes")
    }

    /// Waits until a client has gone from an answer that is not complete.
    ///
    /// # Panics
    /// None does.
    pub fn hung_up(&self) {
        self.hang_ups.recv_timeout(PATIENCE).expect("the client goes");
    }
}

/// An answer of these events.
pub fn events(events: impl IntoIterator<Item = Event>) -> Answer {
    Answer::Bytes(events.into_iter().flat_map(|event| event.encode()).collect())
}

fn serve(mut stream: TcpStream, mut answer: impl FnMut(&Request) -> Answer, seen: &Sender<Request>, gone: &Sender<()>) {
    let Some(request) = read(&mut stream) else { return };
    // The test may be over, and the client may go at any time.
    let _ = seen.send(request.clone());
    match answer(&request) {
        Answer::Bytes(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        Answer::Hold => {
            let _ = stream.read(&mut [0]);
            let _ = gone.send(());
        }
        Answer::Endless(head) => {
            while stream.write_all(&head).is_ok() {}
            let _ = gone.send(());
        }
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let limits = Limits { header: 1 << 20, data: 1 << 20, payload: 1 << 20 };
    let (mut decoder, mut reader) = (Decoder::new(limits), None);
    let mut request = Request { events: Vec::new(), sound: Vec::new(), bytes: 0 };
    loop {
        let mut bytes = [0; 4_096];
        let length = stream.read(&mut bytes).ok().filter(|length| *length > 0)?;
        request.bytes += length as u64;
        let mut unread = &bytes[..length];
        while let Some(event) = decoder.decode(&mut unread).ok()? {
            if event.kind == "audio-chunk" {
                let format = AudioFormat::of(&event).ok()?;
                reader.get_or_insert_with(|| MonoReader::new(format)).push(&event.payload, &mut request.sound);
            }
            let over = matches!(event.kind.as_str(), "synthesize" | "audio-stop");
            request.events.push(event);
            if over {
                return Some(request);
            }
        }
    }
}
