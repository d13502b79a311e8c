//! Requests of the command line and the proxies of the environment.

use std::process::Command;

use serde_json::Value;

use crate::folder::Folder;

/// A proxy that records requests and closes every connection.
struct Proxy {
    address: std::net::SocketAddr,
    received: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Proxy {
    fn start() -> Self {
        use std::io::Read as _;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let record = received.clone();
        // The thread ends with the process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).unwrap_or(0);
                record.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        Self { address, received }
    }

    fn received(&self) -> String {
        self.received.lock().unwrap().clone()
    }
}

const PROXY_VARIABLES: [&str; 6] =
    ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY"];

/// Removes the proxy variables that the test's own environment may have.
fn without_proxies(command: &mut Command) -> &mut Command {
    for name in PROXY_VARIABLES.into_iter().chain(["no_proxy", "NO_PROXY"]) {
        command.env_remove(name);
    }
    command
}

#[test]
fn a_server_on_this_machine_is_called_without_a_proxy() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let proxy = Proxy::start();
    let server_json = std::fs::read_to_string(folder.data().join("server.json")).unwrap();
    let server_json: Value = serde_json::from_str(&server_json).unwrap();
    let url = server_json["url"].as_str().unwrap();
    let key = std::fs::read_to_string(folder.data().join("admin.key")).unwrap();
    let with_url = ["workflows", "list", "--json", "--server", url, "--key", key.trim()];
    for args in [&["workflows", "list", "--json"][..], &with_url] {
        for name in PROXY_VARIABLES {
            let mut command = folder.command(args);
            let command = without_proxies(&mut command);
            let output = command.env(name, format!("http://{}", proxy.address)).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {stderr}");
        }
    }
    assert_eq!(proxy.received(), "");
    drop(server);
}

#[test]
fn an_error_names_the_proxy_without_its_credentials() {
    let folder = Folder::new();
    let proxy = Proxy::start();
    let server = "http://stepwell.invalid:8080";
    let args = ["workflows", "list", "--json", "--server", server, "--key", "sk_live_secret"];
    let stderr_of = |no_proxy: Option<&str>| {
        let mut command = folder.command(&args);
        without_proxies(&mut command)
            .env("http_proxy", format!("http://u:hidden@{}", proxy.address));
        if let Some(no_proxy) = no_proxy {
            command.env("NO_PROXY", no_proxy);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(4));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let stderr = stderr_of(None);
    assert!(stderr.contains(&format!("the proxy http://{}", proxy.address)), "{stderr}");
    assert!(!stderr.contains("hidden") && !stderr.contains("sk_live_secret"), "{stderr}");
    let received = proxy.received();
    assert!(
        received.contains("stepwell.invalid"),
        "the request went through the proxy: {received}"
    );
    let stderr = stderr_of(Some("stepwell.invalid"));
    assert!(!stderr.contains("the proxy"), "{stderr}");
    assert_eq!(proxy.received(), received, "NO_PROXY excludes the server");
}
