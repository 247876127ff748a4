//! How the broker is connected to, as the configuration says it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use pipit_core::config::{MqttSettings, MqttTls};
use rumqttc::{
    Broker, IncomingPacketSizeLimit, LastWill, MqttOptions, NetworkOptions, QoS, TlsConfiguration, Transport,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::chat::{self, OpenStore};

/// With a broker that is silent for this long it is found out whether it is still there. It takes Pipit for gone, without a word,
/// after half as long again.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// A broker answers within this time, encryption included, or is not there.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest packet that is taken, in bytes: twice what the longest message may have that anything is made of. Brokers are told
/// so and keep larger ones to themselves; one that sends them all the same is left.
pub(super) const LARGEST_PACKET: u32 = 512 * 1024;

/// The password that goes with the configured user name, if one is named; `store` may have it.
///
/// # Errors
/// It can't be read.
pub fn password(settings: &MqttSettings, store: OpenStore<'_>) -> anyhow::Result<Option<String>> {
    let read = |source| chat::secret_as("the password for the MQTT broker", "mqtt.password", source, store);
    settings.password.as_ref().map(read).transpose()
}

/// The topic that tells whether Pipit is there.
pub fn status_topic(settings: &MqttSettings) -> String {
    format!("{}/status", settings.topic_prefix)
}

/// What is told there.
pub const ONLINE: &str = "online";
/// And what the broker tells when Pipit has vanished.
pub const OFFLINE: &str = "offline";

/// Everything about the connection, but for what is said should it break. `password` goes with the configured user name.
///
/// # Errors
/// A certificate or key can't be used.
pub(super) fn options(settings: &MqttSettings, password: Option<String>) -> anyhow::Result<MqttOptions> {
    let host = settings.host.trim_start_matches('[').trim_end_matches(']');
    let mut options = MqttOptions::new(settings.client_id.clone(), Broker::tcp(host, settings.port));
    // Nothing is to be remembered of Pipit while it is away: what it missed is told again where it matters.
    options.set_clean_start(true).set_keep_alive(KEEP_ALIVE.as_secs() as u16).set_connect_timeout(CONNECT_TIMEOUT);
    options.set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(LARGEST_PACKET));
    // Commands are short, and somebody waits for them.
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    if host.parse::<std::net::Ipv6Addr>().is_ok() {
        // The library puts host and port together, which takes brackets, and checks certificates against the host, without.
        let (host, port) = (host.to_owned(), settings.port);
        options.set_socket_connector(move |_, _| {
            let to = (host.clone(), port);
            async move {
                let stream = tokio::net::TcpStream::connect(to).await?;
                stream.set_nodelay(true)?;
                Ok(stream)
            }
        });
    }
    match (&settings.username, password) {
        (Some(username), Some(password)) => drop(options.set_credentials(username.clone(), password)),
        (Some(username), None) => drop(options.set_username(username.clone())),
        (None, _) => {}
    }
    if let Some(tls) = &settings.tls {
        options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::new(encryption(tls)?))));
    }
    Ok(options)
}

/// What the broker says of Pipit should the connection break.
pub(super) fn last_will(settings: &MqttSettings) -> LastWill {
    LastWill::new(status_topic(settings), OFFLINE, QoS::AtLeastOnce, true, None)
}

/// Whom to trust, and by what Pipit is known itself.
fn encryption(tls: &MqttTls) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match &tls.ca {
        Some(file) => {
            for certificate in certificates(file, "mqtt.ca_file")? {
                let unusable = || format!("{} (mqtt.ca_file) has a certificate that can't be used", file.display());
                roots.add(certificate).with_context(unusable)?;
            }
        }
        None => {
            // Some of a system's many certificates are odd; those that can be used are enough.
            let system = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(system.certs);
            anyhow::ensure!(
                !roots.is_empty(),
                "this system trusts no certificate authority; install the package ca-certificates, or name the broker's \
                 own in mqtt.ca_file"
            );
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.with_root_certificates(roots);
    let Some((certificate, key)) = &tls.client else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(certificate, "mqtt.client_cert_file")?;
    let unusable = |what: &str| format!("{} (mqtt.client_key_file) {what}", key.display());
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| unusable("can't be read as a private key in PEM; it must not need a password"))?;
    builder
        .with_client_auth_cert(chain, private)
        .with_context(|| unusable("does not belong to the certificate in mqtt.client_cert_file, or can't be used"))
}

fn certificates(file: &Path, key: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let unreadable = || format!("{} ({key}) can't be read as certificates in PEM", file.display());
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).with_context(unreadable)?.collect();
    let certificates = read.with_context(unreadable)?;
    anyhow::ensure!(!certificates.is_empty(), "{} ({key}) has no certificate in it", file.display());
    Ok(certificates)
}
