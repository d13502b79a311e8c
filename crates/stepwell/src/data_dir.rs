//! The data folder: the database, the lock, the admin key, and where the running server is found.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// The data folder.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

/// Held while a process works on the data folder; the system lets go of it when the process ends,
/// however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Where the server that works on a data folder is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningServer {
    /// Its address as seen from this machine.
    pub url: String,
    /// Its process.
    pub pid: u32,
}

impl DataDir {
    /// The data folder at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.path.join("stepwell.db")
    }

    /// The file with the first admin key.
    pub fn admin_key_file(&self) -> PathBuf {
        self.path.join("admin.key")
    }

    fn server_file(&self) -> PathBuf {
        self.path.join("server.json")
    }

    /// Creates the folder where it is not there; only its owner may look into a new one.
    ///
    /// # Errors
    /// `Unreachable`, telling what to change.
    pub fn create(&self) -> Result<(), Fault> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path).map_err(|e| self.fault("cannot be created", &e))
    }

    /// Takes the lock; `None` where another process holds it.
    ///
    /// # Errors
    /// `Unreachable` where the folder is not writable.
    pub fn try_lock(&self) -> Result<Option<Lock>, Fault> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.join("lock"))
            .map_err(|e| self.fault("is not writable", &e))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(self.fault("cannot be locked", &e)),
        }
    }

    /// Notes where the server is found.
    ///
    /// # Errors
    /// `Unreachable` where the file cannot be written.
    pub fn announce(&self, server: &RunningServer) -> Result<(), Fault> {
        let text = serde_json::to_string(server).map_err(|e| Fault::failed(e.to_string()))?;
        // Whoever looks finds either the whole note or none.
        let draft = self.path.join("server.json.new");
        std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, self.server_file()))
            .map_err(|e| self.fault("is not writable", &e))
    }

    /// Takes that note away.
    pub fn retract(&self) {
        // A note that stays is harmless: it counts only while the lock is held.
        let _ = std::fs::remove_file(self.server_file());
    }

    /// The server that announced itself, if one did. It counts only while the lock is held.
    pub fn announced(&self) -> Option<RunningServer> {
        let text = std::fs::read_to_string(self.server_file()).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the admin key, readable by the owner only.
    ///
    /// # Errors
    /// `Unreachable` where the file cannot be written.
    pub fn write_admin_key(&self, secret: &str) -> Result<(), Fault> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(self.admin_key_file())
            .and_then(|mut file| {
                writeln!(file, "{secret}")?;
                file.sync_all()
            })
            // A name is durable with its folder.
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|e| self.fault("is not writable", &e))
    }

    /// The admin key, where its file is still there.
    pub fn admin_key(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.admin_key_file()).ok()?;
        Some(text.trim().to_owned()).filter(|key| !key.is_empty())
    }

    fn fault(&self, what: &str, error: &std::io::Error) -> Fault {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied => {
                "; change its owner or permissions, or choose another with --data-dir"
            }
            ErrorKind::StorageFull => "; make room on the disk",
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
                "; something else has that name: choose another with --data-dir"
            }
            ErrorKind::ReadOnlyFilesystem => {
                "; the disk is read-only: choose another folder with --data-dir"
            }
            _ => "",
        };
        Fault::unreachable(format!("the data folder {} {what}: {error}{hint}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Kind;

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path().join("a/b"));
        data.create().unwrap();
        let lock = data.try_lock().unwrap();
        assert!(lock.is_some());
        assert!(data.try_lock().unwrap().is_none());
        drop(lock);
        assert!(data.try_lock().unwrap().is_some());
    }

    #[test]
    fn the_admin_key_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        assert_eq!(data.admin_key(), None);
        data.write_admin_key("sk_live_x").unwrap();
        assert_eq!(data.admin_key().as_deref(), Some("sk_live_x"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(data.admin_key_file()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_server_is_announced_and_retracted() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let server = RunningServer { url: "http://127.0.0.1:1".into(), pid: 7 };
        data.announce(&server).unwrap();
        assert_eq!(data.announced(), Some(server));
        data.retract();
        assert_eq!(data.announced(), None);
    }

    #[test]
    fn a_file_in_the_way_is_explained() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let fault = DataDir::new(file.path()).create().unwrap_err();
        assert_eq!(fault.kind, Kind::Unreachable);
        assert!(fault.message.contains("--data-dir"), "{}", fault.message);
    }
}
