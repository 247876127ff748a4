//! Speech services over HTTP and Wyoming: servers that transcribe or speak in place of a model on this device.
//!
//! A service is a peer of the local models: the same [`Recogniser`](crate::recogniser::Recogniser), the same
//! [`Voice`](crate::voice::Voice). What the requests of each kind look like stands in a file of its own; here is what all of
//! them share. Which service is asked, and how far away it may be, is not decided here.
//!
//! Neither key nor address nor anything that people say gets into an error. A redirect is not followed, because it would
//! carry all three to where nobody meant them to go.

mod answer;
mod error;
mod exchange;
mod fish;
mod multipart;
mod openai;
mod sound;
mod standby;
mod traffic;
mod transcriber;
mod wyoming;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pipit_core::chat::Tier;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};
use url::Url;

use crate::cancel::CancelFlag;
use answer::Answer;
use exchange::Request;
use traffic::Moved;

pub use error::ServiceError;
pub(crate) use fish::ENGINE as FISH;
pub(crate) use openai::ENGINE as OPENAI;
pub use standby::{RecogniserWithStandby, RemoteRecogniser, VoiceWithStandby};
pub use traffic::{Meter, ServiceTraffic};
pub use transcriber::Transcriber;
pub(crate) use wyoming::ENGINE as WYOMING;
pub use wyoming::WyomingTranscriber;

/// How long a connection may take. A peer on this device waits to take over, so this is short.
const CONNECT: Duration = Duration::from_secs(3);

/// What Pipit calls itself.
const USER_AGENT: &str = concat!("pipit/", env!("CARGO_PKG_VERSION"));

/// A service and how to talk to it.
#[derive(Clone)]
pub struct ServiceSettings {
    /// What people are told in place of its address.
    pub name: String,
    /// `http` or `https`, with whatever path the service's API stands under, such as `http://localhost:8080/v1`; for Wyoming
    /// `tcp://host:port`.
    pub base_url: String,
    /// The service's own name for the model; empty for the one that it has.
    pub model: String,
    /// Sent as a bearer token.
    pub api_key: Option<ApiKey>,
    /// How long an answer may take, connecting included.
    pub time_limit: Duration,
    /// Who counts what goes there; without it nobody does.
    pub meter: Option<Meter>,
}

/// Leaves the address out: it may have a password in it.
impl fmt::Debug for ServiceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ServiceSettings");
        shown.field("name", &self.name).field("model", &self.model).finish_non_exhaustive()
    }
}

/// A key that is never shown.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes the key as it is sent.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        ApiKey(key.into())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// A service that can be asked. It keeps a connection open between requests.
struct Service {
    settings: ServiceSettings,
    tier: Tier,
    agent: Agent,
    /// What must not be shown, and what is shown in its place.
    hidden: Vec<(String, &'static str)>,
}

impl Service {
    /// A service by its settings. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ServiceError::Settings`] if the settings can't be used.
    fn new(settings: &ServiceSettings) -> Result<Service, ServiceError> {
        let unusable = |why| unusable(settings, why);
        let url = Url::parse(&settings.base_url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| unusable("its address must begin with http:// or https://"))?;
        let host = url.host_str().ok_or_else(|| unusable("its address must name a host"))?;
        if settings.api_key.as_ref().is_some_and(|key| key.0.bytes().any(|byte| !(0x20..0x7f).contains(&byte))) {
            return Err(unusable("the API key has characters that no key has, such as a line end"));
        }
        let mut settings = settings.clone();
        settings.base_url = settings.base_url.trim_end_matches('/').to_owned();
        let tier = Tier::of_url(&settings.base_url);
        let (agent, hidden) = (agent(tier), hidden(&url, host, settings.api_key.as_ref()));
        Ok(Service { settings, tier, agent, hidden })
    }

    fn name(&self) -> String {
        self.settings.name.clone()
    }

    /// Sends `body` and takes the whole answer, of which no more than `most` bytes are read. `said` is what must not come
    /// back in an error, because somebody says it.
    fn post(&mut self, request: Post<'_>, cancel: &CancelFlag) -> Result<Answer, ServiceError> {
        let mut headers = vec![
            ("accept", request.accept.to_owned()),
            ("accept-encoding", "identity".to_owned()),
            ("content-type", request.content_type.to_owned()),
        ];
        headers.extend(request.header.map(|(name, value)| (name, value.to_owned())));
        headers.extend(self.settings.api_key.as_ref().map(|key| ("authorization", format!("Bearer {}", key.0))));
        let url = Url::parse(&format!("{}{}", self.settings.base_url, request.path));
        let url = url.map_err(|_| unusable(&self.settings, "its address is not a URL"))?;
        let (host, moved) = (url.host_str().unwrap_or_default().to_owned(), Arc::new(Moved::default()));
        let sent = Request { url, headers, body: request.body, most: request.most };
        let outcome = exchange::exchange(&self.agent, sent, self.settings.time_limit, cancel, &moved);
        if let Some((meter, traffic)) = self.settings.meter.as_ref().zip(moved.told(&host)) {
            meter(traffic);
        }
        if matches!(outcome, Err(exchange::Fault::Cancelled | exchange::Fault::TooLong)) {
            // Its connections were shut, and it would make no others.
            self.agent = agent(self.tier);
        }
        let answer = outcome.map_err(|fault| self.reported(fault))?;
        answer
            .checked()
            .map_err(|refusal| refusal.reported(&self.settings.name, |text| self.scrubbed(text, request.said)))
    }

