//! Recorded replies of LLM servers, read in portions of different sizes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pipit_core::chat::dialect::{DecodeError, Dialect, ReplyChunk};
use pipit_core::chat::{ToolCall, Usage};
use serde::Serialize;

/// The sizes of the portions, in bytes, beside the whole at once.
const PORTIONS: [usize; 2] = [1, 37];
/// How long each recording is decoded again and again to find how fast that is.
const TIMED: Duration = Duration::from_millis(20);

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    rows: usize,
    /// Recordings that read the same in every portion.
    equal: usize,
    /// Recordings in which a server reports an error, which came out as one.
    errors_surfaced: usize,
    /// Replies that are complete, those that want a tool used among them.
    complete: usize,
    tool_calls: usize,
    /// Recordings that are no reply in any format that Pipit speaks.
    foreign: usize,
    /// How fast they are decoded on one core, in portions of 4 KiB.
    mb_per_s: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { rows, equal, errors_surfaced, complete, tool_calls, foreign, mb_per_s } = self;
        write!(f, "rows {rows}  equal {equal}  errors_surfaced {errors_surfaced}  complete {complete}  ")?;
        write!(f, "tool_calls {tool_calls}  foreign {foreign}  mb_per_s {mb_per_s:.0}")
    }
}

/// What a reply comes to.
#[derive(Debug, Default, PartialEq)]
struct Reply {
    text: String,
    reasoned: bool,
    calls: Vec<ToolCall>,
    usage: Option<Usage>,
    end: Option<Option<String>>,
    failure: Option<DecodeError>,
}

#[allow(clippy::print_stderr)]
pub(crate) fn measure(folder: &Path, verbose: bool) -> Result<Figures> {
    let mut files = Vec::new();
    find(folder, &mut files)?;
    files.sort();
    if files.is_empty() {
        bail!("{} holds no recorded replies (.sse, .chunks.txt, .ndjson, .json)", folder.display());
    }
    let mut figures = Figures {
        rows: files.len(),
        equal: 0,
        errors_surfaced: 0,
        complete: 0,
        tool_calls: 0,
        foreign: 0,
        mb_per_s: 0.0,
    };
    let (mut decoded, mut took) = (0.0, Duration::ZERO);
    for file in &files {
        let body = body(file)?;
        let dialect = dialect(file, &body);
        let whole = read(dialect, &body, body.len().max(1));
        let equal = PORTIONS.iter().all(|portion| read(dialect, &body, *portion) == whole);
        if verbose || !equal {
            let end = whole.failure.as_ref().map_or_else(|| format!("{:?}", whole.end), |why| format!("{why:?}"));
            let calls: Vec<&str> = whole.calls.iter().map(|call| &*call.name).collect();
            let name = file.strip_prefix(folder).unwrap_or(file).display();
            eprintln!("{name}: {dialect:?} equal {equal} text {} calls {calls:?} {end}", whole.text.len());
        }
        figures.equal += usize::from(equal);
        figures.errors_surfaced += usize::from(matches!(whole.failure, Some(DecodeError::Server(_))));
        figures.foreign += usize::from(matches!(whole.failure, Some(DecodeError::Malformed(_))));
        figures.complete += usize::from(whole.end.is_some());
        figures.tool_calls += whole.calls.len();
        if whole.end.is_some() {
            let begun = Instant::now();
            while begun.elapsed() < TIMED {
                read(dialect, &body, 4096);
                decoded += body.len() as f64;
            }
            took += begun.elapsed();
        }
    }
    figures.mb_per_s = decoded / 1e6 / took.as_secs_f64().max(f64::MIN_POSITIVE);
    Ok(figures)
}

/// What each complete reply comes to, a JSON object each, for `models/eval/peers/llm_streams.py` to compare with.
pub(crate) fn replies(folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    find(folder, &mut files)?;
    files.sort();
    let mut lines = Vec::new();
    for file in &files {
        let body = body(file)?;
        let dialect = dialect(file, &body);
        let reply = read(dialect, &body, body.len().max(1));
        if reply.failure.is_some() {
            continue;
        }
        let calls: Vec<[&str; 3]> = reply.calls.iter().map(|call| [&*call.id, &*call.name, &*call.arguments]).collect();
        let usage = reply.usage.map(|usage| [usage.prompt_tokens, usage.reply_tokens]);
        lines.push(serde_json::to_string(&serde_json::json!({
            "file": file, "dialect": format!("{dialect:?}"), "body": String::from_utf8_lossy(&body),
            "text": reply.text, "calls": calls, "usage": usage, "end": reply.end.flatten(),
        }))?);
    }
    Ok(lines)
}

fn read(dialect: Dialect, body: &[u8], portion: usize) -> Reply {
    let (mut decoder, mut chunks, mut reply) = (dialect.decoder(), Vec::new(), Reply::default());
    let mut fed = Ok(());
    for portion in body.chunks(portion) {
        fed = decoder.feed(portion, &mut chunks);
        chunks.drain(..).for_each(|chunk| reply.take(chunk));
        if fed.is_err() {
            break;
        }
    }
    reply.failure = fed.and_then(|()| decoder.finish(&mut chunks)).err();
    chunks.drain(..).for_each(|chunk| reply.take(chunk));
    reply
}

impl Reply {
    fn take(&mut self, chunk: ReplyChunk) {
        match chunk {
            ReplyChunk::Text(text) => self.text.push_str(&text),
            ReplyChunk::Reasoning => self.reasoned = true,
            ReplyChunk::ToolCall(call) => self.calls.push(call),
            ReplyChunk::Usage(usage) => self.usage = Some(usage),
            ReplyChunk::End(reason) => self.end = Some(reason),
        }
    }
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            find(&path, files)?;
        } else if [".sse", ".chunks.txt", ".ndjson", ".json"].iter().any(|kind| name.ends_with(kind)) {
            files.push(path);
        }
    }
    Ok(())
}

/// The bytes as the server sent them. Of some recordings only the events' data was kept, a line each.
fn body(file: &Path) -> Result<Vec<u8>> {
    let body = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    if !file.to_string_lossy().ends_with(".chunks.txt") {
        return Ok(body);
    }
    let mut events = String::new();
    for line in String::from_utf8_lossy(&body).lines().filter(|line| !line.trim().is_empty()) {
        // Servers that name their events give them the name that is in the data too.
        let data: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        if let Some(kind) = data["type"].as_str() {
            events += &format!("event: {kind}\n");
        }
        events += &format!("data: {line}\n\n");
    }
    if !events.contains("message_start") {
        events += "data: [DONE]\n\n";
    }
    Ok(events.into_bytes())
}

/// The format in which the server writes, by what it writes.
fn dialect(file: &Path, body: &[u8]) -> Dialect {
    let beginning = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let says = |words: &[&str]| words.iter().any(|word| beginning.contains(word));
    if file.extension().is_some_and(|extension| extension == "ndjson") {
        Dialect::Ollama
    } else if says(&["message_start", "\"type\":\"message\"", "\"type\": \"message\"", "\"type\":\"error\",\"error\""])
        && !says(&["response.created", "\"object\":\"response\"", "\"object\": \"response\""])
    {
        Dialect::Anthropic
    } else {
        Dialect::OpenAi
    }
}
