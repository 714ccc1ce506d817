//! What is measured: each server, its program, and where it keeps its sessions.

/// A server with the routes of [`serve`](crate::serve).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    pub(crate) store: Store,
    pub(crate) class: Class,
    pub(crate) shape: Shape,
}

/// Who compares with whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Memory,
    Cookie,
    File,
    Sqlite,
    Postgres,
    MariaDb,
    Redis,
    Valkey,
    Memcached,
    /// A store behind a copy that is nearer.
    Cached,
}

/// How it differs from others of its class, in what it does or promises. See [`Contender::is_like`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Plain,
    /// In memory, with a bound: a cache.
    Bounded,
    /// Of a cookie.
    Encrypted,
    /// A power cut may undo the last writes.
    Normal,
    /// Each process answers from copies of its own.
    Copies,
    /// A whole site, with hosts, protection and login.
    Site,
}

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// This program again.
    Own,
    /// The package in this folder of `bench/peers`.
    Peer(&'static str),
    Django,
    Express,
}

/// What `BENCH_STORE` has to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// The memory of the server, or nothing at all.
    Process,
    /// The visitor's cookie.
    Cookie,
    /// A folder, in which each session is a file.
    Files,
    /// A folder with a file of SQLite's.
    Sqlite,
    Postgres,
    MariaDb,
    Redis,
    Valkey,
    Memcached,
    PostgresAndRedis,
}

impl Class {
    pub(crate) const ALL: [Self; 10] = [
        Self::Memory,
        Self::Cookie,
        Self::File,
        Self::Sqlite,
        Self::Postgres,
        Self::MariaDb,
        Self::Redis,
        Self::Valkey,
        Self::Memcached,
        Self::Cached,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Memory => "In the server's memory",
            Self::Cookie => "In the cookie",
            Self::File => "In files",
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
            Self::Memcached => "memcached",
            Self::Cached => "Behind a copy that is nearer",
        }
    }
}

impl Contender {
    pub(crate) fn is_ours(&self) -> bool {
        self.name.starts_with("segue-")
    }

    pub(crate) fn is_limit(&self) -> bool {
        self.name.starts_with("limit-")
    }

    /// Whether the two are compared: they keep sessions in the same store, in the same way.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (self.class, self.store, self.shape) == (other.class, other.store, other.shape)
    }

    /// Whether sessions are in the memory of the process, all or copies of them.
    pub(crate) fn remembers(&self) -> bool {
        !self.is_limit() && (self.class == Class::Memory || self.shape == Shape::Copies)
    }

    /// Its name in its own program.
    pub(crate) fn variant(&self) -> &'static str {
        let prefix = match self.program {
            Program::Own => "",
            Program::Peer("tower-sessions") => "tower-",
            Program::Peer("axum-session") => "axum-session-",
            Program::Peer(_) => "actix-",
            Program::Django => "django-",
            Program::Express => "express-",
        };
        self.name.strip_prefix(prefix).unwrap_or(self.name)
    }

    /// How many connections the load keeps busy. One worker of gunicorn serves one request at a
    /// time; more would wait in its queue only.
    pub(crate) fn connections(&self) -> u32 {
        if self.program == Program::Django { 8 } else { 32 }
    }
}

const TOWER: Program = Program::Peer("tower-sessions");
const AXUM: Program = Program::Peer("axum-session");
const ACTIX: Program = Program::Peer("actix-session");

const fn entry(name: &'static str, program: Program, store: Store, class: Class) -> Contender {
    Contender { name, program, store, class, shape: Shape::Plain }
}

impl Contender {
    const fn with(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }
}

