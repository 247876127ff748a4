//! A language-model server may send anything, in any portions: nothing panics, and the portions make no difference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pipit_core::chat::dialect::{DecodeError, Dialect, ReplyChunk};

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (dialect, portion, body) = input;
    let dialect = [Dialect::OpenAi, Dialect::Ollama, Dialect::Anthropic][usize::from(dialect % 3)];
    let whole = read(dialect, body, body.len().max(1));
    assert_eq!(read(dialect, body, usize::from(portion).max(1)), whole);
});

/// The reply, with text that came in pieces put together.
fn read(dialect: Dialect, body: &[u8], portion: usize) -> (String, Vec<ReplyChunk>, Option<DecodeError>) {
    let (mut decoder, mut chunks) = (dialect.decoder(), Vec::new());
    let fed = body.chunks(portion).try_for_each(|portion| decoder.feed(portion, &mut chunks));
    let failure = fed.and_then(|()| decoder.finish(&mut chunks)).err();
    let mut text = String::new();
    chunks.retain(|chunk| match chunk {
        ReplyChunk::Text(more) => {
            text.push_str(more);
            false
        }
        ReplyChunk::Reasoning => false,
        _ => true,
    });
    (text, chunks, failure)
}
