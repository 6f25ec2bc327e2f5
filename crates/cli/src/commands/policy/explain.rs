//! `auditward policy explain`

use std::path::PathBuf;

use auditward_event::{EventView, Events};
use auditward_policy::api_resources;
use auditward_policy::matching::Condition;
use auditward_policy::read::FieldPath;
use auditward_policy::{
    Attributes, Evaluator, Explanation, RequestInfo, Resource, StageSet, Target, User, explain,
};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::input::{self, PolicyFile};
use crate::output::{self, OutputArgs};
use crate::table::{Align, Table};

/// Say which rule decides a request, and of each rule before it the one condition that failed
///
/// The request is given by its parts, by the URI that a client asks for, or as an audit event.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  the request is recorded
  1  it is not
  2  wrong usage, or a file could not be read

Examples:
  auditward policy explain --policy p.yaml --user alice --verb get --resource secrets --namespace prod
  auditward policy explain --policy p.yaml --user alice --verb create --resource deployments.apps --namespace prod
  auditward policy explain --policy p.yaml --user alice --uri '/api/v1/pods?watch=true'
  auditward policy explain --policy p.yaml --event event.json")]
pub(crate) struct Args {
    /// The policy; - is standard input
    #[arg(short, long, value_name = "FILE")]
    policy: PathBuf,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Who asks")]
struct Who {
    /// The authenticated user; without one the request is taken as one that failed authentication
    #[arg(long, value_name = "NAME", conflicts_with = "event")]
    user: Option<String>,
    /// A group of the user; give it several times. system:authenticated is added, as the API server does
    #[arg(long = "group", value_name = "NAME", conflicts_with = "event", requires = "user")]
    groups: Vec<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is asked for")]
struct What {
    /// get, list, watch, create, update, patch, delete, deletecollection …
    #[arg(long, conflicts_with_all = ["uri", "event"], requires = "resource", required_unless_present_any = ["uri", "event"])]
    verb: Option<String>,
    /// The resource, with its API group: pods, deployments.apps, pods/log
    #[arg(long, conflicts_with_all = ["uri", "event"])]
    resource: Option<String>,
    /// The subresource: log, exec, status …
    #[arg(long, requires = "resource")]
    subresource: Option<String>,
    /// The namespace; leave it out for cluster-scoped objects and requests over all namespaces
    #[arg(long, requires = "resource")]
    namespace: Option<String>,
    /// The object's name
    #[arg(long, requires = "resource")]
    name: Option<String>,
    /// The request's path and query
    #[arg(long, conflicts_with = "event")]
    uri: Option<String>,
    /// The HTTP method that goes with --uri
    #[arg(long, default_value = "GET", requires = "uri")]
    method: String,
    /// A file with an audit event (the first one counts); - is standard input
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        input::stdin_at_most_once([&self.policy].into_iter().chain(&self.what.event))?;
        if let Some(uri) = self.what.uri.as_ref().filter(|uri| !uri.starts_with('/')) {
            return Err(Failure::new(format!("`{uri}` is no path")).hint("a request's URI begins with `/`"));
        }
        let file = PolicyFile::open(&self.policy)?;
        file.accepted()?;
        match (&self.what.event, &self.what.uri) {
            (Some(path), _) => first_event(path, |event| {
                let (verb, uri, user) = (event.verb(), event.request_uri(), event.user());
                let info =
                    RequestInfo::from_event(&verb, &uri).map_err(|error| Failure::new(error.to_string()))?;
                let groups: Vec<_> = user.groups().collect();
                let groups: Vec<&str> = groups.iter().map(|group| &**group).collect();
                let known = !user.username.is_empty() || !groups.is_empty();
                let user = known.then_some(User { name: &user.username, groups: &groups });
                self.answer(&file, &info.attributes(user))
            }),
            (None, Some(uri)) => {
                let info = RequestInfo::resolve(&self.what.method, uri)
                    .map_err(|error| Failure::new(error.to_string()))?;
                self.who.with_user(|user| self.answer(&file, &info.attributes(user)))
            }
            (None, None) => {
                let resource = self.what.resource();
                note_other_group(&resource);
                let verb = self.what.verb.as_deref().unwrap_or_default();
                self.who.with_user(|user| {
                    self.answer(&file, &Attributes { user, verb, target: Target::Resource(resource) })
                })
            }
        }
    }

