//! A web service of a test: its responses are those of a function, and it records the requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A request as it was received.
#[derive(Debug, Clone)]
pub struct Request {
    /// Such as `POST /messages?x=1`.
    pub line: String,
    /// The value of the header `Authorization`.
    pub authorization: Option<String>,
    /// The JSON body; `null` if there is none.
    pub body: Value,
}

/// The status and body of a response; `None`: the connection is held open without one.
pub type Response = Option<(u16, Value)>;

/// A running service; it ends with the process.
pub struct Service {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Service {
    pub fn start(respond: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (respond, recorded) = (Arc::new(respond), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (respond, recorded) = (respond.clone(), recorded.clone());
                std::thread::spawn(move || {
                    let request = read_request(&stream);
                    recorded.lock().unwrap().push(request.clone());
                    match respond(&request) {
                        Some((status, body)) => write_response(stream, status, &body),
                        None => loop {
                            std::thread::park();
                        },
                    }
                });
            }
        });
        Self { url, requests }
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The method and path of each request so far.
    pub fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }
}

fn read_request(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let line = line.rsplit_once(" HTTP/").unwrap().0.to_owned();
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        if header.trim_end().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap();
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "authorization" => authorization = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Request { line, authorization, body }
}

fn write_response(mut stream: TcpStream, status: u16, body: &Value) {
    let body = body.to_string();
    // The client may have given up.
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
}
