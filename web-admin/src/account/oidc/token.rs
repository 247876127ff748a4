//! An ID token: signed by the server that vouches for people (RS256 or ES256), for this device, now, and for the browser that was sent
//! there. OpenID Connect Core 1.0, 3.1.3.7.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Seconds by which clocks may differ.
const SKEW: i64 = 60;

/// The keys that the server signs with: RFC 7517.
#[derive(Clone, Deserialize)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

#[derive(Clone, Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// What has to be understood for the token to be.
    crit: Option<Value>,
}

/// What the token has to say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    /// Which of its claims names the person.
    pub(super) claim: &'a str,
    /// Unix time.
    pub(super) second: i64,
}

impl Keys {
    /// Whether one of them may have signed it.
    pub(super) fn has_key_for(&self, token: &str) -> bool {
        let header = token.split('.').next().and_then(|header| BASE64.decode(header).ok());
        let header = header.and_then(|header| serde_json::from_slice::<Header>(&header).ok());
        header.is_some_and(|header| self.fitting(&header).next().is_some())
    }

    fn fitting<'a>(&'a self, header: &'a Header) -> impl Iterator<Item = &'a Key> {
        let kty = match header.alg.as_str() {
            "RS256" => "RSA",
            "ES256" => "EC",
            // "none" and the algorithms by a shared secret among them.
            _ => "",
        };
        self.keys.iter().filter(move |key| {
            key.kty == kty
                && key.alg.as_ref().is_none_or(|alg| *alg == header.alg)
                && key.used_for.as_deref().is_none_or(|used_for| used_for == "sig")
                && header.kid.as_ref().is_none_or(|kid| key.kid.as_ref() == Some(kid))
        })
    }
}

impl Key {
    fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        let number =
            |written: &Option<String>| BASE64.decode(written.as_deref().unwrap_or_default()).unwrap_or_default();
        if self.kty == "RSA" {
            let key = RsaPublicKeyComponents { n: number(&self.n), e: number(&self.e) };
            return key.verify(&RSA_PKCS1_2048_8192_SHA256, text, signature).is_ok();
        }
        let point = [&[0x04][..], &number(&self.x), &number(&self.y)].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        self.crv.as_deref() == Some("P-256") && key.verify(text, signature).is_ok()
    }
}

/// Whom the token names, or what is wrong with it.
pub(super) fn who(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<String, &'static str> {
    const BROKEN: &str = "its ID token can't be read";
    let (signed, signature) = token.rsplit_once('.').ok_or(BROKEN)?;
    let (header, claims) = signed.split_once('.').ok_or(BROKEN)?;
    let decode = |part: &str| BASE64.decode(part).map_err(|_| BROKEN);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| BROKEN)?;
    let signature = decode(signature)?;
    let is_signed = keys.fitting(&header).any(|key| key.has_signed(signed.as_bytes(), &signature));
    if !is_signed || header.crit.is_some() {
        return Err("its ID token is not signed with a key of its own, by RS256 or ES256");
    }
    let claims: Map<String, Value> = serde_json::from_slice(&decode(claims)?).map_err(|_| BROKEN)?;
    check(&claims, expected)?;
    let named = claims.get(expected.claim).and_then(Value::as_str).filter(|named| !named.is_empty());
    let named = named.ok_or("its ID token lacks the claim that web.oidc_claim names")?;
    // Anybody can say that an address is theirs.
    if expected.claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
        return Err("it has not made sure that the e-mail address is theirs");
    }
    Ok(named.to_owned())
}

