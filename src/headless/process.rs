//! Starting a program and ending it with everything that it started: the one file that knows the platform.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::{Child, Command};

/// How a program is started: an argument vector, never a command line.
pub(super) struct Launch {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) folder: Option<PathBuf>,
    pub(super) takes_input: bool,
}

/// A started program; dropping both parts ends it.
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) group: ProcessGroup,
}

pub(super) fn start(launch: &Launch) -> io::Result<Started> {
    let mut command = Command::new(&launch.path);
    command
        .args(&launch.arguments)
        .env_clear()
        .envs(&launch.environment)
        .stdin(if launch.takes_input { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(folder) = &launch.folder {
        command.current_dir(folder);
    }
    alone(&mut command);
    let child = command.spawn()?;
    let group = ProcessGroup(child.id());
    Ok(Started { child, group })
}

/// A program and everything that it started, ended when this is dropped.
pub(super) struct ProcessGroup(Option<u32>);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(id) = self.0.take() {
            end(id);
        }
    }
}

/// Puts the program into a process group of its own.
#[cfg(unix)]
fn alone(command: &mut Command) {
    command.process_group(0);
}

#[cfg(unix)]
fn end(id: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // A group that is already gone is what we want.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Without a window, and in a group that our Ctrl-C does not reach.
#[cfg(windows)]
fn alone(command: &mut Command) {
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    command.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW);
}

/// Ends the tree through Windows' own program for that, which is not waited for.
#[cfg(windows)]
fn end(id: u32) {
    let root = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    let _ = std::process::Command::new(PathBuf::from(root).join(r"System32\taskkill.exe"))
        .args(["/T", "/F", "/PID", &id.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}

#[cfg(not(any(unix, windows)))]
fn alone(_: &mut Command) {}

/// The program itself ends with its [`Child`].
#[cfg(not(any(unix, windows)))]
fn end(_: u32) {}
