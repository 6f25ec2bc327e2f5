//! Credentials that are known by their looks.

/// A credential that begins with a fixed text.
pub(super) struct Shape {
    /// The kind, as in the mark, and the name by which a rule file disables it.
    pub(super) kind: &'static str,
    /// What it begins with.
    pub(super) prefix: &'static str,
    /// What it goes on with.
    pub(super) tail: Class,
    /// How many of those there are at least.
    pub(super) least: usize,
    /// Whether the prefix stays, because it is an address and not a part of the secret.
    pub(super) keep_prefix: bool,
}

/// Which bytes belong to a credential.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// `A-Z` and digits
    Upper,
    /// Letters and digits
    Alnum,
    /// Letters, digits, `_`, `-`
    Word,
    /// Letters, digits, `_`, `-`, `.`
    Dotted,
    /// Letters, digits, `/`
    Path,
    /// Letters, digits, `_`, `-`, `.`, `:`
    Joined,
    /// A name, a colon, and at least fifty letters and digits
    Named,
    /// Letters, digits, `/`, `_`, `-`, `@`
    Token,
    /// As in base64, also percent-encoded
    Base64,
}

impl Class {
    pub(super) const fn holds(self, byte: u8) -> bool {
        match self {
            Class::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Class::Alnum | Class::Named => byte.is_ascii_alphanumeric(),
            Class::Word => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Class::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Class::Path => byte.is_ascii_alphanumeric() || matches!(byte, b'/'),
            Class::Joined => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':'),
            Class::Token => byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'@'),
            Class::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'%'),
        }
    }
}

impl Shape {
    /// How much of a text that stands behind the prefix belongs to the credential.
    pub(super) fn tail_of(&self, text: &[u8]) -> usize {
        if self.tail == Class::Named {
            return named(text);
        }
        text.iter().take_while(|byte| self.tail.holds(**byte)).count()
    }
}

/// How long `NAME:KEY` is at the beginning of a text; zero if there is no such key.
fn named(text: &[u8]) -> usize {
    const KEY_BYTES_MIN: usize = 50;
    /// Longer names are none.
    const NAME_BYTES_MAX: usize = 128;
    let name = text.iter().take(NAME_BYTES_MAX).take_while(|byte| Class::Dotted.holds(**byte)).count();
    let Some((b':', key)) = text[name..].split_first() else { return 0 };
    let key = key.iter().take_while(|byte| Class::Alnum.holds(**byte)).count();
    if key < KEY_BYTES_MIN { 0 } else { name + 1 + key }
}

const fn shape(kind: &'static str, prefix: &'static str, tail: Class, least: usize) -> Shape {
    Shape { kind, prefix, tail, least, keep_prefix: false }
}

const fn behind(kind: &'static str, prefix: &'static str, tail: Class, least: usize) -> Shape {
    Shape { kind, prefix, tail, least, keep_prefix: true }
}

/// A signature of Azure's storage is no shorter; what is, is somebody's own `sig`.
pub(super) const AZURE_SIGNATURE_MIN: usize = 30;

