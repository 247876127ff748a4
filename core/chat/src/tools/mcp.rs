//! Tools of other programs, over the Model Context Protocol (<https://modelcontextprotocol.io>) by HTTP.
//!
//! The owner names each server and each of its tools; what else a server offers does not exist. A tool's own word for how
//! harmless it is counts for nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use pipit_core::chat::{Risk, Tier, ToolCall, ToolSpec, risk_of_call};
use pipit_store::{Purpose, Traffic};
use reqwest::Url;
use rmcp::model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation};
use rmcp::service::RunningService;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{RoleClient, ServiceExt as _};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::{Circumstances, Done, Nature, Tool};
use crate::engine::blocking;
use crate::error::ChatError;
use crate::provider::{Scrubber, http_client};
use crate::settings::Secret;

/// How long a server may take to say hello and to list its tools.
const TIME_TO_CONNECT: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// What a model is told of a tool at most, in bytes. Each of its words costs time in every prompt.
const LONGEST_DESCRIPTION: usize = 600;

/// The largest schema of a tool, in bytes.
const LARGEST_SCHEMA: usize = 8 << 10;

/// The longest name that every LLM server takes.
const LONGEST_NAME: usize = 64;

/// A server, and what of it may be used.
#[derive(Clone, Debug)]
pub struct McpSettings {
    /// What the owner calls it; stands before the names of its tools.
    pub name: String,
    /// Where its MCP endpoint is, such as `http://homeassistant.local:8123/api/mcp`.
    pub url: String,
    /// Its bearer token.
    pub token: Option<Secret>,
    /// The tools that may be used, by the server's own names.
    pub tools: BTreeSet<String>,
    /// Those of them that only tell something. The owner says so; the server is not asked.
    pub reads: BTreeSet<String>,
}

/// One server. It is connected to when it is first needed, and again after it was away.
pub struct McpServer {
    settings: McpSettings,
    tier: Tier,
    host: String,
    client: reqwest::Client,
    scrubber: Scrubber,
    connection: Mutex<Option<Arc<Connection>>>,
}

type Connection = RunningService<RoleClient, ClientConfig>;

/// A tool that a server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpTool {
    /// The server's own name for it.
    pub name: String,
    /// Its own words for what it does.
    pub description: String,
    /// Whether the owner lets it be used.
    pub allowed: bool,
}

impl McpServer {
    /// A server by its settings. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ChatError::Settings`] if they can't be used.
    pub fn new(settings: McpSettings) -> Result<Arc<McpServer>, ChatError> {
        let unusable = |why: String| ChatError::Settings(format!("the MCP server {}: {why}", settings.name));
        let url = Url::parse(&settings.url).map_err(|error| unusable(format!("its url is not one ({error})")))?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let host =
            host.ok_or_else(|| unusable("its url must begin with http:// or https:// and name a host".into()))?;
        let tier = Tier::of_url(&settings.url);
        Ok(Arc::new(McpServer {
            tier,
            host: host.to_owned(),
            client: http_client(&url, tier, TIME_TO_CONNECT)?,
            scrubber: Scrubber::new(&url, host, settings.token.as_ref()),
            connection: Mutex::new(None),
            settings,
        }))
    }

    /// What the owner calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// How far what it is told travels.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// All tools that the server has.
    ///
    /// # Errors
    /// [`ChatError::Unavailable`] if it can't be reached, or speaks otherwise.
    pub async fn list(&self) -> Result<Vec<McpTool>, ChatError> {
        let tools = self.offered().await?.into_iter();
        Ok(tools
            .map(|tool| McpTool {
                allowed: self.settings.tools.contains(&*tool.name),
                name: tool.name.into_owned(),
                description: tool.description.unwrap_or_default().into_owned(),
            })
            .collect())
    }

    /// The tools that may be used, for [`crate::Engine::offer`].
    ///
    /// # Errors
    /// As [`McpServer::list`].
    pub async fn tools(self: &Arc<Self>) -> Result<Vec<Arc<dyn Tool>>, ChatError> {
        let tools = self.offered().await?.into_iter().filter(|tool| self.settings.tools.contains(&*tool.name));
        Ok(tools.filter_map(|tool| self.tool(&tool)).collect())
    }

    fn tool(self: &Arc<Self>, tool: &rmcp::model::Tool) -> Option<Arc<dyn Tool>> {
        let parameters = Value::Object((*tool.input_schema).clone());
        if parameters.to_string().len() > LARGEST_SCHEMA {
            warn!("{} of {} is left out: its schema is too large for a prompt", tool.name, self.name());
            return None;
        }
        let mut name: String = format!("{}_{}", self.name(), tool.name);
        name.retain(|c| !c.is_control());
        let name = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' });
        let mut description = tool.description.as_deref().unwrap_or_default().to_owned();
        description.truncate(description.floor_char_boundary(LONGEST_DESCRIPTION));
        let own_name = tool.name.to_string();
        let risk = if self.settings.reads.contains(&own_name) { Risk::Reads } else { Risk::Changes };
        let spec = ToolSpec { name: name.take(LONGEST_NAME).collect(), description, parameters, risk };
        Some(Arc::new(Remote { server: Arc::clone(self), own_name, spec }))
    }

