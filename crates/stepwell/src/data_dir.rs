//! The data folder: the database, the lock, the admin key, and the address of the running server.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::CliError;

const SQLITE_HEADER: &[u8; 16] = b"SQLite format 3\0";

/// What a start writes at least: the pages of a new database.
const MIN_FREE_BYTES: usize = 512 << 10;

#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

/// Held while a process uses the data folder. The system releases it when the process ends, even
/// after a crash.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

/// The server that runs on a data folder; the content of `server.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Reachable from this machine.
    pub url: String,
    pub pid: u32,
}

impl DataDir {
    /// `path` need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn database(&self) -> PathBuf {
        self.path.join("stepwell.db")
    }

    pub fn admin_key_file(&self) -> PathBuf {
        self.path.join("admin.key")
    }

    fn server_file(&self) -> PathBuf {
        self.path.join("server.json")
    }

    /// Creates the folder if it does not exist, accessible only to its owner.
    ///
    /// # Errors
    /// `Unreachable`, with how to fix it.
    pub fn create(&self) -> Result<(), CliError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path).map_err(|e| self.io_error("cannot be created", &e))
    }

    /// Acquires the lock; `None` if another process holds it.
    ///
    /// # Errors
    /// `Unreachable` if the folder is not writable.
    pub fn try_lock(&self) -> Result<Option<DataDirLock>, CliError> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.join("lock"))
            .map_err(|e| self.io_error("is not writable", &e))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(DataDirLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(self.io_error("cannot be locked", &e)),
        }
    }

    /// Writes `server.json`, by which other commands find the server.
    ///
    /// # Errors
    /// `Unreachable` if the file cannot be written.
    pub fn write_server_info(&self, server: &ServerInfo) -> Result<(), CliError> {
        let text = serde_json::to_string(server).map_err(|e| CliError::failed(e.to_string()))?;
        // Renaming is atomic: a reader never sees a partial file.
        let draft = self.path.join("server.json.new");
        std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, self.server_file()))
            .map_err(|e| self.io_error("is not writable", &e))
    }

    /// Removes `server.json`.
    pub fn remove_server_info(&self) {
        // A stale file is harmless: it is read only while the lock is held.
        let _ = std::fs::remove_file(self.server_file());
    }

    /// The content of `server.json`. Valid only while a server holds the lock.
    pub fn server_info(&self) -> Option<ServerInfo> {
        let text = std::fs::read_to_string(self.server_file()).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the admin key, readable only by its owner.
    ///
    /// # Errors
    /// `Unreachable` if the file cannot be written.
    pub fn write_admin_key(&self, secret: &str) -> Result<(), CliError> {
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
            // The directory entry is durable only after a sync of the folder.
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|e| self.io_error("is not writable", &e))
    }

    /// The admin key; `None` if its file was removed.
    pub fn admin_key(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.admin_key_file()).ok()?;
        Some(text.trim().to_owned()).filter(|key| !key.is_empty())
    }

    /// Rejects a database that is empty, missing or no SQLite file if other files show that the
    /// folder was in use: creating a new database would hide the loss of all data.
    ///
    /// # Errors
    /// `Unreachable`, with how to fix it.
    pub fn check_database(&self) -> Result<(), CliError> {
        let database = self.database();
        let wal = self.path.join("stepwell.db-wal");
        let has_content = |path: &Path| path.metadata().is_ok_and(|file| file.len() > 0);
        let trace = [self.admin_key_file(), self.server_file(), wal]
            .into_iter()
            .find(|path| has_content(path));
        let problem = match (read_header(&database), trace) {
            (Ok(Some(start)), _) if start == *SQLITE_HEADER => return Ok(()),
            // An interrupted first start.
            (Ok(None), None) => return Ok(()),
            (Err(error), None) if error.kind() == ErrorKind::NotFound => return Ok(()),
            (Ok(Some(_)), _) => "is not an SQLite database".to_owned(),
            (Ok(None), Some(trace)) => format!("is empty, but {} exists", trace.display()),
            (Err(error), Some(trace)) if error.kind() == ErrorKind::NotFound => {
                format!("is missing, but {} exists", trace.display())
            }
            (Err(error), _) => return Err(self.io_error("cannot be read", &error)),
        };
        Err(CliError::unreachable(format!(
            "the database {} {problem}: restore the database or a backup, or start over with an \
             empty data folder by moving all files out of {}",
            database.display(),
            self.path.display()
        )))
    }

    /// Whether the disk lacks the space that a start needs, tested by writing a file.
    pub fn is_disk_full(&self) -> bool {
        let probe = self.path.join("space.probe");
        let written = File::create(&probe).and_then(|mut file| {
            file.write_all(&[0; MIN_FREE_BYTES])?;
            file.sync_all()
        });
        // Fails if the file could not be created.
        let _ = std::fs::remove_file(&probe);
        let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
        written.is_err_and(|error| full.contains(&error.kind()))
    }

    fn io_error(&self, problem: &str, error: &std::io::Error) -> CliError {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied => {
                "; change its owner or permissions, or select another folder with --data-dir"
            }
            ErrorKind::StorageFull => "; free space on the disk",
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
                "; a file with that name exists: select another folder with --data-dir"
            }
            ErrorKind::ReadOnlyFilesystem => {
                "; the disk is read-only: select another folder with --data-dir"
            }
            _ => "",
        };
        CliError::unreachable(format!(
            "the data folder {} {problem}: {error}{hint}",
            self.path.display()
        ))
    }
}

