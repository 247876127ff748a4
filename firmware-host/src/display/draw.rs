//! How each face looks, in any size and on displays of many colours or of one.

mod icons;

use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::mono_font::iso_8859_1::{FONT_5X8, FONT_6X10, FONT_6X13, FONT_6X13_BOLD};
use embedded_graphics::pixelcolor::{BinaryColor, Rgb888};
use embedded_graphics::primitives::Rectangle;
use pipit_core::face::{Face, LEVELS, TimerShown, Trouble};

use super::glyphs::{DIGITS, TEXT};
use super::pen::{Font, Pen, Shade};

/// What faces look like on one kind of display.
pub struct Look<C> {
    paper: C,
    ink: C,
    soft: C,
    accent: C,
    warm: C,
    danger: C,
    /// What colours the bird's ground, and the bird.
    bird: (C, C),
    /// For words, from the largest down.
    words: &'static [Font],
    /// For what stands by itself in one line, from the largest down.
    titles: &'static [Font],
    /// Left free at the edges, in pixels.
    margin: i32,
}

/// For displays with colours: those of the panel in the dark.
pub const COLOURS: Look<Rgb888> = Look {
    paper: Rgb888::new(0x0c, 0x0f, 0x11),
    ink: Rgb888::new(0xf2, 0xf0, 0xeb),
    soft: Rgb888::new(0xa8, 0xae, 0xb5),
    accent: Rgb888::new(0x63, 0xcd, 0xbf),
    warm: Rgb888::new(0xf0, 0xbd, 0x6a),
    danger: Rgb888::new(0xff, 0x8a, 0x7a),
    bird: (Rgb888::new(0x0b, 0x6a, 0x60), Rgb888::new(0xff, 0xff, 0xff)),
    words: &[Font::Smooth(&TEXT[0]), Font::Smooth(&TEXT[1]), Font::Smooth(&TEXT[2])],
    titles: &[Font::Smooth(&TEXT[0]), Font::Smooth(&TEXT[1]), Font::Smooth(&TEXT[2])],
    margin: 12,
};

/// For displays whose pixels are on or off.
pub const ON_OR_OFF: Look<BinaryColor> = Look {
    paper: BinaryColor::Off,
    ink: BinaryColor::On,
    soft: BinaryColor::On,
    accent: BinaryColor::On,
    warm: BinaryColor::On,
    danger: BinaryColor::On,
    bird: (BinaryColor::On, BinaryColor::Off),
    words: &[Font::Fixed(&FONT_6X13), Font::Fixed(&FONT_6X10), Font::Fixed(&FONT_5X8)],
    titles: &[Font::Fixed(&FONT_6X13_BOLD), Font::Fixed(&FONT_6X10), Font::Fixed(&FONT_5X8)],
    margin: 1,
};

/// Draws a face over all of the target. `beat` counts up while the face moves, see [`Face::moves`].
///
/// # Errors
/// Those of the target.
pub fn draw<D>(face: &Face, beat: u32, target: &mut D, look: &Look<D::Color>) -> Result<(), D::Error>
where
    D: DrawTarget<Color: Shade>,
{
    let bounds = target.bounding_box();
    let edge = look.margin.min(bounds.size.width.min(bounds.size.height) as i32 / 4);
    let inside = Size::new(bounds.size.width - 2 * edge as u32, bounds.size.height - 2 * edge as u32);
    let area = Rectangle::new(bounds.top_left + Point::new_equal(edge), inside);
    let mut sheet = Sheet { pen: Pen::new(target, look.paper)?, look, area };
    match face {
        Face::Starting => sheet.waiting("Starting", beat),
        Face::Code { digits, address } => sheet.code(digits, address.as_deref()),
        Face::Welcome { address } => sheet.welcome(address.as_deref()),
        Face::Idle { time, date, muted, timers, warning } => {
            sheet.idle((time, date), *muted, timers, warning.as_deref())
        }
        Face::Listening { level, words } => sheet.listening(*level, words),
        Face::Thinking => sheet.waiting("Thinking", beat),
        Face::Speaking { words } => sheet.speaking(words),
        Face::Ringing { words } => sheet.ringing(words, beat),
        Face::Trouble(trouble) => sheet.trouble(*trouble),
    }
}

/// What a face is drawn on.
struct Sheet<'t, 'l, D: DrawTarget> {
    pen: Pen<'t, D>,
    look: &'l Look<D::Color>,
    area: Rectangle,
}

