//! Secrets in base64 within a text, wherever in it they lie.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

use super::Redactor;
use super::json::Context;
use super::text::Span;

/// Shorter runs hold no secret that is worth hiding.
const RUN_BYTES_MIN: usize = 16;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Adds what is secret in the base64 of a text: the run is written anew, without its secrets.
pub(super) fn spans(redactor: &Redactor, text: &[u8], inner: Context, spans: &mut Vec<Span>) {
    let mut at = 0;
    while let Some(start) = text[at..].iter().position(|byte| is_base64(*byte)).map(|n| at + n) {
        let length = text[start..].iter().take_while(|byte| is_base64(**byte)).count();
        let padding = text[start + length..].iter().take(2).take_while(|byte| **byte == b'=').count();
        at = start + length + padding;
        if length < RUN_BYTES_MIN {
            continue;
        }
        for offset in 0..4 {
            if !redactor.spend(length) {
                return;
            }
            if let Some(new) = redecoded(redactor, &text[start + offset..start + length], padding > 0, inner)
            {
                spans.push(Span { new: Some(new), ..Span::new(start + offset..at, "encoded") });
                break;
            }
        }
    }
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

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}
