//! What stands in a secret's place: `redacted:KIND:DIGEST`.
//!
//! The digest is HMAC-SHA-256 under a key of this installation, cut to 64 bits: equal secrets stay equal, and without the
//! key nobody can try passwords against it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use auditward_base::disk::{self, Access};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use thiserror::Error;

/// What every mark begins with.
pub(super) const PREFIX: &[u8] = b"redacted:";
/// Hexadecimal digits of a digest.
const DIGITS: usize = 16;
/// How long the name of a kind may be.
pub(crate) const KIND_BYTES_MAX: usize = 32;

/// The key of the digests. Whoever has it can test whether a secret is a given one.
#[derive(Clone)]
pub struct DigestKey([u8; 32]);

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file is there but is not 64 hexadecimal digits.
    #[error(
        "`{}` holds no key: expected 64 hexadecimal digits; restore it from a backup, or delete it to begin anew (the same secret will then have another digest)",
        .0.display()
    )]
    Malformed(PathBuf),
    /// It could not be read.
    #[error("could not read the key for redaction from `{}`", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be written.
    #[error("could not write a new key for redaction to `{}`", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DigestKey {
    /// A key that is known already.
    pub const fn new(bytes: [u8; 32]) -> Self {
        DigestKey(bytes)
    }

    /// The key in a file; if there is no such file, a new key is written to it, for its owner's eyes only.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(text.trim()).ok_or_else(|| KeyError::Malformed(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::create(path).map_err(|source| KeyError::Write { path: path.to_owned(), source })
            }
            Err(source) => Err(KeyError::Read { path: path.to_owned(), source }),
        }
    }

    fn create(path: &Path) -> io::Result<Self> {
        let text = auditward_base::random_id()? + &auditward_base::random_id()?;
        disk::write(path, format!("{text}\n").as_bytes(), Access { mode: 0o600, owner: None })?;
        Self::parse(&text).ok_or_else(|| io::Error::other("malformed random key"))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut key = [0; 32];
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, at) in key.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        Some(DigestKey(key))
    }
}

/// Never shows the key.
impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(…)")
    }
}

/// Makes marks.
#[derive(Clone)]
pub(crate) struct Marker {
    keyed: Hmac<Sha256>,
}

impl Marker {
    pub(crate) fn new(key: &DigestKey) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let keyed = Hmac::new_from_slice(&key.0).expect("any length will do");
        Marker { keyed }
    }

    /// What stands in the place of `secret`.
    pub(crate) fn mark(&self, kind: &str, secret: &[u8]) -> String {
        let mut mac = self.keyed.clone();
        mac.update(secret);
        let digest = mac.finalize().into_bytes();
        let hex = digest[..DIGITS / 2].iter().fold(String::new(), |all, byte| all + &format!("{byte:02x}"));
        format!("redacted:{kind}:{hex}")
    }
}

/// Whether this is a mark and nothing else.
pub(crate) fn is_mark(text: &[u8]) -> bool {
    mark_length(text) == Some(text.len())
}

/// How long the mark is that `text` begins with.
pub(crate) fn mark_length(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(PREFIX)?;
    let kind = rest.iter().take(KIND_BYTES_MAX + 1).position(|byte| *byte == b':')?;
    let named = rest[..kind].iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let digits = rest[kind + 1..].get(..DIGITS)?;
    let hex = digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (named && kind > 0 && hex).then_some(PREFIX.len() + kind + 1 + DIGITS)
}
