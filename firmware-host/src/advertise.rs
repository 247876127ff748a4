//! Zeroconf, by which browsers and Home Assistant find Pipit without being told its address.

use std::net::SocketAddr;

use anyhow::Context as _;
use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};

/// What a panel is called in zeroconf.
pub const PANEL: &str = "_http._tcp.local.";

/// Tells the network where something is served, for as long as this lives.
pub struct Advertisement {
    daemon: ServiceDaemon,
    fullname: String,
}

impl Advertisement {
    /// Begins telling that a service of this `kind` is at `address`, under `name`, and that the host is called so too. An `address`
    /// that stands for all of this machine's is told as those. Where the network has a name already, it gets a number.
    ///
    /// # Errors
    /// There is no thread or no socket for it, or the name can't be one.
    pub fn start(kind: &str, name: &str, address: SocketAddr) -> anyhow::Result<Advertisement> {
        let (host, all) = (format!("{name}.local."), address.ip().is_unspecified());
        let ip = if all { String::new() } else { address.ip().to_string() };
        let none: Option<std::collections::HashMap<String, String>> = None;
        let service = ServiceInfo::new(kind, name, &host, ip.as_str(), address.port(), none)
            .context("the name of this machine can't be made known")?;
        let service = if all { service.enable_addr_auto() } else { service };
        let daemon = ServiceDaemon::new().context("mDNS can't be spoken here")?;
        if address.is_ipv4() {
            // Nobody listens at the other addresses of this machine.
            daemon.disable_interface(IfKind::IPv6).context("mDNS does not take it")?;
        }
        let advertisement = Advertisement { daemon, fullname: service.get_fullname().to_owned() };
        advertisement.daemon.register(service).context("mDNS does not take it")?;
        Ok(advertisement)
    }
}

impl Drop for Advertisement {
    fn drop(&mut self) {
        // Whoever has seen it is told that it is gone.
        let _ = self.daemon.unregister(&self.fullname);
        let _ = self.daemon.shutdown();
    }
}

/// What this machine calls itself to others: `pipit-` and its host name, or `pipit` where that is not known.
pub fn name_of_this_machine() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain: String = host.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    if plain.is_empty() { "pipit".to_owned() } else { format!("pipit-{plain}") }
}
