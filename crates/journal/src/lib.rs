//! Events on disk before anyone is told that they are.
