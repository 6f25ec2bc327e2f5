//! The dimension of paths: exact strings, prefixes and all that can be made of them.
//!
//! In the order of strings, all that begin with `/api` are the interval from `/api` up to, and without, `/apj`;
//! the single string `/api` is the interval up to `/api\0`. Unions, intersections and complements of intervals are
//! intervals again, so no other notion is needed.

use std::sync::Arc;

use super::universe;

/// A set of strings: disjoint intervals in ascending order, none touching the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Paths(Arc<[Span]>);

/// All strings from `from` up to, and without, `to`; without end where `to` is `None`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Span {
    pub(super) from: String,
    pub(super) to: Option<String>,
}

impl Paths {
    /// Every path.
    pub fn any() -> Self {
        Self::prefix("")
    }

    /// No path.
    pub fn none() -> Self {
        Self(Arc::from([]))
    }

    /// One path.
    pub fn exact(path: &str) -> Self {
        Self(Arc::from([Span { from: path.to_owned(), to: Some(format!("{path}\0")) }]))
    }

    /// Every path that starts with `prefix`.
    pub fn prefix(prefix: &str) -> Self {
        Self(Arc::from([Span { from: prefix.to_owned(), to: after_prefix(prefix) }]))
    }

    /// The paths that one entry of `nonResourceURLs` matches.
    pub fn pattern(url: &str) -> Self {
        // The prefix holds the pattern itself too, so `url == path` needs no word of its own.
        if url.ends_with('*') { Self::prefix(url.trim_end_matches('*')) } else { Self::exact(url) }
    }

    /// Whether this is every path.
    pub fn is_any(&self) -> bool {
        matches!(&*self.0, [Span { from, to: None }] if from.is_empty())
    }

    /// Whether `path` is in the set.
    pub fn contains(&self, path: &str) -> bool {
        self.0.iter().any(|span| span.from.as_str() <= path && span.to.as_deref().is_none_or(|to| path < to))
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if other.is_any() {
            return self.clone();
        }
        let mut both = Vec::new();
        for a in self.0.iter() {
            for b in other.0.iter() {
                let span = Span {
                    from: a.from.clone().max(b.from.clone()),
                    to: earlier(a.to.as_ref(), b.to.as_ref()),
                };
                if span.to.as_ref().is_none_or(|to| span.from < *to) {
                    both.push(span);
                }
            }
        }
        Self(both.into())
    }

    /// Every path that is not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut gaps = Vec::new();
        let mut from = Some(String::new());
        for span in self.0.iter() {
            let Some(start) = from.take() else { break };
            if start < span.from {
                gaps.push(Span { from: start, to: Some(span.from.clone()) });
            }
            from.clone_from(&span.to);
        }
        gaps.extend(from.map(|from| Span { from, to: None }));
        Self(gaps.into())
    }

    /// What is in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.complement().and(&other.complement()).complement()
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.and(&other.complement())
    }

    /// Whether a request for something other than a resource can have a path in this set.
    ///
    /// Not so for `/api/v1/nodes*`: these are requests for a resource.
    pub fn can_occur(&self) -> bool {
        self.0.iter().any(|span| span.first_possible().is_some())
    }

    /// Whether the two have a path in common.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.0.iter().any(|a| {
            other.0.iter().any(|b| {
                b.to.as_ref().is_none_or(|to| a.from < *to) && a.to.as_ref().is_none_or(|to| b.from < *to)
            })
        })
    }

    /// The `nonResourceURLs` that match exactly this set; `None` where the policy language has no words for it.
    pub fn patterns(&self) -> Option<Vec<String>> {
        let pattern = |span: &Span| match span {
            // A trailing `*` is never an exact one.
            span if span.from.ends_with('*') => None,
            span if span.is_exact() => Some(span.from.clone()),
            span if span.is_prefix() => Some(format!("{}*", span.from)),
            _ => None,
        };
        self.0.iter().map(pattern).collect()
    }

    pub(super) fn spans(&self) -> &[Span] {
        &self.0
    }
}

impl Span {
    /// The first path here that is no resource path.
    pub(super) fn first_possible(&self) -> Option<String> {
        let mut path = self.from.clone();
        loop {
            if self.to.as_ref().is_some_and(|to| path >= *to) {
                return None;
            }
            let Some(base) = universe::resource_path_base(&path) else { return Some(path) };
            // All of `base`, one more character, and whatever follows are resource paths, unless that character is
            // a slash.
            let with_slash = format!("{base}/");
            path = if path < with_slash { with_slash } else { after_prefix(base)? };
        }
    }
}

