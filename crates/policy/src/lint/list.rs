//! Every lint there is. A new one is a file and a line here.

use super::context::Context;
use super::{Draft, Lint, Severity, blind, bodies, compliance, dead, noise, unknown};

/// Every lint, by what it is about.
pub const LINTS: &[Lint] = &[
    // Credentials.
    bodies::secrets::LINT,
    bodies::tokens::LINT,
    bodies::config_maps::LINT,
    bodies::signing_requests::LINT,
    // Blind spots.
    blind::records_nothing::LINT,
    blind::no_catch_all::LINT,
    blind::catch_all_not_last::LINT,
    blind::failed_authentication::LINT,
    blind::response_started::LINT,
    blind::response_complete::LINT,
    blind::drops_everyone::LINT,
    blind::drops_service_accounts::LINT,
    blind::drops_namespace::LINT,
    blind::drops_anonymous::LINT,
    blind::drops_changes::LINT,
    // Rules that do nothing.
    dead::rule_shadowed::LINT,
    dead::rule_impossible::LINT,
    dead::entry_shadowed::LINT,
    dead::names_never_sent::LINT,
    dead::namespace_missing::LINT,
    dead::namespace_needless::LINT,
    dead::connect_without_get::LINT,
    // Words that mean nothing.
    unknown::api_group::LINT,
    unknown::removed_api::LINT,
    unknown::resource::LINT,
    unknown::subresource::LINT,
    unknown::pattern::LINT,
    unknown::verb::LINT,
    unknown::verb_not_served::LINT,
    unknown::wildcard::LINT,
    unknown::identity::LINT,
    unknown::leader_lock::LINT,
    // Noise.
    noise::request_received::LINT,
    noise::leases::LINT,
    noise::events::LINT,
    noise::endpoint_slices::LINT,
    noise::status_bodies::LINT,
    noise::probes::LINT,
    noise::read_bodies::LINT,
    noise::watch_bodies::LINT,
    noise::managed_fields::LINT,
    // Benchmarks.
    compliance::cis_minimal::LINT,
    compliance::cis_sensitive_kinds::LINT,
    compliance::cis_workload_changes::LINT,
    compliance::cis_use_of_pods::LINT,
    compliance::cis_most_requests::LINT,
    compliance::stig_literal::LINT,
    compliance::stig_intent::LINT,
    TOO_COMPLEX,
];

/// Not looked for: it is what is left to say when others had to give up.
pub(super) const TOO_COMPLEX: Lint = Lint {
    id: "too-complex",
    severity: Severity::Info,
    summary: "the policy could not be worked out in full",
    why: "Some findings about dead rules, credentials, noise and blind spots may be missing. What is said is right.",
    refs: &[],
    check: never,
};

fn never(_: &Context<'_>) -> Vec<Draft> {
    Vec::new()
}
