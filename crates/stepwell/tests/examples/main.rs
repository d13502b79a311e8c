//! Every example works unchanged: executed by the real binary, with its example input, against a web
//! server of this test.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod flows;
mod outside;
mod repeated;
mod service;
mod translated;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

const PAGE: &str = r##"<html><body>
<a href="/first">1</a> <A class="x" HREF='https://example.com/second?a=1'>2</A>
<a href="/first">again</a> <a href="#top">top</a> <p href="/no">no</p>
<!-- <a href="/old">old</a> -->
</body></html>"##;

fn examples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"))
}

/// A web server that runs until the process ends.
fn web_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || respond(stream));
        }
    });
    url
}

fn respond(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    for line in lines {
        if line.is_empty() {
            break;
        }
    }
    let (status, kind, body) = match first.split(' ').nth(1).unwrap_or_default() {
        "/page" => ("200 OK", "text/html", PAGE),
        "/healthz" | "/readyz" => ("200 OK", "application/json", r#"{"status":"ok"}"#),
        _ => ("404 Not Found", "text/plain", "not found"),
    };
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
}

/// Runs an example; returns its output.
fn run(file: &str, input: Option<&str>) -> Value {
    run_with(file, &[], input)
}

/// Runs an example with the workflows that it starts; returns its output.
fn run_with(file: &str, others: &[&str], input: Option<&str>) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command.current_dir(examples()).args(["run", file]);
    for other in others {
        command.args(["--with", other]);
    }
    if let Some(input) = input {
        command.args(["--input", input]);
    }
    let output = command.output().unwrap();
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{file} failed: {progress}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn dummy() {
    assert_eq!(run("dummy.json", None), json!({"text": "!dlrow ,olleH"}));
}

#[test]
fn greet() {
    assert_eq!(
        run("greet.yaml", Some("@greet.input.json")),
        json!({"loud": "STEPS DOWN TO THE WATER", "result": "RETAW EHT OT NWOD SPETS"})
    );
}

#[test]
fn fields_of_an_input_are_given_one_by_one() {
    let expect = json!({"loud": "ONE", "result": "ENO"});
    assert_eq!(run("greet.yaml", Some("text=one")), expect);
}

#[test]
fn clean_csv() {
    let clean = "Name,City,E-Mail\nAda Lovelace,London,ADA@example.com\n\
        \"Hopper, Grace\",New York,grace@example.com\nMichael Faraday,London,ada@example.com";
    assert_eq!(
        run("clean-csv.yaml", Some("@clean-csv.input.json")),
        json!({"csv": clean, "rows": 3, "emails": ["ada@example.com", "grace@example.com"]})
    );
}

#[test]
fn fetch_links() {
    let url = format!("{}/page", web_server());
    let input = json!({"url": url, "ignore_comments": true});
    assert_eq!(
        run("fetch-links.yaml", Some(&input.to_string())),
        json!({
            "links": ["/first", "https://example.com/second?a=1"],
            "count": 2,
            "markdown": "- </first>\n- <https://example.com/second?a=1>\n",
        })
    );
    let all = run("fetch-links.yaml", Some(&json!({"url": url}).to_string()));
    assert_eq!(all["links"], json!(["/first", "https://example.com/second?a=1", "/old"]));
}

#[test]
fn fan_out() {
    let input = json!({"base_url": web_server()});
    assert_eq!(
        run("fan-out.yaml", Some(&input.to_string())),
        json!({
            "report": "health 200, ready 200, news missing, offers failed",
            "why_no_offers": "HTTP_STATUS",
        })
    );
}

#[test]
fn onboard() {
    let others = ["onboard-check.yaml", "onboard-account.yaml", "onboard-welcome.yaml"];
    let run = |input: Value| run_with("onboard.yaml", &others, Some(&input.to_string()));
    assert_eq!(
        run(json!({"name": "  Ada Lovelace ", "country": "DE"})),
        json!({"account": "DE-ada-lovelace", "greeting": "Welcome, Ada Lovelace!"})
    );
    let failed = Command::new(env!("CARGO_BIN_EXE_stepwell"))
        .current_dir(examples())
        .args(["run", "onboard.yaml", "--with", others[0], "-i", "name=x", "-i", "country=FR"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("NO_CUSTOMERS") && stderr.contains("in step `checked`"), "{stderr}");
}

#[test]
fn price() {
    let run = |country: &str, variables: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
        let input = format!("country={country}");
        command.current_dir(examples()).args(["run", "price.yaml", "-i", "net=10", "-i", &input]);
        for variable in variables {
            command.args(["--var", variable]);
        }
        command.output().unwrap()
    };
    let rates = r#"VAT={"DE": 19, "CH": 8.1}"#;
    for (country, variables, expect) in [
        ("DE", &[rates][..], json!({"amount": 11.9, "currency": "EUR"})),
        ("CH", &[rates, "CURRENCY=CHF"], json!({"amount": 10.81, "currency": "CHF"})),
    ] {
        let output = run(country, variables);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{country}: {stderr}");
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), expect, "{country}");
    }
    for variables in [&[rates][..], &[]] {
        let output = run("FR", variables);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("UNKNOWN_COUNTRY"), "{stderr}");
    }
}

#[test]
fn every_example_has_a_test_and_is_valid() {
    let mut files: Vec<String> = std::fs::read_dir(examples())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".input.json") && !name.ends_with(".md"))
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "allowed-failure.yaml",
            "approve-refund.yaml",
            "await-payment.yaml",
            "book-trip.yaml",
            "clean-csv.yaml",
            "dummy.json",
            "fan-out.yaml",
            "fetch-links.yaml",
            "greet.yaml",
            "import-csv.yaml",
            "inbound-message.yaml",
            "joins.yaml",
            "onboard-account.yaml",
            "onboard-check.yaml",
            "onboard-welcome.yaml",
            "onboard.yaml",
            "order-saga.yaml",
            "poll-export.yaml",
            "price.yaml",
            "quorum.yaml",
        ]
    );
    let table = std::fs::read_to_string(examples().join("README.md")).unwrap();
    for file in &files {
        assert!(table.contains(&format!("| [`{file}`]({file}) |")), "README.md lists {file}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_stepwell"))
        .current_dir(examples())
        .arg("validate")
        .args(&files)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn exit_codes_distinguish_the_errors() {
    for (args, code, message) in [
        (vec!["run", "greet.yaml"], 2, "input"),
        (vec!["run", "greet.yaml", "--input", "{text: 1}"], 2, "not valid JSON"),
        (vec!["run", "none.yaml"], 2, "none.yaml"),
        (
            vec!["run", "fetch-links.yaml", "--input", r#"{"url": "http://127.0.0.1:1/"}"#],
            1,
            "page",
        ),
        (
            vec!["run", "fetch-links.yaml", "--input", r#"{"url": "ftp://127.0.0.1/"}"#],
            1,
            "NOT_A_WEB_ADDRESS",
        ),
        (vec!["workflows", "list", "--data-dir", "/nowhere"], 4, "stepwell serve"),
        (vec!["step-types", "TextOperation.Revers"], 3, "no step type"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_stepwell"))
            .current_dir(examples())
            .args(&args)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
    }
}
