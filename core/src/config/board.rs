//! `[board]`, `[display]`, `[leds]` and `[buttons]`: what Pipit shows itself on, and what it is touched by.

use std::path::PathBuf;

use super::checked::{ButtonSettings, DisplayKind, DisplaySettings, LedKind, LedSettings, Rotation};
use super::layers::Settings;
use super::wire;

/// What a board has by itself.
struct Profile {
    /// How many APA102 lights, at which device, and which line gives them power.
    apa102: Option<(u16, &'static str, Option<u32>)>,
    talk_line: Option<u32>,
}

/// ReSpeaker's boards: Seeed's mic_hat and 4mics_hat.
fn profile(profile: wire::Profile) -> Profile {
    match profile {
        wire::Profile::None => Profile { apa102: None, talk_line: None },
        wire::Profile::Respeaker2Mic => Profile { apa102: Some((3, "/dev/spidev0.1", None)), talk_line: Some(17) },
        wire::Profile::Respeaker4Mic => Profile { apa102: Some((12, "/dev/spidev0.1", Some(5))), talk_line: None },
    }
}

/// Reads what display there is; `None` if there is none.
pub(super) fn display(
    settings: &mut Settings<'_>,
    board: &wire::Board,
    display: &wire::Display,
) -> Option<DisplaySettings> {
    let (kind, usual, width, height) = match display.kind {
        wire::DisplayKind::None => return None,
        wire::DisplayKind::Ssd1306 => (DisplayKind::Ssd1306, "/dev/i2c-1", 128, 64),
        wire::DisplayKind::St7789 => (DisplayKind::St7789, "/dev/spidev0.0", 240, 240),
        wire::DisplayKind::Ili9341 => (DisplayKind::Ili9341, "/dev/spidev0.0", 240, 320),
        wire::DisplayKind::Framebuffer => (DisplayKind::Framebuffer, "/dev/fb0", 320, 240),
        wire::DisplayKind::Png => (DisplayKind::Png, "", 320, 240),
    };
    let device = if display.path.trim().is_empty() { usual } else { display.path.trim() };
    if device.is_empty() {
        let sentence =
            "display.path must name the file that is to hold the picture; write for example \"/run/pipit/face.png\"";
        settings.object(&[("display", "path"), ("display", "kind")], sentence);
    }
    let or_usual = |written: u16, usual: u16| if written == 0 { usual } else { written };
    let (width, height) = (or_usual(display.width, width), or_usual(display.height, height));
    check_size(settings, kind, (width, height));
    let dc_line = line(display.dc_line);
    if matches!(kind, DisplayKind::St7789 | DisplayKind::Ili9341) && dc_line.is_none() {
        let sentence =
            "display.dc_line must be the GPIO line that the display's DC pin is wired to; write for example 25";
        settings.object(&[("display", "dc_line"), ("display", "kind")], sentence);
    }
    Some(DisplaySettings {
        kind,
        device: device.into(),
        width,
        height,
        rotation: match display.rotation {
            wire::Rotation::None => Rotation::None,
            wire::Rotation::Quarter => Rotation::Quarter,
            wire::Rotation::Half => Rotation::Half,
            wire::Rotation::ThreeQuarters => Rotation::ThreeQuarters,
        },
        address: display.address,
        gpio_chip: PathBuf::from(&board.gpio_chip),
        dc_line,
        reset_line: line(display.reset_line),
        backlight_line: line(display.backlight_line),
        invert: display.invert,
    })
}

/// What the controller of a display can't address, it can't show.
fn check_size(settings: &mut Settings<'_>, kind: DisplayKind, (width, height): (u16, u16)) {
    let (widest, highest) = match kind {
        DisplayKind::Ssd1306 => (128, 64),
        DisplayKind::St7789 | DisplayKind::Ili9341 => (240, 320),
        DisplayKind::Framebuffer | DisplayKind::Png => return,
    };
    for (key, size, most) in [("width", width, widest), ("height", height, highest)] {
        if size > most {
            let sentence = format!(
                "display.{key} ({size}) is more than this display has; write at most {most}, as it is before it is turned"
            );
            settings.object(&[("display", key), ("display", "kind")], sentence);
        }
    }
}

/// Reads what lights there are; `None` if there are none.
pub(super) fn leds(settings: &mut Settings<'_>, board: &wire::Board, leds: &wire::Leds) -> Option<LedSettings> {
    let own = profile(board.profile).apa102;
    let device = |usual: &str| PathBuf::from(if leds.path.trim().is_empty() { usual } else { leds.path.trim() });
    let count = |usual: u16| if leds.count == 0 { usual } else { leds.count };
    let kind = match leds.kind {
        wire::LedKind::None => return None,
        wire::LedKind::Board => {
            let (usual, at, power_line) = own?;
            LedKind::Apa102 { device: device(at), count: count(usual), power_line }
        }
        wire::LedKind::Apa102 => {
            let (usual, at, power_line) = own.unwrap_or((1, "/dev/spidev0.0", None));
            LedKind::Apa102 { device: device(at), count: count(usual), power_line }
        }
        wire::LedKind::Ws2812 => LedKind::Ws2812 { device: device("/dev/spidev0.0"), count: count(1) },
        wire::LedKind::Gpio => {
            let line = line(leds.line);
            if line.is_none() {
                let sentence = "leds.line must be the GPIO line of the light; write for example 18";
                settings.object(&[("leds", "line"), ("leds", "kind")], sentence);
            }
            LedKind::Gpio { line: line? }
        }
    };
    Some(LedSettings { kind, gpio_chip: PathBuf::from(&board.gpio_chip), brightness: leds.brightness })
}

/// Reads what buttons there are; `None` if there are none.
pub(super) fn buttons(
    settings: &mut Settings<'_>,
    board: &wire::Board,
    buttons: &wire::Buttons,
) -> Option<ButtonSettings> {
    let wire::Buttons { mute_line, talk_line, volume_up_line, volume_down_line, mute_switch_line, active_low } =
        buttons;
    let keys = [
        ("mute_line", line(*mute_line)),
        ("talk_line", line(*talk_line).or(profile(board.profile).talk_line)),
        ("volume_up_line", line(*volume_up_line)),
        ("volume_down_line", line(*volume_down_line)),
        ("mute_switch_line", line(*mute_switch_line)),
    ];
    for (n, (key, line)) in keys.iter().enumerate() {
        let same = keys[..n].iter().find(|(_, before)| before.is_some() && before == line);
        if let Some((other, _)) = same {
            let sentence = format!("buttons.{key} and buttons.{other} are the same line; give each a line of its own");
            settings.object(&[("buttons", key), ("buttons", other)], sentence);
        }
    }
    let [mute, talk, volume_up, volume_down, mute_switch] = keys.map(|(_, line)| line);
    let some = keys.iter().any(|(_, line)| line.is_some());
    some.then(|| ButtonSettings {
        gpio_chip: PathBuf::from(&board.gpio_chip),
        active_low: *active_low,
        mute,
        talk,
        volume_up,
        volume_down,
        mute_switch,
    })
}

/// -1 is none.
fn line(written: i32) -> Option<u32> {
    u32::try_from(written).ok()
}
