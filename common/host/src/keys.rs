//! A program's identity on disk: one file with 32 secret bytes, made at the first start and kept.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use vestibule_common::id::PeerId;
use vestibule_common::identity::Identity;

/// The file's name within the state folder.
const FILE: &str = "identity.key";

/// The key, as text and as what it does.
pub struct Keys {
    /// The secret seed.
    pub seed: [u8; 32],
    /// What is made of it.
    pub identity: Identity,
    /// It was made just now.
    pub fresh: bool,
    /// Keeps other programs from running with it.
    _held: Option<File>,
}

/// Why there is no key, worded for whoever runs the program.
#[derive(Debug)]
pub enum IdentityError {
    /// The folder cannot be made or used.
    Folder(PathBuf, io::Error),
    /// The key file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The key file is not one.
    Corrupt(PathBuf),
    /// There is no key yet and none can be written.
    Unwritable(PathBuf, io::Error),
    /// The system gives no random bytes.
    NoRandomness(getrandom::Error),
    /// There is no key, and this command makes none.
    Missing(PathBuf),
    /// Another program runs with it.
    InUse(PathBuf),
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdentityError::Folder(dir, error)
                if [io::ErrorKind::AlreadyExists, io::ErrorKind::NotADirectory].contains(&error.kind()) =>
            {
                write!(
                    f,
                    "the state folder {} is no folder. Name another one with --state-dir.",
                    dir.display()
                )
            }
            IdentityError::Folder(dir, error) => write!(
                f,
                "the state folder {} cannot be used: {error}. Make it writable for this user, or name another one \
                 with --state-dir.",
                dir.display()
            ),
            IdentityError::Unreadable(file, error) => write!(
                f,
                "the key {} cannot be read: {error}. The program must run as the user who owns it.",
                file.display()
            ),
            IdentityError::Corrupt(file) => write!(
                f,
                "the key {} is damaged: it must hold 64 hexadecimal digits. Restore it from a backup. Without one, \
                 remove it: a new key is made, and whoever trusted the old one asks to confirm it.",
                file.display()
            ),
            IdentityError::Unwritable(file, error) => {
                write!(f, "the key {} cannot be written: {error}.", file.display())
            }
            IdentityError::NoRandomness(error) => {
                write!(f, "the system gives no random bytes for a key: {error}.")
            }
            IdentityError::Missing(file) => write!(
                f,
                "there is no key {}: the program has not run here, as this user and with this state folder. Start it, \
                 or name its folder with --state-dir.",
                file.display()
            ),
            IdentityError::InUse(dir) => write!(
                f,
                "the state folder {} is in use by another program that runs already. Stop that one, or name another \
                 folder with --state-dir.",
                dir.display()
            ),
        }
    }
}

impl std::error::Error for IdentityError {}

/// Reads the key in `dir`, or makes folder and key at the first start, and holds it: two programs with one identity would
/// put each other off the relay again and again.
pub fn hold_or_create(dir: &Path) -> Result<Keys, IdentityError> {
    let keys = load_or_create(dir)?;
    let file = dir.join(FILE);
    // A network file system locks only what may be written.
    let held = File::options().read(true).write(true).open(&file).or_else(|_| File::open(&file));
    let held = held.map_err(|error| IdentityError::Unreadable(file, error))?;
    match held.try_lock() {
        Ok(()) => Ok(Keys { _held: Some(held), ..keys }),
        Err(TryLockError::WouldBlock) => Err(IdentityError::InUse(dir.into())),
        // Some network file systems have no locks.
        Err(TryLockError::Error(error)) => {
            log::debug!("{} cannot be locked: {error}", dir.display());
            Ok(keys)
        }
    }
}

/// Reads the key in `dir`, or makes folder and key at the first start.
fn load_or_create(dir: &Path) -> Result<Keys, IdentityError> {
    let folder = |error| IdentityError::Folder(dir.into(), error);
    create_private_dir(dir).map_err(folder)?;
    match load(dir) {
        Err(IdentityError::Missing(file)) => {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(IdentityError::NoRandomness)?;
            let text = format!("{}\n", PeerId(seed));
            let written = create(&file, text.as_bytes());
            match written {
                Ok(()) => Ok(Keys { seed, identity: Identity::from_seed(&seed), fresh: true, _held: None }),
                // Another process was faster; its key counts.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load(dir),
                Err(error) => Err(IdentityError::Unwritable(file, error)),
            }
        }
        other => other,
    }
}

/// Reads the key in `dir`; makes nothing.
pub fn load(dir: &Path) -> Result<Keys, IdentityError> {
    let file = dir.join(FILE);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(IdentityError::Missing(file)),
        Err(error) => return Err(IdentityError::Unreadable(file, error)),
    };
    let digits = std::str::from_utf8(&text).ok().map(str::trim);
    let Some(Ok(PeerId(seed))) = digits.map(str::parse::<PeerId>) else {
        return Err(IdentityError::Corrupt(file));
    };
    make_private(&file);
    Ok(Keys { seed, identity: Identity::from_seed(&seed), fresh: false, _held: None })
}

/// Writes a file that only this user can read, whole or not at all, and never over another one.
fn create(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = file.with_extension(format!("{}.draft", std::process::id()));
    let _ = fs::remove_file(&draft);
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&draft)?;
    let written =
        out.write_all(bytes).and_then(|()| out.sync_all()).and_then(|()| fs::hard_link(&draft, file));
    let written = match written {
        // A file system without hard links (FAT): a rename is as whole, only two processes at once could collide.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !file.exists() => {
            fs::rename(&draft, file)
        }
        other => other,
    };
    let _ = fs::remove_file(&draft);
    written?;
    #[cfg(unix)]
    if let Some(dir) = file.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Takes the key away from other users, should somebody have copied it carelessly.
fn make_private(file: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let Ok(metadata) = fs::metadata(file) else { return };
        if metadata.permissions().mode() & 0o077 != 0 {
            log::warn!("the key {} could be read by other users; it no longer can", file.display());
            if let Err(error) = fs::set_permissions(file, fs::Permissions::from_mode(0o600)) {
                log::warn!("it still can: {error}");
            }
        }
    }
    #[cfg(not(unix))]
    let _ = file;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        assert!(matches!(load(&inner), Err(IdentityError::Missing(_))));
        let first = load_or_create(&inner).unwrap();
        assert!(first.fresh);
        let second = load_or_create(&inner).unwrap();
        assert!(!second.fresh);
        assert_eq!(first.identity.peer(), second.identity.peer());
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn one_program_at_a_time_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let held = hold_or_create(dir.path()).unwrap();
        assert!(matches!(hold_or_create(dir.path()), Err(IdentityError::InUse(_))));
        assert_eq!(
            load(dir.path()).unwrap().identity.peer(),
            held.identity.peer(),
            "it can be read all the same"
        );
        drop(held);
        assert!(hold_or_create(dir.path()).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn only_its_user_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        load_or_create(dir.path()).unwrap();
        let file = dir.path().join(FILE);
        let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        load_or_create(dir.path()).unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        for bad in [&b""[..], b"abc", &[0xff; 64], b"zz"] {
            fs::write(&file, bad).unwrap();
            let error = load_or_create(dir.path()).err().unwrap();
            assert!(error.to_string().contains("is damaged"), "{error}");
            assert_eq!(fs::read(&file).unwrap(), bad);
        }
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        let error = load_or_create(dir.path()).err().unwrap();
        assert!(error.to_string().contains("cannot be read"), "{error}");
    }
}
