//! A real HTTP server on a port that the system chooses, which answers as a test wants it to, well or badly.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

/// Long enough to never be reached where a test passes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The path, with its query.
    pub path: String,
    /// The header lines, in small letters.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
}

/// How a request is answered.
pub enum Answer {
    /// With these bytes, after which the connection is closed.
    Bytes(Vec<u8>),
    /// Not at all: the connection stays open until the client goes.
    Hold,
    /// With these bytes first, and then with zeros until the client goes.
    Endless(Vec<u8>),
}

/// Lives until the test's process ends.
pub struct Server {
    /// Host and port.
    pub address: String,
    requests: Receiver<Request>,
    hang_ups: Receiver<()>,
}

impl Server {
    /// Answers each request on a thread of its own.
    ///
    /// # Panics
    /// There is no port.
    pub fn answering(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the system has a port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let ((seen, requests), (gone, hang_ups)) = (mpsc::channel(), mpsc::channel());
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, seen, gone) = (Arc::clone(&answer), seen.clone(), gone.clone());
                thread::spawn(move || serve(stream, &*answer, &seen, &gone));
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

impl Answer {
    /// A whole answer.
    pub fn of(status: &str, content_type: &str, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        Answer::Bytes([head.as_bytes(), body].concat())
    }
}

impl Request {
    /// The file in a form.
    pub fn file(&self) -> Option<&[u8]> {
        let at = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
        let named = at(&self.body, b"filename=")?;
        let begins = named + at(&self.body[named..], b"\r\n\r\n")? + 4;
        let line_end = at(&self.body, b"\r\n")?;
        let boundary = [b"\r\n", &self.body[..line_end]].concat();
        let length = at(&self.body[begins..], &boundary)?;
        Some(&self.body[begins..begins + length])
    }

    /// Whether a form has this field with this value.
    pub fn has_field(&self, name: &str, value: &str) -> bool {
        String::from_utf8_lossy(&self.body).contains(&format!("name=\"{name}\"\r\n\r\n{value}\r\n"))
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&Request) -> Answer, seen: &Sender<Request>, gone: &Sender<()>) {
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
            let _ = stream.write_all(&head);
            while stream.write_all(&[0; 4096]).is_ok() {}
            let _ = gone.send(());
        }
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut headers) = (String::new(), String::new());
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    while !headers.ends_with("\r\n\r\n") && headers != "\r\n" {
        (reader.read_line(&mut headers).ok()? > 0).then_some(())?;
    }
    let headers = headers.to_ascii_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request { path, headers, body })
}
