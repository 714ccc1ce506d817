//! Which server has a name, exactly as pymemcache decides it.

use crate::settings::MemcachedServer;

/// Rendezvous hashing: each server has a score for a name, and the highest one wins.
///
/// Source: `pymemcache/client/rendezvous.py` and `murmur3.py`; `HashClient` uses them unless told
/// otherwise, and Django uses `HashClient`.
pub(super) struct Ring(Vec<Vec<char>>);

impl Ring {
    pub(super) fn new(servers: &[MemcachedServer]) -> Self {
        Self(servers.iter().map(|server| node_name(server).chars().collect()).collect())
    }

    /// The place of the server in the list, if the list is not empty.
    pub(super) fn place_of(&self, name: &str) -> Option<usize> {
        if self.0.len() == 1 {
            return Some(0);
        }
        let score =
            |node: &[char]| murmur3_32(node.iter().copied().chain("-".chars()).chain(name.chars()));
        // Of two with the same score the larger name wins; of the same name twice, the first.
        let nodes = self.0.iter().enumerate().rev();
        nodes.max_by_key(|(_, node)| (score(node), *node)).map(|(place, _)| place)
    }
}

/// As `HashClient._make_client_key` names a server.
fn node_name(server: &MemcachedServer) -> String {
    match server {
        MemcachedServer::Tcp(host) => format!("{}:{}", host.name, host.port),
        MemcachedServer::Unix(path) => path.clone(),
    }
}

/// Murmur hash 3, 32 bits, over the lowest eight bits of each character: what pymemcache makes of a
/// text, and for ASCII the usual hash.
fn murmur3_32(text: impl Iterator<Item = char>) -> u32 {
    let mix =
        |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (mut hash, mut block, mut length) = (0_u32, 0_u32, 0_u32);
    for character in text {
        let byte = u32::from(character) & 0xff;
        block |= byte << (8 * (length % 4));
        length = length.wrapping_add(1);
        if length.is_multiple_of(4) {
            hash = (hash ^ mix(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
            block = 0;
        }
    }
    if !length.is_multiple_of(4) {
        hash ^= mix(block);
    }
    hash ^= length;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::CacheUrl;

    /// Made by `tests/fixtures/memcached_places.py`: the servers, and under each set of them which one
    /// pymemcache chose for each name.
    const CHOICES: &str = include_str!("../../../tests/fixtures/memcached_places.txt");

    #[test]
    fn each_name_is_where_pymemcache_puts_it() {
        let (mut names, mut counted) = (0, Vec::new());
        let mut ring = Ring::new(&[]);
        for line in CHOICES.lines().filter(|line| !line.starts_with('#')) {
            if let Some(url) = line.strip_prefix("servers ") {
                let url = CacheUrl::parse(url, Path::new("")).unwrap();
                let CacheUrl::Memcached(url) = url else { panic!("{url:?}") };
                ring = Ring::new(&url.servers);
                counted.push(std::collections::BTreeSet::new());
                continue;
            }
            let (place, name) = line.split_once(' ').unwrap();
            let place: usize = place.parse().unwrap();
            assert_eq!(ring.place_of(name), Some(place), "{name:?}");
            counted.last_mut().unwrap().insert(place);
            names += 1;
        }
        assert!(names > 1000, "{names} names");
        assert!(counted.iter().filter(|places| places.len() > 1).count() >= 3, "{counted:?}");
    }
}
