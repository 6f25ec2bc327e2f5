//! Names that nobody else has.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

use crate::digest::hex;

/// 32 hexadecimal digits that nobody can guess and nobody else was given.
pub fn random_id() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    // Up to 256 bytes come whole or not at all.
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(hex(&bytes))
}
