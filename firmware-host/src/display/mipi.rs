//! ST7789 and ILI9341: displays with colours, over SPI. How they are begun with is known by mipidsi.

use anyhow::{Context as _, bail};
use embedded_graphics::geometry::Size;
use embedded_graphics::pixelcolor::Rgb565;
use embedded_graphics::primitives::Rectangle;
use embedded_hal::digital::OutputPin;
use embedded_hal::spi::SpiDevice;
use linux_embedded_hal::spidev::{SpiModeFlags, SpidevOptions};
use linux_embedded_hal::{Delay, SpidevDevice};
use mipidsi::interface::{Interface, InterfaceKind, InterfacePixelFormat};
use mipidsi::models::{ILI9341Rgb565, Model, ST7789};
use mipidsi::options::{ColorInversion, ColorOrder};
use mipidsi::{Builder, NoResetPin};
use pipit_core::config::{DisplayKind, DisplaySettings};

use super::line::Line;
use super::picture::Picture;
use super::screen::{Screen, size};

/// What the kernel takes at once unless somebody has told it otherwise (`bufsiz` of spidev).
const AT_ONCE: usize = 4096;

/// ST7789 takes 62 MHz, ILI9341 officially 10 and in practice 40; wires in a case take this.
const HERTZ: u32 = 32_000_000;

/// A display of one of these models.
struct Mipi<I, M, R>
where
    I: Interface,
    M: Model<ColorFormat = Rgb565>,
    Rgb565: InterfacePixelFormat<I::Word>,
    R: OutputPin,
{
    display: mipidsi::Display<I, M, R>,
    size: Size,
    /// Held, so that the light stays on.
    _backlight: Option<Line>,
}

/// Opens the bus and the lines beside it, and begins with the display.
pub(super) fn open(settings: &DisplaySettings) -> anyhow::Result<Box<dyn Screen>> {
    let DisplaySettings { device, .. } = settings;
    let mut bus = SpidevDevice::open(device).with_context(|| {
        format!(
            "{} can't be opened; enable SPI (dtparam=spi=on) and let Pipit's user be in the group spi",
            device.display()
        )
    })?;
    let mut options = SpidevOptions::new();
    let options = options.bits_per_word(8).max_speed_hz(HERTZ).mode(SpiModeFlags::SPI_MODE_0).build();
    bus.configure(&options).with_context(|| format!("{} takes no settings", device.display()))?;
    let chip = &settings.gpio_chip;
    let line = |offset: Option<u32>| offset.map(|offset| Line::open(chip, offset)).transpose();
    let Some(dc) = line(settings.dc_line)? else { bail!("display.dc_line is missing") };
    let (reset, backlight) = (line(settings.reset_line)?, line(settings.backlight_line)?);
    if let Some(light) = &backlight {
        light.set(true)?;
    }
    let spi = Spi { bus, dc, buffer: Vec::with_capacity(AT_ONCE) };
    let shown = size(settings);
    // The panels of one have their colours inverted and its bytes in order, those of the other the other way round.
    let inversion = |inverted: bool| if inverted { ColorInversion::Inverted } else { ColorInversion::Normal };
    if settings.kind == DisplayKind::St7789 {
        let builder = Builder::new(ST7789, spi).invert_colors(inversion(!settings.invert));
        return begin(builder, shown, (reset, backlight));
    }
    let builder = Builder::new(ILI9341Rgb565, spi).invert_colors(inversion(settings.invert));
    begin(builder.color_order(ColorOrder::Bgr), shown, (reset, backlight))
}

/// With or without a line that resets it.
fn begin<M: Model<ColorFormat = Rgb565> + 'static>(
    builder: Builder<Spi<SpidevDevice, Line>, M, NoResetPin>,
    size: Size,
    (reset, backlight): (Option<Line>, Option<Line>),
) -> anyhow::Result<Box<dyn Screen>> {
    let builder = builder.display_size(size.width as u16, size.height as u16);
    let wrong =
        |error: String| anyhow::anyhow!("the display does not begin ({error}); check its wires and display.dc_line");
    Ok(match reset {
        Some(line) => {
            let display = builder.reset_pin(line).init(&mut Delay).map_err(|error| wrong(format!("{error:?}")))?;
            Box::new(Mipi { display, size, _backlight: backlight })
        }
        None => {
            let display = builder.init(&mut Delay).map_err(|error| wrong(format!("{error:?}")))?;
            Box::new(Mipi { display, size, _backlight: backlight })
        }
    })
}

impl<B, D, M, R> Screen for Mipi<Spi<B, D>, M, R>
where
    B: SpiDevice,
    D: OutputPin,
    M: Model<ColorFormat = Rgb565>,
    R: OutputPin,
{
    fn shape(&self) -> (Size, bool) {
        (self.size, true)
    }

    fn show(&mut self, picture: &Picture, changed: Rectangle) -> anyhow::Result<()> {
        let Picture::Colours(canvas) = picture else { bail!("this display has colours") };
        let Some(last) = changed.bottom_right() else { return Ok(()) };
        let (left, top) = (changed.top_left.x as u16, changed.top_left.y as u16);
        let (right, bottom) = (last.x as u16, last.y as u16);
        let pixels = (top..=bottom).flat_map(|y| {
            canvas.row(y.into())[usize::from(left)..=usize::from(right)].iter().map(|colour| Rgb565::from(*colour))
        });
        let shown = self.display.set_pixels(left, top, right, bottom, pixels);
        shown.map_err(|error| anyhow::anyhow!("the display takes no pixels: {error:?}"))
    }
}

