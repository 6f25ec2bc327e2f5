//! How large a statement may be, by what it would become. Planning is synchronous, deep and outside of every other limit:
//! what is too large has to be refused before it begins.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, DFParser, Statement};
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, ObjectNamePart, Query, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// How long a statement may be.
const BYTES_MAX: usize = 1 << 20;
/// How many words and operators it may have. Each may make the plan one level deeper, and each level takes stack.
pub(crate) const WORDS_MAX: usize = 2000;
/// How many sets of columns it may group by. `DataFusion` has the same limit, and looks at it once they are all made.
const SETS_MAX: u64 = 4096;
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
    let sizes = statements.iter().map(size);
    let Size { tables, sets } = sizes.fold(Size::default(), Size::max);
    if sets > SETS_MAX {
        return Err(format!(
            "the statement groups by {sets} sets of columns, at most {SETS_MAX} are; a `CUBE` is all subsets of its columns"
        ));
    }
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

/// What a statement becomes.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    /// Tables that are read.
    tables: u64,
    /// Sets of columns that `CUBE`, `ROLLUP` and `GROUPING SETS` make together, if they stand in one `GROUP BY`.
    sets: u64,
}

impl Size {
    fn max(self, other: Self) -> Self {
        Size { tables: self.tables.max(other.tables), sets: self.sets.max(other.sets) }
    }
}

/// Also of what will be refused: it is planned first.
fn size(statement: &Statement) -> Size {
    match statement {
        Statement::Statement(statement) => size_of(&**statement),
        Statement::Explain(explain) => size(&explain.statement),
        Statement::CopyTo(copy) => match &copy.source {
            CopyToSource::Query(query) => size_of(&**query),
            CopyToSource::Relation(_) => Size::default(),
        },
        _ => Size::default(),
    }
}

fn size_of(node: &impl Visit) -> Size {
    let mut count = Count { open: vec![Scope::default()], sets: 1 };
    _ = node.visit(&mut count);
    Size { tables: count.open.pop().map_or(0, |scope| scope.tables), sets: count.sets }
}

/// Counts tables and sets; a query's scope is open while it is visited.
struct Count {
    open: Vec<Scope>,
    /// As in [`Size`].
    sets: u64,
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
            // By its value, whatever its quotes; only a name alone is one of a `WITH`.
            let name = match relation.0.as_slice() {
                [ObjectNamePart::Identifier(name)] => Some(name.value.to_lowercase()),
                _ => None,
            };
            let tables = name.and_then(|name| scope.known.get(&name).copied()).unwrap_or(1);
            scope.tables = scope.tables.saturating_add(tables);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let sets = match expr {
            Expr::Cube(columns) => u32::try_from(columns.len())
                .ok()
                .and_then(|count| 2_u64.checked_pow(count))
                .unwrap_or(u64::MAX),
            Expr::Rollup(columns) => columns.len() as u64 + 1,
            Expr::GroupingSets(sets) => sets.len() as u64,
            _ => 1,
        };
        self.sets = self.sets.saturating_mul(sets.max(1));
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> u64 {
        DFParser::parse_sql(text).unwrap().iter().map(size).fold(Size::default(), Size::max).tables
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
        for quote in ["", "\""] {
            let name = |n: u32| format!("{quote}a{n}{quote}");
            let step = |n: u32| format!("a{n} AS (SELECT * FROM {0}, {0} b)", name(n - 1));
            let steps = (1..40).map(step).collect::<Vec<_>>().join(", ");
            let doubled = format!("WITH a0 AS (SELECT * FROM events), {steps} SELECT * FROM {}", name(39));
            for text in [&doubled, &format!("EXPLAIN {doubled}"), &format!("COPY ({doubled}) TO 'x.csv'")] {
                assert!(check(text).unwrap_err().contains("549755813888 tables"), "{text}");
            }
        }
        let columns = |count: u32| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
        for (sets, count) in [
            (format!("CUBE({})", columns(13)), 8192),
            (format!("cluster, CUBE({}), CUBE(verb)", columns(12)), 8192),
            (["GROUPING SETS ((a), (b), (a, b))"; 8].join(", "), 6561),
            (["ROLLUP(a, b, c)"; 7].join(", "), 16_384),
        ] {
            let text = format!("SELECT 1 FROM events GROUP BY {sets}");
            assert!(check(&text).unwrap_err().contains(&format!("{count} sets")), "{text}");
            assert!(check(&format!("COPY ({text}) TO 'x.csv'")).is_err(), "{text}");
        }
        assert_eq!(check(&format!("SELECT 1 FROM events GROUP BY CUBE({})", columns(12))), Ok(()));
        let sum = format!("SELECT {}", vec!["1"; 3000].join("+"));
        assert!(check(&sum).unwrap_err().contains("3000 words"));
        assert!(check(&" ".repeat(BYTES_MAX + 1)).unwrap_err().contains("bytes"));
    }
}
