//! From a request line to what a policy sees: verb, group, resource, subresource, namespace, name, or a path.
//!
//! ```text
//! /apis/apps/v1/namespaces/shop/deployments/web/scale
//!       group     ver         ns    resource  name subresource
//! ```
//! The rules are those of `k8s.io/apiserver`, `pkg/endpoints/request/requestinfo.go`, with kube-apiserver's
//! prefixes `api` and `apis`. Nothing is allocated unless the path holds escapes.

mod query;
mod selector;
mod uri;

use std::borrow::Cow;
use std::ops::Range;

use crate::attributes::{Attributes, Resource, Target, User};

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInfo<'a> {
    /// The decoded path, without the query. Bytes that are not UTF-8 are U+FFFD here.
    pub path: Cow<'a, str>,
    /// The resource verb, or the lower-cased HTTP method. `""` for a resource request with another method.
    pub verb: Cow<'a, str>,
    resource: Option<ResourceInfo<'a>>,
}

/// The parts of a resource request, as ranges of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ResourceInfo<'a> {
    group: Range<usize>,
    version: Range<usize>,
    namespace: Range<usize>,
    resource: Range<usize>,
    subresource: Range<usize>,
    name: Name<'a>,
}

/// An object's name comes from the path, or from a `metadata.name` field selector.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name<'a> {
    InPath(Range<usize>),
    Selected(Cow<'a, str>),
}

/// Why a request line cannot be resolved. kube-apiserver answers such a request before it is audited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestInfoError {
    /// A deprecated `watch` or `proxy` path with nothing after it.
    #[error("unable to determine kind and namespace from url, {0}")]
    NothingAfterVerb(String),
    /// An escape in the path that is not `%` and two hexadecimal digits.
    #[error("invalid escape in the path of `{0}`")]
    BadEscape(String),
}

impl<'a> RequestInfo<'a> {
    /// Resolves a request by its HTTP method (as sent: methods are case-sensitive) and its target.
    pub fn resolve(method: &str, uri: &'a str) -> Result<Self, RequestInfoError> {
        let target = uri::split(uri);
        let path =
            uri::decode_path(target.path).ok_or_else(|| RequestInfoError::BadEscape(uri.to_owned()))?;
        let Some(outline) = outline(&path) else {
            return Ok(Self { path, verb: Cow::Owned(method.to_lowercase()), resource: None });
        };
        if outline.nothing_after_verb {
            return Err(RequestInfoError::NothingAfterVerb(uri.to_owned()));
        }
        let mut verb = outline.path_verb.unwrap_or(match method {
            "POST" => "create",
            "GET" | "HEAD" => "get",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => "",
        });
        let mut name = Name::InPath(outline.name.clone());
        if outline.name.is_empty() {
            match verb {
                "get" => {
                    let options = query::list_options(target.query);
                    verb = if options.watch { "watch" } else { "list" };
                    if let Some(selected) = options.name {
                        name = Name::Selected(selected);
                    }
                }
                "delete" => verb = "deletecollection",
                _ => {}
            }
        }
        let resource = ResourceInfo {
            group: outline.group,
            version: outline.version,
            namespace: outline.namespace,
            resource: outline.resource,
            subresource: outline.subresource,
            name,
        };
        Ok(Self { path, verb: Cow::Borrowed(verb), resource: Some(resource) })
    }

    /// Resolves a request as an audit event tells of it, by `verb` and `requestURI`.
    ///
    /// An event does not say the HTTP method, but its verb says what matters of it.
    pub fn from_event(verb: &'a str, uri: &'a str) -> Result<Self, RequestInfoError> {
        let method = match verb {
            "create" => "POST",
            "update" => "PUT",
            "patch" => "PATCH",
            "delete" | "deletecollection" => "DELETE",
            "get" | "list" | "watch" => "GET",
            other => other,
        };
        let mut info = Self::resolve(method, uri)?;
        info.verb = Cow::Borrowed(verb);
        Ok(info)
    }

    /// What a policy sees when `user` makes this request; `None` when authentication failed.
    pub fn attributes<'b>(&'b self, user: Option<User<'b>>) -> Attributes<'b> {
        let target = match &self.resource {
            None => Target::Path(&self.path),
            Some(_) => Target::Resource(Resource {
                group: self.group(),
                resource: self.resource(),
                subresource: self.subresource(),
                namespace: self.namespace(),
                name: self.name(),
            }),
        };
        Attributes { user, verb: &self.verb, target }
    }

