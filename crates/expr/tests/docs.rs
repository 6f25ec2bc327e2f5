//! The tables of `docs/rules/expressions.md` are those of the code. `UPDATE_EXPECT=1` writes them.

#![allow(clippy::unwrap_used, reason = "a test stops at surprises")]

use std::fmt::Write;

use auditward_expr::field::fact::FACTS;
use auditward_expr::schema::{ALIASES, EVENT};
use auditward_expr::text::{FUNCTIONS, OPERATORS};
use auditward_expr::{Parameters, parse};

const PAGE: &str = "../../docs/rules/expressions.md";

/// Puts a table between `<!-- name -->` and the next `<!-- end -->`.
fn with_table(page: &str, name: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        writeln!(table, "| {} |", cells.join(" | ")).unwrap();
    }
    let (before, rest) = page.split_once(&format!("<!-- {name} -->\n")).unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    format!("{before}<!-- {name} -->\n{table}<!-- end -->{after}")
}

#[test]
fn tables_are_those_of_the_code() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let code = |name: &str| format!("`{name}`");
    let kind = |kind: auditward_expr::Type| format!("{kind:?}").to_lowercase();
    let mut wanted = with_table(
        &page,
        "operators",
        &["operator", "takes", "true if"],
        OPERATORS.iter().map(|o| vec![code(o.name), o.takes.to_owned(), o.meaning.to_owned()]),
    );
    wanted = with_table(
        &wanted,
        "functions",
        &["function", "gives"],
        FUNCTIONS.iter().map(|(name, gives)| vec![code(name), (*gives).to_owned()]),
    );
    wanted = with_table(
        &wanted,
        "event",
        &["path", "values"],
        EVENT.iter().map(|(path, of)| vec![code(path), kind(*of)]),
    );
    wanted = with_table(
        &wanted,
        "aliases",
        &["short", "for"],
        ALIASES.iter().map(|alias| vec![code(alias.name), code(alias.path)]),
    );
    wanted = with_table(
        &wanted,
        "facts",
        &["fact", "values", "meaning"],
        FACTS.iter().map(|fact| vec![code(fact.name), kind(fact.kind), fact.meaning.to_owned()]),
    );
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(PAGE, &wanted).unwrap();
    } else {
        assert_eq!(page, wanted, "UPDATE_EXPECT=1 writes the tables");
    }
}

/// Each row's name is a word of the language.
#[test]
fn every_row_can_be_written() {
    for fact in FACTS {
        parse(&format!("exists {}", fact.name), &Parameters::new()).unwrap();
    }
    for alias in ALIASES {
        parse(&format!("exists {}", alias.name), &Parameters::new()).unwrap();
    }
    for (path, _) in EVENT {
        parse(&format!("exists {}", path.replace(".*", ".x")), &Parameters::new()).unwrap();
    }
    for (function, _) in FUNCTIONS {
        let more = if *function == "join" { ", \" \"" } else { "" };
        parse(&format!("exists {function}(verb{more})"), &Parameters::new()).unwrap();
    }
    for operator in OPERATORS {
        let value = match operator.name {
            "within" => "object.a within \"10.0.0.0/8\"".to_owned(),
            "under" | "pmatch" => format!("object.a {} \"/x\"", operator.name),
            "exists" | "is null" => format!("object.a {}", operator.name),
            "text" => "object.a text < \"x\"".to_owned(),
            "number" => "object.a number == 1".to_owned(),
            "<" => "object.a < 1".to_owned(),
            name => format!("object.a {name} \"x\""),
        };
        parse(&value, &Parameters::new()).unwrap();
    }
}
