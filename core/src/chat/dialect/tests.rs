use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::chat::{Risk, Role};

/// The text of a reply, the tools that it wants used, and how it ended.
#[derive(Debug, PartialEq)]
struct Read {
    text: String,
    calls: Vec<ToolCall>,
    usage: Option<Usage>,
    end: Result<Option<String>, DecodeError>,
}

fn read<'a>(dialect: Dialect, portions: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let (mut decoder, mut chunks) = (dialect.decoder(), Vec::new());
    let fed = portions.into_iter().try_for_each(|portion| decoder.feed(portion, &mut chunks));
    let outcome = fed.and_then(|()| decoder.finish(&mut chunks));
    let (mut text, mut calls, mut usage, mut end) = (String::new(), Vec::new(), None, None);
    for chunk in chunks {
        assert!(end.is_none(), "something came after the end: {chunk:?}");
        match chunk {
            ReplyChunk::Text(more) => text.push_str(&more),
            ReplyChunk::Reasoning => {}
            ReplyChunk::ToolCall(call) => calls.push(call),
            ReplyChunk::Usage(counted) => usage = Some(counted),
            ReplyChunk::End(reason) => end = Some(reason),
        }
    }
    Read { text, calls, usage, end: outcome.map(|()| end.expect("a reply without an error has an end")) }
}

fn openai(body: &str) -> Read {
    read(Dialect::OpenAi, [body.as_bytes()])
}

fn event(delta: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]}}\n\n")
}

fn said(text: &str, reason: Option<&str>) -> Read {
    let end = Ok(reason.map(str::to_owned));
    Read { text: text.to_owned(), calls: Vec::new(), usage: None, end }
}

#[test]
fn requests_as_servers_want_them() {
    let messages = [Message::new(Role::System, "Be brief."), Message::new(Role::User, "\"Hi\"")];
    let request =
        ChatRequest { model: "m", messages: &messages, tools: &[], max_reply_tokens: 9, without: Without::default() };
    let newer =
        ChatRequest { without: Without { max_tokens: true, usage: true, tools: true, stream: false }, ..request };
    let encoded = [
        Dialect::OpenAi.encode(&request),
        Dialect::OpenAi.encode(&newer),
        Dialect::Ollama.encode(&request),
        Dialect::Anthropic.encode(&request),
    ];
    let written: Vec<String> = encoded.iter().map(|request| format!("{}\n{}\n", request.path, request.body)).collect();
    expect_test::expect![[r#"
        /chat/completions
        {"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"\"Hi\""}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":9}
        /chat/completions
        {"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"\"Hi\""}],"stream":true,"max_completion_tokens":9}
        /api/chat
        {"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"\"Hi\""}],"stream":true,"think":false,"options":{"num_predict":9}}
        /v1/messages
        {"model":"m","max_tokens":9,"system":"Be brief.","messages":[{"role":"user","content":[{"type":"text","text":"\"Hi\""}]}],"stream":true}
    "#]].assert_eq(&written.concat());
}

