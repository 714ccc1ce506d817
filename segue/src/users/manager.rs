//! Users in the database.

use std::collections::HashSet;

use super::{NewUser, User, statements};
use crate::clock::Clock;
use crate::database::column::{read_date, write_date};
use crate::database::{Database, Reading, Row, Statement, Value, first_text};
use crate::error::{AuthError, AuthErrorKind, ConfigError, StoreError, StoreErrorKind};
use crate::passwords::{Checked, PasswordErrorKind, Passwords};
use crate::settings::Settings;

/// What it means when a row is refused and nobody has its name.
const ID_TAKEN: &str = "the database gives new users ids that others have: rows were put into \
                        auth_user with their ids; `python manage.py sqlsequencereset auth` says \
                        how to mend it";

/// The users in a database, with their passwords. Django's `User.objects`. Clones share it.
///
/// In a handler it is an argument, where [`Site`](crate::Site) serves the route.
#[derive(Clone, Debug)]
pub struct Users {
    database: Database,
    passwords: Passwords,
    clock: Clock,
}

impl Users {
    /// The users in this database, their passwords hashed by these settings.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not go together.
    pub fn new(database: Database, settings: &Settings) -> Result<Self, ConfigError> {
        Ok(Self { database, passwords: Passwords::new(settings)?, clock: Clock::system() })
    }

    /// How passwords are hashed and checked.
    #[must_use]
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// The user with this id. One query.
    ///
    /// # Errors
    /// When the database cannot tell.
    pub async fn by_id(&self, id: i64) -> Result<Option<User>, AuthError> {
        self.one(&statements::BY_ID, Value::Integer(id)).await
    }

    /// The user with this name, in the letters in which it was given. One query. Django's
    /// `get_by_natural_key`.
    ///
    /// # Errors
    /// When the database cannot tell.
    #[doc(alias = "get_by_natural_key")]
    pub async fn by_username(&self, username: &str) -> Result<Option<User>, AuthError> {
        // No name holds a NUL, and PostgreSQL takes none.
        if username.contains('\0') {
            return Ok(None);
        }
        self.one(&statements::BY_USERNAME, Value::Text(username)).await
    }

    async fn one(
        &self,
        statement: &Statement,
        value: Value<'_>,
    ) -> Result<Option<User>, AuthError> {
        let user = self.database.fetch_optional(Reading::Few, statement, &[value], read).await?;
        Ok(user.transpose()?)
    }

    /// Creates a user, and gives nothing where the name is taken. Its name and address are
    /// normalised as Django does it. Django's `create_user` and `create_superuser`.
    ///
    /// # Errors
    /// [`AuthErrorKind::InvalidUser`] when the name is empty, a text is longer than its column, or one
    /// holds a NUL; and when the password cannot be hashed now, or the database fails.
    ///
    /// [`AuthErrorKind::InvalidUser`]: crate::AuthErrorKind::InvalidUser
    #[doc(alias("create_user", "create_superuser"))]
    pub async fn create(&self, new: NewUser) -> Result<Option<User>, AuthError> {
        let new = new.normalized();
        new.check()?;
        let password = match &new.password {
            Some(password) => self.passwords.make(password).await?,
            None => Passwords::make_unusable()?,
        };
        let joined = write_date(self.clock.now());
        let flag = |on| Value::Integer(i64::from(on));
        let texts = [&new.username, &password, &new.first_name, &new.last_name, &new.email];
        let [username_value, password_value, first, last, email_value] =
            texts.map(|text| Value::Text(text));
        let row = [
            username_value,
            password_value,
            first,
            last,
            email_value,
            flag(new.is_staff),
            flag(new.is_active),
            flag(new.is_superuser),
            Value::Text(&joined),
        ];
        let is_new = self.database.insert(&statements::CREATE, &row).await?;
        let found = self.one(&statements::BY_USERNAME, username_value).await?;
        match (is_new, found) {
            (true, made) => Ok(made),
            (false, Some(_)) => Ok(None),
            (false, None) => Err(AuthError::new(AuthErrorKind::UsersFailed, ID_TAKEN)),
        }
    }

    /// Gives a user another password, which is not validated here. The user is logged out
    /// everywhere, except where [`Auth::update_session_auth_hash`] is called. Django's
    /// `set_password` and `save`.
    ///
    /// [`Auth::update_session_auth_hash`]: crate::auth::Auth::update_session_auth_hash
    ///
    /// # Errors
    /// When the password cannot be hashed now, or the database fails.
    pub async fn set_password(&self, user: &User, password: &str) -> Result<User, AuthError> {
        let password = self.passwords.make(password).await?;
        let values = [Value::Integer(user.id), Value::Text(&password)];
        self.database.execute(&statements::SET_PASSWORD, &values).await?;
        Ok(User { password, ..user.clone() })
    }

    /// As [`set_password`](Self::set_password), and gives nothing where the user is gone, or has
    /// another password by now than this `user`: for who has proved who they are by the old one, which
    /// may have been changed against them meanwhile.
    ///
    /// # Errors
    /// When the password cannot be hashed now, or the database fails.
    pub async fn replace_password(
        &self,
        user: &User,
        password: &str,
    ) -> Result<Option<User>, AuthError> {
        let hash = self.passwords.make(password).await?;
        self.swap_hash(user, hash).await
    }

    async fn swap_hash(&self, user: &User, hash: String) -> Result<Option<User>, AuthError> {
        let values = [Value::Integer(user.id), Value::Text(&hash), Value::Text(&user.password)];
        let found = self.database.execute(&statements::SWAP_PASSWORD, &values).await?;
        Ok((found > 0).then(|| User { password: hash, ..user.clone() }))
    }

