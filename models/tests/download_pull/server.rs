//! An HTTP server of the tests' own, on a port that the system chooses, whose answers the test writes itself.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) const ETAG: &str = "\"first\"";

/// What a client asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// Where the client wants to go on from.
    pub(crate) from: Option<u64>,
    pub(crate) if_range: Option<String>,
}

/// One request and the connection to answer it on.
pub(crate) struct Exchange {
    pub(crate) request: Request,
    /// How many requests came before this one.
    pub(crate) number: usize,
    stream: TcpStream,
}

impl Exchange {
    /// Answers as a good server does: the part asked for, or everything.
    pub(crate) fn serve(&mut self, content: &[u8]) {
        let (head, body) = self.proper(content);
        self.send(head.as_bytes());
        self.send(body);
    }

    /// Like [`Exchange::serve`], but closes the connection after `bytes` of the body.
    pub(crate) fn cut(&mut self, content: &[u8], bytes: usize) {
        let (head, body) = self.proper(content);
        self.send(head.as_bytes());
        self.send(&body[..bytes.min(body.len())]);
    }

    /// Like [`Exchange::cut`], but keeps the connection open until the client gives up.
    pub(crate) fn stall(&mut self, content: &[u8], bytes: usize) {
        self.cut(content, bytes);
        self.wait();
    }

    /// Until the client gives up.
    pub(crate) fn wait(&mut self) {
        let _ = self.stream.read(&mut [0; 1]);
    }

    /// Everything from the beginning, whatever was asked for.
    pub(crate) fn serve_whole(&mut self, content: &[u8]) {
        self.request.from = None;
        self.serve(content);
    }

    pub(crate) fn status(&mut self, status: &str, headers: &str) {
        self.send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n").as_bytes());
    }

    /// A body without a length, in chunks.
    pub(crate) fn chunked(&mut self, body: &[u8]) {
        self.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
        for chunk in body.chunks(1000) {
            self.send(format!("{:x}\r\n", chunk.len()).as_bytes());
            self.send(chunk);
            self.send(b"\r\n");
        }
        self.send(b"0\r\n\r\n");
    }

    /// Sends bytes; the client may have hung up, which is its right.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    fn proper<'c>(&self, content: &'c [u8]) -> (String, &'c [u8]) {
        let current = self.request.if_range.as_deref().is_none_or(|etag| etag == ETAG);
        let common = format!("ETag: {ETAG}\r\nConnection: close\r\nContent-Type: application/octet-stream\r\n");
        let total = content.len();
        match self.request.from.filter(|_| current) {
            Some(from) => {
                let body = &content[from as usize..];
                let range = format!("bytes {from}-{}/{total}", total - 1);
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: {range}\r\nContent-Length: {}\r\n{common}\r\n",
                    body.len()
                );
                (head, body)
            }
            None => (format!("HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n{common}\r\n"), content),
        }
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request on a connection and a thread of its own.
    pub(crate) fn start(answer: impl Fn(&mut Exchange) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                thread::spawn(move || {
                    let request = read_request(&stream);
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    answer(&mut Exchange { request, number, stream });
                });
            }
        });
        Server { address, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn read_request(stream: &TcpStream) -> Request {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next().and_then(|line| line.split(' ').nth(1).map(str::to_owned)).unwrap_or_default();
    let mut request = Request { path, ..Request::default() };
    for line in lines.take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "range" => request.from = value.trim_start_matches("bytes=").trim_end_matches('-').parse().ok(),
            "if-range" => request.if_range = Some(value.to_owned()),
            _ => {}
        }
    }
    request
}
