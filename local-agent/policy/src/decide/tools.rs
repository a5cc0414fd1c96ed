//! Files, addresses, and tools of others.

use super::command::READ_ONLY;
use super::{Decision, Policy, Verdict};
use crate::limits::PATH_MAX;
use crate::place::{Look, Place};
use crate::rules::{Access, Rule};
use crate::settings::Mode;
use crate::{protected, secret};

impl Policy<'_> {
    pub(super) fn read(&self, path: &str, place: &Place<'_>) -> Verdict {
        self.file(Access::Read, path, place, || {
            Some((READ_ONLY, "it only reads, in the workspace"))
        })
    }

    pub(super) fn edit(&self, path: &str, place: &Place<'_>) -> Verdict {
        self.file(Access::Edit, path, place, || match self.mode {
            Mode::AcceptEdits => Some(("accept-edits", "edits in the workspace are accepted")),
            Mode::Plan | Mode::Ask => None,
        })
    }

    /// A file, in the workspace or not; `inside` says whether it needs no rule in the workspace.
    fn file(
        &self,
        access: Access,
        path: &str,
        place: &Place<'_>,
        inside: impl FnOnce() -> Option<(&'static str, &'static str)>,
    ) -> Verdict {
        if path.len() > PATH_MAX || path.contains('\0') {
            return self.left("it is longer than any path, or none");
        }
        let whole = place.whole(path);
        let rules_place = self.rules_place(place);
        let touched =
            |rule: &Rule| rule.touches_path(access, &whole.real, &whole.named, &rules_place);
        self.unless(self.barred(touched), || {
            if access == Access::Edit && whole.any(protected::is_protected) {
                return self.left(&format!("`{path}` decides what runs later"));
            }
            if whole.any(secret::is_secret) {
                return self.left(&format!("`{path}` may hold secrets"));
            }
            if let Some(verdict) =
                self.allowed(|rule| rule.allows_path(access, &whole.real, &rules_place))
            {
                return verdict;
            }
            match (place.path(path, Look::Content), inside()) {
                (Ok(_), Some((rule, why))) => {
                    Verdict::alone(Decision::Allow, Some(rule.to_owned()), why)
                }
                (Ok(_), None) => self.left("it changes a file"),
                (Err(why), _) => self.left(&why.to_string()),
            }
        })
    }

    pub(super) fn fetch(&self, address: &str) -> Verdict {
        self.unless(self.barred(|rule| rule.touches_url(address)), || {
            self.allowed(|rule| rule.allows_url(address))
                .unwrap_or_else(|| self.left("it reaches out to the network"))
        })
    }

    pub(super) fn mcp(&self, name: &str) -> Verdict {
        let tool = name
            .strip_prefix("mcp__")
            .and_then(|name| name.split_once("__"));
        let Some((server, tool)) = tool else {
            return self.left("its name is not that of a server's tool");
        };
        self.unless(self.barred(|rule| rule.touches_tool(server, tool)), || {
            self.allowed(|rule| rule.allows_tool(server, tool))
                .unwrap_or_else(|| self.left("a server's tool does what it likes"))
        })
    }

    fn allowed(&self, allows: impl Fn(&Rule) -> bool) -> Option<Verdict> {
        let (rule, reason) = self.allowing(allows)?;
        Some(Verdict::alone(Decision::Allow, Some(rule), reason))
    }
}
