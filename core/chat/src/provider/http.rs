//! A provider over HTTP: its requests with their headers, its time limits, and what of it must not be shown.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use pipit_core::chat::dialect::{ChatRequest, Dialect, ReplyChunk, ServerErrorKind, Without};
use pipit_core::chat::{Tier, model_list_path, read_model_list};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Request, RequestBuilder, Response, Url, redirect};
use tokio::time::{Instant, timeout_at};

use super::generation::Generation;
use super::meter::{Count, Meter};
use super::{Prompt, Provider, ProviderIdentity, response};
use crate::error::{ChatError, Wait};
use crate::settings::{ProviderKind, ProviderSettings, Secret};

/// The longest list of models that is read. OpenRouter's has about half a megabyte.
const LONGEST_LIST: usize = 8 << 20;

/// What Pipit calls itself.
pub(super) const USER_AGENT: &str = concat!("pipit/", env!("CARGO_PKG_VERSION"));

/// One server and model. It keeps connections open between requests.
pub struct HttpProvider {
    identity: ProviderIdentity,
    host: String,
    client: Client,
    /// What counts the questions that belong to no prompt; without it they are not counted.
    meter: Option<Meter>,
    pub(super) dialect: Dialect,
    base_url: String,
    headers: HeaderMap,
    scrubber: Scrubber,
    pub(super) limits: TimeLimits,
    /// What the server said that it does not know.
    without: Mutex<Without>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimits {
    pub(super) connect: Duration,
    pub(super) first_token: Duration,
    pub(super) idle: Duration,
}

impl HttpProvider {
    /// A provider by its settings. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ChatError::Settings`] if the settings can't be used.
    pub fn new(settings: &ProviderSettings) -> Result<HttpProvider, ChatError> {
        let unusable = |why: &str| ChatError::Settings(format!("{}: {why}", settings.name));
        // The address may have a password in it, so errors do not show it.
        let url =
            Url::parse(&settings.base_url).map_err(|error| unusable(&format!("its address is not a URL ({error})")))?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let host = host.ok_or_else(|| unusable("its address must begin with http:// or https:// and name a host"))?;
        let headers = headers(settings.kind, host, settings.api_key.as_ref())
            .map_err(|_| unusable("the API key has characters that no key has, such as a line end"))?;
        let tier = Tier::of_url(&settings.base_url);
        Ok(HttpProvider {
            identity: ProviderIdentity { name: settings.name.clone(), model: settings.model.clone(), tier },
            host: host.to_owned(),
            client: http_client(&url, tier, settings.connect_timeout)?,
            meter: None,
            dialect: settings.kind.into(),
            base_url: settings.base_url.trim_end_matches('/').to_owned(),
            headers,
            scrubber: Scrubber::new(&url, host, settings.api_key.as_ref()),
            limits: TimeLimits {
                connect: settings.connect_timeout,
                first_token: settings.first_token_timeout,
                idle: settings.idle_timeout,
            },
            without: Mutex::default(),
        })
    }

    /// The same, with `meter` for the questions that belong to no prompt: whether it is well, and which models it has.
    #[must_use]
    pub fn counted_by(self, meter: Option<Meter>) -> HttpProvider {
        HttpProvider { meter, ..self }
    }

    /// Begins to count a request that is about to be sent.
    pub(super) fn count(&self, meter: Option<&Meter>, request: &Request) -> Option<Count> {
        meter.map(|meter| meter.count(&self.identity, &self.host, request))
    }

    pub(super) fn name(&self) -> String {
        self.identity.name.clone()
    }

    /// The request for a reply, which comes as a stream or `whole`.
    pub(super) fn chat_request(&self, prompt: &Prompt, whole: bool) -> RequestBuilder {
        let encoded = self.dialect.encode(&ChatRequest {
            model: &self.identity.model,
            messages: &prompt.messages,
            tools: &prompt.tools,
            max_reply_tokens: prompt.max_reply_tokens,
            without: Without { stream: whole, ..self.with_without(|without| *without) },
        });
        let request = self.client.post(format!("{}{}", self.base_url, encoded.path)).headers(self.headers.clone());
        request.header(CONTENT_TYPE, "application/json").body(encoded.body)
    }

