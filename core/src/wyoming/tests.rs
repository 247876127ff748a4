use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::audio::{Hertz, Pcm};

const LIMITS: Limits = Limits { header: 200, data: 300, payload: 400 };

/// Everything that `bytes` say, handed over in pieces of this size, and why that ends.
fn decode(bytes: &[u8], size: usize) -> (Vec<Event>, Option<Malformed>) {
    let (mut decoder, mut events) = (Decoder::new(LIMITS), Vec::new());
    for mut piece in bytes.chunks(size) {
        loop {
            let outcome = decoder.decode(&mut piece);
            assert!(decoder.room() <= LIMITS.header.max(LIMITS.data).max(LIMITS.payload), "{}", decoder.room());
            match outcome {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break assert!(piece.is_empty()),
                Err(malformed) => return (events, Some(malformed)),
            }
        }
    }
    (events, None)
}

fn malformed(bytes: &[u8]) -> String {
    let (events, malformed) = decode(bytes, 7);
    assert_eq!(events, []);
    malformed.expect("it is no event").to_string()
}

#[test]
fn an_event_is_a_line_with_what_it_promises() {
    let bytes = b"{\"type\": \"audio-chunk\", \"data\": {\"rate\": 1, \"width\": 2}, \"data_length\": 15, \
                  \"payload_length\": 3, \"version\": \"9\"}\n{\"rate\": 16000}\n{\"{\"type\": \"ping\", \"data\": null}\n";
    let bytes = &bytes[..];
    for size in [1, 2, 50, 1000] {
        let (events, malformed) = decode(bytes, size);
        assert_eq!(malformed, None);
        let chunk = Event::new("audio-chunk").with("rate", 16_000).with("width", 2).carrying(b"\n{\""[..].into());
        assert_eq!(events, [chunk, Event::new("ping")], "what stands behind the line counts more");
    }
}

#[test]
fn what_is_no_event_is_told_and_nothing_after_it_is_read() {
    let long = |part: &str, most: usize| format!("an event's {part} is longer than {most} bytes");
    assert_eq!(malformed(&[b'x'; 300]), long("header", 200));
    assert_eq!(malformed(b"{\"type\": \"a\", \"data_length\": 301}\n"), long("data", 300));
    assert_eq!(malformed(b"{\"type\": \"a\", \"payload_length\": 18446744073709551615}\n"), long("payload", 400));
    for lie in ["-1", "1.5", "\"3\"", "99999999999999999999", "[]"] {
        let line = format!("{{\"type\": \"a\", \"data_length\": {lie}}}\n");
        assert_eq!(malformed(line.as_bytes()), "an event's data_length is no number of bytes");
    }
    for line in ["\n", "[]\n", "{\"type\": \"a\"\n", "\u{0}\n"] {
        assert_eq!(malformed(line.as_bytes()), "an event's header is no JSON object");
    }
    assert_eq!(malformed(b"{\"type\": \"a\", \"data\": []}\n"), "an event's data is no JSON object");
    assert_eq!(malformed(b"{\"type\": \"a\", \"data_length\": 2}\n[]"), "an event's data is no JSON object");
    assert_eq!(malformed(b"{\"kind\": \"a\"}\n"), "an event has no type");
    assert_eq!(malformed(b"{\"type\": 7}\n"), "an event has no type");
    let mut decoder = Decoder::new(LIMITS);
    for mut bytes in [&b"[]\n"[..], b"{\"type\": \"ping\"}\n"] {
        assert!(decoder.decode(&mut bytes).is_err());
    }
}

#[test]
fn half_an_event_is_known_to_be_one() {
    let mut decoder = Decoder::new(LIMITS);
    assert!(decoder.is_between_events());
    for piece in ["{\"type\": \"a\", ", "\"data_length\": 2}\n", "{"] {
        assert_eq!(decoder.decode(&mut piece.as_bytes()), Ok(None));
        assert!(!decoder.is_between_events());
    }
    assert_eq!(decoder.decode(&mut &b"}"[..]), Ok(Some(Event::new("a"))));
    assert!(decoder.is_between_events());
}

