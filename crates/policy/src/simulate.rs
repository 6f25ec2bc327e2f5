//! What a policy would have recorded of events that another one did record.
//!
//! A log cannot tell everything: what its own policy never wrote is not in it, and a body that was left out
//! has no size. [`Report`] counts what it does not know instead of guessing.

use std::collections::HashMap;

use auditward_event::{EventView, Kind, Level, Path, Stage, Value};

use crate::attributes::User;
use crate::decide::{Decision, Evaluator};
use crate::request_info::RequestInfo;

/// How many users, or pairs of verb and resource, are counted apart; further ones are counted together.
pub const KEYS_MAX: usize = 10_000;

/// The name under which [`KEYS_MAX`] counts the rest.
pub const THE_REST: &str = "(others)";

/// Events and their bytes, line ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Number of events, one a stage.
    pub events: u64,
    /// Their size as lines of JSON.
    pub bytes: u64,
}

/// What was in the log, and what the policy would keep of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// In the log.
    pub seen: Tally,
    /// What the policy would have recorded.
    pub kept: Tally,
}

/// What a policy makes of a log.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Everything.
    pub total: Share,
    /// By rule, in the policy's order.
    pub by_rule: Vec<Share>,
    /// Requests that no rule matches.
    pub no_rule: Share,
    /// By the level that the policy decides, lowest first.
    pub by_level: [Share; 4],
    /// By `verb resource` (`get pods/log`, `list deployments.apps`, `get /healthz`).
    pub by_request: HashMap<String, Share>,
    /// By the name of the authenticated user.
    pub by_user: HashMap<String, Share>,
    /// By stage, in the order of a request's life.
    pub by_stage: [Share; 4],
    /// What cannot be told.
    pub unknown: Unknown,
}

/// What a log cannot tell about another policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// Events that the policy would record at a higher level than the log has them: the bodies are not there, so
    /// their bytes are a lower bound.
    pub bodies_not_in_log: u64,
    /// Events whose verb and URI make no request, or which have no stage; they are counted nowhere else.
    pub unreadable: u64,
}

/// What the policy says of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The decision about the request.
    pub decision: Decision,
    /// Whether an event would be written at this stage.
    pub recorded: bool,
    /// The size of the line that would be written; 0 when none is. A lower bound for bodies that are not in the log.
    pub bytes: u64,
}

/// A policy at work on a log.
#[derive(Debug)]
pub struct Simulation<'e> {
    evaluator: &'e Evaluator,
    report: Report,
    managed_fields: Path,
}

impl<'e> Simulation<'e> {
    /// Begins with an empty report.
    pub fn new(evaluator: &'e Evaluator) -> Self {
        let report =
            Report { by_rule: vec![Share::default(); evaluator.policy().rules.len()], ..Report::default() };
        let managed_fields = ["metadata", "managedFields"].map(|key| auditward_event::Step::Key(key.into()));
        Self { evaluator, report, managed_fields: Path::new(managed_fields) }
    }

    /// Counts one event, and says what would become of it; `None` when it tells of no request.
    pub fn observe(&mut self, event: &EventView<'_>) -> Option<Fate> {
        let Some((fate, stage, request)) = self.fate(event) else {
            self.report.unknown.unreadable += 1;
            return None;
        };
        let seen = Tally { events: 1, bytes: event.len() as u64 + 1 };
        let kept = Tally { events: u64::from(fate.recorded), bytes: fate.bytes };
        let decision = fate.decision;
        let report = &mut self.report;
        if fate.recorded && lacks_a_body(event, stage, decision.level) {
            report.unknown.bodies_not_in_log += 1;
        }
        let by_rule = match decision.rule {
            Some(rule) => &mut report.by_rule[rule],
            None => &mut report.no_rule,
        };
        let user = event.user().username;
        let of_user = keyed(&mut report.by_user, &user);
        let of_request = keyed(&mut report.by_request, &request);
        let [of_level, of_stage] =
            [&mut report.by_level[decision.level as usize], &mut report.by_stage[stage as usize]];
        for share in [&mut report.total, by_rule, of_level, of_stage, of_user, of_request] {
            share.add(seen, kept);
        }
        Some(fate)
    }

    /// What has been counted.
    pub fn report(&self) -> &Report {
        &self.report
    }

    fn fate(&self, event: &EventView<'_>) -> Option<(Fate, Stage, String)> {
        let (verb, uri, stage) = (event.verb(), event.request_uri(), event.stage()?);
        let info = RequestInfo::from_event(&verb, &uri).ok()?;
        let decision = decide(self.evaluator, event, &info);
        let recorded = decision.level != Level::None && !decision.omit_stages.contains(stage);
        let bytes = if recorded { self.recorded_bytes(event, &decision) } else { 0 };
        Some((Fate { decision, recorded, bytes }, stage, shown(&info)))
    }

