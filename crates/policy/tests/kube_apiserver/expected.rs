//! What must be in the log of a request, by the engine's decision and the API server's own habits.

use std::collections::BTreeSet;

use auditward_event::{Level, Stage};
use auditward_policy::{Decision, Evaluator, RequestInfo, User};

use crate::tap::Sent;

/// A user as the API server knows it.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) groups: &'static [&'static str],
}

/// The decision about a request, and the stages at which events must be written.
pub(crate) fn expected(
    evaluator: &Evaluator,
    sent: &Sent,
    user: Option<Known>,
) -> Option<(Decision, BTreeSet<Stage>)> {
    let info = RequestInfo::resolve(&sent.method, &sent.uri).ok()?;
    let user_of = user.map(|known| User { name: known.name, groups: known.groups });
    let decision = evaluator.decide(&info.attributes(user_of));
    let long_running = matches!(&*info.verb, "watch" | "proxy")
        || matches!(info.subresource(), "attach" | "exec" | "proxy" | "log" | "portforward");
    let stages: &[Stage] = match (user, long_running) {
        // Failed authentication is told once, and at this stage.
        (None, _) => &[Stage::ResponseStarted],
        (Some(_), true) => &[Stage::RequestReceived, Stage::ResponseStarted, Stage::ResponseComplete],
        (Some(_), false) => &[Stage::RequestReceived, Stage::ResponseComplete],
    };
    let written = |stage: &&Stage| decision.level != Level::None && !decision.omit_stages.contains(**stage);
    Some((decision, stages.iter().filter(written).copied().collect()))
}
