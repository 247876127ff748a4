//! `[wyoming]`: where Pipit's ear and voice are offered to others, and its microphone and speaker to Assist.

use std::net::SocketAddr;

use super::checked::WyomingSettings;
use super::layers::Settings;
use super::wire;

/// Reads where to listen for those who want ear and voice, and for those who want microphone and speaker; `None` if nowhere.
pub(super) fn wyoming(
    settings: &mut Settings<'_>,
    wyoming: &wire::Wyoming,
) -> (Option<WyomingSettings>, Option<WyomingSettings>) {
    let services = address(settings, ("listen", &wyoming.listen), 10300);
    let satellite = address(settings, ("satellite", &wyoming.satellite), 10700);
    if let (Some(services), Some(satellite)) = (services, satellite)
        && services.port() == satellite.port()
        && satellite.port() != 0
    {
        let sentence = "wyoming.satellite needs a port of its own, since Home Assistant takes a port for either a satellite \
                        or services; write for example \"0.0.0.0:10700\"";
        settings.object(&[("wyoming", "satellite")], sentence);
    }
    let offered = |listen: SocketAddr| {
        let advertise = wyoming.advertise && !listen.ip().to_canonical().is_loopback();
        WyomingSettings { listen, advertise }
    };
    (services.map(offered), satellite.map(offered))
}

fn address(settings: &mut Settings<'_>, (key, written): (&'static str, &str), usual: u16) -> Option<SocketAddr> {
    let address = written.trim().parse().ok();
    if address.is_none() && !written.trim().is_empty() {
        let sentence = format!(
            "wyoming.{key} must be a numeric address and a port; write for example \"0.0.0.0:{usual}\" for the network at \
             home, \"127.0.0.1:{usual}\" for this machine alone, or \"\" for nobody"
        );
        settings.object(&[("wyoming", key)], &sentence);
    }
    address
}
