//! Tokens: what they look like, and the file that knows them.
//!
//! A token is `aw_ID_SECRET`: 16 hexadecimal digits to name it by, 64 that nobody can guess. The file holds the SHA-256
//! of the secret. A slow hash such as Argon2 is for passwords, which people choose and which can be guessed; 256 random
//! bits can't, however fast the hash. So a stolen file opens nothing, and a request costs one SHA-256, not a tenth of a
//! second that strangers could have us spend.
//!
//! The file is the old one or the new one at every moment, and only its owner may read it. A running server notices a
//! new one within a second. Two commands that change it at the same time wait for each other.

pub(crate) mod http;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use auditward_base::disk::{self, Access};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use utoipa::ToSchema;

use crate::{ClusterName, Identity, Role};

/// Tokens that a file may hold.
pub const TOKENS_MAX: usize = 1_000;
/// The longest name of a token, in bytes.
pub const NAME_MAX: usize = 100;
/// The largest file that is read, in bytes.
const FILE_MAX: u64 = 1 << 20;
const VERSION: u32 = 1;

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Token {
    /// What it is revoked by.
    pub id: String,
    /// The name that it was given.
    pub name: String,
    /// What it may.
    pub role: Role,
    /// The only cluster that it may send events of; only `ingest` tokens have one.
    pub cluster: Option<String>,
    /// When it was made, in microseconds since 1970.
    pub created: i64,
}

/// What a new token shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// A name for people.
    pub name: String,
    /// What it may.
    pub role: Role,
    /// The only cluster that it may send events of; needed for `ingest`, refused otherwise.
    pub cluster: Option<ClusterName>,
}

/// Why a file of tokens could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The system would not.
    #[error("could not {what} `{}`", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what we wrote.
    #[error("`{}` is no file of tokens: {what}; it is written by `auditward serve token` alone", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The new token can't be.
    #[error("{0}")]
    Refused(String),
}

/// Makes a token and returns its text, which nobody can find out again. `now` is in microseconds since 1970.
pub fn add(path: &Path, new: NewToken, now: i64) -> Result<(Token, String), TokensError> {
    check(&new)?;
    let random =
        || auditward_base::random_id().map_err(|source| io_error("draw random numbers for", path, source));
    let id = random()?[..16].to_owned();
    // Two draws of 128 bits.
    let secret = random()? + &random()?;
    let kept = Kept {
        id: id.clone(),
        name: new.name,
        role: new.role,
        cluster: new.cluster.map(|cluster| cluster.to_string()),
        created: now,
        sha256: hex(&hash(&secret)),
    };
    let token = kept.token();
    change(path, |tokens| {
        if tokens.len() >= TOKENS_MAX {
            return Err(TokensError::Refused(format!("there are {TOKENS_MAX} tokens already, revoke some")));
        }
        tokens.push(kept);
        Ok(())
    })?;
    Ok((token, format!("{PREFIX}{id}_{secret}")))
}

/// The tokens, the oldest first. No file is no tokens.
pub fn list(path: &Path) -> Result<Vec<Token>, TokensError> {
    Ok(read(path)?.iter().map(Kept::token).collect())
}

/// Takes a token's power away and says whether there was one of this id.
pub fn revoke(path: &Path, id: &str) -> Result<bool, TokensError> {
    change(path, |tokens| {
        let before = tokens.len();
        tokens.retain(|token| token.id != id);
        Ok(tokens.len() < before)
    })
}

/// The tokens of a file, ready to be asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(Vec<(Identity, [u8; 32])>);