fn check(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let second = |name: &str| claims.get(name).and_then(Value::as_f64).map(|second| second as i64);
    if text("iss") != Some(expected.issuer) {
        return Err("its ID token is of another issuer");
    }
    let is_for_us = match claims.get("aud") {
        Some(Value::String(audience)) => audience == expected.client_id,
        Some(Value::Array(all)) => all.iter().any(|audience| audience == expected.client_id),
        _ => false,
    };
    if !is_for_us || text("azp").is_some_and(|azp| azp != expected.client_id) {
        return Err("its ID token is for somebody else; look at web.oidc_client_id");
    }
    let is_now = second("exp").is_some_and(|exp| expected.second < exp.saturating_add(SKEW))
        && second("iat").is_some_and(|iat| iat <= expected.second.saturating_add(SKEW))
        && second("nbf").is_none_or(|nbf| nbf <= expected.second.saturating_add(SKEW));
    if !is_now {
        return Err("its ID token is over, or not yet good; look whether the clocks of both are right");
    }
    if text("nonce") != Some(expected.nonce) {
        return Err("its ID token is of another sign-in");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;

    use super::*;

    const EXPECTED: Expected<'_> =
        Expected { issuer: "https://id.example", client_id: "pipit", nonce: "n", claim: "sub", second: 1000 };

    fn pair() -> EcdsaKeyPair {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap()
    }

    fn keys(pair: &EcdsaKeyPair) -> Keys {
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let key = json!({"kty": "EC", "kid": "1", "crv": "P-256", "x": BASE64.encode(x), "y": BASE64.encode(y)});
        serde_json::from_value(json!({"keys": [{"kty": "oct", "k": "AA"}, key]})).unwrap()
    }

    fn token(pair: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64.encode(signature.as_ref()))
    }

    fn claims() -> Value {
        json!({"iss": "https://id.example", "aud": "pipit", "sub": "ann", "nonce": "n", "iat": 990, "exp": 1200})
    }

    #[test]
    fn a_token_is_believed_if_all_of_it_is_right() {
        let pair = pair();
        let (keys, header) = (keys(&pair), json!({"alg": "ES256", "kid": "1"}));
        assert_eq!(who(&token(&pair, &header, &claims()), &keys, &EXPECTED), Ok("ann".to_owned()));
        let without_kid = token(&pair, &json!({"alg": "ES256"}), &claims());
        assert_eq!(who(&without_kid, &keys, &EXPECTED), Ok("ann".to_owned()));
        for (name, value) in [
            ("iss", json!("https://evil.example")),
            ("aud", json!("somebody")),
            ("aud", json!(["somebody", "else"])),
            ("azp", json!("somebody")),
            ("nonce", json!("other")),
            ("nonce", Value::Null),
            ("exp", json!(900)),
            ("exp", json!("1200")),
            ("exp", Value::Null),
            ("iat", json!(2000)),
            ("iat", Value::Null),
            ("nbf", json!(2000)),
            ("sub", json!("")),
            ("sub", json!(7)),
        ] {
            let mut wrong = claims();
            wrong[name] = value;
            assert!(who(&token(&pair, &header, &wrong), &keys, &EXPECTED).is_err(), "{wrong}");
        }
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "HS256", "kid": "1"}),
            json!({"alg": "RS256", "kid": "1"}),
            json!({"alg": "ES256", "kid": "2"}),
            json!({"alg": "ES256", "kid": "1", "crit": ["x"]}),
        ] {
            assert!(who(&token(&pair, &header, &claims()), &keys, &EXPECTED).is_err(), "{header}");
        }
        let good = token(&pair, &header, &claims());
        let (signed, _) = good.rsplit_once('.').unwrap();
        for broken in ["", "..", "a.b.c", signed, &format!("{signed}.")] {
            assert!(who(broken, &keys, &EXPECTED).is_err(), "{broken}");
        }
        assert!(who(&token(&super::tests::pair(), &header, &claims()), &keys, &EXPECTED).is_err(), "another key");
    }

    #[test]
    fn an_address_counts_once_it_is_known_to_be_theirs() {
        let pair = pair();
        let (keys, header) = (keys(&pair), json!({"alg": "ES256"}));
        let expected = Expected { claim: "email", ..EXPECTED };
        let mut said = claims();
        said["email"] = json!("ann@example.org");
        assert!(who(&token(&pair, &header, &said), &keys, &expected).is_err());
        said["email_verified"] = json!(true);
        assert_eq!(who(&token(&pair, &header, &said), &keys, &expected), Ok("ann@example.org".to_owned()));
    }
}
