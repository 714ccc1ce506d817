//! What is logged while a test runs, on its thread.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Once;

type Lines = Rc<RefCell<Vec<u8>>>;

thread_local! {
    static WANTED: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

/// What this thread logs, until it is dropped.
///
/// One subscriber serves the whole program, because `tracing` remembers for all threads together
/// whether a line is wanted: with one for each test, a test could miss its lines.
#[derive(Debug)]
pub struct Log(Lines);

/// Where the lines go: to the test on whose thread they are written, if it wants them.
struct Here;

impl io::Write for Here {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WANTED.with_borrow(|wanted| {
            if let Some(lines) = wanted {
                lines.borrow_mut().extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// From now on, of every level.
    pub fn start() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .with_writer(|| Here);
            tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
        });
        let lines = Lines::default();
        WANTED.set(Some(Rc::clone(&lines)));
        Self(lines)
    }

    /// What was logged since the last time.
    pub fn take(&self) -> String {
        String::from_utf8(self.0.take()).unwrap()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        WANTED.set(None);
    }
}
