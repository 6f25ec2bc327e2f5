//! What a cluster may be called.

use std::fmt;
use std::str::FromStr;

/// The name of a cluster: letters, digits, `.`, `_` and `-`, at most 63, a letter or digit first. It stands in paths of
/// URLs and on the disk, so it holds nothing that means something there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName(String);

/// A text that is no name of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` can't be the name of a cluster: letters, digits, `.`, `_` and `-`, at most 63, a letter or digit first"
)]
pub struct ClusterNameError(String);

/// The longest name, in bytes.
const LENGTH_MAX: usize = 63;

impl ClusterName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterName {
    type Err = ClusterNameError;

    fn from_str(text: &str) -> Result<Self, ClusterNameError> {
        let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if begins && plain && text.len() <= LENGTH_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(ClusterNameError(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let longest = "a".repeat(63);
        for good in ["a", "prod", "prod-eu.1", "0", "A_b", &longest] {
            assert_eq!(good.parse::<ClusterName>().unwrap().as_str(), good);
        }
        let longer = "a".repeat(64);
        for bad in ["", ".", "..", "-a", "a/b", "a b", "a\n", "ä", "a%2e", &longer] {
            assert!(bad.parse::<ClusterName>().is_err(), "{bad}");
        }
    }
}