/// Lines of text that fit, in their font.
struct Paragraph {
    font: Font,
    lines: Vec<String>,
}

impl Paragraph {
    /// In the largest of `fonts` in which it fits; where it fits in none, its beginning.
    fn fit(text: &str, fonts: &[Font], (width, height): (i32, i32)) -> Paragraph {
        let wrapped = |font: Font| font.wrap(text, width).into_iter().map(str::to_owned).collect::<Vec<_>>();
        for font in fonts {
            let lines = wrapped(*font);
            let longest = text.split_whitespace().map(|word| font.width(word)).max().unwrap_or(0);
            if lines.len() as i32 * font.line() <= height && longest <= width {
                return Paragraph { font: *font, lines };
            }
        }
        let font = *fonts.last().expect("a look has fonts");
        let mut lines = wrapped(font);
        let room = (height / font.line()).max(1) as usize;
        if lines.len() > room {
            lines.truncate(room);
            let more = if matches!(font, Font::Smooth(_)) { "…" } else { "..." };
            if let Some(last) = lines.last_mut() {
                while font.width(last) + font.width(more) > width && last.pop().is_some() {}
                last.push_str(more);
            }
        }
        Paragraph { font, lines }
    }

    /// The same, but where it fits in none, its end.
    fn fit_end(text: &str, fonts: &[Font], (width, height): (i32, i32)) -> Paragraph {
        let whole = Paragraph::fit(text, fonts, (width, height));
        let font = whole.font;
        let lines = font.wrap(text, width);
        let room = (height / font.line()).max(1) as usize;
        let Some(dropped) = lines.len().checked_sub(room).filter(|dropped| *dropped > 0) else { return whole };
        let mut lines: Vec<String> = lines[dropped..].iter().map(|line| (*line).to_owned()).collect();
        let more = if matches!(font, Font::Smooth(_)) { "… " } else { "... " };
        if let Some(first) = lines.first_mut() {
            while font.width(more) + font.width(first) > width
                && let Some((_, rest)) = first.split_once(' ')
            {
                *first = rest.to_owned();
            }
            first.insert_str(0, more);
        }
        Paragraph { font, lines }
    }

    fn height(&self) -> i32 {
        self.lines.len() as i32 * self.font.line()
    }
}

impl<D: DrawTarget<Color: Shade>> Sheet<'_, '_, D> {
    fn width(&self) -> i32 {
        self.area.size.width as i32
    }

    fn height(&self) -> i32 {
        self.area.size.height as i32
    }

    fn top(&self) -> i32 {
        self.area.top_left.y
    }

    fn centre(&self) -> Point {
        self.area.top_left + Point::new(self.width(), self.height()) / 2
    }

    /// What has little room: a display of one or two lines.
    fn is_low(&self) -> bool {
        self.height() < 40
    }

    /// A distance between things.
    fn gap(&self) -> i32 {
        (self.height() / 16).max(2)
    }

    /// Writes lines in the middle from `top` down.
    fn centred(&mut self, paragraph: &Paragraph, top: i32, colour: D::Color) -> Result<(), D::Error> {
        for (n, line) in paragraph.lines.iter().enumerate() {
            let x = self.centre().x - paragraph.font.width(line) / 2;
            self.pen.text(paragraph.font, line, Point::new(x, top + n as i32 * paragraph.font.line()), colour)?;
        }
        Ok(())
    }

    fn fit(&self, text: &str, fonts: &[Font], height: i32) -> Paragraph {
        Paragraph::fit(text, fonts, (self.width(), height))
    }

    /// Digits as large as they fit.
    fn digits(&self, text: &str, height: i32) -> Paragraph {
        let fits = |font: &&super::glyphs::Glyphs| font.width(text) <= self.width() && font.line() <= height;
        let glyphs = DIGITS.iter().find(fits).unwrap_or(&DIGITS[DIGITS.len() - 1]);
        Paragraph { font: Font::Smooth(glyphs), lines: vec![text.to_owned()] }
    }

