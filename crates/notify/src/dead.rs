//! Deliveries that were given up: `FOLDER/TARGET.dead.jsonl`, a line an alert with the reason. Synced before the queue
//! forgets it.
//!
//! ```json
//! {"at":"2026-11-26T14:20:00.000000Z","target":"pager","delivery":"3f…","reason":"https://… answered HTTP 400: …","alert":{…}}
//! ```

use std::path::Path;

use serde_json::json;

use crate::config::{self, Format};
use crate::queue::Delivery;
use crate::send::append;
use crate::time;

/// The file is renamed to `.1` when it has grown to this.
const BYTES_MAX: u64 = 64 << 20;
/// So many renamed ones are kept.
const KEEP: u32 = 4;

/// A target's dead letters.
#[derive(Debug, Clone)]
pub(crate) struct Dead {
    file: config::File,
    target: String,
}

impl Dead {
    pub(crate) fn new(folder: &Path, target: &str) -> Self {
        let path = folder.join(format!("{target}.dead.jsonl"));
        let file = config::File { path, format: Format::Json, bytes_max: BYTES_MAX, keep: KEEP };
        Self { file, target: target.to_owned() }
    }

    /// Durable when it returns.
    pub(crate) fn write(&self, delivery: &Delivery, reason: &str, now: i64) -> std::io::Result<()> {
        let at = time::rfc3339(now);
        let lines = delivery.notices.iter().fold(String::new(), |all, notice| {
            let line = json!({
                "at": at,
                "target": self.target,
                "delivery": delivery.id,
                "reason": reason,
                "alert": notice.alert,
            });
            all + &line.to_string() + "\n"
        });
        append(&self.file, &lines)
    }
}
