//! Texts that must not be shown.

use std::fmt;

use serde::Deserialize;

/// A text that may hold a secret: a header, or a URL with a password or a secret path in it. It shows itself to nobody
/// by itself.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A URL's scheme, host and port: what may be shown of it.
    pub(crate) fn host(&self) -> String {
        host(&self.0)
    }
}

/// A URL's scheme, host and port.
pub(crate) fn host(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "what is no URL".to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_is_shown() {
        let url = Hidden::new("https://user:word@hooks.example:8443/services/T0/B0/x?key=1");
        assert_eq!(url.host(), "https://hooks.example:8443");
        assert_eq!(format!("{url:?}"), "(hidden)");
        assert_eq!(Hidden::new("secret").host(), "what is no URL");
    }
}
