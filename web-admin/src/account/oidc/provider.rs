//! The server that vouches for people: what it says of itself (OpenID Connect Discovery 1.0), and who it says somebody is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::flow::Left;
use super::token::{self, Expected, Keys};

/// How long it is believed what the server says of itself.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

/// What the server is asked.
#[derive(Debug)]
pub struct Question {
    /// Where.
    pub url: String,
    /// A form to send; without, something is read.
    pub form: Option<Zeroizing<String>>,
    /// The header Authorization.
    pub authorization: Option<Zeroizing<String>>,
}

/// Asks the server, as far as it may be asked, and writes that into the ledger. Gives the body of an answer with status 200, and
/// otherwise what went wrong, without what was sent.
pub type AskProvider = Arc<dyn Fn(Question) -> BoxFuture<'static, Result<Vec<u8>, String>> + Send + Sync>;

/// The server as the owner has named it.
pub struct Provider {
    pub(super) issuer: String,
    pub(super) client_id: String,
    secret: Option<Zeroizing<String>>,
    claim: String,
    ask: AskProvider,
    known: tokio::sync::Mutex<Option<(Known, tokio::time::Instant)>>,
}

/// Says nothing of the secret.
impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Provider").field(&self.issuer).finish()
    }
}

/// What it says of itself.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    by_form: bool,
    jwks_uri: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Zeroizing<String>,
}

impl Provider {
    /// The server with this address, which knows Pipit as `client_id` and, if it wants one, by this secret. `claim` is what of a
    /// person is the same at each sign-in: "sub", where nothing speaks against it.
    #[must_use]
    pub fn new(
        issuer: String,
        client_id: String,
        secret: Option<Zeroizing<String>>,
        claim: String,
        ask: AskProvider,
    ) -> Provider {
        Provider { issuer, client_id, secret, claim, ask, known: tokio::sync::Mutex::default() }
    }

    /// By which people know it.
    pub(in crate::account) fn host(&self) -> String {
        let host = url::Url::parse(&self.issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
        host.unwrap_or_else(|| self.issuer.clone())
    }

    /// What it says of itself, asked once an hour.
    pub(super) async fn known(&self) -> Result<Known, String> {
        let mut kept = self.known.lock().await;
        if let Some((known, at)) = kept.as_ref().filter(|(_, at)| at.elapsed() < BELIEVED) {
            let _ = at;
            return Ok(known.clone());
        }
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let said: Discovery = self.read(address).await?;
        if said.issuer != self.issuer {
            return Err(format!("it calls itself otherwise than web.oidc_issuer; write there \"{}\"", said.issuer));
        }
        let is_basic = |method: &String| method == "client_secret_basic";
        let methods = &said.token_endpoint_auth_methods_supported;
        let known = Known {
            // It is where the browser goes, with nothing of ours; but no page of this device may be one of its scripts.
            authorization_endpoint: Some(said.authorization_endpoint)
                .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
                .ok_or("its authorization_endpoint is no address")?,
            token_endpoint: said.token_endpoint,
            by_form: !methods.is_empty() && !methods.iter().any(is_basic),
            keys: self.read(said.jwks_uri.clone()).await?,
            jwks_uri: said.jwks_uri,
        };
        *kept = Some((known.clone(), tokio::time::Instant::now()));
        Ok(known)
    }

    /// Who came back with this code, by the claim.
    pub(super) async fn who(&self, code: &str, left: &Left, now: Timestamp) -> Result<String, String> {
        let known = self.known().await?;
        let (form, authorization) = self.to_show(code, left, known.by_form);
        let answer = (self.ask)(Question { url: known.token_endpoint.clone(), form, authorization }).await?;
        let tokens: Tokens = parse(&answer)?;
        let expected = Expected {
            issuer: &self.issuer,
            client_id: &self.client_id,
            nonce: &left.nonce,
            claim: &self.claim,
            second: now.as_second(),
        };
        let keys = if known.keys.has_key_for(&tokens.id_token) {
            known.keys
        } else {
            // It has taken another key since it was asked.
            let keys: Keys = self.read(known.jwks_uri).await?;
            if let Some((known, _)) = self.known.lock().await.as_mut() {
                known.keys = keys.clone();
            }
            keys
        };
        token::who(&tokens.id_token, &keys, &expected).map_err(str::to_owned)
    }

    /// The form that takes the code to the server, and the header by which it knows who sends it.
    fn to_show(
        &self,
        code: &str,
        left: &Left,
        by_form: bool,
    ) -> (Option<Zeroizing<String>>, Option<Zeroizing<String>>) {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &left.back)
            .append_pair("code_verifier", &left.verifier);
        let mut authorization = None;
        match &self.secret {
            Some(secret) if by_form => {
                form.append_pair("client_id", &self.client_id).append_pair("client_secret", secret);
            }
            Some(secret) => {
                // Each is encoded as in a form first: RFC 6749, 2.3.1.
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let both = Zeroizing::new(format!("{}:{}", encoded(&self.client_id), encoded(secret)));
                authorization = Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(both.as_bytes()))));
            }
            None => {
                form.append_pair("client_id", &self.client_id);
            }
        }
        (Some(Zeroizing::new(form.finish())), authorization)
    }

    async fn read<T: DeserializeOwned>(&self, url: String) -> Result<T, String> {
        parse(&(self.ask)(Question { url, form: None, authorization: None }).await?)
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    // What stands in it may be a secret.
    serde_json::from_slice(body).map_err(|_| "it answers something else than it should".to_owned())
}
