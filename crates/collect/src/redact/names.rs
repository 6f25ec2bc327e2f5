//! Names that tell that a password, token or key follows: `DB_PASSWORD`, `clientSecret`, `--api-key`.

use super::Kind;
use super::digest::PREFIX;

/// How long a name may be; longer ones tell nothing.
pub(super) const NAME_BYTES_MAX: usize = 128;

/// What a name ends with, in small letters and without `_`, `-`, `.` and spaces; and what kind of secret that is.
pub(super) const ENDINGS: &[(&[u8], &str)] = &[
    (b"password", "password"),
    (b"passwords", "password"),
    (b"bindpw", "password"),
    (b"passwd", "password"),
    (b"passphrase", "password"),
    (b"passcode", "password"),
    (b"pgpass", "password"),
    (b"dbpass", "password"),
    (b"smtppass", "password"),
    (b"storepass", "password"),
    (b"keypass", "password"),
    (b"requirepass", "password"),
    (b"masterauth", "password"),
    (b"passwordhash", "password"),
    (b"passwordbase", "password"),
    (b"pwd", "password"),
    (b"token", "token"),
    (b"tokensecret", "token"),
    (b"jwt", "token"),
    (b"authorization", "token"),
    (b"apikey", "key"),
    (b"accesskey", "key"),
    (b"secretkey", "key"),
    (b"privatekey", "key"),
    (b"accountkey", "key"),
    (b"signingkey", "key"),
    (b"encryptionkey", "key"),
    (b"masterkey", "key"),
    (b"authkey", "key"),
    (b"appkey", "key"),
    (b"licensekey", "key"),
    (b"sessionkey", "key"),
    (b"loggedinkey", "key"),
    (b"noncekey", "key"),
    (b"fernetkey", "key"),
    (b"aeskey", "key"),
    (b"jwtkey", "key"),
    (b"unsealkey", "key"),
    (b"servicekey", "key"),
    (b"sharedkey", "key"),
    (b"dbkeybase", "key"),
    (b"otpkeybase", "key"),
    (b"certificatekey", "key"),
    (b"secretkeybase", "key"),
    (b"apikeys", "key"),
    (b"amzsignature", "key"),
    (b"googsignature", "key"),
    (b"sharedaccesssignature", "key"),
    (b"erlangcookie", "key"),
    (b"hmackey", "key"),
    (b"storagekey", "key"),
    (b"consumerkey", "key"),
    (b"clientkeydata", "key"),
    (b"presharedkey", "key"),
    (b"secret", "credential"),
    (b"credential", "credential"),
    (b"credentials", "credential"),
    (b"creds", "credential"),
];

/// Names that end as those do and tell of something else.
const HARMLESS: &[&[u8]] = &[
    b"pagetoken",
    b"continuetoken",
    b"nexttoken",
    b"continuationtoken",
    b"existingsecret",
    b"pullsecret",
    b"tlssecret",
    b"publicaccesskey",
    b"oldpwd",
    // How long an API server's authorization took, an annotation of slow requests.
    b"latencyk8sio/authorization",
];

/// What names tell, with a site's own.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Endings as in [`ENDINGS`].
    added: Vec<(Vec<u8>, Kind)>,
    /// As in [`HARMLESS`].
    harmless: Vec<Vec<u8>>,
}

impl Names {
    pub(super) fn new(added: &[(String, String)], harmless: &[String]) -> Self {
        let plain = |name: &String| plain(name.as_bytes(), &mut [0; NAME_BYTES_MAX]).to_vec();
        Names {
            added: added.iter().map(|(name, kind)| (plain(name), Kind::Owned(kind.clone()))).collect(),
            harmless: harmless.iter().map(plain).collect(),
        }
    }

    /// What kind of secret a value of this name is; `None` if the name does not tell.
    pub(super) fn telling(&self, name: &[u8]) -> Option<Kind> {
        // Of a name seen raw, the letter of an escape may be the first; to an ending it does no harm.
        if name.len() > NAME_BYTES_MAX || name.len() < 3 {
            return None;
        }
        if !self.added.is_empty() || !self.harmless.is_empty() {
            let mut buffer = [0; NAME_BYTES_MAX];
            let plain = plain(name, &mut buffer);
            if self.harmless.iter().any(|ending| plain.ends_with(ending)) {
                return None;
            }
            if let Some((_, kind)) = self.added.iter().find(|(ending, _)| plain.ends_with(ending)) {
                return Some(kind.clone());
            }
        }
        built_in(name).map(Kind::Borrowed)
    }

