//! What the kiosk keeps on disk beside its key: its place in a meeting, its settings, the relay it trusts. Each is a
//! small file that is replaced whole, so that a power cut leaves the old one or the new one.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vestibule_common::id::PeerId;

/// The kiosk's folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// Why the folder cannot be used, worded for the caretaker.
#[derive(Debug)]
pub struct StoreError {
    path: PathBuf,
    what: &'static str,
    why: String,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.path.display(), self.what, self.why)
    }
}

impl std::error::Error for StoreError {}

/// The relay this kiosk trusts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PinnedRelay {
    /// Its key.
    pub peer: PeerId,
    /// Where it was last: `host:port`.
    pub address: String,
}

impl Store {
    /// Uses `folder`, making it if needed (readable by this user only).
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        let error = |why: io::Error| StoreError {
            path: folder.to_owned(),
            what: "cannot be used as the kiosk's folder; choose another with --state-dir",
            why: why.to_string(),
        };
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder).map_err(error)?;
        Ok(Store { folder: folder.to_owned() })
    }

    /// Reads one of the files. A damaged one counts as missing, with a warning.
    pub fn load<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.folder.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                log::warn!("{} cannot be read: {error}", path.display());
                return None;
            }
        };
        serde_json::from_slice(&bytes)
            .map_err(|error| log::warn!("{} is damaged and is not used: {error}", path.display()))
            .ok()
    }

    /// Writes one of the files, or deletes it. A full disk is a warning: the meeting goes on.
    pub fn save<T: Serialize>(&self, name: &str, value: Option<&T>) {
        let path = self.folder.join(name);
        let result = match value {
            Some(value) => serde_json::to_vec_pretty(value)
                .map_err(io::Error::other)
                .and_then(|json| self.replace(name, &json)),
            None => match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                result => result,
            },
        };
        if let Err(error) = result {
            log::warn!("{} cannot be written: {error}", path.display());
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.folder.join(format!(".{name}.new"));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, self.folder.join(name))?;
        File::open(&self.folder)?.sync_all()
    }
}