    fn reported(&self, fault: exchange::Fault) -> ServiceError {
        let service = self.name();
        match fault {
            exchange::Fault::Cancelled => ServiceError::Cancelled,
            exchange::Fault::TooLong => ServiceError::TimedOut { service, limit: self.settings.time_limit },
            exchange::Fault::TooMuch(most) => {
                ServiceError::Unreadable { service, detail: format!("it sends more than {} MB", most >> 20) }
            }
            exchange::Fault::Broken(detail) => {
                ServiceError::Unavailable { service, detail: self.scrubbed(&detail, "") }
            }
        }
    }

    /// `text` without key, address, and what somebody says: some servers repeat what they refuse.
    fn scrubbed(&self, text: &str, said: &str) -> String {
        let text = self.hidden.iter().fold(text.to_owned(), |text, (hidden, instead)| text.replace(hidden, instead));
        if said.trim().is_empty() { text } else { text.replace(said.trim(), "[text]") }
    }

    fn unreadable(&self, detail: impl Into<String>) -> ServiceError {
        ServiceError::Unreadable { service: self.name(), detail: detail.into() }
    }
}

fn unusable(settings: &ServiceSettings, why: &str) -> ServiceError {
    ServiceError::Settings { service: settings.name.clone(), detail: why.to_owned() }
}

/// What is sent to a service.
struct Post<'a> {
    path: &'a str,
    content_type: &'a str,
    accept: &'a str,
    header: Option<(&'static str, &'a str)>,
    body: Vec<u8>,
    most: usize,
    said: &'a str,
}

/// Key and address as a message may have them in it. Hosts like "nas" are parts of other words, so those go only with a port.
fn hidden(url: &Url, host: &str, key: Option<&ApiKey>) -> Vec<(String, &'static str)> {
    let key = key.filter(|key| !key.0.is_empty()).map(|key| (key.0.clone(), "[key]"));
    let port = url.port_or_known_default().map(|port| (format!("{host}:{port}"), "[address]"));
    let alone = host.contains(['.', ':']).then(|| (host.to_owned(), "[address]"));
    let origin = (url.origin().ascii_serialization(), "[address]");
    key.into_iter().chain([origin]).chain(port).chain(alone).collect()
}

fn agent(tier: Tier) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let mut config = Agent::config_builder()
        .tls_config(tls)
        .user_agent(USER_AGENT)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT));
    if tier < Tier::Outside {
        // A proxy for the internet does not know the machines at home, and must not hear what is meant for them.
        config = config.proxy(None);
    }
    config.build().new_agent()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(base_url: &str) -> ServiceSettings {
        ServiceSettings {
            name: "test".to_owned(),
            base_url: base_url.to_owned(),
            model: "m".to_owned(),
            api_key: Some(ApiKey::new("sk-secret")),
            time_limit: CONNECT,
            meter: None,
        }
    }

    #[test]
    fn neither_key_nor_address_nor_words_are_shown() {
        let service = Service::new(&settings("https://llm.example.org/v1/")).unwrap();
        let said = "refused sk-secret for llm.example.org:443 at https://llm.example.org/v1: \"lock the door\"";
        assert_eq!(
            service.scrubbed(said, " lock the door "),
            "refused [key] for [address] at [address]/v1: \"[text]\""
        );
        let shown = format!("{:?}", settings("https://me:secret@llm.example.org/v1"));
        assert!(!shown.contains("secret") && !shown.contains("example"), "{shown}");
    }

    #[test]
    fn settings_that_can_not_be_used_are_refused() {
        for url in ["", "nas", "ftp://nas/v1", "http://"] {
            assert!(matches!(Service::new(&settings(url)), Err(ServiceError::Settings { .. })), "{url}");
        }
        let broken = ServiceSettings { api_key: Some(ApiKey::new("sk\nx")), ..settings("http://nas") };
        let error = Service::new(&broken).err().unwrap().to_string();
        assert!(error.contains("API key") && !error.contains("sk"), "{error}");
    }
}