/// All of them, in the order of the tables.
#[rustfmt::skip]
pub(crate) const ALL: &[Contender] = &[
    entry("limit-none", Program::Own, Store::Process, Class::Memory),
    entry("segue-memory", Program::Own, Store::Process, Class::Memory),
    entry("segue-site", Program::Own, Store::Sqlite, Class::Memory).with(Shape::Site),
    entry("segue-cache-memory", Program::Own, Store::Process, Class::Memory).with(Shape::Bounded),
    entry("tower-memory", TOWER, Store::Process, Class::Memory),
    entry("tower-moka", TOWER, Store::Process, Class::Memory).with(Shape::Bounded),
    entry("axum-session-memory", AXUM, Store::Process, Class::Memory),
    entry("express-memory", Program::Express, Store::Process, Class::Memory),
    entry("django-cache-locmem", Program::Django, Store::Process, Class::Memory).with(Shape::Bounded),

    entry("segue-signed-cookies", Program::Own, Store::Cookie, Class::Cookie),
    entry("segue-encrypted-cookies", Program::Own, Store::Cookie, Class::Cookie).with(Shape::Encrypted),
    entry("actix-signed-cookies", ACTIX, Store::Cookie, Class::Cookie),
    entry("actix-private-cookies", ACTIX, Store::Cookie, Class::Cookie).with(Shape::Encrypted),
    entry("express-cookies", Program::Express, Store::Cookie, Class::Cookie),
    entry("django-signed-cookies", Program::Django, Store::Cookie, Class::Cookie),

    entry("limit-file", Program::Own, Store::Files, Class::File),
    entry("segue-file", Program::Own, Store::Files, Class::File),
    entry("django-file", Program::Django, Store::Files, Class::File),

    entry("limit-rusqlite", Program::Own, Store::Sqlite, Class::Sqlite).with(Shape::Normal),
    entry("limit-rusqlite-full", Program::Own, Store::Sqlite, Class::Sqlite),
    entry("segue-db-sqlite", Program::Own, Store::Sqlite, Class::Sqlite),
    entry("segue-db-sqlite-normal", Program::Own, Store::Sqlite, Class::Sqlite).with(Shape::Normal),
    entry("tower-sqlite-normal", TOWER, Store::Sqlite, Class::Sqlite).with(Shape::Normal),
    entry("tower-sqlite-full", TOWER, Store::Sqlite, Class::Sqlite),
    entry("axum-session-sqlite-direct", AXUM, Store::Sqlite, Class::Sqlite),
    entry("django-db-sqlite", Program::Django, Store::Sqlite, Class::Sqlite),

    entry("limit-tokio-postgres", Program::Own, Store::Postgres, Class::Postgres),
    entry("limit-sqlx-postgres", Program::Own, Store::Postgres, Class::Postgres),
    entry("segue-db-postgres", Program::Own, Store::Postgres, Class::Postgres),
    entry("tower-postgres", TOWER, Store::Postgres, Class::Postgres),
    entry("axum-session-postgres-direct", AXUM, Store::Postgres, Class::Postgres),
    entry("django-db-postgres", Program::Django, Store::Postgres, Class::Postgres),

    entry("segue-db-mariadb", Program::Own, Store::MariaDb, Class::MariaDb),

    entry("limit-redis", Program::Own, Store::Redis, Class::Redis),
    entry("segue-cache-redis", Program::Own, Store::Redis, Class::Redis),
    entry("tower-redis", TOWER, Store::Redis, Class::Redis),
    entry("actix-redis", ACTIX, Store::Redis, Class::Redis),
    entry("axum-session-redis-direct", AXUM, Store::Redis, Class::Redis),
    entry("express-redis", Program::Express, Store::Redis, Class::Redis),
    entry("django-cache-redis", Program::Django, Store::Redis, Class::Redis),

    entry("limit-valkey", Program::Own, Store::Valkey, Class::Valkey),
    entry("segue-cache-valkey", Program::Own, Store::Valkey, Class::Valkey),
    entry("tower-valkey", TOWER, Store::Valkey, Class::Valkey),

    entry("segue-cache-memcached", Program::Own, Store::Memcached, Class::Memcached),

    entry("segue-cached-db-memory", Program::Own, Store::Sqlite, Class::Cached).with(Shape::Copies),
    entry("segue-cached-db-memory-postgres-stale-1s", Program::Own, Store::Postgres, Class::Cached).with(Shape::Copies),
    entry("segue-cached-db-redis", Program::Own, Store::PostgresAndRedis, Class::Cached),
    entry("segue-cache-redis-near", Program::Own, Store::Redis, Class::Cached).with(Shape::Copies),
    entry("axum-session-sqlite", AXUM, Store::Sqlite, Class::Cached).with(Shape::Copies),
    entry("axum-session-redis", AXUM, Store::Redis, Class::Cached).with(Shape::Copies),
    entry("django-cached-db", Program::Django, Store::PostgresAndRedis, Class::Cached),
];

/// The servers that this word names: one, or all whose names begin with it.
pub(crate) fn named(word: &str) -> Vec<Contender> {
    let one: Vec<_> = ALL.iter().filter(|contender| contender.name == word).copied().collect();
    if !one.is_empty() {
        return one;
    }
    let group = format!("{word}-");
    ALL.iter().filter(|contender| contender.name.starts_with(&group)).copied().collect()
}

/// The server of this name.
pub(crate) fn one(name: &str) -> Option<Contender> {
    ALL.iter().find(|contender| contender.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_groups_found() {
        for (place, contender) in ALL.iter().enumerate() {
            assert_eq!(named(contender.name)[0], *contender);
            assert!(ALL[..place].iter().all(|earlier| earlier.name != contender.name));
        }
        assert_eq!(named("limit-rusqlite").len(), 1, "not limit-rusqlite-full as well");
        assert!(named("segue").iter().all(Contender::is_ours) && named("segue").len() > 10);
        assert!(named("seg").is_empty());
    }

    #[test]
    fn like_is_compared_with_like() {
        let like = |name: &str| {
            let ours = one(name).unwrap();
            let others = ALL.iter().filter(|other| !other.is_ours() && other.is_like(&ours));
            others.map(|other| other.name).collect::<Vec<_>>()
        };
        assert_eq!(like("segue-db-sqlite-normal"), ["limit-rusqlite", "tower-sqlite-normal"]);
        assert_eq!(like("segue-cache-memory"), ["tower-moka", "django-cache-locmem"]);
        assert_eq!(like("segue-cache-redis-near"), ["axum-session-redis"]);
        assert_eq!(like("segue-cached-db-memory"), ["axum-session-sqlite"]);
        // But for what only Segue has, each of ours has somebody, and each of the others is like one of ours.
        for contender in ALL.iter().filter(|one| !one.is_limit() && !one.is_ours()) {
            assert!(
                ALL.iter().any(|ours| ours.is_ours() && ours.is_like(contender)),
                "{contender:?}"
            );
        }
    }

    #[test]
    fn the_readme_knows_no_name_that_is_none() {
        let readme = include_str!("../README.md");
        let words = readme.split('`').skip(1).step_by(2);
        for word in words.filter(|word| {
            ["segue-", "tower-", "axum-session-"].iter().any(|start| word.starts_with(start))
        }) {
            assert!(one(word).is_some() || word.ends_with('*'), "{word}");
        }
    }

    #[test]
    fn a_peer_knows_its_variant() {
        assert_eq!(one("axum-session-redis").unwrap().variant(), "redis");
        assert_eq!(one("segue-memory").unwrap().variant(), "segue-memory");
    }
}
