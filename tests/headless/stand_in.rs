//! A program that does as its script says, one step a line.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// The variable that holds the script.
pub(super) const SCRIPT: &str = "SAMEWIRE_STAND_IN";

pub(super) fn play(script: &str) -> ! {
    for step in script.lines() {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            // Prints a file as it is.
            "file" => print(&std::fs::read_to_string(rest).expect("a recorded output")),
            "say" => print(&format!("{rest}\n")),
            "complain" => eprintln!("{rest}"),
            // The same, until the length in bytes is reached.
            "complain-much" => {
                let length: usize = rest.parse().expect("a length");
                (0..length / 10).for_each(|_| eprint!("123456789 "));
                eprintln!("the end");
            }
            // Prints what it was given, as texts.
            "arguments" => text(&format!("{:?}", std::env::args().skip(1).collect::<Vec<_>>())),
            "environment" => {
                let names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
                text(&names.join(" "));
            }
            "folder" => text(&std::env::current_dir().expect("a folder").display().to_string()),
            "input" => {
                let mut input = String::new();
                std::io::stdin().read_to_string(&mut input).expect("input of text");
                text(&input);
            }
            "input-length" => {
                let mut input = Vec::new();
                std::io::stdin().read_to_end(&mut input).expect("input");
                text(&input.len().to_string());
            }
            // Ends so if an argument is among ours.
            "refuse" => {
                if std::env::args().any(|argument| argument == rest) {
                    eprintln!("error: unknown option '{rest}'");
                    std::process::exit(1);
                }
            }
            // Holds a connection for as long as it lives.
            "hold" => {
                let connection = TcpStream::connect(rest).expect("the test listens");
                std::mem::forget(connection);
            }
            // Goes on once the test closes the connection.
            "wait" => {
                let mut connection = TcpStream::connect(rest).expect("the test listens");
                let _ = connection.read(&mut [0]);
            }
            "child" => {
                let own = std::env::current_exe().expect("a path of our own");
                let mut command = Command::new(own);
                command.env(SCRIPT, rest.replace('|', "\n")).stdin(Stdio::null());
                std::mem::forget(command.spawn().expect("a child"));
            }
            "hang" => loop {
                std::thread::park();
            },
            "exit" => std::process::exit(rest.parse().expect("a status")),
            other => panic!("the script has no step `{other}`"),
        }
    }
    std::process::exit(0)
}

/// Says it in our own form, and again where a program says what is no event.
fn text(text: &str) {
    eprintln!("{text}");
    print(&format!("{{\"type\":\"text\",\"text\":{}}}\n", serde_json::to_string(text).expect("JSON")));
}

fn print(text: &str) {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).expect("somebody reads");
}