    /// Leaves out from now on what the server has just refused. False where it is nothing that can be left out, or was left
    /// out already.
    pub(super) fn do_without(&self, refused: ServerErrorKind) -> bool {
        self.with_without(|without| {
            let left_out = match refused {
                ServerErrorKind::WantsMaxCompletionTokens => &mut without.max_tokens,
                ServerErrorKind::KnowsNoUsage => &mut without.usage,
                ServerErrorKind::KnowsNoTools => &mut without.tools,
                _ => return false,
            };
            !std::mem::replace(left_out, true)
        })
    }

    fn with_without<T>(&self, use_it: impl FnOnce(&mut Without) -> T) -> T {
        // Each use is one assignment, so a panic elsewhere cannot have left it half done.
        use_it(&mut self.without.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `text` without key and address.
    pub(super) fn scrubbed(&self, text: &str) -> String {
        self.scrubber.scrub(text)
    }

    /// Asks for the list of models, until `deadline`. A response that refuses it is one too.
    async fn ask_for_models(&self, deadline: Instant) -> Result<(Response, Option<Count>), ChatError> {
        let request = self.client.get(format!("{}{}", self.base_url, model_list_path(self.dialect)));
        let (client, request) = request.headers(self.headers.clone()).build_split();
        let request = request.map_err(|error| response::not_sent(self, error))?;
        let mut count = self.count(self.meter.as_ref(), &request);
        match self.within(deadline, client.execute(request)).await? {
            Ok(response) => {
                count.iter_mut().for_each(|count| count.received_head(&response));
                Ok((response, count))
            }
            Err(error) => {
                count.iter_mut().filter(|_| error.is_connect()).for_each(Count::nothing_was_sent);
                Err(response::not_sent(self, error))
            }
        }
    }

    async fn models(&self) -> Result<Vec<String>, ChatError> {
        let deadline = Instant::now() + self.limits.first_token;
        let (mut response, mut count) = self.ask_for_models(deadline).await?;
        if !response.status().is_success() {
            return Err(response::refusal(self, response, deadline, count.as_mut()).await.0);
        }
        let mut body = Vec::new();
        while let Some(bytes) =
            self.within(deadline, response.chunk()).await?.map_err(|error| response::broken(self, error))?
        {
            count.iter_mut().for_each(|count| count.received(bytes.len() as u64));
            body.extend_from_slice(&bytes);
            if body.len() > LONGEST_LIST {
                break;
            }
        }
        read_model_list(self.dialect, &body).ok_or_else(|| response::no_list(self, &body))
    }

    async fn answers(&self) -> Result<(), ChatError> {
        let deadline = Instant::now() + self.limits.first_token;
        let (response, mut count) = self.ask_for_models(deadline).await?;
        if response.status().is_success() {
            return Ok(());
        }
        match response::refusal(self, response, deadline, count.as_mut()).await.0 {
            // Some servers keep no list, and are well all the same.
            ChatError::Rejected { .. } => Ok(()),
            error => Err(error),
        }
    }

    async fn within<T>(&self, deadline: Instant, work: impl Future<Output = T>) -> Result<T, ChatError> {
        let timed_out =
            || ChatError::TimedOut { provider: self.name(), wait: Wait::Answer, limit: self.limits.first_token };
        timeout_at(deadline, work).await.map_err(|_| timed_out())
    }
}

impl Provider for HttpProvider {
    fn identity(&self) -> &ProviderIdentity {
        &self.identity
    }

    fn list_models(&self) -> BoxFuture<'_, Result<Vec<String>, ChatError>> {
        Box::pin(self.models())
    }

    fn chat_stream(self: Arc<Self>, prompt: Arc<Prompt>) -> BoxStream<'static, Result<ReplyChunk, ChatError>> {
        stream::try_unfold(Generation::new(self, prompt), |mut generation| async move {
            Ok(generation.next_chunk().await?.map(|chunk| (chunk, generation)))
        })
        .boxed()
    }

    fn health(&self) -> BoxFuture<'_, Result<(), ChatError>> {
        Box::pin(self.answers())
    }
}

fn headers(
    kind: ProviderKind,
    host: &str,
    key: Option<&Secret>,
) -> Result<HeaderMap, reqwest::header::InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let (name, value) = match kind {
            ProviderKind::Anthropic => (HeaderName::from_static("x-api-key"), key.reveal().to_owned()),
            ProviderKind::OpenAi | ProviderKind::Ollama => (AUTHORIZATION, format!("Bearer {}", key.reveal())),
        };
        let mut value = HeaderValue::from_str(&value)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    if kind == ProviderKind::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    if host == "openrouter.ai" {
        // It names programs by a site and a title. Pipit has no site, and this one can never become anybody's.
        headers.insert("http-referer", HeaderValue::from_static("https://pipit.invalid"));
        headers.insert("x-title", HeaderValue::from_static("Pipit"));
    }
    Ok(headers)
}