    /// Whether an API resource is asked for.
    pub fn is_resource_request(&self) -> bool {
        self.resource.is_some()
    }

    /// API group; `""` for the core group and for other paths.
    pub fn group(&self) -> &str {
        self.part(|info| &info.group)
    }

    /// API version.
    pub fn version(&self) -> &str {
        self.part(|info| &info.version)
    }

    /// Namespace, or `""`.
    pub fn namespace(&self) -> &str {
        self.part(|info| &info.namespace)
    }

    /// Plural resource name, or `""`.
    pub fn resource(&self) -> &str {
        self.part(|info| &info.resource)
    }

    /// Subresource, or `""`.
    pub fn subresource(&self) -> &str {
        self.part(|info| &info.subresource)
    }

    /// Object name, or `""`.
    pub fn name(&self) -> &str {
        match self.resource.as_ref().map(|info| &info.name) {
            None => "",
            Some(Name::InPath(range)) => &self.path[range.clone()],
            Some(Name::Selected(name)) => name,
        }
    }

    fn part(&self, range: for<'i> fn(&'i ResourceInfo<'a>) -> &'i Range<usize>) -> &str {
        self.resource.as_ref().map_or("", |info| &self.path[range(info).clone()])
    }
}

/// Where the parts of a resource path stand in it.
#[derive(Default)]
struct Outline {
    group: Range<usize>,
    version: Range<usize>,
    namespace: Range<usize>,
    resource: Range<usize>,
    subresource: Range<usize>,
    name: Range<usize>,
    path_verb: Option<&'static str>,
    nothing_after_verb: bool,
}

/// `None` when the path is not a resource's.
fn outline(path: &str) -> Option<Outline> {
    let mut segments = Segments::new(path);
    if segments.left() < 3 {
        return None;
    }
    let mut outline = Outline::default();
    match segments.peek_text() {
        Some("api") => _ = segments.next(),
        Some("apis") => {
            segments.next();
            if segments.left() < 3 {
                return None;
            }
            outline.group = segments.next()?;
        }
        _ => return None,
    }
    outline.version = segments.next()?;
    outline.path_verb = match segments.peek_text() {
        Some("proxy") => Some("proxy"),
        Some("watch") => Some("watch"),
        _ => None,
    };
    if outline.path_verb.is_some() {
        segments.next();
        if segments.left() == 0 {
            outline.nothing_after_verb = true;
            return Some(outline);
        }
    }
    if segments.peek_text() == Some("namespaces") {
        let mut inside = segments.clone();
        inside.next();
        if let Some(namespace) = inside.next() {
            outline.namespace = namespace;
            // The namespace's own subresources keep it as the object.
            if inside.left() > 0 && !matches!(inside.peek_text(), Some("status" | "finalize")) {
                segments = inside;
            }
        }
    }
    outline.resource = segments.next().unwrap_or_default();
    outline.name = segments.next().unwrap_or_default();
    if outline.path_verb != Some("proxy") {
        outline.subresource = segments.next().unwrap_or_default();
    }
    Some(outline)
}

/// The segments of a path between its outer slashes; inner empty ones count.
#[derive(Clone)]
struct Segments<'p> {
    path: &'p str,
    /// The bytes still to be read, `None` when all are.
    rest: Option<Range<usize>>,
}

impl<'p> Segments<'p> {
    fn new(path: &'p str) -> Self {
        let start = path.len() - path.trim_start_matches('/').len();
        let end = path.trim_end_matches('/').len();
        Self { path, rest: (start < end).then_some(start..end) }
    }

    fn left(&self) -> usize {
        self.rest
            .as_ref()
            .map_or(0, |rest| memchr::memchr_iter(b'/', self.path[rest.clone()].as_bytes()).count() + 1)
    }

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.rest.take()?;
        let text = &self.path[rest.clone()];
        match memchr::memchr(b'/', text.as_bytes()) {
            None => Some(rest),
            Some(slash) => {
                self.rest = Some(rest.start + slash + 1..rest.end);
                Some(rest.start..rest.start + slash)
            }
        }
    }

    fn peek_text(&self) -> Option<&'p str> {
        self.clone().next().map(|range| &self.path[range])
    }
}
