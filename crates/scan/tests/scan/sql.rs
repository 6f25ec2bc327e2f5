//! SQL: what it answers, and what it refuses.

use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::datatypes::Int64Type;
use auditward_base::disk::OsDisk;
use auditward_event::MicroTime;
use auditward_scan::{Limits, Scan, ScanError, format};
use auditward_store::ColumnType;
use auditward_store::alerts::{AlertConfig, AlertLog, NewAlert, Triage, TriageState};
use expect_test::{Expect, expect};

use crate::trail::{Shape, Trail, captured, rows};

fn trail() -> Trail {
    Trail::new(rows(captured().into_iter().take(600)), Shape::Files(2))
}

fn table(scan: &Scan, text: &str) -> Result<String, ScanError> {
    let mut batches = scan.wait(scan.sql(text))?;
    let names: Vec<String> = batches.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut out = names.join("|") + "\n";
    while let Some(batch) = batches.wait_next() {
        for row in format::cells(&batch?).unwrap() {
            let cells: Vec<String> =
                row.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned())).collect();
            out += &(cells.join("|") + "\n");
        }
    }
    Ok(out)
}

fn number(scan: &Scan, text: &str) -> i64 {
    let mut batches = scan.wait(scan.sql(text)).unwrap();
    let batch = batches.wait_next().unwrap().unwrap();
    batch.column(0).as_primitive::<Int64Type>().value(0)
}

#[test]
fn events_are_counted_as_they_are() {
    let trail = trail();
    assert_eq!(number(&trail.scan, "SELECT count(*) FROM events"), 600);
    let denied = trail.rows.iter().filter(|row| row.view().response_code() == Some(403)).count();
    assert_eq!(
        number(&trail.scan, "select count(*) from events where code = 403"),
        i64::try_from(denied).unwrap()
    );
    let anonymous = "SELECT count(*) FROM events WHERE array_has(user_groups, 'system:masters')";
    let masters =
        trail.rows.iter().filter(|row| row.view().user().groups().any(|group| group == "system:masters"));
    assert_eq!(number(&trail.scan, anonymous), i64::try_from(masters.count()).unwrap());
    // Two looks at the table see the same.
    let both = "SELECT (SELECT count(*) FROM events) - (SELECT count(*) FROM events WHERE time IS NOT NULL)";
    assert_eq!(number(&trail.scan, both), 0);
    // `CLUSTER` is a word of some dialects.
    let clusters = "SELECT count(*) FROM (SELECT count(*), cluster FROM events GROUP BY verb, cluster)";
    assert!(number(&trail.scan, clusters) >= 3);
}

#[test]
fn a_moment_is_written_as_events_have_it() {
    let trail = trail();
    let first = trail.rows.iter().map(crate::naive::Row::time).min().unwrap();
    let after = format!("SELECT count(*) FROM events WHERE time > '{first}'");
    let wanted = trail.rows.iter().filter(|row| row.time() > first).count();
    assert_eq!(number(&trail.scan, &after), i64::try_from(wanted).unwrap());
    let hours = "SELECT count(*) FROM (SELECT date_trunc('hour', time), count(*) FROM events GROUP BY 1)";
    assert!(number(&trail.scan, hours) >= 1);
}

#[test]
fn columns_are_shown() {
    let shown = table(&trail().scan, "SHOW COLUMNS FROM events").unwrap();
    for column in auditward_store::COLUMNS {
        assert!(shown.contains(&format!("|{}|", column.name)), "{} in {shown}", column.name);
    }
    let tables = table(&trail().scan, "SHOW TABLES").unwrap();
    assert!(tables.contains("|events|") && tables.contains("|alerts|"), "{tables}");
}

