//! Which sound devices there are, how they are chosen, and which format is asked of them.
//!
//! Opening a stream and keeping it open is for `microphone` and `speaker`.

use std::fmt;

use anyhow::{Context as _, Result, bail};
use cpal::traits::{DeviceTrait as _, HostTrait as _};
use cpal::{SampleFormat, SupportedStreamConfig, SupportedStreamConfigRange};
use pipit_core::audio::Hertz;

/// How the device that the system prefers is called, here and in the configuration.
const DEFAULT: &str = "default";

/// What ALSA lists beside devices: its converters, the way to nowhere, and servers that their own libraries reach, which
/// write to standard error when they are not there.
const NO_DEVICES: &[&str] =
    &["null", "jack", "oss", "lavrate", "samplerate", "speexrate", "speex", "upmix", "vdownmix"];

/// A rate that no hardware has: the range comes from ALSA's own converter, which offers every rate there is. It makes
/// them by linear interpolation, so it is asked for the rate that the hardware behind it most likely has, and the way
/// from there is ours.
const CONVERTED: u32 = 1_000_000;

/// Which way the sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Input,
    Output,
}

impl Side {
    /// What people call such a device.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Side::Input => "microphone",
            Side::Output => "speaker",
        }
    }

    fn is_offered_by(self, device: &cpal::Device) -> bool {
        match self {
            Side::Input => device.supports_input(),
            Side::Output => device.supports_output(),
        }
    }

    /// The key of the configuration that chooses the device.
    pub(super) fn key(self) -> &'static str {
        match self {
            Side::Input => "audio.input",
            Side::Output => "audio.output",
        }
    }
}

/// A device and what it is called.
pub(super) struct Found {
    pub(super) device: cpal::Device,
    pub(super) name: String,
}

