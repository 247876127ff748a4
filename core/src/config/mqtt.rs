//! `[mqtt]`: the broker, how it is spoken to, and under which topics.

use url::Host;

use super::check::path;
use super::checked::{MqttSettings, MqttTls};
use super::layers::Settings;
use super::{llm, server, wire};
use crate::chat::Tier;

const SECTION: &str = "mqtt";

/// Reads everything about the broker; `None` if there is none. What is written is checked in any case.
pub(super) fn mqtt(settings: &mut Settings<'_>, mqtt: wire::Mqtt) -> Option<MqttSettings> {
    let key = llm::WrittenKey { env: mqtt.password_env, file: mqtt.password_file, secret: mqtt.password_secret };
    let password = llm::source(settings, SECTION, &llm::PASSWORD, &key);
    let username = mqtt.username.trim().to_owned();
    if password.is_some() && username.is_empty() {
        let sentence = "mqtt has a password and no user name; write whose it is in mqtt.username";
        let keys = ["username", "password_env", "password_file", "password_secret"];
        settings.object(&keys.map(|key| (SECTION, key)), sentence);
    }
    let host = mqtt.host.trim().to_owned();
    if host.contains(['/', '@', ' ']) {
        let sentence = "mqtt.host must be a name or an address and nothing else; write for example \
                        \"homeassistant.local\", and the port in mqtt.port";
        settings.object(&[(SECTION, "host")], sentence);
    }
    let address = address(&host);
    let is_private = address.as_ref().is_none_or(|address| server::is_private(&borrowed(address)));
    if !host.is_empty() && !mqtt.tls && !is_private {
        let what = if password.is_some() { "the password, and all that is said," } else { "all that is said" };
        let sentence = format!(
            "mqtt.host is outside of the house, and {what} would travel there unencrypted; write mqtt.tls = true, or \
             name a broker at home by its address or as the network at home knows it, such as \"broker.local\""
        );
        settings.object(&[(SECTION, "host"), (SECTION, "tls")], sentence);
    }
    let tier = address.as_ref().map_or(Tier::Outside, |address| Tier::of_host(&borrowed(address)));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !mqtt.client_id.chars().all(plain) {
        let sentence = "mqtt.client_id must be letters, digits, - and _; write for example \"pipit-kitchen\"";
        settings.object(&[(SECTION, "client_id")], sentence);
    }
    let written = mqtt.topic_prefix.trim_end_matches('/');
    let topic_prefix = if written.is_empty() { format!("pipit/{}", mqtt.client_id) } else { written.to_owned() };
    let discovery_prefix = mqtt.discovery_prefix.trim_end_matches('/').to_owned();
    for (name, prefix) in [("topic_prefix", &topic_prefix), ("discovery_prefix", &discovery_prefix)] {
        if prefix.contains(['+', '#', '\0']) || prefix.starts_with(['/', '$']) {
            let sentence = format!(
                "mqtt.{name} must be a topic without + and # that begins with neither / nor $; write for example \
                 \"pipit/kitchen\""
            );
            // Unless it was written, it is made of the other.
            settings.object(&[(SECTION, name), (SECTION, "client_id")], sentence);
        }
    }
    let mut file = |key, written: String| path(settings, (SECTION, key), Some(written).filter(|path| !path.is_empty()));
    let ca = file("ca_file", mqtt.ca_file);
    let certificate = file("client_cert_file", mqtt.client_cert_file);
    let private_key = file("client_key_file", mqtt.client_key_file);
    if certificate.is_some() != private_key.is_some() {
        let sentence = "mqtt.client_cert_file and mqtt.client_key_file belong together; set both or neither";
        settings.object(&[(SECTION, "client_cert_file"), (SECTION, "client_key_file")], sentence);
    }
    if !mqtt.tls && (ca.is_some() || certificate.is_some()) {
        let sentence = "mqtt names certificates and mqtt.tls is false; write mqtt.tls = true";
        settings.object(&[(SECTION, "tls"), (SECTION, "ca_file"), (SECTION, "client_cert_file")], sentence);
    }
    let port = match (mqtt.port, mqtt.tls) {
        (0, false) => 1883,
        (0, true) => 8883,
        (port, _) => port,
    };
    let tls = mqtt.tls.then(|| MqttTls { ca, client: certificate.zip(private_key) });
    let (client_id, allow_unmute, publish_words) = (mqtt.client_id, mqtt.allow_unmute, mqtt.publish_words);
    let username = Some(username).filter(|name| !name.is_empty());
    let on = !host.is_empty();
    on.then_some(MqttSettings {
        host,
        port,
        tier,
        client_id,
        username,
        password,
        tls,
        discovery_prefix,
        topic_prefix,
        allow_unmute,
        publish_words,
    })
}

/// A host as it is written, an address of IPv6 with brackets or without.
fn address(host: &str) -> Option<Host> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse().map_or_else(|_| Host::parse(bare).ok(), |address| Some(Host::Ipv6(address)))
}

fn borrowed(host: &Host) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    }
}
