//! A program that the tests start and stop.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A program that is stopped when this is dropped, also after a failed assertion.
pub struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    pub fn start(command: &mut Command) -> std::io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().unwrap());
        Ok(Self { child, output })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads what it prints up to the line with this text, and gives what follows the text.
    pub fn wait_for(&mut self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the program ended without {text:?}; it printed:\n{seen}");
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
            seen += &line;
        }
    }

    /// Waits until it ends by itself, and tells whether it was content.
    pub fn wait(mut self) -> bool {
        self.child.wait().unwrap().success()
    }

    /// Sends it a signal by the name that the shell's own `kill` knows it by.
    pub fn signal(&self, name: &str) {
        let kill = ["-c", "kill -s \"$0\" \"$1\"", name, &self.id().to_string()];
        let status = Command::new("sh").args(kill).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
