//! The server that vouches for people who sign in to the panel, as far as it may be asked: how far away servers may be holds for it as
//! for any other, for each of its addresses, and what goes to it stands in the owner's ledger.

use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use pipit_core::chat::Tier;
use pipit_core::config::{KeySource, OidcSettings};
use pipit_store::{Purpose, Store, Traffic};
use pipit_web::{IdentityProvider, Question};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, redirect};
use url::Url;
use zeroize::Zeroizing;

use crate::app::App;
use crate::chat;

/// How long somebody who wants to sign in waits for it.
const PATIENCE: Duration = Duration::from_secs(15);

/// What it says of itself and the tokens that it gives have some kilobytes.
const LONGEST: usize = 256 * 1024;

/// What the ledger calls it.
const NAME: &str = "sign-in";

/// The server that the configuration names, if it names one. Where it can't be used, the log says why.
pub fn provider(app: &App) -> Option<IdentityProvider> {
    let OidcSettings { issuer, client_id, secret, claim, tier } = app.config().web_oidc.clone()?;
    let read = |name: String| {
        let what = "the secret of the server that vouches for people";
        chat::secret_as(what, "web.oidc", &KeySource::Secret(name), &|| Ok(app.store().clone())).map(Zeroizing::new)
    };
    let secret = match secret.map(read).transpose() {
        Ok(secret) => secret,
        Err(error) => {
            tracing::error!("nobody signs in by {issuer}: {error:#}");
            return None;
        }
    };
    if tier > app.config().widest {
        tracing::warn!("nobody signs in by {issuer}, because chat.privacy is \"{}\"", app.config().widest);
    }
    let (engine, store) = (app.engine().clone(), app.store().clone());
    let configured = app.config().widest;
    let ask = move |question| ask(configured.min(engine.widest()), store.clone(), question).boxed();
    Some(IdentityProvider::new(issuer, client_id, secret, claim, std::sync::Arc::new(ask)))
}

/// Asks, if it is no farther than `widest`.
async fn ask(widest: Tier, store: Store, question: Question) -> Result<Vec<u8>, String> {
    let url = Url::parse(&question.url).map_err(|_| "what it calls one of its addresses is none".to_owned())?;
    let tier = Tier::of_url(url.as_str());
    if tier > widest {
        return Err(format!(
            "that {tier}, and no server may be asked but \"{widest}\", as chat.privacy and the panel say"
        ));
    }
    if url.scheme() != "https" && (url.scheme() != "http" || tier == Tier::Outside) {
        return Err("one of its addresses on the Internet does not begin with https".to_owned());
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    let head = |headers: &reqwest::header::HeaderMap| {
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() as u64
    };
    let client = client(&url, tier)?;
    let mut request = match &question.form {
        Some(form) => {
            client.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.as_bytes().to_vec())
        }
        None => client.get(url),
    }
    .header(ACCEPT, "application/json");
    if let Some(authorization) = &question.authorization {
        request = request.header(AUTHORIZATION, authorization.as_str());
    }
    let request = request.build().map_err(|_| "it can't be asked that".to_owned())?;
    let body = question.form.as_ref().map_or(0, |form| form.len() as u64);
    let sent = head(request.headers()) + request.url().as_str().len() as u64 + body;
    let mut received = 0;
    let answer = answer(&client, request, &mut received, head).await;
    record(
        store,
        Traffic {
            at: Timestamp::now(),
            turn: None,
            conversation: None,
            purpose: Purpose::SignIn,
            host,
            provider: NAME.to_owned(),
            tier,
            sent,
            received,
        },
    );
    answer
}

async fn answer(
    client: &Client,
    request: reqwest::Request,
    received: &mut u64,
    head: impl Fn(&reqwest::header::HeaderMap) -> u64,
) -> Result<Vec<u8>, String> {
    let mut response = client.execute(request).await.map_err(|error| {
        let why = if error.is_timeout() { "it takes too long" } else { "there is no connection" };
        why.to_owned()
    })?;
    *received += head(response.headers());
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|_| "the connection broke in its answer".to_owned())? {
        *received += part.len() as u64;
        if body.len() + part.len() > LONGEST {
            return Err("its answer is far too long".to_owned());
        }
        body.extend_from_slice(&part);
    }
    if response.status() != reqwest::StatusCode::OK {
        return Err(format!("it answers {}", response.status()));
    }
    Ok(body)
}

/// A client that follows nobody elsewhere, for a server so far away.
pub(crate) fn client(url: &Url, tier: Tier) -> Result<Client, String> {
    // Fails only if a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A redirect would carry a code or a secret to where nobody meant it to go.
    let mut builder = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none()).user_agent("pipit");
    if url.scheme() == "http" {
        // No certificates are needed, and a small system may have none.
        builder = builder.tls_certs_only([]);
    }
    if tier < Tier::Outside {
        // A proxy for the internet does not know the machines at home.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| format!("the HTTP client can't be made ({error})"))
}

fn record(store: Store, traffic: Traffic) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = store.record_traffic(&traffic) {
            tracing::warn!("what was sent to sign somebody in is missing from the ledger: {error}");
        }
    });
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn question(url: &str) -> Question {
        Question { url: url.to_owned(), form: None, authorization: None }
    }

    #[tokio::test]
    async fn nobody_is_asked_who_is_farther_than_what_is_set() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("pipit.db")).unwrap();
        let refused = async |widest, url| ask(widest, store.clone(), question(url)).await.unwrap_err();
        assert!(refused(Tier::House, "https://id.example.org/token").await.contains("chat.privacy"));
        assert!(refused(Tier::Device, "http://192.168.1.7/token").await.contains("chat.privacy"));
        assert!(refused(Tier::Outside, "http://id.example.org/token").await.contains("https"));
        assert!(refused(Tier::Outside, "file:///etc/passwd").await.contains("https"));
        assert!(store.traffic(9).unwrap().is_empty(), "nothing was sent");
        // Whoever may be asked is, and that is written down even where nobody answers.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(refused(Tier::Device, &format!("http://{address}/token")).await.contains("no connection"));
        let written = || store.traffic(9).unwrap();
        while written().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!((written()[0].host.as_str(), written()[0].purpose), ("127.0.0.1", Purpose::SignIn));
    }
}
