//! How far what somebody says travels when a server is asked. Judged by the address alone: nothing here looks a name up.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// How far from the device a server is, from near to far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The same machine.
    Device,
    /// The network at home.
    House,
    /// Anything else.
    Outside,
}

/// Names that the public DNS does not serve.
const HOUSE_NAMES: [&str; 6] = [".local", ".lan", ".home", ".home.arpa", ".internal", ".test"];

impl Tier {
    /// The tier of the server at `url`; [`Tier::Outside`] where the address cannot be read, for then nothing is known of it.
    #[must_use]
    pub fn of_url(url: &str) -> Tier {
        let url = Url::parse(url).ok();
        match url.as_ref().and_then(Url::host) {
            // In an address that is not of the web, such as `tcp://10.0.0.1:10300`, the parser takes every host for a name.
            Some(Host::Domain(name)) => {
                Host::parse(name).map_or(Tier::Outside, |host| Tier::of_host(&host_as_str(&host)))
            }
            Some(host) => Tier::of_host(&host),
            None => Tier::Outside,
        }
    }

    /// The tier of a host. A name that only the router at home knows counts by its ending, any other as
    /// [`Tier::Outside`], whatever it resolves to today.
    #[must_use]
    pub fn of_host(host: &Host<&str>) -> Tier {
        match host {
            Host::Ipv4(address) => of_ipv4(*address),
            Host::Ipv6(address) => of_ipv6(*address),
            Host::Domain(name) => of_name(&name.to_ascii_lowercase()),
        }
    }

    /// As people are told of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Tier::Device => "on this device",
            Tier::House => "in the house",
            Tier::Outside => "leaves the house",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn host_as_str(host: &Host) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    }
}

fn of_ipv4(address: Ipv4Addr) -> Tier {
    // Whoever connects to 0.0.0.0 reaches the machine itself.
    if address.is_loopback() || address.is_unspecified() {
        Tier::Device
    } else if address.is_private() || address.is_link_local() {
        Tier::House
    } else {
        Tier::Outside
    }
}

fn of_ipv6(address: Ipv6Addr) -> Tier {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return of_ipv4(mapped);
    }
    if address.is_loopback() || address.is_unspecified() {
        Tier::Device
    } else if address.is_unique_local() || address.is_unicast_link_local() {
        Tier::House
    } else {
        Tier::Outside
    }
}

fn of_name(name: &str) -> Tier {
    let name = name.trim_end_matches('.');
    if name == "localhost" || name.ends_with(".localhost") {
        Tier::Device
    } else if !name.contains('.') || HOUSE_NAMES.iter().any(|end| name.ends_with(end)) {
        Tier::House
    } else {
        Tier::Outside
    }
}

#[cfg(test)]
mod tests {
    use super::Tier;

    fn all_are(tier: Tier, hosts: &[&str]) {
        for host in hosts {
            for scheme in ["http", "tcp"] {
                assert_eq!(Tier::of_url(&format!("{scheme}://{host}/v1")), tier, "{scheme}://{host}");
            }
        }
    }

    #[test]
    fn addresses_and_names() {
        let device = ["localhost:11434", "LOCALHOST.", "llm.localhost", "127.9.9.9:1", "[::1]:8080", "0.0.0.0:8080"];
        all_are(Tier::Device, &device);
        all_are(Tier::Device, &["[::]:1", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"]);
        let house = ["192.168.1.5:11434", "10.0.0.1", "172.31.0.1", "169.254.3.4", "[fd00::1]", "[fe80::1]:1"];
        all_are(Tier::House, &house);
        all_are(Tier::House, &["nas", "Box.Local", "box.lan.", "a.b.home.arpa", "[::ffff:10.0.0.1]"]);
        let outside = ["api.openai.com", "8.8.8.8", "172.32.0.1", "[2001:db8::1]", "[::ffff:8.8.8.8]", "134744072"];
        all_are(Tier::Outside, &outside);
        // An overlay's own addresses may lead anywhere, and names only look like those at home.
        all_are(Tier::Outside, &["100.100.1.1", "local.example.com", "box.local.example.com", "notlocalhost.com"]);
        all_are(Tier::Outside, &["localhost.example.com", "127.0.0.1.example.com", "192.168.1.5.nip.io"]);
    }

    #[test]
    fn what_is_no_address_is_far_away() {
        for url in ["", "localhost", "not a url", "http://", "unix:/run/llm.sock", "http://[::1"] {
            assert_eq!(Tier::of_url(url), Tier::Outside, "{url:?}");
        }
        assert_eq!(Tier::of_url("http://me:secret@127.0.0.1@api.example.com/"), Tier::Outside);
    }

    #[test]
    fn nearer_is_less() {
        assert!(Tier::Device < Tier::House && Tier::House < Tier::Outside);
    }
}
