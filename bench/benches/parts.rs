//! The parts of a request that take time by themselves: `cargo bench -p bench`.
//!
//! Public API only, as a user has it: what happens inside of a save or a load is in the routes' figures.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark of what is known to work")]

use divan::{AllocProfiler, Bencher, black_box};
use segue::signing::{Signer, TimestampSigner};
use segue::{Clock, Codec, SecretKeys, SessionData, SessionKey};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const SESSION: &str = include_str!("../peers/session.json");

fn keys() -> SecretKeys {
    SecretKeys::new("a secret key for the benchmark, of fifty letters and more")
}

fn session() -> SessionData {
    SessionData::parse(SESSION).unwrap()
}

#[divan::bench_group]
mod key {
    use super::{SessionKey, black_box};

    #[divan::bench]
    fn parse() -> Option<SessionKey> {
        SessionKey::parse(black_box("abcdefghijklmnopqrstuvwxyz012345"))
    }

    #[divan::bench]
    fn parse_what_is_none() -> Option<SessionKey> {
        SessionKey::parse(black_box("abcdefghijklmnopqrstuvwxyz0123-5"))
    }

    #[divan::bench]
    fn generate() -> SessionKey {
        SessionKey::generate().unwrap()
    }
}

/// Of a session of about 300 bytes.
#[divan::bench_group]
mod codec {
    use super::{Bencher, Clock, Codec, keys, session};

    const KINDS: [&str; 3] = ["signed", "json", "pickle"];

    fn codec(kind: &str) -> Codec {
        match kind {
            "signed" => Codec::signed_json(&keys(), &Clock::system()),
            "json" => Codec::json(),
            _ => Codec::pickle(),
        }
    }

    #[divan::bench(args = KINDS)]
    fn encode(bencher: Bencher<'_, '_>, kind: &str) {
        let (codec, data) = (codec(kind), session());
        bencher.bench(|| codec.encode(&data).unwrap());
    }

    #[divan::bench(args = KINDS)]
    fn decode(bencher: Bencher<'_, '_>, kind: &str) {
        let codec = codec(kind);
        let payload = codec.encode(&session()).unwrap();
        bencher.bench(|| codec.decode(&payload).unwrap());
    }
}

/// Of a text of about 300 bytes.
#[divan::bench_group]
mod signature {
    use super::{Bencher, Clock, SESSION, Signer, TimestampSigner, keys};

    #[divan::bench]
    fn sign(bencher: Bencher<'_, '_>) {
        let signer = Signer::new(&keys(), "benchmark");
        bencher.bench(|| signer.sign(SESSION));
    }

    #[divan::bench]
    fn unsign(bencher: Bencher<'_, '_>) {
        let signer = Signer::new(&keys(), "benchmark");
        let signed = signer.sign(SESSION);
        bencher.bench(|| signer.unsign(&signed).unwrap().len());
    }

    #[divan::bench]
    fn sign_with_a_date(bencher: Bencher<'_, '_>) {
        let signer = TimestampSigner::new(&keys(), "benchmark", &Clock::system());
        bencher.bench(|| signer.sign(SESSION));
    }
}

#[divan::bench_group]
mod data {
    use super::{Bencher, SESSION, SessionData, session};

    #[divan::bench]
    fn parse() -> SessionData {
        SessionData::parse(SESSION).unwrap()
    }

    #[divan::bench]
    fn to_json(bencher: Bencher<'_, '_>) {
        let data = session();
        bencher.bench(|| data.to_json());
    }

    /// So many changes are done again on what another request saved.
    #[divan::bench(args = [1, 10, 100])]
    fn rebase(bencher: Bencher<'_, '_>, changes: u32) {
        let changed = move || {
            let mut data = session();
            for change in 0..changes {
                data.update(&format!("key{}", change % 10), move |old| {
                    Ok(old.map_or_else(|| change.to_string(), str::to_owned))
                })
                .unwrap();
            }
            (data, session())
        };
        bencher.with_inputs(changed).bench_local_values(|(mut data, theirs)| {
            data.rebase(theirs).unwrap();
            data
        });
    }
}