/// The devices that `wanted` may mean, the likeliest first: `default`, an id, or part of a name or id in any case.
///
/// # Errors
///
/// There is none, in words that say what to do.
pub(super) fn candidates(wanted: &str, side: Side) -> Result<Vec<Found>> {
    let host = alsa()?;
    if wanted.is_empty() || wanted == DEFAULT {
        let device = match side {
            Side::Input => host.default_input_device(),
            Side::Output => host.default_output_device(),
        };
        let device = device.with_context(|| format!("this machine has no default {}", side.noun()))?;
        let mut found = vec![Found { name: DEFAULT.to_owned(), device }];
        // On a board whose first card is HDMI, ALSA's default microphone does not exist although one is plugged in by USB.
        found.extend(hardware(&host, side));
        return Ok(found);
    }
    let mut ranked: Vec<_> = host
        .devices()
        .context("the sound devices cannot be listed")?
        .filter(|device| side.is_offered_by(device))
        .filter_map(|device| {
            let (id, name) = (id_of(&device), name_of(&device));
            rank(wanted, &id, &name).map(|rank| (rank, Found { device, name }))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    if ranked.is_empty() {
        let (noun, key) = (side.noun(), side.key());
        bail!(
            "no {noun} called \"{wanted}\" is there: plug it in, or choose another as `{key}` (`pipit devices` lists them)"
        );
    }
    Ok(ranked.into_iter().map(|(_, found)| found).collect())
}

/// The ids of the microphone and of the speaker that `input` and `output` mean now; nothing of one that is not there.
#[must_use]
pub fn chosen(input: &str, output: &str) -> (Option<String>, Option<String>) {
    quiet();
    let first = |wanted, side| candidates(wanted, side).ok()?.first().map(|found| id_of(&found.device));
    (first(input, Side::Input), first(output, Side::Output))
}

/// The hardware itself, which stands in for a default that does not open.
fn hardware(host: &cpal::Host, side: Side) -> impl Iterator<Item = Found> {
    let devices = host.devices().into_iter().flatten();
    let hardware = devices.filter(move |device| side.is_offered_by(device) && id_of(device).starts_with("hw:"));
    hardware.map(|device| Found { name: name_of(&device), device })
}

/// How well a device answers to `wanted`, best first; none if it does not.
///
/// One card appears under several ids. The hardware itself comes first, since its own formats need no conversion that
/// is not ours; then the same with ALSA's conversions, for formats that cpal does not know (24 bits in three bytes).
fn rank(wanted: &str, id: &str, name: &str) -> Option<(u8, u8)> {
    let (wanted, id, name) = (wanted.to_lowercase(), id.to_lowercase(), name.to_lowercase());
    let wanted = wanted.strip_prefix("alsa:").unwrap_or(&wanted);
    let closeness = if id == wanted {
        0
    } else if name == wanted {
        1
    } else if name.contains(wanted) || id.contains(wanted) {
        2
    } else {
        return None;
    };
    let plugin = match id.split(':').next() {
        Some("hw") => 0,
        Some("plughw") => 1,
        Some("sysdefault") => 2,
        _ => 3,
    };
    Some((closeness, plugin))
}

/// The host, always ALSA: sound servers are reached through ALSA's plugins, so that one path is enough.
fn alsa() -> Result<cpal::Host> {
    cpal::host_from_id(cpal::HostId::Alsa).context("ALSA cannot be used on this machine: is libasound2 installed?")
}

fn id_of(device: &cpal::Device) -> String {
    device.id().map(|id| id.id().to_owned()).unwrap_or_default()
}

fn name_of(device: &cpal::Device) -> String {
    device.description().map_or_else(|_| id_of(device), |description| description.name().to_owned())
}

/// The formats to ask the device for, the best first.
///
/// To listen: [`pipit_core::audio::LISTENING_RATE`] itself, else 48 kHz. To speak: 48 kHz, which nearly all hardware
/// has. Fewer channels before more, and 16 bits before the others, which carry nothing more of speech.
pub(super) fn formats(device: &cpal::Device, side: Side) -> Result<Vec<SupportedStreamConfig>, cpal::Error> {
    let ranges: Vec<_> = match side {
        Side::Input => device.supported_input_configs()?.collect(),
        Side::Output => device.supported_output_configs()?.collect(),
    };
    Ok(by_preference(&ranges, side))
}

fn by_preference(ranges: &[SupportedStreamConfigRange], side: Side) -> Vec<SupportedStreamConfig> {
    let preferred: &[u32] = match side {
        Side::Input => &[16_000, 48_000, 32_000, 96_000, 44_100],
        Side::Output => &[48_000, 44_100, 96_000, 32_000, 24_000, 16_000],
    };
    let mut ranked: Vec<_> = ranges
        .iter()
        .filter_map(|range| {
            let bits = [SampleFormat::I16, SampleFormat::I32, SampleFormat::F32, SampleFormat::I24];
            // DSD is no PCM, and anything else that cpal can convert is welcome in the end.
            let format = bits.iter().position(|&format| format == range.sample_format()).unwrap_or(bits.len());
            if range.sample_format().is_dsd() || range.channels() == 0 || range.max_sample_rate() == 0 {
                return None;
            }
            let (low, high) = (range.min_sample_rate(), range.max_sample_rate());
            let preferred = if high >= CONVERTED { &[48_000] } else { preferred };
            let place = preferred.iter().position(|rate| (low..=high).contains(rate));
            let rate = place.map_or_else(|| high.clamp(low, high), |place| preferred[place]);
            // A speaker plays one channel on its left side only, so two come first there.
            let channels = match (side, range.channels()) {
                (Side::Output, 2) => 0,
                (_, channels) => channels,
            };
            Some(((place.unwrap_or(preferred.len()), channels, format), range.with_sample_rate(rate)))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, config)| config).collect()
}

/// Every sound device that ALSA knows of.
#[derive(Clone, Debug)]
pub struct DeviceList {
    /// In ALSA's order.
    pub devices: Vec<DeviceInfo>,
    /// Why nothing can be listed, if so.
    pub problem: Option<String>,
}

/// One device under one of its ids.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceInfo {
    /// What names it for certain.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Whether it is what `default` means.
    pub default: bool,
    /// What it can do as a microphone.
    pub input: Option<Formats>,
    /// What it can do as a speaker.
    pub output: Option<Formats>,
}

/// What a device offers in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats {
    /// The lowest and highest sample rate.
    pub rates: (Hertz, Hertz),
    /// The fewest and most channels.
    pub channels: (u16, u16),
}

