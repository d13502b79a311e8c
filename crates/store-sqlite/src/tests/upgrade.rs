//! The database of an earlier version: schedules, webhooks, release tags and settings become
//! configured objects.

use rusqlite::Connection;
use serde_json::{Value, json};
use stepwell_core::Timestamp;
use stepwell_core::ids::{SubjectId, WorkspaceId};
use stepwell_store::objects::{ObjectBatch, ObjectRef, StoredObject};
use stepwell_store::{DeliveryStore, Effects, ObjectStore};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{SqliteOptions, SqliteStore};

/// Written by the last version whose database had 16 migrations. Schedules and webhooks are in
/// every state; deliveries are in progress.
const VERSION_16: &str = include_str!("../../fixtures/version_16.sql");

fn upgraded() -> (SqliteStore, TempDir) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(VERSION_16).unwrap();
    // A setting of that version: the signing secret of a workspace.
    old.execute("INSERT INTO settings VALUES ('signing_secret', 'whsec_c2V0dGluZw==')", [])
        .unwrap();
    old.pragma_update(None, "application_id", 0x5374_6570).unwrap();
    old.pragma_update(None, "user_version", 16).unwrap();
    drop(old);
    (SqliteStore::open(path, SqliteOptions::default()).unwrap(), folder)
}

fn id(text: &str) -> SubjectId {
    SubjectId::from_uuid(Uuid::parse_str(text).unwrap())
}

async fn find(store: &SqliteStore, kind: &'static str, of: &str) -> StoredObject {
    let found = store.find_object(kind, ObjectRef::Id(id(of))).await.unwrap().unwrap();
    assert_eq!(found.workspace, WorkspaceId::DEFAULT);
    found
}

/// The reason for which a webhook in it is disabled.
const REASON: &str = concat!("the receiver answ", "ered 410 Gone");
const QUICK: &str = "01a22b74-217f-704b-a2be-80aeccaccd08";
const SLOW: &str = "01a22b74-2190-70dc-80b3-d34a20a2619f";
const OTHER: &str = "01a22b74-2197-76fa-9bca-f7ff5f275135";
const KEY: &str = "01a22b74-20e0-77b2-92e6-69bc97445422";

/// A schedule of the old database as it is to be now.
struct PreservedSchedule {
    id: &'static str,
    workflow: &'static str,
    version: u64,
    times: [i64; 2],
    document: Value,
}

async fn check_schedule(store: &SqliteStore, expected: PreservedSchedule) {
    let PreservedSchedule { id: of, workflow, version, times, document } = expected;
    let found = find(store, "schedule", of).await;
    let Value::Object(mut expect) = document else { panic!() };
    expect.insert("workflow".to_owned(), json!(workflow));
    expect.insert("created_by".to_owned(), json!(KEY));
    assert_eq!(found.document, expect);
    // `==` ignores the order of keys.
    let parameters = |document: &stepwell_core::Map| document["parameters"].to_string();
    assert_eq!(parameters(&found.document), parameters(&expect));
    let at = |at: Timestamp| at.as_micros();
    assert_eq!(found.version, version);
    assert_eq!([at(found.created_at), at(found.updated_at)], times);
    let index = &found.index;
    assert_eq!(json!(index.name), expect["name"]);
    assert_eq!(index.parent, Some(id(workflow)));
    let status = if expect["enabled"] == json!(true) { "enabled" } else { "disabled" };
    assert_eq!(index.status.as_deref(), Some(status));
    assert_eq!(json!(index.labels), json!({"type": expect["timing"]["type"]}));
    assert_eq!(json!(index.due_at.map(at)), expect["due_at"]);
    // The next write replaces the version that was migrated.
    let next = StoredObject { version: version + 1, ..found };
    store.write_objects(ObjectBatch::put(next, Effects::default())).await.unwrap();
}