impl Known {
    /// Reads a file. No file is no tokens.
    pub(crate) fn read(path: &Path) -> Result<Self, TokensError> {
        let known = read(path)?.into_iter().map(|kept| {
            let hash = unhex(&kept.sha256).ok_or_else(|| unreadable(path, "a hash is no SHA-256"))?;
            let cluster = kept.cluster.map(|cluster| cluster.parse()).transpose();
            let cluster =
                cluster.map_err(|error: crate::ClusterNameError| unreadable(path, &error.to_string()))?;
            Ok((Identity::Token { id: kept.id, name: kept.name, role: kept.role, cluster }, hash))
        });
        Ok(Self(known.collect::<Result<_, _>>()?))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose token this is. It takes the same time whichever token it is, and whether it is one.
    pub(crate) fn find(&self, text: &str) -> Option<&Identity> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let hash = hash(secret);
        let mut found = 0_u64;
        for (number, (identity, kept)) in (1..).zip(&self.0) {
            let Identity::Token { id: kept_id, .. } = identity else { continue };
            let same: Choice = hash.ct_eq(kept) & kept_id.as_bytes().ct_eq(id.as_bytes());
            found = u64::conditional_select(&found, &number, same);
        }
        let index = usize::try_from(found).ok()?.checked_sub(1)?;
        self.0.get(index).map(|(identity, _)| identity)
    }
}

const PREFIX: &str = "aw_";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    version: u32,
    tokens: Vec<Kept>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    id: String,
    name: String,
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    created: i64,
    sha256: String,
}

impl Kept {
    fn token(&self) -> Token {
        let Self { id, name, role, cluster, created, .. } = self;
        let (id, name, cluster) = (id.clone(), name.clone(), cluster.clone());
        Token { id, name, role: *role, cluster, created: *created }
    }
}

fn check(new: &NewToken) -> Result<(), TokensError> {
    let refused = |text: &str| Err(TokensError::Refused(text.to_owned()));
    if new.name.trim().is_empty() || new.name.len() > NAME_MAX || new.name.chars().any(char::is_control) {
        return refused("a token's name has 1 to 100 bytes and no control characters");
    }
    match (new.role, &new.cluster) {
        (Role::Ingest, None) => refused("a token that sends events needs the cluster that it is for"),
        (Role::Ingest, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => refused("only a token of role `ingest` is for one cluster"),
    }
}

fn change<T>(
    path: &Path,
    edit: impl FnOnce(&mut Vec<Kept>) -> Result<T, TokensError>,
) -> Result<T, TokensError> {
    let _turn = turn(path)?;
    let mut tokens = read(path)?;
    let done = edit(&mut tokens)?;
    let text = serde_json::to_string_pretty(&FileText { version: VERSION, tokens });
    let text = text.map_err(|error| unreadable(path, &error.to_string()))? + "\n";
    disk::write(path, text.as_bytes(), Access { mode: 0o600, owner: None })
        .map_err(|source| io_error("write", path, source))?;
    Ok(done)
}

/// Holds others off who want to change the file. The lock is on a file beside it, as the file itself is replaced.
fn turn(path: &Path) -> Result<fs::File, TokensError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let beside = PathBuf::from(name);
    let file = fs::File::options().create(true).truncate(false).write(true).open(&beside);
    let file = file.map_err(|source| io_error("open", &beside, source))?;
    file.lock().map_err(|source| io_error("lock", &beside, source))?;
    Ok(file)
}