    async fn offered(&self) -> Result<Vec<rmcp::model::Tool>, ChatError> {
        let connection = self.connected().await?;
        let listed = timeout(TIME_TO_CONNECT, connection.list_all_tools()).await;
        match listed {
            Ok(Ok(tools)) => Ok(tools),
            Ok(Err(error)) => Err(self.lost(&error.to_string()).await),
            Err(_) => Err(self.lost("it does not answer").await),
        }
    }

    /// Uses a tool. The result, whatever it is, is text.
    async fn call(&self, tool: &str, arguments: Map<String, Value>) -> Result<String, String> {
        let connection = self.connected().await.map_err(|error| error.to_string())?;
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let result = match connection.call_tool(request).await {
            Ok(result) => result,
            // The server has understood, and does not want to.
            Err(rmcp::ServiceError::McpError(error)) => return Err(self.scrubber.scrub(&error.message)),
            Err(error) => return Err(self.lost(&error.to_string()).await.to_string()),
        };
        let texts = result.content.iter().filter_map(|block| block.as_text().map(|text| text.text.as_str()));
        let mut text = texts.collect::<Vec<_>>().join("\n");
        if text.is_empty() {
            text = result.structured_content.map_or_else(|| "It gave no text.".to_owned(), |value| value.to_string());
        }
        if result.is_error == Some(true) { Err(text) } else { Ok(text) }
    }

    async fn connected(&self) -> Result<Arc<Connection>, ChatError> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = connection.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(Arc::clone(connection));
        }
        debug!("connecting to the MCP server {}", self.name());
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.settings.url.as_str());
        config.max_sse_event_size = LONGEST_ANSWER;
        config.max_json_response_size = LONGEST_ANSWER;
        if let Some(token) = &self.settings.token {
            config = config.auth_header(token.reveal());
        }
        let transport = StreamableHttpClientTransport::with_client(self.client.clone(), config);
        let us =
            ClientConfig::new(ClientCapabilities::default(), Implementation::new("pipit", env!("CARGO_PKG_VERSION")));
        let hello = timeout(TIME_TO_CONNECT, us.serve(transport)).await;
        let hello = hello.map_err(|_| self.unavailable("it does not answer"))?;
        let new = Arc::new(hello.map_err(|error| self.unavailable(&error.to_string()))?);
        *connection = Some(Arc::clone(&new));
        Ok(new)
    }

    /// Forgets the connection, so that the next use makes another.
    async fn lost(&self, why: &str) -> ChatError {
        *self.connection.lock().await = None;
        self.unavailable(why)
    }

    fn unavailable(&self, why: &str) -> ChatError {
        let provider = format!("the MCP server {}", self.name());
        ChatError::Unavailable { provider, detail: self.scrubber.scrub(why) }
    }
}

/// A tool of a server.
struct Remote {
    server: Arc<McpServer>,
    own_name: String,
    spec: ToolSpec,
}

impl Tool for Remote {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn risk(&self, call: &ToolCall) -> Risk {
        // What the owner calls the server says nothing about the tool.
        risk_of_call(self.spec.risk, &ToolCall { name: self.own_name.clone(), ..call.clone() })
    }

    fn nature(&self) -> Nature {
        Nature::Foreign
    }

    fn tier(&self) -> Tier {
        self.server.tier
    }

    fn call(
        self: Arc<Self>,
        arguments: Map<String, Value>,
        at: Circumstances,
    ) -> BoxFuture<'static, Result<Done, String>> {
        async move {
            let sent = self.own_name.len() + Value::Object(arguments.clone()).to_string().len();
            let outcome = self.server.call(&self.own_name, arguments).await;
            let received = outcome.as_ref().map_or_else(String::len, String::len);
            self.record(at, sent as u64, received as u64).await;
            Ok(Done { result: outcome?, device: Vec::new() })
        }
        .boxed()
    }
}

impl Remote {
    /// Writes down what the server was told and what it said: names, arguments and results, without what the protocol puts
    /// around them.
    async fn record(&self, at: Circumstances, sent: u64, received: u64) {
        let traffic = Traffic {
            at: at.now.timestamp(),
            turn: at.turn,
            conversation: None,
            purpose: Purpose::Tool,
            host: self.server.host.clone(),
            provider: self.server.name().to_owned(),
            tier: self.server.tier,
            sent,
            received,
        };
        if let Err(error) = blocking(move || Ok(at.store.record_traffic(&traffic)?)).await {
            warn!("what was sent to {} is missing from the ledger: {error}", self.server.name());
        }
    }
}
