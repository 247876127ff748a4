//! Counts what goes to a service and comes back, for whoever keeps a ledger.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ureq::http::header::{CONTENT_LENGTH, HOST, HeaderMap, USER_AGENT};

use super::exchange::Request;

/// Is told of each request that reached a service, once it is over, on the thread that asked. It holds that thread up.
pub type Meter = Arc<dyn Fn(ServiceTraffic) + Send + Sync>;

/// One request to a service, and what came back. Sent and received are bytes of HTTP/1.1, head and body, or of Wyoming's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTraffic {
    /// The service's host, without port, path and whatever else an address may have in it.
    pub host: String,
    /// Bytes that were sent, as far as it got.
    pub sent: u64,
    /// Bytes that were received, as far as they were read.
    pub received: u64,
}

/// What has gone and come so far.
#[derive(Debug, Default)]
pub(super) struct Moved {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Moved {
    /// What there is to tell, if anything was sent at all.
    pub(super) fn told(&self, host: &str) -> Option<ServiceTraffic> {
        let [sent, received] = [&self.sent, &self.received].map(|bytes| bytes.load(Ordering::Relaxed));
        (sent > 0).then(|| ServiceTraffic { host: host.to_owned(), sent, received })
    }

    /// The beginning of the answer has come.
    pub(super) fn received_head(&self, reason: &str, headers: &HeaderMap) {
        let status = "HTTP/1.1 200 \r\n\r\n".len() + reason.len();
        let lines: usize = headers.iter().map(|(name, value)| line(name.as_str(), value.len())).sum();
        self.received((status + lines) as u64);
    }

    /// So many bytes more have gone.
    pub(super) fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes more have come.
    pub(super) fn received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The body of a request. It is not read before there is a connection and the head was sent over it.
pub(super) struct Sent<'a> {
    pub(super) body: &'a [u8],
    /// Of the head.
    pub(super) head: u64,
    pub(super) moved: &'a Moved,
}

impl Read for Sent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.body.read(buffer)?;
        self.moved.sent.fetch_add(std::mem::take(&mut self.head) + length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// The body of an answer.
pub(super) struct Received<'a, Body> {
    pub(super) body: Body,
    pub(super) moved: &'a Moved,
}

impl<Body: Read> Read for Received<'_, Body> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.body.read(buffer)?;
        self.moved.received(length as u64);
        Ok(length)
    }
}

/// Bytes of a request's head, with what the client adds to it.
pub(super) fn head(request: &Request, user_agent: &str) -> u64 {
    let url = &request.url;
    let path = url.path().len() + url.query().map_or(0, |query| query.len() + 1);
    let port = url.port().map_or(0, |port| port.to_string().len() + 1);
    let host = line(HOST.as_str(), url.host_str().map_or(0, str::len) + port);
    let added = host
        + line(USER_AGENT.as_str(), user_agent.len())
        + line(CONTENT_LENGTH.as_str(), request.body.len().to_string().len());
    let given: usize = request.headers.iter().map(|(name, value)| line(name, value.len())).sum();
    ("POST  HTTP/1.1\r\n\r\n".len() + path + added + given) as u64
}

fn line(name: &str, value: usize) -> usize {
    name.len() + value + ": \r\n".len()
}
