//! `[[chat.mcp]]`: servers whose tools a model may want used, and which of them.

use std::collections::BTreeSet;

use super::checked::McpServer;
use super::layers::{Settings, table};
use super::llm::{WrittenKey, key_source};
use super::{server, wire};
use crate::chat::Tier;

/// Its tools' names have room beside it.
const LONGEST_NAME: usize = 20;

/// Reads all of them.
pub(super) fn servers(settings: &mut Settings<'_>, written: Vec<wire::Mcp>) -> Vec<McpServer> {
    let mut names = BTreeSet::new();
    let mut servers = Vec::new();
    for (number, written) in written.into_iter().enumerate() {
        let section = table("chat", "mcp", number);
        let name = written.name.trim().to_owned();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(allowed) {
            let sentence = format!(
                "chat.mcp.name must be letters, digits, - and _, at most {LONGEST_NAME} of them; write for example \"home\""
            );
            settings.object(&[(&section, "name")], sentence);
        } else if !names.insert(name.to_lowercase()) {
            settings.object(&[(&section, "name")], "chat.mcp.name is another server's already; write another one");
        }
        let key = WrittenKey { env: written.api_key_env, file: written.api_key_file, secret: written.api_key_secret };
        let api_key = key_source(settings, &section, &key);
        let url = server::base_url("chat.mcp", written.url.trim(), api_key.is_some()).unwrap_or_else(|sentence| {
            settings.object(&[(&section, "url")], sentence.replace("base_url", "url"));
            String::new()
        });
        let (tools, reads) = (listed(&written.tools), listed(&written.reads));
        if let Some(unknown) = reads.difference(&tools).next() {
            let sentence =
                format!("chat.mcp.reads names {unknown:?}, which is not in chat.mcp.tools; write it there too");
            settings.object(&[(&section, "reads")], sentence);
        }
        servers.push(McpServer { tier: Tier::of_url(&url), name, url, api_key, tools, reads });
    }
    servers
}

/// Names with commas between.
fn listed(names: &str) -> BTreeSet<String> {
    names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}
