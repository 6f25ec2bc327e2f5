//! Who asks, and what they may.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ClusterName;

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sending events of one cluster, and nothing else: such a token lies on nodes.
    Ingest,
    /// Asking.
    Read,
    /// Asking, and noting what one makes of an alert.
    Triage,
    /// All but sending events.
    Admin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Read, Self::Triage, Self::Admin];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Admin => "admin",
        }
    }

    /// Whether it may do what `needed` may. Whoever may do everything else still may not send events, so that a stolen
    /// console session can't write a trail.
    pub fn covers(self, needed: Self) -> bool {
        match (self, needed) {
            (Self::Ingest, _) | (_, Self::Ingest) => self == needed,
            _ => self as u8 >= needed as u8,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no role; there are `ingest`, `read`, `triage` and `admin`"))
    }
}

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Somebody on this machine, where the server listens to nobody else and no token was ever made.
    Local,
    /// Whoever holds a token.
    Token {
        /// The token's public half.
        id: String,
        /// The name that it was given.
        name: String,
        /// What it may.
        role: Role,
        /// The only cluster that it may send events of.
        cluster: Option<ClusterName>,
    },
    /// Whoever holds the key of a client certificate.
    Certificate {
        /// The certificate's common name.
        name: String,
        /// The only cluster that it may send events of.
        cluster: ClusterName,
    },
}

impl Identity {
    /// Whether it may do what a role may.
    pub fn may(&self, needed: Role) -> bool {
        match self {
            Self::Local => true,
            Self::Token { role, .. } => role.covers(needed),
            Self::Certificate { .. } => needed == Role::Ingest,
        }
    }

    /// Whether it may send events of a cluster.
    pub fn may_ingest(&self, into: &ClusterName) -> bool {
        match self {
            Self::Local => true,
            Self::Token { role, cluster, .. } => *role == Role::Ingest && cluster.as_ref() == Some(into),
            Self::Certificate { cluster, .. } => cluster == into,
        }
    }

    /// What stands in logs and in an alert's history.
    pub fn name(&self) -> &str {
        match self {
            Self::Local => "local",
            Self::Token { name, .. } | Self::Certificate { name, .. } => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_covers_what() {
        let table = Role::ALL.map(|role| Role::ALL.map(|needed| role.covers(needed)));
        assert_eq!(
            table,
            [
                [true, false, false, false],
                [false, true, false, false],
                [false, true, true, false],
                [false, true, true, true],
            ]
        );
    }

    #[test]
    fn events_of_its_own_cluster_only() {
        let (one, two): (ClusterName, ClusterName) = ("one".parse().unwrap(), "two".parse().unwrap());
        let token = |role, cluster: Option<&ClusterName>| Identity::Token {
            id: "1".into(),
            name: "a".into(),
            role,
            cluster: cluster.cloned(),
        };
        assert!(Identity::Local.may_ingest(&one));
        assert!(token(Role::Ingest, Some(&one)).may_ingest(&one));
        assert!(!token(Role::Ingest, Some(&one)).may_ingest(&two));
        assert!(!token(Role::Ingest, None).may_ingest(&one));
        assert!(!token(Role::Admin, Some(&one)).may_ingest(&one));
        let certificate = Identity::Certificate { name: "api".into(), cluster: one.clone() };
        assert!(certificate.may_ingest(&one) && !certificate.may_ingest(&two));
        assert!(!certificate.may(Role::Read) && certificate.may(Role::Ingest));
    }
}
