//! Runs the code blocks of a page as a reader would: in one folder and one shell, with programs in
//! the background. The pages use the ports 8080 and 9000; here they are replaced by free ones.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::page::{Block, Page, matches_output};

/// How long a script may take, and a program until it is ready.
const PATIENCE: Duration = Duration::from_secs(120);

/// The line after the output of a script begins with it; the exit code follows.
const END: &str = "@@end ";

/// A program in the background; ends with the test.
pub struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The shell of a reader.
struct Shell {
    process: Background,
    input: ChildStdin,
    lines: Receiver<String>,
}

/// A folder with free ports for the server and for a service beside it.
pub struct Session {
    folder: TempDir,
    server_port: u16,
    service_port: u16,
}

impl Session {
    pub fn new() -> Self {
        // Held together, so that the two differ.
        let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [server_port, service_port] = ports.map(|port| port.local_addr().unwrap().port());
        Self { folder: tempfile::tempdir().unwrap(), server_port, service_port }
    }

    /// Runs every block of a page; fails the test at the first one that behaves differently.
    pub fn run(&self, page: &Page) {
        let mut shell = self.shell();
        let mut programs = Vec::new();
        let mut scripts = 0;
        for block in &page.blocks {
            match block {
                Block::File { name, text } => {
                    let file = self.folder.path().join(name);
                    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                    std::fs::write(file, self.adapt(text)).unwrap();
                }
                Block::Background(text) => programs.push(self.start(text)),
                Block::Script { text, output } => {
                    scripts += 1;
                    let (code, found) = shell.execute(&self.adapt(text));
                    let place = || format!("{}:\n{text}\n{}", page.name, self.errors());
                    let must_fail = text.contains("# fails");
                    assert_eq!(code != 0, must_fail, "exit code {code} in {}", place());
                    if let Some(output) = output {
                        let expected = self.adapt(output);
                        let is_same = matches_output(&expected, &found);
                        assert!(is_same, "expected\n{expected}\nfound\n{found}\nin {}", place());
                    }
                }
                Block::Other { .. } => {}
            }
        }
        assert!(scripts > 0, "{} has no scripts", page.name);
        // The shell ends before the programs that it talks to.
        drop(shell);
        drop(programs);
    }

    /// Validates a definition.
    pub fn validate(&self, definition: &str) {
        let file = self.folder.path().join("definition.yaml");
        std::fs::write(&file, definition).unwrap();
        let output = self.command("stepwell").arg("validate").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    /// The text with the ports of this session.
    fn adapt(&self, text: &str) -> String {
        text.replace("8080", &self.server_port.to_string())
            .replace("9000", &self.service_port.to_string())
    }

    /// A command in the folder that finds the binary under test.
    fn command(&self, program: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_stepwell"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(binary.parent().unwrap().to_owned());
        let path = std::env::join_paths(folders.chain(std::env::split_paths(&path))).unwrap();
        let mut command = Command::new(program);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STEPWELL")) {
            command.env_remove(name);
        }
        command
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("NO_PROXY", "127.0.0.1")
            .env("STEPWELL__SERVER__PORT", self.server_port.to_string())
            .stdin(Stdio::null())
            .stderr(File::options().create(true).append(true).open(self.error_file()).unwrap());
        command
    }

    fn error_file(&self) -> std::path::PathBuf {
        self.folder.path().join("stderr.log")
    }

    fn errors(&self) -> String {
        std::fs::read_to_string(self.error_file()).unwrap_or_default()
    }

    fn shell(&self) -> Shell {
        let mut command = self.command("sh");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Shell { process: Background(child), input, lines }
    }

    /// Starts the program of a background block and waits until it is ready.
    pub fn start(&self, text: &str) -> Background {
        // `exec`, so that the program itself is killed, not a shell around it.
        let (_, program) = text.trim_end().split_once('\n').unwrap();
        let script = format!("exec {}", self.adapt(program));
        let child = self.command("sh").args(["-c", &script]).stdout(Stdio::null()).spawn();
        let mut program_under_way = Background(child.unwrap());
        let is_server = program.contains("stepwell serve");
        let deadline = Instant::now() + PATIENCE;
        // The server announces itself when everything is ready, its key included.
        let announcement = self.folder.path().join("data/server.json");
        let is_ready = || match is_server {
            true => announcement.is_file(),
            false => TcpStream::connect(("127.0.0.1", self.service_port)).is_ok(),
        };
        while !is_ready() {
            let ended = program_under_way.0.try_wait().unwrap();
            assert!(ended.is_none(), "`{program}` ended: {ended:?}\n{}", self.errors());
            assert!(Instant::now() < deadline, "`{program}` does not start\n{}", self.errors());
            std::thread::sleep(Duration::from_millis(20));
        }
        program_under_way
    }
}

impl Shell {
    /// Runs a script; its exit code and what it printed.
    fn execute(&mut self, script: &str) -> (i32, String) {
        // The output of a script may end without a line feed.
        writeln!(self.input, "{{\n{script}\n}} </dev/null\nprintf '\\n{END}%s\\n' $?").unwrap();
        self.input.flush().unwrap();
        let mut output = String::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                let ended = self.process.0.try_wait();
                panic!("the script does not end ({ended:?}):\n{script}\n{output}");
            };
            match line.strip_prefix(END) {
                Some(code) => return (code.parse().unwrap(), output),
                None => output.extend([line.as_str(), "\n"]),
            }
        }
    }
}
