//! The examples whose steps do not all run: which of them run, in which order, with which result.

use std::process::Command;
use std::sync::{Condvar, Mutex};

use serde_json::{Value, json};

use crate::examples;
use crate::service::{Request, Service};

/// Runs an example; returns its execution as the API shows it.
pub fn execution(file: &str, input: &Value, more: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command.current_dir(examples()).args(["run", file, "--json", "--input", &input.to_string()]);
    let output = command.args(more).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The status of each step, in the order of the definition.
fn statuses(execution: &Value) -> Vec<(&str, &str)> {
    let tasks = execution["tasks"].as_array().unwrap().iter();
    tasks
        .map(|task| (task["step_id"].as_str().unwrap(), task["status"].as_str().unwrap()))
        .collect()
}

fn status<'a>(execution: &'a Value, step: &str) -> &'a str {
    let found = statuses(execution).into_iter().find(|(id, _)| *id == step);
    found.unwrap_or_else(|| panic!("{step}: {execution}")).1
}

#[test]
fn allowed_failure() {
    let ended = execution("allowed-failure.yaml", &json!({}), &[]);
    assert_eq!(
        statuses(&ended),
        [
            ("optional_check", "FAILED"),
            ("note", "COMPLETED"),
            ("required_check", "FAILED"),
            ("publish", "NOT_REACHED"),
        ]
    );
    assert_eq!(ended["status"], "FAILED");
    assert_eq!(ended["error"]["step_id"], "required_check");
    assert_eq!(ended["error"]["code"], "CHECK_FAILED");
}

#[test]
fn joins() {
    let ended = execution("joins.yaml", &json!({}), &[]);
    assert_eq!((&ended["status"], status(&ended, "price")), (&json!("COMPLETED"), "FAILED"));
    let expect = json!({"after_price": "completed", "either": "completed", "both": "skipped",
        "last": "completed"});
    assert_eq!(ended["output"], expect);
}

/// The third service votes only after the decision, so the decision did not wait for it.
#[test]
fn quorum() {
    let (decided, wake) = (Mutex::new(false), Condvar::new());
    let service = Service::start(move |request| {
        match request.line.as_str() {
            "GET /votes/3" => drop(wake.wait_while(decided.lock().unwrap(), |decided| !*decided)),
            "POST /decision" => {
                *decided.lock().unwrap() = true;
                wake.notify_all();
            }
            _ => {}
        }
        Some((200, json!({"vote": true})))
    });
    let input = json!({"base_url": service.url, "deadline_seconds": 0.5});
    let ended = execution("quorum.yaml", &input, &[]);
    assert_eq!(ended["output"], json!({"has_quorum": true}), "{ended}");
    assert!(statuses(&ended).iter().all(|(_, status)| *status == "COMPLETED"), "{ended}");
    let decision = service.requests().into_iter().find(|request| request.line == "POST /decision");
    assert_eq!(decision.unwrap().body, json!({"has_quorum": true}));
}

#[test]
fn quorum_ends_at_the_deadline() {
    let service = Service::start(|request| {
        let has_vote = request.line == "GET /votes/1" || request.line == "POST /decision";
        Some((if has_vote { 200 } else { 500 }, json!({})))
    });
    let input = json!({"base_url": service.url, "deadline_seconds": 0.1});
    let ended = execution("quorum.yaml", &input, &[]);
    assert_eq!((&ended["status"], status(&ended, "enough")), (&json!("COMPLETED"), "SKIPPED"));
    assert_eq!(ended["output"], json!({"has_quorum": false}), "{ended}");
}

#[test]
fn book_trip() {
    let reserved = ["flights", "cars", "payments"];
    let confirmed = ["flights", "cars", "payments", "flights/confirm"];
    let undone = ["payments/refund", "cars/cancel", "flights/cancel"];
    let both = |first: &[&'static str], last: &str, rest: &[&'static str]| {
        let paths = first.iter().copied().chain([last]).chain(rest.iter().copied());
        paths.map(|path| format!("POST /{path}")).collect::<Vec<String>>()
    };
    for (broken, calls) in [
        ("", both(&confirmed, "cars/confirm", &[])),
        // Once more, because of `retry`.
        ("flights", both(&["flights"], "flights", &undone[2..])),
        ("cars", both(&["flights"], "cars", &undone[1..])),
        ("payments", both(&["flights", "cars"], "payments", &undone)),
        ("flights/confirm", both(&reserved, "flights/confirm", &undone)),
        ("cars/confirm", both(&confirmed, "cars/confirm", &undone)),
    ] {
        let service = Service::start(move |request| {
            let path = request.line.trim_start_matches("POST /");
            let id = path.to_uppercase();
            Some((if path == broken { 500 } else { 200 }, json!({"id": id})))
        });
        let input = json!({"base_url": service.url, "traveller": "Ada"});
        let ended = execution("book-trip.yaml", &input, &[]);
        assert_eq!(service.lines(), calls, "{broken}");
        match broken {
            "" => assert_eq!(ended["output"], json!({"result": "booked"}), "{ended}"),
            _ => assert_eq!(ended["error"]["code"], "TRIP_NOT_BOOKED", "{broken}: {ended}"),
        }
        if broken == "cars/confirm" {
            let bodies: Vec<Value> = service.requests().into_iter().map(|call| call.body).collect();
            assert_eq!(bodies[2], json!({"flight": "FLIGHTS", "car": "CARS"}));
            assert_eq!(bodies[4], json!({"payment": "PAYMENTS"}));
        }
    }
}