    /// The same of a list's items: `passwords`, or `password` where several are taken.
    pub(super) fn telling_list(&self, name: &[u8]) -> Option<Kind> {
        self.telling(name).or_else(|| self.telling(name.strip_suffix(b"s").or(name.strip_suffix(b"S"))?))
    }
}

/// The kinds of secrets that names tell of.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    ENDINGS.iter().map(|(_, kind)| *kind)
}

fn built_in(name: &[u8]) -> Option<&'static str> {
    // Of several they are counted: `PASSWORD_2`.
    let counted = name.iter().rposition(u8::is_ascii_alphabetic)? + 1;
    let is_counted = name[counted..].iter().any(u8::is_ascii_digit);
    let name = if is_counted { &name[..counted] } else { name };
    // Decided by the last letter for nearly every name.
    let last = name.iter().rev().find(|byte| byte.is_ascii_alphanumeric())?.to_ascii_lowercase();
    if !matches!(last, b'd' | b'e' | b'n' | b't' | b'y' | b'a' | b'l' | b's' | b'w' | b'h') {
        return None;
    }
    let mut buffer = [0; NAME_BYTES_MAX];
    let plain = plain(name, &mut buffer);
    let is_pw = [&b"_PW"[..], b"_pw", b"-pw"].iter().any(|end| name.ends_with(end));
    let kind = if plain == b"pass" || ends_in_pass(name) || is_pw {
        "password"
    } else if name.ends_with(b"_PAT") {
        // A personal access token. In small letters it is a path or a pattern.
        "token"
    } else if name.ends_with(b"_SALT") {
        "key"
    } else {
        ENDINGS.iter().find(|(ending, _)| plain.ends_with(ending))?.1
    };
    // A text with a mark in it was no name before.
    let harmless =
        HARMLESS.iter().any(|ending| plain.ends_with(ending)) || memchr::memmem::find(name, PREFIX).is_some();
    (!harmless).then_some(kind)
}

/// Whether the last of several words is `pass`, as it is in `DBPASS` and `dbPass`: a word that only ends so may be `bypass`.
fn ends_in_pass(name: &[u8]) -> bool {
    const OTHER_WORDS: &[&[u8]] =
        &[b"BYPASS", b"COMPASS", b"SURPASS", b"TRESPASS", b"OVERPASS", b"UNDERPASS", b"byPass"];
    let last = name.rsplit(|byte| matches!(byte, b'_' | b'-' | b'.')).next().unwrap_or_default();
    last.len() < name.len() && last.eq_ignore_ascii_case(b"pass")
        || (last.ends_with(b"PASS") || last.ends_with(b"Pass")) && !OTHER_WORDS.contains(&last)
}

/// Whether an option turns something on or off, and has no value.
pub(super) fn is_switch(option: &[u8]) -> bool {
    const BEGINNINGS: &[&[u8]] = &[
        b"--no-",
        b"--use-",
        b"--enable-",
        b"--disable-",
        b"--rotate-",
        b"--get-",
        b"--allow-",
        b"--require-",
    ];
    BEGINNINGS.iter().any(|beginning| option.starts_with(beginning))
}

/// What names are made of.
pub(super) const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// A name in small letters, without what stands between its words.
fn plain<'b>(name: &[u8], buffer: &'b mut [u8; NAME_BYTES_MAX]) -> &'b [u8] {
    let mut length = 0;
    for byte in name.iter().filter(|byte| !matches!(byte, b'_' | b'-' | b'.' | b' ')).take(NAME_BYTES_MAX) {
        buffer[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    &buffer[..length]
}

/// Whether a value under a telling name is no secret: a placeholder, a switch, a path, nothing.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    match value {
        [] | [b'<', .., b'>'] | [b'{', b'{', ..] | [b'%', .., b'%'] | [b'`', .., b'`'] => true,
        [b'$', b'{', rest @ ..] => memchr::memchr(b'}', rest).is_some(),
        [b'$', b'(', rest @ ..] => memchr::memchr(b')', rest).is_some(),
        // Where it is to be read from.
        [b'@', b'/' | b'.', ..] | [b'.', b'/', ..] | [b'.', b'.', b'/', ..] => true,
        [b'f', b'i', b'l', b'e', b':', b'/', ..] | [b'a', b'r', b'n', b':', ..] => true,
        [b'$', rest @ ..] => {
            rest.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'0'..=b'9'))
        }
        [b'/', ..] => is_path(value),
        _ => {
            value.iter().all(|byte| *byte == b'*')
                || value.len() > 2 && value.iter().all(|byte| *byte == b'x')
                || WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
        }
    }
}

