//! The daemon's pages as a browser and Prometheus read them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use serde_json::Value;

use super::sound_server::PATIENCE;

/// A port that is free now; nothing else here takes one in the meantime.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Asks for a page as soon as somebody listens there.
pub(crate) fn request(address: SocketAddr, path: &str) -> TcpStream {
    let deadline = Instant::now() + PATIENCE;
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    stream
}

/// The head and the body of a page that is sent in one piece.
pub(crate) fn page(address: SocketAddr, path: &str) -> (String, String) {
    let mut answer = String::new();
    request(address, path).read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no page: {answer}"));
    (head.to_lowercase(), body.to_owned())
}

/// Server-Sent Events as they come, by name, until the daemon ends them.
pub(crate) fn events(address: SocketAddr) -> impl Iterator<Item = (String, Value)> {
    let mut name = String::new();
    BufReader::new(request(address, "/events")).lines().map_while(Result::ok).filter_map(move |line| {
        if let Some(event) = line.strip_prefix("event: ") {
            event.clone_into(&mut name);
        }
        let data = line.strip_prefix("data: ")?;
        Some((name.clone(), serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {line}"))))
    })
}

/// A page in Prometheus' text format, by name and labels. What breaks its rules fails.
pub(crate) fn metrics(page: &str) -> BTreeMap<String, f64> {
    assert!(page.ends_with('\n'), "{page}");
    let (mut families, mut samples) = (BTreeSet::new(), BTreeMap::new());
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (family, kind) = kind.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", family.ends_with("_total"), "{line}");
            assert!(families.insert(family.to_owned()), "{family} comes twice");
        } else if !line.starts_with("# HELP ") {
            let (sample, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            let name = sample.split('{').next().unwrap();
            let in_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|ending| name.strip_suffix(ending));
            assert!(families.contains(in_histogram.unwrap_or(name)), "no type: {line}");
            assert!(name.starts_with("pipit_"), "{line}");
            let value = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(samples.insert(sample.to_owned(), value).is_none(), "{sample} comes twice");
        }
    }
    samples
}
