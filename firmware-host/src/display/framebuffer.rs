//! The Linux framebuffer: `/dev/fb0` and its like. Its geometry is in sysfs, so that no ioctl is needed.

use std::fs::{File, OpenOptions, read_to_string};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use embedded_graphics::geometry::Size;
use embedded_graphics::pixelcolor::{Rgb888, RgbColor as _};
use embedded_graphics::primitives::Rectangle;

use super::picture::Picture;
use super::screen::Screen;

/// From so many pixels on, each pixel of a picture is drawn twice each way, from twice as many thrice, and so on: people stand farther
/// away from what is larger.
const LARGE: u32 = 240;

/// An open framebuffer.
pub(super) struct Framebuffer {
    file: File,
    size: Size,
    /// Bytes from one row to the next, and for a pixel.
    stride: usize,
    bytes: usize,
    /// How often each pixel is drawn, each way.
    scale: u32,
}

impl Framebuffer {
    /// Opens `device`, whose geometry is found under `sysfs` by its name.
    ///
    /// # Errors
    /// It is not there, or of a kind that is not known.
    pub(super) fn open(device: &Path, sysfs: &Path) -> anyhow::Result<Framebuffer> {
        let name = device.file_name().context("display.path names no framebuffer; write for example /dev/fb0")?;
        let told = |what: &str| {
            let path = sysfs.join(name).join(what);
            read_to_string(&path).with_context(|| format!("{} can't be read", path.display()))
        };
        let remedy = "enable the display's overlay (dtoverlay in config.txt) and see that /dev has it";
        let virtual_size =
            told("virtual_size").with_context(|| format!("there is no {}; {remedy}", device.display()))?;
        // What is visible may be less than what there is memory for.
        let size = told("modes").ok().and_then(|modes| mode(&modes)).or_else(|| pair(&virtual_size, ','));
        let Some((width, height)) =
            size.filter(|(width, height)| (1..=8192).contains(width) && (1..=8192).contains(height))
        else {
            bail!("{} does not say how large it is", device.display());
        };
        let bits: usize = told("bits_per_pixel")?.trim().parse().context("bits_per_pixel is no number")?;
        ensure!(
            matches!(bits, 16 | 24 | 32),
            "{} has {bits} bits per pixel; Pipit draws 16, 24 and 32 (fbset -depth 16)",
            device.display()
        );
        let bytes = bits / 8;
        let stride =
            told("stride").ok().and_then(|stride| stride.trim().parse().ok()).unwrap_or(width as usize * bytes);
        ensure!(stride >= width as usize * bytes, "{} has rows that are too short", device.display());
        let opened = OpenOptions::new().write(true).open(device);
        let file = opened
            .with_context(|| format!("{} can't be opened; let Pipit's user be in the group video", device.display()))?;
        let scale = (width.min(height) / LARGE).max(1);
        Ok(Framebuffer { file, size: Size::new(width, height), stride, bytes, scale })
    }

    fn pixel(&self, colour: Rgb888) -> impl Iterator<Item = u8> + use<> {
        let (r, g, b) = (colour.r(), colour.g(), colour.b());
        let written = match self.bytes {
            2 => {
                let [low, high] = rgb565(r, g, b).to_le_bytes();
                [low, high, 0, 0]
            }
            _ => [b, g, r, 0xff],
        };
        written.into_iter().take(self.bytes)
    }
}

impl Screen for Framebuffer {
    fn shape(&self) -> (Size, bool) {
        (self.size / self.scale, true)
    }

    fn show(&mut self, picture: &Picture, changed: Rectangle) -> anyhow::Result<()> {
        let Picture::Colours(canvas) = picture else { bail!("a framebuffer has colours") };
        let (left, width) = (changed.top_left.x.max(0) as usize, changed.size.width as usize);
        let mut row = Vec::with_capacity(width * self.scale as usize * self.bytes);
        for y in changed.rows() {
            row.clear();
            for colour in &canvas.row(y as u32)[left..][..width] {
                (0..self.scale).for_each(|_| row.extend(self.pixel(*colour)));
            }
            for again in 0..self.scale as usize {
                let line = y as usize * self.scale as usize + again;
                let at = line * self.stride + left * self.scale as usize * self.bytes;
                self.file.write_all_at(&row, at as u64).context("the framebuffer takes no pixels")?;
            }
        }
        Ok(())
    }
}

