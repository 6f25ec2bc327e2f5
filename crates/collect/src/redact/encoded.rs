//! Secrets in base64 within a text, wherever in it they lie.

use std::borrow::Cow;
use std::io::Read as _;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use flate2::read::MultiGzDecoder;

use super::Redactor;
use super::json::Context;
use super::text::Span;

/// Shorter runs hold no secret that is worth hiding.
const RUN_BYTES_MIN: usize = 16;

/// What compressed data begins with.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// How much is unpacked of it.
const UNPACKED_BYTES_MAX: u64 = 4 << 20;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A line of so many characters may go on in the next: `base64` breaks its lines after 76, others after 64.
const LINE_BYTES_MIN: usize = 40;

/// Adds what is secret in the base64 of a text: the run is written anew, without its secrets and its line breaks.
pub(super) fn spans(redactor: &Redactor, text: &[u8], inner: Context, spans: &mut Vec<Span>) {
    let mut at = 0;
    while let Some(start) = text[at..].iter().position(|byte| is_base64(*byte)).map(|n| at + n) {
        let (run, end) = run(text, start);
        let padding = text[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
        at = end + padding;
        if run.len() < RUN_BYTES_MIN {
            continue;
        }
        // Where it begins is not known when it is glued to other text; and there may be several in one run.
        let mut new: Option<Vec<u8>> = None;
        for offset in 0..4 {
            if !redactor.spend(run.len()) {
                return;
            }
            let now: &[u8] = new.as_deref().unwrap_or(&run);
            let Some((head, tail)) = now.split_at_checked(offset) else { break };
            if let Some(tail) = redecoded(redactor, tail, padding > 0, inner) {
                new = Some([head, &tail].concat());
            }
        }
        if new.is_some() {
            spans.push(Span { new, ..Span::new(start..at, "encoded") });
        }
    }
}

/// The run of base64 that begins at `start`, also over several lines, and where it ends.
fn run(text: &[u8], start: usize) -> (Cow<'_, [u8]>, usize) {
    let line = |from: usize| text[from..].iter().take_while(|byte| is_base64(**byte)).count();
    let mut length = line(start);
    let mut end = start + length;
    let mut run = Cow::Borrowed(&text[start..end]);
    while length >= LINE_BYTES_MIN {
        let rest = &text[end..];
        let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
        let Some(rest) = rest.strip_prefix(b"\n") else { break };
        let next = text.len() - rest.len() + rest.iter().take_while(|byte| **byte == b' ').count();
        length = line(next);
        if length == 0 {
            break;
        }
        end = next + length;
        run.to_mut().extend_from_slice(&text[next..end]);
    }
    (run, end)
}

/// What a text in base64 says, if it is one.
pub(super) fn decoded(run: &[u8]) -> Option<Vec<u8>> {
    let run = run.trim_ascii();
    let run = run.strip_suffix(b"==").or(run.strip_suffix(b"=")).unwrap_or(run);
    // One character more than whole bytes says nothing.
    let run = if run.len() % 4 == 1 { &run[..run.len() - 1] } else { run };
    let standard: Vec<u8> = run
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => *byte,
        })
        .collect();
    LENIENT.decode(standard).ok()
}

/// Whether this is base64 of `user:password`.
pub(super) fn says_user_and_password(value: &[u8]) -> bool {
    let is = |said: &[u8]| said.contains(&b':') && said.iter().all(|byte| matches!(byte, b' '..=b'~'));
    value.len() >= 4 && decoded(value).is_some_and(|said| is(&said))
}

/// A run of base64 without the secrets in it; `None` if there are none.
fn redecoded(redactor: &Redactor, run: &[u8], padded: bool, inner: Context) -> Option<Vec<u8>> {
    let said = decoded(run)?;
    if said.starts_with(GZIP) {
        return unpacked_is_suspect(redactor, &said).then(|| redactor.mark("compressed", run).into_bytes());
    }
    if !redactor.suspects(&said) {
        return None;
    }
    let new = redactor.text(&said, inner)?;
    let url_safe = run.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let mut encoded = LENIENT.encode(new).into_bytes();
    if !padded {
        encoded.truncate(encoded.len() - encoded.iter().rev().take_while(|byte| **byte == b'=').count());
    }
    if url_safe {
        for byte in &mut encoded {
            *byte = match *byte {
                b'+' => b'-',
                b'/' => b'_',
                byte => byte,
            };
        }
    }
    Some(encoded)
}

/// Whether there may be a secret in what is compressed, or it is too much to say.
fn unpacked_is_suspect(redactor: &Redactor, packed: &[u8]) -> bool {
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(packed).take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut unpacked);
    let whole = read.is_ok_and(|length| length as u64 <= UNPACKED_BYTES_MAX);
    !redactor.spend(unpacked.len()) || !whole || redactor.suspects(&unpacked)
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}
