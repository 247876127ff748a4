//! Fonts that were drawn beforehand, in 16 levels. What a file holds is in `fonts/README.md`.

use embedded_graphics::geometry::Point;

/// A font in one size.
#[derive(Debug)]
pub struct Glyphs(&'static [u8]);

/// Bytes before the table of the glyphs, and for each of them.
const HEAD: usize = 4;
const ENTRY: usize = 12;

/// For text of 16, 20 and 28 pixels.
pub static TEXT: [Glyphs; 3] = [
    Glyphs(include_bytes!("fonts/text-28.glyphs")),
    Glyphs(include_bytes!("fonts/text-20.glyphs")),
    Glyphs(include_bytes!("fonts/text-16.glyphs")),
];

/// Digits and the colon, from the largest down.
pub static DIGITS: [Glyphs; 5] = [
    Glyphs(include_bytes!("fonts/digits-112.glyphs")),
    Glyphs(include_bytes!("fonts/digits-84.glyphs")),
    Glyphs(include_bytes!("fonts/digits-56.glyphs")),
    Glyphs(include_bytes!("fonts/digits-44.glyphs")),
    Glyphs(include_bytes!("fonts/digits-34.glyphs")),
];

/// One glyph, by where it lies in the file.
struct Glyph {
    width: i32,
    height: i32,
    left: i32,
    top: i32,
    advance: i32,
    pixels: usize,
}

impl Glyphs {
    /// The height of a line, in pixels.
    pub fn line(&self) -> i32 {
        i32::from(self.0[0])
    }

    /// The width of a text, in pixels.
    pub fn width(&self, text: &str) -> i32 {
        text.chars().map(|one| self.glyph(one).advance).sum()
    }

    /// Where a text has which level, 1..=15, if its line begins at `at`.
    pub fn pixels(&self, text: &str, at: Point) -> impl Iterator<Item = (Point, u8)> {
        let mut x = at.x;
        text.chars().flat_map(move |one| {
            let glyph = self.glyph(one);
            let corner = Point::new(x + glyph.left, at.y + glyph.top);
            x += glyph.advance;
            (0..glyph.width * glyph.height).filter_map(move |n| {
                let two = self.0[glyph.pixels + n as usize / 2];
                let level = if n % 2 == 0 { two >> 4 } else { two & 15 };
                (level > 0).then(|| (corner + Point::new(n % glyph.width, n / glyph.width), level))
            })
        })
    }

    /// That of `wanted`; of what the font lacks, the one for a question mark, or for the first that there is.
    fn glyph(&self, wanted: char) -> Glyph {
        let entry = self.find(wanted).or_else(|| self.find('?')).unwrap_or(HEAD);
        let byte = |n: usize| self.0[entry + n];
        let signed = |n: usize| i32::from(byte(n).cast_signed());
        let begins = u32::from_le_bytes([byte(8), byte(9), byte(10), byte(11)]) as usize;
        Glyph {
            width: byte(2).into(),
            height: byte(3).into(),
            left: signed(4),
            top: signed(5),
            advance: byte(6).into(),
            pixels: HEAD + self.count() * ENTRY + begins,
        }
    }

    fn count(&self) -> usize {
        usize::from(u16::from_le_bytes([self.0[2], self.0[3]]))
    }

    /// Where the glyph's entry begins. They are in the order of their characters.
    fn find(&self, wanted: char) -> Option<usize> {
        let wanted = u16::try_from(u32::from(wanted)).ok()?;
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = usize::midpoint(low, high);
            let entry = HEAD + middle * ENTRY;
            match u16::from_le_bytes([self.0[entry], self.0[entry + 1]]).cmp(&wanted) {
                std::cmp::Ordering::Equal => return Some(entry),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So no character of any text leads beyond the file.
    #[test]
    fn every_glyph_lies_within_its_file() {
        for font in TEXT.iter().chain(&DIGITS) {
            let all: String = ('\0'..='\u{20ff}').chain(['\u{fffd}', '🐦']).collect();
            let drawn = font.pixels(&all, Point::zero()).count();
            assert!(drawn > 1000 && font.width(&all) > 0 && font.line() > 10, "{drawn}");
            assert_eq!(font.width("7"), font.width("1"), "digits stand in columns");
        }
        assert_eq!(TEXT[0].width("漢"), TEXT[0].width("?"));
        assert!(TEXT[0].find('ł').is_some() && TEXT[0].find('’').is_some());
    }
}
