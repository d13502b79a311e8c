//! The examples that wait for something from outside.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::examples;

/// A server; ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server on the data folder and waits until commands find it.
fn serve(folder: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command.current_dir(folder).args(["serve", "--port", "0"]).stdout(Stdio::null());
    let server = Server(command.stderr(Stdio::null()).spawn().unwrap());
    for _ in 0..400 {
        if folder.join("data/server.json").is_file() {
            return server;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("the server did not start");
}

/// Runs a command with the server of the folder; returns what it prints.
fn stepwell(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    let output = command.current_dir(folder).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The execution in its end.
fn ended(folder: &Path, id: &str) -> Value {
    stepwell(folder, &["executions", "watch", id]);
    let shown = stepwell(folder, &["executions", "show", id, "--json"]);
    serde_json::from_str(&shown).unwrap()
}

#[test]
fn await_payment() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let _server = serve(folder);
    stepwell(folder, &["apply", examples().join("await-payment.yaml").to_str().unwrap()]);
    let order = |name: &str| {
        let input = json!({"order": name, "price": 25}).to_string();
        stepwell(folder, &["execute", "await-payment", "--input", &input])
    };
    let pay = |order: &str, amount: u32, id: &str| {
        let data = json!({"amount": amount}).to_string();
        let args = ["signals", "send", "payment", "--for", order, "--data", &data, "--id", id];
        stepwell(folder, &args)
    };
    let paid = order("order-1");
    pay("order-1", 25, "p-1");
    let view = ended(folder, &paid);
    let expect = json!({"result": "shipped", "order": "order-1"});
    assert_eq!(view["output"]["result"], expect, "{view}");
    assert!(pay("order-1", 25, "p-1").starts_with("ignored"), "it is consumed once");
    // The payment comes before its order.
    assert!(pay("order-2", 5, "p-2").starts_with("kept"));
    let view = ended(folder, &order("order-2"));
    assert_eq!(view["output"]["result"], json!({"result": "refunded", "amount": 5}), "{view}");
}

#[test]
fn approve_refund() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let _server = serve(folder);
    stepwell(folder, &["apply", examples().join("approve-refund.yaml").to_str().unwrap()]);
    let refund = |amount: u32| {
        let input = json!({"customer": "Ada", "amount": amount}).to_string();
        stepwell(folder, &["execute", "approve-refund", "--input", &input])
    };
    let view = ended(folder, &refund(50));
    assert_eq!(view["output"]["result"], json!({"result": "refunded", "amount": 50}), "{view}");
    for (verb, result) in [("approve", "refunded"), ("reject", "refused")] {
        let execution = refund(500);
        let approval = pending_approval(folder);
        stepwell(
            folder,
            &["approvals", verb, approval["id"].as_str().unwrap(), "--approver", "maria"],
        );
        let view = ended(folder, &execution);
        assert_eq!(view["output"]["result"]["result"], result, "{view}");
    }
}

#[test]
fn approve_refund_after_escalation() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let _server = serve(folder);
    stepwell(folder, &["apply", examples().join("approve-refund.yaml").to_str().unwrap()]);
    let input = json!({"customer": "Ada", "amount": 500, "escalate_after": "100ms"}).to_string();
    let execution = stepwell(folder, &["execute", "approve-refund", "--input", &input]);
    let approval = loop {
        let approval = pending_approval(folder);
        if approval.to_string().contains("head-of-sales") {
            break approval["id"].as_str().unwrap().to_owned();
        }
    };
    stepwell(folder, &["approvals", "approve", &approval, "--approver", "head-of-sales"]);
    let view = ended(folder, &execution);
    assert_eq!(view["output"]["result"], json!({"result": "refunded", "amount": 500}), "{view}");
}

/// The approval that is pending, once there is one.
fn pending_approval(folder: &Path) -> Value {
    loop {
        let args = ["approvals", "list", "--status", "pending", "--json"];
        let mut list: Value = serde_json::from_str(&stepwell(folder, &args)).unwrap();
        if list["items"][0].is_object() {
            return list["items"][0].take();
        }
    }
}
