//! The table of `docs/live/search.md` is that of the code. `UPDATE_EXPECT=1` writes it.

#![allow(clippy::unwrap_used, reason = "a test stops at surprises")]

use auditward_event::MicroTime;
use auditward_query::{NAMES, names, parse};

const PAGE: &str = "../../docs/live/search.md";

#[test]
fn table_is_that_of_the_code() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let mut table = String::from("| name | values | meaning | for example |\n| --- | --- | --- | --- |\n");
    for name in NAMES.iter() {
        let code = |text: &&str| format!("`{text}`");
        let also: Vec<String> = name.aliases.iter().map(code).collect();
        let also = if also.is_empty() { String::new() } else { format!(", {}", also.join(", ")) };
        let values = if name.closed {
            name.values.iter().map(code).collect::<Vec<_>>().join(", ")
        } else {
            name.kind.as_str().to_owned()
        };
        let example = if name.example.is_empty() { String::new() } else { format!("`{}`", name.example) };
        let cells = [format!("`{}`{also}", name.name), values, name.meaning.to_owned(), example];
        table += &format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    let (before, rest) = page.split_once("<!-- fields -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let wanted = format!("{before}<!-- fields -->\n{table}<!-- end -->{after}");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(PAGE, &wanted).unwrap();
    } else {
        assert_eq!(page, wanted, "UPDATE_EXPECT=1 writes the table");
    }
}

/// Whatever is shown as an example, here and in the page, is a search.
#[test]
fn examples_are_searches() {
    let now = MicroTime::from_micros(1_764_165_600_000_000);
    for name in NAMES.iter().filter(|name| !name.example.is_empty()) {
        assert_eq!(parse(name.example, now).err(), None, "{}", name.example);
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    let blocks = page.split("```text\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
    let lines: Vec<&str> = blocks.flat_map(str::lines).filter(|line| !line.is_empty()).collect();
    assert!(lines.len() > 5);
    for line in lines {
        assert_eq!(parse(line, now).err(), None, "{line}");
    }
}

/// Each name is found by itself and by its aliases, and by no other's.
#[test]
fn names_are_unambiguous() {
    let mut seen = std::collections::BTreeSet::new();
    for name in NAMES.iter() {
        for called in [name.name].iter().chain(name.aliases) {
            assert!(seen.insert(called.to_lowercase()), "{called} twice");
            assert_eq!(names::find(&called.to_uppercase()), Some(name), "{called}");
        }
    }
}
