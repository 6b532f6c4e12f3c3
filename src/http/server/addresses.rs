//! How many connections each address holds, so that no single one can take them all.
//!
//! Must not know: what is done on a connection.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An IPv6 client has at least a /64 to choose addresses from: that much of one counts as a single address.
const IPV6_PREFIX: u32 = 64;

/// The connections of each address.
#[derive(Debug, Default)]
pub struct Addresses(Mutex<HashMap<IpAddr, usize>>);

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub struct Counted {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// Counts one more connection of `address`; `None` when it has `limit` already.
    pub fn count(self: &Arc<Self>, address: IpAddr, limit: usize) -> Option<Counted> {
        let address = network(address);
        let mut connections = self.lock();
        let held = connections.entry(address).or_insert(0);
        if *held >= limit {
            return None;
        }
        *held += 1;
        Some(Counted { addresses: Arc::clone(self), address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut connections = self.addresses.lock();
        if let Some(held) = connections.get_mut(&self.address) {
            *held -= 1;
            if *held == 0 {
                connections.remove(&self.address);
            }
        }
    }
}

/// What of an address tells one client from another.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - IPV6_PREFIX))).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_its_own_count_and_what_ends_is_given_back() {
        let addresses = Arc::new(Addresses::default());
        let count = |address: &str| addresses.count(address.parse().expect("an address"), 2);
        let held = [count("203.0.113.7"), count("::ffff:203.0.113.7")];
        assert!(held.iter().all(Option::is_some));
        assert!(count("203.0.113.7").is_none(), "IPv4 in IPv6 is the same address");
        let other = count("203.0.113.8");
        assert!(other.is_some());
        let sixes = [count("2001:db8::1"), count("2001:db8::2:1")];
        assert!(sixes.iter().all(Option::is_some));
        assert!(count("2001:db8::3").is_none(), "one client has a whole /64");
        assert!(count("2001:db8:0:1::3").is_some());
        drop((held, other, sixes));
        assert!(addresses.lock().is_empty());
    }
}
