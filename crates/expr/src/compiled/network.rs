//! Networks: `10.0.0.0/8`.

use std::net::IpAddr;

use crate::field::fact::address;

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// `10.0.0.0/8`, `fd00::/8`, or one address. Bits behind the prefix do not count.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address_text, bits) = match text.split_once('/') {
            Some((address, bits)) if !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit()) => {
                (address, Some(bits.parse().ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let first: IpAddr = address_text.trim().parse().ok()?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits: u8 = bits.unwrap_or(most);
        if bits > most {
            return None;
        }
        // Written as IPv6, meant as IPv4.
        match (first.to_canonical(), first) {
            (v4 @ IpAddr::V4(_), IpAddr::V6(_)) if bits >= 96 => Some(Network { first: v4, bits: bits - 96 }),
            _ => Some(Network { first, bits }),
        }
    }

    pub(crate) fn contains(self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differs = u32::from(first) ^ u32::from(address);
                differs.checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differs = u128::from(first) ^ u128::from(address);
                differs.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Whether a text is an address in one of these.
pub(crate) fn any_contains(networks: &[Network], text: &str) -> bool {
    address(text).is_some_and(|address| networks.iter().any(|network| network.contains(address)))
}
