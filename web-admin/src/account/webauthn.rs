//! What a passkey's authenticator and its browser say, read and checked: W3C Web Authentication Level 2, 7.1 and 7.2, with ES256 and
//! EdDSA and without attestation, which would say who built the authenticator and of which nothing here depends.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use pipit_store::PasskeyAlgorithm;
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;

/// What somebody was there for.
const USER_PRESENT: u8 = 0x01;
/// Whoever was there has shown to the authenticator that it is theirs.
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
/// It tells of a new passkey.
const ATTESTED: u8 = 0x40;
const EXTENSIONS: u8 = 0x80;

/// The longest name of a passkey, in bytes (6.1).
const LONGEST_CREDENTIAL: usize = 1023;

/// A COSE key is CBOR in its one canonical form, so what stands around the numbers is always the same (RFC 9053, 7.1 and 7.2).
const ES256_BEFORE_X: &[u8] = &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
const ES256_BEFORE_Y: &[u8] = &[0x22, 0x58, 0x20];
const EDDSA_BEFORE_X: &[u8] = &[0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];

/// For what a browser was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ceremony {
    Create,
    Get,
}

/// Under which name this device is opened in the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The name, as passkeys are kept for it.
    pub(super) host: String,
    /// With the port, if it has one.
    pub(super) authority: String,
}

/// What the browser says, in JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

/// A passkey that was just made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) credential: Vec<u8>,
    pub(super) algorithm: PasskeyAlgorithm,
    pub(super) public_key: Vec<u8>,
    pub(super) sign_count: u32,
}

impl Place {
    /// The place whose `Host` header this is. Nothing where no passkey could be made: under an address.
    pub(super) fn of(host: &str) -> Option<Place> {
        let authority: axum::http::uri::Authority = host.parse().ok()?;
        let name = authority.host().strip_suffix('.').unwrap_or(authority.host()).to_ascii_lowercase();
        let is_address = name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
        let place = Place { host: name, authority: authority.as_str().to_ascii_lowercase() };
        Some(place).filter(|place| !is_address && !place.host.is_empty())
    }

    /// Whether a page has this origin that is opened here in a secure context.
    fn is_origin(&self, origin: &str) -> bool {
        let is_localhost = self.host == "localhost" || self.host.ends_with(".localhost");
        let by_http = || origin.strip_prefix("http://").filter(|_| is_localhost);
        origin.strip_prefix("https://").or_else(by_http).is_some_and(|authority| authority == self.authority)
    }
}

/// The challenge that a browser says it was given, whatever else it says: by that, what was asked of it is found again.
pub(super) fn challenge(client_data: &[u8]) -> Option<[u8; 32]> {
    let said: ClientData = serde_json::from_slice(client_data).ok()?;
    BASE64.decode(said.challenge).ok()?.try_into().ok()
}

/// Whether the browser was asked for this, by a page of this device and nobody else's.
pub(super) fn is_said_here(client_data: &[u8], ceremony: Ceremony, place: &Place) -> bool {
    let Ok(said) = serde_json::from_slice::<ClientData>(client_data) else { return false };
    let kind = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    said.kind == kind && !said.cross_origin && said.top_origin.is_none() && place.is_origin(&said.origin)
}

/// What the authenticator says, with what follows.
fn head<'a>(said: &'a [u8], place: &Place) -> Option<(u8, u32, &'a [u8])> {
    let (host, rest) = said.split_at_checked(32)?;
    let (flags, rest) = rest.split_first()?;
    let (count, rest) = rest.split_first_chunk()?;
    let is_here = host == digest(&SHA256, place.host.as_bytes()).as_ref();
    let is_somebody = flags & (USER_PRESENT | USER_VERIFIED) == USER_PRESENT | USER_VERIFIED;
    let is_sound = flags & BACKED_UP == 0 || flags & BACKUP_ELIGIBLE != 0;
    (is_here && is_somebody && is_sound).then_some((*flags, u32::from_be_bytes(*count), rest))
}

/// The passkey that was made, if that is what the authenticator says.
pub(super) fn made(said: &[u8], place: &Place) -> Option<Made> {
    let (flags, sign_count, rest) = head(said, place)?;
    // Before the length is what kind of authenticator it is.
    let (length, rest) = rest.get(16..).filter(|_| flags & ATTESTED != 0)?.split_first_chunk()?;
    let (credential, key) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let (algorithm, public_key, rest) = read_key(key)?;
    let is_whole = rest.is_empty() || flags & EXTENSIONS != 0;
    let is_name = !credential.is_empty() && credential.len() <= LONGEST_CREDENTIAL;
    (is_whole && is_name).then(|| Made { credential: credential.to_vec(), algorithm, public_key, sign_count })
}