    fn idle(
        &mut self,
        (time, date): (&str, &str),
        muted: bool,
        timers: &[TimerShown],
        warning: Option<&str>,
    ) -> Result<(), D::Error> {
        let look = self.look;
        let row = look.words[1].line() + self.gap() / 2;
        let room = self.height() - if self.is_low() { 0 } else { timers.len() as i32 * row };
        let (room, has_room) = match warning {
            Some(warning) => {
                let used = self.warning(warning, room)?;
                let least = DIGITS[DIGITS.len() - 1].line() + self.gap() + row;
                (room - used, room - used >= least)
            }
            None => (room, true),
        };
        // Where there is little room, timers and what is wrong stand in place of the date.
        let has_date = !self.is_low() && has_room && (timers.is_empty() || room > self.height() / 2);
        let digits = self.digits(time, if has_date { room * 6 / 10 } else { room - 2 });
        let below = if muted { "Microphone off" } else { date };
        let date = self.fit(&self.shortened(below), &look.words[1..], row);
        let gap = self.gap().min(14);
        let block = digits.height() + if has_date { gap + date.height() } else { 0 };
        let top = self.top() + (room - block) / 2;
        let colour = if muted { look.soft } else { look.ink };
        self.centred(&digits, top, colour)?;
        if has_date {
            self.date_line(&date, top + digits.height() + gap, muted)?;
        } else if muted {
            let side = self.height().min(16);
            let corner = self.area.top_left + Point::new(self.width() - side, 0);
            icons::microphone_off(&mut self.pen, corner, side, (look.danger, look.paper))?;
        }
        if !self.is_low() {
            self.timers(timers, self.top() + room, row)?;
        }
        Ok(())
    }

    /// A mark and what is wrong at the foot, where `room` above the timers is enough for the words, or else the mark alone in the
    /// upper left corner. Gives the height that is used.
    fn warning(&mut self, text: &str, room: i32) -> Result<i32, D::Error> {
        let look = self.look;
        let font = look.words[look.words.len() - 1];
        let (side, beside) = (font.line() * 3 / 4, font.line());
        let (width, at_most) = (self.width() - beside, (self.height() * 4 / 10).min(room - self.height() / 2));
        let fits = |text: &str| font.wrap(text, width).len() as i32 * font.line() <= at_most;
        // What to do about it is in the panel too.
        let told = if fits(text) { text } else { text.split_once(": ").map_or(text, |(what, _)| what) };
        // The beginning of one line says nothing.
        if self.is_low() || !fits(told) && at_most < 2 * font.line() {
            let side = self.height().min(16);
            icons::warning(&mut self.pen, self.area.top_left, side, (look.warm, look.paper))?;
            return Ok(0);
        }
        let words = Paragraph::fit(told, &[font], (width, at_most));
        let longest = words.lines.iter().map(|line| font.width(line)).max().unwrap_or(0);
        let left = self.centre().x - (beside + longest) / 2;
        let top = self.top() + self.height() - words.height();
        icons::warning(&mut self.pen, Point::new(left, top + (font.line() - side) / 2), side, (look.warm, look.paper))?;
        for (n, line) in words.lines.iter().enumerate() {
            self.pen.text(font, line, Point::new(left + beside, top + n as i32 * font.line()), look.soft)?;
        }
        Ok(words.height() + self.gap().min(14))
    }

    /// The date, or that the microphone is off.
    fn date_line(&mut self, line: &Paragraph, top: i32, muted: bool) -> Result<(), D::Error> {
        if !muted {
            return self.centred(line, top, self.look.soft);
        }
        let (danger, paper) = (self.look.danger, self.look.paper);
        let side = line.font.line();
        let width = side + 4 + line.lines.first().map_or(0, |text| line.font.width(text));
        let x = self.centre().x - width / 2;
        icons::microphone_off(&mut self.pen, Point::new(x, top), side, (danger, paper))?;
        let text = line.lines.first().map_or("", String::as_str);
        self.pen.text(line.font, text, Point::new(x + side + 4, top), danger)
    }

    /// A date whose day and month are cut to three letters where it is too long for one line.
    fn shortened(&self, date: &str) -> String {
        let smallest = self.look.words[1];
        if smallest.width(date) <= self.width() {
            return date.to_owned();
        }
        date.split(' ').map(|word| word.get(..3).unwrap_or(word)).collect::<Vec<_>>().join(" ")
    }

