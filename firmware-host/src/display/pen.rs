//! What faces are drawn with: text in fonts of both kinds, and shapes with smooth edges. All of it is whole numbers, so that a picture
//! is the same on every machine.

use embedded_graphics::Drawable as _;
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::{BinaryColor, PixelColor, Rgb888, RgbColor as _};
use embedded_graphics::primitives::{PointsIter as _, Rectangle};
use embedded_graphics::text::{Baseline, Text};

use super::glyphs::Glyphs;

/// The finest level between two colours.
pub const LEVELS: u8 = 15;

/// A colour that can be mixed with another.
pub trait Shade: PixelColor {
    /// `level` parts of this one over what is under it, of [`LEVELS`].
    #[must_use]
    fn over(self, under: Self, level: u8) -> Self;
}

impl Shade for Rgb888 {
    fn over(self, under: Rgb888, level: u8) -> Rgb888 {
        let part = |over: u8, under: u8| {
            let (level, all) = (u16::from(level), u16::from(LEVELS));
            ((u16::from(over) * level + u16::from(under) * (all - level) + all / 2) / all) as u8
        };
        Rgb888::new(part(self.r(), under.r()), part(self.g(), under.g()), part(self.b(), under.b()))
    }
}

impl Shade for BinaryColor {
    fn over(self, under: BinaryColor, level: u8) -> BinaryColor {
        if level > LEVELS / 2 { self } else { under }
    }
}

/// A font of either kind.
#[derive(Clone, Copy)]
pub enum Font {
    /// With smooth edges.
    Smooth(&'static Glyphs),
    /// Made for pixels that are on or off.
    Fixed(&'static MonoFont<'static>),
}

impl Font {
    /// The height of a line, in pixels.
    pub fn line(self) -> i32 {
        match self {
            Font::Smooth(glyphs) => glyphs.line(),
            Font::Fixed(font) => font.character_size.height as i32,
        }
    }

    /// The width of a text, in pixels.
    pub fn width(self, text: &str) -> i32 {
        match self {
            Font::Smooth(glyphs) => glyphs.width(text),
            Font::Fixed(font) => {
                let (one, gap) = (font.character_size.width as i32, font.character_spacing as i32);
                let count = text.chars().count() as i32;
                count * one + (count - 1).max(0) * gap
            }
        }
    }

    /// The text in lines of at most `width` pixels. A word that is longer is broken.
    pub fn wrap(self, text: &str, width: i32) -> Vec<&str> {
        let mut lines = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let end = self.line_end(rest, width);
            lines.push(rest[..end].trim_end());
            rest = rest[end..].trim_start();
        }
        lines
    }

    /// How much of `text` goes on one line, in bytes: at least a character.
    fn line_end(self, text: &str, width: i32) -> usize {
        let (mut fits, mut blank, mut used) = (0, None, 0);
        for (at, one) in text.char_indices() {
            if one.is_whitespace() {
                blank = Some(at);
            }
            used += self.width(one.encode_utf8(&mut [0; 4]));
            if used > width && !one.is_whitespace() {
                return blank.filter(|blank| *blank > 0).unwrap_or(fits).max(one_char(text));
            }
            fits = at + one.len_utf8();
        }
        text.len()
    }
}

fn one_char(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// Draws on a target whose ground has one colour.
pub struct Pen<'t, D: DrawTarget> {
    target: &'t mut D,
    ground: D::Color,
}

/// Samples per pixel, each way.
const SAMPLES: i32 = 4;
/// Parts of a pixel, each way, in which shapes are given.
pub const PARTS: i32 = 8;

impl<'t, D: DrawTarget<Color: Shade>> Pen<'t, D> {
    /// Fills the target with the ground.
    ///
    /// # Errors
    /// Those of the target, as with all that follows.
    pub fn new(target: &'t mut D, ground: D::Color) -> Result<Pen<'t, D>, D::Error> {
        target.clear(ground)?;
        Ok(Pen { target, ground })
    }

    /// Another ground from now on: what was filled with it.
    pub fn on(&mut self, ground: D::Color) -> Pen<'_, D> {
        Pen { target: self.target, ground }
    }

    /// Writes a line whose upper left corner is `at`.
    pub fn text(&mut self, font: Font, text: &str, at: Point, colour: D::Color) -> Result<(), D::Error> {
        match font {
            Font::Smooth(glyphs) => {
                let ground = self.ground;
                let pixels = glyphs.pixels(text, at).map(|(at, level)| Pixel(at, colour.over(ground, level)));
                self.target.draw_iter(pixels)
            }
            Font::Fixed(font) => {
                let style = MonoTextStyle::new(font, colour);
                Text::with_baseline(text, at, style, Baseline::Top).draw(self.target).map(drop)
            }
        }
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, area: Rectangle, colour: D::Color) -> Result<(), D::Error> {
        self.target.fill_solid(&area, colour)
    }

