//! A target's place among the others: its thread, and what that is to do once it has the answer that it waits for.
//!
//! A target's queue has one owner at a time. So another configuration is not started beside the old one: the thread itself
//! goes over to it, between two deliveries.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use auditward_base::clock;

use crate::config::Target;
use crate::notice::Feed;
use crate::notifier::StartError;
use crate::send::{self, Out, chain};
use crate::status::{Happened, Status};
use crate::waker::Waker;
use crate::worker::{Parts, Worker};

/// After an error of our own disk.
const REST: Duration = Duration::from_secs(5);

/// What all targets have in common.
#[derive(Clone)]
pub(crate) struct Common {
    /// Where queues and dead letters are kept.
    pub(crate) folder: PathBuf,
    pub(crate) feed: Arc<dyn Feed>,
    pub(crate) out: Out,
}

/// What a thread is to do next.
#[derive(Debug, Default)]
enum Order {
    #[default]
    GoOn,
    /// Be this target from now on.
    Be(Box<Target>),
    End,
    /// It does nothing any more.
    Ended,
}

/// A target at work. Clones are the same.
#[derive(Clone)]
pub(crate) struct Slot(Arc<Shared>);

struct Shared {
    name: String,
    common: Common,
    waker: Arc<Waker>,
    status: Arc<Mutex<Status>>,
    order: Mutex<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Slot {
    /// A target whose queue is written down; [`Slot::start`] sets it to work.
    pub(crate) fn new(name: &str, target: &Target, common: &Common) -> Result<(Self, Worker), StartError> {
        let shared = Shared {
            name: name.to_owned(),
            common: common.clone(),
            waker: Arc::default(),
            status: Arc::default(),
            order: Mutex::default(),
            thread: Mutex::default(),
        };
        let worker = shared.worker(target)?;
        Ok((Slot(Arc::new(shared)), worker))
    }

    pub(crate) fn start(&self, worker: Worker) -> io::Result<()> {
        let shared = Arc::clone(&self.0);
        let thread = thread::Builder::new().name(format!("notify {}", self.0.name));
        let thread = thread.spawn(move || shared.work(worker))?;
        *lock(&self.0.thread) = Some(thread);
        Ok(())
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn wake(&self) {
        self.0.waker.wake();
    }

    /// Has it be this target from the next delivery on. False if it has ended.
    pub(crate) fn be(&self, target: &Target) -> bool {
        self.order(Order::Be(Box::new(target.clone())))
    }

    /// Has it end after the delivery that it is at.
    pub(crate) fn end(&self) {
        self.order(Order::End);
    }

    fn order(&self, new: Order) -> bool {
        let mut order = lock(&self.0.order);
        if matches!(*order, Order::Ended) {
            return false;
        }
        *order = new;
        self.0.waker.stop();
        true
    }

    /// Whether it has ended, or is about to.
    pub(crate) fn is_leaving(&self) -> bool {
        matches!(*lock(&self.0.order), Order::End | Order::Ended)
    }

    pub(crate) fn has_ended(&self) -> bool {
        lock(&self.0.thread).as_ref().is_none_or(JoinHandle::is_finished)
    }

    pub(crate) fn status(&self) -> Status {
        let mut status = lock(&self.0.status).clone();
        if self.has_ended() && !self.is_leaving() {
            let what = "its thread has ended, which must not happen; a reload begins it anew".to_owned();
            status.last_error = Some(Happened { at: clock::micros(clock::now()), what });
        }
        status
    }
}

impl Shared {
    fn worker(&self, target: &Target) -> Result<Worker, StartError> {
        let name = || self.name.clone();
        let sender = send::sender(&self.name, target, &self.common.out);
        let sender = sender.map_err(|source| StartError::Target { target: name(), source })?;
        let parts = Parts::new(&self.common, Arc::clone(&self.waker), Arc::clone(&self.status));
        Worker::new(&self.name, target, parts, sender)
            .map_err(|source| StartError::Queue { target: name(), source })
    }

    fn work(&self, mut worker: Worker) {
        loop {
            worker.run_until_stopped();
            let Some(next) = self.next(worker) else { return };
            worker = next;
        }
    }

    /// The worker after this one; `None` at the end.
    fn next(&self, old: Worker) -> Option<Worker> {
        let counts = old.counts();
        drop(old);
        let mut target = self.take()?;
        loop {
            match self.worker(&target) {
                Ok(mut worker) => {
                    worker.count_from(counts);
                    return Some(worker);
                }
                Err(error) => {
                    let what = chain(&error);
                    lock(&self.status).last_error = Some(Happened { at: clock::micros(clock::now()), what });
                }
            }
            // What is in the way may go, and another order may come.
            self.waker.wait(self.waker.known(), REST);
            if self.waker.stopped() {
                target = self.take()?;
            }
        }
    }

    /// Takes an order to be another target; `None` if it is to end.
    fn take(&self) -> Option<Box<Target>> {
        let mut order = lock(&self.order);
        match std::mem::take(&mut *order) {
            Order::Be(target) => {
                self.waker.go_on();
                Some(target)
            }
            _ => {
                *order = Order::Ended;
                None
            }
        }
    }
}

/// What is kept behind these locks is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
