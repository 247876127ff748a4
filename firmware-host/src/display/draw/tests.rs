//! Every face in every usual size, as `docs/display/` shows them. `UPDATE_EXPECT=1` draws those pictures anew: look at them.

use std::fs;
use std::path::PathBuf;

use embedded_graphics::geometry::{OriginDimensions as _, Size};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor as _};
use embedded_graphics::prelude::{DrawTargetExt as _, Point};

use super::*;
use crate::display::canvas::Canvas;
use crate::display::picture::Picture;

fn timers() -> Vec<TimerShown> {
    let timer = |name: &str, left: &str, paused| TimerShown { name: name.to_owned(), left: left.to_owned(), paused };
    vec![
        timer("Pasta", "7:32", false),
        timer("", "1:07:32", false),
        timer("Tea for everybody in the house", "0:45", true),
    ]
}

fn idle(muted: bool, timers: Vec<TimerShown>) -> Face {
    Face::Idle { time: "14:05".into(), date: "Wednesday 23 September".into(), muted, timers, warning: None }
}

fn with_warning(face: Face, words: &str) -> Face {
    let Face::Idle { time, date, muted, timers, .. } = face else { return face };
    Face::Idle { time, date, muted, timers, warning: Some(words.to_owned()) }
}

/// Each with its beat.
fn faces() -> Vec<(Face, u32)> {
    let address = || Some("pipit.local:7847".to_owned());
    let long = "The Aeolian harp, named after Æolus, sounds by the wind alone: its strings are tuned to one note, and what \
                is heard are the overtones of it, which come and go as the wind does, for as long as there is any.";
    let hot = "The board has 81 °C and slows itself down: give it air, a heat sink or a fan";
    let configuration = "The last good configuration is in use: the newest can't be used; set it right and restart Pipit \
                         (/etc/pipit/pipit.toml:3:11: audio.backend cannot be \"alsa\"; write \"cpal\", \"wav\" or \"null\")";
    let listening = |level, words: &str| Face::Listening { level, words: words.to_owned() };
    let speaking = |words: &str| Face::Speaking { words: words.to_owned() };
    vec![
        (Face::Starting, 0),
        (Face::Welcome { address: address() }, 0),
        (Face::Code { digits: "048219".into(), address: address() }, 0),
        (idle(false, Vec::new()), 0),
        (idle(false, timers()), 0),
        (idle(true, Vec::new()), 0),
        (listening(0, ""), 0),
        (listening(8, ""), 0),
        (listening(5, "How much is twelve"), 0),
        (listening(8, long), 0),
        (Face::Thinking, 1),
        (speaking("Twelve times seven is eighty-four."), 0),
        (speaking(long), 0),
        (speaking(""), 0),
        (Face::Ringing { words: "Your pasta timer is done.".into() }, 1),
        (Face::Trouble(Trouble::Microphone), 0),
        (Face::Trouble(Trouble::Recogniser), 0),
        (with_warning(idle(false, Vec::new()), hot), 0),
        (with_warning(idle(true, timers()), hot), 0),
        (with_warning(idle(false, Vec::new()), configuration), 0),
    ]
}

fn drawn(face: &Face, beat: u32, size: Size, has_colours: bool) -> Picture {
    let mut picture = Picture::blank(size, has_colours);
    picture.draw(face, beat);
    picture
}

/// All faces side by side.
fn sheet(size: Size, has_colours: bool, columns: u32) -> Canvas<Rgb888> {
    const GAP: u32 = 8;
    let faces = faces();
    let rows = (faces.len() as u32).div_ceil(columns);
    let whole = Size::new(columns * (size.width + GAP) + GAP, rows * (size.height + GAP) + GAP);
    let mut sheet = Canvas::new(whole, Rgb888::new(0x4a, 0x50, 0x57));
    for (n, (face, beat)) in faces.iter().enumerate() {
        let at = Point::new(n as i32 % columns as i32, n as i32 / columns as i32);
        let corner = Point::new_equal(GAP as i32)
            + at.component_mul(Point::new((size.width + GAP) as i32, (size.height + GAP) as i32));
        let mut place = sheet.cropped(&Rectangle::new(corner, size));
        let picture = drawn(face, *beat, size, has_colours);
        let pixels = |y| -> Vec<Rgb888> {
            match &picture {
                Picture::Colours(canvas) => canvas.row(y).to_vec(),
                Picture::OnOrOff(canvas) => canvas
                    .row(y)
                    .iter()
                    .map(|pixel| if pixel.is_on() { Rgb888::new(0xe0, 0xff, 0xff) } else { Rgb888::BLACK })
                    .collect(),
            }
        };
        for y in 0..size.height {
            let row = Rectangle::new(Point::new(0, y as i32), Size::new(size.width, 1));
            place.fill_contiguous(&row, pixels(y)).unwrap();
        }
    }
    sheet
}

#[track_caller]
fn check(name: &str, size: Size, has_colours: bool, columns: u32) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/display").join(name);
    let sheet = sheet(size, has_colours, columns);
    let picture = Picture::Colours(sheet.clone());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, picture.png().unwrap()).unwrap();
    }
    let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(&path).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!(Size::new(info.width, info.height), sheet.size(), "{name}");
    for (y, row) in bytes.chunks(info.width as usize * 3).enumerate() {
        let now = sheet.row(y as u32).iter().map(|colour| [colour.r(), colour.g(), colour.b()]);
        let differs = now.zip(row.chunks(3)).position(|(now, then)| now != then);
        assert_eq!(differs, None, "{name} is not as it was drawn before, first in row {y}");
    }
}

#[test]
fn faces_look_as_they_did() {
    check("colours-320x240.png", Size::new(320, 240), true, 3);
    check("colours-240x240.png", Size::new(240, 240), true, 4);
    check("colours-240x320.png", Size::new(240, 320), true, 4);
    check("on-or-off-128x64.png", Size::new(128, 64), false, 5);
    check("on-or-off-128x32.png", Size::new(128, 32), false, 5);
}

/// Whatever is said, and whatever somebody takes for the size of a display.
#[test]
fn every_face_is_drawn_in_every_size() {
    let odd = Face::Speaking { words: "漢字🐦\u{200d}\u{301}\0 ".repeat(50) };
    let said = Face::Listening { level: 9, words: "漢字🐦\u{200d}\u{301}\0 ".repeat(50) };
    let odd = [
        (odd, 7),
        (said, 0),
        (Face::Code { digits: "é1".into(), address: None }, 9),
        (Face::Welcome { address: None }, 0),
    ];
    for (face, beat) in faces().into_iter().chain(odd) {
        for (width, height) in [(1, 1), (8, 8), (16, 200), (72, 40), (128, 16), (480, 272), (1024, 600)] {
            for has_colours in [false, true] {
                drawn(&face, beat, Size::new(width, height), has_colours);
            }
        }
    }
}