    /// The event's line without what the decision leaves out.
    fn recorded_bytes(&self, event: &EventView<'_>, decision: &Decision) -> u64 {
        let mut bytes = event.len() + 1;
        if let Some(level) = event.level() {
            bytes = bytes + decision.level.as_str().len() - level.as_str().len();
        }
        let bodies = [
            ("requestObject", event.request_object(), Level::Request),
            ("responseObject", event.response_object(), Level::RequestResponse),
        ];
        for (key, body, needed) in bodies {
            let Some(body) = body else { continue };
            bytes -= if decision.level < needed {
                body.as_bytes().len() + key.len() + r#","":"#.len()
            } else if decision.omit_managed_fields && (key == "responseObject" || &*event.verb() != "patch") {
                self.managed_fields_bytes(body)
            } else {
                0
            };
        }
        bytes as u64
    }

    /// The bytes of `metadata.managedFields`, in the object, in the items of a list and in the rows of a table.
    fn managed_fields_bytes(&self, body: Value<'_>) -> usize {
        let of = |object: Value<'_>| {
            object
                .path(&self.managed_fields)
                .map_or(0, |fields| fields.as_bytes().len() + r#","managedFields":"#.len())
        };
        let array = |key: &str| body.get(key).filter(|items| items.kind() == Kind::Array);
        let in_items: usize = array("items").map_or(0, |items| items.items().map(of).sum());
        let in_rows =
            |rows: Value<'_>| rows.items().filter_map(|row| row.get("object")).map(of).sum::<usize>();
        of(body) + in_items + array("rows").map_or(0, in_rows)
    }
}

impl Report {
    /// The entries of one of the maps, those that would be kept largest first, then by name.
    pub fn sorted(map: &HashMap<String, Share>) -> Vec<(&str, Share)> {
        let mut entries: Vec<_> = map.iter().map(|(key, share)| (key.as_str(), *share)).collect();
        entries.sort_by(|(a_key, a), (b_key, b)| {
            (b.kept.bytes, b.seen.bytes, *a_key).cmp(&(a.kept.bytes, a.seen.bytes, *b_key))
        });
        entries
    }
}

impl Share {
    fn add(&mut self, seen: Tally, kept: Tally) {
        self.seen.add(seen);
        self.kept.add(kept);
    }
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.events += other.events;
        self.bytes += other.bytes;
    }
}

/// The decision about the request that an event tells of. An event without a user is of a request that failed
/// authentication.
pub fn decide(evaluator: &Evaluator, event: &EventView<'_>, info: &RequestInfo<'_>) -> Decision {
    let user = event.user();
    let name = &user.username;
    let groups: Vec<_> = user.groups().collect();
    let groups: Vec<&str> = groups.iter().map(|group| &**group).collect();
    let user = (!name.is_empty() || !groups.is_empty()).then_some(User { name, groups: &groups });
    evaluator.decide(&info.attributes(user))
}

/// Whether a body that `wanted` asks for was left out of the log by its own, lower level. Reads send none; before a
/// request is decoded there is none; and a watch answers with a stream, of which no level records anything.
fn lacks_a_body(event: &EventView<'_>, stage: Stage, wanted: Level) -> bool {
    let verb = event.verb();
    let had = event.level().unwrap_or(Level::None);
    let sends = matches!(&*verb, "create" | "update" | "patch");
    let answers = stage == Stage::ResponseComplete && !matches!(&*verb, "watch" | "proxy");
    let left_out = |level: Level| had < level && wanted >= level;
    stage != Stage::RequestReceived
        && ((sends && left_out(Level::Request)) || (answers && left_out(Level::RequestResponse)))
}

/// The request as people say it: `get pods/log`, `list deployments.apps`, `get /healthz`.
fn shown(info: &RequestInfo<'_>) -> String {
    if !info.is_resource_request() {
        return format!("{} {}", info.verb, info.path);
    }
    let mut text = format!("{} {}", info.verb, info.resource());
    for (mark, part) in [('.', info.group()), ('/', info.subresource())] {
        if !part.is_empty() {
            text.push(mark);
            text.push_str(part);
        }
    }
    text
}

fn keyed<'m>(map: &'m mut HashMap<String, Share>, key: &str) -> &'m mut Share {
    let key = if map.len() < KEYS_MAX || map.contains_key(key) { key } else { THE_REST };
    if !map.contains_key(key) {
        map.insert(key.to_owned(), Share::default());
    }
    map.get_mut(key).expect("just inserted")
}
