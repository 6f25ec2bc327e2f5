//! The page about Sigma has the table of names that the reader has, and its list of modifiers.

use std::fs;
use std::path::Path;

use auditward_rules::sigma::{self, FIELDS};

#[test]
fn the_page_knows_every_name_and_modifier() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules/sigma.md");
    let page = fs::read_to_string(page).unwrap();
    for mapped in FIELDS {
        let reads =
            if mapped.reads.contains('`') { mapped.reads.to_owned() } else { format!("`{}`", mapped.reads) };
        let row = format!("| `{}` | {reads} |", mapped.name);
        assert!(page.contains(&row), "no row {row}");
    }
    for word in sigma::modifiers() {
        assert!(page.contains(&format!("`{word}`")), "no modifier {word}");
    }
}