#[tokio::test]
async fn schedules_are_preserved() {
    let (store, _folder) = upgraded();
    let skipped = json!({"scheduled_at": 1_796_025_370_825_737_i64, "at": 1_796_025_370_858_263_i64,
        "code": "OVERLAPPED", "message": "the last execution was still running"});
    let queued = [4, 6, 8, 10].map(|second| 1_796_025_360_821_276_i64 + second * 1_000_000);
    let second = json!({"type": "interval", "value": 2, "unit": "seconds"});
    for schedule in [
        PreservedSchedule {
            id: "01a22b74-21b5-77e0-81b9-73df90c55a3e",
            workflow: SLOW,
            version: 6,
            times: [1_796_025_360_821_276, 1_796_025_370_824_051],
            document: json!({"name": "queue", "description": null, "timing": second, "timezone": "UTC",
                "parameters": {"n": 7}, "enabled": true, "paused_with": null,
                "policies": {"misfire": "run_once", "overlap": "queue"},
                "anchor": 1_796_025_360_821_276_i64,
                "progress": {"next_at": 1_796_025_372_821_276_i64, "queued": queued,
                    "skipped": null},
                "due_at": 1_796_025_372_821_276_i64,
                "last_execution": "01a22b74-2988-7767-8026-a2dac6244f90"}),
        },
        PreservedSchedule {
            id: "01a22b74-21b9-7267-9f51-cdcc0c6891d1",
            workflow: SLOW,
            version: 6,
            times: [1_796_025_360_825_737, 1_796_025_370_858_263],
            document: json!({"name": "skip \u{fc} \"q\"", "description": "nightly", "timing": second,
                "timezone": "UTC", "parameters": {}, "enabled": true, "paused_with": null,
                "policies": {"misfire": "skip", "overlap": "skip"},
                "anchor": 1_796_025_360_825_737_i64,
                "progress": {"next_at": 1_796_025_372_825_737_i64, "queued": [],
                    "skipped": skipped},
                "due_at": 1_796_025_372_825_737_i64,
                "last_execution": "01a22b74-2993-723d-bdc5-c263c8074d79"}),
        },
        PreservedSchedule {
            id: "01a22b74-21d7-7709-ba06-60e8927d1271",
            workflow: OTHER,
            version: 2,
            times: [1_796_025_360_855_829, 1_796_025_360_928_930],
            document: json!({"name": "with workflow", "description": null,
                "timing": {"type": "interval", "value": 30, "unit": "minutes"}, "timezone": "UTC",
                "parameters": {}, "enabled": false, "paused_with": "workflow",
                "policies": {"misfire": "run_once", "overlap": "allow"},
                "anchor": 1_796_025_360_928_930_i64,
                "progress": {"next_at": null, "queued": [], "skipped": null}, "due_at": null,
                "last_execution": null}),
        },
        PreservedSchedule {
            id: "01a22b74-21e4-70d4-b7a2-7831b8252fa9",
            workflow: OTHER,
            version: 1,
            times: [1_796_025_360_868_225, 1_796_025_360_868_225],
            document: json!({"name": "created off", "description": null,
                "timing": {"type": "cron", "expression": "@daily"},
                "timezone": "Australia/Lord_Howe",
                "parameters": {"z": [0.1, null, u64::MAX], "a": "\u{e9}"}, "enabled": false,
                "paused_with": null, "policies": {"misfire": "run_once", "overlap": "allow"},
                "anchor": 1_796_025_360_868_225_i64,
                "progress": {"next_at": null, "queued": [], "skipped": null}, "due_at": null,
                "last_execution": null}),
        },
    ] {
        check_schedule(&store, schedule).await;
    }
    let changes = store.object_changes("schedule", 0).await.unwrap();
    assert_eq!(changes.puts.len(), 9);
}

#[tokio::test]
async fn webhooks_and_their_health_are_preserved() {
    let (store, _folder) = upgraded();
    for (of, status, failing_since, document) in [
        (
            "01a22b74-2246-7098-8411-773cf037e6c5",
            "active",
            Some(1_796_025_361_280_456),
            json!({"url": "http://127.0.0.1:28997/hook?key=secret",
                "topics": ["execution.completed"], "description": "\u{1f680}", "status": "active",
                "secret": "whsec_kdi+Y4+W+g/XN42E9zW5HcyXO+4ojQbb",
                "previous_secrets":
                    [["whsec_hJij2LAw/KVcBcQw2t1rJXUUTu6FP6RJ", 1_796_111_761_023_343_i64]]}),
        ),
        (
            "01a22b74-2260-73c0-8b0a-35b9dfeac0c5",
            "inactive",
            None,
            json!({"url": "http://127.0.0.1:28999/off", "topics": ["schedule.triggered"],
                "description": null, "status": "inactive",
                "secret": "whsec_A+7H4NDLAqetnoi8LeEeVS6v6Z2zEdtG", "previous_secrets": []}),
        ),
        (
            "01a22b74-226f-74db-9464-8ebbe5df70cc",
            "disabled",
            Some(1_796_025_361_280_425),
            json!({"url": "http://127.0.0.1:28999/gone", "topics": ["workflow.executed"],
                "description": null, "status": {"disabled": {"reason": REASON}},
                "secret": "whsec_EgtD6z0/Mo0wNCWfzWmtCQ807FZ/KPdo", "previous_secrets": []}),
        ),
    ] {
        let found = find(&store, "webhook", of).await;
        assert_eq!(json!(found.document), document);
        assert_eq!((found.version, found.index.status.as_deref()), (1, Some(status)));
        let receiver = stepwell_core::ids::ReceiverId::from_uuid(found.id.uuid());
        let since = store.failing_since(vec![receiver]).await.unwrap()[0];
        assert_eq!(since.map(Timestamp::as_micros), failing_since);
    }
}

#[tokio::test]
async fn tags_and_settings_are_preserved() {
    let (store, _folder) = upgraded();
    for (workflow, name, traffic, at) in [
        (QUICK, "beta", json!([[1, 90], [2, 10]]), 1_796_025_361_377_250),
        (QUICK, "production", json!([[2, 1]]), 1_796_025_361_353_813),
        (OTHER, "stable", json!([[1, 1]]), 1_796_025_361_388_253),
    ] {
        let key = ObjectRef::UniqueKey(format!("{workflow}/{name}"));
        let found = store.find_object("release_tag", key).await.unwrap().unwrap();
        let document = json!({"workflow": workflow, "name": name, "traffic": traffic});
        assert_eq!(json!(found.document), document);
        assert_eq!((found.version, found.updated_at.as_micros()), (1, at));
        assert_eq!(found.index.parent, Some(id(workflow)));
        assert_eq!(found.index.name.as_deref(), Some(name));
        assert_eq!(found.workspace, WorkspaceId::DEFAULT);
    }
    let key = ObjectRef::UniqueKey("signing_secret".to_owned());
    let found = store.find_object("setting", key).await.unwrap().unwrap();
    let expect = json!({"name": "signing_secret", "value": "whsec_c2V0dGluZw=="});
    assert_eq!(json!(found.document), expect);
}
