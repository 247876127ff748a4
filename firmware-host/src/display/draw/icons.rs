//! Icons, each in a square whose corner and side are given.

use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::primitives::Rectangle;

use super::super::pen::{PARTS, Pen, Shade};

/// The icons are drawn on a grid of so many units.
const GRID: i32 = 320;

/// The panel's icon: a pipit in profile.
const BIRD: [(i32, i32); 46] = [
    (256, 106),
    (224, 95),
    (216, 85),
    (205, 78),
    (193, 73),
    (181, 72),
    (168, 74),
    (156, 79),
    (146, 87),
    (139, 97),
    (134, 109),
    (132, 122),
    (132, 127),
    (120, 134),
    (109, 142),
    (98, 152),
    (89, 162),
    (80, 174),
    (71, 187),
    (64, 201),
    (58, 217),
    (66, 216),
    (73, 214),
    (81, 213),
    (88, 211),
    (95, 209),
    (101, 206),
    (108, 204),
    (114, 201),
    (120, 207),
    (126, 213),
    (133, 217),
    (140, 221),
    (147, 224),
    (154, 226),
    (162, 228),
    (170, 228),
    (184, 227),
    (198, 223),
    (209, 216),
    (219, 207),
    (227, 197),
    (233, 184),
    (237, 170),
    (238, 154),
    (238, 124),
];

/// A square on the grid.
#[derive(Clone, Copy)]
struct Square {
    corner: Point,
    side: i32,
}

impl Square {
    /// A place on the grid, in parts of a pixel.
    fn at(self, (x, y): (i32, i32)) -> Point {
        self.corner * PARTS + Point::new(x, y) * self.side * PARTS / GRID
    }

    /// The same in pixels.
    fn pixel(self, at: (i32, i32)) -> Point {
        let at = self.at(at) + Point::new_equal(PARTS / 2);
        Point::new(at.x.div_euclid(PARTS), at.y.div_euclid(PARTS))
    }

    /// A length on the grid, in pixels: at least one.
    fn length(self, units: i32) -> i32 {
        ((units * self.side + GRID / 2) / GRID).max(1)
    }

    fn bounds(self) -> Rectangle {
        Rectangle::new(self.corner, Size::new(self.side as u32, self.side as u32))
    }

    fn polygon<const N: usize>(self, corners: [(i32, i32); N]) -> [Point; N] {
        corners.map(|corner| self.at(corner))
    }

    fn rectangle(self, corner: (i32, i32), width: i32, height: i32) -> Rectangle {
        Rectangle::new(self.pixel(corner), Size::new(self.length(width) as u32, self.length(height) as u32))
    }

    /// Whether a place lies in a ring around a place of the grid, between two distances of the grid.
    fn in_ring(self, at: Point, centre: (i32, i32), (inner, outer): (i32, i32)) -> bool {
        let from = at - self.at(centre);
        let distance = from.x * from.x + from.y * from.y;
        let square = |units: i32| (units * self.side * PARTS / GRID).pow(2);
        distance >= square(inner) && distance <= square(outer)
    }
}

type Drawn<D> = Result<(), <D as DrawTarget>::Error>;

/// The bird on its ground.
pub(super) fn bird<D: DrawTarget<Color: Shade>>(
    pen: &mut Pen<'_, D>,
    corner: Point,
    side: i32,
    (ground, bird): (D::Color, D::Color),
) -> Drawn<D> {
    let square = Square { corner, side };
    pen.rounded(square.bounds(), side / 4, ground)?;
    let mut on = pen.on(ground);
    on.polygon(&square.polygon(BIRD), bird)?;
    pen.on(bird).disc(square.pixel((190, 113)), square.length(24), ground)
}

