//! What std lacks, without a word of the domain.
