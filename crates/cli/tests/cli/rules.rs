//! `auditward rules …`

mod check;
mod explain;
mod list;
mod test;

/// A rule with one mistake in its condition, one in its summary, and one test that fails.
const WRONG: &str = "\
id: secret-read-by-hand
title: Secret read by hand
description: Somebody read a secret.
severity: error
attack: {tactics: [credential-access]}
when: |
  verb == \"get\"
  and resorce == \"secrets\"
  and outcome == \"success\"
summary: '{usr} read {name}'
response: Ask.
tests:
- {name: a person, match: true, event: {from: get-secret}}
- {name: refused, match: false, event: {from: get-secret, code: 403}}
";

/// The same without mistakes, but for a test that fails and one whose event cannot be made.
const RIGHT: &str = "\
id: secret-read-by-hand
title: Secret read by hand
description: Somebody read a secret.
severity: error
attack: {tactics: [credential-access]}
when: |
  verb == \"get\"
  and resource == \"secrets\"
  and outcome == \"success\"
summary: '{user} read {name}'
response: Ask.
tests:
- {name: a person, match: true, event: {from: get-secret}}
- {name: refused, match: true, event: {from: get-secret, code: 403}}
- {name: a list, match: false, event: {from: list-secret}}
";
