//! What rules would have found: the events that a server has kept, in order of time, through the engine.

use std::path::{Path, PathBuf};

use auditward_detect::Engine;
use auditward_query::{Clusters, Search};

use super::pipeline::{self, Read};
use super::span::Span;
use super::{Args, Work};
use crate::ask::{self, Local, Source as _};
use crate::exit::{Failure, context};

/// Where from, if not from logs.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct HistoryArgs {
    /// Look at the events in this data folder of a server that is not running, instead of logs
    #[arg(long, value_name = "DIR", conflicts_with_all = ["logs", "follow", "state"])]
    pub(super) store: Option<PathBuf>,
}

/// Each cluster has an engine of its own, as on a server: what is counted in one says nothing of another.
pub(super) fn run(store: &Path, span: Span, args: &Args, work: &mut Work) -> Result<Read, Failure> {
    /// As many as a server takes.
    const CLUSTERS_MAX: usize = 1_000;
    let within = Search::default().within(span.since, span.until);
    let local = Local::open(store)?;
    let clusters: Vec<String> = if args.cluster.is_empty() {
        let mut all = local.top(&within, "cluster", CLUSTERS_MAX)?.values;
        all.sort_by(|one, other| one.value.cmp(&other.value));
        all.into_iter().map(|value| value.value).collect()
    } else {
        vec![args.cluster.clone()]
    };
    let mut all = Read::default();
    for (i, cluster) in clusters.iter().enumerate() {
        if i > 0 {
            work.engine.finish(&mut work.alerts);
        }
        if !work.print()? {
            break;
        }
        work.engine = Engine::new(work.set.clone(), args.config(cluster));
        let search = Search { clusters: Clusters::only(cluster), ..within.clone() };
        let mut events = local.scan().export(&search).map_err(ask::failed)?;
        let mut next = || match events.wait_next() {
            None => Ok(None),
            Some(Ok(hit)) => Ok(Some(hit.event)),
            Some(Err(error)) => Err(context(format!("could not read the events of `{cluster}`"))(error)),
        };
        let read = pipeline::run_events(&mut next, args.threads(), work)?;
        all.events += read.events;
        all.bytes += read.bytes;
        all.broken += read.broken;
    }
    Ok(all)
}
