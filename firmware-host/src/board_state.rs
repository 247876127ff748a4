//! What the board says of itself while it runs: how hot it is, whether its power supply holds, and how its disk is. Read from the files
//! in which Linux tells it, so that nothing but reading is needed; what a board does not tell is not known, and no trouble.

use std::fs;
use std::path::Path;

/// Degrees Celsius from which on a board slows itself down: what a Raspberry Pi does from 80 on, others from about there.
const SLOWED_FROM: f64 = 80.0;
/// Degrees Celsius from which on it is near that.
const WARM_FROM: f64 = 72.0;

/// Bytes on the disk below which what can be had again gives way.
pub const SCARCE: u64 = 200_000_000;
/// Bytes below which an evening's history may not fit any more.
pub const NONE_LEFT: u64 = 20_000_000;

/// How a board is. What it does not tell is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoardState {
    /// The hottest of its sensors, in degrees Celsius.
    pub celsius: Option<f64>,
    /// How its power supply does, on a Raspberry Pi.
    pub power: Option<Power>,
    /// Whether the processor slows itself down just now, on a Raspberry Pi.
    pub slowed: bool,
    /// How the disk of the state directory is.
    pub disk: Disk,
}

/// How a power supply does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It held since the start.
    Held,
    /// It holds now, and has not since the start.
    Fell,
    /// Its voltage is too low.
    Low,
}

/// How a disk is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that Pipit may still write.
    pub free: Option<u64>,
    /// Whether nothing can be written.
    pub read_only: bool,
    /// Tenths of its life that are gone, from 1 on, and 11 where it is past it (eMMC alone tells that: JEDEC 84-B51, `DEVICE_LIFE_TIME_EST`).
    pub worn: Option<u8>,
    /// Errors that its file system has met (ext4 counts them).
    pub errors: u64,
}

/// What is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What it is about.
    pub about: &'static str,
    /// Whether Pipit can't go on like this for long.
    pub is_grave: bool,
    /// A sentence without its full stop: what is wrong, and behind a colon what to do.
    pub words: String,
}

impl BoardState {
    /// Looks at this machine, and at the disk of `folder`.
    #[must_use]
    pub fn look(folder: &Path) -> BoardState {
        Self::of_system(Path::new("/"), folder)
    }

    fn of_system(root: &Path, folder: &Path) -> BoardState {
        let flags = read(&root.join("sys/devices/platform/soc/soc:firmware/get_throttled"));
        let flags = flags.and_then(|hex| u32::from_str_radix(hex.trim_start_matches("0x"), 16).ok());
        BoardState {
            celsius: celsius(root),
            power: flags.map(Power::of_flags).or_else(|| alarm(root)),
            slowed: flags.is_some_and(|flags| flags & SLOWED != 0),
            disk: Disk::of(root, folder),
        }
    }

    /// What is wrong with it, the gravest first.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut all: Vec<_> = [self.heat(), self.supply()].into_iter().flatten().chain(self.disk.troubles()).collect();
        all.sort_by_key(|trouble| !trouble.is_grave);
        all
    }

    fn heat(&self) -> Option<Trouble> {
        let celsius = self.celsius?;
        let remedy = "give it air, a heat sink or a fan";
        if self.slowed || celsius >= SLOWED_FROM {
            return Some(Trouble::grave(
                "temperature",
                format!("the board has {celsius:.0} °C and slows itself down: {remedy}"),
            ));
        }
        (celsius >= WARM_FROM).then(|| {
            Trouble::slight(
                "temperature",
                format!("the board has {celsius:.0} °C and slows itself down from 80 on: {remedy}"),
            )
        })
    }

    fn supply(&self) -> Option<Trouble> {
        let remedy = "use the power supply that is made for it, and a short cable";
        match self.power? {
            Power::Held => None,
            Power::Fell => {
                Some(Trouble::slight("power", format!("the board's voltage was too low since its start: {remedy}")))
            }
            Power::Low => Some(Trouble::grave("power", format!("the board's voltage is too low: {remedy}"))),
        }
    }
}

/// Of the firmware's flags, those that tell that the processor is slower just now: capped, throttled, or at its soft limit of temperature.
const SLOWED: u32 = 0b1110;

