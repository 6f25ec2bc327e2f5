//! `DataFusion`, with its bounds.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auditward_store::Store;
use auditward_store::alerts::AlertLog;
use datafusion::common::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use tokio::runtime::Runtime;

use crate::{Given, ScanError};

/// What a question may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Memory that all questions together may take for sorting, grouping and joining.
    pub memory_bytes: usize,
    /// Where they go on when it is full. Emptied by whoever starts the program, not here.
    pub spill_folder: PathBuf,
    /// How much may lie there.
    pub spill_bytes: u64,
    /// How long one question may take.
    pub time: Duration,
    /// How many threads answer questions.
    pub threads: usize,
    /// How many events are looked at first by whoever wants the newest few that match; more if they are not among them.
    pub slice_rows: usize,
    /// How many events one page has at most, whatever was asked for.
    pub page_events: usize,
    /// How many bytes the events of one page have at most, but for a single one that has more.
    pub page_bytes: usize,
}

impl Limits {
    /// With a folder to spill to, and what suits most.
    pub fn new(spill_folder: impl Into<PathBuf>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Limits {
            memory_bytes: 512 << 20,
            spill_folder: spill_folder.into(),
            spill_bytes: 8 << 30,
            time: Duration::from_mins(1),
            threads: cores.min(8),
            slice_rows: 16_384,
            page_events: 10_000,
            page_bytes: 64 << 20,
        }
    }
}

/// Answers questions to a store. Clones are the same.
#[derive(Clone)]
pub struct Scan {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) alerts: Option<AlertLog>,
    pub(crate) limits: Limits,
    pub(crate) context: SessionContext,
    /// By file: whether it has odd rows. Forgets files that are gone.
    pub(crate) odd: Mutex<BTreeMap<u64, bool>>,
    /// Taken away when all is over.
    runtimes: Option<Runtimes>,
}

/// Threads to work on. Statements have their own: planning one, and a function that makes much of little, give no other
/// question a turn.
struct Runtimes {
    questions: Runtime,
    statements: Runtime,
}

impl Runtimes {
    fn new(threads: usize) -> io::Result<Self> {
        let build = |name: &str| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(threads.max(1))
                .thread_name(name)
                // Plans are trees, and not all of DataFusion looks after its stack. Memory is taken only as it is used.
                .thread_stack_size(STACK_BYTES)
                .enable_all()
                .build()
        };
        Ok(Runtimes { questions: build("query")?, statements: build("sql")? })
    }
}

impl Scan {
    /// `alerts`: what the view `alerts` shows.
    pub fn new(store: Store, alerts: Option<AlertLog>, limits: Limits) -> Result<Self, ScanError> {
        let failed = |source: io::Error| ScanError::Prepare(DataFusionError::IoError(source));
        std::fs::create_dir_all(&limits.spill_folder).map_err(failed)?;
        let runtimes = Some(Runtimes::new(limits.threads).map_err(failed)?);
        let context = SessionContext::new_with_config_rt(config(&limits), environment(&limits)?);
        for name in AMPLIFIERS {
            context.deregister_udf(name);
        }
        let odd = Mutex::new(BTreeMap::new());
        Ok(Scan { inner: Arc::new(Inner { store, alerts, limits, context, odd, runtimes }) })
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Waits for an answer, on a thread that is no runtime's.
    pub fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        match &self.inner.runtimes {
            Some(runtimes) => runtimes.questions.block_on(answer),
            None => unreachable!("it is there until the last clone is dropped"),
        }
    }

