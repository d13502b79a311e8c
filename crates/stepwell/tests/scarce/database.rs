//! A database that is lost is never replaced by a new one.

use crate::server::{Server, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_over_a_lost_database_is_refused_with_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_path_buf();
    let kept = tempfile::tempdir().unwrap();
    let server = Server::spawn(data, serve(&folder)).await;
    // What is in the folder after the server has gone, as the operator finds it.
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
        assert_eq!(std::fs::read(&database).ok().as_deref(), lost, "it is left as it was");
        let still = std::fs::read_to_string(kept.path().join("admin.key")).unwrap();
        assert_eq!(still.trim(), key);
    }
}
