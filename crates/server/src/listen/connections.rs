//! How many connections there are, altogether and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The connections that are open.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Shared>);

struct Shared {
    max: usize,
    per_address_max: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Whether one more comes in.
pub(crate) enum Entry {
    In(Place),
    TooMany,
    TooManyFromThere,
}

/// A connection's place; it is free again when this is dropped.
pub(crate) struct Place {
    from: IpAddr,
    shared: Arc<Shared>,
}

impl Connections {
    pub(crate) fn new(max: usize, per_address_max: usize) -> Self {
        Self(Arc::new(Shared { max, per_address_max, open: Mutex::default() }))
    }

    pub(crate) fn enter(&self, from: IpAddr) -> Entry {
        let from = house_of(from);
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.0.max {
            return Entry::TooMany;
        }
        if open.by_address.get(&from).is_some_and(|count| *count >= self.0.per_address_max) {
            return Entry::TooManyFromThere;
        }
        open.all += 1;
        *open.by_address.entry(from).or_default() += 1;
        Entry::In(Place { from, shared: Arc::clone(&self.0) })
    }

    pub(crate) fn count(&self) -> usize {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    pub(crate) fn max(&self) -> usize {
        self.0.max
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        match open.by_address.get_mut(&self.from) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = open.by_address.remove(&self.from),
        }
    }
}

/// Whoever has one IPv6 address has the 2⁶⁴ beside it.
fn house_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_and_no_more() {
        let connections = Connections::new(3, 2);
        let enter = |from: &str| connections.enter(from.parse().unwrap());
        let Entry::In(first) = enter("10.0.0.1") else { panic!() };
        let Entry::In(_second) = enter("::ffff:10.0.0.1") else { panic!() };
        assert!(matches!(enter("10.0.0.1"), Entry::TooManyFromThere));
        let Entry::In(_third) = enter("10.0.0.2") else { panic!() };
        assert!(matches!(enter("10.0.0.3"), Entry::TooMany));
        assert_eq!(connections.count(), 3);
        drop(first);
        assert!(matches!(enter("10.0.0.1"), Entry::In(_)));
        assert_eq!(connections.count(), 2);
    }

    #[test]
    fn neighbours_of_one_network_share() {
        let connections = Connections::new(9, 1);
        let Entry::In(_first) = connections.enter("2001:db8::1".parse().unwrap()) else { panic!() };
        assert!(matches!(connections.enter("2001:db8::2".parse().unwrap()), Entry::TooManyFromThere));
        assert!(matches!(connections.enter("2001:db8:0:1::2".parse().unwrap()), Entry::In(_)));
    }
}
