//! Where the beginning of a form waits until its token is found: in memory, and from there on in a
//! file without a name.

use std::fmt;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::fs::File;
use tokio::io::{AsyncRead as _, AsyncSeekExt as _, AsyncWriteExt as _, ReadBuf};

/// What waits in memory at the most, and from what size on in a file.
pub(super) const IN_MEMORY: usize = 64 * 1024;

/// What a file takes of the room at the least.
pub(super) const SMALLEST: u64 = 1 << 20;

/// What is read from a file at once.
const PIECE: usize = 16 * 1024;

/// The room on the disk that all forms share.
#[derive(Debug)]
pub(super) struct Room {
    folder: Option<PathBuf>,
    left: AtomicU64,
}

impl Room {
    /// So many bytes in this folder, or in the system's temporary one.
    pub(super) fn new(folder: Option<&Path>, size: u64) -> Arc<Self> {
        Arc::new(Self { folder: folder.map(Path::to_owned), left: AtomicU64::new(size) })
    }

    fn take(&self, size: u64) -> io::Result<()> {
        let enough = |left: u64| left.checked_sub(size);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enough) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "the forms whose tokens are still searched for take all the room they have",
            )),
        }
    }

    async fn file(self: &Arc<Self>) -> io::Result<File> {
        let room = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || match &room.folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        });
        let mut file = File::from_std(made.await.map_err(io::Error::other)??);
        // It copies what it writes, up to two megabytes at once otherwise.
        file.set_max_buf_size(PIECE);
        Ok(file)
    }
}

/// The beginning of a form.
pub(super) struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    in_file: u64,
    /// What was taken of the room.
    taken: u64,
    room: Arc<Room>,
}

impl Spool {
    pub(super) fn new(room: &Arc<Room>) -> Self {
        Self { memory: Vec::new(), file: None, in_file: 0, taken: 0, room: Arc::clone(room) }
    }

    pub(super) fn len(&self) -> u64 {
        self.in_file + self.memory.len() as u64
    }

    /// Takes the next bytes.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.memory.len() + bytes.len() > IN_MEMORY {
            self.write_out().await?;
        }
        // Copied, because a small piece may hold on to the large buffer that it was cut from.
        if bytes.len() <= IN_MEMORY {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        self.write(bytes).await
    }

    async fn write_out(&mut self) -> io::Result<()> {
        let memory = std::mem::take(&mut self.memory);
        self.write(&memory).await?;
        self.memory = memory;
        self.memory.clear();
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let size = self.in_file + bytes.len() as u64;
        // A file costs a handle as well, so there must not be many small ones.
        let more = size.max(SMALLEST).saturating_sub(self.taken);
        self.room.take(more)?;
        self.taken += more;
        self.in_file = size;
        if self.file.is_none() {
            self.file = Some(self.room.file().await?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(bytes).await?;
        }
        Ok(())
    }

    /// Everything that was pushed, from its beginning.
    pub(super) async fn replay(mut self) -> io::Result<Replay> {
        if let Some(file) = &mut self.file {
            file.flush().await?;
            file.seek(SeekFrom::Start(0)).await?;
        }
        let left = self.in_file;
        Ok(Replay { spool: self, left })
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // The file has no name: it goes with its handle.
        self.room.left.fetch_add(self.taken, Ordering::Relaxed);
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The beginning of a form, on its way to the handler.
#[derive(Debug)]
pub(super) struct Replay {
    spool: Spool,
    /// What of the file was not read yet.
    left: u64,
}

impl Replay {
    pub(super) fn len(&self) -> u64 {
        self.left + self.spool.memory.len() as u64
    }

    /// The next piece; nothing at the end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let Some(file) = self.spool.file.as_mut().filter(|_| self.left > 0) else {
            let memory = std::mem::take(&mut self.spool.memory);
            return Poll::Ready(Ok((!memory.is_empty()).then(|| memory.into())));
        };
        let mut piece = BytesMut::zeroed(PIECE);
        let mut buffer = ReadBuf::new(&mut piece);
        ready!(Pin::new(file).poll_read(cx, &mut buffer))?;
        let read = buffer.filled().len();
        if read == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.left = self.left.saturating_sub(read as u64);
        piece.truncate(read);
        Poll::Ready(Ok(Some(piece.freeze())))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn all(mut replay: Replay) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let left = replay.len();
            match poll_fn(|cx| replay.poll_next(cx)).await.unwrap() {
                Some(piece) => {
                    assert_eq!(replay.len() + piece.len() as u64, left);
                    bytes.extend_from_slice(&piece);
                }
                None => return bytes,
            }
        }
    }

    #[tokio::test]
    async fn what_is_pushed_comes_back_in_order() {
        let room = Room::new(None, 1 << 20);
        for sizes in [&[][..], &[0, 1, 2], &[IN_MEMORY], &[IN_MEMORY, 1], &[300_000], &[9; 50_000]]
        {
            let mut spool = Spool::new(&room);
            let mut pushed = Vec::new();
            for (at, size) in sizes.iter().enumerate() {
                let bytes: Vec<u8> = (0..*size).map(|i| (at * 7 + i) as u8).collect();
                spool.push(&bytes).await.unwrap();
                pushed.extend_from_slice(&bytes);
                assert!(spool.memory.capacity() <= 2 * IN_MEMORY);
            }
            assert_eq!(spool.len(), pushed.len() as u64);
            assert_eq!(spool.file.is_some(), pushed.len() > IN_MEMORY);
            assert!(all(spool.replay().await.unwrap()).await == pushed);
            assert_eq!(room.left.load(Ordering::Relaxed), 1 << 20, "the room is given back");
        }
    }

    #[tokio::test]
    async fn all_forms_together_have_an_end() {
        let room = Room::new(None, 3 << 20);
        let (mut one, mut other) = (Spool::new(&room), Spool::new(&room));
        one.push(&vec![0; 1_900_000]).await.unwrap();
        other.push(&vec![0; 900_000]).await.unwrap();
        let refused = other.push(&vec![0; 1_000_000]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
        drop(one);
        other.push(&vec![0; 1_900_000]).await.unwrap();
    }

    #[tokio::test]
    async fn small_files_are_few_as_well() {
        let room = Room::new(None, 4 * SMALLEST);
        let mut spools: Vec<Spool> = (0..5).map(|_| Spool::new(&room)).collect();
        for spool in &mut spools[..4] {
            spool.push(&[0; IN_MEMORY + 1]).await.unwrap();
        }
        assert!(spools[4].push(&[0; IN_MEMORY + 1]).await.is_err());
        spools.truncate(3);
        assert_eq!(room.left.load(Ordering::Relaxed), SMALLEST);
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_an_error_when_it_is_needed() {
        let room = Room::new(Some(Path::new("/nowhere/at/all")), 1 << 20);
        let mut spool = Spool::new(&room);
        spool.push(&[1; 100]).await.unwrap();
        assert_eq!(spool.push(&[1; IN_MEMORY]).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
