//! What a policy can see of a request, and nothing else.
//!
//! Not in here because no rule can ask for it: the HTTP method, source addresses, the user agent, the user's
//! UID and extra fields, the response.

use std::fmt;

/// What a policy can see of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// Who asked, as authenticated, never as impersonated; `None` when authentication failed.
    pub user: Option<User<'a>>,
    /// A resource verb (`get`, `list`, `create` …), or the lower-cased HTTP method of a non-resource request.
    pub verb: &'a str,
    /// What the request is about.
    pub target: Target<'a>,
}

/// An authenticated user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User<'a> {
    /// The user's name.
    pub name: &'a str,
    /// The user's groups.
    pub groups: &'a [&'a str],
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// An API resource.
    Resource(Resource<'a>),
    /// Any other path, decoded, without its query.
    Path(&'a str),
}

/// An API resource as a request names it. Absent parts are `""`, and none holds a `/`: they are segments of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resource<'a> {
    /// API group; `""` is the core group.
    pub group: &'a str,
    /// Plural resource name, for example `pods`.
    pub resource: &'a str,
    /// Subresource, for example `log`.
    pub subresource: &'a str,
    /// Namespace; a request for a Namespace object has that object's name here.
    pub namespace: &'a str,
    /// Object name from the URL or a `metadata.name` field selector, never from the body.
    pub name: &'a str,
}

/// As people say it: `alice (system:authenticated): get pods/log web in shop`.
impl fmt::Display for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            None => f.write_str("no authenticated user")?,
            Some(user) if user.groups.is_empty() => write!(f, "{}", Shown(user.name))?,
            Some(user) => write!(f, "{} ({})", Shown(user.name), user.groups.join(", "))?,
        }
        write!(f, ": {} ", Shown(self.verb))?;
        match &self.target {
            Target::Path(path) => write!(f, "{}", Shown(path)),
            Target::Resource(resource) => {
                write!(f, "{}", Shown(resource.resource))?;
                for (mark, part) in [
                    (".", resource.group),
                    ("/", resource.subresource),
                    (" ", resource.name),
                    (" in ", resource.namespace),
                ] {
                    if !part.is_empty() {
                        write!(f, "{mark}{}", Shown(part))?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// A word as it is, but quoted where it would be invisible or misread.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain =
            !self.0.is_empty() && self.0.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != ',');
        if plain { f.write_str(self.0) } else { write!(f, "{:?}", self.0) }
    }
}
