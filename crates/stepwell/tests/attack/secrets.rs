//! Secrets that return in every form that the server produces, and data that looks like a reference
//! to a secret, through every step type. Every view, the log and the data folder are searched.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::Topic;
use crate::operations::{Operation, description, operations};
use crate::random::{Random, each_text};
use crate::target::{Accepted, Target};
use crate::world::World;

/// Text that could be taken for a reference to the secret `MARKED`.
const MARKERS: &[&str] = &[
    "{{ secrets.MARKED }}",
    "{{secrets['MARKED']}}",
    "[secret]",
    "secrets.MARKED",
    "${{ secrets.MARKED }}",
    "\u{e000}MARKED\u{e001}",
    "\u{1}secret:MARKED\u{1}",
    "\u{0}MARKED\u{0}",
    "<secret MARKED>",
    "%7B%7B%20secrets.MARKED%20%7D%7D",
];

/// Forms in which the outside server returns what it received.
const FORMS: &[&str] =
    &["plain", "json", "percent", "html", "hex", "HEX", "base64", "base64url", "utf16", "cut"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_shown_and_data_is_not_a_reference() {
    let mut topic = Topic::begin("secrets").await;
    let target = Target::start().await;
    let outside = Outside::start().await;
    let operations = operations(&description());
    let types = target.get("/step-types").await.json();
    let types = types["step_types"].as_array().unwrap();
    let mut secrets = Vec::new();
    let mut views = Vec::new();
    let mut count = 0;
    loop {
        let secret = secret(&mut topic.random);
        let step_type = &types[topic.random.below(types.len())];
        let form = topic.random.pick(FORMS);
        let definition = definition(&outside.url, form, step_type, &mut topic.random);
        let marker = topic.random.pick(MARKERS);
        outside.clear();
        let accepted = match target.create(&definition).await {
            Some(workflow) => execute(&target, &workflow, marker, &secret).await,
            None => None,
        };
        if let Some(accepted) = accepted {
            let what = format!("{form} {marker:?} {definition}");
            target.ended(std::slice::from_ref(&accepted)).await;
            outside.check(&secret, &what);
            if views.is_empty() {
                views = find_views(&target, &operations, &accepted).await;
            }
            search_views(&target, &views, &accepted, &secret, &what).await;
            secrets.push(secret);
            count += 1;
        }
        if topic.is_over() {
            break;
        }
    }
    println!("{count} executions, {} views of each", views.len());
    assert!(count > 0, "every definition was refused");
    assert!(views.len() > 5, "{views:?}");
    let folder = target.server.database().parent().unwrap().to_owned();
    search_files(&folder, &secrets);
    target.finish().await;
}

/// A text that each encoding changes, too random to be found by accident.
fn secret(random: &mut Random) -> String {
    let alphabet: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    let special: Vec<char> = "+/=&<>\"'\\%{}[]:;,".chars().collect();
    let length = 24 + random.below(20);
    (0..length)
        .map(|at| match at % 6 {
            5 => special[random.below(special.len())],
            _ => alphabet[random.below(alphabet.len())],
        })
        .collect()
}

/// Traces of a secret that was not recognised: either half of it, in each form.
fn traces(secret: &str) -> Vec<Vec<u8>> {
    let (left, right) = secret.split_at(secret.len() / 2);
    let mut all = Vec::new();
    for half in [left, right] {
        for form in ["plain", "json", "percent", "html", "hex", "HEX", "utf16"] {
            all.push(encode(form, half));
        }
        // The base64 of the bytes at each alignment, without characters that depend on neighbouring
        // bytes.
        for skip in 0..3 {
            let whole = (half.len() - skip) / 3 * 3;
            let aligned = &half.as_bytes()[skip..skip + whole];
            all.push(STANDARD.encode(aligned).into_bytes());
            all.push(URL_SAFE_NO_PAD.encode(aligned).into_bytes());
        }
    }
    all
}

fn encode(form: &str, text: &str) -> Vec<u8> {
    let each =
        |change: &dyn Fn(u8) -> String| text.bytes().map(change).collect::<String>().into_bytes();
    match form {
        "json" => json!(text).to_string().trim_matches('"').as_bytes().to_vec(),
        "percent" => each(&|byte| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        }),
        "html" => each(&|byte| match byte {
            b'&' => "&amp;".to_owned(),
            b'<' => "&lt;".to_owned(),
            b'>' => "&gt;".to_owned(),
            b'"' => "&quot;".to_owned(),
            b'\'' => "&#x27;".to_owned(),
            byte => char::from(byte).to_string(),
        }),
        "hex" => each(&|byte| format!("{byte:02x}")),
        "HEX" => each(&|byte| format!("{byte:02X}")),
        "base64" => STANDARD.encode(text).into_bytes(),
        "base64url" => URL_SAFE_NO_PAD.encode(text).into_bytes(),
        "utf16" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => text.as_bytes().to_vec(),
    }
}