impl Power {
    /// The firmware of a Raspberry Pi tells what is in the lower half of its flags, and what was in the upper (`GET_THROTTLED`).
    fn of_flags(flags: u32) -> Power {
        match (flags & 1 != 0, flags & (1 << 16) != 0) {
            (true, _) => Power::Low,
            (false, true) => Power::Fell,
            (false, false) => Power::Held,
        }
    }
}

impl Disk {
    fn of(root: &Path, folder: &Path) -> Disk {
        let asked = rustix::fs::statvfs(folder).ok();
        let device = device(root, folder);
        let of_device = |file: &str| device.as_ref().and_then(|device| read(&device.join(file)));
        Disk {
            free: free(folder).ok(),
            read_only: asked.as_ref().is_some_and(|of| of.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY)),
            // Of the two areas of the chip, the one that is worn more.
            worn: of_device("../device/life_time")
                .or_else(|| of_device("device/life_time"))
                .and_then(|both| worn(&both)),
            errors: errors(root, device.as_deref()),
        }
    }

    fn troubles(&self) -> Vec<Trouble> {
        let mut all = Vec::new();
        if self.read_only {
            let remedy = "restart the board, and replace the card if it stays so";
            all.push(Trouble::grave(
                "read-only disk",
                format!("nothing can be written to the disk, so nothing new is kept: {remedy}"),
            ));
        }
        match self.free {
            Some(free) if free < NONE_LEFT => {
                all.push(Trouble::grave(
                    "disk space",
                    format!("the disk is full ({} MB are left): make room", free / 1_000_000),
                ));
            }
            Some(free) if free < SCARCE => {
                all.push(Trouble::slight(
                    "disk space",
                    format!("only {} MB are left on the disk: make room", free / 1_000_000),
                ));
            }
            _ => {}
        }
        if self.errors > 0 {
            let remedy = "make a backup, check the file system, and replace the card if there are more";
            all.push(Trouble::grave(
                "file system",
                format!("the file system has met {} errors: {remedy}", self.errors),
            ));
        }
        match self.worn {
            Some(tenths @ 10..) => {
                let remedy = "make a backup, and replace it soon";
                let words = if tenths > 10 { "past its life" } else { "near the end of its life" };
                all.push(Trouble::grave("worn disk", format!("the disk is {words}: {remedy}")));
            }
            Some(tenths @ 8..) => {
                all.push(Trouble::slight(
                    "worn disk",
                    format!("{} % of the disk's life are gone: keep backups", tenths * 10),
                ));
            }
            _ => {}
        }
        all
    }
}

impl Trouble {
    /// The same for as long as it is the same trouble, whatever figures its words hold.
    #[must_use]
    pub fn key(&self) -> (&'static str, bool) {
        (self.about, self.is_grave)
    }

    fn grave(about: &'static str, words: String) -> Trouble {
        Trouble { about, is_grave: true, words }
    }

    /// One with which Pipit can go on.
    pub fn slight(about: &'static str, words: String) -> Trouble {
        Trouble { about, is_grave: false, words }
    }
}

