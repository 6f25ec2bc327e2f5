//! The keys of the newest events, to know an event again.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use crate::append::Key;

/// At most `max` keys and those of appends on their way, each with its event's position; the oldest go first.
#[derive(Debug)]
pub(crate) struct Window {
    max: usize,
    /// Hashed with a key of our own: whoever makes events may know how theirs are called.
    places: HashMap<Key, u64>,
    order: VecDeque<(u64, Key)>,
}

impl Window {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, places: HashMap::new(), order: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Where the event of this key is; it is remembered to be at `position` if it is nowhere. Positions must grow.
    pub(crate) fn place(&mut self, key: Key, position: u64) -> Option<u64> {
        if self.max == 0 {
            return None;
        }
        match self.places.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => return Some(*known.get()),
            std::collections::hash_map::Entry::Vacant(free) => free.insert(position),
        };
        self.order.push_back((position, key));
        None
    }

    /// Lets the oldest go. Only when the new ones are on disk: what fails must not push out what is known.
    pub(crate) fn trim(&mut self) {
        let more = self.order.len().saturating_sub(self.max);
        for (_, oldest) in self.order.drain(..more) {
            self.places.remove(&oldest);
        }
    }

    /// Forgets what was never written.
    pub(crate) fn forget_from(&mut self, position: u64) {
        while let Some((_, key)) = self.order.pop_back_if(|(at, _)| *at >= position) {
            self.places.remove(&key);
        }
    }

    /// Forgets what is lost, so that it is taken when it comes again.
    pub(crate) fn forget(&mut self, lost: &Range<u64>) {
        let (start, end) = self.span(lost);
        for (_, key) in self.order.drain(start..end) {
            self.places.remove(&key);
        }
    }

    /// The keys of these positions.
    pub(crate) fn keys(&self, positions: &Range<u64>) -> impl Iterator<Item = (u64, Key)> {
        let (start, end) = self.span(positions);
        self.order.range(start..end).copied()
    }

    /// The oldest position that is remembered.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.order.front().map(|(position, _)| *position)
    }

    fn span(&self, positions: &Range<u64>) -> (usize, usize) {
        let start = self.order.partition_point(|(at, _)| *at < positions.start);
        let end = self.order.partition_point(|(at, _)| *at < positions.end);
        (start, end.max(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        [number; 16]
    }

    #[test]
    fn the_oldest_go_first() {
        let mut window = Window::new(3);
        for number in 0..5 {
            assert_eq!(window.place(key(number), 10 + u64::from(number)), None);
        }
        window.trim();
        assert_eq!((window.len(), window.oldest()), (3, Some(12)));
        assert_eq!(window.place(key(4), 99), Some(14));
        assert_eq!(window.place(key(0), 20), None);
        assert_eq!(window.keys(&(13..20)).map(|(at, _)| at).collect::<Vec<_>>(), [13, 14]);
    }

    #[test]
    fn what_is_forgotten_is_new_again() {
        let mut window = Window::new(10);
        for number in 0..6 {
            window.place(key(number), u64::from(number));
        }
        window.forget_from(4);
        window.forget(&(1..3));
        assert_eq!(window.keys(&(0..9)).map(|(at, _)| at).collect::<Vec<_>>(), [0, 3]);
        assert_eq!(window.place(key(5), 4), None);
        assert_eq!(window.place(key(1), 5), None);
        assert_eq!(window.place(key(3), 6), Some(3));
    }

    #[test]
    fn a_window_of_nothing_knows_nothing() {
        let mut window = Window::new(0);
        assert_eq!(window.place(key(1), 0), None);
        assert_eq!(window.place(key(1), 1), None);
    }
}