/// SPI with a line that tells commands from pixels.
struct Spi<B, D> {
    bus: B,
    dc: D,
    buffer: Vec<u8>,
}

/// What went wrong with a display, for the log.
#[derive(Debug)]
enum Wrong {
    Bus(#[expect(dead_code, reason = "the log shows it")] String),
    Line(#[expect(dead_code, reason = "the log shows it")] String),
}

impl<B: SpiDevice, D: OutputPin> Spi<B, D> {
    fn flush(&mut self) -> Result<(), Wrong> {
        let written = self.bus.write(&self.buffer).map_err(|error| Wrong::Bus(format!("{error:?}")));
        self.buffer.clear();
        written
    }

    fn tell(&mut self, pixels: bool) -> Result<(), Wrong> {
        self.dc.set_state(pixels.into()).map_err(|error| Wrong::Line(format!("{error:?}")))
    }
}

impl<B: SpiDevice, D: OutputPin> Interface for Spi<B, D> {
    type Word = u8;
    type Error = Wrong;
    const KIND: InterfaceKind = InterfaceKind::Serial4Line;

    fn send_command(&mut self, command: u8, arguments: &[u8]) -> Result<(), Wrong> {
        self.tell(false)?;
        self.bus.write(&[command]).map_err(|error| Wrong::Bus(format!("{error:?}")))?;
        self.tell(true)?;
        if arguments.is_empty() {
            return Ok(());
        }
        self.bus.write(arguments).map_err(|error| Wrong::Bus(format!("{error:?}")))
    }

    fn send_pixels<const N: usize>(&mut self, pixels: impl IntoIterator<Item = [u8; N]>) -> Result<(), Wrong> {
        for pixel in pixels {
            if self.buffer.len() + N > AT_ONCE {
                self.flush()?;
            }
            self.buffer.extend(pixel);
        }
        self.flush()
    }

    fn send_repeated_pixel<const N: usize>(&mut self, pixel: [u8; N], count: u32) -> Result<(), Wrong> {
        self.send_pixels((0..count).map(|_| pixel))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use embedded_graphics::geometry::Point;
    use embedded_graphics::pixelcolor::{Rgb888, RgbColor as _};
    use embedded_hal::delay::DelayNs;
    use embedded_hal::{digital, spi};

    use super::*;
    use crate::display::canvas::Canvas;

    /// Commands with what follows each of them.
    type Sent = Vec<(u8, Vec<Vec<u8>>)>;

    /// What goes over the wires, and whether what comes next follows a command.
    #[derive(Clone, Default)]
    struct Wires(Arc<Mutex<(bool, Sent)>>);

    impl digital::ErrorType for Wires {
        type Error = Infallible;
    }

    impl OutputPin for Wires {
        fn set_low(&mut self) -> Result<(), Infallible> {
            self.0.lock().unwrap().0 = false;
            Ok(())
        }
        fn set_high(&mut self) -> Result<(), Infallible> {
            self.0.lock().unwrap().0 = true;
            Ok(())
        }
    }

    impl spi::ErrorType for Wires {
        type Error = Infallible;
    }

    impl SpiDevice for Wires {
        fn transaction(&mut self, operations: &mut [spi::Operation<'_, u8>]) -> Result<(), Infallible> {
            let mut wires = self.0.lock().unwrap();
            for operation in operations {
                let spi::Operation::Write(bytes) = operation else { continue };
                if wires.0 {
                    let last = wires.1.last_mut().unwrap();
                    last.1.push(bytes.to_vec());
                } else {
                    wires.1.extend(bytes.iter().map(|command| (*command, Vec::new())));
                }
            }
            Ok(())
        }
    }

    struct NoDelay;

    impl DelayNs for NoDelay {
        fn delay_ns(&mut self, _: u32) {}
    }

    #[test]
    fn what_has_changed_is_sent_as_a_window_and_its_pixels() {
        let wires = Wires::default();
        let spi = Spi { bus: wires.clone(), dc: wires.clone(), buffer: Vec::new() };
        let display = Builder::new(ST7789, spi).display_size(240, 240).init(&mut NoDelay).unwrap();
        let size = Size::new(240, 240);
        let mut screen = Mipi { display, size, _backlight: None };
        wires.0.lock().unwrap().1.clear();
        let picture = Picture::Colours(Canvas::new(size, Rgb888::RED));
        screen.show(&picture, Rectangle::new(Point::new(3, 200), Size::new(2, 1))).unwrap();
        let sent = std::mem::take(&mut wires.0.lock().unwrap().1);
        // CASET, RASET, RAMWR of the datasheet.
        let expected =
            [(0x2a, vec![vec![0, 3, 0, 4]]), (0x2b, vec![vec![0, 200, 0, 200]]), (0x2c, vec![vec![0xf8, 0, 0xf8, 0]])];
        assert_eq!(sent, expected);
        screen.show(&picture, Rectangle::new(Point::zero(), size)).unwrap();
        let sent = std::mem::take(&mut wires.0.lock().unwrap().1);
        let (pixels, most) = (&sent[2].1, sent[2].1.iter().map(Vec::len).max());
        assert_eq!((pixels.concat().len(), most), (240 * 240 * 2, Some(AT_ONCE)));
    }
}
