//! A Wyoming peer may send anything, in any portions: nothing panics, no more is held than is allowed, and the portions make
//! no difference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pipit_core::time::Moment;
use pipit_core::wyoming::{Assist, AudioFormat, Decoder, Event, Limits, Malformed, MonoReader};

const LIMITS: Limits = Limits { header: 500, data: 700, payload: 900 };

fuzz_target!(|input: (u8, &[u8])| {
    let (portion, bytes) = input;
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(read(bytes, usize::from(portion).max(1)), whole);
    // Home Assistant may be anybody too.
    let mut assist = Assist::default();
    assist.ask();
    for event in whole.0 {
        let _ = assist.take(Moment::START, &event);
        let _ = assist.lull();
        if let Ok(format) = AudioFormat::of(&event) {
            let mut mono = Vec::new();
            MonoReader::new(format).push(&event.payload, &mut mono);
            assert!(mono.iter().all(|sample| (-1.0..=1.0).contains(sample)));
        }
        let (again, malformed) = read(&event.encode(), 1000);
        // Numbers may be written longer than they came.
        assert!(again == [event] || malformed.is_some());
    }
});

/// The events, and why they end.
fn read(bytes: &[u8], portion: usize) -> (Vec<Event>, Option<Malformed>) {
    let (mut decoder, mut events) = (Decoder::new(LIMITS), Vec::new());
    for mut unread in bytes.chunks(portion) {
        loop {
            let decoded = decoder.decode(&mut unread);
            assert!(decoder.room() <= 900);
            match decoded {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(malformed) => return (events, Some(malformed)),
            }
        }
    }
    (events, None)
}
