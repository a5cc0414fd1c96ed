//! Files, addresses, and tools of others.

use super::command::READ_ONLY;
use super::{Decision, Policy, Verdict};
use crate::limits::PATH_MAX;
use crate::place::{Look, Place};
use crate::rules::Access;
use crate::settings::Mode;
use crate::{protected, secret};

impl Policy<'_> {
    pub(super) fn read(&self, path: &str, place: &Place<'_>) -> Verdict {
        if path.len() > PATH_MAX || path.contains('\0') {
            return self.left("it is longer than any path, or none");
        }
        let whole = place.whole(path);
        let rules_place = self.rules_place(place);
        if let Some(verdict) = self
            .barred(|rule| rule.touches_path(Access::Read, &whole.real, &whole.named, &rules_place))
        {
            return verdict;
        }
        if whole.any(secret::is_secret) {
            return self.left(&format!("`{path}` may hold secrets"));
        }
        if let Some((rule, reason)) =
            self.allowing(|rule| rule.allows_path(Access::Read, &whole.real, &rules_place))
        {
            return Verdict::alone(Decision::Allow, Some(rule), reason);
        }
        match place.path(path, Look::Content) {
            Ok(_) => Verdict::alone(
                Decision::Allow,
                Some(READ_ONLY.to_owned()),
                "it only reads, in the workspace",
            ),
            Err(why) => self.left(&why.to_string()),
        }
    }

    pub(super) fn edit(&self, path: &str, place: &Place<'_>) -> Verdict {
        if path.len() > PATH_MAX || path.contains('\0') {
            return self.left("it is longer than any path, or none");
        }
        let whole = place.whole(path);
        let rules_place = self.rules_place(place);
        if let Some(verdict) = self
            .barred(|rule| rule.touches_path(Access::Edit, &whole.real, &whole.named, &rules_place))
        {
            return verdict;
        }
        if whole.any(protected::is_protected) {
            return self.left(&format!("`{path}` decides what runs later"));
        }
        if whole.any(secret::is_secret) {
            return self.left(&format!("`{path}` may hold secrets"));
        }
        if let Some((rule, reason)) =
            self.allowing(|rule| rule.allows_path(Access::Edit, &whole.real, &rules_place))
        {
            return Verdict::alone(Decision::Allow, Some(rule), reason);
        }
        match (place.path(path, Look::Content), self.mode) {
            (Ok(_), Mode::AcceptEdits) => Verdict::alone(
                Decision::Allow,
                Some("accept-edits".to_owned()),
                "edits in the workspace are accepted",
            ),
            (Ok(_), Mode::Plan | Mode::Ask) => self.left("it changes a file"),
            (Err(why), Mode::Plan | Mode::Ask | Mode::AcceptEdits) => self.left(&why.to_string()),
        }
    }

    pub(super) fn fetch(&self, address: &str) -> Verdict {
        if let Some(verdict) = self.barred(|rule| rule.touches_url(address)) {
            return verdict;
        }
        match self.allowing(|rule| rule.allows_url(address)) {
            Some((rule, reason)) => Verdict::alone(Decision::Allow, Some(rule), reason),
            None => self.left("it reaches out to the network"),
        }
    }

    pub(super) fn mcp(&self, name: &str) -> Verdict {
        let Some((server, tool)) = name
            .strip_prefix("mcp__")
            .and_then(|name| name.split_once("__"))
        else {
            return self.left("its name is not that of a server's tool");
        };
        if let Some(verdict) = self.barred(|rule| rule.touches_tool(server, tool)) {
            return verdict;
        }
        match self.allowing(|rule| rule.allows_tool(server, tool)) {
            Some((rule, reason)) => Verdict::alone(Decision::Allow, Some(rule), reason),
            None => self.left("a server's tool does what it likes"),
        }
    }
}
