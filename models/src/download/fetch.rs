//! One attempt at a file over HTTP: the request with its redirects, what the answer claims to be, and its bytes.
//!
//! The network has a thread of its own, so that whoever cancels a pull does not wait until a server that says nothing, or a name
//! that does not resolve, has been given up. That thread then ends by itself, and nobody hears what it brings.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;

use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Timeout};
use url::Url;

use super::part::Part;
use super::{GLANCE, Patience, Progress, PullError, Watch, check_space};
use crate::catalogue::{BLOCK, ModelFile, ModelFolder, Sha256, is_loopback};

/// As many as browsers follow.
const REDIRECTS: usize = 20;

/// Blocks that wait to be written; the network waits where there are more.
const BLOCKS_WAITING: usize = 4;

pub(super) struct Fetch {
    agent: Agent,
    spare_disk: u64,
}

/// What is asked for, on the network's thread.
struct Request {
    agent: Agent,
    file: ModelFile,
    /// Bytes that are there already.
    from: u64,
    /// Which version they are of.
    etag: Option<String>,
}

/// What comes from there: the answer, then its bytes, and where they end.
enum Arrival {
    Answer(Answer),
    Bytes(Vec<u8>),
    End,
}

type Arrivals = Receiver<Result<Arrival, Fault>>;

/// Why an attempt did not bring the whole file.
pub(super) enum Fault {
    /// Another attempt would end the same way.
    Final(PullError),
    /// There was no connection at all.
    Unreachable { host: String, cause: String },
    /// Another attempt may go on from what has arrived.
    Again(String),
}

/// The head of an answer.
struct Answer {
    response: Response<()>,
    /// The SHA-256 that the server vouched for on the way here.
    vouched: Option<Sha256>,
}

impl Fetch {
    pub(super) fn new(patience: &Patience) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .user_agent(concat!("pipit/", env!("CARGO_PKG_VERSION")))
            // Redirects are followed here: they must stay on https, and may carry the hash.
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_resolve(Some(patience.connect))
            .timeout_connect(Some(patience.connect))
            .timeout_per_read(Some(patience.stall))
            .timeout_per_write(Some(patience.stall))
            .build()
            .new_agent();
        Fetch { agent, spare_disk: patience.spare_disk }
    }

    /// Adds to `part` until it is as long as the file. Returns what it must hash to.
    pub(super) fn attempt(
        &self,
        folder: &ModelFolder,
        file: &ModelFile,
        expected: Option<Sha256>,
        part: &mut Part,
        watch: &mut Watch<'_>,
    ) -> Result<Sha256, Fault> {
        let disk = |error: io::Error| Fault::Final(PullError::disk(&file.name, &error));
        if let (Some(expected), Some(bytes)) = (expected, file.bytes)
            && part.bytes() == bytes
        {
            return Ok(expected);
        }
        let arrivals = self.ask(file, part)?;
        let Arrival::Answer(answer) = next(&arrivals, file, watch)? else {
            return Err(Fault::Again("the server's answer had no beginning".into()));
        };
        let from = match answer.response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT => part.bytes(),
            StatusCode::RANGE_NOT_SATISFIABLE if !part.is_empty() => {
                part.restart().map_err(disk)?;
                return Err(Fault::Again("the server has no more than what has arrived; beginning again".into()));
            }
            status => return Err(refusal(file, status)),
        };
        if is_web_page(&answer.response) && !file.name.ends_with(".html") {
            let what = "a web page came instead of the file (does this network ask for a login first?)";
            return Err(untrusted(file, what));
        }
        let total = total_size(file, &answer.response, from).inspect_err(|_| drop(part.restart()))?;
        let vouched = vouched_hash(file, expected, answer.vouched)?;
        if from == 0 {
            part.restart().map_err(disk)?;
            part.begin(file, expected, strong_etag(&answer.response)).map_err(disk)?;
        }
        let needed = (total - part.bytes()).saturating_add(self.spare_disk);
        check_space(folder, &file.name, needed).map_err(Fault::Final)?;
        receive(file, &arrivals, total, part, watch)?;
        Ok(vouched)
    }

    /// Begins to ask for what `part` lacks.
    fn ask(&self, file: &ModelFile, part: &Part) -> Result<Arrivals, Fault> {
        let etag = part.etag().map(str::to_owned);
        let request = Request { agent: self.agent.clone(), file: file.clone(), from: part.bytes(), etag };
        let (sender, arrivals) = sync_channel(BLOCKS_WAITING);
        let begun = thread::Builder::new().name("download".to_owned()).spawn(move || {
            if let Err(fault) = request.bring(&sender) {
                let _ = sender.send(Err(fault));
            }
        });
        begun.map_err(|error| failed(file, format!("no thread could be started for it: {error}")))?;
        Ok(arrivals)
    }
}