    /// Fills a rectangle whose corners are rounded.
    pub fn rounded(&mut self, area: Rectangle, radius: i32, colour: D::Color) -> Result<(), D::Error> {
        let (width, height) = (area.size.width as i32, area.size.height as i32);
        let radius = radius.min(width / 2).min(height / 2);
        let band = |top: i32, height: i32| {
            Rectangle::new(area.top_left + Point::new(0, top), Size::new(width as u32, height.max(0) as u32))
        };
        self.fill(band(radius, height - 2 * radius), colour)?;
        // A sample's way from the nearest of the corners' centres.
        let (r, right, bottom) = (radius * PARTS, (width - radius) * PARTS, (height - radius) * PARTS);
        let corner = area.top_left * PARTS;
        let inside = move |at: Point| {
            let (x, y) = ((at - corner).x, (at - corner).y);
            let (dx, dy) = (x - x.clamp(r, right), y - y.clamp(r, bottom));
            dx * dx + dy * dy <= r * r
        };
        self.shape(band(0, radius), colour, inside)?;
        self.shape(band(height - radius, radius), colour, inside)
    }

    /// Fills a circle.
    pub fn disc(&mut self, centre: Point, diameter: i32, colour: D::Color) -> Result<(), D::Error> {
        let corner = centre - Point::new(diameter / 2, diameter / 2);
        self.rounded(Rectangle::new(corner, Size::new(diameter as u32, diameter as u32)), diameter / 2, colour)
    }

    /// Fills a polygon whose corners are given in parts of a pixel.
    pub fn polygon(&mut self, corners: &[Point], colour: D::Color) -> Result<(), D::Error> {
        let (Some(low), Some(high)) = (
            corners.iter().copied().reduce(Point::component_min),
            corners.iter().copied().reduce(Point::component_max),
        ) else {
            return Ok(());
        };
        let first = Point::new(low.x.div_euclid(PARTS), low.y.div_euclid(PARTS));
        let last = Point::new(high.x.div_euclid(PARTS), high.y.div_euclid(PARTS));
        let inside = |at: Point| {
            let edges = corners.iter().zip(corners.iter().cycle().skip(1));
            edges.fold(false, |inside, (a, b)| inside != crosses(at, *a, *b))
        };
        self.shape(Rectangle::with_corners(first, last), colour, inside)
    }

    /// Fills what is inside of a shape within `bounds`. It is asked of places in parts of a pixel.
    pub fn shape(
        &mut self,
        bounds: Rectangle,
        colour: D::Color,
        inside: impl Fn(Point) -> bool,
    ) -> Result<(), D::Error> {
        let step = PARTS / SAMPLES;
        let ground = self.ground;
        let pixels = bounds.points().filter_map(|pixel| {
            let places = (0..SAMPLES * SAMPLES).map(|n| Point::new(n % SAMPLES, n / SAMPLES) * step);
            let centre = Point::new_equal(step / 2);
            let covered = places.filter(|place| inside(pixel * PARTS + *place + centre)).count();
            let level = covered * usize::from(LEVELS) / (SAMPLES * SAMPLES) as usize;
            (level > 0).then(|| Pixel(pixel, colour.over(ground, level as u8)))
        });
        self.target.draw_iter(pixels)
    }
}

/// Whether a line from `at` to the right crosses the edge from `a` to `b`.
fn crosses(at: Point, a: Point, b: Point) -> bool {
    if (a.y > at.y) == (b.y > at.y) {
        return false;
    }
    let (low, high) = if a.y < b.y { (a, b) } else { (b, a) };
    i64::from(at.x - low.x) * i64::from(high.y - low.y) < i64::from(at.y - low.y) * i64::from(high.x - low.x)
}

#[cfg(test)]
mod tests {
    use embedded_graphics::mono_font::iso_8859_1::FONT_6X10;

    use super::*;

    #[test]
    fn lines_break_between_words_and_in_words_that_are_too_long() {
        let font = Font::Fixed(&FONT_6X10);
        let table: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("  one two  three ", &["one two", "three"]),
            ("one twoo", &["one twoo"]),
            ("one\ttwooo", &["one", "twooo"]),
            ("äöüäöüäöüä", &["äöüäöüäö", "üä"]),
            ("a bcdefghijk", &["a", "bcdefghi", "jk"]),
        ];
        for (text, lines) in table {
            assert_eq!(font.wrap(text, 8 * 6), lines, "{text:?}");
        }
        assert_eq!(font.wrap("äb", 0), ["ä", "b"], "a character is never lost");
    }
}
