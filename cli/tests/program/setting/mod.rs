//! A service on this machine, a folder with a configuration, and the program run in it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

/// Answers every request by its target; runs until the test's process ends.
pub(crate) struct Service {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method and target.
    pub(crate) line: String,
    /// All header lines.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

impl Service {
    /// A service that knows two models, and answers conversations with a greeting, or with a tool call where
    /// tools are offered and no result is there yet. The key `sk-bad` is refused.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let kept = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = kept.clone();
                std::thread::spawn(move || serve(&stream.unwrap(), &kept));
            }
        });
        Self { port, requests }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What arrived so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The bodies of the conversations that arrived.
    pub(crate) fn chats(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.line.contains("/chat/completions")).collect()
    }
}

fn serve(stream: &TcpStream, kept: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read_request(&mut reader) {
        let answer = answer(&request);
        kept.lock().unwrap().push(request);
        if { stream }.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut head = String::new();
    let mut length = 0;
    loop {
        let start = head.len();
        reader.read_line(&mut head).ok().filter(|read| *read > 0)?;
        let header = head[start..].trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line: line.trim().to_owned(), head, body: String::from_utf8(body).ok()? })
}

fn answer(request: &Request) -> String {
    let json = "application/json";
    if request.head.contains("sk-bad") {
        return response("401 Unauthorized", json, r#"{"error":{"message":"that key is revoked"}}"#);
    }
    if request.line.contains("/models") {
        return response("200 OK", json, r#"{"data":[{"id":"small"},{"id":"large"}]}"#);
    }
    if request.line.contains("/api/pull") {
        let lines = "{\"status\":\"pulling manifest\"}\n{\"status\":\"success\"}\n";
        return response("200 OK", "application/x-ndjson", lines);
    }
    if !request.line.contains("/chat/completions") {
        return response("404 Not Found", json, "{}");
    }
    let offers_tools = request.body.contains("\"tools\"") && !request.body.contains("\"role\":\"tool\"");
    let deltas = if offers_tools {
        r#"{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"read_file","arguments":"{\"path\":\"a\"}"}}]}"#
    } else {
        r#"{"content":"Hello from here"}"#
    };
    let finish = if offers_tools { "tool_calls" } else { "stop" };
    let body = format!(
        "data: {{\"choices\":[{{\"delta\":{deltas}}}]}}\n\n\
         data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"{finish}\"}}]}}\n\n\
         data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":7,\"completion_tokens\":3}}}}\n\ndata: [DONE]\n\n"
    );
    response("200 OK", "text/event-stream", &body)
}

fn response(status: &str, kind: &str, body: &str) -> String {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    format!(
        "HTTP/1.1 {status}\r\ndate: {date}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit status.
    pub(crate) status: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// A run in a folder, without any key of the machine's own.
pub(crate) fn run_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Ran {
    let mut child = command(folder, arguments, variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { status: status.code(), out: text(stdout), err: text(stderr) }
}

/// The program with its arguments and nothing of the machine's environment but what programs need to start.
pub(crate) fn command(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_samewire"));
    command.args(arguments).current_dir(folder).env_clear().env("HOME", folder);
    for name in ["PATH", "SystemRoot", "TEMP", "TMP"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("APPDATA", folder).env("LOCALAPPDATA", folder).envs(variables.iter().copied());
    command
}