    fn answer(&self, file: &PolicyFile, request: &Attributes<'_>) -> Result<Exit, Failure> {
        let answer = Answer::new(file, request)?;
        self.output.print(&answer, |colour| answer.render(colour))?;
        Ok(if answer.level == "None" { Exit::Found } else { Exit::Fine })
    }
}

impl Who {
    fn with_user<T>(&self, ask: impl FnOnce(Option<User<'_>>) -> T) -> T {
        const AUTHENTICATED: &str = "system:authenticated";
        let Some(name) = self.user.as_deref() else { return ask(None) };
        let mut groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        let anonymous = groups.contains(&"system:unauthenticated") || name == "system:anonymous";
        if anonymous && !groups.contains(&"system:unauthenticated") {
            groups.push("system:unauthenticated");
        } else if !anonymous && !groups.contains(&AUTHENTICATED) {
            groups.push(AUTHENTICATED);
        }
        ask(Some(User { name, groups: &groups }))
    }
}

impl What {
    /// `deployments.apps/scale` in its parts.
    fn resource(&self) -> Resource<'_> {
        let whole = self.resource.as_deref().unwrap_or_default();
        let (resource, subresource) = whole.split_once('/').unwrap_or((whole, ""));
        let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
        Resource {
            group,
            resource,
            subresource: self.subresource.as_deref().unwrap_or(subresource),
            namespace: self.namespace.as_deref().unwrap_or_default(),
            name: self.name.as_deref().unwrap_or_default(),
        }
    }
}

/// Says so where a resource is meant that lives in another API group than the one that was given.
fn note_other_group(resource: &Resource<'_>) {
    let of_name = |known: &&api_resources::ApiResource| known.resource == resource.resource;
    if api_resources::find(resource.group, resource.resource).is_some() {
        return;
    }
    if let Some(known) = api_resources::all().iter().find(of_name) {
        let group = if resource.group.is_empty() { "the core group" } else { resource.group };
        let meant = format!("{}.{}", known.resource, known.group);
        let meant = meant.trim_end_matches('.');
        output::talk(&format!(
            "note: Kubernetes has no {} in {group}; write --resource {meant}",
            resource.resource
        ));
    }
}

fn first_event(
    path: &std::path::Path,
    ask: impl FnOnce(&EventView<'_>) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let (reader, _) = input::stream(path)?;
    match Events::new(reader).next() {
        None => Err(Failure::new(format!("`{}` holds no event", input::name(path)))),
        Some(Err(error)) => Err(Failure::new(format!("{}: {error}", input::name(path)))),
        Some(Ok(event)) => ask(&event.view),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    request: String,
    level: &'static str,
    omit_stages: Vec<&'static str>,
    omit_managed_fields: bool,
    /// The rule that decides, from 1.
    rule: Option<usize>,
    line: Option<usize>,
    passed_over: Vec<PassedOver>,
}

#[derive(Serialize)]
struct PassedOver {
    rule: usize,
    line: usize,
    condition: &'static str,
    reason: String,
}

impl Answer {
    fn new(file: &PolicyFile, request: &Attributes<'_>) -> Result<Self, Failure> {
        let policy = file.accepted()?;
        let decision = Evaluator::new(policy.clone()).decide(request);
        let Explanation { passed_over, matched } = explain(policy, request);
        let passed_over = passed_over.into_iter().map(|rule| PassedOver {
            rule: rule.rule + 1,
            line: line_of(file, rule.rule, rule.condition),
            condition: rule.condition.field(),
            reason: rule.reason,
        });
        Ok(Self {
            request: request.to_string(),
            level: decision.level.as_str(),
            omit_stages: stages(decision.omit_stages),
            omit_managed_fields: decision.omit_managed_fields,
            rule: matched.map(|rule| rule + 1),
            line: matched.map(|rule| file.rule_line(rule)),
            passed_over: passed_over.collect(),
        })
    }

    fn render(&self, colour: bool) -> String {
        let mut table =
            Table::new([("RULE", Align::Right), ("LINE", Align::Right), ("NO MATCH BECAUSE", Align::Left)]);
        for rule in &self.passed_over {
            table.row([rule.rule.to_string(), rule.line.to_string(), rule.reason.clone()]);
        }
        let by = match (self.rule, self.line) {
            (Some(rule), Some(line)) => format!("by rule {rule} (line {line})"),
            _ => "because no rule matches".to_owned(),
        };
        let mut out = format!("{}\n{} {by}", self.request, self.level);
        if self.level != "None" && !self.omit_stages.is_empty() {
            out += &format!(", but not at {}", self.omit_stages.join(", "));
        }
        out.push('\n');
        if !self.passed_over.is_empty() {
            out.push('\n');
            out += &table.render(colour);
        }
        out
    }
}

/// The line of the field that holds the failed condition, or of the rule where it has no such field.
fn line_of(file: &PolicyFile, rule: usize, condition: Condition) -> usize {
    file.line(&FieldPath::rule(rule).key(condition.field()))
}

fn stages(set: StageSet) -> Vec<&'static str> {
    set.iter().map(auditward_event::Stage::as_str).collect()
}
