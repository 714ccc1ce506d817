//! `sessions` and `clearsessions`, for a Django site that has no Segue.

use std::process::{Command, Output};

use segue::SessionKey;
use serde_json::{Value, json};

use crate::side::Django;

const SECRET: &str = "the secret key of a Django site, which is long enough to be one: 0123456789";

/// Django's database, by the URL that we know it by.
struct Site {
    django: Django,
    url: String,
}

impl Site {
    fn at(url: &str) -> Self {
        let place = url.strip_prefix("sqlite://").unwrap_or(url);
        let mut django =
            Django::configured(json!({"database": place, "secret_key": SECRET, "auth": true}));
        django.manage(&["migrate"]);
        Self { django, url: url.to_owned() }
    }

    /// Runs Python in the Django, and gives its `result`.
    fn python(&mut self, code: &str) -> Value {
        self.django.call(&json!({"op": "python", "code": code}))
    }

    /// Makes a user and logs them in, as a visit does; the session's key.
    fn log_in(&mut self, name: &str) -> SessionKey {
        let key = self.python(&format!(
            "from django.contrib.auth.models import User\nfrom django.test import Client\n\
             user, _ = User.objects.get_or_create(username={name:?})\nclient = Client()\n\
             client.force_login(user)\nresult = client.cookies['sessionid'].value"
        ));
        SessionKey::parse(key.as_str().unwrap()).unwrap()
    }

    /// Whether Django takes a visitor with this session for somebody.
    fn knows(&mut self, key: &SessionKey) -> bool {
        let key = key.expose();
        let known = self.python(&format!(
            "from django.contrib.sessions.backends.db import SessionStore\n\
             result = '_auth_user_id' in SessionStore(session_key={key:?}).load()"
        ));
        known.as_bool().unwrap()
    }

    /// How much Django has stored of a session, if it is there.
    fn size(&mut self, key: &SessionKey) -> Option<u64> {
        let key = key.expose();
        let size = self.python(&format!(
            "from django.contrib.sessions.models import Session\n\
             row = Session.objects.filter(session_key={key:?}).first()\n\
             result = row and len(row.session_data)"
        ));
        size.as_u64()
    }

    /// A command of ours, from nowhere in particular.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_site"));
        command.env_clear().env("SECRET_KEY", SECRET).env("RUST_LOG", "error").current_dir("/");
        command.args(arguments).args(["--database-url", &self.url]).output().unwrap()
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn listed(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.succeed(&[&["sessions", "list", "--json", "--full"], arguments].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn looks_after(mut site: Site) {
    let (ada, also_ada, bob) = (site.log_in("ada"), site.log_in("ada"), site.log_in("bob"));
    let data = r#"{"price":1.0,"sum":123456789012345678901234567890,"city":"Zürich","nan":NaN}"#;
    let cart = site.django.create(data);
    let brief = site.django.create("{}");
    site.django.change_python(&brief, "session.set_expiry(-5)");
    site.django.change_python(&cart, "session.set_expiry(3600)");

    let lines = site.listed(&[]);
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines.iter().all(|line| line["readable"] == true), "{lines:?}");
    let keys = |lines: &[Value]| {
        let mut keys: Vec<String> =
            lines.iter().map(|line| line["key"].as_str().unwrap().to_owned()).collect();
        keys.sort_unstable();
        keys
    };
    let mut of_ada = vec![ada.expose().to_owned(), also_ada.expose().to_owned()];
    of_ada.sort_unstable();
    assert_eq!(keys(&site.listed(&["--user", "ada"])), of_ada);
    assert_eq!(keys(&site.listed(&["--expired"])), [brief.expose()]);
    // Saved a moment ago, however long each lives after it.
    assert_eq!(site.listed(&["--active", "--newer-than", "5m"]).len(), 4);

    let line = lines.iter().find(|line| line["key"] == cart.expose()).unwrap();
    assert_eq!(line["size"].as_u64(), site.size(&cart));
    let text = site.succeed(&["sessions", "show", cart.expose()]);
    for part in ["\"price\": 1.0", "\"sum\": 123456789012345678901234567890", "\"nan\": NaN"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.contains(r#""city": "Z\u00fcrich""#), "{text}");
    let text = site.succeed(&["sessions", "show", &ada.expose()[..10]]);
    assert!(text.contains(" (ada)\n") && text.contains("(hidden; --full shows it)"), "{text}");

    let text = site.succeed(&["sessions", "stats", "--json"]);
    let stats: Value = serde_json::from_str(&text).unwrap();
    let counted = ["sessions", "active", "expired", "with_user", "users", "unreadable"];
    assert_eq!(counted.map(|name| stats[name].as_u64().unwrap()), [5, 4, 1, 3, 2, 0]);

    let text = site.succeed(&["clearsessions", "--dry-run"]);
    assert_eq!(text, "Would remove 1 expired session.\n");
    site.django.manage(&["clearsessions"]);
    let text = site.succeed(&["clearsessions", "--dry-run"]);
    assert_eq!(text, "No expired sessions to remove.\n", "Django has removed the same one");

    assert!(site.knows(&ada) && site.knows(&also_ada) && site.knows(&bob));
    let text = site.succeed(&["sessions", "delete", "--user", "ada", "--yes"]);
    assert_eq!(text, "Deleted 2 sessions.\n");
    assert!(!site.knows(&ada) && !site.knows(&also_ada) && site.knows(&bob));
    assert!(site.size(&cart).is_some(), "and nobody else's");
    assert!(site.size(&ada).is_none());
}

#[test]
fn on_djangos_own_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    looks_after(Site::at(&url));
}

#[test]
fn on_the_servers() {
    looks_after(Site::at(&servers::fresh_database(servers::shared::postgres()).unwrap()));
    looks_after(Site::at(&servers::fresh_database(servers::shared::mariadb()).unwrap()));
}