const WORDS: &[&[u8]] = &[
    b"true",
    b"false",
    b"null",
    b"nil",
    b"none",
    b"yes",
    b"no",
    b"on",
    b"off",
    b"undefined",
    b"enabled",
    b"disabled",
    b"auto",
    b"simple",
    b"files",
    b"rbac",
    b"webhook",
    b"~",
    b"\"\"",
    b"''",
];

/// Folders that programs are told to read a secret from; other texts that begin with a slash may be secrets.
const FOLDERS: &[&[u8]] = &[
    b"/etc/",
    b"/var/",
    b"/run/",
    b"/opt/",
    b"/home/",
    b"/root/",
    b"/tmp/",
    b"/usr/",
    b"/mnt/",
    b"/srv/",
    b"/secrets/",
    b"/secret/",
    b"/vault/",
    b"/app/",
    b"/config/",
    b"/proc/",
    b"/dev/",
];

/// What files end with that hold one.
const EXTENSIONS: &[&[u8]] = &[b".key", b".pem", b".crt", b".p12", b".jks", b".json", b".yaml", b".txt"];

fn is_path(value: &[u8]) -> bool {
    let plain =
        value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-'));
    plain
        && (FOLDERS.iter().any(|folder| value.starts_with(folder))
            || EXTENSIONS.iter().any(|extension| value.ends_with(extension)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(Names::default().telling(name.as_bytes()).as_deref(), expected, "{name}");
    }

    #[test]
    fn names_tell_by_their_end() {
        for name in [
            "password",
            "DB_PASSWORD",
            "spring.datasource.password",
            "mysql-root-password",
            "--password",
            "PGPASSWORD",
            "redis_pass",
            "pass",
            "passwd",
            "pwd",
        ] {
            check(name, Some("password"));
        }
        for name in ["token", "GITHUB_TOKEN", "idToken", "refresh-token", "auth_token", "Authorization"] {
            check(name, Some("token"));
        }
        for name in [
            "apiKey",
            "API_KEY",
            "aws_secret_access_key",
            "privateKey",
            "AccountKey",
            "client-key-data",
            "certificate-key",
        ] {
            check(name, Some("key"));
        }
        for name in ["clientSecret", "JWT_SECRET", "secret"] {
            check(name, Some("credential"));
        }
        check("credentials", Some("credential"));
    }

    #[test]
    fn others_do_not() {
        for name in [
            "secretName",
            "secretKeyRef",
            "passwordSecretRef",
            "tokenExpirationSeconds",
            "imagePullSecrets",
            "imagePullSecret",
            "token-ttl",
            "max_tokens",
            "nextPageToken",
            "key",
            "publicKey",
            "keyid",
            "compass",
            "passwordFile",
            "bypass",
            "secrets",
            "tokens",
            "credential-id",
            "authorization.k8s.io",
            "",
            "OLDPWD",
        ] {
            check(name, None);
        }
    }

    #[test]
    fn a_site_has_its_own() {
        let names = Names::new(&[("pin_code".to_owned(), "pin".to_owned())], &["maxToken".to_owned()]);
        assert_eq!(names.telling(b"doorPinCode").as_deref(), Some("pin"));
        assert_eq!(names.telling(b"MAX_TOKEN"), None);
        assert_eq!(names.telling(b"token").as_deref(), Some("token"));
    }

    #[test]
    fn placeholders() {
        for value in [
            "",
            "${PASSWORD}",
            "$(TOKEN)",
            "$TOKEN",
            "<your password>",
            "{{ .Values.x }}",
            "****",
            "xxx",
            "true",
            "null",
            "/run/secrets/db",
            "%TOKEN%",
        ] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in ["hunter2", "$ecret", "/Jq0+x", "<a", "x", "trueish", "1234"] {
            assert!(!is_placeholder(value.as_bytes()), "{value}");
        }
    }
}
