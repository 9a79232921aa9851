//! The network's numbers in a file of their own beside the recordings, for whoever has to find out later why a meeting was
//! bad. Asked for by the caretaker, on the test page.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Room;

impl Room {
    /// Writes a table in the background, for a slow card takes its time. The room is told where it is, or why it is not.
    pub(super) fn write_network_log(&mut self, table: String) {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path = self.around.recordings.join(format!("network-{}.csv", unix.as_millis()));
        let written = self.network_written.clone();
        tokio::task::spawn_blocking(move || {
            let outcome = match write(&path, table.as_bytes()) {
                Ok(()) => Ok(path.display().to_string()),
                Err(error) => Err(format!("{}: {error}", path.display())),
            };
            if written.blocking_send(outcome).is_err() {
                log::debug!("the room has ended before the network's numbers were written");
            }
        });
    }
}

/// Writes a new file, readable by this user only; what could not be written whole is gone.
fn write(path: &Path, table: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(table).and_then(|()| file.sync_all()).inspect_err(|_| {
        if let Err(error) = std::fs::remove_file(path) {
            log::warn!("{}: {error}", path.display());
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_written_whole_and_none_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network-1.csv");
        write(&path, b"seconds,kind\r\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"seconds,kind\r\n");
        assert_eq!(write(&path, b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"seconds,kind\r\n");
    }
}