fn read_key(key: &[u8]) -> Option<(PasskeyAlgorithm, Vec<u8>, &[u8])> {
    if let Some(rest) = key.strip_prefix(ES256_BEFORE_X) {
        let (x, rest) = rest.split_at_checked(32)?;
        let (y, rest) = rest.strip_prefix(ES256_BEFORE_Y)?.split_at_checked(32)?;
        return Some((PasskeyAlgorithm::Es256, [&[0x04], x, y].concat(), rest));
    }
    let (x, rest) = key.strip_prefix(EDDSA_BEFORE_X)?.split_at_checked(32)?;
    Some((PasskeyAlgorithm::EdDsa, x.to_vec(), rest))
}

/// How often the passkey has signed, if it has signed this.
pub(super) fn signed(
    said: &[u8],
    client_data: &[u8],
    signature: &[u8],
    (algorithm, public_key): (PasskeyAlgorithm, &[u8]),
    place: &Place,
) -> Option<u32> {
    let (_, sign_count, _) = head(said, place)?;
    let algorithm: &dyn VerificationAlgorithm = match algorithm {
        PasskeyAlgorithm::Es256 => &ECDSA_P256_SHA256_ASN1,
        PasskeyAlgorithm::EdDsa => &ED25519,
    };
    let signed = [said, digest(&SHA256, client_data).as_ref()].concat();
    let is_signed = UnparsedPublicKey::new(algorithm, public_key).verify(&signed, signature).is_ok();
    is_signed.then_some(sign_count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_for_names_and_pages_of_secure_contexts() {
        for address in ["192.168.1.7", "192.168.1.7:7847", "[::1]:7847", "", "a b"] {
            assert_eq!(Place::of(address), None, "{address}");
        }
        let pipit = Place::of("Pipit.local:7848").unwrap();
        assert_eq!((pipit.host.as_str(), pipit.authority.as_str()), ("pipit.local", "pipit.local:7848"));
        let local = Place::of("localhost:7847").unwrap();
        for (place, origin, is_ours) in [
            (&pipit, "https://pipit.local:7848", true),
            (&pipit, "http://pipit.local:7848", false),
            (&pipit, "https://pipit.local", false),
            (&pipit, "https://evil.pipit.local:7848", false),
            (&pipit, "https://pipit.local:7848.evil.com", false),
            (&local, "http://localhost:7847", true),
            (&local, "http://localhost:7848", false),
            (&local, "null", false),
        ] {
            assert_eq!(place.is_origin(origin), is_ours, "{origin}");
        }
    }

    #[test]
    fn what_an_authenticator_says_is_read_whole_or_not_at_all() {
        let place = Place::of("localhost").unwrap();
        let host = digest(&SHA256, b"localhost");
        let key = [EDDSA_BEFORE_X, &[7; 32]].concat();
        let said = |flags: u8, length: u16, rest: &[u8]| {
            [host.as_ref(), &[flags], &5_u32.to_be_bytes(), &[0; 16], &length.to_be_bytes(), rest].concat()
        };
        let rest = [b"name", &*key].concat();
        let good = said(0x45, 4, &rest);
        let made = made(&good, &place).unwrap();
        assert_eq!((made.credential.as_slice(), made.sign_count, made.public_key), (&b"name"[..], 5, vec![7; 32]));
        for end in 0..good.len() {
            assert_eq!(super::made(&good[..end], &place), None, "{end}");
        }
        for flags in [0x44, 0x41, 0x05, 0x55] {
            assert_eq!(super::made(&said(flags, 4, &rest), &place), None, "{flags:x}");
        }
        assert!(super::made(&[&*good, b"\xa0"].concat(), &place).is_none(), "something more");
        assert!(super::made(&said(0xc5, 4, &[&*rest, b"\xa0"].concat()), &place).is_some(), "extensions");
        assert!(super::made(&said(0x45, 0, &key), &place).is_none(), "no name");
        assert!(super::made(&said(0x45, 400, &rest), &place).is_none());
        assert!(super::made(&good, &Place::of("pipit.local").unwrap()).is_none(), "another place");
    }
}
