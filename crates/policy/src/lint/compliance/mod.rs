//! What benchmarks ask for. Each asks the policy what it records of real requests; none looks for words in it.

pub(super) mod cis_minimal;
pub(super) mod cis_most_requests;
pub(super) mod cis_sensitive_kinds;
pub(super) mod cis_use_of_pods;
pub(super) mod cis_workload_changes;
pub(super) mod stig_intent;
pub(super) mod stig_literal;

use auditward_event::Level;

use super::Proof;
use super::context::Context;
use super::who::PEOPLE;
use crate::space::Space;

/// A request of `asked` by somebody whose doings an auditor asks about, of which nothing is recorded.
fn missing(cx: &Context<'_>, asked: &Space) -> Option<Proof> {
    PEOPLE.into_iter().find_map(|who| {
        let parts = cx.decide(&who.of(cx, asked));
        let dropped = parts.iter().find(|part| cx.level(part.rule) == Level::None)?;
        Context::proof(&dropped.space, dropped.rule)
    })
}
