//! SSD1306: small displays of white or blue pixels, over I2C. Solomon Systech's datasheet, sections 8.1.5 (I2C) and 10 (commands).

use anyhow::{Context as _, bail};
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::primitives::Rectangle;
use embedded_hal::i2c::I2c;
use linux_embedded_hal::I2cdev;
use pipit_core::config::DisplaySettings;

use super::picture::Picture;
use super::screen::{Screen, size};

/// What comes before commands and before pixels.
const COMMANDS: u8 = 0x00;
const PIXELS: u8 = 0x40;

/// Pixels, eight below each other in a byte, that are sent at once: adapters take no endless messages.
const AT_ONCE: usize = 128;

/// A display on a bus.
struct Ssd1306<B> {
    bus: B,
    address: u8,
    size: Size,
}

/// Opens the bus, and begins with the display on it.
pub(super) fn open(settings: &DisplaySettings) -> anyhow::Result<Box<dyn Screen>> {
    let DisplaySettings { device, address, .. } = settings;
    let bus = I2cdev::new(device).with_context(|| {
        format!(
            "{} can't be opened; enable I2C (dtparam=i2c_arm=on) and let Pipit's user be in the group i2c",
            device.display()
        )
    })?;
    let opened = Ssd1306::begin(bus, *address, size(settings));
    Ok(Box::new(opened.with_context(|| {
        format!(
            "no display answers at address {address:#04x} of {}; check its wires, and set display.address to what \
             `i2cdetect -y` shows",
            device.display()
        )
    })?))
}

impl<B: I2c> Ssd1306<B> {
    fn begin(bus: B, address: u8, size: Size) -> anyhow::Result<Ssd1306<B>> {
        let mut display = Ssd1306 { bus, address, size };
        let last_row = (size.height - 1) as u8;
        // How the rows are connected: one after the other where there are half as many.
        let rows = if size.height <= 32 { 0x02 } else { 0x12 };
        let begin = [
            &[0xae, 0xd5, 0x80, 0xa8, last_row, 0xd3, 0, 0x40, 0x8d, 0x14][..],
            // Pixels go from left to right and then from page to page; it hangs with its pins above.
            &[0x20, 0, 0xa1, 0xc8, 0xda, rows, 0x81, 0x8f, 0xd9, 0xf1, 0xdb, 0x40, 0xa4, 0xa6, 0xaf],
        ];
        display.send(COMMANDS, &begin.concat())?;
        Ok(display)
    }

    fn send(&mut self, what: u8, bytes: &[u8]) -> anyhow::Result<()> {
        let message = [&[what][..], bytes].concat();
        self.bus.write(self.address, &message).map_err(|error| anyhow::anyhow!("{error:?}"))
    }
}

impl<B: I2c> Screen for Ssd1306<B> {
    fn shape(&self) -> (Size, bool) {
        (self.size, false)
    }

    fn show(&mut self, picture: &Picture, changed: Rectangle) -> anyhow::Result<()> {
        let Picture::OnOrOff(canvas) = picture else { bail!("an SSD1306 has no colours") };
        let Some(last) = changed.bottom_right() else { return Ok(()) };
        let Point { x: left, y: top } = changed.top_left;
        let (left, right) = (left as usize, last.x as usize);
        let (first_page, last_page) = (top as u32 / 8, last.y as u32 / 8);
        self.send(COMMANDS, &[0x21, left as u8, right as u8, 0x22, first_page as u8, last_page as u8])?;
        let mut bytes = Vec::new();
        for page in first_page..=last_page {
            let mut columns = vec![0_u8; right - left + 1];
            for bit in (0..8).filter(|bit| page * 8 + bit < self.size.height) {
                let row = &canvas.row(page * 8 + bit)[left..=right];
                let lit = row.iter().zip(&mut columns).filter(|(pixel, _)| **pixel == BinaryColor::On);
                lit.for_each(|(_, column)| *column |= 1 << bit);
            }
            bytes.extend(columns);
        }
        bytes.chunks(AT_ONCE).try_for_each(|some| self.send(PIXELS, some)).context("the display takes no pixels")
    }
}

#[cfg(test)]
mod tests {
    use embedded_graphics::Pixel;
    use embedded_graphics::draw_target::DrawTarget as _;
    use embedded_hal::i2c::{ErrorType, Operation};

    use super::*;
    use crate::display::canvas::Canvas;

    /// A bus that remembers what was written.
    #[derive(Default)]
    struct Bus(Vec<(u8, Vec<u8>)>);

    impl ErrorType for Bus {
        type Error = std::convert::Infallible;
    }

    impl I2c for Bus {
        fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), Self::Error> {
            for operation in operations {
                if let Operation::Write(bytes) = operation {
                    self.0.push((address, bytes.to_vec()));
                }
            }
            Ok(())
        }
    }

    #[test]
    fn only_the_columns_and_pages_that_have_changed_are_sent() {
        let size = Size::new(128, 64);
        let mut display = Ssd1306::begin(Bus::default(), 0x3c, size).unwrap();
        let begun = std::mem::take(&mut display.bus.0);
        assert!(begun.len() == 1 && begun[0].0 == 0x3c, "{begun:?}");
        assert_eq!((&begun[0].1[..6], begun[0].1.last()), (&[0, 0xae, 0xd5, 0x80, 0xa8, 63][..], Some(&0xaf)));
        let mut canvas = Canvas::new(size, BinaryColor::Off);
        canvas.draw_iter([(5, 7), (5, 8), (6, 15)].map(|at| Pixel(at.into(), BinaryColor::On))).unwrap();
        let changed = Rectangle::new(Point::new(5, 7), Size::new(2, 9));
        display.show(&Picture::OnOrOff(canvas), changed).unwrap();
        assert_eq!(
            display.bus.0,
            [(0x3c, vec![0, 0x21, 5, 6, 0x22, 0, 1]), (0x3c, vec![0x40, 0x80, 0x00, 0x01, 0x80])]
        );
    }

    #[test]
    fn a_whole_picture_goes_in_messages_that_every_adapter_takes() {
        let size = Size::new(128, 32);
        let mut display = Ssd1306::begin(Bus::default(), 0x3d, size).unwrap();
        display.bus.0.clear();
        let canvas = Canvas::new(size, BinaryColor::On);
        display.show(&Picture::OnOrOff(canvas), Rectangle::new(Point::zero(), size)).unwrap();
        let sent = &display.bus.0[1..];
        assert!(sent.len() == 4 && sent.iter().all(|(_, bytes)| *bytes == [&[0x40][..], &[0xff; 128]].concat()));
    }
}