/// A microphone that is struck out, and the colour around the stroke.
pub(super) fn microphone_off<D: DrawTarget<Color: Shade>>(
    pen: &mut Pen<'_, D>,
    corner: Point,
    side: i32,
    (colour, around): (D::Color, D::Color),
) -> Drawn<D> {
    let square = Square { corner, side };
    pen.rounded(square.rectangle((110, 30), 100, 160), square.length(50), colour)?;
    let holder = move |at: Point| at.y >= square.at((0, 140)).y && square.in_ring(at, (160, 140), (75, 100));
    pen.shape(square.bounds(), colour, holder)?;
    pen.fill(square.rectangle((147, 235), 26, 50), colour)?;
    pen.fill(square.rectangle((100, 272), 120, 24), colour)?;
    pen.polygon(&square.polygon([(30, 62), (62, 30), (290, 258), (258, 290)]), around)?;
    pen.polygon(&square.polygon([(22, 42), (42, 22), (298, 278), (278, 298)]), colour)
}

/// A loudspeaker with two waves.
pub(super) fn speaker<D: DrawTarget<Color: Shade>>(
    pen: &mut Pen<'_, D>,
    corner: Point,
    side: i32,
    colour: D::Color,
) -> Drawn<D> {
    let square = Square { corner, side };
    let body = [(30, 115), (85, 115), (160, 50), (160, 270), (85, 205), (30, 205)];
    pen.polygon(&square.polygon(body), colour)?;
    let waves = move |at: Point| {
        let from = at - square.at((150, 160));
        let ahead = from.x > 0 && from.y.abs() < from.x * 11 / 10;
        ahead && (square.in_ring(at, (150, 160), (62, 88)) || square.in_ring(at, (150, 160), (122, 148)))
    };
    pen.shape(square.bounds(), colour, waves)
}

/// A bell, which swings with each beat.
pub(super) fn bell<D: DrawTarget<Color: Shade>>(
    pen: &mut Pen<'_, D>,
    corner: Point,
    side: i32,
    beat: u32,
    colour: D::Color,
) -> Drawn<D> {
    let swing = if beat.is_multiple_of(2) { -14 } else { 14 };
    let square = Square { corner, side };
    pen.disc(square.pixel((160 + swing, 270)), square.length(56), colour)?;
    // What hangs lowest swings farthest.
    let body = [
        (150, 30),
        (170, 30),
        (178, 52),
        (206, 62),
        (228, 84),
        (240, 118),
        (246, 176),
        (258, 206),
        (284, 240),
        (284, 252),
        (36, 252),
        (36, 240),
        (62, 206),
        (74, 176),
        (80, 118),
        (92, 84),
        (114, 62),
        (142, 52),
    ];
    pen.polygon(&square.polygon(body.map(|(x, y)| (x + swing * (y - 30) / 440, y))), colour)?;
    let beside = if beat.is_multiple_of(2) { -1 } else { 1 };
    let waves = move |at: Point| {
        let from = at - square.at((160, 130));
        let aside = from.x * beside;
        aside > 0 && from.y.abs() < aside * 2 / 3 && square.in_ring(at, (160, 130), (126, 148))
    };
    pen.shape(square.bounds(), colour, waves)
}

/// A triangle with an exclamation mark.
pub(super) fn warning<D: DrawTarget<Color: Shade>>(
    pen: &mut Pen<'_, D>,
    corner: Point,
    side: i32,
    (colour, mark): (D::Color, D::Color),
) -> Drawn<D> {
    let square = Square { corner, side };
    let triangle =
        [(146, 34), (160, 28), (174, 34), (308, 266), (310, 280), (296, 292), (24, 292), (10, 280), (12, 266)];
    pen.polygon(&square.polygon(triangle), colour)?;
    let mut on = pen.on(colour);
    on.polygon(&square.polygon([(144, 112), (176, 112), (171, 210), (149, 210)]), mark)?;
    on.disc(square.pixel((160, 245)), square.length(34), mark)
}

/// An hourglass.
pub(super) fn hourglass<D: DrawTarget<Color: Shade>>(
    pen: &mut Pen<'_, D>,
    corner: Point,
    side: i32,
    colour: D::Color,
) -> Drawn<D> {
    let square = Square { corner, side };
    let upper = [
        (60, 20),
        (260, 20),
        (260, 56),
        (174, 160),
        (260, 264),
        (260, 300),
        (60, 300),
        (60, 264),
        (146, 160),
        (60, 56),
    ];
    pen.polygon(&square.polygon(upper), colour)
}
