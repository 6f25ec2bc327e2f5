//! `auditward policy …`

mod check;
mod coverage;
mod diff;
mod explain;
mod generate;
mod lint;
mod simulate;

/// Two rules and one mistake that only warns.
const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  users: [alice]
  verb: [get]
- level: Metadata
";
