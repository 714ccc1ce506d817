//! A line to a server, which counts what is sent at a time, and on which answers can be held back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Between a client and a server.
pub struct Line {
    pub address: String,
    /// How many commands of a cache were sent before answers came, turn by turn.
    turns: Arc<Mutex<Vec<usize>>>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// What the server says does not arrive yet.
    is_held: bool,
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
        let counted = Arc::clone(&turns);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&counted), states.clone()));
            }
        });
        Self { address, turns, state }
    }

    /// Holds answers back from now on.
    pub fn hold(&self) {
        self.state.send_modify(|state| state.is_held = true);
    }

    pub fn release(&self) {
        self.state.send_modify(|state| state.is_held = false);
    }

    /// Ends the connections, and lets new ones through.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            *state = State { is_held: false, generation: state.generation + 1 };
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
    let mut is_new_turn = true;
    let born = states.borrow().generation;
    loop {
        let State { is_held, generation } = *states.borrow_and_update();
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
                    server.write_all(&asked[..length]).await.unwrap();
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

fn count(bytes: &[u8]) -> usize {
    let found = |word: &&[u8]| bytes.windows(word.len()).filter(|found| found == word).count();
    COMMANDS.iter().map(found).sum()
}
