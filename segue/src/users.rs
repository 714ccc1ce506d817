//! Django's users: the tables `auth_user`, `auth_group` and `auth_permission`.
//!
//! [`Users`] is to them what `User.objects` is in Django. It needs a database, which
//! [`migrate`](crate::database::Database::migrate) has prepared; a Django on the same one sees the
//! same users.
//!
//! ```
//! use segue::users::{NewUser, Users};
//! use segue::{Settings, database::Database};
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
//! let database = Database::from_url(&url).await?;
//! database.migrate().await?;
//! let users = Users::new(database, &Settings::new("secret"))?;
//!
//! let manish = users.create(NewUser::new("manish").password("long and secret")).await?.unwrap();
//! assert!(manish.is_active && !manish.is_staff);
//! assert_eq!(users.by_username("manish").await?, Some(manish.clone()));
//! // The name is taken.
//! assert_eq!(users.create(NewUser::new("manish")).await?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! Source: `django/contrib/auth/models.py` and `base_user.py`.

mod email;
mod names;
mod user;

pub use email::email_problem;
pub use names::{MOST_USERNAME, normalize_email, normalize_username, username_problem};
pub use user::User;

mod manager;
mod new;
mod reset_tokens;
mod statements;

pub use manager::Users;
pub use new::NewUser;
pub use reset_tokens::PasswordResetTokens;
