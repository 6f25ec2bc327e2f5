//! Questions about the trail: to a folder, and to a server.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use auditward_base::Lock;
use auditward_base::disk::OsDisk;
use auditward_event::MicroTime;
use auditward_journal::{Append, Entry, Journal};
use auditward_store::Store;
use auditward_store::columns::Row;
use expect_test::expect;

use crate::{check, check_words};

fn event(number: u32, user: &str, verb: &str, object: &str, code: u32) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"id-{number}","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/{object}","verb":"{verb}","user":{{"username":"{user}","groups":["system:authenticated"]}},"sourceIPs":["10.0.0.{number}"],"userAgent":"kubectl/v1.37","objectRef":{{"resource":"{object}","namespace":"shop","name":"n{number}","apiVersion":"v1"}},"responseStatus":{{"code":{code}}},"requestReceivedTimestamp":"2026-01-02T03:04:{number:02}.000000Z","stageTimestamp":"2026-01-02T03:04:{number:02}.100000Z"}}"#
    )
}

/// A data folder with six events, of which the store has four and the journal the rest.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("auditward-ask-{name}-{}", std::process::id()));
    _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let events: Vec<(&str, String)> = vec![
        ("prod", event(1, "alice", "get", "secrets", 200)),
        ("prod", event(2, "alice", "get", "secrets", 200)),
        ("prod", event(3, "bob", "delete", "pods", 200)),
        ("edge", event(4, "alice", "list", "secrets", 403)),
        ("prod", event(5, "bob", "create", "pods", 201)),
        ("edge", event(6, "mallory", "get", "secrets", 403)),
    ];
    let disk = || Arc::new(OsDisk);
    let (journal, _) = Journal::open(disk(), auditward_journal::Config::new(folder.join("journal"))).unwrap();
    let entries = events.iter().zip(1..);
    let entries =
        entries.map(|((cluster, event), key)| Entry { cluster, key: [key; 16], event: event.as_bytes() });
    journal.append(Append { entries: entries.collect(), checkpoints: Vec::new() }).unwrap();
    let (store, _) = Store::open(disk(), auditward_store::Config::new(folder.join("store"))).unwrap();
    let received = MicroTime::from_micros(1_767_323_100_000_000);
    let rows = events.iter().zip(0..).take(4);
    let rows: Vec<Row<'_>> = rows
        .map(|((cluster, event), position)| Row { position, cluster, received, event: event.as_bytes() })
        .collect();
    store.append(&rows).unwrap();
    store.seal().unwrap();
    folder
}

