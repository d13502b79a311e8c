//! The command line on a data folder, with and without a running server.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod apply;
mod commands;
mod failures;
mod files;
mod folder;
mod objects;
mod operations;
mod proxy;
mod releases;
mod start;
mod trials;
mod validate;

use folder::Folder;

/// An API key in the wrong place of the command line is not repeated by the error.
#[test]
fn errors_contain_no_key() {
    let folder = Folder::new();
    let key = "sk_live_0123456789abcdefghijklmnopqrstuv";
    let url = format!("http://127.0.0.1:1/{key}");
    for args in [
        vec![key],
        vec!["workflows", key],
        vec!["workflows", "show", key],
        vec!["executions", "show", key],
        vec!["keys", "revoke", key],
        vec!["keys", "create", "x", "--scope", key],
        vec!["keys", "create", "x", "--expires", key],
        vec!["validate", key],
        vec!["serve", "--port", key],
        vec!["serve", "--host", key],
        vec!["serve", key],
        vec!["--config", key, "config"],
        vec!["--server", &url, "workflows", "list"],
        vec!["--server", key, "workflows", "list"],
        vec!["help", key],
        vec!["execute", key],
        vec!["execute", "x", "-i", key],
    ] {
        for more in [&[][..], &["--json"]] {
            let output = folder.run(&[&args[..], more].concat());
            let printed = [output.stdout, output.stderr].concat();
            let printed = String::from_utf8_lossy(&printed);
            assert!(!output.status.success(), "{args:?}: {printed}");
            assert!(!printed.contains("0123456789"), "{args:?}: {printed}");
        }
    }
}
