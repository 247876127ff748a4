//! Lights that show what Pipit does, where nobody looks at a display. What they show is decided in [`pipit_core::face`].
//!
//! As with a display, a thread of its own is the only one that touches them, and shows the newest.

mod bytes;
mod pattern;

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use linux_embedded_hal::SpidevDevice;
use linux_embedded_hal::spidev::{SpiModeFlags, SpidevOptions};
use pipit_core::config::{LedKind, LedSettings};
use pipit_core::face::{Face, Light};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::display::line::Line;
use bytes::Rgb;

/// From one step of what moves to the next.
pub const STEP: Duration = Duration::from_millis(50);

/// Lights that are not there are looked for again after so long, at first and at last.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// APA102 takes more; wires on a board take this.
const APA102_HERTZ: u32 = 8_000_000;

/// Shows the newest of `faces` on what is configured, until nobody tells any more. Lights that are not there are no error: the log
/// says so, and they are looked for again.
///
/// # Errors
/// There is no thread for it.
pub fn start(settings: LedSettings, faces: watch::Receiver<Face>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.context("the thread of the lights can't be prepared")?;
    let work = move || runtime.block_on(run(&settings, faces));
    std::thread::Builder::new()
        .name("lights".into())
        .spawn(work)
        .context("the thread of the lights can't be started")?;
    Ok(())
}

async fn run(settings: &LedSettings, mut faces: watch::Receiver<Face>) {
    let (mut pause, mut told) = (AGAIN.0, String::new());
    loop {
        let failed = match Lights::open(settings) {
            Ok(mut lights) => match show(&mut lights, settings.brightness, &mut faces).await {
                Ok(()) => return,
                Err(error) => error,
            },
            Err(error) => error,
        };
        let failed = format!("{failed:#}");
        if failed != told {
            tracing::warn!("the lights stay as they are: {failed}. Pipit listens without, and tries again");
            told = failed;
        }
        let until = Instant::now() + pause;
        while let Ok(changed) = timeout_at(until, faces.changed()).await {
            if changed.is_err() {
                return;
            }
        }
        pause = (pause * 2).min(AGAIN.1);
    }
}

/// Shows faces until nobody tells any more, and then nothing.
async fn show(lights: &mut Lights, brightness: u8, faces: &mut watch::Receiver<Face>) -> anyhow::Result<()> {
    let (mut shown, mut step, mut light) = (None, 0, Light::Off);
    loop {
        let now = faces.borrow_and_update().light();
        // What goes on goes on where it is.
        if std::mem::discriminant(&now) != std::mem::discriminant(&light) {
            step = 0;
        }
        light = now;
        let colours = pattern::colours(light, step, lights.count(), brightness);
        if shown.as_ref() != Some(&colours) {
            lights.show(&colours)?;
            shown = Some(colours);
        }
        tokio::select! {
            told = faces.changed() => if told.is_err() {
                return lights.show(&vec![[0; 3]; lights.count()]);
            },
            () = sleep(STEP), if pattern::moves(light) => step += 1,
        }
    }
}

/// Lights that are open.
enum Lights {
    Apa102 { bus: SpidevDevice, count: usize, _power: Option<Line> },
    Ws2812 { bus: SpidevDevice, count: usize },
    Gpio(Line),
}

impl Lights {
    fn open(settings: &LedSettings) -> anyhow::Result<Lights> {
        let chip = &settings.gpio_chip;
        Ok(match &settings.kind {
            LedKind::Apa102 { device, count, power_line } => {
                let power = power_line.map(|line| Line::open(chip, line)).transpose()?;
                if let Some(power) = &power {
                    power.set(true)?;
                }
                Lights::Apa102 { bus: spi(device, APA102_HERTZ)?, count: usize::from(*count), _power: power }
            }
            LedKind::Ws2812 { device, count } => {
                Lights::Ws2812 { bus: spi(device, bytes::WS2812_HERTZ)?, count: usize::from(*count) }
            }
            LedKind::Gpio { line } => Lights::Gpio(Line::open(chip, *line)?),
        })
    }

    fn count(&self) -> usize {
        match self {
            Lights::Apa102 { count, .. } | Lights::Ws2812 { count, .. } => *count,
            Lights::Gpio(_) => 1,
        }
    }

    fn show(&mut self, colours: &[Rgb]) -> anyhow::Result<()> {
        let (bus, bytes) = match self {
            Lights::Apa102 { bus, .. } => (bus, bytes::apa102(colours)),
            Lights::Ws2812 { bus, .. } => (bus, bytes::ws2812(colours)),
            Lights::Gpio(line) => return line.set(colours.iter().any(|colour| *colour != [0; 3])),
        };
        bus.write_all(&bytes).context("the lights take no colours")
    }
}

fn spi(device: &Path, hertz: u32) -> anyhow::Result<SpidevDevice> {
    let mut bus = SpidevDevice::open(device).with_context(|| {
        format!(
            "{} can't be opened; enable SPI (dtparam=spi=on) and let Pipit's user be in the group spi",
            device.display()
        )
    })?;
    let mut options = SpidevOptions::new();
    let options = options.bits_per_word(8).max_speed_hz(hertz).mode(SpiModeFlags::SPI_MODE_0).build();
    bus.configure(&options).with_context(|| format!("{} takes no settings", device.display()))?;
    Ok(bus)
}
