//! The program `vestibule-relay`.

fn main() {}
