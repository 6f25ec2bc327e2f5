//! Answers, written down.

use std::sync::Arc;

use arrow::ipc::reader::StreamReader;
use auditward_scan::format::{Format, Writer};
use expect_test::{Expect, expect};

use crate::trail::{Shape, Trail, rows};

fn written(format: Format, text: &str) -> Vec<u8> {
    let event = br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","stage":"ResponseComplete","verb":"get","user":{"username":"say \"hi\", bob","groups":["x,y","z"]},"responseStatus":{"code":200},"stageTimestamp":"2026-11-26T14:00:00.000001Z"}"#;
    let trail = Trail::new(rows([event.to_vec(), b"{}".to_vec()]), Shape::Fresh);
    let mut batches = trail.scan.wait(trail.scan.sql(text)).unwrap();
    let mut writer = Writer::new(format, &batches.schema(), Vec::new()).unwrap();
    while let Some(batch) = batches.wait_next() {
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.finish().unwrap()
}

fn check(format: Format, expect: Expect) {
    let text = "SELECT position, stage_time, username, user_groups, code FROM events ORDER BY position";
    expect.assert_eq(&String::from_utf8(written(format, text)).unwrap());
}

#[test]
fn texts() {
    check(
        Format::Csv,
        expect![[r#"
        position,stage_time,username,user_groups,code
        0,2026-11-26T14:00:00.000001Z,"say ""hi"", bob","[""x,y"",""z""]",200
        1,,,,
    "#]],
    );
    check(
        Format::JsonLines,
        expect![[r#"
        {"position":0,"stage_time":"2026-11-26T14:00:00.000001Z","username":"say \"hi\", bob","user_groups":["x,y","z"],"code":200}
        {"position":1,"stage_time":null,"username":null,"user_groups":null,"code":null}
    "#]],
    );
    check(
        Format::Json,
        expect![[
            r#"[{"position":0,"stage_time":"2026-11-26T14:00:00.000001Z","username":"say \"hi\", bob","user_groups":["x,y","z"],"code":200},{"position":1,"stage_time":null,"username":null,"user_groups":null,"code":null}]"#
        ]],
    );
}

#[test]
fn nothing_has_a_shape_too() {
    let text = "SELECT verb, code FROM events WHERE verb = 'none'";
    for (format, expected) in [(Format::Csv, "verb,code\n"), (Format::JsonLines, ""), (Format::Json, "[]")] {
        assert_eq!(String::from_utf8(written(format, text)).unwrap(), expected, "{format:?}");
    }
}

#[test]
fn binary_forms_are_read_back() {
    let arrow = written(Format::Arrow, "SELECT * FROM events ORDER BY position");
    let batches: Vec<_> =
        StreamReader::try_new(arrow.as_slice(), None).unwrap().map(Result::unwrap).collect();
    let parquet = written(Format::Parquet, "SELECT * FROM events ORDER BY position");
    let file = std::env::temp_dir().join(format!("auditward-format-{}.parquet", std::process::id()));
    std::fs::write(&file, &parquet).unwrap();
    let reader = datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(
        std::fs::File::open(&file).unwrap(),
        1024,
    );
    let read: Vec<_> = reader.unwrap().map(Result::unwrap).collect();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 2);
    assert_eq!(batches[0].columns(), read[0].columns());
    assert_eq!(Arc::clone(&batches[0].schema()).fields().len(), auditward_store::COLUMNS.len());
}
