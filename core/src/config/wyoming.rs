//! `[wyoming]`: where Pipit's ear and voice are offered to others.

use super::checked::WyomingSettings;
use super::layers::Settings;
use super::wire;

/// Reads where to listen; `None` if nowhere.
pub(super) fn wyoming(settings: &mut Settings<'_>, wyoming: &wire::Wyoming) -> Option<WyomingSettings> {
    let written = wyoming.listen.trim();
    let Ok(listen) = written.parse() else {
        if !written.is_empty() {
            let sentence = "wyoming.listen must be a numeric address and a port; write for example \"0.0.0.0:10300\" for the \
                            network at home, \"127.0.0.1:10300\" for this machine alone, or \"\" for nobody";
            settings.object(&[("wyoming", "listen")], sentence);
        }
        return None;
    };
    let listen: std::net::SocketAddr = listen;
    Some(WyomingSettings { listen, advertise: wyoming.advertise && !listen.ip().to_canonical().is_loopback() })
}
