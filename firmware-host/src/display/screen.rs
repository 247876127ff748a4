//! The displays that there are, each by what it takes to show a picture on it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use embedded_graphics::geometry::Size;
use embedded_graphics::primitives::Rectangle;
use pipit_core::config::{DisplayKind, DisplaySettings};

use super::framebuffer::Framebuffer;
use super::picture::Picture;
use super::{mipi, ssd1306};

/// Something that shows pictures of one size.
pub trait Screen {
    /// That size, before it is turned, and whether it has colours.
    fn shape(&self) -> (Size, bool);

    /// Shows a picture of which only `changed` differs from the one before. The first time, that is all of it.
    ///
    /// # Errors
    /// The device does not take it.
    fn show(&mut self, picture: &Picture, changed: Rectangle) -> anyhow::Result<()>;
}

/// Opens what is configured.
///
/// # Errors
/// It is not there or does not answer: what it is, and what to do.
pub fn open(settings: &DisplaySettings) -> anyhow::Result<Box<dyn Screen>> {
    let device = &settings.device;
    Ok(match settings.kind {
        DisplayKind::Ssd1306 => ssd1306::open(settings)?,
        DisplayKind::St7789 | DisplayKind::Ili9341 => mipi::open(settings)?,
        DisplayKind::Framebuffer => Box::new(Framebuffer::open(device, Path::new("/sys/class/graphics"))?),
        DisplayKind::Png => Box::new(PngFile { path: device.clone(), size: size(settings) }),
    })
}

/// The size that is configured.
pub fn size(settings: &DisplaySettings) -> Size {
    Size::new(settings.width.into(), settings.height.into())
}

/// A file that always holds the newest picture.
struct PngFile {
    path: PathBuf,
    size: Size,
}

impl Screen for PngFile {
    fn shape(&self) -> (Size, bool) {
        (self.size, true)
    }

    fn show(&mut self, picture: &Picture, _: Rectangle) -> anyhow::Result<()> {
        let picture = picture.png()?;
        // Whoever looks sees either picture whole.
        let mut beside = self.path.as_os_str().to_owned();
        beside.push(".new");
        let written = fs::write(&beside, picture).and_then(|()| fs::rename(&beside, &self.path));
        written.with_context(|| {
            format!(
                "{} can't be written; set display.path to a file in a folder that Pipit may write",
                self.path.display()
            )
        })
    }
}
