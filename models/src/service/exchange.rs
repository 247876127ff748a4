//! One request and its whole answer, with an end: its own, a cancel flag's, or a time limit's.
//!
//! ureq blocks, and nothing ends a look-up of a name or a connection under way. So the request has a thread of its own, which
//! is left behind: shutting the agent ends what reads or writes at once, and the rest within the limit for connecting.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use ureq::{Agent, SendBody, Timeout};
use url::Url;

use super::USER_AGENT;
use super::answer::Answer;
use super::traffic::{self, Moved, Received, Sent};
use crate::cancel::CancelFlag;

/// How often the flag is looked at while an answer is waited for.
const LOOK: Duration = Duration::from_millis(5);

/// A request, ready to be sent.
pub(super) struct Request {
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// How much of the answer is read.
    pub(super) most: usize,
}

/// Why there is no answer.
pub(super) enum Fault {
    Cancelled,
    TooLong,
    /// More than so many bytes.
    TooMuch(usize),
    /// What became of the connection.
    Broken(String),
}

/// Sends `request` and waits for the whole answer, until `cancel` is raised or `limit` is over. In both cases `agent` is shut
/// afterwards. What has gone and come is counted in `moved`.
pub(super) fn exchange(
    agent: &Agent,
    request: Request,
    limit: Duration,
    cancel: &CancelFlag,
    moved: &Arc<Moved>,
) -> Result<Answer, Fault> {
    if cancel.is_cancelled() {
        return Err(Fault::Cancelled);
    }
    let begun = Instant::now();
    let (sender, receiver) = sync_channel(1);
    let (courier, moving) = (agent.clone(), Arc::clone(moved));
    let started = thread::Builder::new().name("speech-request".to_owned()).spawn(move || {
        // Nobody may be waiting for it any more.
        let _ = sender.send(call(&courier, &request, &moving));
    });
    started.map_err(|error| Fault::Broken(format!("there is no thread for the request ({error})")))?;
    loop {
        let fault = match receiver.recv_timeout(LOOK) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Fault::Broken("the request's thread has failed".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => Fault::Cancelled,
            Err(RecvTimeoutError::Timeout) if begun.elapsed() >= limit => Fault::TooLong,
            Err(RecvTimeoutError::Timeout) => continue,
        };
        agent.clone().shutdown();
        return Err(fault);
    }
}

fn call(agent: &Agent, request: &Request, moved: &Moved) -> Result<Answer, Fault> {
    // With a length it is sent in one piece; many a small server reads no chunks.
    let mut post = agent.post(request.url.as_str()).header(CONTENT_LENGTH, request.body.len());
    for (name, value) in &request.headers {
        post = post.header(*name, value);
    }
    let mut body = Sent { body: &request.body, head: traffic::head(request, USER_AGENT), moved };
    let sent = post.send(SendBody::from_reader(&mut body));
    let mut response = sent.map_err(|error| Fault::Broken(cause(&error)))?;
    moved.received_head(response.status().canonical_reason().unwrap_or_default(), response.headers());
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (content_type, encoding) = (text(CONTENT_TYPE).unwrap_or_default(), text(CONTENT_ENCODING));
    let retry_after = text(RETRY_AFTER).and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
    let (status, mut body) = (response.status().as_u16(), Vec::new());
    // One byte more tells too much from just enough.
    let reader = Received { body: response.body_mut().as_reader(), moved };
    let read = reader.take(request.most as u64 + 1).read_to_end(&mut body);
    if body.len() > request.most {
        return Err(Fault::TooMuch(request.most));
    }
    let encoding = encoding.filter(|encoding| !encoding.eq_ignore_ascii_case("identity"));
    match read {
        Ok(_) => Ok(Answer { status, content_type, encoding, retry_after, body }),
        // A status that says no says enough.
        Err(_) if status >= 400 => Ok(Answer { status, content_type, encoding, retry_after, body }),
        Err(error) => Err(Fault::Broken(format!("the connection broke in the middle of the answer: {error}"))),
    }
}

fn cause(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "its name is not known".to_owned(),
        ureq::Error::ConnectionFailed => "there is no connection".to_owned(),
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => "there is no connection in time".to_owned(),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it closed the connection without an answer".to_owned()
        }
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}
