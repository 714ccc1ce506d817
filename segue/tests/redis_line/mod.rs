//! A line to a server, which counts what is sent at a time, and on which answers can be held back.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::sync::atomic::{AtomicU16, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Between a client and a server.
pub struct Line {
    pub address: String,
    port: Arc<AtomicU16>,
    /// How many commands of a cache were sent before answers came, turn by turn.
    turns: Arc<Mutex<Vec<usize>>>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// What the server says does not arrive yet.
    is_held: bool,
    /// The same on connections on which it tells of changes.
    is_deaf: bool,
    /// What stands behind the first command of a cache is not sent yet.
    is_split: bool,
    /// Connections of an older generation have ended, together with what was held back.
    generation: usize,
}

/// What a cache says first of each request. Its second command follows in the same turn.
const COMMANDS: [&[u8]; 4] = [b"\r\nGETEX\r\n", b"\r\nSET\r\n", b"\r\nDEL\r\n", b"\r\nEVAL"];

impl Line {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let turns = Arc::<Mutex<Vec<usize>>>::default();
        let (state, states) = watch::channel(State::default());
        let (counted, port) = (Arc::clone(&turns), Arc::new(AtomicU16::new(port)));
        let leads_to = Arc::clone(&port);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server =
                    TcpStream::connect(("127.0.0.1", leads_to.load(SeqCst))).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&counted), states.clone()));
            }
        });
        Self { address, port, turns, state }
    }

    /// Leads new connections to another server.
    pub fn lead_to(&self, port: u16) {
        self.port.store(port, SeqCst);
    }

    /// Holds answers back from now on.
    pub fn hold(&self) {
        self.state.send_modify(|state| state.is_held = true);
    }

    /// Holds answers back on connections on which the server tells of changes.
    pub fn deafen(&self) {
        self.state.send_modify(|state| state.is_deaf = true);
    }

    /// Lets the first command of a request through and holds the second one back.
    pub fn split(&self) {
        self.state.send_modify(|state| state.is_split = true);
    }

    pub fn release(&self) {
        self.state.send_modify(|state| {
            *state = State { generation: state.generation, ..State::default() }
        });
    }

    /// Ends the connections, and lets new ones through.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            *state = State { generation: state.generation + 1, ..State::default() };
        });
    }

    /// The turns since this was asked last.
    pub fn turns(&self) -> Vec<usize> {
        std::mem::take(&mut self.turns.lock().unwrap())
    }

    /// Waits until so many commands were sent since the turns were asked for.
    pub async fn until_sent(&self, commands: usize) {
        for _ in 0..1000 {
            if self.turns.lock().unwrap().iter().sum::<usize>() >= commands {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{commands} commands were never sent: {:?}", self.turns.lock().unwrap());
    }
}

async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    turns: Arc<Mutex<Vec<usize>>>,
    mut states: watch::Receiver<State>,
) {
    let (mut asked, mut answered) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let (mut is_new_turn, mut is_told) = (true, false);
    let born = states.borrow().generation;
    loop {
        let State { is_held, is_deaf, is_split, generation } = *states.borrow_and_update();
        let is_held = is_held || is_deaf && is_told;
        if generation > born {
            return;
        }
        tokio::select! {
            changed = states.changed() => if changed.is_err() {
                return;
            },
            read = client.read(&mut asked) => match read {
                Ok(length @ 1..) => {
                    let commands = count(&asked[..length]);
                    if commands > 0 {
                        let mut turns = turns.lock().unwrap();
                        match turns.last_mut() {
                            Some(turn) if !is_new_turn => *turn += commands,
                            _ => turns.push(commands),
                        }
                        is_new_turn = false;
                    }
                    is_told |= has(&asked[..length], b"\r\nTRACKING\r\n");
                    let first = if is_split { first_command(&asked[..length]) } else { length };
                    server.write_all(&asked[..first]).await.unwrap();
                    if first < length {
                        let _ = states.wait_for(|state| !state.is_split).await;
                        server.write_all(&asked[first..length]).await.unwrap();
                    }
                }
                _ => return,
            },
            read = server.read(&mut answered), if !is_held => match read {
                Ok(length @ 1..) => {
                    is_new_turn = true;
                    client.write_all(&answered[..length]).await.unwrap();
                }
                _ => return,
            },
        }
    }
}

fn has(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|found| found == word)
}

/// Where the first command ends.
fn first_command(bytes: &[u8]) -> usize {
    let start = bytes.windows(3).skip(1).position(|found| found == b"\n*2");
    start.map_or(bytes.len(), |start| start + 2)
}

fn count(bytes: &[u8]) -> usize {
    let found = |word: &&[u8]| bytes.windows(word.len()).filter(|found| found == word).count();
    COMMANDS.iter().map(found).sum()
}
