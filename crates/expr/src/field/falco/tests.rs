use super::*;

fn check(event: &str, field: &str, expected: &[&str]) {
    let (name, argument) = match field.split_once('[') {
        Some((name, rest)) => (name, Some(rest.trim_end_matches(']'))),
        None => (field, None),
    };
    let view = EventView::parse(event.as_bytes()).unwrap();
    let mut values = Vec::new();
    each(&view, name, argument, &mut |value| values.push(value));
    assert_eq!(values, expected, "{field} of {event}");
}

fn spec(spec: &str) -> String {
    format!(r#"{{"auditID":"a","requestObject":{{"spec":{spec}}}}}"#)
}

#[test]
fn without_an_audit_id_there_is_nothing_but_json() {
    check(r#"{"verb":"get"}"#, "ka.verb", &[]);
    check(r#"{"auditID":7,"verb":"get"}"#, "ka.verb", &[]);
    check(r#"{"verb":"get"}"#, "jevt.value[/verb]", &["get"]);
    check(r#"{"auditID":"a","verb":"get"}"#, "ka.verb", &["get"]);
}

#[test]
fn what_is_no_string_is_its_json_text() {
    let event = r#"{"auditID":"a","objectRef":{"name":null},"responseStatus":{"code": 201},"requestObject":{"data":{ "a" : [1 , "\u00e9\n" ] }}}"#;
    check(event, "ka.target.name", &["null"]);
    check(event, "ka.response.code", &["201"]);
    check(event, "ka.req.configmap.obj", &[r#"{"a":[1,"é\n"]}"#]);
    check(event, "jevt.value[requestObject/data/a/1]", &["é\n"]);
    check(event, "jevt.value[/requestObject/data/a/x]", &[]);
}

#[test]
fn pointers_escape_slashes_and_tildes() {
    check(r#"{"a/b~c":"x"}"#, "jevt.value[/a~1b~0c]", &["x"]);
    check(r#"{"a~1b":"x"}"#, "jevt.value[/a~01b]", &["x"]);
}

#[test]
fn the_whole_event_is_indented() {
    check(
        r#"{"a":{},"b":[1,{"c":"d"}]}"#,
        "json.obj",
        &["{\n  \"a\": {},\n  \"b\": [\n    1,\n    {\n      \"c\": \"d\"\n    }\n  ]\n}"],
    );
}

#[test]
fn containers_line_up_only_where_upstream_lets_them() {
    let pod = spec(
        r#"{"containers":[{"image":"r:5/a:1"},{"image":"b@sha256:x","securityContext":{"privileged":true,"capabilities":{"add":["A","B"]}}}]}"#,
    );
    check(&pod, "ka.req.pod.containers.image", &["r:5/a:1", "b@sha256:x"]);
    check(&pod, "ka.req.pod.containers.image.repository", &["r", "b"]);
    check(&pod, "ka.req.pod.containers.image[1]", &["b@sha256:x"]);
    check(&pod, "ka.req.pod.containers.image[2]", &[]);
    check(&pod, "ka.req.pod.containers.name", &[]);
    check(&pod, "ka.req.pod.containers.privileged", &["true"]);
    check(&pod, "ka.req.container.privileged", &["true"]);
    check(&pod, "ka.req.pod.containers.add_capabilities", &[r#"["A","B"]"#]);
    check(&pod, "ka.req.pod.containers.eff_run_as_user", &["0", "0"]);
}

#[test]
fn one_bad_parameter_spoils_all() {
    let uri = |uri: &str| format!(r#"{{"auditID":"a","requestURI":"{uri}"}}"#);
    check(&uri("/x?a=1&a=2&b&c=%2f+"), "ka.uri.param[a]", &["1"]);
    check(&uri("/x?a=1&a=2&b&c=%2f+"), "ka.uri.param[b]", &[""]);
    check(&uri("/x?a=1&a=2&b&c=%2f+"), "ka.uri.param[c]", &["/ "]);
    check(&uri("/x?a=1&b=%2"), "ka.uri.param[a]", &[]);
    check(&uri("/x?a=1;b=2&c=3"), "ka.uri.param[c]", &[]);
    check(&uri("/x"), "ka.uri.param[c]", &[]);
}

#[test]
fn time_is_the_stages() {
    let event = r#"{"auditID":"a","stageTimestamp":"2026-01-02T03:04:05.000123Z"}"#;
    check(event, "jevt.rawtime", &["1767323045000123000"]);
    check(event, "evt.time", &["03:04:05.000123000"]);
    check(event, "evt.time.iso8601", &["2026-01-02T03:04:05.000123000+0000"]);
    check(event, "evt.datetime.s", &["2026-01-02 03:04:05"]);
    check(event, "evt.rawtime.ns", &["123000"]);
    check("{}", "jevt.rawtime", &[]);
}

#[test]
fn source_addresses_are_there_though_upstream_has_none() {
    check(r#"{"auditID":"a","sourceIPs":["1.2.3.4","::1"]}"#, "ka.sourceips", &["1.2.3.4", "::1"]);
    check(r#"{"auditID":"a","sourceIPs":["1.2.3.4","::1"]}"#, "ka.sourceips[1]", &["::1"]);
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FIELDS.len());
}
