//! `TestGetAPIRequestInfo`, `TestGetNonAPIRequestInfo`, `TestSelectorParsing`

use auditward_policy::RequestInfo;

/// `verb group/version namespace resource subresource name`, with `-` for what is empty, or `path` for other paths.
#[track_caller]
fn check(method: &str, uri: &str, expected: &str) {
    let info = RequestInfo::resolve(method, uri).unwrap();
    let dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let seen = if info.is_resource_request() {
        let parts = [info.namespace(), info.resource(), info.subresource(), info.name()].map(dash);
        format!("{} {}/{} {}", info.verb, dash(info.group()), dash(info.version()), parts.join(" "))
    } else {
        "path".to_owned()
    };
    assert_eq!(seen, expected, "{method} {uri}");
}

#[test]
fn resources() {
    check("GET", "/api/v1/namespaces", "list -/v1 - namespaces - -");
    check("GET", "/api/v1/namespaces/other", "get -/v1 other namespaces - other");
    check("GET", "/api/v1/namespaces/other/pods", "list -/v1 other pods - -");
    for method in ["GET", "HEAD"] {
        check(method, "/api/v1/namespaces/other/pods/foo", "get -/v1 other pods - foo");
        check(method, "/api/v1/pods", "list -/v1 - pods - -");
    }
    check("GET", "/api/v1/namespaces/other/pods/foo/status", "get -/v1 other pods status foo");
    check("GET", "/api/v1/namespaces/other/pods/foo/proxy/subpath", "get -/v1 other pods proxy foo");
    check("PUT", "/api/v1/namespaces/other/finalize", "update -/v1 other namespaces finalize other");
    check("PUT", "/api/v1/namespaces/other/status", "update -/v1 other namespaces status other");
    check("PATCH", "/api/v1/namespaces/other/pods/foo", "patch -/v1 other pods - foo");
    check("DELETE", "/api/v1/namespaces/other/pods/foo", "delete -/v1 other pods - foo");
    check("POST", "/api/v1/namespaces/other/pods", "create -/v1 other pods - -");
    check("DELETE", "/api/v1/nodes", "deletecollection -/v1 - nodes - -");
    check("DELETE", "/api/v1/namespaces", "deletecollection -/v1 - namespaces - -");
    check("DELETE", "/api/v1/namespaces/other/pods", "deletecollection -/v1 other pods - -");
    check(
        "DELETE",
        "/apis/extensions/v1/namespaces/other/pods",
        "deletecollection extensions/v1 other pods - -",
    );
    check("POST", "/apis/extensions/v1/namespaces/other/pods", "create extensions/v1 other pods - -");
    check(
        "POST",
        "/apis/extensions/v1beta3/namespaces/other/pods",
        "create extensions/v1beta3 other pods - -",
    );
    check("GET", "/apis/batch/v1/job/foo/scale", "get batch/v1 - job scale foo");
    check("GET", "/api/version/resource/name/subresource", "get -/version - resource subresource name");
}

#[test]
fn deprecated_paths() {
    check("GET", "/api/v1/proxy/namespaces/other/pods/foo", "proxy -/v1 other pods - foo");
    check(
        "GET",
        "/api/v1/proxy/namespaces/other/pods/foo/subpath/not/a/subresource",
        "proxy -/v1 other pods - foo",
    );
    check("GET", "/api/v1/watch/pods", "watch -/v1 - pods - -");
    check("GET", "/api/v1/watch/namespaces/other/pods", "watch -/v1 other pods - -");
    assert!(RequestInfo::resolve("GET", "/api/v1/watch").is_err());
    assert!(RequestInfo::resolve("GET", "/api/v1/proxy/").is_err());
}

#[test]
fn other_paths() {
    for uri in [
        "/",
        "/api/version/",
        "/apis/group/version/",
        "/badprefix/version/resource",
        "/apis/version/resource",
        "/api",
        "/not-api/version/resource",
        "/apis/extensions/v1beta1",
        "/apis/extensions/v1beta1/",
        "/api/version",
        "/API/v1/pods",
    ] {
        check("GET", uri, "path");
    }
    assert_eq!(RequestInfo::resolve("OPTIONS", "/healthz").unwrap().verb, "options");
}

#[test]
fn watches_and_selectors() {
    let list = "/apis/group/version/resource";
    let check = |method: &str, rest: &str, verb: &str, name: &str| {
        let uri = format!("{list}{rest}");
        check(method, &uri, &format!("{verb} group/version - resource - {name}"));
    };
    check("GET", "?watch=true", "watch", "-");
    check("GET", "?watch", "watch", "-");
    check("GET", "?watch=no", "watch", "-");
    check("GET", "?watch=FALSE", "list", "-");
    check("GET", "?watch=0&watch=true", "list", "-");
    check("GET", "?fieldSelector=metadata.name=name1", "list", "name1");
    check("GET", "?fieldSelector=metadata.name%3D%3Dname1", "list", "name1");
    check("GET", "?watch=true&fieldSelector=metadata.name=name1", "watch", "name1");
    check("GET", "?fieldSelector=foo=bar&labelSelector=baz=qux", "list", "-");
    check("GET", "?fieldSelector=metadata.name=name1,foo", "list", "-");
    check("GET", "?fieldSelector=metadata.name=name1,foo&watch=true", "watch", "-");
    check("GET", "?fieldSelector=metadata.name=a/b", "list", "-");
    check("GET", "?limit=x&fieldSelector=metadata.name=name1", "list", "-");
    check("GET", "?labelSelector=a+in+(b&fieldSelector=metadata.name=name1", "list", "-");
    check("GET", "?fieldSelector=metadata.name=name1&fieldSelector=metadata.name=name2", "list", "name1");
    check("DELETE", "?fieldSelector=metadata.name=name1", "deletecollection", "-");
    check("GET", "/name?fieldSelector=metadata.name=other", "get", "name");
}
