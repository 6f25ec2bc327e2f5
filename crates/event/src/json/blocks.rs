//! The end of an array or object, 64 bytes at a time.
//!
//! For each block, one bit a byte says where quotes, backslashes and brackets are; from the quotes follows which bytes
//! are in strings, and outside of them it is enough to count brackets. A look at single bits is needed only in the first
//! block and the last.
//!
//! ```text
//! {"a":["}",{"b":"\""}]},          bytes
//!  1 1  1 1  1 1 1   1             quotes that are not escaped
//!  ██   ██   ██  ███               in a string: every quote turns it over
//! 1    1    1        1 11          brackets outside of strings
//! ```
//! Written so that the compiler makes vector instructions of it; there is no `unsafe` here.

use super::{DEPTH_MAX, JsonError, JsonProblem};

const BLOCK: usize = 64;
const EVEN: u64 = 0x5555_5555_5555_5555;

/// The place after the bracket that closes the one at `at`; `None` if there is none.
pub(super) fn container_end(bytes: &[u8], at: usize) -> Result<Option<usize>, JsonError> {
    let mut state = State { depth: 0, in_string: 0, escaped: 0 };
    let (blocks, rest) = bytes.get(at..).unwrap_or_default().as_chunks::<BLOCK>();
    for (i, block) in blocks.iter().enumerate() {
        if let Some(end) = state.block(block, at + i * BLOCK)? {
            return Ok(Some(end));
        }
    }
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    state.block(&last, at + blocks.len() * BLOCK)
}

struct State {
    /// Brackets that are open.
    depth: usize,
    /// All ones if the block begins in a string, else zero.
    in_string: u64,
    /// One if the first byte of the block is escaped, else zero.
    escaped: u64,
}

impl State {
    /// Where the container ends if it does so in this block, which starts at `at`.
    #[inline]
    fn block(&mut self, block: &[u8; BLOCK], at: usize) -> Result<Option<usize>, JsonError> {
        let mut quotes = bits(block, |byte| byte == b'"');
        let mut backslashes = 0;
        if self.escaped != 0 || block.iter().fold(0, |any, byte| any | u8::from(*byte == b'\\')) != 0 {
            backslashes = bits(block, |byte| byte == b'\\');
            quotes &= !self.escaped_by(backslashes);
        }
        let in_string = turned_over(quotes) ^ self.in_string;
        self.in_string = if in_string >> 63 == 0 { 0 } else { u64::MAX };
        if backslashes & !in_string != 0 {
            let place = (backslashes & !in_string).trailing_zeros() as usize;
            return Err(JsonError::new(at + place, JsonProblem::ExpectedValue));
        }
        // `[` and `{`, and `]` and `}`, differ in one bit each.
        let opening = bits(block, |byte| byte | 0x20 == b'{') & !in_string;
        let closing = bits(block, |byte| byte | 0x20 == b'}') & !in_string;
        let (opened, closed) = (opening.count_ones() as usize, closing.count_ones() as usize);
        if closed < self.depth && self.depth + opened <= DEPTH_MAX {
            self.depth = self.depth + opened - closed;
            return Ok(None);
        }
        self.brackets(opening, closing, at)
    }

    /// One bracket after the other.
    fn brackets(&mut self, opening: u64, closing: u64, at: usize) -> Result<Option<usize>, JsonError> {
        let mut both = opening | closing;
        while both != 0 {
            let place = at + both.trailing_zeros() as usize;
            let bit = both & both.wrapping_neg();
            if closing & bit != 0 {
                self.depth -= 1;
                if self.depth == 0 {
                    return Ok(Some(place + 1));
                }
            } else if self.depth == DEPTH_MAX {
                return Err(JsonError::new(place, JsonProblem::TooDeep));
            } else {
                self.depth += 1;
            }
            both ^= bit;
        }
        Ok(None)
    }

    /// Which bytes are escaped: those after a run of backslashes of odd length.
    fn escaped_by(&mut self, backslashes: u64) -> u64 {
        let effective = backslashes & !self.escaped;
        let follows = effective << 1 | self.escaped;
        // Adding a run's first bit to it carries to just behind its end. Runs that begin at an odd place are added, so
        // that behind each run it shows whether its end and its beginning have the same parity.
        let odd_starts = effective & !EVEN & !follows;
        let (sum, carried) = odd_starts.overflowing_add(effective);
        self.escaped = u64::from(carried);
        (EVEN ^ sum << 1) & follows
    }
}

/// One bit for each byte that `is` something, the first byte's lowest.
#[inline]
fn bits(block: &[u8; BLOCK], is: impl Fn(u8) -> bool) -> u64 {
    let mut found = [0u8; BLOCK];
    for (found, byte) in found.iter_mut().zip(block) {
        *found = u8::from(is(*byte));
    }
    let mut bits = 0;
    for (i, eight) in found.as_chunks::<8>().0.iter().enumerate() {
        // The product's top byte collects the lowest bit of each of the eight.
        let eight = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits |= eight << (8 * i);
    }
    bits
}

/// Each bit: whether an odd number of bits up to and including it is set.
#[inline]
fn turned_over(bits: u64) -> u64 {
    let mut bits = bits;
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}