/// The first string after all that start with `prefix`; `None` when there is none.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut next = prefix.to_owned();
    while let Some(last) = next.pop() {
        // Strings are ordered by code point; the surrogates are no characters.
        let successor = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            _ => char::from_u32(last as u32 + 1),
        };
        if let Some(successor) = successor {
            next.push(successor);
            return Some(next);
        }
    }
    None
}

/// The earlier of two ends, where `None` is no end.
fn earlier(a: Option<&String>, b: Option<&String>) -> Option<String> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b).clone()),
        (some, None) | (None, some) => some.cloned(),
    }
}

impl Span {
    /// Whether the span is one string, which is then `from`.
    pub(super) fn is_exact(&self) -> bool {
        self.to.as_ref().and_then(|to| to.strip_suffix('\0')) == Some(self.from.as_str())
    }

    /// Whether the span is all strings that start with `from`.
    pub(super) fn is_prefix(&self) -> bool {
        self.to == after_prefix(&self.from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_left_of_a_prefix() {
        let api = Paths::pattern("/api*");
        let rest = api.minus(&Paths::exact("/api")).minus(&Paths::pattern("/api/v1*"));
        for (path, expected) in [
            ("/api", false),
            ("/api/", true),
            ("/api/v1", false),
            ("/api/v1beta", false),
            ("/apis", true),
            ("/b", false),
        ] {
            assert_eq!(rest.contains(path), expected, "{path}");
        }
        assert_eq!(rest.or(&Paths::pattern("/api/v1*")).or(&Paths::exact("/api")), api);
    }

    #[test]
    fn resource_paths_do_not_count() {
        let check = |pattern: &str, expected: Option<&str>| {
            let first = Paths::pattern(pattern).spans().iter().find_map(Span::first_possible);
            assert_eq!(first.as_deref(), expected, "{pattern}");
        };
        check("/api*", Some("/api"));
        check("/api/v1", Some("/api/v1"));
        check("/api/v1/*", Some("/api/v1/"));
        check("/api/v1/nodes", None);
        check("/api/v1/nodes*", None);
        check("/api/v1/nodes/", None);
        check("//api/v1/nodes*", None);
        check("/apis/apps/v1", Some("/apis/apps/v1"));
        check("/apis/apps/v1/deployments*", None);
        check("/apis/apps/v1/d*", None);
        check("/API/v1/pods", Some("/API/v1/pods"));
        check("*", Some(""));
    }

    fn path() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "(/{1,2})(api|apis|ap|b)?(/{0,2})(v1|a|\0)?(/{0,2})(x|\\.|0)?(/{0,2})(y)?(/{0,1})",
            1 => "[/a-b\u{D7FF}\u{10FFFF}]{0,5}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn sets_and_their_members_agree(a in path(), b in path(), stars in 0..4_u8, paths in prop::collection::vec(path(), 20)) {
            let pattern = |path: &str, star| if star { Paths::prefix(path) } else { Paths::exact(path) };
            let (left, right) = (pattern(&a, stars & 1 == 0), pattern(&b, stars & 2 == 0));
            for path in &paths {
                let (in_left, in_right) = (left.contains(path), right.contains(path));
                prop_assert_eq!(left.and(&right).contains(path), in_left && in_right);
                prop_assert_eq!(left.or(&right).contains(path), in_left || in_right);
                prop_assert_eq!(left.minus(&right).contains(path), in_left && !in_right);
                prop_assert_eq!(left.complement().contains(path), !in_left);
            }
            prop_assert_eq!(left.complement().complement(), left.clone());
            prop_assert_eq!(left.meets(&right), !left.and(&right).spans().is_empty());
            // The first possible path is possible, is in the set, and no other is before it.
            for span in left.minus(&right).spans() {
                let first = span.first_possible();
                if let Some(first) = &first {
                    prop_assert!(left.contains(first) && !right.contains(first) && !universe::is_resource_path(first));
                }
                for path in paths.iter().filter(|path| left.contains(path) && !right.contains(path)) {
                    let here = span.from <= *path && span.to.as_ref().is_none_or(|to| path < to);
                    if here && !universe::is_resource_path(path) {
                        prop_assert!(first.as_ref().is_some_and(|first| first <= path));
                    }
                }
            }
        }
    }
}
