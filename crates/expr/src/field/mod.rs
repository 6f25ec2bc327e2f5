//! What fields yield; one file a vocabulary.

pub mod falco;