fn find(bytes: &[u8], secret: &str) -> Option<String> {
    let at = traces(secret).iter().find_map(|trace| {
        bytes.windows(trace.len()).position(|window| window == trace.as_slice())
    })?;
    let around = &bytes[at.saturating_sub(80)..(at + 160).min(bytes.len())];
    Some(String::from_utf8_lossy(around).into_owned())
}

/// Sends the secret, receives it in a response, and passes that to a step of the type.
fn definition(outside: &str, form: &str, step_type: &Value, random: &mut Random) -> Value {
    let mut step = step_type["examples"][0].clone();
    each_text(&mut step["config"], &mut |text| {
        if text.starts_with("http") {
            *text = format!("{outside}/later");
        }
    });
    let received = random.pick(&[
        "{{ steps.send.output | tojson }}",
        "{{ steps.send.output }}",
        "{{ steps.send.output.body }}",
        "{{ steps.send.output.body ~ inputs.data }}",
        "{{ steps.send.error | tojson }}",
    ]);
    step["input"] = json!(received);
    let more = json!({"id": "s", "type": step_type["type"], "after": ["send"], "timeout": "2s",
        "on_error": "continue"});
    for (name, value) in more.as_object().unwrap() {
        step[name] = value.clone();
    }
    let place = random.pick(&["headers", "query"]);
    let mut send = json!({"method": "POST", "url": format!("{outside}/echo"),
        "query": {"form": form, "data": "{{ inputs.data }}"},
        "headers": {"x-data": "{{ inputs.data | urlencode }}"}});
    send[place]["token"] = json!("Bearer {{ secrets.MARKED }}");
    json!({"name": "secrets", "timeout": "10s", "inputs": {"data": {}},
        "steps": [
            {"id": "send", "type": "HttpRequest", "on_error": "continue", "config": send,
                "input": {"body": {"data": "{{ inputs.data }}"}}},
            step],
        "outputs": {"all": "{{ steps }}", "data": "{{ inputs.data }}"}})
}

async fn execute(target: &Target, workflow: &str, marker: &str, secret: &str) -> Option<Accepted> {
    let body = json!({"input": {"data": marker}}).to_string();
    let request = target.request("POST", &format!("/workflows/{workflow}/execute"));
    let request = request.header("x-api-key", &target.server.key).header("x-secret-marked", secret);
    let request = request.header("content-type", "application/json").body(body);
    let reply = target.send(request).await.expect("a response");
    let id = reply.json()["execution_id"].as_str()?.to_owned();
    Some(Accepted { workflow: workflow.to_owned(), id })
}

