//! What faces cost to draw: `make bench-display`. Each picture is drawn whole and compared with the one before it, as the display's
//! thread does.
#![allow(clippy::print_stdout, reason = "this is run by hand")]

use std::time::Duration;

use embedded_graphics::geometry::Size;
use pipit::display::picture::Picture;
use pipit_core::config::Rotation;
use pipit_core::face::{Face, LEVELS};
use rustix::time::{ClockId, clock_gettime};

/// Pictures of each.
const PICTURES: u32 = 500;

/// A face of the `n`th picture.
type Shown = fn(u32) -> Face;

fn main() {
    let listening: Shown = |n| Face::Listening { level: (n % u32::from(LEVELS + 1)) as u8, words: String::new() };
    let speaking: Shown = |n| Face::Speaking {
        words: format!(
            "The {n}th of many sentences that are neither short nor long, and are shown while they are said."
        ),
    };
    let idle: Shown = |n| Face::Idle {
        time: format!("14:{:02}", n % 60),
        date: "Wednesday 23 September".to_owned(),
        muted: false,
        timers: Vec::new(),
        warning: None,
    };
    // How many pictures there are in a minute at most.
    let faces: [(&str, Shown, u32); 4] = [
        ("idle", idle, 1),
        ("listening", listening, 600),
        ("thinking", |_| Face::Thinking, 150),
        ("speaking", speaking, 60),
    ];
    for (name, size, has_colours) in [
        ("128x64 on or off", Size::new(128, 64), false),
        ("240x240 colours", Size::new(240, 240), true),
        ("320x240 colours", Size::new(320, 240), true),
        ("480x320 colours", Size::new(480, 320), true),
    ] {
        for (face, shown, in_a_minute) in faces {
            let took = took(shown, size, has_colours) / PICTURES;
            let share = took.as_secs_f64() * f64::from(in_a_minute) / 60.0 * 100.0;
            println!("{name}, {face}: {:.2} ms a picture, at most {share:.3} % of a core", took.as_secs_f64() * 1000.0);
        }
    }
}

/// CPU time of all pictures.
fn took(face: Shown, size: Size, has_colours: bool) -> Duration {
    let mut picture = Picture::blank(size, has_colours);
    let mut shown = picture.clone();
    let mut changed = 0;
    let began = cpu_time();
    for n in 0..PICTURES {
        picture.draw(&face(n), n);
        let turned = picture.turned(Rotation::None);
        changed += u32::from(turned.changed_since(&shown).is_some());
        shown = turned;
    }
    let took = cpu_time() - began;
    assert!(changed > PICTURES / 2, "nothing is compared where nothing changes");
    took
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}