fn ask(name: &str, words: &[&str], expected: expect_test::Expect) {
    let folder = folder(name);
    let text = folder.display().to_string();
    let words: Vec<&str> = words.iter().copied().chain(["--data", &text]).collect();
    check_words(&words, "", |seen| seen.replace(&text, "DIR"), expected);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_search_that_is_not_understood() {
    check_words(
        &["search", "vreb:delete code:>=4oo since:2026-13-01"],
        "",
        |seen| seen,
        expect![[r#"
        exit 2
        --- stderr
        search:1:1: error: unknown field `vreb`
          1 | vreb:delete code:>=4oo since:2026-13-01
            | ^^^^
          hint: did you mean `verb:`?
        search:1:18: error: `4oo` is no number
          1 | vreb:delete code:>=4oo since:2026-13-01
            |                  ^^^^^
          hint: `<` and `>` compare numbers
        search:1:24: error: `2026-13-01` is no time
          1 | vreb:delete code:>=4oo since:2026-13-01
            |                        ^^^^^^^^^^^^^^^^
          hint: write `2h`, `7d`, `today`, `2026-11-26` or `2026-11-26T14:00:00Z`
        error: the search is not understood
        hint: docs/live/search.md has the language and its fields
    "#]],
    );
}

#[test]
fn a_limit_is_at_least_one() {
    for words in [&["search", "-n", "0"][..], &["timeline", "alice", "-n", "0"], &["top", "user", "-n", "0"]]
    {
        check_words(
            words,
            "",
            |seen| seen,
            expect![[r#"
                exit 2
                --- stderr
                error: invalid value '0' for '--limit <N>': should be at least 1

                For more information, try '--help'.
            "#]],
        );
    }
    check_words(
        &["search", "-n", "many"],
        "",
        |seen| seen,
        expect![[r#"
            exit 2
            --- stderr
            error: invalid value 'many' for '--limit <N>': should be a whole number

            For more information, try '--help'.
        "#]],
    );
}

#[test]
fn a_search_as_a_rule() {
    check_words(
        &["search", "--as-rule", "verb:create resource:pods/exec ns:prod"],
        "",
        |seen| seen,
        expect![[r#"
            exit 0
            --- stdout
            # Made of the search: verb:create resource:pods/exec ns:prod
            id: "my-rule"
            title: "What it finds, in a line"
            description: "What it finds, and why that matters."
            severity: notice
            when: |
              verb == "create" and (resource == "pods" and subresource == "exec") and namespace == "prod"
            groupBy: [user, namespace, name]
            summary: "{user}: {verb} {resource} {namespace}/{name}"
            response: What to look at, and what to undo.
            tests: []
        "#]],
    );
}

#[test]
fn a_rule_made_of_a_search_can_run() {
    let folder = folder("rule");
    let rule = folder.join("rule.yaml");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["search", "--as-rule", "verb:get resource:secrets code:>=400"])
        .output()
        .unwrap();
    fs::write(&rule, output.stdout).unwrap();
    let (data, rule) = (folder.display().to_string(), rule.display().to_string());
    check_words(
        &["detect", "--store", &data, "--no-shipped", "--rules", &rule],
        "",
        |seen| seen.replace(&data, "DIR"),
        expect![[r#"
            exit 1
            --- stdout
            TIME                         SEVERITY       RULE     USER                      OBJECT                                SUMMARY
            2026-01-02T03:04:06.100000Z  notice         my-rule  mallory                   secrets shop/n6                       mallory: get secrets shop/n6
            --- stderr
            1 alert in 6 events of 3.0 kB
                   1  notice         my-rule
        "#]],
    );
    check_words(
        &["detect", "--store", &data, "--no-shipped", "--rules", &rule, "--since", "2026-01-02T03:04:07Z"],
        "",
        |seen| seen.replace(&data, "DIR"),
        expect![[r#"
            exit 0
            --- stderr
            0 alerts in 0 events of 0 B
        "#]],
    );
    check_words(
        &["detect", "--store", &data, "--no-shipped", "--rules", &rule, "--cluster", "prod", "-o", "json"],
        "",
        |seen| seen.replace(&data, "DIR"),
        expect![[r#"
            exit 0
            --- stderr
            0 alerts in 4 events of 2.0 kB
        "#]],
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_is_searched() {
    ask(
        "all",
        &["search"],
        expect![[r#"
        exit 0
        --- stdout
        TIME                      CLUSTER  USER     VERB    OBJECT           CODE  FROM
        2026-01-02T03:04:06.100Z  edge     mallory  get     secrets shop/n6  403   10.0.0.6
        2026-01-02T03:04:05.100Z  prod     bob      create  pods shop/n5     201   10.0.0.5
        2026-01-02T03:04:04.100Z  edge     alice    list    secrets shop/n4  403   10.0.0.4
        2026-01-02T03:04:03.100Z  prod     bob      delete  pods shop/n3     200   10.0.0.3
        2026-01-02T03:04:02.100Z  prod     alice    get     secrets shop/n2  200   10.0.0.2
        2026-01-02T03:04:01.100Z  prod     alice    get     secrets shop/n1  200   10.0.0.1
    "#]],
    );
    ask(
        "user",
        &["search", "user:alice cluster:prod"],
        expect![[r#"
        exit 0
        --- stdout
        TIME                      USER   VERB  OBJECT           CODE  FROM
        2026-01-02T03:04:02.100Z  alice  get   secrets shop/n2  200   10.0.0.2
        2026-01-02T03:04:01.100Z  alice  get   secrets shop/n1  200   10.0.0.1
    "#]],
    );
    ask(
        "oldest",
        &["search", "--oldest", "-n", "2"],
        expect![[r#"
        exit 0
        --- stdout
        TIME                      USER   VERB  OBJECT           CODE  FROM
        2026-01-02T03:04:01.100Z  alice  get   secrets shop/n1  200   10.0.0.1
        2026-01-02T03:04:02.100Z  alice  get   secrets shop/n2  200   10.0.0.2
        --- stderr
        there are more; `--limit` is 2
    "#]],
    );
    ask(
        "json",
        &["search", "-o", "json", "user:mallory"],
        expect![[r#"
        exit 0
        --- stdout
        {"position":5,"cluster":"edge","event":{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"id-6","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/secrets","verb":"get","user":{"username":"mallory","groups":["system:authenticated"]},"sourceIPs":["10.0.0.6"],"userAgent":"kubectl/v1.37","objectRef":{"resource":"secrets","namespace":"shop","name":"n6","apiVersion":"v1"},"responseStatus":{"code":403},"requestReceivedTimestamp":"2026-01-02T03:04:06.000000Z","stageTimestamp":"2026-01-02T03:04:06.100000Z"}}
    "#]],
    );
    ask(
        "yaml",
        &["search", "-o", "yaml", "id:id-3"],
        expect![[r#"
        exit 0
        --- stdout
        ---
        cluster: prod
        event:
          apiVersion: audit.k8s.io/v1
          auditID: id-3
          kind: Event
          level: Metadata
          objectRef:
            apiVersion: v1
            name: n3
            namespace: shop
            resource: pods
          requestReceivedTimestamp: "2026-01-02T03:04:03.000000Z"
          requestURI: /api/v1/namespaces/shop/pods
          responseStatus:
            code: 200
          sourceIPs:
          - "10.0.0.3"
          stage: ResponseComplete
          stageTimestamp: "2026-01-02T03:04:03.100000Z"
          user:
            groups:
            - system:authenticated
            username: bob
          userAgent: kubectl/v1.37
          verb: delete
        position: 2
    "#]],
    );
    ask(
        "none",
        &["search", "user:nobody"],
        expect![[r#"
        exit 1
        --- stderr
        nothing was found
    "#]],
    );
    ask(
        "follow",
        &["search", "--follow"],
        expect![[r#"
        exit 2
        --- stderr
        error: nothing new comes to the folder of a stopped server
        hint: follow a server: `--server URL`
    "#]],
    );
}

#[test]
fn a_folder_is_counted() {
    ask(
        "top",
        &["top", "username"],
        expect![[r#"
        exit 0
        --- stdout
        EVENTS   SHARE  VALUE
             3  50.0 %  alice
             2  33.3 %  bob
             1  16.7 %  mallory
    "#]],
    );
    ask(
        "top-n",
        &["top", "user", "code:403", "-n", "1"],
        expect![[r#"
        exit 0
        --- stdout
        EVENTS   SHARE  VALUE
             1  50.0 %  alice
             1  50.0 %  (others)
    "#]],
    );
    ask(
        "top-as",
        &["top", "as", "-o", "json"],
        expect![[r#"
        exit 1
        --- stdout
        {
          "values": [],
          "others": 0,
          "missing": 6
        }
    "#]],
    );
    ask(
        "top-wrong",
        &["top", "body"],
        expect![[r#"
        exit 2
        --- stderr
        error: cannot count by `body`; one of agent, apiGroup, as, cluster, code, decision, group, id, ip, level, message, name, ns, reason, resource, sourceIP, stage, subresource, uid, uri, user, verb, version
    "#]],
    );
}

#[test]
fn a_folder_is_asked_in_sql() {
    let sql = "select username, count(*) as n from events group by 1 order by 2 desc, 1";
    ask(
        "sql",
        &["query", sql],
        expect![[r#"
        exit 0
        --- stdout
        USERNAME  N
        alice     3
        bob       2
        mallory   1
    "#]],
    );
    ask(
        "sql-json",
        &["query", "-o", "json", sql],
        expect![[r#"
        exit 0
        --- stdout
        {"username":"alice","n":3}
        {"username":"bob","n":2}
        {"username":"mallory","n":1}
    "#]],
    );
    ask(
        "sql-csv",
        &["query", "-o", "csv", sql],
        expect![[r#"
        exit 0
        --- stdout
        username,n
        alice,3
        bob,2
        mallory,1
    "#]],
    );
    ask(
        "sql-empty",
        &["query", "select verb from events where verb = 'x'"],
        expect![[r#"
        exit 0
        --- stdout
        VERB
        --- stderr
        the answer has no rows
    "#]],
    );
    ask(
        "sql-wrong",
        &["query", "select vreb from events"],
        expect![[r#"
        exit 2
        --- stderr
        error: no field named vreb. Did you mean 'events.verb'?
        hint: the views are `events` and `alerts`; `describe events` tells their columns
    "#]],
    );
    ask(
        "sql-write",
        &["query", "drop table events"],
        expect![[r#"
        exit 2
        --- stderr
        error: `DropTable` is not allowed; one `SELECT` over `events` and `alerts` is answered; nothing can be changed
        hint: the views are `events` and `alerts`; `describe events` tells their columns
    "#]],
    );
}

#[test]
fn timelines() {
    ask(
        "t-user",
        &["timeline", "alice"],
        expect![[r#"
        exit 0
        --- stdout
        TIME                      TIMES  CLUSTER  USER   VERB  OBJECT           CODE  FROM
        2026-01-02T03:04:01.100Z         prod     alice  get   secrets shop/n1  200   10.0.0.1
        2026-01-02T03:04:02.100Z         prod     alice  get   secrets shop/n2  200   10.0.0.2
        2026-01-02T03:04:04.100Z         edge     alice  list  secrets shop/n4  403   10.0.0.4
    "#]],
    );
    ask(
        "t-ip",
        &["timeline", "10.0.0.0/30"],
        expect![[r#"
        exit 0
        --- stdout
        TIME                      TIMES  USER   VERB    OBJECT           CODE  FROM
        2026-01-02T03:04:01.100Z         alice  get     secrets shop/n1  200   10.0.0.1
        2026-01-02T03:04:02.100Z         alice  get     secrets shop/n2  200   10.0.0.2
        2026-01-02T03:04:03.100Z         bob    delete  pods shop/n3     200   10.0.0.3
    "#]],
    );
    ask(
        "t-object",
        &["timeline", "pods/shop/n3"],
        expect![[r#"
        exit 0
        --- stdout
        TIME                      TIMES  USER  VERB    OBJECT        CODE  FROM
        2026-01-02T03:04:03.100Z         bob   delete  pods shop/n3  200   10.0.0.3
    "#]],
    );
    ask(
        "t-changes",
        &["timeline", "bob", "--changes", "--since", "2026-01-02T03:04:05Z", "-o", "json"],
        expect![[r#"
            exit 0
            --- stdout
            [
              {
                "time": "2026-01-02T03:04:05.100Z",
                "until": "2026-01-02T03:04:05.100Z",
                "times": 1,
                "cluster": "prod",
                "user": "bob",
                "verb": "create",
                "object": "pods shop/n5",
                "code": "201",
                "from": "10.0.0.5"
              }
            ]
        "#]],
    );
}

#[test]
fn a_folder_that_somebody_has() {
    let folder = folder("held");
    let text = folder.display().to_string();
    let lock = Lock::take(&folder.join("lock"), "`auditward serve`, process 1").unwrap();
    check_words(
        &["search", "--data", &text],
        "",
        |seen| seen.replace(&text, "DIR"),
        expect![[r#"
        exit 2
        --- stderr
        error: could not use the data folder `DIR`: `DIR/lock` is held by `auditward serve`, process 1
        hint: ask its server instead: --server URL
    "#]],
    );
    drop(lock);
    fs::remove_dir_all(folder).unwrap();
    check(
        "search --data /nowhere",
        expect![[r#"
        exit 2
        --- stderr
        error: `/nowhere` is no data folder of a server
        hint: it is what `auditward serve` was given with --data
    "#]],
    );
}

/// Answers one request after the other with what is given, and says what was asked.
fn server(answers: Vec<(&'static str, &'static str)>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        let answer = |(status, body): (&str, &str)| {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            let mut asked = String::new();
            let mut line = String::new();
            let mut length = 0;
            while lines.read_line(&mut line).unwrap() > 2 {
                let lower = line.to_lowercase();
                if asked.is_empty() || lower.starts_with("authorization") {
                    asked += &line.replace("\r\n", "\n");
                }
                if let Some(text) = lower.strip_prefix("content-length:") {
                    length = text.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut sent = vec![0; length];
            std::io::Read::read_exact(&mut lines, &mut sent).unwrap();
            asked += &String::from_utf8(sent).unwrap();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
            asked
        };
        answers.into_iter().map(answer).collect()
    });
    (url, thread)
}

fn ask_server(
    words: &[&str],
    answers: Vec<(&'static str, &'static str)>,
    expected: expect_test::Expect,
    asked: expect_test::Expect,
) {
    let (url, thread) = server(answers);
    let words: Vec<&str> = words.iter().copied().chain(["--server", &url]).collect();
    check_words(&words, "", |seen| seen.replace(&url, "URL"), expected);
    asked.assert_eq(&thread.join().unwrap().join("\n"));
}

const HIT: &str = r#"{"position":7,"cluster":"prod","event":{"verb":"get","user":{"username":"alice"},"requestURI":"/healthz?x","stage":"ResponseComplete","responseStatus":{"code":200},"stageTimestamp":"2026-01-02T03:04:05.123456Z"}}"#;

#[test]
fn a_server_is_searched_page_by_page() {
    let first: &'static str = format!(r#"{{"events":[{HIT}],"next":"12-7"}}"#).leak();
    ask_server(
        &["search", "verb:get", "since:2026-01-01"],
        vec![("200 OK", first), ("200 OK", r#"{"events":[],"next":null}"#)],
        expect![[r#"
            exit 0
            --- stdout
            TIME                      USER   VERB  OBJECT    CODE  FROM
            2026-01-02T03:04:05.123Z  alice  get   /healthz  200
        "#]],
        expect![[r#"
            GET /api/v1/events?q=since%3A2026-01-01T00%3A00%3A00.000000Z%20verb%3Aget&limit=100&order=newest HTTP/1.1

            GET /api/v1/events?q=since%3A2026-01-01T00%3A00%3A00.000000Z%20verb%3Aget&limit=99&order=newest&after=12-7 HTTP/1.1
        "#]],
    );
}

#[test]
fn a_server_counts_and_takes_sql() {
    ask_server(
        &["top", "user"],
        vec![(
            "200 OK",
            r#"{"values":[{"value":"alice","count":3},{"value":"bob","count":1}],"others":2,"missing":4}"#,
        )],
        expect![[r#"
            exit 0
            --- stdout
            EVENTS   SHARE  VALUE
                 3  30.0 %  alice
                 1  10.0 %  bob
                 2  20.0 %  (others)
                 4  40.0 %  (without user)
        "#]],
        expect![[r#"
            GET /api/v1/facets/user?q=&limit=10 HTTP/1.1
        "#]],
    );
    ask_server(
        &["query", "select 1 as n"],
        vec![("200 OK", "n\n1\n")],
        expect![[r#"
        exit 0
        --- stdout
        N
        1
    "#]],
        expect![[r#"
        POST /api/v1/sql HTTP/1.1
        {"format":"csv","sql":"select 1 as n"}"#]],
    );
}

#[test]
fn a_server_is_followed() {
    let told: &'static str =
        format!(": hello\n\nevent: event\nid: 7\ndata: {HIT}\n\nevent: position\ndata: 9\n\n").leak();
    ask_server(
        &["search", "--follow", "-o", "json"],
        vec![("200 OK", told), ("200 OK", "event: failure\ndata: it is over\n\n")],
        expect![[r#"
            exit 2
            --- stdout
            {"position":7,"cluster":"prod","event":{"verb":"get","user":{"username":"alice"},"requestURI":"/healthz?x","stage":"ResponseComplete","responseStatus":{"code":200},"stageTimestamp":"2026-01-02T03:04:05.123456Z"}}
            --- stderr
            error: `URL` says: it is over
        "#]],
        expect![[r#"
            GET /api/v1/live?q= HTTP/1.1

            GET /api/v1/live?q=&after=9 HTTP/1.1
        "#]],
    );
}

#[test]
fn what_a_server_says_is_wrong() {
    ask_server(
        &["query", "select x"],
        vec![(
            "400 Bad Request",
            r#"{"what":"the question is not understood","where":"body, `sql`","findings":[{"what":"there is no `x`","start":7,"end":8}]}"#,
        )],
        expect![[r#"
            exit 2
            --- stderr
            query:1:8: error: there is no `x`
              1 | select x
                |        ^
            error: the query is not understood
            hint: docs/live/sql.md has the views and their columns
        "#]],
        expect![[r#"
            POST /api/v1/sql HTTP/1.1
            {"format":"csv","sql":"select x"}"#]],
    );
    ask_server(
        &["search"],
        vec![(
            "401 Unauthorized",
            r#"{"what":"the request says nothing about who asks","hint":"send a token"}"#,
        )],
        expect![[r#"
            exit 2
            --- stderr
            error: `URL` says: the request says nothing about who asks
            hint: send a token
        "#]],
        expect![[r#"
            GET /api/v1/events?q=&limit=100&order=newest HTTP/1.1
        "#]],
    );
    ask_server(
        &["search"],
        vec![("502 Bad Gateway", "<html>")],
        expect![[r#"
        exit 2
        --- stderr
        error: `URL` answered with status 502 Bad Gateway
    "#]],
        expect![[r#"
        GET /api/v1/events?q=&limit=100&order=newest HTTP/1.1
    "#]],
    );
    check(
        "search --server http://127.0.0.1:1",
        expect![[r#"
        exit 2
        --- stderr
        error: could not ask `http://127.0.0.1:1`: io: Connection refused (os error 111)
        hint: name a server with `--server URL`, or the folder of a stopped one with `--data DIR`
    "#]],
    );
    check(
        "search --server ftp://x",
        expect![[r#"
        exit 2
        --- stderr
        error: `ftp://x` is no address of a server
        hint: write `https://HOST:PORT`
    "#]],
    );
}
