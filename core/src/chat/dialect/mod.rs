//! How LLM servers write chat: a request into bytes, and bytes into [`ReplyChunk`]s, in whatever portions they come.
//!
//! One file for each wire format. Nothing here knows about sockets, retries or time.

mod anthropic;
mod event_body;
mod ollama;
mod openai;
mod reasoning;
mod server_error;
mod tool_calls;

pub use server_error::{ServerError, ServerErrorKind};

use super::{Message, ToolCall, ToolSpec, Usage};
use reasoning::ReasoningFilter;

/// The longest body without a line end, and the longest that is not a stream at all.
const LONGEST_WHOLE: usize = 1 << 20;

/// How much of an unreadable body is kept to show.
const HEAD_BYTES: usize = 160;

/// A server's wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `POST {base}/chat/completions` with server-sent events: OpenAI and what is compatible with it, such as
    /// llama.cpp, vLLM, LM Studio and OpenRouter. Reference: <https://platform.openai.com/docs/api-reference/chat>.
    OpenAi,
    /// `POST {base}/api/chat` with a JSON object per line.
    /// Reference: <https://github.com/ollama/ollama/blob/main/docs/api.md>.
    Ollama,
    /// `POST {base}/v1/messages` with server-sent events, as Anthropic writes it.
    /// Reference: <https://docs.anthropic.com/en/api/messages-streaming>.
    Anthropic,
}

/// What a server is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ChatRequest<'a> {
    /// The model, by the server's name for it.
    pub model: &'a str,
    /// The prompt.
    pub messages: &'a [Message],
    /// What the model may want used.
    pub tools: &'a [ToolSpec],
    /// The longest reply, in tokens.
    pub max_reply_tokens: u32,
    /// What this server does not know.
    pub without: Without,
}

/// What some servers refuse, so that it must be left out or written otherwise. Where a server says so is in
/// [`ServerErrorKind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without {
    /// The name `max_tokens` for the reply's limit, which OpenAI's newer models refuse. They want
    /// `max_completion_tokens`, which older servers ignore.
    pub max_tokens: bool,
    /// The wish to be told what a reply took.
    pub usage: bool,
    /// Tools, which not every model can use.
    pub tools: bool,
    /// Streaming. Some servers begin a stream before they look at the request, and then can't say what is wrong with it.
    pub stream: bool,
}

impl ChatRequest<'_> {
    fn tools(&self) -> &[ToolSpec] {
        if self.without.tools { &[] } else { self.tools }
    }
}

/// A request ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRequest {
    /// What follows the server's base address.
    pub path: &'static str,
    /// The body, JSON.
    pub body: String,
}

/// A part of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyChunk {
    /// More text; never empty, and the reply's first one does not begin with white space.
    Text(String),
    /// The model is reasoning. It is a sign of life and nothing to speak.
    Reasoning,
    /// The model wants a tool to be used. Its calls come together, after the text.
    ToolCall(ToolCall),
    /// What the reply took, where the server says so; just before the end.
    Usage(Usage),
    /// The reply is complete, for the server's reason, such as `stop` or `length`.
    End(Option<String>),
}

/// Why a reply cannot be had from what the server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The server reported an error.
    Server(ServerError),
    /// The body is not in the server's format; with its beginning, on one line.
    Malformed(String),
    /// The stream stopped before its end marker.
    Cut,
}

impl Dialect {
    /// Writes `request` as this server wants it.
    #[must_use]
    pub fn encode(self, request: &ChatRequest<'_>) -> EncodedRequest {
        match self {
            Dialect::OpenAi => openai::encode(request),
            Dialect::Ollama => ollama::encode(request),
            Dialect::Anthropic => anthropic::encode(request),
        }
    }

    /// A decoder for one reply.
    #[must_use]
    pub fn decoder(self) -> ReplyDecoder {
        let wire = match self {
            Dialect::OpenAi => Wire::OpenAi(openai::Decoder::default()),
            Dialect::Ollama => Wire::Ollama(ollama::Decoder::default()),
            Dialect::Anthropic => Wire::Anthropic(anthropic::Decoder::default()),
        };
        ReplyDecoder { wire, reasoning: ReasoningFilter::default(), begun: false, over: false }
    }
}