impl Request {
    /// Sends what comes, until it ends or nobody wants it any more.
    fn bring(&self, sender: &SyncSender<Result<Arrival, Fault>>) -> Result<(), Fault> {
        let (response, vouched) = self.answer()?;
        let (head, body) = response.into_parts();
        let answer = Answer { response: Response::from_parts(head, ()), vouched };
        if sender.send(Ok(Arrival::Answer(answer))).is_err() {
            return Ok(());
        }
        let mut body = body.into_reader();
        let mut block = vec![0; BLOCK];
        loop {
            let arrival = match body.read(&mut block) {
                Ok(0) => Arrival::End,
                Ok(read) => Arrival::Bytes(block[..read].to_vec()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Fault::Again(format!("the connection broke: {error}"))),
            };
            let is_over = matches!(arrival, Arrival::End);
            if sender.send(Ok(arrival)).is_err() || is_over {
                return Ok(());
            }
        }
    }

    /// Asks, and follows redirects to an answer, with the SHA-256 that a server vouched for on the way.
    fn answer(&self) -> Result<(Response<Body>, Option<Sha256>), Fault> {
        let file = &self.file;
        let address = file.url.as_deref().unwrap_or_default();
        let mut url = Url::parse(address).map_err(|error| failed(file, format!("its url is wrong: {error}")))?;
        let may_be_plain = url.scheme() == "http";
        let mut vouched = None;
        for _ in 0..=REDIRECTS {
            let response = self.send(&url)?;
            vouched = vouched.or_else(|| linked_hash(&response));
            let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
            let Some(location) = location.filter(|_| response.status().is_redirection()) else {
                return Ok((response, vouched));
            };
            url = url.join(location).map_err(|error| failed(file, format!("the server redirects badly: {error}")))?;
            if url.scheme() != "https" && !(may_be_plain && url.scheme() == "http") {
                return Err(untrusted(file, "the server redirects to an address that is not https"));
            }
        }
        Err(failed(file, format!("the server redirects more than {REDIRECTS} times")))
    }

    fn send(&self, url: &Url) -> Result<Response<Body>, Fault> {
        let host = url.host_str().unwrap_or_default();
        let mut request = self.agent.get(url.as_str()).header(header::ACCEPT_ENCODING, "identity");
        if self.from > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", self.from));
            if let Some(etag) = &self.etag {
                request = request.header(header::IF_RANGE, etag);
            }
        }
        // A proxy could not reach this machine's own servers.
        let sent = if is_loopback(host) { request.config().proxy(None).build().call() } else { request.call() };
        sent.map_err(|error| connection_fault(&self.file, host, &error))
    }
}

/// Waits for what comes next, or until the pull is cancelled.
fn next(arrivals: &Arrivals, file: &ModelFile, watch: &Watch<'_>) -> Result<Arrival, Fault> {
    loop {
        if watch.cancel.load(Ordering::Relaxed) {
            return Err(Fault::Final(PullError::Cancelled { file: file.name.clone() }));
        }
        match arrivals.recv_timeout(GLANCE) {
            Ok(arrival) => return arrival,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Fault::Again("the connection broke".into())),
        }
    }
}

/// Takes the body into `part` until that is `total` long.
fn receive(
    file: &ModelFile,
    arrivals: &Arrivals,
    total: u64,
    part: &mut Part,
    watch: &mut Watch<'_>,
) -> Result<(), Fault> {
    (watch.progress)(Progress::Downloading { file: &file.name, done: part.bytes(), total });
    loop {
        let bytes = match next(arrivals, file, watch)? {
            Arrival::Bytes(bytes) => bytes,
            _ if part.bytes() == total => return Ok(()),
            _ => return Err(Fault::Again(format!("the connection ended at {} of {total} bytes", part.bytes()))),
        };
        if part.bytes() + bytes.len() as u64 > total {
            return Err(untrusted(file, format!("the server sends more than its {total} bytes")));
        }
        part.append(&bytes).map_err(|error| Fault::Final(PullError::disk(&file.name, &error)))?;
        (watch.progress)(Progress::Downloading { file: &file.name, done: part.bytes(), total });
    }
}

