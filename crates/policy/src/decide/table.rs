//! A map from strings to sets of rules that is fast because it may say too much.

use std::hint::select_unpredictable;

use crate::model::Rule;

pub(super) const WORD_BITS: usize = u64::BITS as usize;

/// How many rows a table has at least, if it has any. The tables of an ordinary policy still fit into the first
/// cache.
const ROWS_MIN: usize = 1 << 7;

/// Tables do not grow beyond this many rows; more keys share them.
const ROWS_MAX: usize = 1 << 12;

/// value → rules that a request with this value may match, as one bit a rule.
///
/// A value's length and two of its bytes choose the row, and no key is compared. So a row is right for the keys
/// that fall on it, all of them together, and says too much for another value that does.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The first word of each row, then the second of each, and so on; none when there are no keys.
    rows: Vec<u64>,
    /// A power of two.
    rows_a_word: usize,
    /// How far a mixed value is shifted to number a row.
    shift: u32,
}

/// The values that one condition of a rule allows.
pub(super) enum Keys<'p> {
    Any,
    Of(Vec<&'p str>),
}

impl Table {
    pub(super) fn new<'p>(rules: &'p [Rule], keys: impl Fn(&'p Rule) -> Keys<'p>) -> Self {
        let allowed: Vec<Keys<'p>> = rules.iter().map(keys).collect();
        let mut distinct: Vec<&str> = allowed.iter().flat_map(Keys::named).copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.is_empty() {
            return Self { rows: Vec::new(), rows_a_word: 0, shift: 0 };
        }
        // Many more rows than keys, so that few other values fall on a key's row.
        let rows_a_word = (distinct.len() * 8).next_power_of_two().clamp(ROWS_MIN, ROWS_MAX);
        let any = allowed.chunks(WORD_BITS).map(|keys| bits(keys, |keys| matches!(keys, Keys::Any)));
        let mut table = Self {
            rows: any.flat_map(|any| std::iter::repeat_n(any, rows_a_word)).collect(),
            rows_a_word,
            shift: u32::BITS - rows_a_word.trailing_zeros(),
        };
        for (i, keys) in allowed.iter().enumerate() {
            for key in keys.named() {
                let at = i / WORD_BITS * rows_a_word + table.row(key);
                table.rows[at] |= 1 << (i % WORD_BITS);
            }
        }
        table
    }

    /// The rules for `value`, of those of one word.
    #[inline]
    pub(super) fn word(&self, value: &str, word: usize) -> u64 {
        if self.rows.is_empty() {
            return u64::MAX;
        }
        self.rows[word * self.rows_a_word + self.row(value)]
    }

    #[inline]
    fn row(&self, value: &str) -> usize {
        (mix(value) >> self.shift) as usize
    }
}

impl<'p> Keys<'p> {
    fn named(&self) -> &[&'p str] {
        match self {
            Keys::Any => &[],
            Keys::Of(keys) => keys,
        }
    }
}

/// A bit for each of up to 64 things that `condition` holds for.
pub(super) fn bits<T>(things: &[T], condition: impl Fn(&T) -> bool) -> u64 {
    things.iter().rev().fold(0, |bits, thing| bits << 1 | u64::from(condition(thing)))
}

/// Length, first and last byte, spread over 32 bits: without a branch, and enough to tell apart the verbs,
/// resources, users and namespaces that there are.
#[inline]
fn mix(value: &str) -> u32 {
    // Many values are empty and many are not: a jump would often be guessed wrongly, and cost more than all the rest.
    let bytes = select_unpredictable(value.is_empty(), b"\0".as_slice(), value.as_bytes());
    let end = bytes.len() - 1;
    let [first, last] = [bytes[0], bytes[end]].map(u32::from);
    #[expect(clippy::cast_possible_truncation, reason = "its low bits will do")]
    let picked = end as u32 ^ first << 8 ^ last << 16;
    picked.wrapping_mul(0x9e37_79b1)
}
