//! Those who have left to sign in elsewhere and have not come back.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use pipit_store::{PersonId, StoreError};
use ring::digest::{SHA256, digest};
use url::Url;
use zeroize::Zeroizing;

use super::provider::{Known, Provider};
use crate::problem::Problem;

/// How long somebody may stay away.
pub(super) const GOOD_FOR: Duration = Duration::from_secs(10 * 60);

/// Of more, the oldest are forgotten.
const MOST: usize = 256;

/// By their state.
#[derive(Default)]
pub(in crate::account) struct Flows(HashMap<String, Left>);

/// Somebody who has left.
pub(super) struct Left {
    pub(super) nonce: String,
    /// What only whoever asked for the code can show: RFC 7636.
    pub(super) verifier: Zeroizing<String>,
    pub(super) back: String,
    pub(super) link: Option<Link>,
    binding: Zeroizing<String>,
    at: Timestamp,
}

/// To connect whom, as long as they are signed in.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) person: PersonId,
    pub(super) session: i64,
}

pub(super) struct Begun {
    pub(super) state: String,
    /// For the browser to keep.
    pub(super) binding: Zeroizing<String>,
    /// Where to go.
    pub(super) url: String,
}

impl Flows {
    pub(super) fn begin(
        &mut self,
        provider: &Provider,
        known: &Known,
        back: String,
        link: Option<Link>,
        now: Timestamp,
    ) -> Result<Begun, Problem> {
        let (state, nonce) = (random()?, random()?);
        let (verifier, binding) = (Zeroizing::new(random()?), Zeroizing::new(random()?));
        let mut url = Url::parse(&known.authorization_endpoint).map_err(|error| Problem::internal(&error))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.client_id)
            .append_pair("redirect_uri", &back)
            .append_pair("scope", "openid profile email")
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &BASE64.encode(digest(&SHA256, verifier.as_bytes())))
            .append_pair("code_challenge_method", "S256");
        self.0.retain(|_, left| left.is_good(now));
        if self.0.len() >= MOST {
            let oldest = self.0.iter().min_by_key(|(_, left)| left.at).map(|(state, _)| state.clone());
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
        self.0.insert(state.clone(), Left { nonce, verifier, back, link, binding: binding.clone(), at: now });
        Ok(Begun { state, binding, url: url.into() })
    }

    /// Whoever left with this state, if it is the same browser that comes back, and soon. They come back once.
    pub(super) fn take(&mut self, state: &str, binding: &str, now: Timestamp) -> Option<Left> {
        let left = self.0.remove(state)?;
        // Both are 256 random bits of which nobody can try many.
        (left.is_good(now) && *left.binding == binding).then_some(left)
    }
}

impl Left {
    fn is_good(&self, now: Timestamp) -> bool {
        Duration::try_from(now.duration_since(self.at)).is_ok_and(|age| age < GOOD_FOR)
    }
}

/// 256 bits.
fn random() -> Result<String, StoreError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|error| StoreError::NoRandomness(error.to_string()))?;
    Ok(BASE64.encode(bytes.as_slice()))
}
