//! A cache has done what it was asked, and the answer is lost: what may be repeated is, and a write
//! is an error, once.

#![cfg(all(feature = "redis", feature = "memcached"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod cache_contract;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_contract::{fresh_name, in_an_hour, seen, value_of};
use segue::caches::{MemcachedCache, RedisCache};
use segue::{Cache, StoreErrorKind, Swapped};
use servers::{Memcached, Redis};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Stands between a client and a server, and cuts the line instead of passing on an answer.
struct Cutter {
    address: String,
    /// How many more answers about the word are cut off.
    cuts: Arc<AtomicUsize>,
    /// How often something with the word in it was sent.
    sent: Arc<AtomicUsize>,
}

impl Cutter {
    async fn before(server: String, word: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (cuts, sent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let cutter = Self { address, cuts: cuts.clone(), sent: sent.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(pass(client, server, word, cuts.clone(), sent.clone()));
            }
        });
        cutter
    }

    fn cut(&self, times: usize) {
        self.cuts.store(times, Ordering::SeqCst);
        self.sent.store(0, Ordering::SeqCst);
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }
}

async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    word: &str,
    cuts: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
) {
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut marked = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(length @ 1..) => {
                    let bytes = &asked[..length];
                    marked = bytes.windows(word.len()).any(|found| found == word.as_bytes());
                    if marked {
                        sent.fetch_add(1, Ordering::SeqCst);
                    }
                    server.write_all(bytes).await.unwrap();
                }
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(length @ 1..) => {
                    let less = |cuts: usize| cuts.checked_sub(1);
                    let order = Ordering::SeqCst;
                    if marked && cuts.fetch_update(order, order, less).is_ok() {
                        return;
                    }
                    client.write_all(&answered[..length]).await.unwrap();
                }
                _ => return,
            },
        }
    }
}

/// Every operation with its answer lost; all of them are about names with the mark in them.
async fn check(cache: impl Cache, cutter: &Cutter) {
    let name = format!("{}marked", fresh_name());
    // Whatever is made at first is made now.
    assert!(cache.add(&name, b"one", in_an_hour()).await.unwrap());
    assert_eq!(
        cache.swap(&name, &seen(b"one"), b"two", in_an_hour()).await.unwrap(),
        Swapped::Stored
    );

    cutter.cut(1);
    assert_eq!(value_of(&cache, &name).await.unwrap(), b"two", "a read is repeated");
    assert_eq!(cutter.sent(), 2);

    let two = cache.get(&name).await.unwrap().unwrap();
    cutter.cut(1);
    let error = cache.swap(&name, &two, b"three", in_an_hour()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    assert_eq!(cutter.sent(), 1, "a swap is not: it would meet its own value");
    assert_eq!(value_of(&cache, &name).await.unwrap(), b"three", "it was done");

    cutter.cut(1);
    cache.delete(&name).await.unwrap();
    assert_eq!(cutter.sent(), 2, "a removal is repeated");
    assert_eq!(cache.get(&name).await.unwrap(), None);

    cutter.cut(1);
    let error = cache.add(&name, b"four", in_an_hour()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    assert_eq!(cutter.sent(), 1, "an add is not: it would find its own value");
    assert_eq!(value_of(&cache, &name).await.unwrap(), b"four", "it was done");

    // And no more than once.
    cutter.cut(2);
    assert!(cache.get(&name).await.is_err());
    assert_eq!(cutter.sent(), 2);
    cutter.cut(0);
    assert_eq!(value_of(&cache, &name).await.unwrap(), b"four");
}

#[tokio::test]
async fn of_redis() {
    let server = Redis::start().unwrap();
    let cutter = Cutter::before(format!("127.0.0.1:{}", server.port()), "marked").await;
    check(RedisCache::from_url(&format!("redis://{}", cutter.address)).unwrap(), &cutter).await;
}

#[tokio::test]
async fn of_memcached() {
    let server = Memcached::start().unwrap();
    let cutter = Cutter::before(server.address(), "marked").await;
    let url = format!("memcached://{}?pool=1", cutter.address);
    check(MemcachedCache::from_url(&url).unwrap(), &cutter).await;
}
