//! Bringing a database to the newest version: forward only, one transaction, and safe when two
//! processes start at once (the second waits for the first and then finds nothing to do).

use rusqlite::{Connection, TransactionBehavior};
use stepwell_store::StoreError;

use crate::error::store_error;

/// In order; a database of version N has had the first N. What is released is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_tags_and_actuals.sql"),
    include_str!("../migrations/0003_lists_and_management.sql"),
    include_str!("../migrations/0004_schedules.sql"),
    include_str!("../migrations/0005_webhooks.sql"),
    include_str!("../migrations/0006_workspaces.sql"),
    include_str!("../migrations/0007_audit.sql"),
    include_str!("../migrations/0008_webhook_history.sql"),
    include_str!("../migrations/0009_outbox_indexes.sql"),
    include_str!("../migrations/0011_recoveries.sql"),
    include_str!("../migrations/0012_paused_with.sql"),
    include_str!("../migrations/0013_objects.sql"),
    include_str!("../migrations/0014_workspaces.sql"),
    include_str!("../migrations/0015_keys.sql"),
    include_str!("../migrations/0016_clocks.sql"),
    include_str!("../migrations/0017_sensitive_deliveries.sql"),
    include_str!("../migrations/0018_documents.sql"),
    include_str!("../migrations/0019_executions_by_status.sql"),
    include_str!("../migrations/0020_sub_workflows.sql"),
    include_str!("../migrations/0021_waiting_counts.sql"),
    include_str!("../migrations/0022_counts_in_one_table.sql"),
    include_str!("../migrations/0023_concurrency.sql"),
];

/// "Step": marks the file as ours.
const APPLICATION: i64 = 0x5374_6570;

/// Applies what is missing.
pub(crate) fn migrate_database(connection: &mut Connection) -> Result<(), StoreError> {
    apply_migrations(connection, MIGRATIONS)
}

