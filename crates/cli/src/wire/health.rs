//! What does not work at the moment, by worker: for `/readyz`, for metrics, and once on stderr when it begins and ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use auditward_server::ports::{self, Part, Readiness};

use crate::output;

/// The troubles there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    troubles: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Health {
    /// Something does not work; told when it is new.
    pub(crate) fn trouble(&self, who: &str, what: &str) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if troubles.get(who).is_none_or(|before| before != what) {
            output::talk(&format!("{who}: {what}"));
            troubles.insert(who.to_owned(), what.to_owned());
        }
    }

    /// It works again.
    pub(crate) fn fine(&self, who: &str) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if troubles.remove(who).is_some() {
            output::talk(&format!("{who}: works again"));
        }
    }

    /// Whether somebody has trouble.
    pub(crate) fn has_trouble(&self, who: &str) -> bool {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).contains_key(who)
    }

    /// All there are, by who has them.
    pub(crate) fn troubles(&self) -> BTreeMap<String, String> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ports::Health for Health {
    /// Nothing that a worker meets is healed by a restart: each tries again by itself.
    fn live(&self) -> bool {
        true
    }

    fn ready(&self) -> Readiness {
        let part = |(name, why)| Part { name, ready: false, why: Some(why) };
        Readiness { parts: self.troubles().into_iter().map(part).collect() }
    }
}
