//! Two texts side by side, as `diff -u` shows them.

use similar::TextDiff;

/// The unified diff that makes `new` of `old`, with three lines around each change; empty where they are equal.
pub fn diff(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    if old == new {
        return String::new();
    }
    TextDiff::from_lines(old, new).unified_diff().context_radius(3).header(old_name, new_name).to_string()
}
