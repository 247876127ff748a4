//! A GPIO line that Pipit drives.

use std::path::Path;

use anyhow::Context as _;
use embedded_hal::digital::{Error, ErrorKind, ErrorType, OutputPin};
use gpiocdev::Request;
use gpiocdev::line::Value;

/// A line that is an output for as long as this lives.
pub struct Line(Request);

/// The kernel refuses.
#[derive(Debug)]
pub struct Refused(gpiocdev::Error);

impl Line {
    /// Takes the line with this number, which is low at first.
    ///
    /// # Errors
    /// There is no such chip or line, or another program has it.
    pub fn open(chip: &Path, offset: u32) -> anyhow::Result<Line> {
        let mut wanted = Request::builder();
        let wanted = wanted.on_chip(chip).with_consumer("pipit").with_line(offset).as_output(Value::Inactive);
        let request = wanted.request().with_context(|| {
            format!(
                "line {offset} of {} can't be used; see that no other program or overlay has it (gpioinfo), that \
                 board.gpio_chip is the right one, and that Pipit's user is in the group gpio",
                chip.display()
            )
        })?;
        Ok(Line(request))
    }

    /// Drives it high or low.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn set(&self, high: bool) -> anyhow::Result<()> {
        self.drive(high).map_err(|Refused(error)| error.into())
    }

    fn drive(&self, high: bool) -> Result<(), Refused> {
        let value = if high { Value::Active } else { Value::Inactive };
        self.0.set_lone_value(value).map(drop).map_err(Refused)
    }
}

impl Error for Refused {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for Line {
    type Error = Refused;
}

impl OutputPin for Line {
    fn set_low(&mut self) -> Result<(), Refused> {
        self.drive(false)
    }

    fn set_high(&mut self) -> Result<(), Refused> {
        self.drive(true)
    }
}