#[test]
fn tools_and_what_came_of_them_as_servers_want_them() {
    let tools = [ToolSpec {
        name: "get_time".to_owned(),
        description: "The time.".to_owned(),
        parameters: serde_json::json!({"type": "object"}),
        risk: Risk::Reads,
    }];
    let call = |id: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: "get_time".to_owned(),
        arguments: arguments.to_owned(),
    };
    let returned = |id: &str, result: &str| Message::Returned {
        id: id.to_owned(),
        name: "get_time".to_owned(),
        result: result.to_owned(),
    };
    let messages = [
        Message::new(Role::User, "When?"),
        Message::Called { text: String::new(), calls: vec![call("a", "{\"in\":\"Rome\"}"), call("b", "{}")] },
        returned("a", "14:05"),
        returned("b", "no such place"),
    ];
    let request = ChatRequest {
        model: "m",
        messages: &messages,
        tools: &tools,
        max_reply_tokens: 9,
        without: Without::default(),
    };
    let without = ChatRequest { without: Without { tools: true, ..Without::default() }, ..request };
    assert!(!Dialect::OpenAi.encode(&without).body.contains("\"tools\""));
    let written = [Dialect::OpenAi, Dialect::Ollama, Dialect::Anthropic].map(|dialect| dialect.encode(&request).body);
    expect_test::expect![[r#"
        {"model":"m","messages":[{"role":"user","content":"When?"},{"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"get_time","arguments":"{\"in\":\"Rome\"}"}},{"id":"b","type":"function","function":{"name":"get_time","arguments":"{}"}}]},{"role":"tool","content":"14:05","tool_call_id":"a"},{"role":"tool","content":"no such place","tool_call_id":"b"}],"tools":[{"type":"function","function":{"name":"get_time","description":"The time.","parameters":{"type":"object"}}}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":9}
        {"model":"m","messages":[{"role":"user","content":"When?"},{"role":"assistant","content":"","tool_calls":[{"function":{"name":"get_time","arguments":{"in":"Rome"}}},{"function":{"name":"get_time","arguments":{}}}]},{"role":"tool","content":"14:05","tool_name":"get_time"},{"role":"tool","content":"no such place","tool_name":"get_time"}],"tools":[{"type":"function","function":{"name":"get_time","description":"The time.","parameters":{"type":"object"}}}],"stream":true,"think":false,"options":{"num_predict":9}}
        {"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"When?"}]},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"get_time","input":{"in":"Rome"}},{"type":"tool_use","id":"b","name":"get_time","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"14:05"},{"type":"tool_result","tool_use_id":"b","content":"no such place"}]}],"tools":[{"name":"get_time","description":"The time.","input_schema":{"type":"object"}}],"stream":true}"#]].assert_eq(&written.join("\n"));
}

#[test]
fn what_is_not_streamed_is_said_so_in_every_dialect() {
    let without = Without { stream: true, ..Without::default() };
    let request = ChatRequest { model: "m", messages: &[], tools: &[], max_reply_tokens: 9, without };
    for dialect in [Dialect::OpenAi, Dialect::Ollama, Dialect::Anthropic] {
        let body = dialect.encode(&request).body;
        assert!(body.contains("\"stream\":false") && !body.contains("stream_options"), "{body}");
    }
}

