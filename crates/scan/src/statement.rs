//! How large a statement may be, by what it would become. Planning is synchronous, deep and outside of every other limit:
//! what is too large has to be refused before it begins.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{ObjectName, Query, Visit as _, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// How long a statement may be.
const BYTES_MAX: usize = 1 << 20;
/// How many words and operators it may have. Each may make the plan one level deeper, and each level takes stack.
pub(crate) const WORDS_MAX: usize = 2000;
/// How many tables it may read once each name of a `WITH` clause is what it stands for.
const TABLES_MAX: u64 = 1000;

/// What is too much about a statement. One that can't be read is somebody else's to refuse.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if text.len() > BYTES_MAX {
        return Err(format!("the statement has {} bytes, at most {BYTES_MAX} are read", text.len()));
    }
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize() else { return Ok(()) };
    let words = tokens.iter().filter(|token| deepens(token)).count();
    if words > WORDS_MAX {
        return Err(format!(
            "the statement has {words} words and operators, at most {WORDS_MAX} are read; values in `IN (…)` do not count"
        ));
    }
    let Ok(statements) = DFParser::parse_sql_with_dialect(text, &PostgreSqlDialect {}) else { return Ok(()) };
    let tables = statements.iter().map(tables).max().unwrap_or_default();
    if tables > TABLES_MAX {
        return Err(format!(
            "the statement reads {tables} tables once its `WITH` is written out, at most {TABLES_MAX} are"
        ));
    }
    Ok(())
}

/// Whether a token may be a level of the plan. Values, and what stands between them, are none.
fn deepens(token: &Token) -> bool {
    !matches!(
        token,
        Token::Whitespace(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Comma
            | Token::Period
            | Token::RParen
            | Token::SemiColon
            | Token::EOF
    )
}

fn tables(statement: &Statement) -> u64 {
    match statement {
        Statement::Statement(statement) => {
            let mut count = Count { open: vec![Scope::default()] };
            _ = statement.visit(&mut count);
            count.open.pop().map_or(0, |scope| scope.tables)
        }
        Statement::Explain(explain) => tables(&explain.statement),
        _ => 0,
    }
}

/// Counts tables; a query's scope is open while it is visited.
struct Count {
    open: Vec<Scope>,
}

#[derive(Default)]
struct Scope {
    /// How many tables each name of a `WITH` clause stands for, in small letters.
    known: HashMap<String, u64>,
    /// The names that this query's `WITH` is still to define. Their queries are visited first, and in order.
    defines: VecDeque<String>,
    tables: u64,
}

impl Visitor for Count {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let names = query.with.iter().flat_map(|with| &with.cte_tables);
        let defines = names.map(|table| table.alias.name.value.to_lowercase()).collect();
        let known = self.open.last().map(|outer| outer.known.clone()).unwrap_or_default();
        self.open.push(Scope { known, defines, tables: 0 });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        if let Some(done) = self.open.pop()
            && let Some(outer) = self.open.last_mut()
        {
            match outer.defines.pop_front() {
                Some(name) => _ = outer.known.insert(name, done.tables.max(1)),
                None => outer.tables = outer.tables.saturating_add(done.tables),
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if let Some(scope) = self.open.last_mut() {
            let tables = scope.known.get(&relation.to_string().to_lowercase()).copied().unwrap_or(1);
            scope.tables = scope.tables.saturating_add(tables);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> u64 {
        DFParser::parse_sql(text).unwrap().iter().map(tables).max().unwrap()
    }

    #[test]
    fn tables_are_counted_as_often_as_they_are_read() {
        assert_eq!(count("SELECT 1"), 0);
        assert_eq!(count("SELECT * FROM events JOIN alerts ON true"), 2);
        assert_eq!(count("SELECT * FROM events WHERE name IN (SELECT name FROM events)"), 2);
        assert_eq!(count("WITH a AS (SELECT * FROM events) SELECT * FROM a, A"), 2);
        assert_eq!(
            count("EXPLAIN WITH a AS (SELECT * FROM events), b AS (SELECT * FROM a, a) SELECT * FROM b, b"),
            4
        );
        // What a query within defines is known there alone.
        assert_eq!(
            count("SELECT * FROM (WITH a AS (SELECT * FROM events, events) SELECT * FROM a, a) x, a"),
            5
        );
    }

    #[test]
    fn what_is_too_much_is_refused() {
        assert_eq!(check("SELECT * FROM events"), Ok(()));
        assert_eq!(check("no statement at all '"), Ok(()));
        let values = (0..50_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(check(&format!("SELECT 1 FROM events WHERE code IN ({values})")), Ok(()));
        let doubled: Vec<String> =
            (1..40).map(|n| format!("a{n} AS (SELECT * FROM a{0}, a{0} b)", n - 1)).collect();
        let doubled = format!("WITH a0 AS (SELECT * FROM events), {} SELECT * FROM a39", doubled.join(", "));
        assert!(check(&doubled).unwrap_err().contains("549755813888 tables"));
        let sum = format!("SELECT {}", vec!["1"; 3000].join("+"));
        assert!(check(&sum).unwrap_err().contains("3000 words"));
        assert!(check(&" ".repeat(BYTES_MAX + 1)).unwrap_err().contains("bytes"));
    }
}
