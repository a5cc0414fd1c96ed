//! Tools of MCP servers: `mcp__server`, `mcp__server__*`, `mcp__server__tool`.

use super::BadRule;

/// A server, and perhaps one of its tools.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    server: String,
    tool: Option<String>,
}

impl Tools {
    pub fn parse(written: &str) -> Result<Self, BadRule> {
        let rest = written.strip_prefix("mcp__").ok_or(BadRule::Server)?;
        let (server, tool) = match rest.split_once("__") {
            None => (rest, None),
            Some((server, "*")) => (server, None),
            Some((server, tool)) => (server, Some(tool)),
        };
        let named = |name: &str| {
            let letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            !name.is_empty() && name.chars().all(letter)
        };
        // Where the one name ends and the other begins would be anyone's guess.
        let clear = !server.starts_with('_')
            && !server.ends_with('_')
            && !tool.is_some_and(|tool| tool.starts_with('_'));
        if !named(server) || !tool.is_none_or(named) || !clear {
            return Err(BadRule::Server);
        }
        Ok(Self {
            server: server.to_owned(),
            tool: tool.map(str::to_owned),
        })
    }

    pub fn allow(&self, server: &str, tool: &str) -> bool {
        self.server == server && self.tool.as_deref().is_none_or(|own| own == tool)
    }

    /// By the name that both make together: a server that is named `a__b` has no other rule than one for `a`.
    pub fn touch(&self, server: &str, tool: &str) -> bool {
        let asked = format!("{server}__{tool}").to_ascii_lowercase();
        let own = self.server.to_ascii_lowercase();
        let rest = asked
            .strip_prefix(&own)
            .and_then(|rest| rest.strip_prefix("__"));
        rest.is_some_and(|rest| {
            let tool = self.tool.as_ref();
            tool.is_none_or(|own| own.to_ascii_lowercase() == rest)
        })
    }
}