/// A colour in 16 bits.
fn rgb565(r: u8, g: u8, b: u8) -> u16 {
    u16::from(r >> 3) << 11 | u16::from(g >> 2) << 5 | u16::from(b >> 3)
}

/// "U:1024x600p-0".
fn mode(modes: &str) -> Option<(u32, u32)> {
    let mode = modes.lines().next()?.split(':').next_back()?;
    let end = mode.find(|one: char| !one.is_ascii_digit() && one != 'x').unwrap_or(mode.len());
    pair(&mode[..end], 'x')
}

fn pair(text: &str, by: char) -> Option<(u32, u32)> {
    let (width, height) = text.trim().split_once(by)?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use embedded_graphics::draw_target::DrawTarget as _;
    use embedded_graphics::geometry::Point;

    use super::*;
    use crate::display::canvas::Canvas;

    /// A framebuffer of files, with these rows of bytes.
    fn opened(files: &[(&str, &str)], bytes: usize) -> (tempfile::TempDir, anyhow::Result<Framebuffer>) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("fb0")).unwrap();
        for (name, content) in files {
            fs::write(folder.path().join("fb0").join(name), content).unwrap();
        }
        fs::create_dir(folder.path().join("dev")).unwrap();
        fs::write(folder.path().join("dev/fb0"), vec![0; bytes]).unwrap();
        let opened = Framebuffer::open(&folder.path().join("dev/fb0"), folder.path());
        (folder, opened)
    }

    #[test]
    fn only_what_has_changed_is_written_in_the_pixels_of_the_device() {
        for (bits, stride, pixel) in [("16", 12, &[0x1f, 0xf8][..]), ("32", 20, &[0xff, 0, 0xff, 0xff])] {
            let files = [("virtual_size", "5,6\n"), ("modes", "U:5x3p-60\n"), ("bits_per_pixel", bits)];
            let (folder, opened) = opened(&[&files[..], &[("stride", &stride.to_string())]].concat(), stride * 3);
            let mut opened = opened.unwrap();
            assert_eq!(opened.shape(), (Size::new(5, 3), true));
            let mut canvas = Canvas::new(Size::new(5, 3), Rgb888::MAGENTA);
            canvas.clear(Rgb888::MAGENTA).unwrap();
            opened.show(&Picture::Colours(canvas), Rectangle::new(Point::new(3, 1), Size::new(2, 1))).unwrap();
            let mut expected = vec![0; stride * 3];
            let at = stride + 3 * pixel.len();
            expected[at..at + 2 * pixel.len()].copy_from_slice(&pixel.repeat(2));
            assert_eq!(fs::read(folder.path().join("dev/fb0")).unwrap(), expected, "{bits} bits");
        }
    }

    #[test]
    fn what_is_large_is_drawn_larger() {
        let files = [("virtual_size", "800,480"), ("bits_per_pixel", "16"), ("stride", "1600")];
        let (folder, opened) = opened(&files, 1600 * 480);
        let mut opened = opened.unwrap();
        assert_eq!(opened.shape(), (Size::new(400, 240), true));
        let canvas = Canvas::new(Size::new(400, 240), Rgb888::WHITE);
        opened.show(&Picture::Colours(canvas), Rectangle::new(Point::new(399, 239), Size::new(1, 1))).unwrap();
        let written = fs::read(folder.path().join("dev/fb0")).unwrap();
        let lit: Vec<usize> = (0..written.len()).filter(|at| written[*at] != 0).collect();
        let (above, below) = (478 * 1600 + 1596, 479 * 1600 + 1596);
        assert_eq!(lit, [above, above + 1, above + 2, above + 3, below, below + 1, below + 2, below + 3]);
    }

    #[test]
    fn what_is_no_framebuffer_is_refused_with_a_word_on_what_to_do() {
        let refused = |files: &[(&str, &str)]| format!("{:#}", opened(files, 0).1.err().unwrap());
        assert!(refused(&[]).contains("dtoverlay"));
        assert!(refused(&[("virtual_size", "0,0"), ("bits_per_pixel", "16")]).contains("how large"));
        assert!(refused(&[("virtual_size", "8,8"), ("bits_per_pixel", "8")]).contains("8 bits per pixel"));
        assert!(refused(&[("virtual_size", "8,8"), ("bits_per_pixel", "16"), ("stride", "2")]).contains("too short"));
    }
}
