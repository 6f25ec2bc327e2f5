//! Which requests there can be at all.
//!
//! A rule that names only what cannot happen is as dead as one that is shadowed, and a difference between two
//! policies that no request can show is none. What is ruled out here, and why (Kubernetes 1.37, `k8s.io/apiserver`):
//!
//! - API group, resource, subresource, namespace and name are segments of the decoded URL path, so none holds a `/`
//!   (`pkg/endpoints/request/requestinfo.go`; a name from a field selector must be a legal segment too).
//! - A resource request has one of [`RESOURCE_VERBS`]. `get` and `delete` have a name, for without one they are
//!   `list`, `watch` and `deletecollection`; the latter has none. `proxy` has no subresource.
//! - The verb of any other request is its HTTP method in lower case, so it is a token without capitals.
//! - A path that names a resource below `/api` or `/apis` never counts as a path.
//! - Every authenticated user is in `system:authenticated` or `system:unauthenticated`
//!   (`pkg/authentication/group/authenticated_group_adder.go`), but for [`USERS_WITH_ANY_GROUPS`].
//! - A request without a user has no groups.
//!
//! Nothing else is ruled out: whoever can reach an API server can ask for a pod named `*` in a namespace that
//! does not exist, and the audit log will say so.

use super::groups::Groups;
use super::users::Users;
use super::words::Words;
use crate::{Attributes, Target};

/// The verbs of resource requests, the most ordinary first. The empty one stands for methods such as `OPTIONS`,
/// `proxy` for a path form that was given up long ago and is still understood.
pub const RESOURCE_VERBS: [&str; 10] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "", "proxy"];

/// Every authenticated user is in one of these.
pub const BUILT_IN_GROUPS: [&str; 2] = ["system:authenticated", "system:unauthenticated"];

/// Users to whom no group is added: whatever their authenticator says stands. Older API servers gave their own
/// loopback user `system:masters` alone.
pub const USERS_WITH_ANY_GROUPS: [&str; 2] = ["system:anonymous", "system:apiserver"];

/// Whether kube-apiserver can produce this request.
pub fn can_occur(request: &Attributes<'_>) -> bool {
    let groups_fit = request.user.is_none_or(|user| {
        USERS_WITH_ANY_GROUPS.contains(&user.name)
            || user.groups.iter().any(|group| BUILT_IN_GROUPS.contains(group))
    });
    groups_fit
        && match &request.target {
            Target::Path(path) => is_method(request.verb) && !is_resource_path(path),
            Target::Resource(of) => {
                let segments = [of.group, of.resource, of.subresource, of.namespace, of.name];
                segments.into_iter().all(is_segment)
                    && match request.verb {
                        "get" | "delete" => !of.name.is_empty(),
                        "deletecollection" => of.name.is_empty(),
                        "proxy" => of.subresource.is_empty(),
                        verb => RESOURCE_VERBS.contains(&verb),
                    }
            }
        }
}

/// Whether some request can have such a user and such groups.
pub(super) fn can_identify(users: &Users, groups: &Groups) -> bool {
    if users.absent && !groups.needs_one() {
        return true;
    }
    if groups.is_none() || users.names.is_none() {
        return false;
    }
    USERS_WITH_ANY_GROUPS.iter().any(|user| users.names.contains(user))
        // Only others are left: they have a built-in group.
        || !groups.and(&Groups::one_of(BUILT_IN_GROUPS)).is_none()
}

/// Whether a resource request can have such a verb, subresource and name.
pub(super) fn can_act(verbs: &Words, subresources: &Words, names: &Words) -> bool {
    RESOURCE_VERBS.iter().any(|verb| verbs.contains(verb) && can_take(verb, subresources, names))
}

/// Whether a resource request with this verb can have such a subresource and name.
pub(super) fn can_take(verb: &str, subresources: &Words, names: &Words) -> bool {
    let subresource_fits =
        if verb == "proxy" { subresources.contains("") } else { subresources.contains_any(is_segment) };
    let name_fits = match verb {
        "get" | "delete" => names.contains_any(|name| is_segment(name) && !name.is_empty()),
        "deletecollection" => names.contains(""),
        _ => names.contains_any(is_segment),
    };
    subresource_fits && name_fits
}

/// Whether `word` can be one segment of a URL path. The empty one can: two slashes in a row.
pub(super) fn is_segment(word: &str) -> bool {
    !word.contains('/')
}

/// Whether `verb` can be an HTTP method in lower case.
pub(super) fn is_method(verb: &str) -> bool {
    let token =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !verb.is_empty() && verb.bytes().all(token)
}

/// Whether a request for `path` is a resource request.
pub fn is_resource_path(path: &str) -> bool {
    let mut parts = path.trim_matches('/').split('/');
    match parts.next() {
        Some("api") => parts.count() >= 2,
        Some("apis") => parts.count() >= 3,
        _ => false,
    }
}

/// For a resource path, the longest start of it that is not one yet; it ends in a slash, and with any other
/// character after it, it is one, whatever follows. `None` for other paths.
pub(super) fn resource_path_base(path: &str) -> Option<&str> {
    let trimmed = path.trim_start_matches('/');
    let slashes = match trimmed.split('/').next() {
        Some("api") => 2,
        Some("apis") => 3,
        _ => return None,
    };
    let skipped = path.len() - trimmed.len();
    let enough = trimmed.match_indices('/').nth(slashes - 1)?.0 + 1;
    // Further slashes change nothing until another character comes.
    let more = trimmed[enough..].find(|c| c != '/')?;
    path.get(..skipped + enough + more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_paths() {
        let check = |path: &str, base: Option<&str>| {
            assert_eq!(is_resource_path(path), base.is_some(), "{path}");
            assert_eq!(resource_path_base(path), base, "{path}");
        };
        for path in [
            "",
            "/",
            "/healthz",
            "/api",
            "/api/v1",
            "/api/v1/",
            "/api/v1//",
            "/apis/apps/v1",
            "/logs/a/b",
            "/API/v1/pods",
        ] {
            check(path, None);
        }
        check("/api/v1/pods", Some("/api/v1/"));
        check("api/v1/pods/", Some("api/v1/"));
        check("//api//p", Some("//api//"));
        check("/api/v1///p/q", Some("/api/v1///"));
        check("/apis/apps/v1/d", Some("/apis/apps/v1/"));
        check("/apis///d", Some("/apis///"));
    }
}