#[test]
fn alerts_are_a_view() {
    let trail = trail();
    let folder = trail.scan.limits().spill_folder.clone();
    let (log, _) = AlertLog::open(Arc::new(OsDisk), AlertConfig::new(folder.join("alerts"))).unwrap();
    let time = MicroTime::from_micros(1_764_165_600_000_000);
    let alert = |id| NewAlert { id, time, rule: "anonymous", severity: "high", cluster: "prod", json: "{}" };
    log.append(&[alert("a"), alert("b")]).unwrap();
    let state = TriageState::Closed;
    let triage = Triage { state, note: "a drill".to_owned(), by: "eve".to_owned(), at: Some(time) };
    log.triage("b", &triage).unwrap();
    let scan = Scan::new(trail.store.clone(), Some(log), Limits::new(folder)).unwrap();
    expect![[r#"
        id|time|state|note|triaged_by|triaged_at
        a|2025-11-26T14:00:00Z|open|-|-|-
        b|2025-11-26T14:00:00Z|closed|a drill|eve|2025-11-26T14:00:00Z
    "#]]
    .assert_eq(
        &table(&scan, "SELECT id, time, state, note, triaged_by, triaged_at FROM alerts ORDER BY seq")
            .unwrap(),
    );
    // Without a log there are none.
    assert_eq!(number(&trail.scan, "SELECT count(*) FROM alerts"), 0);
}

fn refused(text: &str, expect: Expect) {
    let trail = Trail::new(rows(captured().into_iter().take(3)), Shape::Fresh);
    let error = table(&trail.scan, text).unwrap_err();
    assert!(matches!(error, ScanError::Sql(_)), "{error:?}");
    expect.assert_eq(&error.to_string());
}

#[test]
fn whatever_changes_something_is_refused() {
    refused(
        "CREATE TABLE x AS SELECT 1",
        expect![
            "`CreateMemoryTable` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        expect![
            "`CreateExternalTable` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "CREATE VIEW x AS SELECT 1",
        expect![
            "`CreateView` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "DROP TABLE events",
        expect![
            "`DropTable` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "INSERT INTO events (position) VALUES (1)",
        expect![
            "`Insert Into` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "DELETE FROM events",
        expect![
            "`Delete` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "UPDATE events SET verb = 'get'",
        expect![
            "`Update` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "TRUNCATE TABLE events",
        expect![
            "`Truncate` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "COPY events TO '/tmp/stolen.parquet'",
        expect![
            "`COPY` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "EXPLAIN ANALYZE COPY events TO '/tmp/stolen.parquet'",
        expect![
            "`COPY` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "SET datafusion.execution.batch_size = 1",
        expect![
            "`SetVariable` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "RESET datafusion.execution.batch_size",
        expect![
            "`ResetVariable` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "PREPARE x AS SELECT 1",
        expect![
            "`Prepare` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "BEGIN",
        expect![
            "`BEGIN` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        expect![
            "`CreateFunction` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed"
        ],
    );
    refused(
        "SELECT 1; DROP TABLE events",
        expect!["one `SELECT` over `events` and `alerts` is answered; nothing can be changed"],
    );
    refused("SELECT * FROM '/etc/passwd'", expect!["table '/etc/passwd' not found"]);
    refused("SELECT * FROM read_parquet('/etc/passwd')", expect!["table function 'read_parquet' not found"]);
}

#[test]
fn mistakes_are_told() {
    refused("", expect!["one `SELECT` over `events` and `alerts` is answered; nothing can be changed"]);
    refused("SELEC 1", expect!["expected: an SQL statement, found: SELEC at Line: 1, Column: 1"]);
    refused("SELECT colour FROM events", expect!["no field named colour"]);
    refused("SELECT * FROM event", expect!["table 'event' not found"]);
    refused("SELECT nothing(1)", expect!["invalid function 'nothing'"]);
    refused("SELECT 1 / 0", expect!["divide by zero error"]);
    refused("SELECT CAST('x' AS INT)", expect!["cast error: Cannot cast string 'x' to value of Int32 type"]);
}

#[test]
fn the_page_for_users_has_every_column() {
    let page = include_str!("../../../../docs/live/sql.md");
    let events = auditward_store::COLUMNS.iter().map(|column| {
        let kind = match column.kind {
            ColumnType::Text => "text",
            ColumnType::Json => "JSON, as text",
            ColumnType::Bytes => "bytes",
            ColumnType::Texts => "list of texts",
            ColumnType::Time => "time",
            ColumnType::Int | ColumnType::Count => "whole number",
        };
        (column.name, kind, column.meaning)
    });
    let alerts = auditward_scan::ALERT_COLUMNS.iter().map(|(name, meaning)| {
        let kind = match *name {
            "seq" => "whole number",
            "time" | "triaged_at" => "time",
            "alert" => "JSON, as text",
            _ => "text",
        };
        (*name, kind, *meaning)
    });
    for (name, kind, meaning) in events.chain(alerts) {
        let line = format!("| `{name}` | {kind} | {meaning} |\n");
        assert!(page.contains(&line), "docs/live/sql.md lacks this line:\n{line}");
    }
}

#[test]
fn the_statements_on_the_page_for_users_run() {
    let trail = trail();
    let page = include_str!("../../../../docs/live/sql.md");
    let mut ran = 0;
    for block in page.split("```sql\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for statement in block.split_inclusive(';') {
            if statement.contains("SELECT") {
                table(&trail.scan, statement).unwrap_or_else(|error| panic!("{error}: {statement}"));
                ran += 1;
            }
        }
    }
    assert!(ran >= 4);
}

/// In each way in which the parser itself bounds no depth.
#[test]
fn deep_statements_are_planned() {
    let trail = Trail::new(rows(captured().into_iter().take(3)), Shape::Fresh);
    let many = |word: &str, between: &str, times: usize| vec![word; times].join(between);
    let steps: Vec<String> = (1..200).map(|n| format!("a{n} AS (SELECT * FROM a{})", n - 1)).collect();
    for text in [
        format!("SELECT {}", many("1", "+", 700)),
        format!("SELECT count(*) FROM events WHERE {}", many("verb = 'x'", " OR ", 490)),
        format!("SELECT 1{}", "::int".repeat(990)),
        format!("SELECT true{}", " IS NOT NULL".repeat(660)),
        many("SELECT 1", " UNION ALL ", 300),
        format!("WITH a0 AS (SELECT 1), {} SELECT * FROM a199", steps.join(", ")),
    ] {
        let answer = table(&trail.scan, &text);
        assert!(answer.is_ok(), "{}: {answer:?}", &text[..40]);
    }
}

#[test]
fn what_would_make_gigabytes_of_nothing_is_refused() {
    refused("SELECT repeat('a', 2000000000)", expect!["invalid function 'repeat'"]);
    refused("SELECT range(1, 1000000000)", expect!["invalid function 'range'"]);
    refused(
        "SELECT arrow_cast(NULL, 'FixedSizeBinary(2000000000)') FROM events",
        expect!["invalid function 'arrow_cast'"],
    );
    refused(
        "SELECT count(*) FROM events GROUP BY CUBE(cluster, time, audit_id, stage, level, verb, code, username, namespace, name, resource, subresource, user_agent)",
        expect![
            "the statement groups by 8192 sets of columns, at most 4096 are; a `CUBE` is all subsets of its columns"
        ],
    );
    refused(
        "WITH RECURSIVE a AS (SELECT 'a' x UNION ALL SELECT x || x FROM a) SELECT x FROM a",
        expect!["recursive CTEs are not enabled"],
    );
}
