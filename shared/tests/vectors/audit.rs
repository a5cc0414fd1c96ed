//! How the hash of an audit log goes on from line to line.

use crate::written_down;
use lanyard_shared::audit::Head;
use serde_json::json;

#[test]
fn the_head_of_a_log_is_as_written_down() {
    let events = [
        json!({"event": "began", "agent": "oaGhoaGhoaGhoaGhoaGhoQ", "version": "0.1.0", "key": "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"}),
        json!({"event": "torn", "bytes": 17}),
        json!({"event": "decided", "asker": {"by": "script", "pid": 4711, "name": "é\u{202e}"}, "line": "rm \"x\"", "folder": "/w", "allowed": false, "reason": "deny"}),
    ];
    let (mut head, mut lines) = (Head::EMPTY, Vec::new());
    for event in events {
        let start = json!({"n": head.count + 1, "at": 1_700_000_000_123_u64, "before": head.hash});
        let (start, event) = (start.to_string(), event.to_string());
        let line = format!(
            "{},{}",
            start.trim_end_matches('}'),
            event.trim_start_matches('{')
        );
        head = head.behind(line.as_bytes());
        lines.push(line);
    }
    written_down(
        "audit/lines.json",
        &json!({"lines": lines, "hash": head.hash}),
    );
}