#[test]
fn order_saga() {
    let taken = ["stock/hold", "stock/hold", "payments"];
    let undone = ["payments/refund", "stock/release", "stock/release"];
    for (broken, called) in [
        ("", [&taken[..], &["shipments"]].concat()),
        ("shipments", [&taken[..], &["shipments"], &undone, &["alerts"]].concat()),
        ("payments", [&taken[..], &undone[1..], &["alerts"]].concat()),
    ] {
        let service = Service::start(move |request| {
            let path = request.line.trim_start_matches("POST /");
            Some((if path == broken { 500 } else { 200 }, json!({"id": path.to_uppercase()})))
        });
        let input = json!({"base_url": service.url, "customer": "Ada", "items": ["a", "b"]});
        let ended = execution("order-saga.yaml", &input, &[]);
        let lines: Vec<String> = called.iter().map(|path| format!("POST /{path}")).collect();
        assert_eq!(service.lines(), lines, "{broken}");
        if broken.is_empty() {
            assert_eq!(ended["output"], json!({"shipment": "SHIPMENTS"}), "{ended}");
            continue;
        }
        assert_eq!(ended["error"]["code"], "HTTP_STATUS", "{ended}");
        let bodies: Vec<Value> = service.requests().into_iter().map(|call| call.body).collect();
        let released: Vec<&Value> = bodies
            .iter()
            .filter(|body| body.get("hold").is_some())
            .map(|body| &body["item"])
            .collect();
        assert_eq!(released, ["b", "a"], "in the reverse order of the items");
    }
}

/// The service that `inbound-message` uses, with what it has stored.
fn inbox(messages: Value, contacts: Value, suggests: bool) -> Service {
    Service::start(move |request: &Request| {
        let path = request.line.split(['?', ' ']).nth(1).unwrap();
        Some((
            200,
            match (request.line.starts_with("GET"), path) {
                (true, "/messages") => messages.clone(),
                (true, _) => contacts.clone(),
                (false, "/suggestions") if !suggests => return None,
                (false, _) => json!({"id": format!("new{path}")}),
            },
        ))
    })
}

#[test]
fn inbound_message() {
    let (known, new) = ("GET /messages?external_id=M1", "POST /contacts");
    let (store, suggest, log) = ("POST /messages", "POST /suggestions", "POST /events");
    let contacts = "GET /contacts?phone=%2B49301234567";
    let secret = ["--secret", "INBOX_TOKEN=token-123456"];
    for (messages, senders, suggests, lines, output) in [
        (
            json!([]),
            json!([]),
            true,
            vec![known, contacts, new, store, suggest, log],
            json!({"is_duplicate": false, "is_new_sender": true, "suggestion": "completed"}),
        ),
        (
            json!([]),
            json!([{"id": "c1"}]),
            false,
            vec![known, contacts, store, suggest, log],
            json!({"is_duplicate": false, "is_new_sender": false, "suggestion": "failed"}),
        ),
        (
            json!([{"id": "m1"}]),
            json!([]),
            true,
            vec![known, log],
            json!({"is_duplicate": true, "is_new_sender": false, "suggestion": "skipped"}),
        ),
    ] {
        let service = inbox(messages, senders.clone(), suggests);
        let message = json!({"MessageSid": "M1", "From": "+49301234567", "Body": "hello"});
        let input = json!({"base_url": service.url, "message": message});
        let ended = execution("inbound-message.yaml", &input, &secret);
        assert_eq!(ended["output"], output, "{ended}");
        assert_eq!(service.lines(), lines);
        let requests = service.requests();
        assert_eq!(requests[0].authorization.as_deref(), Some("Bearer token-123456"));
        assert!(!ended.to_string().contains("token-123456"), "{ended}");
        let last = &requests.last().unwrap().body;
        if lines.len() == 2 {
            assert_eq!(*last, json!({"event": "duplicate", "message": "m1"}));
            continue;
        }
        assert_eq!(*last, json!({"event": "stored", "suggestion": output["suggestion"]}));
        let stored = requests.iter().find(|request| request.line == store).unwrap();
        let contact = senders[0].get("id").cloned().unwrap_or(json!("new/contacts"));
        assert_eq!(stored.body["contact"], contact);
        let normal = json!({"id": "M1", "sender": "+49301234567", "text": "hello", "media": 0});
        assert_eq!(stored.body["message"], normal);
    }
}

#[test]
fn an_inbound_message_must_be_whole() {
    let service = inbox(json!([]), json!([]), true);
    let message = json!({"MessageSid": "M1", "From": "49301234567", "Body": "hello"});
    let input = json!({"base_url": service.url, "message": message}).to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_stepwell"))
        .current_dir(examples())
        .args(["run", "inbound-message.yaml", "--input", &input])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("message.From"), "{stderr}");
    assert_eq!(service.lines(), [""; 0]);
}