/// llama-cpp-python says each piece of a call twice, and its name every time.
#[test]
fn a_call_that_is_said_in_both_forms_is_one_call() {
    let piece = |arguments: &str| {
        let function = serde_json::json!({ "name": "get_time", "arguments": arguments });
        let call = serde_json::json!({ "index": 0, "id": "call__0_get_time_cmpl-a8c4e76d", "type": "function", "function": function });
        let both =
            serde_json::json!({ "role": null, "content": null, "function_call": function, "tool_calls": [call] });
        let older = serde_json::json!({ "role": null, "content": null, "function_call": function, "tool_calls": null });
        [both, older].map(|delta| event(&delta.to_string()))
    };
    let begin = event(r#"{"role":"assistant","content":null,"function_call":null,"tool_calls":null}"#);
    let end = "data: {\"choices\":[{\"index\":0,\"finish_reason\":\"tool_calls\",\"logprobs\":null,\"delta\":{\"role\":null,\"content\":null,\"function_call\":null,\"tool_calls\":null}}]}\n\ndata: [DONE]\n\n";
    let pieces = ["{", " \"zone\":", " \"Rome\"", "}"].map(piece);
    for (form, id) in ["call__0_get_time_cmpl-a8c4e76d", ""].into_iter().enumerate() {
        let body = pieces.iter().map(|forms| forms[form].clone()).collect::<String>();
        let call =
            ToolCall { id: id.to_owned(), name: "get_time".to_owned(), arguments: "{ \"zone\": \"Rome\"}".to_owned() };
        assert_eq!(openai(&format!("{begin}{body}{end}")).calls, [call], "{form}");
    }
}

#[test]
fn openai_replies_of_many_servers() {
    let hello = event(r#"{"content":"Hello"}"#);
    let stop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let done = "data: [DONE]\n\n";
    assert_eq!(openai(&format!("{hello}{stop}{done}")), said("Hello", Some("stop")));
    assert_eq!(openai(&format!(": waiting\n\n{hello}{stop}")), said("Hello", Some("stop")), "no [DONE]");
    assert_eq!(openai(&format!("{hello}{done}")), said("Hello", None), "no finish reason");
    assert_eq!(openai(&format!("{hello}data: [DONE]")), said("Hello", None), "no empty line at the end");
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n";
    let counted = Some(Usage { prompt_tokens: 3, reply_tokens: 1, cached_tokens: 0 });
    assert_eq!(openai(&format!("{hello}{stop}{usage}{done}")), Read { usage: counted, ..said("Hello", Some("stop")) });
    let thought = event(r#"{"reasoning_content":"Hm."}"#) + &event(r#"{"content":"<think>a</think>\n"}"#);
    assert_eq!(openai(&format!("{thought}{hello}{done}")), said("Hello", None));
    let whole = r#"{"choices":[{"message":{"role":"assistant","content":" Hello"},"finish_reason":"length"}]}"#;
    assert_eq!(openai(whole), said("Hello", Some("length")), "a server that does not stream");
}

#[test]
fn what_is_no_reply() {
    let hello = event(r#"{"content":"Hello"}"#);
    assert_eq!(openai(&hello).end, Err(DecodeError::Cut));
    assert_eq!(openai("").end, Err(DecodeError::Cut));
    assert_eq!(openai(&hello[..20]).end, Err(DecodeError::Cut));
    assert_eq!(openai(r#"{"choices":[{"#).end, Err(DecodeError::Cut));
    for body in ["<html>\n<p>Not found</p></html>", "Not here.", "data: <html>\n\n", "data: 7\n\n", r#"{"a":1}"#] {
        assert!(matches!(openai(body).end, Err(DecodeError::Malformed(_))), "{body}: {:?}", openai(body));
    }
    let broken = openai(&format!("{hello}data: {{\"error\":{{\"message\":\"out of memory\",\"code\":500}}}}\n\n"));
    assert_eq!(broken.text, "Hello");
    let error = ServerError { kind: ServerErrorKind::Unavailable, message: "out of memory".to_owned() };
    assert_eq!(broken.end, Err(DecodeError::Server(error)));
}

#[test]
fn ollama_replies() {
    let ollama = |body: &str| read(Dialect::Ollama, [body.as_bytes()]);
    let (hello, there) = (
        r#"{"message":{"role":"assistant","content":"Hello"},"done":false}"#,
        r#"{"message":{"content":" there"},"done":false}"#,
    );
    let thought = r#"{"message":{"content":"","thinking":"Hm"},"done":false}"#;
    let done = r#"{"message":{"content":""},"done":true,"done_reason":"stop"}"#;
    assert_eq!(ollama(&format!("{thought}\n{hello}\n{there}\r\n{done}\n")), said("Hello there", Some("stop")));
    assert_eq!(ollama(&format!("{hello}\n{done}")), said("Hello", Some("stop")), "no line end at the end");
    let beyond = format!("{hello}\n{done}\n<html>\n");
    assert_eq!(ollama(&beyond), said("Hello", Some("stop")), "what follows the end is no part of it");
    assert_eq!(ollama(&format!("{hello}\n")).end, Err(DecodeError::Cut));
    assert_eq!(ollama(&format!("{hello}\n{}", &done[..20])).end, Err(DecodeError::Cut));
    assert!(matches!(ollama("<html></html>\n").end, Err(DecodeError::Malformed(_))));
    let missing = ollama("{\"error\":\"model 'x' not found\"}\n").end;
    assert!(matches!(missing, Err(DecodeError::Server(error)) if error.message.contains("not found")));
}

proptest! {
    #[test]
    fn portions_make_no_difference(
        body in prop::collection::vec(prop::sample::select(vec![
            "data: ", "{\"choices\":[{\"delta\":{\"content\":\"", "Grüße", "\"}}]}", "\n\n", "\r\n", "[DONE]", "{", "<html>", ":", "x",
            "{\"message\":{\"content\":\"a\"},\"done\":true}", "{\"type\":\"message_stop\"}", "\",\"tool_calls\":[{\"id\":\"1\"}]}}]}",
            "{\"type\":\"content_block_delta\",\"delta\":{\"text\":\"b\"}}", "\u{feff}", "{\"error\":\"e\"}",
        ]), 0..12),
        cut in 0usize..200,
    ) {
        let body = body.concat().into_bytes();
        let (first, second) = body.split_at(cut.min(body.len()));
        for dialect in [Dialect::OpenAi, Dialect::Ollama, Dialect::Anthropic] {
            let whole = read(dialect, [body.as_slice()]);
            prop_assert_eq!(&read(dialect, [first, second]), &whole);
            prop_assert_eq!(&read(dialect, body.chunks(1)), &whole);
        }
    }
}

/// A recorded stream.
struct Recording {
    file: PathBuf,
    dialect: Dialect,
    body: Vec<u8>,
    /// Whether the server reports an error in it.
    fails: bool,
}

fn recordings() -> Option<Vec<Recording>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/llm_streams");
    let Ok(index) = std::fs::read_to_string(root.join("pydantic_ai_index.jsonl")) else {
        println!("skipped: {} is not here", root.display());
        return None;
    };
    let mut bodies = Vec::new();
    for line in index.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let path = entry["path"].as_str().unwrap();
        let dialect = if path.contains("/messages") { Dialect::Anthropic } else { Dialect::OpenAi };
        if path.contains("chat/completions") || dialect == Dialect::Anthropic {
            let file = root.join(entry["file"].as_str().unwrap());
            let body = std::fs::read(&file).unwrap();
            bodies.push(Recording { file, dialect, body, fails: entry["error"] == true });
        }
    }
    for provider in ["anthropic", "groq", "mistral", "openai", "openai-compatible"] {
        let dialect = if provider == "anthropic" { Dialect::Anthropic } else { Dialect::OpenAi };
        for file in std::fs::read_dir(root.join("vercel_ai").join(provider)).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with("responses__") || !name.ends_with(".chunks.txt") {
                continue;
            }
            let lines = std::fs::read_to_string(&file).unwrap();
            let mut events: String =
                lines.lines().filter(|line| !line.is_empty()).map(|line| format!("data: {line}\n\n")).collect();
            if dialect == Dialect::OpenAi {
                events += "data: [DONE]\n\n";
            }
            bodies.push(Recording { file, dialect, body: events.into_bytes(), fails: false });
        }
    }
    Some(bodies)
}

/// Every string under `choices[0].delta.content`, or of Anthropic's text deltas, by a reading of the lines that shares nothing
/// with the decoder, up to the end of the first message.
fn plain_reading(body: &[u8]) -> String {
    let mut text = String::new();
    for line in String::from_utf8_lossy(body).lines() {
        let Some(event) = line.strip_prefix("data: ").and_then(|data| serde_json::from_str::<Value>(data).ok()) else {
            continue;
        };
        if event["type"] == "message_stop" {
            break;
        }
        text.push_str(event["delta"]["text"].as_str().unwrap_or_default());
        match &event["choices"][0]["delta"]["content"] {
            Value::String(content) => text.push_str(content),
            Value::Array(parts) => {
                parts.iter().filter_map(|part| part["text"].as_str()).for_each(|part| text.push_str(part))
            }
            _ => {}
        }
    }
    text.trim_start().to_owned()
}

#[test]
fn recorded_streams_read_the_same_however_they_are_cut() {
    let Some(recordings) = recordings() else { return };
    assert!(recordings.len() > 20, "only {} recordings", recordings.len());
    for Recording { file, dialect, body, fails } in recordings {
        let whole = read(dialect, [body.as_slice()]);
        let plain = plain_reading(&body);
        let failed = matches!(whole.end, Err(DecodeError::Server(_)));
        assert!(failed == fails && (fails || whole.end.is_ok()), "{}: {:?}", file.display(), whole.end);
        if !plain.contains("<think") {
            // The only white space that is added lies between what a tool's use parts.
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(letters(&whole.text), letters(&plain), "{}", file.display());
        }
        assert_eq!(read(dialect, body.chunks(1)), whole, "{}", file.display());
        // Every boundary of a short body, and some two hundred of a long one.
        for cut in (1..body.len()).step_by(body.len().div_ceil(200).max(1)) {
            let (first, second) = body.split_at(cut);
            assert_eq!(read(dialect, [first, second]), whole, "{} at byte {cut}", file.display());
            // A stream that stops here is cut, or it had already said that it was complete.
            let stopped = read(dialect, [first]);
            assert!(whole.text.starts_with(&stopped.text), "{} up to byte {cut}", file.display());
            let foreseen = stopped.end.is_ok() || stopped.end == Err(DecodeError::Cut) || stopped.end == whole.end;
            assert!(foreseen, "{} up to {cut}: {stopped:?}", file.display());
        }
    }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
}

#[test]
fn tool_calls_in_the_fragments_of_many_servers() {
    let calls = |deltas: &[&str]| {
        let events: String = deltas.iter().map(|delta| event(delta)).collect();
        openai(&format!("{events}data: [DONE]\n\n")).calls
    };
    let begun = r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"light","arguments":""}}]}"#;
    let more = r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"on\":"}}]}"#;
    let rest = r#"{"tool_calls":[{"index":0,"function":{"arguments":"true}"}}]}"#;
    let other = r#"{"tool_calls":[{"index":1,"id":"b","function":{"name":"time"}}]}"#;
    let light = call("a", "light", r#"{"on":true}"#);
    assert_eq!(calls(&[begun, more, rest, other]), [light.clone(), call("b", "time", "{}")], "OpenAI's own");
    assert_eq!(calls(&[begun, other, more, rest]), [light, call("b", "time", "{}")], "at the same time");
    let whole = |id: &str| {
        format!(r#"{{"tool_calls":[{{"index":0,"id":"{id}","function":{{"name":"time","arguments":"{{}}"}}}}]}}"#)
    };
    assert_eq!(
        calls(&[&whole("a"), &whole("b")]),
        [call("a", "time", "{}"), call("b", "time", "{}")],
        "all numbered 0"
    );
    let nameless = r#"{"tool_calls":[{"function":{"name":"a","arguments":{"n":1}}},{"function":{"name":"b"}}]}"#;
    assert_eq!(calls(&[nameless]), [call("", "a", r#"{"n":1}"#), call("", "b", "{}")], "neither number nor id");
    let older = [r#"{"function_call":{"name":"a","arguments":"{"}}"#, r#"{"function_call":{"arguments":"}"}}"#];
    assert_eq!(calls(&older), [call("", "a", "{}")], "as it was before there were several");
    let broken = r#"{"tool_calls":[{"index":0,"function":{"name":"a","arguments":"{\"n\":"}}]}"#;
    assert_eq!(calls(&[broken]), [call("", "a", r#"{"n":"#)], "what is wrong with it is for others to say");
}

#[test]
fn anthropic_replies() {
    let anthropic = |body: &str| read(Dialect::Anthropic, [body.as_bytes()]);
    let event = |data: &str| format!("event: x\ndata: {data}\n\n");
    let start = event(
        r#"{"type":"message_start","message":{"usage":{"input_tokens":5,"cache_read_input_tokens":7,"output_tokens":1}}}"#,
    ) + &event(r#"{"type":"ping"}"#);
    let block = event(r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#);
    let hello = event(r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#);
    let tool = event(
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"light","input":{}}}"#,
    ) + &event(
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"on\":true}"}}"#,
    );
    let thought =
        event(r#"{"type":"content_block_start","index":2,"content_block":{"type":"thinking","thinking":""}}"#)
            + &event(r#"{"type":"content_block_delta","index":2,"delta":{"type":"thinking_delta","thinking":"Hm."}}"#);
    let stop = event(r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}"#);
    let over = event(r#"{"type":"message_stop"}"#);
    let usage = Some(Usage { prompt_tokens: 12, reply_tokens: 9, cached_tokens: 7 });
    let expected = Read { calls: vec![call("a", "light", r#"{"on":true}"#)], usage, ..said("Hello", Some("tool_use")) };
    assert_eq!(anthropic(&format!("{start}{block}{hello}{tool}{thought}{stop}{over}")), expected);
    assert_eq!(anthropic(&format!("{start}{block}{hello}{tool}{stop}")), expected, "cut after the reason");
    assert_eq!(anthropic(&format!("{start}{block}{hello}")).end, Err(DecodeError::Cut));
    let overloaded = event(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#);
    let failed = anthropic(&format!("{start}{block}{hello}{overloaded}"));
    let error = ServerError { kind: ServerErrorKind::Unavailable, message: "Overloaded".to_owned() };
    assert_eq!((failed.text.as_str(), failed.end), ("Hello", Err(DecodeError::Server(error))));
    let text = r#"{"type":"text","text":"Hello"}"#;
    let whole = format!(
        r#"{{"type":"message","content":[{text},{text},{{"type":"server_tool_use"}},{text}],"stop_reason":"end_turn"}}"#
    );
    let paragraphs = said("HelloHello\n\nHello", Some("end_turn"));
    assert_eq!(anthropic(&whole), paragraphs, "a server that does not stream, and uses a tool of its own");
    assert!(matches!(anthropic("<html></html>").end, Err(DecodeError::Malformed(_))));
}
