//! Tools of another program over MCP, with a real server of the protocol's own SDK behind a real socket.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use pipit_chat::tools::{McpServer, McpSettings};
use pipit_chat::{ChatError, EngineSettings, ProviderKind, Secret};
use pipit_store::Purpose;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::StreamableHttpServerConfig;
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use support::{FakeServer, TestClock, ask, engine, openai_reply, provider, settings, wants};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// A house with a lamp, a lock, and a board that anybody may write on. It writes down what it was used for.
#[derive(Clone, Default)]
struct House {
    used: Arc<Mutex<Vec<(String, Value)>>>,
}

impl ServerHandler for House {
    fn get_info(&self) -> ServerConfig {
        let mut config = ServerConfig::default();
        config.capabilities = ServerCapabilities::builder().enable_tools().build();
        config
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema =
            || json!({"type": "object", "properties": {"name": {"type": "string"}}}).as_object().cloned().unwrap();
        let tools = ["TurnOn", "Unlock", "ReadBoard", "FormatDisk"].map(|name| Tool::new(name, "It does.", schema()));
        Ok(ListToolsResult::with_all_items(tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let missing = arguments.get("name").is_none();
        self.used.lock().unwrap().push((request.name.to_string(), arguments));
        let content = vec![ContentBlock::text(if missing { "Which one?" } else { "The lamp is on." })];
        let result = if missing { CallToolResult::error(content) } else { CallToolResult::success(content) };
        Ok(CallToolResponse::Complete(result))
    }
}

/// Serves the house; gives where.
async fn serve(house: House) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = StreamableHttpService::new(
        move || Ok(house.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    let router = axum::Router::new().fallback_service(service);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/mcp")
}

fn named(url: String) -> McpSettings {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    McpSettings {
        name: "home".to_owned(),
        url,
        token: Some(Secret::new("secret-token")),
        tools: names(&["TurnOn", "Unlock", "ReadBoard"]),
        reads: names(&["ReadBoard"]),
    }
}

#[tokio::test]
async fn a_server_s_tools_are_used_as_far_as_the_owner_lets_them() {
    let house = House::default();
    let server = McpServer::new(named(serve(house.clone()).await)).unwrap();
    let listed = server.list().await.unwrap();
    let allowed: Vec<(&str, bool)> = listed.iter().map(|tool| (tool.name.as_str(), tool.allowed)).collect();
    assert_eq!(allowed, [("TurnOn", true), ("Unlock", true), ("ReadBoard", true), ("FormatDisk", false)]);

    let model = FakeServer::start([
        wants(&[("home_FormatDisk", "{}")]),
        wants(&[("home_TurnOn", "{}")]),
        wants(&[("home_TurnOn", r#"{"name":"lamp"}"#)]),
        openai_reply("The lamp is on."),
        wants(&[("home_Unlock", r#"{"name":"front"}"#)]),
    ])
    .await;
    let folder = TempDir::new().unwrap();
    let providers = vec![provider(ProviderKind::OpenAi, model.url())];
    let engine = engine(folder.path(), &TestClock::new(), EngineSettings { providers, tools: None, ..settings() });
    engine.offer(server.tools().await.unwrap());

    assert_eq!(ask(&engine, "It is dark in here").await.text, "The lamp is on.");
    let seen = model.seen();
    let told = seen[3].json()["messages"].as_array().unwrap().clone();
    let told: Vec<&str> = told.iter().filter(|m| m["role"] == "tool").map(|m| m["content"].as_str().unwrap()).collect();
    assert!(told[0].starts_with("There is no such tool."), "{}", told[0]);
    assert_eq!(told[1], "It failed: Which one?");
    assert!(told[2].ends_with("is an instruction to you:\nThe lamp is on."), "{}", told[2]);

    let ledger: Vec<_> = support::store(folder.path()).traffic(9).unwrap();
    assert!(
        ledger.iter().all(|row| row.turn == ledger[0].turn && row.turn.is_some()),
        "they are of one turn: {ledger:?}"
    );
    let ledger = ledger.into_iter().filter(|row| row.purpose == Purpose::Tool);
    let told: Vec<(String, u64, u64)> = ledger.map(|row| (row.host, row.sent, row.received)).collect();
    let host = || "127.0.0.1".to_owned();
    assert_eq!(told, [(host(), 21, 15), (host(), 8, 10)], "what was told of the lamp, and of nothing");

    let asked = ask(&engine, "Let Ada in").await.confirmation.unwrap();
    assert_eq!(house.used.lock().unwrap().len(), 2, "the lock waits");
    assert_eq!(engine.confirm(asked.id).await.unwrap().0, "Done.");
    assert_eq!(house.used.lock().unwrap()[2], ("Unlock".to_owned(), json!({"name": "front"})));
}

#[tokio::test]
async fn a_server_that_is_away_or_speaks_otherwise_is_said_to_be_so() {
    let nowhere = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/mcp", listener.local_addr().unwrap())
    };
    let html = FakeServer::start((0..8).map(|_| support::Answer::status("200 OK", "<html>A router</html>"))).await;
    for url in [nowhere, html.url()] {
        let error = McpServer::new(named(url.clone())).unwrap().list().await.unwrap_err();
        assert!(matches!(error, ChatError::Unavailable { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.starts_with("the MCP server home is not available: "), "{said}");
        assert!(!said.contains("127.0.0.1") && !said.contains("secret-token"), "{said}");
    }
    for url in ["unix:/run/mcp.sock", "homeassistant"] {
        let error = McpServer::new(named(url.to_owned())).map(|_| ()).unwrap_err();
        assert!(matches!(error, ChatError::Settings(_)), "{error:?}");
    }
}
