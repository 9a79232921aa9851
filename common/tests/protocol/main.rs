//! Keeps PROTOCOL.md, the test vectors and the code the same thing.
//!
//! `reference` is a second, independent reading of the document for what matters most, so that a mistake in the crate
//! cannot confirm itself. `VESTIBULE_WRITE_VECTORS=1` rewrites the vectors; every other run only compares.

mod bodies;
mod document;
mod reference;
mod samples;
mod types;
mod vectors;
