//! What is written about answering: `[chat]`, with its fallbacks and its servers with tools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who answers what the built-in sentences do not cover.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Chat {
    /// What kind of language-model server to ask.
    pub(in crate::config) provider: Provider,
    /// What Pipit calls this server in its log and lists. Empty stands for a name by its kind, such as "ollama".
    pub(in crate::config) name: String,
    /// Where the server is: `http://127.0.0.1:11434` for Ollama and `https://api.anthropic.com` for Anthropic (which is
    /// what empty means with them), `https://api.openai.com/v1` for OpenAI.
    pub(in crate::config) base_url: String,
    /// The model, by the server's own name for it, such as "qwen3:4b".
    pub(in crate::config) model: String,
    /// The environment variable that holds the API key, such as "OPENAI_API_KEY". The key itself never stands here.
    pub(in crate::config) api_key_env: String,
    /// A file that holds nothing but the API key, for example one of systemd's credentials.
    pub(in crate::config) api_key_file: String,
    /// The name under which `pipit secrets set` keeps the API key, sealed.
    pub(in crate::config) api_key_secret: String,
    /// How far what you say may travel: servers that are farther away are never asked, neither language models nor the
    /// services of stt and tts.
    pub(in crate::config) privacy: Privacy,
    /// Whom to ask where that server cannot answer, in order of preference.
    pub(in crate::config) fallback: Vec<Fallback>,
    /// Servers whose tools a model may want used, over the Model Context Protocol, such as Home Assistant's.
    pub(in crate::config) mcp: Vec<Mcp>,
    /// Who Pipit is when a model answers: "home", "kitchen", "automotive" (which keeps to cars), or the path of a pack in TOML
    /// (with a / in it, or ending in .toml).
    pub(in crate::config) persona: String,
    /// What the model is told before every conversation. Empty leaves it to the persona.
    pub(in crate::config) system_prompt: String,
    /// How much of the conversation the model is reminded of, in tokens.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(in crate::config) history_tokens: u32,
    /// Length at which a reply is cut, in tokens. 100 take about half a minute to say.
    #[schemars(range(min = 16, max = 100_000))]
    pub(in crate::config) max_reply_tokens: u32,
    /// Seconds that each server has for a reply's first word. It must be less than turn.reply_stall_s.
    #[schemars(range(min = 1, max = 600))]
    pub(in crate::config) first_token_timeout_s: u32,
    /// Seconds to wait for each further word. It must be less than turn.reply_stall_s.
    #[schemars(range(min = 1, max = 600))]
    pub(in crate::config) idle_timeout_s: u32,
}

impl Default for Chat {
    fn default() -> Self {
        Chat {
            provider: Provider::None,
            name: String::new(),
            base_url: String::new(),
            model: String::new(),
            api_key_env: String::new(),
            api_key_file: String::new(),
            api_key_secret: String::new(),
            privacy: Privacy::Any,
            fallback: Vec::new(),
            mcp: Vec::new(),
            persona: "home".into(),
            system_prompt: String::new(),
            history_tokens: 2000,
            max_reply_tokens: 300,
            first_token_timeout_s: 15,
            idle_timeout_s: 10,
        }
    }
}

/// Another server to ask. Its keys mean what they mean in the section chat.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Fallback {
    /// What kind of language-model server to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "FallbackProvider")]
    pub(in crate::config) provider: Option<FallbackProvider>,
    /// What Pipit calls this server. Empty stands for a name by its kind.
    pub(in crate::config) name: String,
    /// Where the server is.
    pub(in crate::config) base_url: String,
    /// The model, by the server's own name for it.
    pub(in crate::config) model: String,
    /// The environment variable that holds its API key.
    pub(in crate::config) api_key_env: String,
    /// A file that holds nothing but its API key.
    pub(in crate::config) api_key_file: String,
    /// The name under which `pipit secrets set` keeps its API key.
    pub(in crate::config) api_key_secret: String,
}

/// A server whose tools a model may want used.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Mcp {
    /// What Pipit calls this server. It stands before the names of its tools.
    pub(in crate::config) name: String,
    /// Where its MCP endpoint is.
    pub(in crate::config) url: String,
    /// The environment variable that holds its bearer token.
    pub(in crate::config) api_key_env: String,
    /// A file that holds nothing but its bearer token.
    pub(in crate::config) api_key_file: String,
    /// The name under which `pipit secrets set` keeps its bearer token.
    pub(in crate::config) api_key_secret: String,
    /// The tools that may be used, by the names that `pipit mcp` shows, with commas between. No others are.
    pub(in crate::config) tools: String,
    /// Those of them that only tell something, so that nobody need confirm their use.
    pub(in crate::config) reads: String,
}

/// What kind of language-model server to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum FallbackProvider {
    /// Any server that speaks OpenAI's chat completions.
    Openai,
    /// Ollama.
    Ollama,
    /// Anthropic.
    Anthropic,
}

/// How far what you say may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::config) enum Privacy {
    /// To whichever servers are named here.
    #[serde(rename = "any")]
    Any,
    /// To servers on this device and on the network at home.
    #[serde(rename = "in the house")]
    House,
    /// To servers on this device.
    #[serde(rename = "on this device")]
    Device,
}

/// What kind of language-model server to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum Provider {
    /// None: only the built-in sentences are answered, and nothing leaves this machine.
    None,
    /// Any server that speaks OpenAI's chat completions: OpenAI, llama.cpp, vLLM, LM Studio and many others.
    Openai,
    /// Ollama.
    Ollama,
    /// Anthropic.
    Anthropic,
}