    /// Runs on threads of its own, within the time limit; given up if nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ScanError>> + Send + 'static,
    ) -> Result<T, ScanError> {
        self.in_time(self.spawn(work)).await
    }

    /// The same of a statement in SQL.
    pub(crate) async fn run_statement<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ScanError>> + Send + 'static,
    ) -> Result<T, ScanError> {
        self.in_time(self.spawn_statement(work)).await
    }

    /// The time is looked at by who waits: what works may not look up for long.
    async fn in_time<T>(&self, task: Task<Result<T, ScanError>>) -> Result<T, ScanError> {
        let time = self.inner.limits.time;
        match tokio::time::timeout(time, task).await {
            Ok(answer) => answer.unwrap_or(Err(ScanError::Broken)),
            Err(_) => Err(Given::Time(time).into()),
        }
    }

    /// Runs on threads of its own.
    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Task<T> {
        let runtimes = self.inner.runtimes.as_ref();
        Task(runtimes.map(|runtimes| runtimes.questions.spawn(work)))
    }

    /// Runs on the threads of statements.
    pub(crate) fn spawn_statement<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let runtimes = self.inner.runtimes.as_ref();
        Task(runtimes.map(|runtimes| runtimes.statements.spawn(work)))
    }
}

impl Scan {
    /// The same context for reading in order: one thread, so many rows at a time.
    pub(crate) fn one_by_one(&self, rows: usize) -> SessionContext {
        let config = self.inner.context.copied_config().with_target_partitions(1).with_batch_size(rows);
        SessionContext::new_with_config_rt(config, self.inner.context.runtime_env())
    }
}

impl Drop for Inner {
    /// The last clone may be dropped by a task, which must not wait for tasks.
    fn drop(&mut self) {
        if let Some(Runtimes { questions, statements }) = self.runtimes.take() {
            questions.shutdown_background();
            statements.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}

/// Enough for a plan of [`crate::statement::WORDS_MAX`] levels.
const STACK_BYTES: usize = 128 << 20;

/// Functions of which one call makes gigabytes of nothing, without a moment at which it could be stopped. (`generate_series`
/// and `range` as tables make rows as they are read.)
const AMPLIFIERS: [&str; 9] = [
    "repeat",
    "lpad",
    "rpad",
    "range",
    "generate_series",
    "array_repeat",
    "array_resize",
    // To a text of a fixed length.
    "arrow_cast",
    "arrow_try_cast",
];

/// A task that ends when nobody waits for it.
#[derive(Debug)]
pub(crate) struct Task<T>(Option<tokio::task::JoinHandle<T>>);

impl<T> Future for Task<T> {
    type Output = Option<T>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        match &mut self.0 {
            Some(handle) => std::pin::Pin::new(handle).poll(context).map(Result::ok),
            None => std::task::Poll::Ready(None),
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}

impl Inner {
    pub(crate) fn odd(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, bool>> {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rows that are on their way together: few enough that their bodies are no matter, enough to be fast.
const BATCH_ROWS: usize = 4096;

fn config(limits: &Limits) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.threads.max(1))
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(true)
        .with_collect_statistics(true);
    let options = config.options_mut();
    // Each step may double what the one before made.
    options.execution.enable_recursive_ctes = false;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.execution.time_zone = Some("UTC".to_owned());
    // In the usual one `cluster` is a word of its own, which cannot name a column behind a comma.
    options.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    // What each of the sorts of one query keeps back to be able to merge what it has spilled: a quarter in all.
    options.execution.sort_spill_reservation_bytes = limits.memory_bytes / limits.threads.max(1) / 4;
    config
}

/// How much of files' metadata is kept: a file of a million rows has some hundred kilobytes.
const METADATA_BYTES: usize = 64 << 20;

fn environment(limits: &Limits) -> Result<Arc<RuntimeEnv>, ScanError> {
    const CULPRITS_NAMED: NonZeroUsize = NonZeroUsize::MIN;
    let pool = TrackConsumersPool::new(FairSpillPool::new(limits.memory_bytes), CULPRITS_NAMED);
    let spill = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![limits.spill_folder.clone()]))
        .with_max_temp_directory_size(limits.spill_bytes);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_disk_manager_builder(spill)
        .with_metadata_cache_limit(METADATA_BYTES)
        .build_arc()
        .map_err(ScanError::Prepare)
}
