//! Tool calls out of their fragments, which servers number, name or leave nameless as they like.

use serde_json::Value;

use crate::chat::ToolCall;

/// The calls of one reply so far.
#[derive(Debug, Default)]
pub(super) struct ToolCalls(Vec<Fragment>);

#[derive(Debug)]
struct Fragment {
    index: Option<u64>,
    call: ToolCall,
}

impl ToolCalls {
    /// Takes the `tool_calls` of a delta or a message, or its older form, `function_call`.
    pub(super) fn take_in(&mut self, message: &Value) {
        let calls = message["tool_calls"].as_array().filter(|calls| !calls.is_empty());
        for call in calls.into_iter().flatten() {
            let id = call["id"].as_str().filter(|id| !id.is_empty());
            self.add(call["index"].as_u64(), id, &call["function"]);
        }
        // Some servers say the same in both forms. Of the older there is one to a reply, whose name may come again and again.
        if calls.is_none() && message["function_call"].is_object() {
            self.add(Some(0), None, &message["function_call"]);
        }
    }

    fn add(&mut self, index: Option<u64>, id: Option<&str>, function: &Value) {
        let at = self.0.iter().rposition(|known| match (index, id) {
            (Some(_), _) => known.index == index,
            (None, Some(id)) => known.call.id == id,
            (None, None) => true,
        });
        // Some servers number every call 0, or give neither number nor id. What tells them apart then is the id or the name.
        let named = function["name"].as_str().is_some_and(|name| !name.is_empty());
        let another = |known: &Fragment| match id {
            Some(id) => !known.call.id.is_empty() && known.call.id != id,
            None => index.is_none() && named && !known.call.name.is_empty(),
        };
        let at = at.filter(|at| !another(&self.0[*at])).unwrap_or_else(|| {
            self.0.push(Fragment { index, call: ToolCall::default() });
            self.0.len() - 1
        });
        let call = &mut self.0[at].call;
        if let (Some(id), true) = (id, call.id.is_empty()) {
            id.clone_into(&mut call.id);
        }
        if let (Some(name), true) = (function["name"].as_str(), call.name.is_empty()) {
            name.clone_into(&mut call.name);
        }
        match &function["arguments"] {
            Value::String(more) => call.arguments.push_str(more),
            Value::Null => {}
            whole => call.arguments = whole.to_string(),
        }
    }

    /// A call begins whose arguments follow by [`ToolCalls::add_arguments`].
    pub(super) fn begin(&mut self, index: u64, id: &str, name: &str) {
        let call = ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: String::new() };
        self.0.push(Fragment { index: Some(index), call });
    }

    /// More of the arguments of the call with that number. False where there is none.
    pub(super) fn add_arguments(&mut self, index: u64, more: &str) -> bool {
        let call = self.0.iter_mut().rfind(|known| known.index == Some(index));
        call.map(|known| known.call.arguments.push_str(more)).is_some()
    }

    /// The calls, whole. One without arguments has an empty object.
    pub(super) fn complete(&mut self) -> impl Iterator<Item = ToolCall> + use<> {
        std::mem::take(&mut self.0).into_iter().map(|Fragment { mut call, .. }| {
            if call.arguments.trim().is_empty() {
                "{}".clone_into(&mut call.arguments);
            }
            call
        })
    }
}