/// The first bytes of a file, padded with zeros; `None` if it is empty.
fn read_header(path: &Path) -> std::io::Result<Option<[u8; 16]>> {
    let mut start = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut start)?;
    let mut filled = [0; 16];
    filled[..start.len()].copy_from_slice(&start);
    Ok((!start.is_empty()).then_some(filled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::CliErrorKind;

    #[test]
    fn a_lost_database_is_not_replaced() {
        for (database, trace, rejected) in [
            (None, None, None),
            (Some(&b""[..]), None, None),
            (Some(&b"SQLite format 3\0..."[..]), Some("admin.key"), None),
            (Some(&b""[..]), Some("lock"), None),
            (Some(&b""[..]), Some("admin.key"), Some("is empty")),
            (Some(&b""[..]), Some("server.json"), Some("is empty")),
            (Some(&b""[..]), Some("stepwell.db-wal"), Some("is empty")),
            (None, Some("admin.key"), Some("is missing")),
            (Some(&b"hello"[..]), None, Some("is not an SQLite database")),
            (Some(&[0; 4096][..]), Some("admin.key"), Some("is not an SQLite database")),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let data = DataDir::new(folder.path());
            if let Some(bytes) = database {
                std::fs::write(data.database(), bytes).unwrap();
            }
            if let Some(name) = trace {
                std::fs::write(folder.path().join(name), "x").unwrap();
            }
            let found = data.check_database();
            let Some(rejected) = rejected else {
                found.unwrap();
                continue;
            };
            let message = found.unwrap_err().message;
            assert!(message.contains(rejected) && message.contains("a backup"), "{message}");
            assert_eq!(
                database.map(<[u8]>::len),
                std::fs::read(data.database()).ok().map(|b| b.len())
            );
        }
    }

    #[test]
    fn the_lock_is_exclusive() {
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
    fn the_admin_key_is_readable_only_by_its_owner() {
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
    fn the_server_info_is_written_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let server = ServerInfo { url: "http://127.0.0.1:1".into(), pid: 7 };
        data.write_server_info(&server).unwrap();
        assert_eq!(data.server_info(), Some(server));
        data.remove_server_info();
        assert_eq!(data.server_info(), None);
    }

    #[test]
    fn a_file_in_the_way_is_explained() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = DataDir::new(file.path()).create().unwrap_err();
        assert_eq!(error.kind, CliErrorKind::Unreachable);
        assert!(error.message.contains("--data-dir"), "{}", error.message);
    }
}