/// Decodes one reply. What comes out does not depend on how the bytes were portioned.
#[derive(Debug)]
pub struct ReplyDecoder {
    wire: Wire,
    reasoning: ReasoningFilter,
    begun: bool,
    over: bool,
}

#[derive(Debug)]
enum Wire {
    OpenAi(openai::Decoder),
    Ollama(ollama::Decoder),
    Anthropic(anthropic::Decoder),
}

/// What a wire format says before reasoning is taken out.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Reasoning,
    ToolCall(ToolCall),
    Usage(Usage),
    End(Option<String>),
}

impl ReplyDecoder {
    /// Takes the next bytes of the body and appends what they complete to `chunks`.
    ///
    /// After [`ReplyChunk::End`] or an error everything further is ignored.
    ///
    /// # Errors
    /// Any [`DecodeError`]; what came before it is in `chunks`.
    pub fn feed(&mut self, bytes: &[u8], chunks: &mut Vec<ReplyChunk>) -> Result<(), DecodeError> {
        if self.over {
            return Ok(());
        }
        let mut pieces = Vec::new();
        let outcome = match &mut self.wire {
            Wire::OpenAi(decoder) => decoder.feed(bytes, &mut pieces),
            Wire::Ollama(decoder) => decoder.feed(bytes, &mut pieces),
            Wire::Anthropic(decoder) => decoder.feed(bytes, &mut pieces),
        };
        self.take(pieces, chunks);
        if self.over {
            // Whatever follows the end in the same portion is no part of the reply.
            return Ok(());
        }
        self.over = outcome.is_err();
        outcome
    }

    /// Says that the body has ended.
    ///
    /// # Errors
    /// [`DecodeError::Cut`] if the reply was not complete, or what else its last bytes turn out to be.
    pub fn finish(&mut self, chunks: &mut Vec<ReplyChunk>) -> Result<(), DecodeError> {
        if self.over {
            return Ok(());
        }
        let mut pieces = Vec::new();
        let outcome = match &mut self.wire {
            Wire::OpenAi(decoder) => decoder.finish(&mut pieces),
            Wire::Ollama(decoder) => decoder.finish(&mut pieces),
            Wire::Anthropic(decoder) => decoder.finish(&mut pieces),
        };
        self.take(pieces, chunks);
        if std::mem::replace(&mut self.over, true) { Ok(()) } else { outcome }
    }

    fn take(&mut self, pieces: Vec<Piece>, chunks: &mut Vec<ReplyChunk>) {
        for piece in pieces {
            if self.over {
                return;
            }
            match piece {
                Piece::Reasoning => chunks.push(ReplyChunk::Reasoning),
                Piece::Text(text) => {
                    let filtered = self.reasoning.filter(&text);
                    if filtered.reasoned {
                        chunks.push(ReplyChunk::Reasoning);
                    }
                    self.speak(filtered.text, chunks);
                }
                Piece::ToolCall(call) => {
                    self.flush(chunks);
                    chunks.push(ReplyChunk::ToolCall(call));
                }
                Piece::Usage(usage) => {
                    self.flush(chunks);
                    chunks.push(ReplyChunk::Usage(usage));
                }
                Piece::End(reason) => {
                    self.flush(chunks);
                    chunks.push(ReplyChunk::End(reason));
                    self.over = true;
                }
            }
        }
    }

    /// No more text follows.
    fn flush(&mut self, chunks: &mut Vec<ReplyChunk>) {
        let rest = self.reasoning.finish();
        self.speak(rest, chunks);
    }

    fn speak(&mut self, text: String, chunks: &mut Vec<ReplyChunk>) {
        let text = if self.begun { text } else { text.trim_start().to_owned() };
        if !text.is_empty() {
            self.begun = true;
            chunks.push(ReplyChunk::Text(text));
        }
    }
}

/// The beginning of a body that cannot be read, for a message: one line, no control characters.
#[must_use]
pub fn excerpt(body: &[u8]) -> String {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = String::from_utf8_lossy(&body[..body.len().min(HEAD_BYTES)]);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    words.join(" ").trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned()
}

#[cfg(test)]
mod tests;
