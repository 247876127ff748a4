//! A picture in memory, and what of it has changed.

use std::convert::Infallible;

use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{Dimensions, OriginDimensions, Point, Size};
use embedded_graphics::pixelcolor::PixelColor;
use embedded_graphics::primitives::Rectangle;
use pipit_core::config::Rotation;

/// Pixels, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Canvas<C> {
    size: Size,
    pixels: Vec<C>,
}

impl<C: PixelColor> Canvas<C> {
    /// A canvas of one colour.
    pub fn new(size: Size, colour: C) -> Canvas<C> {
        Canvas { size, pixels: vec![colour; size.width as usize * size.height as usize] }
    }

    /// A row's pixels.
    pub fn row(&self, y: u32) -> &[C] {
        let width = self.size.width as usize;
        &self.pixels[y as usize * width..][..width]
    }

    /// The same for a display that is turned clockwise by so much, so that it is upright there.
    #[must_use]
    pub fn turned(&self, rotation: Rotation) -> Canvas<C> {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let turned = |size: Size, at: &dyn Fn(usize, usize) -> usize| {
            let (width, height) = (size.width as usize, size.height as usize);
            let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
            Canvas { size, pixels: places.map(|(x, y)| self.pixels[at(x, y)]).collect() }
        };
        let on_its_side = Size::new(self.size.height, self.size.width);
        match rotation {
            Rotation::None => self.clone(),
            Rotation::Quarter => turned(on_its_side, &|x, y| x * width + width - 1 - y),
            Rotation::Half => Canvas { size: self.size, pixels: self.pixels.iter().rev().copied().collect() },
            Rotation::ThreeQuarters => turned(on_its_side, &|x, y| (height - 1 - x) * width + y),
        }
    }

    /// The smallest area that holds all that differs from `before`, if anything does.
    pub fn changed_since(&self, before: &Canvas<C>) -> Option<Rectangle> {
        if self.size != before.size {
            return Some(self.bounding_box());
        }
        let (mut top, mut bottom, mut left, mut right) = (None, 0, u32::MAX, 0);
        for y in 0..self.size.height {
            let (now, then) = (self.row(y), before.row(y));
            let differs = |(a, b): (&C, &C)| a != b;
            let Some(first) = now.iter().zip(then).position(differs) else { continue };
            let last = now.iter().zip(then).rposition(differs).unwrap_or(first);
            top.get_or_insert(y);
            bottom = y;
            left = left.min(first as u32);
            right = right.max(last as u32);
        }
        let top = top?;
        let corner = Point::new(left as i32, top as i32);
        Some(Rectangle::new(corner, Size::new(right - left + 1, bottom - top + 1)))
    }
}

impl<C: PixelColor> OriginDimensions for Canvas<C> {
    fn size(&self) -> Size {
        self.size
    }
}

/// What lies outside is not drawn.
impl<C: PixelColor> DrawTarget for Canvas<C> {
    type Color = C;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<C>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        let (width, height) = (self.size.width, self.size.height);
        for Pixel(at, colour) in pixels {
            let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) else { continue };
            if x < width && y < height {
                self.pixels[y as usize * width as usize + x as usize] = colour;
            }
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: C) -> Result<(), Infallible> {
        let area = area.intersection(&self.bounding_box());
        let (x, y, width) = (area.top_left.x as usize, area.top_left.y as usize, area.size.width as usize);
        for row in y..y + area.size.height as usize {
            self.pixels[row * self.size.width as usize + x..][..width].fill(colour);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use embedded_graphics::pixelcolor::BinaryColor::{Off, On};

    use super::*;

    #[test]
    fn what_has_changed_is_found_and_what_lies_outside_is_not_drawn() {
        let before = Canvas::new(Size::new(5, 4), Off);
        let mut now = before.clone();
        now.draw_iter([(-1, 0), (5, 0), (0, 4), (0, -1)].map(|at| Pixel(at.into(), On))).unwrap();
        now.fill_solid(&Rectangle::new(Point::new(9, 9), Size::new(3, 3)), On).unwrap();
        assert_eq!(now.changed_since(&before), None);
        now.draw_iter([(3, 1), (1, 2)].map(|at| Pixel(at.into(), On))).unwrap();
        assert_eq!(now.changed_since(&before), Some(Rectangle::new(Point::new(1, 1), Size::new(3, 2))));
        now.fill_solid(&Rectangle::new(Point::new(3, 3), Size::new(9, 9)), On).unwrap();
        assert_eq!(now.changed_since(&before), Some(Rectangle::new(Point::new(1, 1), Size::new(4, 3))));
        assert_eq!(now.row(3), [Off, Off, Off, On, On]);
        assert_eq!(now.changed_since(&Canvas::new(Size::new(4, 4), Off)), Some(now.bounding_box()));
    }

    #[test]
    fn what_is_turned_is_upright_for_whoever_turns_the_display() {
        let mut canvas = Canvas::new(Size::new(3, 2), Off);
        canvas.draw_iter([Pixel((0, 0).into(), On), Pixel((2, 1).into(), On), Pixel((1, 0).into(), On)]).unwrap();
        let rows = |rotation| {
            let turned = canvas.turned(rotation);
            (0..turned.size.height).map(|y| turned.row(y).to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(rows(Rotation::None), [[On, On, Off], [Off, Off, On]]);
        // A display that is turned clockwise has its upper left corner at the upper right.
        assert_eq!(rows(Rotation::Quarter), [[Off, On], [On, Off], [On, Off]]);
        assert_eq!(rows(Rotation::Half), [[On, Off, Off], [Off, On, On]]);
        assert_eq!(rows(Rotation::ThreeQuarters), [[Off, On], [Off, On], [On, Off]]);
    }
}
