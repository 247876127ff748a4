//! A language-model server on a real socket, which answers every request alike, well or badly.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::{Value, json};

/// Lives until the test's process ends.
pub(crate) struct Server {
    pub(crate) address: String,
    requests: Receiver<Value>,
}

impl Server {
    /// Answers each request with these bytes, and closes the connection.
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Server::with_models(answer.clone(), answer)
    }

    /// Answers like this who asks for its models, and like that who asks for anything else.
    pub(crate) fn with_models(models: impl Into<Vec<u8>>, answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, requests) = mpsc::channel();
        let (models, answer) = (models.into(), answer.into());
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read(&mut stream) else { continue };
                // The other end may have hung up, and the test may be over.
                let answer = if request.is_null() { &models } else { &answer };
                let _ = sender.send(request);
                let _ = stream.write_all(answer);
            }
        });
        Server { address, requests }
    }

    /// The `messages` of the requests since the last call.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.requests.try_iter().map(|request| request["messages"].clone()).collect()
    }

    /// The lines of a configuration that make Pipit ask this server.
    pub(crate) fn config(&self) -> String {
        format!("[chat]\nprovider = \"openai\"\nmodel = \"test\"\nbase_url = \"http://{}/v1\"\n", self.address)
    }
}

/// A server that leaves it to the test when and how a request is answered.
pub(crate) struct Requests(Receiver<Held>);

/// A request that waits for its answer.
pub(crate) struct Held {
    request: Value,
    stream: TcpStream,
}

impl Requests {
    /// The server, and its address. It lives until the test's process ends.
    pub(crate) fn listen() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read(&mut stream) else { continue };
                let _ = sender.send(Held { request, stream });
            }
        });
        (Requests(requests), address)
    }

    /// Waits for the next request.
    #[track_caller]
    pub(crate) fn next(&self) -> Held {
        self.0.recv_timeout(std::time::Duration::from_secs(60)).expect("a request comes")
    }
}

impl Held {
    /// The last message of the conversation.
    pub(crate) fn last_message(&self) -> String {
        let messages = self.request["messages"].as_array().unwrap();
        messages.last().unwrap()["content"].to_string()
    }

    /// Sends the beginning of an answer. Whoever asked may have hung up.
    pub(crate) fn begin(&mut self, answer: &str) {
        let _ = self.stream.write_all(answer.as_bytes());
    }

    /// Answers it. Whoever asked may have hung up.
    pub(crate) fn answer(mut self, answer: &str) {
        let _ = self.stream.write_all(answer.as_bytes());
    }
}

/// An address at which nobody listens.
pub(crate) fn nobody() -> String {
    // A port that is free now may be another test's server a moment later; this one the system gives to nobody.
    "127.0.0.1:1".to_owned()
}

/// A whole reply, streamed word by word.
pub(crate) fn streamed(words: &[&str]) -> String {
    format!("{}{}data: [DONE]\n\n", cut_after(words), chunk(&json!({}), &json!("stop")))
}

/// A reply that wants a tool used.
pub(crate) fn wants_tool(name: &str, arguments: &Value) -> String {
    let function = json!({ "name": name, "arguments": arguments.to_string() });
    let calls = json!({ "tool_calls": [{ "index": 0, "id": "a", "type": "function", "function": function }] });
    format!("{}{}data: [DONE]\n\n", cut_after(&[]), chunk(&calls, &json!("tool_calls")))
}

/// The beginning of a reply, as it arrives before a connection breaks.
pub(crate) fn cut_after(words: &[&str]) -> String {
    let chunks: String = words.iter().map(|word| chunk(&json!({ "content": word }), &Value::Null)).collect();
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{chunks}")
}

fn chunk(delta: &Value, finish_reason: &Value) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish_reason });
    format!("data: {}\n\n", json!({ "object": "chat.completion.chunk", "choices": [choice] }))
}

/// An answer of JSON.
pub(crate) fn json_answer(status: &str, body: &Value) -> String {
    let body = body.to_string();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The body of a request; null where it has none.
fn read(stream: &mut TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    if length == 0 {
        return Some(Value::Null);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
