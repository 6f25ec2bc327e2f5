//! A map from strings to sets of rules, made for a handful of short keys and many look-ups that find nothing.

use crate::model::Rule;

pub(super) const WORD_BITS: usize = u64::BITS as usize;

/// value → rules that a request with this value can match, as one bit a rule.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Bit `n` (63 for longer) is set when some key has `n` bytes; most look-ups end here.
    lengths: u64,
    /// A power of two, at least twice the number of keys; open addressing, linear probing.
    slots: Vec<Slot>,
    /// Row 0 is for values that are no key.
    rows: Vec<u64>,
    /// How many words a row has.
    words: usize,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    hash: u64,
    /// Where the row begins; 0 for an empty slot.
    row: usize,
    key: Box<str>,
}

impl Table {
    /// `keys` are the values that a rule names; `always` says whether it matches every other value too.
    pub(super) fn new<'p, K: IntoIterator<Item = &'p str>>(
        rules: &'p [Rule],
        keys: impl Fn(&'p Rule) -> K,
        always: impl Fn(&'p Rule) -> bool,
    ) -> Self {
        let words = words(rules);
        let default = rules_where(rules, &always);
        let mut named: Vec<(&str, Vec<u64>)> = Vec::new();
        for (i, rule) in rules.iter().enumerate() {
            for key in keys(rule) {
                let row = match named.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, row)) => row,
                    None => {
                        named.push((key, default.clone()));
                        &mut named.last_mut().expect("just pushed").1
                    }
                };
                set(row, i);
            }
        }
        let mut table = Self {
            lengths: 0,
            slots: vec![Slot::default(); (named.len() * 2).next_power_of_two().max(2)],
            rows: default,
            words,
        };
        for (key, row) in named {
            table.insert(key, &row);
        }
        table
    }

    /// Whether there are no keys.
    pub(super) fn is_empty(&self) -> bool {
        self.lengths == 0
    }

    /// The rules for `value`.
    #[inline]
    pub(super) fn row(&self, value: &str) -> &[u64] {
        let start = if self.lengths & length_bit(value) == 0 { 0 } else { self.find(value) };
        &self.rows[start..start + self.words]
    }

    fn find(&self, value: &str) -> usize {
        let hash = hash(value.as_bytes());
        let mask = self.slots.len() - 1;
        let mut at = slot_of(hash) & mask;
        loop {
            let slot = &self.slots[at];
            if slot.row == 0 || (slot.hash == hash && *slot.key == *value) {
                return slot.row;
            }
            at = (at + 1) & mask;
        }
    }

    fn insert(&mut self, key: &str, row: &[u64]) {
        self.lengths |= length_bit(key);
        let hash = hash(key.as_bytes());
        let mask = self.slots.len() - 1;
        let mut at = slot_of(hash) & mask;
        while self.slots[at].row != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = Slot { hash, row: self.rows.len(), key: key.into() };
        self.rows.extend_from_slice(row);
    }
}

/// How many words hold a bit a rule; at least one.
pub(super) fn words(rules: &[Rule]) -> usize {
    rules.len().div_ceil(WORD_BITS).max(1)
}

/// The rules that `condition` holds for.
pub(super) fn rules_where<'p>(rules: &'p [Rule], condition: impl Fn(&'p Rule) -> bool) -> Vec<u64> {
    let mut row = vec![0; words(rules)];
    for (i, _) in rules.iter().enumerate().filter(|(_, rule)| condition(rule)) {
        set(&mut row, i);
    }
    row
}

/// Sets rule `index` in a row.
pub(super) fn set(row: &mut [u64], index: usize) {
    row[index / WORD_BITS] |= 1 << (index % WORD_BITS);
}

#[inline]
fn length_bit(value: &str) -> u64 {
    1 << value.len().min(WORD_BITS - 1)
}

/// Keys are the operator's own, so nothing here must withstand an attacker: a value that collides costs one
/// comparison more, never a wrong answer.
#[inline]
fn hash(bytes: &[u8]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let length = bytes.len() as u64;
    let (head, tail) = match bytes {
        [.., _, _, _, _, _, _, _, _] => (eight(&bytes[..8]), eight(&bytes[bytes.len() - 8..])),
        [.., _, _, _, _] => (four(&bytes[..4]), four(&bytes[bytes.len() - 4..])),
        [first, .., last] => (u64::from(*first), u64::from(*last) << 8 | u64::from(bytes[1]) << 16),
        [only] => (u64::from(*only), 0),
        [] => (0, 0),
    };
    let mixed = (head ^ length.wrapping_mul(K)).wrapping_mul(K) ^ tail.wrapping_mul(K).rotate_left(23);
    mixed ^ mixed >> 32
}

fn eight(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

fn four(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, |bytes| u64::from(u32::from_le_bytes(bytes)))
}

#[expect(clippy::cast_possible_truncation, reason = "only the low bits choose a slot")]
fn slot_of(hash: u64) -> usize {
    hash as usize
}
