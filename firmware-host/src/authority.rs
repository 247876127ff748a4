//! HTTPS for the panel, from an authority of this device's own: a key that is made once and kept sealed, and certificates that it
//! signs. A browser gives its microphone to no page without HTTPS.
//!
//! There is nobody who could vouch for `pipit.local`, so each device vouches for itself: whoever wants to be without the browser's
//! warning trusts its certificate once. It can vouch for names and addresses at home and for nothing else.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use pipit_store::Store;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::advertise::name_of_this_machine;

/// Under this name the authority is among the secrets.
const SECRET: &str = "panel-authority";

/// How long the authority lasts. Whoever trusts it has done something for it.
const AUTHORITY_LASTS: Duration = Duration::from_hours(24 * 3650);

/// How long a certificate lasts. Each start makes another one, and so does each day.
const CERTIFICATE_LASTS: Duration = Duration::from_hours(24 * 365);

/// Boards without a clock of their own begin in the past.
const BEFORE: Duration = Duration::from_hours(24 * 30);

/// The beginning of 2026 in Unix seconds: this was written later, so a clock that shows less is wrong, and what is signed by it would be
/// over once it is right.
const WRITTEN: i64 = 1_767_225_600;

/// How often to look which addresses this machine has.
const LOOK: Duration = Duration::from_secs(60);

/// A certificate is made anew after so long.
const AGAIN: Duration = Duration::from_hours(24);

