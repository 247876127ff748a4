//! A face as a picture, and that picture as PNG.

use embedded_graphics::geometry::{OriginDimensions as _, Size};
use embedded_graphics::pixelcolor::{BinaryColor, Rgb888, RgbColor as _};
use embedded_graphics::primitives::Rectangle;
use pipit_core::config::{DisplayKind, DisplaySettings, Rotation};
use pipit_core::face::Face;

use super::canvas::Canvas;
use super::draw::{COLOURS, ON_OR_OFF, draw};

/// A face as the display shows it that is configured, or where there is none, as one with colours would. As PNG.
///
/// # Errors
/// It can't be written.
pub fn preview(face: &Face, display: Option<&DisplaySettings>) -> anyhow::Result<Vec<u8>> {
    let (mut size, has_colours) = match display {
        Some(display) if display.kind == DisplayKind::Framebuffer => (USUAL, true),
        Some(display) => (Size::new(display.width.into(), display.height.into()), display.kind != DisplayKind::Ssd1306),
        None => (USUAL, true),
    };
    if display.is_some_and(|display| matches!(display.rotation, Rotation::Quarter | Rotation::ThreeQuarters)) {
        size = Size::new(size.height, size.width);
    }
    let mut picture = Picture::blank(size, has_colours);
    picture.draw(face, 0);
    picture.png()
}

/// Of a display of which nothing is known.
const USUAL: Size = Size::new(320, 240);

/// A picture for one kind of display.
#[derive(Clone, Debug, PartialEq)]
pub enum Picture {
    /// With colours.
    Colours(Canvas<Rgb888>),
    /// Of pixels that are on or off.
    OnOrOff(Canvas<BinaryColor>),
}

impl Picture {
    /// A picture of nothing.
    pub fn blank(size: Size, has_colours: bool) -> Picture {
        if has_colours {
            Picture::Colours(Canvas::new(size, COLOURS.paper()))
        } else {
            Picture::OnOrOff(Canvas::new(size, ON_OR_OFF.paper()))
        }
    }

    /// Draws a face over all of it.
    pub fn draw(&mut self, face: &Face, beat: u32) {
        let Ok(()) = match self {
            Picture::Colours(canvas) => draw(face, beat, canvas, &COLOURS),
            Picture::OnOrOff(canvas) => draw(face, beat, canvas, &ON_OR_OFF),
        };
    }

    /// Its size in pixels.
    pub fn size(&self) -> Size {
        match self {
            Picture::Colours(canvas) => canvas.size(),
            Picture::OnOrOff(canvas) => canvas.size(),
        }
    }

    /// The smallest area that holds all that differs from `before`, if anything does.
    pub fn changed_since(&self, before: &Picture) -> Option<Rectangle> {
        match (self, before) {
            (Picture::Colours(now), Picture::Colours(before)) => now.changed_since(before),
            (Picture::OnOrOff(now), Picture::OnOrOff(before)) => now.changed_since(before),
            _ => Some(Rectangle::new(embedded_graphics::geometry::Point::zero(), self.size())),
        }
    }

    /// The same for a display that is turned.
    #[must_use]
    pub fn turned(&self, rotation: Rotation) -> Picture {
        match self {
            Picture::Colours(canvas) => Picture::Colours(canvas.turned(rotation)),
            Picture::OnOrOff(canvas) => Picture::OnOrOff(canvas.turned(rotation)),
        }
    }

    /// The whole as PNG.
    ///
    /// # Errors
    /// It has no pixels.
    pub fn png(&self) -> anyhow::Result<Vec<u8>> {
        let Size { width, height } = self.size();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        let mut bytes = Vec::new();
        match self {
            Picture::Colours(canvas) => {
                encoder.set_color(png::ColorType::Rgb);
                for y in 0..height {
                    bytes.extend(canvas.row(y).iter().flat_map(|colour| [colour.r(), colour.g(), colour.b()]));
                }
            }
            Picture::OnOrOff(canvas) => {
                encoder.set_color(png::ColorType::Grayscale);
                encoder.set_depth(png::BitDepth::One);
                for y in 0..height {
                    let packed = canvas.row(y).chunks(8).map(|eight| {
                        let bits = eight.iter().enumerate();
                        bits.fold(0_u8, |byte, (n, pixel)| byte | u8::from(pixel.is_on()) << (7 - n))
                    });
                    bytes.extend(packed);
                }
            }
        }
        encoder.write_header()?.write_image_data(&bytes)?;
        Ok(file)
    }
}