    /// The user with this name and password, if both are right and the user may log in. It takes
    /// as long for a name that nobody has. Django's `ModelBackend.authenticate`.
    ///
    /// Where `PASSWORD_HASHERS` is set and prefers another hash than the user's, the password is
    /// hashed anew; see [`passwords`](crate::passwords).
    ///
    /// # Errors
    /// When the database fails, or too many passwords are being checked.
    pub async fn authenticate(
        &self,
        username: &str,
        password: &str,
    ) -> Result<Option<User>, AuthError> {
        let Some(user) = self.by_username(username).await? else {
            self.passwords.check_nobody(password).await?;
            return Ok(None);
        };
        let checked = self.passwords.check(password, &user.password).await?;
        if !checked.is_correct() || !user.is_active {
            return Ok(None);
        }
        if checked == Checked::Outdated {
            self.upgrade(user, password).await
        } else {
            Ok(Some(user))
        }
    }

    /// Hashes the password anew, unless somebody has changed it meanwhile.
    async fn upgrade(&self, user: User, password: &str) -> Result<Option<User>, AuthError> {
        let hash = match self.passwords.make(password).await {
            // The password is right all the same, and its hash stays.
            Err(error) if error.kind() == PasswordErrorKind::TooLong => return Ok(Some(user)),
            made => made?,
        };
        if let Some(user) = self.swap_hash(&user, hash).await? {
            return Ok(Some(user));
        }
        // The password that was right is not any more, or another login was faster.
        let Some(user) = self.by_id(user.id).await? else { return Ok(None) };
        let checked = self.passwords.check(password, &user.password).await?;
        Ok((checked.is_correct() && user.is_active).then_some(user))
    }

    /// What the validators say against a password of a user with these attributes.
    #[cfg(any(feature = "manage", feature = "templates"))]
    pub(crate) fn password_problems(
        &self,
        password: &str,
        attributes: &[(&str, &str)],
    ) -> Vec<String> {
        let problems = self.passwords.validate(password, attributes).err().unwrap_or_default();
        problems.into_iter().map(|problem| problem.message).collect()
    }

    /// Writes down that the user has logged in now. Django's `update_last_login`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_last_login(&self, user: &User) -> Result<(), AuthError> {
        let now = write_date(self.clock.now());
        let values = [Value::Integer(user.id), Value::Text(&now)];
        self.database.execute(&statements::SET_LAST_LOGIN, &values).await?;
        Ok(())
    }

    /// The permissions that a user has, from groups as well: `app.codename`. One query. A superuser
    /// has all of them, and who may not log in has none. Django's `get_all_permissions()`.
    ///
    /// # Errors
    /// When the database cannot tell.
    #[doc(alias = "get_all_permissions")]
    pub async fn permissions(&self, user: &User) -> Result<HashSet<String>, AuthError> {
        if !user.is_active {
            return Ok(HashSet::new());
        }
        let id = [Value::Integer(user.id)];
        let (statement, values): (_, &[_]) = match user.is_superuser {
            true => (&statements::ALL_PERMISSIONS, &[]),
            false => (&statements::PERMISSIONS, &id),
        };
        let name = |row: Row<'_>| Some(format!("{}.{}", row.text(0)?, row.text(1)?));
        let names = self.database.fetch_all(Reading::Few, statement, values, name).await?;
        Ok(names.into_iter().flatten().collect())
    }

    /// The names of the groups that a user is in, sorted. One query. Django's `user.groups`.
    ///
    /// # Errors
    /// When the database cannot tell.
    pub async fn groups(&self, user: &User) -> Result<Vec<String>, AuthError> {
        let id = [Value::Integer(user.id)];
        let groups = &statements::GROUPS;
        let names = self.database.fetch_all(Reading::Few, groups, &id, first_text).await?;
        Ok(names.into_iter().flatten().collect())
    }
}

/// A row in the order of [`statements`].
fn read(row: Row<'_>) -> Result<User, StoreError> {
    let corrupt = |column: &'static str| {
        let message = format!("auth_user.{column} holds what Django did not write");
        StoreError::new(StoreErrorKind::Corrupt, message)
    };
    let id = row.text(0).and_then(|id| id.parse().ok()).ok_or_else(|| corrupt("id"))?;
    let text = |column, name| match row.text(column) {
        Some(text) => Ok(text.into_owned()),
        None => Err(corrupt(name)),
    };
    let (username, password) = (text(1, "username")?, text(2, "password")?);
    let (first_name, last_name) = (text(3, "first_name")?, text(4, "last_name")?);
    let email = text(5, "email")?;
    let flags = [text(6, "is_staff")?, text(7, "is_active")?, text(8, "is_superuser")?];
    let [is_staff, is_active, is_superuser] = flags.map(|flag| flag == "1");
    let last_login = match (row.bytes(9), row.text(9)) {
        (None, _) => None,
        (_, Some(date)) => Some(read_date("auth_user.last_login", &date)?),
        (Some(_), None) => return Err(corrupt("last_login")),
    };
    let joined = row.text(10).ok_or_else(|| corrupt("date_joined"))?;
    Ok(User {
        id,
        username,
        password,
        first_name,
        last_name,
        email,
        is_staff,
        is_active,
        is_superuser,
        last_login,
        date_joined: read_date("auth_user.date_joined", &joined)?,
    })
}