    fn timers(&mut self, timers: &[TimerShown], top: i32, row: i32) -> Result<(), D::Error> {
        let (look, font) = (self.look, self.look.words[1]);
        for (n, timer) in timers.iter().enumerate() {
            let y = top + n as i32 * row;
            let side = font.line() * 2 / 3;
            let colour = if timer.paused { look.soft } else { look.warm };
            let icon = Point::new(self.area.top_left.x, y + (font.line() - side) / 2);
            icons::hourglass(&mut self.pen, icon, side, colour)?;
            let left = font.width(&timer.left);
            let room = self.width() - side - left - 12;
            let name = if timer.name.is_empty() { "Timer" } else { &timer.name };
            let name = Paragraph::fit(name, &[font], (room, font.line()));
            let name = name.lines.first().map_or("", String::as_str);
            self.pen.text(font, name, Point::new(self.area.top_left.x + side + 6, y), look.soft)?;
            let x = self.area.top_left.x + self.width() - left;
            self.pen.text(font, &timer.left, Point::new(x, y), colour)?;
        }
        Ok(())
    }

    /// What was said so far, of which the end is the news, and above it how loud it is.
    fn listening(&mut self, level: u8, words: &str) -> Result<(), D::Error> {
        if words.trim().is_empty() {
            let label = self.label("Listening");
            let room = self.height() - label.as_ref().map_or(0, |label| label.height() + self.gap());
            self.bars(level, room)?;
            return self.below(label.as_ref());
        }
        let bars = if self.is_low() { 0 } else { self.height() * 3 / 10 };
        let room = self.height() - bars - if self.is_low() { 0 } else { self.gap() };
        let paragraph = Paragraph::fit_end(words, self.look.words, (self.width(), room));
        if bars > 0 {
            self.bars(level, bars)?;
        }
        let top = self.top() + self.height() - room + (room - paragraph.height()) / 2;
        self.centred(&paragraph, top, self.look.ink)
    }

    /// How loud it is, in the upper `room`.
    fn bars(&mut self, level: u8, room: i32) -> Result<(), D::Error> {
        // How far each bar goes along.
        const SHARES: [i32; 9] = [25, 45, 60, 85, 100, 80, 65, 40, 30];
        let look = self.look;
        let thick = (self.width() / 18).clamp(4, 18);
        let (least, most) = (thick, (room * 8 / 10).max(thick));
        let step = thick + thick * 3 / 4;
        let left = self.centre().x - (step * 8 + thick) / 2;
        for (n, share) in SHARES.into_iter().enumerate() {
            let height = least + (most - least) * i32::from(level.min(LEVELS)) * share / (100 * i32::from(LEVELS));
            let corner = Point::new(left + n as i32 * step, self.top() + (room - height) / 2);
            let bar = Rectangle::new(corner, Size::new(thick as u32, height as u32));
            self.pen.rounded(bar, thick / 2, look.accent)?;
        }
        Ok(())
    }

    /// Three points, one of which is bright.
    fn waiting(&mut self, what: &str, beat: u32) -> Result<(), D::Error> {
        let look = self.look;
        let label = self.label(what);
        let room = self.height() - label.as_ref().map_or(0, |label| label.height() + self.gap());
        let large = (self.width() / 11).min(self.height() / 3).clamp(6, 40);
        let middle = Point::new(self.centre().x, self.top() + room / 2);
        for n in 0..3 {
            let bright = beat % 3 == n;
            let (size, colour) = if bright { (large, look.accent) } else { (large * 6 / 10, look.soft) };
            let at = middle + Point::new((n as i32 - 1) * large * 8 / 5, 0);
            self.pen.disc(at, size, colour)?;
        }
        self.below(label.as_ref())
    }

    /// A word for the foot of the display, where there is room.
    fn label(&self, word: &str) -> Option<Paragraph> {
        (!self.is_low()).then(|| self.fit(word, &self.look.words[1..], self.height() / 4))
    }

    fn below(&mut self, label: Option<&Paragraph>) -> Result<(), D::Error> {
        let Some(label) = label else { return Ok(()) };
        let top = self.top() + self.height() - label.height();
        self.centred(label, top, self.look.soft)
    }

    fn speaking(&mut self, words: &str) -> Result<(), D::Error> {
        if words.trim().is_empty() {
            return self.wave();
        }
        let paragraph = self.fit(words, self.look.words, self.height());
        let top = self.top() + (self.height() - paragraph.height()) / 2;
        self.centred(&paragraph, top, self.look.ink)
    }

    /// Sound, where its words are not known.
    fn wave(&mut self) -> Result<(), D::Error> {
        let side = self.height().min(self.width()) * 6 / 10;
        let corner = self.centre() - Point::new_equal(side / 2);
        icons::speaker(&mut self.pen, corner, side, self.look.accent)
    }

