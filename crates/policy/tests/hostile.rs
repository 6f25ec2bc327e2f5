//! Texts made to hurt: they end in a verdict, in bounded time and memory.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

use auditward_policy::read::{BYTES_MAX, FINDINGS_MAX, Severity, read};
use auditward_policy::{RequestInfo, RequestInfoError};

#[test]
fn as_many_keys_as_fit() {
    let keys: Vec<String> = (0..60_000).map(|i| format!("k{i}: 1")).collect();
    let yaml = format!("apiVersion: audit.k8s.io/v1\nrules: [{{level: None}}]\n{}\n", keys.join("\n"));
    let reading = read(yaml.as_bytes());
    assert!(reading.policy.is_some());
    assert_eq!(reading.findings.len(), FINDINGS_MAX);
    let keys: Vec<String> = (0..60_000).map(|i| format!("\"k{i}\":1")).collect();
    let json = format!(
        "{{\"apiVersion\":\"audit.k8s.io/v1\",\"rules\":[{{\"level\":\"None\"}}],{}}}",
        keys.join(",")
    );
    let reading = read(json.as_bytes());
    assert!(reading.policy.is_some());
    assert_eq!(reading.findings.len(), FINDINGS_MAX);
}

#[test]
fn errors_are_told_before_warnings_where_there_are_too_many() {
    let keys: Vec<String> = (0..2 * FINDINGS_MAX).map(|i| format!("\"k{i}\":1")).collect();
    let json = format!(
        "{{\"apiVersion\":\"audit.k8s.io/v1\",{},\"rules\":[{{\"level\":\"Nil\"}}]}}",
        keys.join(",")
    );
    let reading = read(json.as_bytes());
    assert_eq!(reading.policy, None);
    assert_eq!(reading.findings.last().unwrap().severity, Severity::Error);
}

#[test]
fn many_equal_keys() {
    let json = format!("{{{}\"k\":1}}", "\"k\":1,".repeat(100_000));
    assert_eq!(read(json.as_bytes()).policy, None);
}

#[test]
fn too_large() {
    let reading = read(&vec![b' '; BYTES_MAX + 1]);
    assert!(reading.findings[0].message.contains("larger than"));
}

#[test]
fn deep_and_broken() {
    for text in [
        "[".repeat(1 << 20),
        "{\"a\":".repeat(1 << 18),
        "- ".repeat(1 << 19),
        "? ".repeat(1 << 16),
        "&a ".repeat(1 << 18),
    ] {
        assert_eq!(read(text.as_bytes()).policy, None);
    }
}

#[test]
fn request_lines() {
    let slashes = "/".repeat(1 << 20);
    assert!(!RequestInfo::resolve("GET", &slashes).unwrap().is_resource_request());
    let long = format!("/api/v1/{}", "a/".repeat(1 << 19));
    assert!(RequestInfo::resolve("GET", &long).unwrap().is_resource_request());
    let selectors = format!(
        "/api/v1/pods?fieldSelector={}&labelSelector={}",
        "a=b,".repeat(1 << 17),
        "a,".repeat(1 << 17)
    );
    assert!(RequestInfo::resolve("GET", &selectors).unwrap().is_resource_request());
    assert_eq!(RequestInfo::resolve("GET", "/a%zz"), Err(RequestInfoError::BadEscape("/a%zz".into())));
}
