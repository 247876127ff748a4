//! What `pipit doctor` finds out about the machine itself.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use pipit_core::config::{AudioBackend, Config};
use pipit_models::board::Board;

use super::doctor::Finding;
use super::doctor::Finding::{Bad, Fair, Good};
use crate::board_state::{BoardState, Power};

/// A line for each thing.
pub(super) fn findings(config: &Config) -> Vec<(&'static str, Finding)> {
    let state = BoardState::look(&config.state_dir);
    let mut findings = vec![("board", board(&state))];
    findings.extend(state.troubles().into_iter().map(|trouble| {
        let finding = if trouble.is_grave { Bad } else { Fair };
        ("board", finding(trouble.words))
    }));
    findings.push(("network", network(config)));
    findings.push(("clock", clock()));
    findings.push(("permissions", permissions(config)));
    findings
}

fn board(state: &BoardState) -> Finding {
    let Board { name, cores, memory, .. } = Board::detect();
    let celsius = state.celsius.map(|celsius| format!("{celsius:.0} °C"));
    let power = matches!(state.power, Some(Power::Held)).then(|| "its power holds".to_owned());
    let free = state.disk.free.map(|free| format!("{:.1} GB of disk are free", free as f64 / 1e9));
    let worn = state.disk.worn.map(|tenths| format!("up to {} % of its life are gone", tenths.min(10) * 10));
    let told: Vec<_> = [celsius, power, free, worn].into_iter().flatten().collect();
    Good(format!("{name}, {cores} cores, {:.1} GB of memory; {}", memory as f64 / 1e9, told.join(", ")))
}

/// Which addresses others in the house reach this machine at.
fn network(config: &Config) -> Finding {
    let interfaces = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces,
        Err(error) => return Bad(format!("the system does not tell its addresses: {error}")),
    };
    let outward = interfaces.into_iter().filter(|interface| !interface.is_loopback() && !interface.is_link_local());
    let addresses: Vec<_> = outward.map(|interface| interface.ip().to_string()).collect();
    let wants = config.mqtt.is_some() || config.llm.is_some();
    match (addresses.is_empty(), wants) {
        (true, true) => Bad("there is none, and the broker or the servers that are configured can't be reached: \
                             plug in the cable, or set up Wi-Fi"
            .to_owned()),
        (true, false) => {
            Fair("there is none: Pipit hears and answers, but its panel can't be opened from elsewhere".to_owned())
        }
        (false, _) => Good(addresses.join(", ")),
    }
}

/// Boards without a clock that goes on while they are off have the wrong time until a network tells it.
fn clock() -> Finding {
    let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M %Z").to_string();
    // It leaves this file where it has set the clock since the start of the machine.
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Good(format!("{now}, set by the network"));
    }
    let asked = Command::new("timedatectl").args(["show", "--property=NTPSynchronized", "--value"]).output();
    let answer = asked.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    match answer.as_deref().map(<[u8]>::trim_ascii) {
        Some(b"yes") => Good(format!("{now}, set by the network")),
        Some(b"no") => Fair(format!(
            "{now}, and no network has set it: timers are right, alarms may not be; `sudo timedatectl set-ntp true` has it set"
        )),
        _ => Fair(format!("{now}; this system does not tell whether a network has set it")),
    }
}

/// What Pipit must be allowed to open, as whoever runs this.
fn permissions(config: &Config) -> Finding {
    let mut kept_out = Vec::new();
    if let Some(why) = unwritable(&config.state_dir) {
        let folder = config.state_dir.display();
        kept_out.push(format!(
            "{folder} can't be written to ({why}): run this as the user that Pipit runs as, or `sudo chown` it"
        ));
    }
    if matches!(config.audio.backend, AudioBackend::Cpal { .. }) && fs::read_dir("/dev/snd").is_ok_and(denied) {
        kept_out.push(
            "the sound devices are for the group audio: `sudo usermod -aG audio $USER`, and sign in anew".to_owned(),
        );
    }
    if kept_out.is_empty() { Good("what Pipit needs may be opened".to_owned()) } else { Bad(kept_out.join("; ")) }
}

/// Whether one of these devices may not be opened.
fn denied(devices: fs::ReadDir) -> bool {
    let mut controls = devices.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("control"));
    controls.any(|entry| {
        let opened = OpenOptions::new().read(true).write(true).open(entry.path());
        opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    })
}

fn unwritable(folder: &Path) -> Option<String> {
    // What is not there yet is made at the first start, where that may be.
    let folder = folder.ancestors().find(|folder| folder.exists())?;
    match rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK) {
        Ok(()) => None,
        Err(error) => Some(std::io::Error::from(error).to_string()),
    }
}
