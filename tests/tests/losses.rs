//! Sound and pictures over links that lose, with three seeds, beside the table that was checked in. Virtual time makes it exact.
//! `VESTIBULE_WRITE_TABLE=1` writes a new one.

use std::path::Path;

use vestibule_tests::losses::{case, table};

#[test]
fn no_figure_became_worse() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/losses.txt");
    let table = table(&case::checked(), 3);
    if std::env::var_os("VESTIBULE_WRITE_TABLE").is_some() {
        std::fs::write(&path, table.lines()).unwrap();
    }
    let faults = table.compare(&std::fs::read_to_string(&path).unwrap());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
