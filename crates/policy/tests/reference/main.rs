//! The reference implementation's own test tables, case by case, and the traps that its behaviour sets.
//!
//! Sources: `k8s.io/apiserver`, `pkg/apis/audit/validation/validation_test.go`, `pkg/audit/policy/reader_test.go`,
//! `pkg/endpoints/request/requestinfo_test.go`. The table of `checker_test.go` is in `src/decide/tests.rs`.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

mod reader;
mod request_info;
mod traps;
mod validation;
