//! Access tokens: what a program that somebody signed in with shows, for some minutes. They are JSON Web Tokens (RFC 7519, in the
//! form of RFC 9068) that this device signs for itself, so one header is right and every other is wrong: nobody chooses how a
//! token is checked by what stands in it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use pipit_store::{Person, PersonId, Store, StoreError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Credential;
use super::who::Scopes;
use crate::problem::Problem;

/// How long one is good.
pub(crate) const GOOD_FOR: Duration = Duration::from_secs(15 * 60);

const HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt"}"#;
const ISSUER: &str = "pipit";
const AUDIENCE: &str = "pipit-api";

/// The longest that is looked at, in bytes. One has some 400.
const LONGEST: usize = 2048;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// Whose it is.
    sub: String,
    /// The family of refresh tokens, with which it ends.
    sid: String,
    scope: String,
    jti: String,
    /// Unix seconds.
    iat: i64,
    exp: i64,
}

/// Whether this may be an access token; an API token has no dots.
pub(super) fn is_one(token: &str) -> bool {
    token.contains('.')
}

/// A new one.
pub(super) fn make(
    root: &Store,
    of: PersonId,
    family: i64,
    scopes: &Scopes,
    now: Timestamp,
) -> Result<Zeroizing<String>, Problem> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| StoreError::NoRandomness(error.to_string()))?;
    let iat = now.as_second();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: of.to_string(),
        sid: family.to_string(),
        scope: scopes.to_string(),
        jti: BASE64.encode(id),
        iat,
        exp: iat.saturating_add(GOOD_FOR.as_secs() as i64),
    };
    let claims = serde_json::to_vec(&claims).map_err(|error| Problem::internal(&error))?;
    let signed = format!("{}.{}", BASE64.encode(HEADER), BASE64.encode(claims));
    let tag = root.sign_access(signed.as_bytes())?;
    Ok(Zeroizing::new(format!("{signed}.{}", BASE64.encode(tag))))
}

/// Whose it is and what it is good for; nothing where it is not one of ours, or over, or its family is.
pub(super) fn whose(
    root: &Store,
    token: &str,
    now: Timestamp,
) -> Result<Option<(Credential, Person, Scopes)>, StoreError> {
    let Some(Claims { sub, sid, scope, .. }) = read(root, token, now)? else { return Ok(None) };
    let Ok(id) = sid.parse() else { return Ok(None) };
    let found = root.family(id, now)?.filter(|(_, person)| person.id.to_string() == sub);
    Ok(found.map(|(family, person)| {
        let scopes = Scopes::kept(&scope).and(&Scopes::kept(&family.scopes));
        (Credential::Family(family.id), person, scopes)
    }))
}

fn read(root: &Store, token: &str, now: Timestamp) -> Result<Option<Claims>, StoreError> {
    let Some((signed, tag)) = token.rsplit_once('.').filter(|_| token.len() <= LONGEST) else { return Ok(None) };
    let Some((header, claims)) = signed.split_once('.') else { return Ok(None) };
    let (Ok(tag), Ok(claims)) = (BASE64.decode(tag), BASE64.decode(claims)) else { return Ok(None) };
    if header != BASE64.encode(HEADER) || !root.is_access(signed.as_bytes(), &tag)? {
        return Ok(None);
    }
    let Ok(claims) = serde_json::from_slice::<Claims>(&claims) else { return Ok(None) };
    // A clock that was set back makes nothing good for longer than it was to be.
    let second = now.as_second();
    let is_now = second < claims.exp && claims.exp <= second.saturating_add(GOOD_FOR.as_secs() as i64);
    Ok(Some(claims).filter(|claims| is_now && claims.iss == ISSUER && claims.aud == AUDIENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// A store with somebody in it, and a family of theirs.
    fn home() -> (tempfile::TempDir, Store, i64) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("pipit.db")).unwrap();
        let client = pipit_store::Client { address: "192.168.1.9", agent: "a program" };
        let (family, _) = store.begin_family(store.person(), "read talk", client, at(0)).unwrap();
        (folder, store, family)
    }

    fn forged(store: &Store, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        format!("{signed}.{}", BASE64.encode(store.sign_access(signed.as_bytes()).unwrap()))
    }

    #[test]
    fn it_is_good_for_a_quarter_of_an_hour_and_no_more_than_its_family() {
        let (_folder, store, family) = home();
        let all = Scopes::read(["read", "admin"]).unwrap();
        let token = make(&store, store.person(), family, &all, at(0)).unwrap();
        let scopes = |second| whose(&store, &token, at(second)).unwrap().map(|(_, _, scopes)| scopes.to_string());
        assert_eq!(scopes(0).as_deref(), Some("read"));
        assert_eq!(scopes(899).as_deref(), Some("read"));
        assert_eq!(scopes(900), None);
        assert_eq!(scopes(-1), None, "the clock was set back");
        store.end_family(store.person(), family).unwrap();
        assert_eq!(scopes(1), None);
    }

    #[test]
    fn nothing_else_passes_for_one() {
        let (_folder, store, family) = home();
        let (_other_folder, other, _) = home();
        let scopes = Scopes::read(["read"]).unwrap();
        let good = make(&store, store.person(), family, &scopes, at(0)).unwrap();
        let is_good = |token: &str| whose(&store, token, at(0)).unwrap().is_some();
        assert!(is_good(&good));
        let claims = |iss: &str, aud: &str, sub: &str, sid: &str, exp: &str| {
            format!(
                r#"{{"iss":"{iss}","aud":"{aud}","sub":"{sub}","sid":"{sid}","scope":"read","jti":"a","iat":1800000000,"exp":{exp}}}"#
            )
        };
        let (me, sid, exp) = (store.person().to_string(), family.to_string(), "1800000900");
        let right = claims(ISSUER, AUDIENCE, &me, &sid, exp);
        assert!(is_good(&forged(&store, HEADER, &right)), "so each of these fails for its own reason");
        for wrong in [
            claims("other", AUDIENCE, &me, &sid, exp),
            claims(ISSUER, "other", &me, &sid, exp),
            claims(ISSUER, AUDIENCE, &"0".repeat(32), &sid, exp),
            claims(ISSUER, AUDIENCE, &me, "99", exp),
            claims(ISSUER, AUDIENCE, &me, "x", exp),
            claims(ISSUER, AUDIENCE, &me, &sid, "9800000900"),
            claims(ISSUER, AUDIENCE, &me, &sid, "\"1800000900\""),
            right.replace("\"exp\"", "\"exq\""),
            "{}".to_owned(),
        ] {
            assert!(!is_good(&forged(&store, HEADER, &wrong)), "{wrong}");
        }
        for header in [r#"{"alg":"none","typ":"at+jwt"}"#, r#"{"alg":"HS256"}"#, r#"{"alg":"ES256","typ":"at+jwt"}"#] {
            assert!(!is_good(&forged(&store, header, &right)), "{header}");
        }
        assert!(!is_good(&forged(&other, HEADER, &right)), "another device signed it");
        let unsigned = good.rsplit_once('.').unwrap().0;
        for wrong in
            ["", ".", "..", "a.b.c", unsigned, &format!("{unsigned}."), &format!("{}a", *good), &".".repeat(9000)]
        {
            assert!(!is_good(wrong), "{wrong}");
        }
    }
}
