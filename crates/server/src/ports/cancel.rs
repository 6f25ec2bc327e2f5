//! Whether anybody still waits for an answer.

use tokio::sync::watch;

/// Given to every question that may take long. It is cancelled when the client has gone, when the time for an answer is
/// over, and when the server stops.
#[derive(Clone, Debug)]
pub struct Cancel(watch::Receiver<()>);

/// Cancels when it is dropped.
#[derive(Debug)]
pub struct Canceller(#[expect(dead_code, reason = "its end is its message")] watch::Sender<()>);

impl Cancel {
    /// One, and what cancels it.
    pub fn new() -> (Canceller, Self) {
        let (sender, receiver) = watch::channel(());
        (Canceller(sender), Self(receiver))
    }

    /// Whether nobody waits any more.
    pub fn cancelled(&self) -> bool {
        self.0.has_changed().is_err()
    }

    /// Ends when nobody waits any more.
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        while receiver.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_when_the_other_half_is_gone() {
        let (canceller, cancel) = Cancel::new();
        let second = cancel.clone();
        assert!(!cancel.cancelled() && !second.cancelled());
        drop(canceller);
        assert!(cancel.cancelled() && second.cancelled());
    }
}
