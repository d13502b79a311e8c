//! The data folder: the database, the lock, the admin key, and where the running server is found.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// How every SQLite database begins.
const SQLITE: &[u8; 16] = b"SQLite format 3\0";

/// What a start writes at least: the pages of a new database.
const START_BYTES: usize = 512 << 10;

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

    /// Refuses a database that is empty, missing or of something else where an installation was:
    /// a new database in its place would hide that everything is lost.
    ///
    /// # Errors
    /// `Unreachable`, with what to do.
    pub fn check_database(&self) -> Result<(), Fault> {
        let database = self.database();
        let wal = self.path.join("stepwell.db-wal");
        let is_there = |path: &Path| path.metadata().is_ok_and(|file| file.len() > 0);
        let trace = [self.admin_key_file(), self.server_file(), wal]
            .into_iter()
            .find(|path| is_there(path));
        let what = match (beginning(&database), trace) {
            (Ok(Some(start)), _) if start == *SQLITE => return Ok(()),
            // A first start that was cut off.
            (Ok(None), None) => return Ok(()),
            (Err(error), None) if error.kind() == ErrorKind::NotFound => return Ok(()),
            (Ok(Some(_)), _) => "is no SQLite database".to_owned(),
            (Ok(None), Some(trace)) => format!("is empty, but {} is there", trace.display()),
            (Err(error), Some(trace)) if error.kind() == ErrorKind::NotFound => {
                format!("is missing, but {} is there", trace.display())
            }
            (Err(error), _) => return Err(self.fault("cannot be read", &error)),
        };
        Err(Fault::unreachable(format!(
            "the database {} {what}: put the database or a backup of it there, or begin anew by \
             moving everything out of the data folder {}",
            database.display(),
            self.path.display()
        )))
    }

    /// Whether the disk has no room for what a start writes.
    pub fn is_full(&self) -> bool {
        let probe = self.path.join("room.probe");
        let written = File::create(&probe).and_then(|mut file| {
            file.write_all(&[0; START_BYTES])?;
            file.sync_all()
        });
        // Where it could not be created it is not there.
        let _ = std::fs::remove_file(&probe);
        let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
        written.is_err_and(|error| full.contains(&error.kind()))
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

/// The first bytes of a file, filled up with zeros; `None` where it is empty.
fn beginning(path: &Path) -> std::io::Result<Option<[u8; 16]>> {
    let mut start = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut start)?;
    let mut filled = [0; 16];
    filled[..start.len()].copy_from_slice(&start);
    Ok((!start.is_empty()).then_some(filled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Kind;

    #[test]
    fn a_database_is_never_replaced_where_an_installation_was() {
        for (database, trace, refused) in [
            (None, None, None),
            (Some(&b""[..]), None, None),
            (Some(&b"SQLite format 3\0..."[..]), Some("admin.key"), None),
            (Some(&b""[..]), Some("lock"), None),
            (Some(&b""[..]), Some("admin.key"), Some("is empty")),
            (Some(&b""[..]), Some("server.json"), Some("is empty")),
            (Some(&b""[..]), Some("stepwell.db-wal"), Some("is empty")),
            (None, Some("admin.key"), Some("is missing")),
            (Some(&b"hello"[..]), None, Some("is no SQLite database")),
            (Some(&[0; 4096][..]), Some("admin.key"), Some("is no SQLite database")),
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
            let Some(refused) = refused else {
                found.unwrap();
                continue;
            };
            let message = found.unwrap_err().message;
            assert!(message.contains(refused) && message.contains("a backup"), "{message}");
            assert_eq!(
                database.map(<[u8]>::len),
                std::fs::read(data.database()).ok().map(|b| b.len())
            );
        }
    }

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
