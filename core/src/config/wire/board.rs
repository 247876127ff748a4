//! What is written about the board that Pipit stands on: `[board]`, `[display]`, `[leds]` and `[buttons]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The board that Pipit stands on.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Board {
    /// Whose lights and buttons it has, where leds and buttons say nothing else.
    pub(in crate::config) profile: Profile,
    /// The GPIO chip that has the lines which are named by number.
    #[schemars(length(min = 1))]
    pub(in crate::config) gpio_chip: String,
}

impl Default for Board {
    fn default() -> Self {
        Board { profile: Profile::None, gpio_chip: "/dev/gpiochip0".into() }
    }
}

/// A board with lights and buttons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::config) enum Profile {
    /// None, such as with a microphone at USB.
    #[serde(rename = "none")]
    None,
    /// ReSpeaker 2-Mics Pi HAT: three lights and a button, with which Pipit is spoken to.
    #[serde(rename = "respeaker-2mic")]
    Respeaker2Mic,
    /// ReSpeaker 4-Mic Array: twelve lights.
    #[serde(rename = "respeaker-4mic")]
    Respeaker4Mic,
}

/// A display.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Display {
    /// What display there is.
    pub(in crate::config) kind: DisplayKind,
    /// Its device, such as /dev/i2c-1, /dev/spidev0.0 or /dev/fb0; with kind "png" the file that always holds the newest picture.
    /// "" is what is usual for its kind.
    pub(in crate::config) path: String,
    /// Pixels in a row, before it is turned; 0 for as many as is usual for its kind. A framebuffer knows by itself.
    #[schemars(range(min = 0, max = 2048))]
    pub(in crate::config) width: u16,
    /// Rows of pixels, before it is turned; 0 for as many as is usual for its kind. A framebuffer knows by itself.
    #[schemars(range(min = 0, max = 2048))]
    pub(in crate::config) height: u16,
    /// By how much it is turned, clockwise.
    pub(in crate::config) rotation: Rotation,
    /// With kind "ssd1306": its address on the bus, usually 60 (0x3C) or 61 (0x3D).
    #[schemars(range(min = 8, max = 119))]
    pub(in crate::config) address: u8,
    /// With kinds "st7789" and "ili9341": the GPIO line that tells commands from pixels (DC, RS or A0).
    #[schemars(range(min = -1, max = 1023))]
    pub(in crate::config) dc_line: i32,
    /// With the same: the GPIO line that resets it (RST); -1 where there is none.
    #[schemars(range(min = -1, max = 1023))]
    pub(in crate::config) reset_line: i32,
    /// With the same: the GPIO line of its light (BL or LED); -1 where it is always on.
    #[schemars(range(min = -1, max = 1023))]
    pub(in crate::config) backlight_line: i32,
    /// With the same: whether its colours are the wrong way round without this.
    pub(in crate::config) invert: bool,
    /// How it tells the time.
    pub(in crate::config) clock: ClockFace,
}

impl Default for Display {
    fn default() -> Self {
        Display {
            kind: DisplayKind::None,
            path: String::new(),
            width: 0,
            height: 0,
            rotation: Rotation::None,
            address: 0x3c,
            dc_line: -1,
            reset_line: -1,
            backlight_line: -1,
            invert: false,
            clock: ClockFace::TwentyFour,
        }
    }
}

/// What display there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum DisplayKind {
    /// None.
    None,
    /// Small, of white or blue pixels, over I2C.
    Ssd1306,
    /// With colours, over SPI; usually 240 by 240 pixels.
    St7789,
    /// With colours, over SPI; 240 by 320 pixels.
    Ili9341,
    /// What Linux draws on by itself: HDMI, DSI, or whatever has an overlay.
    Framebuffer,
    /// A picture in a file, to try out what a display would show.
    Png,
}

/// By how much a display is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::config) enum Rotation {
    /// It is not.
    #[serde(rename = "0")]
    None,
    /// A quarter.
    #[serde(rename = "90")]
    Quarter,
    /// It hangs upside down.
    #[serde(rename = "180")]
    Half,
    /// Three quarters.
    #[serde(rename = "270")]
    ThreeQuarters,
}

/// How the time is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::config) enum ClockFace {
    /// 14:05.
    #[serde(rename = "24h")]
    TwentyFour,
    /// 2:05.
    #[serde(rename = "12h")]
    Twelve,
}

/// Lights that show what Pipit does.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Leds {
    /// What lights there are.
    pub(in crate::config) kind: LedKind,
    /// With kinds "apa102" and "ws2812": the SPI device; "" is what is usual for the board.
    pub(in crate::config) path: String,
    /// With the same: how many; 0 for as many as the board has.
    #[schemars(range(min = 0, max = 256))]
    pub(in crate::config) count: u16,
    /// How bright they are, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub(in crate::config) brightness: u8,
    /// With kind "gpio": the line of the light.
    #[schemars(range(min = -1, max = 1023))]
    pub(in crate::config) line: i32,
}

impl Default for Leds {
    fn default() -> Self {
        Leds { kind: LedKind::Board, path: String::new(), count: 0, brightness: 30, line: -1 }
    }
}

/// What lights there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum LedKind {
    /// Those of the board that board.profile names, if it has any.
    Board,
    /// None.
    None,
    /// APA102 or SK9822 (DotStar), over SPI.
    Apa102,
    /// WS2812 (NeoPixel), with their data line at MOSI of SPI.
    Ws2812,
    /// A single one, at a GPIO line.
    Gpio,
}

/// Buttons and switches at GPIO lines. -1 is what the board that board.profile names has, or nothing.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Buttons {
    /// The button that switches the microphone off and on again.
    #[schemars(range(min = -1, max = 1023))]
    pub(in crate::config) mute_line: i32,
    /// The button to speak to Pipit: held while one speaks, or tapped before.
    #[schemars(range(min = -1, max = 1023))]
    pub(in crate::config) talk_line: i32,
    /// The button that makes Pipit louder.
    #[schemars(range(min = -1, max = 1023))]
    pub(in crate::config) volume_up_line: i32,
    /// The button that makes it quieter.
    #[schemars(range(min = -1, max = 1023))]
    pub(in crate::config) volume_down_line: i32,
    /// A switch that takes the microphone's power: Pipit is muted for as long as it is on.
    #[schemars(range(min = -1, max = 1023))]
    pub(in crate::config) mute_switch_line: i32,
    /// Whether a line is low while its button is pressed or its switch is on, as with buttons to ground.
    pub(in crate::config) active_low: bool,
}

impl Default for Buttons {
    fn default() -> Self {
        Buttons {
            mute_line: -1,
            talk_line: -1,
            volume_up_line: -1,
            volume_down_line: -1,
            mute_switch_line: -1,
            active_low: true,
        }
    }
}