/// One more service is one more line.
pub(super) const SHAPES: &[Shape] = &[
    shape("aws", "AKIA", Class::Upper, 16),
    shape("aws", "ASIA", Class::Upper, 16),
    shape("alibaba", "LTAI", Class::Alnum, 16),
    shape("github", "ghp_", Class::Alnum, 30),
    shape("github", "gho_", Class::Alnum, 30),
    shape("github", "ghu_", Class::Alnum, 30),
    shape("github", "ghs_", Class::Alnum, 30),
    shape("github", "ghr_", Class::Alnum, 30),
    shape("github", "github_pat_", Class::Word, 40),
    shape("gitlab", "glpat-", Class::Dotted, 16),
    shape("gitlab", "gldt-", Class::Dotted, 16),
    shape("gitlab", "glrt-", Class::Dotted, 16),
    shape("gitlab", "glptt-", Class::Dotted, 16),
    shape("gitlab", "glcbt-", Class::Dotted, 16),
    shape("gitlab", "glsoat-", Class::Dotted, 16),
    shape("gitlab", "glagent-", Class::Dotted, 16),
    shape("gitlab", "glrtr-", Class::Dotted, 16),
    shape("gitlab", "glft-", Class::Dotted, 16),
    shape("gitlab", "glimt-", Class::Dotted, 16),
    shape("slack", "xoxa-", Class::Word, 10),
    shape("slack", "xoxb-", Class::Word, 10),
    shape("slack", "xoxc-", Class::Word, 10),
    shape("slack", "xoxd-", Class::Base64, 10),
    shape("slack", "xoxe-", Class::Word, 10),
    shape("slack", "xoxo-", Class::Word, 10),
    shape("slack", "xoxp-", Class::Word, 10),
    shape("slack", "xoxr-", Class::Word, 10),
    shape("slack", "xoxs-", Class::Word, 10),
    shape("slack", "xapp-", Class::Word, 16),
    behind("slack", "hooks.slack.com/services/", Class::Path, 16),
    shape("gcp", "AIza", Class::Word, 30),
    shape("gcp", "ya29.", Class::Dotted, 20),
    shape("gcp", "GOCSPX-", Class::Word, 20),
    shape("gcp", "GOOG1E", Class::Upper, 20),
    behind("azure", "?sig=", Class::Base64, AZURE_SIGNATURE_MIN),
    behind("azure", "&sig=", Class::Base64, AZURE_SIGNATURE_MIN),
    behind("azure", ";sig=", Class::Base64, AZURE_SIGNATURE_MIN),
    shape("docker", "dckr_pat_", Class::Word, 20),
    shape("docker", "dckr_oat_", Class::Word, 20),
    // What joins a node to K3s or RKE2, and what Rancher hands out.
    shape("k3s", "K10", Class::Joined, 72),
    shape("rancher", "token-", Class::Named, 50),
    shape("rancher", "kubeconfig-", Class::Named, 50),
    shape("atlassian", "ATATT3x", Class::Word, 40),
    shape("huggingface", "hf_", Class::Alnum, 30),
    shape("tailscale", "tskey-", Class::Word, 20),
    shape("npm", "npm_", Class::Alnum, 30),
    shape("pypi", "pypi-AgEI", Class::Word, 30),
    shape("stripe", "sk_live_", Class::Alnum, 16),
    shape("stripe", "rk_live_", Class::Alnum, 16),
    shape("stripe", "sk_test_", Class::Alnum, 16),
    shape("stripe", "whsec_", Class::Base64, 24),
    shape("shopify", "shpat_", Class::Alnum, 30),
    shape("databricks", "dapi", Class::Alnum, 32),
    shape("newrelic", "NRAK-", Class::Upper, 20),
    shape("sentry", "sntrys_", Class::Word, 40),
    shape("linear", "lin_api_", Class::Alnum, 30),
    shape("pulumi", "pul-", Class::Alnum, 40),
    shape("sendgrid", "SG.", Class::Dotted, 40),
    shape("vault", "hvs.", Class::Dotted, 20),
    shape("vault", "hvb.", Class::Dotted, 20),
    shape("vault", "hvr.", Class::Dotted, 20),
    shape("digitalocean", "dop_v1_", Class::Alnum, 40),
    shape("digitalocean", "doo_v1_", Class::Alnum, 40),
    shape("grafana", "glsa_", Class::Word, 30),
    shape("grafana", "eyJrIjoi", Class::Base64, 60),
    shape("grafana", "glc_", Class::Base64, 40),
    shape("anthropic", "sk-ant-", Class::Word, 20),
    shape("openai", "sk-proj-", Class::Word, 20),
    shape("openai", "sk-svcacct-", Class::Word, 20),
    shape("openrouter", "sk-or-v1-", Class::Alnum, 40),
    shape("groq", "gsk_", Class::Alnum, 40),
    shape("onepassword", "ops_eyJ", Class::Word, 60),
    shape("brevo", "xkeysib-", Class::Word, 40),
    shape("doppler", "dp.st.", Class::Dotted, 40),
    shape("doppler", "dp.pt.", Class::Dotted, 40),
    shape("dynatrace", "dt0c01.", Class::Dotted, 60),
    shape("artifactory", "AKCp", Class::Alnum, 60),
    shape("artifactory", "cmVmdGtu", Class::Alnum, 50),
    shape("postman", "PMAK-", Class::Word, 40),
    behind("discord", "discord.com/api/webhooks/", Class::Token, 40),
    behind("teams", "webhook.office.com/webhookb2/", Class::Token, 40),
    shape("age", "AGE-SECRET-KEY-1", Class::Upper, 40),
];