fn read(path: &Path) -> Result<Vec<Kept>, TokensError> {
    let text = match fs::File::open(path) {
        Ok(file) => {
            let mut text = String::new();
            let read = io::Read::read_to_string(&mut io::Read::take(file, FILE_MAX + 1), &mut text);
            read.map_err(|source| io_error("read", path, source))?;
            text
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(io_error("read", path, source)),
    };
    if text.len() as u64 > FILE_MAX {
        return Err(unreadable(path, "it is larger than 1 MiB"));
    }
    let file: FileText = serde_json::from_str(&text).map_err(|error| unreadable(path, &error.to_string()))?;
    match file.version {
        VERSION => Ok(file.tokens),
        version => Err(unreadable(path, &format!("its version is {version}, and we know {VERSION}"))),
    }
}

fn io_error(what: &'static str, path: &Path, source: io::Error) -> TokensError {
    TokensError::Io { what, path: path.to_owned(), source }
}

fn unreadable(path: &Path, what: &str) -> TokensError {
    TokensError::Unreadable { path: path.to_owned(), what: what.to_owned() }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |all, byte| all + &format!("{byte:02x}"))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let plain = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    plain.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::testing::Folder;

    fn reader(name: &str) -> NewToken {
        NewToken { name: name.into(), role: Role::Read, cluster: None }
    }

    #[test]
    fn added_found_listed_and_revoked() {
        let folder = Folder::new("tokens");
        let path = folder.path("tokens");
        assert_eq!(list(&path).unwrap(), []);
        assert!(Known::read(&path).unwrap().is_empty());
        let (one, text) = add(&path, reader("one"), 5).unwrap();
        let cluster = Some("prod".parse().unwrap());
        let (two, second) =
            add(&path, NewToken { name: "two".into(), role: Role::Ingest, cluster }, 6).unwrap();
        assert_eq!(list(&path).unwrap(), [one.clone(), two.clone()]);
        let known = Known::read(&path).unwrap();
        assert_eq!(known.find(&text).unwrap().name(), "one");
        assert!(known.find(&second).unwrap().may_ingest(&"prod".parse().unwrap()));
        let swapped = text.replace(&one.id, &two.id);
        for wrong in ["", "aw_", "aw__", &text[..text.len() - 1], &format!("{text}0"), &swapped, &one.id] {
            assert_eq!(known.find(wrong), None, "{wrong}");
        }
        assert!(revoke(&path, &one.id).unwrap());
        assert!(!revoke(&path, &one.id).unwrap());
        assert_eq!(Known::read(&path).unwrap().find(&text), None);
        assert!(Known::read(&path).unwrap().find(&second).is_some());
    }

    #[test]
    fn the_file_holds_no_secret_and_is_its_owners_alone() {
        let folder = Folder::new("secret");
        let path = folder.path("tokens");
        let (_, text) = add(&path, reader("one"), 0).unwrap();
        let secret = text.rsplit('_').next().unwrap();
        assert_eq!(secret.len(), 64);
        assert!(!fs::read_to_string(&path).unwrap().contains(secret));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_can_not_be() {
        let folder = Folder::new("refused");
        let path = folder.path("tokens");
        let cluster: Option<ClusterName> = Some("prod".parse().unwrap());
        for (name, role, cluster) in [
            ("", Role::Read, None),
            (" ", Role::Read, None),
            ("a\nb", Role::Read, None),
            (&*"n".repeat(101), Role::Read, None),
            ("a", Role::Ingest, None),
            ("a", Role::Admin, cluster),
        ] {
            let new = NewToken { name: name.into(), role, cluster };
            assert!(matches!(add(&path, new, 0), Err(TokensError::Refused(_))), "{name}");
        }
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_not_ours_is_not_touched() {
        let folder = Folder::new("foreign");
        let path = folder.path("tokens");
        for text in [
            "",
            "{}",
            r#"{"version": 2, "tokens": []}"#,
            r#"{"version": 1, "tokens": [], "more": 1}"#,
            r#"{"version": 1, "tokens": [{"id": "1", "name": "a", "role": "root", "created": 0, "sha256": ""}]}"#,
        ] {
            fs::write(&path, text).unwrap();
            assert!(matches!(add(&path, reader("a"), 0), Err(TokensError::Unreadable { .. })), "{text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let text = r#"{"version": 1, "tokens": [{"id": "1", "name": "a", "role": "read", "created": 0, "sha256": "+0"}]}"#;
        fs::write(&path, text).unwrap();
        assert!(Known::read(&path).is_err());
    }

    #[test]
    fn those_who_add_at_the_same_time_wait_for_each_other() {
        let folder = Folder::new("together");
        let path = folder.path("tokens");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let path = &path;
                scope.spawn(move || add(path, reader(&format!("{number}")), 0).unwrap());
            }
        });
        assert_eq!(list(&path).unwrap().len(), 8);
    }
}