/// The paths of all `GET` operations that show something of the execution or its workflow, with
/// `{workflow}` and `{execution}` in the place of their ids.
async fn find_views(target: &Target, operations: &[Operation], accepted: &Accepted) -> Vec<String> {
    let ids = vec![accepted.workflow.clone(), accepted.id.clone()];
    let world = World::of(target, operations, ids).await;
    let mut random = Random::new(0, "views");
    let gets = operations.iter().filter(|operation| operation.method == "GET");
    let mut views: Vec<String> = gets
        .map(|operation| world.fill(&operation.path, &mut random))
        .filter(|path| world.names_object(path) || !path.contains('%'))
        .map(|path| path.replace(&accepted.workflow, "{workflow}"))
        .map(|path| path.replace(&accepted.id, "{execution}"))
        .collect();
    views.sort();
    views.dedup();
    views
}

async fn search_views(
    target: &Target,
    views: &[String],
    accepted: &Accepted,
    secret: &str,
    what: &str,
) {
    for view in views {
        let path = view.replace("{workflow}", &accepted.workflow);
        let path = path.replace("{execution}", &accepted.id);
        let reply = target.get(&path).await;
        let found = find(&reply.body, secret);
        assert!(found.is_none(), "{path} shows {secret}: {found:?} of {what}");
    }
}

fn search_files(folder: &Path, secrets: &[String]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for secret in secrets {
            // One half is enough here: the views were searched for all traces.
            let half = &secret.as_bytes()[..secret.len() / 2];
            let is_there = bytes.windows(half.len()).any(|window| window == half);
            assert!(!is_there, "{} holds {secret}", path.display());
        }
    }
}

/// A server that returns the secret that it received, and stores everything else.
struct Outside {
    url: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl Outside {
    async fn start() -> Self {
        let received = Arc::default();
        let app = axum::Router::new()
            .route("/echo", any(echo))
            .route("/later", any(later))
            .with_state(Arc::clone(&received));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, received }
    }

    fn clear(&self) {
        self.received.lock().unwrap().clear();
    }

    /// Checks that the secret was sent only in its header.
    fn check(&self, secret: &str, what: &str) {
        for text in self.received.lock().unwrap().iter() {
            let found = find(text.as_bytes(), secret);
            assert!(found.is_none(), "sent {secret} elsewhere: {found:?} of {what}");
        }
    }
}

type Received = Arc<Mutex<Vec<String>>>;

async fn echo(
    State(received): State<Received>,
    Query(query): Query<std::collections::BTreeMap<String, String>>,
    headers: HeaderMap,
    body: String,
) -> impl IntoResponse {
    let header = headers.get("token").map(|value| String::from_utf8_lossy(value.as_bytes()));
    let token = header.as_deref().or(query.get("token").map(String::as_str)).unwrap_or_default();
    let data = query.get("data").cloned().unwrap_or_default();
    let more = headers.get("x-data").map(|value| String::from_utf8_lossy(value.as_bytes()));
    received.lock().unwrap().push(format!("{data} {} {body}", more.unwrap_or_default()));
    let form = query.get("form").map(String::as_str).unwrap_or_default();
    let status = if form == "cut" { 500 } else { 200 };
    // The body of an error is truncated; here in the middle of the secret.
    let before = if form == "cut" { "x".repeat(2020) } else { "x".repeat(token.len() % 3) };
    let text = [before.as_bytes(), &encode(form, token), b" end"].concat();
    (axum::http::StatusCode::from_u16(status).unwrap(), text)
}

async fn later(State(received): State<Received>, uri: Uri, headers: HeaderMap, body: String) {
    received.lock().unwrap().push(format!("{uri} {headers:?} {body}"));
}

/// The search itself finds each form at each alignment.
#[test]
fn every_form_of_a_secret_is_found() {
    let mut random = Random::new(1, "forms");
    for round in 0..200 {
        let secret = secret(&mut random);
        for form in FORMS {
            let text = "x".repeat(round % 3) + &secret;
            let bytes = [b"before ".as_slice(), &encode(form, &text), b" after"].concat();
            assert!(find(&bytes, &secret).is_some(), "{form} of {text}");
        }
        assert_eq!(find("x".repeat(3000).as_bytes(), &secret), None);
    }
}
