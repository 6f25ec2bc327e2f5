//! Events: searched, looked up, counted, followed.

pub(crate) mod count;
pub(crate) mod facets;
pub(crate) mod histogram;
pub(crate) mod live;
pub(crate) mod one;
pub(crate) mod search;

/// The part of a request that a search may find fault with.
const QUERY: &str = "query parameter `q`";
