//! A cache has done what it was asked, and the answer is lost: what may be repeated is, and a write
//! is an error, once. And others who do not say what they should.

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
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

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
    /// Connections of an older generation pass on nothing any more, and stay.
    generation: Arc<AtomicUsize>,
}

impl Cutter {
    async fn before(server: String, word: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (cuts, sent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let generation = Arc::new(AtomicUsize::new(0));
        let cutter = Self {
            address,
            cuts: cuts.clone(),
            sent: sent.clone(),
            generation: generation.clone(),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                let born = generation.load(Ordering::SeqCst);
                let (cuts, sent, generation) = (cuts.clone(), sent.clone(), generation.clone());
                tokio::spawn(async move {
                    pass(client, server, word, &cuts, &sent, || {
                        generation.load(Ordering::SeqCst) > born
                    })
                    .await;
                });
            }
        });
        cutter
    }

    fn cut(&self, times: usize) {
        self.cuts.store(times, Ordering::SeqCst);
        self.sent.store(0, Ordering::SeqCst);
    }

    /// The network between here and there is gone, as far as the connections of now go.
    fn mute(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }
}

async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    word: &str,
    cuts: &AtomicUsize,
    sent: &AtomicUsize,
    is_mute: impl Fn() -> bool,
) {
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut marked = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(1..) if is_mute() => std::future::pending().await,
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

/// TCP takes a quarter of an hour to notice; the next request is not to wait for that.
#[tokio::test]
async fn a_connection_that_leads_nowhere_is_left() {
    let server = Redis::start().unwrap();
    let cutter = Cutter::before(format!("127.0.0.1:{}", server.port()), "marked").await;
    let url = format!("redis://{}?timeout=0.3", cutter.address);
    let redis = RedisCache::from_url(&url).unwrap();
    let other = Memcached::start().unwrap();
    let before_other = Cutter::before(other.address(), "marked").await;
    let url = format!("memcached://{}?timeout=0.3", before_other.address);
    let memcached = MemcachedCache::from_url(&url).unwrap();
    assert_eq!(redis.get("x").await.unwrap(), None);
    assert_eq!(memcached.get("x").await.unwrap(), None);
    cutter.mute();
    before_other.mute();
    let errors = [redis.get("x").await.unwrap_err(), memcached.get("x").await.unwrap_err()];
    for error in errors {
        assert!(error.to_string().contains("did not answer within 0.3 s"), "{error}");
    }
    assert_eq!(redis.get("x").await.unwrap(), None);
    assert_eq!(memcached.get("x").await.unwrap(), None);
}

/// A Sentinel that is behind names a server that is a replica by now, and this one may even accept
/// writes; what it takes is lost when it hears of its master.
#[tokio::test]
async fn what_a_sentinel_names_must_be_a_master() {
    let master = Redis::start().unwrap();
    let writable = Redis::options().replica_of(&master).setting("replica-read-only", "no");
    let replica = writable.start().unwrap();
    assert_eq!(replica.cli(&["SET", "x", "y"]).unwrap().trim(), "OK", "it takes writes");
    let names = async |server: &Redis| sentinel(Arc::new(AtomicU16::new(server.port()))).await;
    let (behind, right) = (names(&replica).await, names(&master).await);
    let alone = RedisCache::from_url(&format!("redis+sentinel://{behind}/m")).unwrap();
    let error = alone.add("a", b"x", in_an_hour()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("is not a master (yet)"), "{error}");
    let both = RedisCache::from_url(&format!("redis+sentinel://{behind},{right}/m")).unwrap();
    assert!(both.add("a", b"x", in_an_hour()).await.unwrap());
    assert_eq!(master.cli(&["GET", "a"]).unwrap().trim(), "x");
}

/// A master that was demoted keeps its connections, and refuses: the next command asks the Sentinels anew.
#[tokio::test]
async fn who_was_demoted_is_left_for_the_new_master() {
    let (old, new) = (Redis::start().unwrap(), Redis::start().unwrap());
    let named = Arc::new(AtomicU16::new(old.port()));
    let address = sentinel(Arc::clone(&named)).await;
    let cache = RedisCache::from_url(&format!("redis+sentinel://{address}/m")).unwrap();
    assert!(cache.add("a", b"old", in_an_hour()).await.unwrap());
    old.cli(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]).unwrap();
    named.store(new.port(), Ordering::SeqCst);
    let error = cache.get("a").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(cache.add("b", b"new", in_an_hour()).await.unwrap());
    assert_eq!(new.cli(&["GET", "b"]).unwrap().trim(), "new");
}

/// Says to everybody that the master is on this port.
async fn sentinel(port: Arc<AtomicU16>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let port = Arc::clone(&port);
            tokio::spawn(async move {
                let mut asked = vec![0; 4096];
                while let Ok(length @ 1..) = client.read(&mut asked).await {
                    let text = String::from_utf8_lossy(&asked[..length]).into_owned();
                    let port = port.load(Ordering::SeqCst).to_string();
                    let named = format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len());
                    for word in text.split("\r\n") {
                        let answer = match word {
                            "HELLO" => "%1\r\n+proto\r\n:3\r\n",
                            "CLIENT" => "+OK\r\n",
                            "SENTINEL" => named.as_str(),
                            _ => continue,
                        };
                        client.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
            });
        }
    });
    address
}
