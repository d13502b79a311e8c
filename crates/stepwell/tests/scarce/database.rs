//! A lost database is not replaced by a new one.

use crate::server::{Server, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_with_a_lost_database_fails_with_a_hint() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_path_buf();
    let kept = tempfile::tempdir().unwrap();
    let server = Server::spawn(data, serve(&folder)).await;
    // The files that the server leaves after an orderly shutdown.
    let key = server.key.clone();
    server.stop_keeping(kept.path());
    for lost in [Some(&b""[..]), Some(&b"not a database"[..]), None] {
        let database = kept.path().join("stepwell.db");
        match lost {
            Some(bytes) => std::fs::write(&database, bytes).unwrap(),
            None => std::fs::remove_file(&database).unwrap(),
        }
        let output = serve(kept.path()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{stderr}");
        assert!(stderr.contains("stepwell.db") && stderr.contains("a backup"), "{stderr}");
        assert_eq!(std::fs::read(&database).ok().as_deref(), lost, "the file is unchanged");
        let key_file = std::fs::read_to_string(kept.path().join("admin.key")).unwrap();
        assert_eq!(key_file.trim(), key);
    }
}
