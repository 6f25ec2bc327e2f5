//! Why a question has no answer.

use auditward_expr::BadMatch;
use datafusion::common::DataFusionError;
use thiserror::Error;

use crate::UnknownField;

/// Why a question has no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScanError {
    /// What was searched for does not compile.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Pattern(Vec<BadMatch>),
    /// There is no such field to count by.
    #[error(transparent)]
    Field(#[from] UnknownField),
    /// The SQL is wrong, or does something else than ask.
    #[error("{0}")]
    Sql(String),
    /// It took too much.
    #[error(transparent)]
    Given(#[from] Given),
    /// A file that is damaged, a disk that fails.
    #[error("could not read the store")]
    Store(#[source] DataFusionError),
    /// The engine could not be made: the spill folder, threads.
    #[error("could not prepare for queries")]
    Prepare(#[source] DataFusionError),
    /// A mistake of ours, or the program is ending.
    #[error("the query was broken off")]
    Broken,
}

/// A question that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Given {
    /// The time limit.
    #[error("the query took longer than {0:?}; ask for a shorter time or fewer columns")]
    Time(std::time::Duration),
    /// The memory limit, and that of the spill folder if it could spill.
    #[error("the query needs more memory than its limit; ask for a shorter time or fewer columns")]
    Memory,
}

impl From<Vec<BadMatch>> for ScanError {
    fn from(bad: Vec<BadMatch>) -> Self {
        ScanError::Pattern(bad)
    }
}

impl From<DataFusionError> for ScanError {
    fn from(error: DataFusionError) -> Self {
        if is_exhausted(&error) { ScanError::Given(Given::Memory) } else { ScanError::Store(error) }
    }
}

/// Whether memory, or the spill folder, was used up. Of the folder `DataFusion` tells Arrow, which keeps nothing but the text.
pub(crate) fn is_exhausted(error: &DataFusionError) -> bool {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => true,
        DataFusionError::ArrowError(error, _) => error.to_string().contains("disk space during the spilling"),
        _ => false,
    }
}
