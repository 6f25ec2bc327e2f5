//! `auditward timeline SUBJECT`

use std::net::IpAddr;

use auditward_query::Search;
use auditward_scan::{Object, Whose};
use clap::ValueEnum;
use serde::Serialize;

use crate::ask::{self, AskArgs, Ended, Told};
use crate::exit::{Exit, Failure};
use crate::output::{self, OutputArgs};
use crate::table::{Align, Table};

/// Show what a user did, what came from an address, or what was done to an object, in order of time
///
/// SUBJECT is an IP address or a network; an object as `pods/web`, `pods/prod/web` (with its namespace) or
/// `deployments.apps/prod/web` (with its API group as well); or else the name of a user. What is done again and again in the
/// same way is one line, with how often.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  something was found
  1  nothing was found
  2  wrong usage, or nobody who could be asked

Examples:
  auditward timeline alice@example.com --since 2d
  auditward timeline 203.0.113.7
  auditward timeline secrets/prod/db --changes")]
pub(crate) struct Args {
    /// A user, an address or an object
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// What SUBJECT is, where it could be another thing
    #[arg(long = "is", value_enum, value_name = "KIND")]
    kind: Option<Kind>,
    /// From then on: 2h, 7d, today, a date, or a time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until before then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only what changes something
    #[arg(long)]
    changes: bool,
    /// Only this cluster
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    #[command(flatten)]
    ask: AskArgs,
    /// At most so many events, the last ones
    #[arg(long, short = 'n', default_value_t = 1000, value_name = "N", value_parser = ask::limit)]
    limit: usize,
    #[command(flatten)]
    output: OutputArgs,
}

/// What a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    User,
    Ip,
    Object,
}

/// One line, and in machine formats one item.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    /// When it happened first.
    time: String,
    /// When it happened last.
    until: String,
    times: u64,
    cluster: String,
    user: String,
    verb: String,
    object: String,
    code: String,
    from: String,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let search = self.search()?;
        let source = self.ask.open()?;
        // The last ones, and then turned round.
        let mut told = Vec::new();
        let ended = ask::all(&*source, &search, false, self.limit, &mut |hit| {
            told.push(Told::of(&hit));
            Ok(true)
        })?;
        told.reverse();
        let lines = lines(told);
        self.output.print(&lines, |colour| table(&lines, colour))?;
        if ended == Ended::More {
            output::talk(&format!("there is more before that; `--limit` is {}", self.limit));
        } else if lines.is_empty() {
            output::talk("nothing was found");
        }
        Ok(if lines.is_empty() { Exit::Found } else { Exit::Fine })
    }

    fn search(&self) -> Result<Search, Failure> {
        let mut search = whose(&self.subject, self.kind)?.search();
        // Each request once, with its result; what is still open by its last stage.
        let mut words = vec!["-stage:RequestReceived".to_owned()];
        if self.changes {
            words.push("changes:true".to_owned());
        }
        let narrowed = ask::search(&words)?;
        search.expr = auditward_expr::Expr::And(vec![search.expr, narrowed.expr]);
        if let Some(cluster) = &self.cluster {
            search.clusters = auditward_query::Clusters::only(cluster);
        }
        Ok(search.within(ask::time(self.since.as_deref())?, ask::time(self.until.as_deref())?))
    }
}

fn whose(subject: &str, kind: Option<Kind>) -> Result<Whose, Failure> {
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let network = subject.split_once('/').is_some_and(|(address, bits)| {
        is_address(address) && bits.bytes().all(|letter| letter.is_ascii_digit())
    });
    let kind = kind.unwrap_or_else(|| match subject {
        _ if network || is_address(subject) => Kind::Ip,
        // Users of other systems are often addresses in the web, `https://issuer/#name`, or have a colon.
        _ if subject.contains('/') && !subject.contains(':') => Kind::Object,
        _ => Kind::User,
    });
    Ok(match kind {
        Kind::User => Whose::User(subject.to_owned()),
        Kind::Ip if network || is_address(subject) => Whose::Address(subject.to_owned()),
        Kind::Ip => return Err(Failure::new(format!("`{subject}` is no address and no network"))),
        Kind::Object => Whose::Object(object(subject)?),
    })
}

fn object(subject: &str) -> Result<Object, Failure> {
    let parts: Vec<&str> = subject.split('/').collect();
    let (resource, namespace, name) = match parts.as_slice() {
        [resource, name] => (*resource, None, *name),
        [resource, namespace, name] => (*resource, Some((*namespace).to_owned()), *name),
        _ => ("", None, ""),
    };
    if resource.is_empty() || name.is_empty() {
        return Err(Failure::new(format!("`{subject}` names no object"))
            .hint("write `pods/web`, `pods/prod/web` or `deployments.apps/prod/web`"));
    }
    let (resource, group) = match resource.split_once('.') {
        Some((resource, group)) => (resource, Some(group.to_owned())),
        None => (resource, None),
    };
    Ok(Object { group, resource: resource.to_owned(), namespace, name: name.to_owned() })
}

/// What is the same again is told once.
fn lines(told: Vec<Told>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut before: Option<Told> = None;
    for told in told {
        match (&before, lines.last_mut()) {
            (Some(before), Some(line)) if told.is_again(before) => {
                line.times += 1;
                line.until = told.time;
            }
            _ => {
                before = Some(told.clone());
                let Told { time, cluster, user, verb, object, code, from } = told;
                lines.push(Line {
                    until: time.clone(),
                    time,
                    times: 1,
                    cluster,
                    user,
                    verb,
                    object,
                    code,
                    from,
                });
            }
        }
    }
    lines
}

fn table(lines: &[Line], colour: bool) -> String {
    let clusters = lines.iter().any(|line| line.cluster != lines[0].cluster);
    let mut columns = vec![("TIME", Align::Left), ("TIMES", Align::Right)];
    if clusters {
        columns.push(("CLUSTER", Align::Left));
    }
    columns.extend([("USER", Align::Left), ("VERB", Align::Left), ("OBJECT", Align::Left)]);
    columns.extend([("CODE", Align::Left), ("FROM", Align::Left)]);
    let mut table = Table::new(columns);
    for line in lines {
        let times = if line.times == 1 { String::new() } else { line.times.to_string() };
        let mut cells = vec![line.time.clone(), times];
        if clusters {
            cells.push(line.cluster.clone());
        }
        cells.extend([&line.user, &line.verb, &line.object, &line.code, &line.from].map(String::clone));
        table.row(cells);
    }
    table.render(colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(subject: &str, expected: &str) {
        let search = match whose(subject, None) {
            Ok(whose) => whose.search().print(),
            Err(failure) => failure.to_string(),
        };
        assert_eq!(search, expected, "{subject}");
    }

    #[test]
    fn subjects() {
        check("alice", "user:alice OR as:alice");
        check(
            "system:serviceaccount:prod:x",
            "user:system:serviceaccount:prod:x OR as:system:serviceaccount:prod:x",
        );
        check("https://issuer/#a", "user:https://issuer/#a OR as:https://issuer/#a");
        check("10.0.0.0/8", "sourceIP:10.0.0.0/8");
        check("secrets/db", "resource:secrets name:db");
        check("deployments.apps/prod/web", "resource:deployments name:web ns:prod apiGroup:apps");
        check("pods/", "`pods/` names no object");
    }
}