/// Takes out of messages what must not be shown: some servers repeat the key when they refuse it, and some errors the address.
pub(crate) struct Scrubber {
    /// What must not be shown, and what is shown in its place.
    hidden: Vec<(String, &'static str)>,
}

impl Scrubber {
    pub(crate) fn new(url: &Url, host: &str, key: Option<&Secret>) -> Scrubber {
        let key = key.map(Secret::reveal).filter(|key| !key.is_empty()).map(|key| (key.to_owned(), "[key]"));
        let port = url.port_or_known_default().map(|port| (format!("{host}:{port}"), "[address]"));
        // Hosts like "nas" are parts of other words, so those go only with a port.
        let alone = host.contains(['.', ':']).then(|| (host.to_owned(), "[address]"));
        let origin = (url.origin().ascii_serialization(), "[address]");
        Scrubber { hidden: key.into_iter().chain([origin]).chain(port).chain(alone).collect() }
    }

    pub(crate) fn scrub(&self, text: &str) -> String {
        self.hidden.iter().fold(text.to_owned(), |text, (hidden, instead)| text.replace(hidden, instead))
    }
}

/// A client for one server and nobody else.
pub(crate) fn http_client(url: &Url, tier: Tier, connect_timeout: Duration) -> Result<Client, ChatError> {
    // Fails only if a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .connect_timeout(connect_timeout)
        // A redirect would carry what was said, and perhaps the key, to where nobody meant it to go.
        .redirect(redirect::Policy::none())
        .user_agent(USER_AGENT);
    if url.scheme() == "http" {
        // No certificates are needed, and a small system may have none.
        builder = builder.tls_certs_only([]);
    }
    if tier < Tier::Outside {
        // A proxy for the internet does not know the machines at home, and must not hear what is meant for them.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| ChatError::Settings(format!("the HTTP client can't be made ({error})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(kind: ProviderKind, base_url: &str) -> ProviderSettings {
        ProviderSettings {
            name: "test".to_owned(),
            kind,
            base_url: base_url.to_owned(),
            model: "m".to_owned(),
            api_key: Some(Secret::new("sk-secret")),
            connect_timeout: Duration::from_secs(1),
            first_token_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn servers_of_either_scheme_can_be_spoken_to() {
        for (base_url, tier) in [("http://localhost:11434", Tier::Device), ("https://api.openai.com/v1", Tier::Outside)]
        {
            let provider = HttpProvider::new(&settings(ProviderKind::OpenAi, base_url)).unwrap();
            assert_eq!(provider.identity().tier, tier);
        }
    }

    #[test]
    fn openrouter_is_told_the_programs_name_and_nobody_else_is() {
        let titled = |base_url| {
            let provider = HttpProvider::new(&settings(ProviderKind::OpenAi, base_url)).unwrap();
            let title = provider.headers.get("x-title").map(|title| title.to_str().unwrap().to_owned());
            assert_eq!(provider.headers.contains_key("http-referer"), title.is_some());
            assert!(provider.headers[AUTHORIZATION].is_sensitive());
            title
        };
        assert_eq!(titled("https://openrouter.ai/api/v1").as_deref(), Some("Pipit"));
        assert_eq!(titled("https://openrouter.ai.example.com/api/v1"), None);
        assert_eq!(titled("http://nas:8080/v1"), None);
    }

    #[test]
    fn neither_key_nor_address_is_shown() {
        let provider = HttpProvider::new(&settings(ProviderKind::OpenAi, "https://llm.example.org/v1")).unwrap();
        let said = "invalid certificate for llm.example.org:443 at https://llm.example.org/v1/models with sk-secret";
        assert_eq!(provider.scrubbed(said), "invalid certificate for [address] at [address]/v1/models with [key]");
        let provider = HttpProvider::new(&settings(ProviderKind::OpenAi, "http://nas:8080/v1")).unwrap();
        assert_eq!(provider.scrubbed("a nasty error at nas:8080"), "a nasty error at [address]");
    }
}
