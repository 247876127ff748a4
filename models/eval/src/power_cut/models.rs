//! Models to download: noise, from a server that is slow enough for a download to be cut.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use sha2::{Digest as _, Sha256};

use crate::chance::Chance;

const BYTES: usize = 3_000_000;
const PIECE: usize = 64 << 10;
const BETWEEN_PIECES: Duration = Duration::from_millis(10);

/// The hash of one is known beforehand; the other's is learnt with the download.
pub(super) const KNOWN: &str = "cut-known";
pub(super) const LEARNT: &str = "cut-learnt";

/// Serves them until the process ends, and says how a catalogue lists them.
pub(super) fn serve() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let mut chance = Chance::new(0);
    let content: Arc<[u8]> = (0..BYTES / 8).flat_map(|_| chance.next().to_le_bytes()).collect();
    let hash = Sha256::digest(&content).iter().fold(String::new(), |mut hash, byte| {
        // Writing to a string can't fail.
        let _ = write!(hash, "{byte:02x}");
        hash
    });
    let catalogue = [(KNOWN, format!("sha256 = \"{hash}\"\n")), (LEARNT, String::new())].map(|(name, sha256)| {
        format!(
            r#"
[[model]]
name = "{name}"
engine = "whisper"
languages = ["en"]
licence = "none: it is noise"
memory_mb = 40
real_time_factor = 0.01
about = "Noise, to be downloaded."
[[model.file]]
name = "{name}.bin"
url = "http://127.0.0.1:{port}/{name}.bin"
bytes = {BYTES}
{sha256}"#
        )
    });
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (content, hash) = (Arc::clone(&content), hash.clone());
            // Whoever downloads may be gone at any time.
            thread::spawn(move || answer(stream, &content, &hash));
        }
    });
    Ok(catalogue.concat())
}

fn answer(mut stream: TcpStream, content: &[u8], hash: &str) -> io::Result<()> {
    let mut begin = None;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        begin = begin.or(line.strip_prefix("range: bytes=").and_then(|range| range.strip_suffix('-')?.parse().ok()));
    }
    let rest = content.get(begin.unwrap_or(0)..).unwrap_or_default();
    let status = match begin {
        Some(begin) => {
            let (last, all) = (content.len() - 1, content.len());
            format!("206 Partial Content\r\nContent-Range: bytes {begin}-{last}/{all}")
        }
        None => "200 OK".to_owned(),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Type: application/octet-stream\r\nETag: \"first\"\r\n\
         X-Linked-Etag: \"{hash}\"\r\nConnection: close\r\n\r\n",
        rest.len()
    )?;
    for piece in rest.chunks(PIECE) {
        stream.write_all(piece)?;
        thread::sleep(BETWEEN_PIECES);
    }
    Ok(())
}