/// The size of the whole file, on which the server and the catalogue must agree.
fn total_size(file: &ModelFile, response: &Response<()>, from: u64) -> Result<u64, Fault> {
    let claimed = if response.status() == StatusCode::PARTIAL_CONTENT {
        let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
        let (start, total) = range
            .and_then(content_range)
            .ok_or_else(|| Fault::Again("the server sent a part without saying which".into()))?;
        if start != from {
            return Err(Fault::Again(format!("the server sent the part from {start} instead of {from}")));
        }
        total
    } else {
        let length = response.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        length.and_then(|length| length.parse().ok())
    };
    match (file.bytes, claimed) {
        (Some(bytes), Some(claimed)) if bytes != claimed => {
            Err(untrusted(file, format!("the server offers {claimed} bytes where the catalogue says {bytes}")))
        }
        (Some(bytes), _) | (None, Some(bytes)) => Ok(bytes),
        (None, None) => Err(failed(file, "neither the catalogue nor the server says how large it is")),
    }
}

/// Reads `bytes 100-199/200`; the total may be `*`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.trim().parse().ok()?;
    Some((start, total.trim().parse().ok()))
}

fn vouched_hash(file: &ModelFile, expected: Option<Sha256>, vouched: Option<Sha256>) -> Result<Sha256, Fault> {
    match (expected, vouched) {
        (Some(expected), Some(vouched)) if expected != vouched => {
            Err(untrusted(file, format!("the server now has another file of this name, with SHA-256 {vouched}")))
        }
        (Some(known), _) | (None, Some(known)) => Ok(known),
        (None, None) => Err(failed(
            file,
            "the catalogue has no SHA-256 for it and the server names none: add `sha256` to its entry",
        )),
    }
}

/// Hugging Face names the SHA-256 of its large files in this header.
fn linked_hash(response: &Response<Body>) -> Option<Sha256> {
    let value = response.headers().get("x-linked-etag")?.to_str().ok()?;
    Sha256::parse(value.trim_start_matches("W/").trim_matches('"'))
}

/// Only a strong entity tag says that two answers are the same byte for byte (RFC 9110, section 13.1.5).
fn strong_etag(response: &Response<()>) -> Option<String> {
    let value = response.headers().get(header::ETAG)?.to_str().ok()?;
    value.starts_with('"').then(|| value.to_owned())
}

fn is_web_page(response: &Response<()>) -> bool {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

fn refusal(file: &ModelFile, status: StatusCode) -> Fault {
    if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
        return Fault::Again(format!("the server answered {status}"));
    }
    let url = file.url.as_deref().unwrap_or_default();
    let shown = url.split(['?', '#']).next().unwrap_or_default();
    failed(
        file,
        format!(
            "the server answered {status} for {shown}; the file may have moved: correct its entry in the catalogue or import it"
        ),
    )
}

fn connection_fault(file: &ModelFile, host: &str, error: &ureq::Error) -> Fault {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, InvalidData, TimedOut, UnexpectedEof};
    let unreachable = |cause: &str| Fault::Unreachable { host: host.to_owned(), cause: cause.to_owned() };
    let insecure = |cause: String| {
        failed(file, format!("no trustworthy connection to {host}: {cause} (is this machine's clock right?)"))
    };
    match error {
        ureq::Error::HostNotFound => unreachable("its name is not known"),
        ureq::Error::ConnectionFailed => unreachable("no connection"),
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => unreachable("no answer"),
        ureq::Error::Io(error) => match error.kind() {
            InvalidData => insecure(error.to_string()),
            ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof | TimedOut => {
                Fault::Again(format!("the connection broke: {error}"))
            }
            // Refused, no route, and a name that does not resolve, which has no kind of its own.
            _ => unreachable(&error.to_string()),
        },
        ureq::Error::Rustls(error) => insecure(error.to_string()),
        ureq::Error::Tls(error) => insecure((*error).to_owned()),
        ureq::Error::Timeout(_) => Fault::Again("the server stopped answering".into()),
        error => Fault::Again(error.to_string()),
    }
}

fn untrusted(file: &ModelFile, what: impl ToString) -> Fault {
    Fault::Final(PullError::Untrusted { file: file.name.clone(), what: what.to_string() })
}

fn failed(file: &ModelFile, what: impl ToString) -> Fault {
    Fault::Final(PullError::failed(&file.name, what))
}

#[cfg(test)]
mod tests {
    use std::net::ToSocketAddrs as _;

    use super::*;

    #[test]
    fn a_name_that_does_not_resolve_means_offline() {
        // RFC 6761 keeps this domain from ever existing.
        let error = "models.invalid:443".to_socket_addrs().unwrap_err();
        let file = ModelFile { name: "a.bin".into(), url: None, package: None, bytes: None, sha256: None };
        let fault = connection_fault(&file, "models.invalid", &ureq::Error::Io(error));
        assert!(matches!(fault, Fault::Unreachable { .. }));
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(content_range("bytes 100-199/200"), Some((100, Some(200))));
        assert_eq!(content_range("bytes 100-199/*"), Some((100, None)));
        assert_eq!(content_range("bytes */200"), None);
        assert_eq!(content_range("lines 1-2/3"), None);
    }
}