    fn ringing(&mut self, words: &str, beat: u32) -> Result<(), D::Error> {
        let look = self.look;
        let text = self.fit(if words.trim().is_empty() { "Time is up" } else { words }, look.words, self.height() / 2);
        if self.is_low() {
            let text = Paragraph::fit(&text.lines.join(" "), look.words, (self.width() - 34, self.height()));
            let (corner, side) = (self.area.top_left, self.height().min(28));
            icons::bell(&mut self.pen, corner, side, beat, look.warm)?;
            for (n, line) in text.lines.iter().enumerate() {
                let at = self.area.top_left + Point::new(34, n as i32 * text.font.line());
                self.pen.text(text.font, line, at, look.ink)?;
            }
            return Ok(());
        }
        let gap = self.gap();
        let side = (self.height() - text.height() - gap).min(self.height() * 45 / 100);
        let top = self.top() + (self.height() - side - gap - text.height()) / 2;
        let corner = Point::new(self.centre().x - side / 2, top);
        icons::bell(&mut self.pen, corner, side, beat, look.warm)?;
        self.centred(&text, top + side + gap, look.ink)
    }

    fn trouble(&mut self, trouble: Trouble) -> Result<(), D::Error> {
        let look = self.look;
        let gap = self.gap();
        let title = self.fit(trouble.title(), look.titles, self.height() / 3);
        let side = if self.is_low() { 0 } else { (self.height() / 3).min(80) };
        let icon = side + if side > 0 { gap } else { 0 };
        let room = self.height() - icon - title.height() - gap / 2;
        let remedy = self.fit(trouble.remedy(), &look.words[1..], room);
        let mut top = self.top() + (self.height() - icon - title.height() - gap / 2 - remedy.height()).max(0) / 2;
        if side > 0 {
            let corner = Point::new(self.centre().x - side / 2, top);
            icons::warning(&mut self.pen, corner, side, (look.danger, look.paper))?;
        }
        top += icon;
        self.centred(&title, top, look.ink)?;
        self.centred(&remedy, top + title.height() + gap / 2, look.soft)
    }

    fn code(&mut self, digits: &str, address: Option<&str>) -> Result<(), D::Error> {
        let look = self.look;
        // Six digits are read in two halves.
        let halves = match digits.split_at_checked(digits.len() / 2) {
            Some((first, second)) if digits.len() > 4 => format!("{first} {second}"),
            _ => digits.to_owned(),
        };
        let large = self.digits(&halves, self.height() * 6 / 10);
        if self.is_low() {
            return self.centred(&large, self.top() + (self.height() - large.height()) / 2, look.accent);
        }
        let gap = self.gap();
        let title = self.fit("Your code", &look.titles[1..], self.height() / 4);
        let place =
            self.fit(&format!("Enter it at {}", address.unwrap_or("the panel")), &look.words[1..], self.height() / 3);
        let block = title.height() + gap + large.height() + gap + place.height();
        let top = self.top() + (self.height() - block).max(0) / 2;
        self.centred(&title, top, look.soft)?;
        self.centred(&large, top + title.height() + gap, look.accent)?;
        self.centred(&place, top + block - place.height(), look.soft)
    }

    fn welcome(&mut self, address: Option<&str>) -> Result<(), D::Error> {
        let look = self.look;
        let gap = self.gap();
        let place = match address {
            Some(address) => format!("Set me up at {address}"),
            None => "Set me up in the panel".to_owned(),
        };
        let side = if self.height() < 100 { 0 } else { (self.height() * 38 / 100).min(110) };
        let icon = side + if side > 0 { gap } else { 0 };
        let title = self.fit("Hello, I'm Pipit", look.titles, self.height() / 3);
        let room = self.height() - icon - title.height() - gap;
        let place = self.fit(&place, &look.words[1..], room);
        let block = icon + title.height() + gap + place.height();
        let mut top = self.top() + (self.height() - block).max(0) / 2;
        if side > 0 {
            let corner = Point::new(self.centre().x - side / 2, top);
            icons::bird(&mut self.pen, corner, side, look.bird)?;
        }
        top += icon;
        self.centred(&title, top, look.ink)?;
        self.centred(&place, top + title.height() + gap, look.accent)
    }
}

impl<C: Shade> Look<C> {
    /// What is shown where nothing is.
    pub fn paper(&self) -> C {
        self.paper
    }
}

#[cfg(test)]
mod tests;
