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
//! With vector instructions through `wide`; there is no `unsafe` here.

use wide::u8x16;

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
        let block = Vectors::of(block);
        let mut quotes = block.are(b'"');
        let backslashes = block.are(b'\\');
        if self.escaped | backslashes != 0 {
            quotes &= !self.escaped_by(backslashes);
        }
        let in_string = turned_over(quotes) ^ self.in_string;
        self.in_string = if in_string >> 63 == 0 { 0 } else { u64::MAX };
        if backslashes & !in_string != 0 {
            let place = (backslashes & !in_string).trailing_zeros() as usize;
            return Err(JsonError::new(at + place, JsonProblem::ExpectedValue));
        }
        // `[` and `{`, and `]` and `}`, differ in one bit each.
        let folded = block.with(0x20);
        let opening = folded.are(b'{') & !in_string;
        let closing = folded.are(b'}') & !in_string;
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

/// A block as the machine takes it.
#[derive(Clone, Copy)]
struct Vectors([u8x16; 4]);

impl Vectors {
    #[inline]
    fn of(block: &[u8; BLOCK]) -> Self {
        let (quarters, _) = block.as_chunks::<16>();
        let mut vectors = [u8x16::ZERO; 4];
        for (vector, quarter) in vectors.iter_mut().zip(quarters) {
            *vector = u8x16::new(*quarter);
        }
        Vectors(vectors)
    }

    /// Every byte with these bits set.
    #[inline]
    fn with(self, bits: u8) -> Self {
        Vectors(self.0.map(|vector| vector | u8x16::splat(bits)))
    }

    /// One bit for each byte that is this one, the first byte's lowest.
    #[inline]
    fn are(self, byte: u8) -> u64 {
        let [a, b, c, d] = self.0.map(|vector| u64::from(vector.simd_eq(u8x16::splat(byte)).to_bitmask()));
        a | b << 16 | c << 32 | d << 48
    }
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
