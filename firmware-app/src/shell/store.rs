//! What the kiosk keeps on disk beside its key: its place in a meeting, its settings, the relay it trusts. Each is a
//! small file that is replaced whole, so that a power cut leaves the old one or the new one.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vestibule_common::id::PeerId;

use super::watch::Watch;

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

    /// Starts the thread that writes.
    ///
    /// Errors: the system's, when a thread cannot be had.
    pub(super) fn keep(self, watch: &Watch) -> io::Result<Keeper> {
        let desk = Arc::new(Desk::default());
        let (theirs, end) = (desk.clone(), watch.end("store"));
        let work = move || {
            // Dropped also when the stack unwinds.
            let _end = end;
            theirs.work(&self);
        };
        let thread = thread::Builder::new().name("store".into()).spawn(work)?;
        Ok(Keeper { desk, thread: Some(thread) })
    }

    /// A full disk is a warning: the meeting goes on.
    fn write(&self, name: &str, bytes: Option<&[u8]>) {
        let path = self.folder.join(name);
        let result = match bytes {
            Some(bytes) => self.replace(name, bytes),
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

/// Writes the files on a thread of its own: a slow card takes seconds for what the room must not wait for. Of several
/// changes of one file only the newest is written. Dropping it waits until everything is.
pub struct Keeper {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

/// What waits to be written.
#[derive(Default)]
struct Desk {
    papers: Mutex<Papers>,
    changed: Condvar,
}

#[derive(Default)]
struct Papers {
    /// `None` deletes the file. One entry a file: there are three.
    waiting: BTreeMap<&'static str, Option<Vec<u8>>>,
    /// One of them is being written just now.
    writing: bool,
    closing: bool,
}

impl Keeper {
    /// Has one of the files written, or deleted, soon.
    pub fn save<T: Serialize>(&self, name: &'static str, value: Option<&T>) {
        let bytes = match value.map(serde_json::to_vec_pretty).transpose() {
            Ok(bytes) => bytes,
            Err(error) => return log::warn!("{name} cannot be written: {error}"),
        };
        self.desk.lock().waiting.insert(name, bytes);
        self.desk.changed.notify_one();
    }

    /// How many files are not on the disk yet as they were last saved: a power cut finds the older ones.
    pub fn unwritten(&self) -> usize {
        let papers = self.desk.lock();
        papers.waiting.len() + usize::from(papers.writing)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.desk.lock().closing = true;
        self.desk.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::warn!("the thread that writes the kiosk's files has panicked");
        }
    }
}

impl Desk {
    fn work(&self, store: &Store) {
        loop {
            let nothing = |papers: &mut Papers| papers.waiting.is_empty() && !papers.closing;
            let mut papers =
                self.changed.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
            let Some((name, bytes)) = papers.waiting.pop_first() else { return };
            papers.writing = true;
            drop(papers);
            store.write(name, bytes.as_deref());
            self.lock().writing = false;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Papers> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_file_is_on_the_disk_when_the_keeper_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let keeper = store.clone().keep(&super::super::watch::watch().0).unwrap();
        keeper.save("relay.json", Some(&1));
        for n in 0..100 {
            keeper.save("ticket.json", Some(&n));
            keeper.save("settings.json", Some(&(n + 1)));
        }
        keeper.save::<u32>("relay.json", None);
        drop(keeper);
        assert_eq!(store.load::<u32>("ticket.json"), Some(99));
        assert_eq!(store.load::<u32>("settings.json"), Some(100));
        assert_eq!(store.load::<u32>("relay.json"), None);
    }
}