fn apply_migrations(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| store_error(&error);
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let version = schema_version(&transaction)?;
    let missing = migrations.get(version..).ok_or_else(|| {
        StoreError::Unavailable(format!(
            "the database has version {version}, this program knows versions up to {}: start the \
             newer Stepwell that wrote it, or restore a backup",
            migrations.len()
        ))
    })?;
    if missing.is_empty() {
        return Ok(());
    }
    for migration in missing {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
    transaction.pragma_update(None, "user_version", migrations.len() as i64).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// How many migrations the database has had. Refuses a database that is not ours.
fn schema_version(connection: &Connection) -> Result<usize, StoreError> {
    let pragma = |name: &str| {
        let read = connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        read.map_err(|error| store_error(&error))
    };
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = connection
        .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| store_error(&error))?;
    let fresh = tables == 0 && version == 0;
    if application != APPLICATION && !fresh {
        return Err(StoreError::Unavailable(
            "the file is a database of another program: choose another data folder".to_owned(),
        ));
    }
    usize::try_from(version)
        .map_err(|_| StoreError::Corrupt(format!("the database has version {version}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stepwell_core::ids::WorkspaceId;
    use stepwell_store::lists::List;
    use stepwell_store::objects::{ObjectBatch, ObjectFilter, ObjectRef, StoredObject};
    use stepwell_store::{Effects, ObjectStore};

    use super::*;

    fn memory() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    #[test]
    fn applies_only_what_is_missing() {
        let mut connection = memory();
        let (one, two) = ("CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y");
        apply_migrations(&mut connection, &[one]).unwrap();
        apply_migrations(&mut connection, &[one]).unwrap();
        apply_migrations(&mut connection, &[one, two]).unwrap();
        connection.execute("INSERT INTO a (x, y) VALUES (1, 2)", []).unwrap();
        assert_eq!(schema_version(&connection).unwrap(), 2);
    }

    /// Deliveries that were pending before there were webhooks still are.
    #[test]
    fn earlier_deliveries_remain_pending() {
        let mut connection = memory();
        apply_migrations(&mut connection, &MIGRATIONS[..2]).unwrap();
        let old =
            "INSERT INTO deliveries VALUES (zeroblob(16), x'01', 7, x'02', 'https://a.example',
            '{}', 0, 3, 1000, 2000, '503', 1)";
        connection.execute(old, []).unwrap();
        migrate_database(&mut connection).unwrap();
        let new = "SELECT url, receiver = subject AND subject = x'01', sequence, attempts, head,
            give_up_at, webhook IS NULL FROM deliveries";
        let found: (String, bool, u64, u64, bool, i64, bool) = connection
            .query_row(new, [], |row| {
                let (a, b, c) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((a, b, c, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
            })
            .unwrap();
        let expect = ("https://a.example".to_owned(), true, 7, 3, true, 86_400_001_000, true);
        assert_eq!(found, expect);
    }

    /// The previous secret of a webhook still signs.
    #[test]
    fn the_secret_before_becomes_the_first_of_several() {
        let mut connection = memory();
        apply_migrations(&mut connection, &MIGRATIONS[..7]).unwrap();
        for (id, previous, until) in [(1_u8, Some("whsec_b2xk"), Some(99)), (2, None, None)] {
            let insert = "INSERT INTO webhooks VALUES
                (?1, x'01', 'https://a.example', '[\"*\"]', NULL, 0, NULL, 'whsec_bmV3', ?2, ?3, 7, 8, NULL)";
            connection.execute(insert, rusqlite::params![[id; 16], previous, until]).unwrap();
        }
        migrate_database(&mut connection).unwrap();
        let secrets = "SELECT document -> '$.previous_secrets' FROM objects
            WHERE kind = 'webhook' ORDER BY id";
        let mut found = connection.prepare(secrets).unwrap();
        let found = found.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let found: Vec<_> = found.map(Result::unwrap).collect();
        assert_eq!(found, [r#"[["whsec_b2xk",99]]"#, "[]"]);
    }

    #[test]
    fn what_was_there_before_it_was_counted_is_counted() {
        let mut connection = memory();
        apply_migrations(&mut connection, &MIGRATIONS[..2]).unwrap();
        let day = 86_400_000_000_i64;
        for n in 0..40_i64 {
            let insert = "INSERT INTO executions
                (n, id, workspace, workflow, release, status, seq, created_at)
                VALUES (?1, randomblob(16), x'01', ?2, 1, ?3, 1, ?4)";
            let workflow = if n % 4 == 0 { "a" } else { "b" }.as_bytes();
            let params = rusqlite::params![n, workflow, n % 5 + 2, n * day / 16];
            connection.execute(insert, params).unwrap();
        }
        let workflow = "INSERT INTO workflows
            (id, workspace, name, active, release, created_at, updated_at)
            VALUES (x'61', x'01', 'w', ?1, 1, 7, 8)";
        connection.execute(workflow, [1]).unwrap();
        let release =
            "INSERT INTO releases VALUES (x'61', 1, '{\"description\": \"what for\"}', 7)";
        connection.execute(release, []).unwrap();
        migrate_database(&mut connection).unwrap();
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        // They have the statuses 2 to 6: none is running.
        for (of, expect) in [("kind = 0", 40), ("kind = 1", 40), ("owner = x'61'", 10)] {
            for width in [10_000_000, day] {
                let sql =
                    format!("SELECT SUM(n) FROM execution_counts WHERE {of} AND width = {width}");
                assert_eq!(count(&sql), expect, "{sql}");
            }
        }
        let of_a_day = "SELECT n FROM execution_counts
            WHERE kind = 0 AND status = 4 AND width = 86400000000 AND bucket = 1";
        assert_eq!(count(of_a_day), 3);
        // 40 executions have the statuses 2 to 6 in turn.
        for status in 2..=6 {
            let sql = format!(
                "SELECT n FROM execution_counts WHERE kind = 2 AND owner = x'' AND status = {status}"
            );
            assert_eq!(count(&sql), 8, "{sql}");
        }
        assert_eq!(count("SELECT activated_at FROM workflows"), 7);
        let described = "SELECT description = 'what for' AND version = 1 FROM workflows";
        assert_eq!(count(described), 1);
    }

    #[tokio::test]
    async fn workspaces_become_objects() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("test.db");
        let mut old = Connection::open(&path).unwrap();
        apply_migrations(&mut old, &MIGRATIONS[..11]).unwrap();
        let (quoted, limits) = ("\u{e9} \"1\"", r#"{"tier":"standard","executions_per_second":5}"#);
        for (id, name, limits) in [(1_u8, quoted, None), (2, "limited", Some(limits))] {
            let insert = "INSERT INTO workspaces VALUES (?1, ?2, ?3, ?4, ?5)";
            let mut key = [0; 16];
            key[15] = id;
            old.execute(insert, rusqlite::params![key, name, limits, id, id + 10]).unwrap();
        }
        drop(old);
        let store = crate::SqliteStore::open(&path, crate::SqliteOptions::default()).unwrap();
        let list = List::first_page(ObjectFilter::default(), 9);
        let found =
            store.list_objects("workspace", WorkspaceId::DEFAULT, list).await.unwrap().items;
        let limits = json!({"tier": "standard", "executions_per_second": 5});
        for (object, id, document) in [
            (&found[0], 2, json!({"name": "limited", "limits": limits})),
            (&found[1], 1, json!({"name": quoted, "limits": {}})),
        ] {
            assert_eq!(json!(object.document), document);
            assert_eq!(object.index.name.as_ref().unwrap(), document["name"].as_str().unwrap());
            assert_eq!((object.id.uuid().as_u128(), object.version), (id, 1));
            let times = [object.created_at, object.updated_at].map(|at| at.as_micros() as u128);
            assert_eq!(times, [id, id + 10]);
        }
        let changes = store.object_changes("workspace", 0).await.unwrap();
        assert_eq!(changes.puts.len(), 2);
        // The next change is one over the version that was migrated.
        let next = StoredObject { version: 2, ..found[0].clone() };
        store.write_objects(ObjectBatch::put(next, Effects::default())).await.unwrap();
    }

    #[tokio::test]
    async fn keys_become_objects() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("test.db");
        let mut old = Connection::open(&path).unwrap();
        apply_migrations(&mut old, &MIGRATIONS[..11]).unwrap();
        let limits = Some(r#"{"requests_per_minute":9}"#);
        for (id, limits, moment) in [(1_u8, None, None), (2, limits, Some(70))] {
            let insert = "INSERT INTO keys (id, workspace, name, hash, hint, scopes, created_at,
                expires_at, last_used_at, revoked_at, limits)
                VALUES (?1, ?2, 'a \"key\"', ?3, 'sk_live_a', '[\"admin\"]', 7, ?4, ?4, ?4, ?5)";
            let hash = [0xa0 + id; 32];
            old.execute(insert, rusqlite::params![[id; 16], [9_u8; 16], hash, moment, limits])
                .unwrap();
        }
        drop(old);
        let store = crate::SqliteStore::open(&path, crate::SqliteOptions::default()).unwrap();
        for (id, limits, moment) in
            [(1_u8, json!({}), json!(null)), (2, json!({"requests_per_minute": 9}), json!(70))]
        {
            let hash = format!("{:02x}", 0xa0 + id).repeat(32);
            let by = ObjectRef::UniqueKey(hash.clone());
            let found = store.find_object("api_key", by).await.unwrap().unwrap();
            let document = json!({"name": "a \"key\"", "hash": hash, "hint": "sk_live_a",
                "scopes": ["admin"], "limits": limits, "expires_at": moment,
                "last_used_at": moment, "revoked_at": moment});
            assert_eq!(json!(found.document), document);
            assert_eq!(found.id.uuid().into_bytes(), [id; 16]);
            assert_eq!(found.workspace.uuid().into_bytes(), [9; 16]);
            assert_eq!((found.version, found.created_at.as_micros()), (1, 7));
            assert_eq!(found.index.name.as_deref(), Some("a \"key\""));
        }
    }

    #[test]
    fn a_failing_migration_leaves_no_trace() {
        let mut connection = memory();
        assert!(apply_migrations(&mut connection, &["CREATE TABLE a (x)", "nonsense"]).is_err());
        assert_eq!(schema_version(&connection).unwrap(), 0);
        apply_migrations(&mut connection, &["CREATE TABLE a (x)"]).unwrap();
    }

    #[test]
    fn refuses_a_newer_database_and_another_programs() {
        let mut connection = memory();
        apply_migrations(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
        let error =
            apply_migrations(&mut connection, &["CREATE TABLE a (x)"]).unwrap_err().to_string();
        assert!(error.contains("version 2") && error.contains("newer Stepwell"), "{error}");

        let mut foreign = memory();
        foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
        let error = migrate_database(&mut foreign).unwrap_err().to_string();
        assert!(error.contains("another program"), "{error}");
    }
}
