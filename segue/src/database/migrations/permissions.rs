//! The rows that Django makes for each model: what it is, and what one may be allowed to do with it.

use std::collections::HashSet;

use super::super::exclusive::Exclusive;
use super::super::{Statement, Value, first_text};
use super::catalogue::has_table;

/// A model of the apps whose tables we make.
struct Model {
    app: &'static str,
    name: &'static str,
    /// How people call it.
    verbose_name: &'static str,
    table: &'static str,
}

/// In the order in which a new project of Django's has them.
const MODELS: &[Model] = &[
    Model { app: "auth", name: "permission", verbose_name: "permission", table: "auth_permission" },
    Model { app: "auth", name: "group", verbose_name: "group", table: "auth_group" },
    Model { app: "auth", name: "user", verbose_name: "user", table: "auth_user" },
    Model {
        app: "contenttypes",
        name: "contenttype",
        verbose_name: "content type",
        table: "django_content_type",
    },
    Model { app: "sessions", name: "session", verbose_name: "session", table: "django_session" },
];

const ACTIONS: [&str; 4] = ["add", "change", "delete", "view"];

/// Makes the rows that are missing. Django does it after each `migrate`, so this does, too: a
/// `migrate` of either may have been interrupted before it.
///
/// A site with a user model of its own has no `auth_user`, and Django no rows for it; one that
/// keeps what it allows in another database has no place for any of them.
///
/// Source: `create_contenttypes` in `django/contrib/contenttypes/management/__init__.py`,
/// `create_permissions` in `django/contrib/auth/management/__init__.py`.
pub(super) async fn make_missing(exclusive: &mut Exclusive) -> Result<(), sqlx::Error> {
    for table in ["django_content_type", "auth_permission"] {
        if !has_table(exclusive, table).await? {
            return Ok(());
        }
    }
    for model in MODELS {
        if has_table(exclusive, model.table).await? {
            make_missing_of(model, exclusive).await?;
        }
    }
    Ok(())
}

async fn make_missing_of(model: &Model, exclusive: &mut Exclusive) -> Result<(), sqlx::Error> {
    let key = [model.app, model.name].map(Value::Text);
    let found = exclusive.fetch_all(&CODENAMES, &key, first_text).await?;
    if found.is_empty() {
        exclusive.execute(&MAKE_CONTENT_TYPE, &key).await?;
    }
    let found: HashSet<String> = found.into_iter().flatten().collect();
    for action in ACTIONS {
        let codename = format!("{action}_{}", model.name);
        if !found.contains(&codename) {
            let name = format!("Can {action} {}", model.verbose_name);
            let permission = [model.app, model.name, &name, &codename].map(Value::Text);
            exclusive.execute(&MAKE_PERMISSION, &permission).await?;
        }
    }
    Ok(())
}

/// What one may be allowed to do with a model: app, model. No row where Django does not know the
/// model, and an empty one where nothing is to be allowed.
const CODENAMES: Statement = Statement {
    sqlite: "SELECT codename FROM django_content_type LEFT JOIN auth_permission \
             ON content_type_id = django_content_type.id WHERE app_label = ?1 AND model = ?2",
    postgres: "SELECT codename FROM django_content_type LEFT JOIN auth_permission \
               ON content_type_id = django_content_type.id WHERE app_label = $1 AND model = $2",
    mysql: "SELECT codename FROM django_content_type LEFT JOIN auth_permission \
            ON content_type_id = django_content_type.id WHERE app_label = ? AND model = ?",
    mysql_takes: &[0, 1],
};

/// App, model.
const MAKE_CONTENT_TYPE: Statement = Statement {
    sqlite: "INSERT INTO django_content_type (app_label, model) VALUES (?1, ?2)",
    postgres: "INSERT INTO django_content_type (app_label, model) VALUES ($1, $2)",
    mysql: "INSERT INTO django_content_type (app_label, model) VALUES (?, ?)",
    mysql_takes: &[0, 1],
};

/// App, model, name, codename.
const MAKE_PERMISSION: Statement = Statement {
    sqlite: "INSERT INTO auth_permission (content_type_id, name, codename) \
             SELECT id, ?3, ?4 FROM django_content_type WHERE app_label = ?1 AND model = ?2",
    postgres: "INSERT INTO auth_permission (content_type_id, name, codename) \
               SELECT id, $3::text, $4::text FROM django_content_type \
               WHERE app_label = $1 AND model = $2",
    mysql: "INSERT INTO auth_permission (content_type_id, name, codename) \
            SELECT id, ?, ? FROM django_content_type WHERE app_label = ? AND model = ?",
    mysql_takes: &[2, 3, 0, 1],
};
