"""Counts and filters a store's files with a reader that is not ours. Argument: which reader, and the files as a pattern."""

import json
import sys

QUESTIONS = [
    "SELECT count(*) FROM {files}",
    "SELECT count(*) FROM {files} WHERE verb = 'create' AND resource = 'pods'",
    "SELECT count(*) FROM {files} WHERE code >= 400",
    "SELECT count(DISTINCT audit_id) FROM {files}",
    "SELECT count(*) FROM {files} WHERE namespace IS NULL",
    "SELECT count(*) FROM {files} WHERE request_object LIKE '%hostNetwork%'",
    "SELECT count(*) FROM {files} WHERE user_groups[1] = 'system:masters'",
    "SELECT max(position) FROM {files}",
]


def main(reader, pattern):
    if reader == "duckdb":
        import duckdb

        def ask(question):
            return duckdb.sql(question.format(files=f"read_parquet('{pattern}')")).fetchall()[0][0]

    else:
        import chdb

        def ask(question):
            answer = chdb.query(question.format(files=f"file('{pattern}', Parquet)"), "JSONCompact")
            return int(json.loads(str(answer))["data"][0][0])

    print(json.dumps([ask(question) for question in QUESTIONS]))


main(*sys.argv[1:])