/// Addresses that only a network at home has, or this machine: RFC 1918, 3927, 4193 and 4291.
const AT_HOME: [(IpAddr, u8); 8] = [
    (IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(std::net::Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V6(std::net::Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
    (IpAddr::V6(std::net::Ipv6Addr::LOCALHOST), 128),
];

/// The authority of this device.
pub struct Authority {
    kept: Kept,
    /// What is shown to whoever connects.
    shown: Arc<Shown>,
}

/// What is kept of it.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// What it is called.
    name: String,
    /// PEM.
    key: String,
    /// PEM.
    certificate: String,
}

#[derive(Debug, Default)]
struct Shown(RwLock<Option<Arc<CertifiedKey>>>);

impl Authority {
    /// The one that `store` keeps, or a new one that is called `name`.
    ///
    /// # Errors
    /// The store can't be read or written, or what it keeps is no authority.
    pub fn of(store: &Store, name: &str) -> anyhow::Result<Authority> {
        let kept = store.secret(SECRET).context("the panel's authority can't be read")?;
        let kept = match kept {
            Some(kept) => serde_json::from_str(&kept).context(
                "what is kept as panel-authority is none; `pipit secrets remove panel-authority` has another one made, which \
                 browsers have to be told to trust",
            )?,
            None => {
                let kept = Kept::new(name)?;
                store.set_secret(SECRET, &serde_json::to_string(&kept)?).context("the panel's authority can't be kept")?;
                tracing::info!("made an authority for the panel: {}", kept.name);
                kept
            }
        };
        Ok(Authority { kept, shown: Arc::default() })
    }

    /// Its certificate, for browsers to trust: PEM.
    pub fn certificate(&self) -> &str {
        &self.kept.certificate
    }

    /// Shows to whoever connects from now on that this device is each of `names` and `addresses`. Those that are not of a network at
    /// home are left out: nothing that it signs would be believed.
    ///
    /// # Errors
    /// Nothing is left of them, or it can't be signed.
    pub fn vouch_for(&self, names: &[String], addresses: &[IpAddr]) -> anyhow::Result<()> {
        let certified = self.kept.sign(names, addresses)?;
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(certified));
        Ok(())
    }

    /// How TLS is spoken with it: TLS 1.2 and 1.3, HTTP/1.1.
    ///
    /// # Errors
    /// There is no cryptography.
    pub fn server_config(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::clone(&self.shown) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Has an authority vouch for this machine under the names and addresses that it has, and again where those change and each day.
pub async fn keep_vouching(authority: Arc<Authority>) {
    let mut vouched: Option<(Vec<IpAddr>, Timestamp)> = None;
    loop {
        let mut addresses: Vec<IpAddr> =
            if_addrs::get_if_addrs().unwrap_or_default().iter().map(if_addrs::Interface::ip).collect();
        addresses.sort();
        let due =
            vouched.as_ref().is_none_or(|(known, signed)| *known != addresses || is_old(*signed, Timestamp::now()));
        if due {
            if let Err(error) = authority.vouch_for(&names(), &addresses) {
                tracing::warn!("browsers are not shown who this is: {error:#}");
            }
            vouched = Some((addresses, Timestamp::now()));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether what was signed then is to be signed anew, by the clock on the wall: on a board that keeps no time while it is off, that
/// jumps by years once the time arrives, or back.
fn is_old(signed: Timestamp, now: Timestamp) -> bool {
    now.duration_since(signed).unsigned_abs() >= AGAIN
}

/// The names of this machine at home.
fn names() -> Vec<String> {
    let own = name_of_this_machine();
    let host = own.strip_prefix("pipit-").unwrap_or("pipit");
    ["localhost".to_owned(), "pipit.local".to_owned(), format!("{own}.local"), format!("{host}.local")].into()
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Kept {
    fn new(name: &str) -> anyhow::Result<Kept> {
        let key = KeyPair::generate().context("no key can be made")?;
        let certificate = params(name).self_signed(&key).context("an authority can't vouch for itself")?;
        Ok(Kept { name: name.to_owned(), key: key.serialize_pem(), certificate: certificate.pem() })
    }

    fn sign(&self, names: &[String], addresses: &[IpAddr]) -> anyhow::Result<CertifiedKey> {
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name.push(DnType::CommonName, "Pipit");
        lasts(&mut leaf, CERTIFICATE_LASTS);
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        for name in names.iter().filter(|name| is_at_home(name)) {
            leaf.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
        }
        let near = |address: &&IpAddr| AT_HOME.iter().any(|(network, bits)| is_in(**address, *network, *bits));
        leaf.subject_alt_names.extend(addresses.iter().filter(near).map(|address| SanType::IpAddress(*address)));
        ensure!(!leaf.subject_alt_names.is_empty(), "this machine has no name or address at home");
        let (authority, key) = (KeyPair::from_pem(&self.key).context("its key is none")?, KeyPair::generate()?);
        let issuer = params(&self.name);
        let certificate = leaf.signed_by(&key, &Issuer::from_params(&issuer, &authority))?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let signing = rustls::crypto::ring::sign::any_supported_type(&private)?;
        Ok(CertifiedKey::new(chain, signing))
    }
}

/// Of an authority that is called `name`: by these its signatures are known, so they must not change.
fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    lasts(&mut params, AUTHORITY_LASTS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let names = ["local", "home.arpa", "lan", "localhost"].map(|name| GeneralSubtree::DnsName(name.to_owned()));
    let addresses =
        AT_HOME.map(|(network, bits)| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(network, bits)));
    let permitted_subtrees = names.into_iter().chain(addresses).collect();
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    params
}

fn lasts(params: &mut CertificateParams, how_long: Duration) {
    let now = believed(Timestamp::now()).as_second();
    let now = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    (params.not_before, params.not_after) = (now - BEFORE, now + how_long);
}

/// The time that a clock shows, as far as it can be believed.
fn believed(shown: Timestamp) -> Timestamp {
    Timestamp::from_second(WRITTEN).map_or(shown, |written| shown.max(written))
}

fn is_at_home(name: &str) -> bool {
    name == "localhost" || [".local", ".home.arpa", ".lan"].iter().any(|ending| name.ends_with(ending))
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (address.to_bits() ^ network.to_bits()).leading_zeros() >= bits.into()
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            (address.to_bits() ^ network.to_bits()).leading_zeros() >= bits.into()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_signed_anew_each_day_and_when_the_clock_jumps() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let signed = at(86_400 * 10);
        assert!(!is_old(signed, at(86_400 * 10 + 86_399)));
        assert!(!is_old(signed, at(86_400 * 10 - 3_600)));
        for later in [86_400 * 11, 1_795_000_000, 0] {
            assert!(is_old(signed, at(later)), "{later}");
        }
        assert_eq!(believed(at(0)).as_second(), WRITTEN, "the authority that a board makes in 1970 is good in 2026");
        assert_eq!(believed(at(1_795_000_000)), at(1_795_000_000));
    }
}