/// Lists the devices. Each is opened for a moment to ask what it offers, so this takes a while and does not disturb
/// what plays; one that is in use elsewhere or not plugged in shows neither input nor output.
#[must_use]
pub fn devices() -> DeviceList {
    quiet();
    match alsa().and_then(|host| Ok(host.devices()?)) {
        Ok(devices) => {
            let real = devices.filter(|device| !NO_DEVICES.contains(&id_of(device).as_str()));
            DeviceList { devices: real.map(|device| info(&device)).collect(), problem: None }
        }
        Err(error) => DeviceList { devices: Vec::new(), problem: Some(format!("{error:#}")) },
    }
}

fn info(device: &cpal::Device) -> DeviceInfo {
    let id = id_of(device);
    let span = |ranges: Vec<SupportedStreamConfigRange>| {
        Some(Formats {
            rates: (
                Hertz(ranges.iter().map(SupportedStreamConfigRange::min_sample_rate).min()?),
                Hertz(ranges.iter().map(SupportedStreamConfigRange::max_sample_rate).max()?),
            ),
            channels: (
                ranges.iter().map(SupportedStreamConfigRange::channels).min()?,
                ranges.iter().map(SupportedStreamConfigRange::channels).max()?,
            ),
        })
    };
    let input = device.supports_input().then(|| device.supported_input_configs().ok());
    let output = device.supports_output().then(|| device.supported_output_configs().ok());
    DeviceInfo {
        name: name_of(device),
        default: id == DEFAULT,
        input: input.flatten().and_then(|ranges| span(ranges.collect())),
        output: output.flatten().and_then(|ranges| span(ranges.collect())),
        id,
    }
}

impl fmt::Display for DeviceList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(problem) = &self.problem {
            return writeln!(f, "{problem}");
        }
        for (noun, key, side) in [
            ("Microphones", Side::Input.key(), (|device| device.input) as fn(&DeviceInfo) -> Option<Formats>),
            ("Speakers", Side::Output.key(), |device| device.output),
        ] {
            writeln!(f, "{noun} (`{key}` takes an id or a part of a name):")?;
            let mut any = false;
            for device in &self.devices {
                let Some(formats) = side(device) else { continue };
                any = true;
                let mark = if device.default { "*" } else { " " };
                writeln!(f, "{mark} {}  {}  ({formats})", device.id, device.name)?;
            }
            if !any {
                writeln!(f, "  none")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Formats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rates {
            (low, high) if low == high => write!(f, "{low}")?,
            (low, high) => write!(f, "{} to {high}", low.0)?,
        }
        match self.channels {
            (1, 1) => write!(f, ", 1 channel"),
            (low, high) if low == high => write!(f, ", {high} channels"),
            (low, high) => write!(f, ", {low} to {high} channels"),
        }
    }
}

/// Keeps alsa-lib from writing to standard error on this thread from here on, and forgets what it has said so far: a
/// dozen lines for each device that is not there, which comes as an error of the call as well.
pub(super) fn quiet() {
    // Where this fails, there is no more to it than that alsa-lib goes on writing.
    let _ = alsa::Output::local_error_handler();
}

/// Says in one line why a stream on this device could not be opened, and what to do.
pub(super) fn cannot_open(side: Side, name: &str, error: &cpal::Error) -> String {
    tracing::debug!(device = name, %error, "the sound device cannot be opened");
    let (noun, key) = (side.noun(), side.key());
    let choose = format!("choose another as `{key}` (`pipit devices` lists them)");
    match error.kind() {
        cpal::ErrorKind::DeviceBusy => {
            format!("the {noun} \"{name}\" is in use by another program: close that, or {choose}")
        }
        cpal::ErrorKind::PermissionDenied => {
            format!("the {noun} \"{name}\" may not be used: add this user to the group `audio`, then log in again")
        }
        cpal::ErrorKind::UnsupportedOperation => format!("\"{name}\" is no {noun}: {choose}"),
        cpal::ErrorKind::UnsupportedConfig => format!("the {noun} \"{name}\" offers no usable format: {choose}"),
        _ if name == DEFAULT => format!("this machine has no {noun} that works: plug one in, or {choose}"),
        _ => format!("the {noun} \"{name}\" does not answer: plug it in, start its sound server, or {choose}"),
    }
}

