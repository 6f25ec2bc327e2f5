//! Events made to hurt: an answer comes all the same, and soon.

#![allow(clippy::unwrap_used, reason = "a test stops at surprises")]

use std::time::{Duration, Instant};

use auditward_event::EventView;
use auditward_expr::{Parameters, Subject, parse};

/// Far more than any of these takes in an unoptimised build on a busy machine, far less than what is not linear would.
const SOON: Duration = Duration::from_mins(3);

fn check(event: &str, texts: &[&str]) {
    let view = EventView::parse(event.as_bytes()).unwrap();
    for text in texts {
        let expr = parse(text, &Parameters::new()).unwrap();
        let start = Instant::now();
        let _verdict = expr.holds(&Subject::new(&view));
        assert!(start.elapsed() < SOON, "{text}: {:?}", start.elapsed());
    }
}

#[test]
fn long_texts() {
    let long = "a".repeat(10 << 20);
    check(
        &format!(r#"{{"verb":"patch","userAgent":"{long}","requestURI":"/x?{long}&a={long}%41"}}"#),
        &[
            "userAgent matches '(a*)*b'",
            "userAgent matches '(a+a+)+$'",
            "userAgent like '*a*a*a*a*b'",
            "userAgent icontains 'aaaaaaaaaaaaaaaab'",
            "userAgent ucontains 'aaaaaaaaaaaaaaaab'",
            "userAgent contains 'aaaaaaaaaaaaaaaab'",
            "userAgent uequals 'é'",
            "lower(userAgent) endswith 'b'",
            "base64(userAgent) == 'x'",
            "query.a == 'x'",
            "anywhere contains 'xmrig'",
            "requestURI under ['/x']",
        ],
    );
}

#[test]
fn deep_json() {
    let depth = 4_900;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"a":"#, "}]")] {
        let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        check(
            &format!(r#"{{"verb":"patch","objectRef":{{"resource":"pods"}},"requestObject":{nested}}}"#),
            &[
                "sigma(requestObject.a.a.a.a) == 'x'",
                "object.a.a.a.a == 1",
                "container.image == 'x'",
                "requestObject[*][*][*] == 1",
                "anywhere contains 'x'",
                "object == 'x'",
            ],
        );
    }
}

#[test]
fn many_values() {
    let many = |item: &str| vec![item; 200_000].join(",");
    check(
        &format!(
            r#"{{"verb":"patch","objectRef":{{"resource":"pods"}},"user":{{"groups":[{}]}},"requestObject":[{}]}}"#,
            many(r#""g""#),
            many(r#"{"op":"add","path":"/spec/containers/-","value":{"image":"x"}}"#),
        ),
        &[
            "groups == 'x'",
            "every groups == 'g'",
            "join(groups, ',') contains 'x'",
            "container.image == 'y'",
            "some container (.image == 'y' and .securityContext.privileged)",
        ],
    );
    let slashes = format!("/{}~1~0", "~1".repeat(100_000));
    let operation = format!(r#"{{"op":"add","path":"{slashes}","value":1}}"#);
    check(
        &format!(r#"{{"verb":"patch","requestObject":[{operation}]}}"#),
        &["object.a == 1", "exists object"],
    );
}
