//! Keeps PROTOCOL.md, the test vectors and the code the same thing.
//!
//! `reference` is a second, independent reading of the document for what matters most, so that a mistake in the crate
//! cannot confirm itself. `VESTIBULE_WRITE_VECTORS=1` rewrites the vectors; every other run only compares.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod document;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod repairs;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod types;
#[cfg(test)]
mod vectors;