/// Says in one line that a device was lost, and what to do.
pub(super) fn has_gone(side: Side, name: &str, error: &cpal::Error) -> String {
    tracing::debug!(device = name, %error, "the sound device is gone");
    format!("the {} \"{name}\" is gone: plug it in again, or start its sound server again", side.noun())
}

/// Says in one line that a device is there but moves no sound, and what to do.
pub(super) fn has_stalled(side: Side, name: &str) -> String {
    format!("the {} \"{name}\" has stopped working: unplug it and plug it in again", side.noun())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_answers_to_its_id_its_name_and_parts_of_them_the_hardware_first() {
        let card = [
            ("sysdefault:CARD=Mic", "ReSpeaker 4 Mic Array, USB Audio"),
            ("plughw:CARD=Mic,DEV=0", "ReSpeaker 4 Mic Array, USB Audio"),
            ("hw:CARD=Mic,DEV=0", "ReSpeaker 4 Mic Array, USB Audio"),
            ("hw:CARD=PCH,DEV=0", "HDA Intel PCH, ALC257 Analog"),
        ];
        let chosen = |wanted: &str| {
            let mut found: Vec<_> = card.iter().filter_map(|(id, name)| Some((rank(wanted, id, name)?, *id))).collect();
            found.sort_unstable();
            found.into_iter().map(|(_, id)| id).collect::<Vec<_>>()
        };
        let array = ["hw:CARD=Mic,DEV=0", "plughw:CARD=Mic,DEV=0", "sysdefault:CARD=Mic"];
        assert_eq!(chosen("respeaker"), array);
        assert_eq!(chosen("ReSpeaker 4 Mic Array, USB Audio"), array);
        assert_eq!(chosen("plughw:card=mic,dev=0"), ["plughw:CARD=Mic,DEV=0"]);
        assert_eq!(chosen("alsa:sysdefault:CARD=Mic"), ["sysdefault:CARD=Mic"]);
        assert!(chosen("webcam").is_empty());
    }

    #[test]
    fn the_listening_rate_comes_first_then_48_khz_then_what_there_is() {
        let range = |channels, low, high, format| {
            SupportedStreamConfigRange::new(channels, low, high, cpal::SupportedBufferSize::Unknown, format)
        };
        let first = |ranges: &[_], side| {
            let best = by_preference(ranges, side).into_iter().next();
            best.map(|config| (config.channels(), config.sample_rate(), config.sample_format()))
        };
        let anything = [
            range(2, 8_000, 192_000, SampleFormat::I16),
            range(1, 8_000, 192_000, SampleFormat::F32),
            range(1, 8_000, 192_000, SampleFormat::I16),
        ];
        assert_eq!(first(&anything, Side::Input), Some((1, 16_000, SampleFormat::I16)));
        assert_eq!(first(&anything, Side::Output), Some((2, 48_000, SampleFormat::I16)));
        let card = [range(2, 44_100, 44_100, SampleFormat::I32), range(2, 48_000, 48_000, SampleFormat::I32)];
        assert_eq!(first(&card, Side::Input), Some((2, 48_000, SampleFormat::I32)));
        let odd = [range(6, 11_025, 11_025, SampleFormat::U8), range(1, 2_822_400, 2_822_400, SampleFormat::DsdU8)];
        assert_eq!(first(&odd, Side::Input), Some((6, 11_025, SampleFormat::U8)));
        let converted = [range(1, 4_000, u32::MAX, SampleFormat::I16)];
        assert_eq!(first(&converted, Side::Input), Some((1, 48_000, SampleFormat::I16)));
        assert_eq!(first(&[], Side::Input), None);
    }
}