#[test]
fn what_people_say_is_not_shown() {
    let shown = format!("{:?}", Event::new("transcript").with("text", "a secret").carrying(vec![1, 2]));
    assert_eq!(shown, "transcript(text; 2 bytes)");
}

#[test]
fn formats_outside_the_limits_are_named() {
    let event = |rate: u32, width: u32, channels: u32| {
        Event::new("audio-start").with("rate", rate).with("width", width).with("channels", channels)
    };
    assert!(AudioFormat::of(&event(16_000, 2, 1)).is_ok());
    let wrong = [event(0, 2, 1), event(16_000, 5, 1), event(16_000, 2, 0)];
    let wrong = wrong.iter().map(|event| AudioFormat::of(event).unwrap_err()).collect::<Vec<_>>().join("\n");
    assert_eq!(
        wrong,
        "audio-start needs rate from 4000 to 192000\naudio-start needs width from 1 to 4\n\
         audio-start needs channels from 1 to 8"
    );
    let text = event(16_000, 2, 1).with("rate", json!("16000"));
    assert!(AudioFormat::of(&text).is_err());
}

#[test]
fn samples_of_every_width_are_the_same_sound() {
    let cases: [(usize, &[u8]); 4] = [
        (1, &[192, 64, 128, 0]),
        (2, &[0, 0x40, 0, 0xc0, 0, 0, 0, 0x80]),
        (3, &[0, 0, 0x40, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0x80]),
        (4, &[0, 0, 0, 0x40, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0x80]),
    ];
    for (width, bytes) in cases {
        for (channels, want) in [(1, &[0.5, -0.5, 0.0, -1.0][..]), (2, &[0.0, -0.5]), (4, &[0.5])] {
            for size in 1..=bytes.len() {
                let mut reader = MonoReader::new(AudioFormat { rate: Hertz(16_000), width, channels });
                let mut mono = Vec::new();
                bytes.chunks(size).for_each(|piece| reader.push(piece, &mut mono));
                assert_eq!(mono, want, "{width} bytes, {channels} channels, in pieces of {size}");
            }
        }
    }
}

#[test]
fn sound_goes_out_as_it_comes_in() {
    let pcm = Pcm::new([0.0, 0.5, -0.5, 1.0, -2.0], Hertz(10));
    let events: Vec<Event> = sound(&pcm, 0.3).collect();
    assert_eq!(events.iter().map(|event| event.payload.len()).collect::<Vec<_>>(), [6, 4]);
    let mut mono = Vec::new();
    for event in &events {
        MonoReader::new(AudioFormat { rate: Hertz(10), width: 2, channels: 1 }).push(&event.payload, &mut mono);
    }
    for (got, want) in mono.iter().zip([0.0, 0.5, -0.5, 1.0, -1.0]) {
        assert!((got - want).abs() < 1e-4, "{mono:?}");
    }
}

fn events() -> impl Strategy<Value = Event> {
    let data = prop::collection::btree_map("[a-z]{1,5}", "[^\"\\\\]{0,9}", 0..4);
    ("[a-z-]{1,20}", data, prop::collection::vec(any::<u8>(), 0..400)).prop_map(|(kind, data, payload)| {
        data.into_iter().fold(Event::new(kind), |event, (key, value)| event.with(&key, value)).carrying(payload)
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_too_much(bytes in prop::collection::vec(any::<u8>(), 0..3000), size in 1_usize..500) {
        decode(&bytes, size);
    }

    #[test]
    fn lines_that_lie_are_never_too_much(
        lengths in prop::array::uniform2(any::<i64>()),
        rest in prop::collection::vec(any::<u8>(), 0..1000),
        size in 1_usize..500,
    ) {
        let line = format!("{{\"type\":\"a\",\"data_length\":{},\"payload_length\":{}}}\n", lengths[0], lengths[1] % 500);
        decode(&[line.as_bytes(), &rest].concat(), size);
    }

    #[test]
    fn what_is_written_is_read(events in prop::collection::vec(events(), 1..4), size in 1_usize..500) {
        let bytes: Vec<u8> = events.iter().flat_map(Event::encode).collect();
        let (read, malformed) = decode(&bytes, size);
        prop_assert_eq!(malformed, None);
        prop_assert_eq!(read, events);
    }
}
