//! A line of a log.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::TriageState;

/// What may stand in a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Head(Head),
    Alert(Alert),
    Triage(Triage),
}

/// The first line of a file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) version: u64,
    pub(super) first: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Alert {
    pub(super) seq: u64,
    pub(super) id: String,
    pub(super) time: i64,
    pub(super) rule: String,
    pub(super) severity: String,
    pub(super) cluster: String,
    pub(super) json: Box<RawValue>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Triage {
    pub(super) seq: u64,
    pub(super) state: TriageState,
    pub(super) note: String,
    pub(super) by: String,
    pub(super) at: i64,
}

const CHECK_DIGITS: usize = 8;

/// Appends a line with its check and its break.
pub(super) fn write<T: Serialize>(line: &T, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let text = serde_json::to_vec(line)?;
    out.extend_from_slice(format!("{:08x} ", crc32c::crc32c(&text)).as_bytes());
    out.extend_from_slice(&text);
    out.push(b'\n');
    Ok(())
}

/// The text of a line, without its break, if it is what was written.
pub(super) fn checked(line: &[u8]) -> Option<&[u8]> {
    let (check, text) = line.split_at_checked(CHECK_DIGITS)?;
    let text = text.strip_prefix(b" ")?;
    let check = std::str::from_utf8(check).ok()?;
    let plain = check.bytes().all(|digit| digit.is_ascii_hexdigit());
    (plain && u32::from_str_radix(check, 16).ok()? == crc32c::crc32c(text)).then_some(text)
}