/// Bytes that may still be written to the disk of a folder.
///
/// # Errors
/// The disk can't be asked.
pub fn free(folder: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The hottest of the kernel's thermal zones, in degrees Celsius.
#[must_use]
pub fn temperature() -> Option<f64> {
    celsius(Path::new("/"))
}

fn celsius(root: &Path) -> Option<f64> {
    let zones = fs::read_dir(root.join("sys/class/thermal")).ok()?.flatten();
    let zones = zones.filter(|zone| zone.file_name().to_string_lossy().starts_with("thermal_zone"));
    let celsius = |zone: &Path| Some(read(&zone.join("temp"))?.parse::<f64>().ok()? / 1000.0);
    // What a zone says without a sensor behind it is far from any board's temperature.
    let plausible = zones.filter_map(|zone| celsius(&zone.path())).filter(|celsius| (-40.0..150.0).contains(celsius));
    plausible.reduce(f64::max)
}

/// What a kernel without the firmware's flags tells of a Raspberry Pi's voltage (`raspberrypi-hwmon`): only how it is now.
fn alarm(root: &Path) -> Option<Power> {
    let mut sensors = fs::read_dir(root.join("sys/class/hwmon")).ok()?.flatten().map(|entry| entry.path());
    let sensor = sensors.find(|sensor| read(&sensor.join("name")).as_deref() == Some("rpi_volt"))?;
    Some(if read(&sensor.join("in0_lcrit_alarm"))? == "1" { Power::Low } else { Power::Held })
}

/// Where the kernel tells of the block device, or the part of one, that `folder` lies on.
fn device(root: &Path, folder: &Path) -> Option<std::path::PathBuf> {
    let of = rustix::fs::stat(folder).ok()?.st_dev;
    let number = format!("{}:{}", rustix::fs::major(of), rustix::fs::minor(of));
    fs::canonicalize(root.join("sys/dev/block").join(number)).ok()
}

fn errors(root: &Path, device: Option<&Path>) -> u64 {
    let name = device.and_then(Path::file_name);
    let counted = name.and_then(|name| read(&root.join("sys/fs/ext4").join(name).join("errors_count")));
    counted.and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// Two figures such as `0x02 0x01`: tenths that are gone, 0 where that is not known.
fn worn(both: &str) -> Option<u8> {
    let tenths = both.split_whitespace().filter_map(|hex| u8::from_str_radix(hex.trim_start_matches("0x"), 16).ok());
    tenths.max().filter(|tenths| *tenths > 0)
}

fn read(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system with these files.
    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let file = root.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        root
    }

    fn look(files: &[(&str, &str)]) -> BoardState {
        let root = system(files);
        BoardState::of_system(root.path(), root.path())
    }

    const FLAGS: &str = "sys/devices/platform/soc/soc:firmware/get_throttled";

    #[test]
    fn a_board_that_tells_nothing_has_no_trouble() {
        let state = look(&[]);
        assert_eq!((state.celsius, state.power, state.slowed), (None, None, false));
        assert!(state.disk.free.is_some(), "every disk tells how full it is");
        assert_eq!(BoardState::default().troubles(), []);
    }

    #[test]
    fn the_hottest_sensor_counts_and_none_that_can_not_be_one() {
        let zone = |nth: u8| format!("sys/class/thermal/thermal_zone{nth}/temp");
        let state = look(&[(&zone(0), "48312\n"), (&zone(1), "51100\n"), (&zone(2), "-274000\n"), (&zone(3), "no\n")]);
        assert_eq!(state.celsius, Some(51.1));
    }

    #[test]
    fn a_raspberry_pi_tells_whether_its_power_holds() {
        for (flags, power, slowed) in [
            ("0\n", Power::Held, false),
            ("50005\n", Power::Low, true),
            ("50000\n", Power::Fell, false),
            ("80008\n", Power::Held, true),
        ] {
            let state = look(&[(FLAGS, flags)]);
            assert_eq!((state.power, state.slowed), (Some(power), slowed), "{flags}");
        }
        assert_eq!(look(&[(FLAGS, "what?\n")]).power, None);
        let sensor = [("sys/class/hwmon/hwmon1/name", "rpi_volt\n"), ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")];
        assert_eq!(look(&sensor).power, Some(Power::Low), "a kernel without the flags");
    }

    #[test]
    fn what_is_wrong_is_said_with_a_remedy_and_the_gravest_first() {
        let disk = Disk { free: Some(150_000_000), worn: worn("0x01 0x0a"), errors: 3, read_only: true };
        let state = BoardState { celsius: Some(74.6), power: Some(Power::Low), slowed: false, disk };
        let told: Vec<_> = state.troubles().iter().map(written).collect();
        expect_test::expect![[r#"
            power, grave: the board's voltage is too low: use the power supply that is made for it, and a short cable
            read-only disk, grave: nothing can be written to the disk, so nothing new is kept: restart the board, and replace the card if it stays so
            file system, grave: the file system has met 3 errors: make a backup, check the file system, and replace the card if there are more
            worn disk, grave: the disk is near the end of its life: make a backup, and replace it soon
            temperature: the board has 75 °C and slows itself down from 80 on: give it air, a heat sink or a fan
            disk space: only 150 MB are left on the disk: make room"#]]
        .assert_eq(&told.join("\n"));
    }

    fn written(Trouble { about, is_grave, words }: &Trouble) -> String {
        format!("{about}{}: {words}", if *is_grave { ", grave" } else { "" })
    }

    #[test]
    fn an_emmc_tells_how_worn_it_is() {
        assert_eq!(["0x02 0x01", "0x01 0x0b", "0x00 0x00", ""].map(worn), [Some(2), Some(11), None, None]);
    }
}
