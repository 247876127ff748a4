//! Language-model servers over HTTP: one request, its time limits, and one retry. What the bytes mean is for
//! [`pipit_core::chat::dialect`] to say.

mod generation;
mod response;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream;
use pipit_core::chat::Message;
use pipit_core::chat::dialect::{ChatRequest, Dialect, TokenLimit};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder, Url, redirect};

use crate::error::ChatError;
use crate::settings::{ProviderKind, ProviderSettings, Secret};
use generation::Generation;

/// One server and model. It keeps connections open between requests.
pub(crate) struct Provider {
    client: Client,
    dialect: Dialect,
    base_url: String,
    /// The origin, as errors name the server.
    server: String,
    model: String,
    authorization: Option<HeaderValue>,
    api_key: Option<Secret>,
    max_reply_tokens: u32,
    limits: TimeLimits,
    /// The server said that it wants the newer name of the reply's limit.
    wants_max_completion_tokens: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
struct TimeLimits {
    connect: Duration,
    first_token: Duration,
    idle: Duration,
}

impl Provider {
    pub(crate) fn new(settings: &ProviderSettings, max_reply_tokens: u32) -> Result<Provider, ChatError> {
        let unusable = |why: &str| ChatError::Settings(why.to_owned());
        // The address may have a password in it, so errors do not show it.
        let url =
            Url::parse(&settings.base_url).map_err(|error| unusable(&format!("its address is not a URL ({error})")))?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let host = host.ok_or_else(|| unusable("its address must begin with http:// or https:// and name a host"))?;
        let bearer = |key: &Secret| HeaderValue::from_str(&format!("Bearer {}", key.reveal()));
        let authorization = settings.api_key.as_ref().map(bearer).transpose();
        let mut authorization =
            authorization.map_err(|_| unusable("the API key has characters that no key has, such as a line end"))?;
        if let Some(header) = &mut authorization {
            header.set_sensitive(true);
        }
        Ok(Provider {
            client: client(&url, host, settings.connect_timeout)?,
            dialect: match settings.kind {
                ProviderKind::OpenAi => Dialect::OpenAi,
                ProviderKind::Ollama => Dialect::Ollama,
            },
            base_url: settings.base_url.trim_end_matches('/').to_owned(),
            server: url.origin().ascii_serialization(),
            model: settings.model.clone(),
            authorization,
            api_key: settings.api_key.clone(),
            max_reply_tokens,
            limits: TimeLimits {
                connect: settings.connect_timeout,
                first_token: settings.first_token_timeout,
                idle: settings.idle_timeout,
            },
            wants_max_completion_tokens: AtomicBool::new(false),
        })
    }

    /// The reply to `messages` as it comes, in pieces that are never empty. An error is the last item.
    pub(crate) fn generate(
        self: Arc<Self>,
        messages: Vec<Message>,
    ) -> impl Stream<Item = Result<String, ChatError>> + Send {
        stream::try_unfold(Generation::new(self, messages), |mut generation| async move {
            Ok(generation.next_text().await?.map(|text| (text, generation)))
        })
    }

    fn request(&self, messages: &[Message]) -> RequestBuilder {
        let newer_name = self.wants_max_completion_tokens.load(Ordering::Relaxed);
        let encoded = self.dialect.encode(&ChatRequest {
            model: &self.model,
            messages,
            max_reply_tokens: self.max_reply_tokens,
            token_limit: if newer_name { TokenLimit::MaxCompletionTokens } else { TokenLimit::MaxTokens },
        });
        let request =
            self.client.post(format!("{}{}", self.base_url, encoded.path)).header(CONTENT_TYPE, "application/json");
        let request = self.authorization.iter().fold(request, |request, key| request.header(AUTHORIZATION, key));
        request.body(encoded.body)
    }

    /// `text` without the key: some servers repeat it when they refuse it.
    fn without_key(&self, text: &str) -> String {
        match &self.api_key {
            Some(key) if !key.reveal().is_empty() => text.replace(key.reveal(), "[key]"),
            _ => text.to_owned(),
        }
    }
}

fn client(url: &Url, host: &str, connect_timeout: Duration) -> Result<Client, ChatError> {
    // Fails only if a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .connect_timeout(connect_timeout)
        // A redirect would carry what was said, and perhaps the key, to where nobody meant it to go.
        .redirect(redirect::Policy::none())
        .user_agent(concat!("pipit/", env!("CARGO_PKG_VERSION")));
    if url.scheme() == "http" {
        // No certificates are needed, and a small system may have none.
        builder = builder.tls_certs_only([]);
    }
    if is_private(host) {
        // A proxy for the internet does not know the machines at home.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| ChatError::Settings(format!("the HTTP client can't be made ({error})")))
}

/// Whether `host`, as it stands in a URL, is on this machine or the local network.
fn is_private(host: &str) -> bool {
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(address)) => address.is_private() || address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        Err(_) => {
            let local = [".local", ".localhost", ".lan", ".home.arpa", ".internal"];
            !host.contains('.') || local.iter().any(|suffix| host.ends_with(suffix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_either_scheme_can_be_spoken_to() {
        for base_url in ["http://localhost:11434", "https://api.openai.com/v1"] {
            let settings = ProviderSettings {
                kind: ProviderKind::OpenAi,
                base_url: base_url.to_owned(),
                model: "m".to_owned(),
                api_key: None,
                connect_timeout: Duration::from_secs(1),
                first_token_timeout: Duration::from_secs(1),
                idle_timeout: Duration::from_secs(1),
            };
            let provider = Provider::new(&settings, 1).unwrap();
            assert_eq!(provider.server, base_url.trim_end_matches("/v1"));
        }
    }

    #[test]
    fn private_hosts() {
        let hosts = ["localhost", "127.0.0.1", "192.168.1.4", "[::1]", "[fd00::1]", "nas", "nas.local", "10.0.0.1"];
        assert!(hosts.into_iter().all(is_private));
        assert!(!["api.openai.com", "8.8.8.8", "[2606:4700::1]", "172.32.0.1"].into_iter().any(is_private));
    }
}
