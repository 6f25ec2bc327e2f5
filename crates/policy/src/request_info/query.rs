//! The list options of a query, as far as they change what a request is: `watch` and a selected name.

use std::borrow::Cow;

use super::{selector, uri};

/// What a query makes of a nameless `get`.
pub(super) struct ListOptions<'a> {
    /// The request is a watch.
    pub(super) watch: bool,
    /// The one object that a field selector allows.
    pub(super) name: Option<Cow<'a, str>>,
}

/// Reads the options. Where one of them cannot be read, all are forgotten but `watch`.
pub(super) fn list_options(query: &str) -> ListOptions<'_> {
    if query.is_empty() {
        return ListOptions { watch: false, name: None };
    }
    let watch = first(query, "watch").is_some_and(|value| !is_false(&value));
    let name = if all_readable(query) { selected_name(query) } else { None };
    ListOptions { watch, name }
}

fn all_readable(query: &str) -> bool {
    let whole_number = |name| first(query, name).is_none_or(|value| is_go_int64(&value));
    whole_number("limit")
        && whole_number("timeoutSeconds")
        && first(query, "labelSelector").is_none_or(|labels| selector::labels_are_valid(&labels))
        && first(query, "fieldSelector").is_none_or(|fields| selector::fields_are_valid(&fields))
}

fn selected_name(query: &str) -> Option<Cow<'_, str>> {
    let fields = first(query, "fieldSelector")?;
    let name = selector::required_name(&fields)?;
    let is_path_segment = name != "." && name != ".." && !name.contains(['/', '%']);
    is_path_segment.then_some(Cow::Owned(name))
}

/// The first value of `name`. Pairs with a `;` or an escape that cannot be read are not there at all.
fn first<'q>(query: &'q str, name: &str) -> Option<Cow<'q, str>> {
    query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')).find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (uri::decode_query(key)? == name).then(|| uri::decode_query(value))?
    })
}

/// Go's `strconv.ParseInt(value, 10, 64)` succeeds.
fn is_go_int64(value: &str) -> bool {
    value.parse::<i64>().is_ok()
}

/// Everything but these two is true, even nothing at all.
fn is_false(value: &str) -> bool {
    value == "0" || value.eq_ignore_ascii_case("false")
}
