//! Where users come from.

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::error::AuthError;

/// A user of a site. [`User`](crate::users::User), Django's own, is one; so is any type of yours.
pub trait AuthUser: Send + Sync + 'static {
    /// What the session remembers the user by: the same for ever, and no other user's.
    fn id(&self) -> String;

    /// What the user's sessions depend on: when it changes they end. The hash of the password is
    /// Django's choice; nothing where sessions depend on nothing.
    fn password_hash(&self) -> Option<&str>;

    /// Whether the user may be logged in, and stay so.
    fn is_active(&self) -> bool {
        true
    }

    /// Whether the user has every permission without being given it.
    fn is_superuser(&self) -> bool {
        false
    }
}

/// A place where users are: it knows them by what they present, and by their ids.
///
/// Three methods are needed. The others have the answers of Django's `BaseBackend`: nobody has a
/// permission, and nothing is written down.
///
/// ```
/// use segue::auth::{AuthBackend, AuthUser, Credentials, UsernamePassword};
/// use segue::AuthError;
///
/// #[derive(Clone)]
/// struct Member { name: &'static str, secret: &'static str }
///
/// impl AuthUser for Member {
///     fn id(&self) -> String { self.name.to_owned() }
///     fn password_hash(&self) -> Option<&str> { Some(self.secret) }
/// }
///
/// struct Club(Vec<Member>);
///
/// impl AuthBackend for Club {
///     type User = Member;
///
///     fn path(&self) -> &str { "club.Backend" }
///
///     async fn authenticate(&self, given: &Credentials) -> Result<Option<Member>, AuthError> {
///         let Some(UsernamePassword { username, password }) = given.get() else { return Ok(None) };
///         // A real one hashes passwords: see `segue::passwords`.
///         let is_theirs = |m: &&Member| m.name == username && m.secret == password;
///         Ok(self.0.iter().find(is_theirs).cloned())
///     }
///
///     async fn get_user(&self, id: &str) -> Result<Option<Member>, AuthError> {
///         Ok(self.0.iter().find(|member| member.name == id).cloned())
///     }
/// }
/// ```
///
/// Source: `BaseBackend` in `django/contrib/auth/backends.py`.
#[doc(alias = "BaseBackend")]
pub trait AuthBackend: Send + Sync + 'static {
    /// Its users.
    type User: AuthUser;

    /// The name by which sessions remember that this backend knows the user. Django's is the path
    /// of the class: a backend with the same name and the same users shares logins with it.
    fn path(&self) -> &str;

    /// The user who presents these credentials. Nothing if they are of a kind that the backend does
    /// not take, wrong, or the user may not log in; all of that should take as long, so that nobody
    /// learns who has an account.
    ///
    /// # Errors
    /// When the backend cannot tell; and
    /// [`PermissionDenied`](crate::AuthErrorKind::PermissionDenied) when no other backend is to be
    /// asked either.
    fn authenticate(
        &self,
        credentials: &Credentials,
    ) -> impl Future<Output = Result<Option<Self::User>, AuthError>> + Send;

    /// The user with this id. It is asked in each request that wants its user.
    ///
    /// # Errors
    /// When the backend cannot tell. It must not answer "nobody" then: that ends the session.
    fn get_user(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<Self::User>, AuthError>> + Send;

    /// The permissions that the backend gives to a user: `app.codename`. Django's
    /// `get_all_permissions`.
    ///
    /// # Errors
    /// When the backend cannot tell.
    fn permissions(
        &self,
        user: &Self::User,
    ) -> impl Future<Output = Result<HashSet<String>, AuthError>> + Send {
        let _ = user;
        async { Ok(HashSet::new()) }
    }

    /// Writes down that the user has logged in now. Django's `update_last_login`.
    ///
    /// # Errors
    /// When it cannot. The error is logged, and the user is logged in all the same.
    fn update_last_login(
        &self,
        user: &Self::User,
    ) -> impl Future<Output = Result<(), AuthError>> + Send {
        let _ = user;
        async { Ok(()) }
    }
}

/// What a visitor presents to be let in, of any type: each backend takes the types that it knows,
/// and lets the others pass.
///
/// ```
/// use segue::auth::{Credentials, UsernamePassword};
///
/// struct Token(u64);
///
/// let credentials = Credentials::new(Token(7));
/// assert_eq!(credentials.get::<Token>().unwrap().0, 7);
/// assert!(credentials.get::<UsernamePassword>().is_none());
/// ```
pub struct Credentials(Box<dyn Any + Send + Sync>);

impl Credentials {
    /// Credentials of this type.
    pub fn new<T: Any + Send + Sync>(credentials: T) -> Self {
        Self(Box::new(credentials))
    }

    /// The credentials, if they are of this type.
    #[must_use]
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// A name and a password, as a login form sends them.
#[allow(clippy::exhaustive_structs, reason = "a form of two fields, which backends take apart")]
#[derive(Clone)]
pub struct UsernamePassword {
    /// The name, as it was typed.
    pub username: String,
    /// The password.
    pub password: String,
}

impl UsernamePassword {
    /// This name and password.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: password.into() }
    }
}

/// Without the password.
impl fmt::Debug for UsernamePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsernamePassword").field("username", &self.username).finish_non_exhaustive()
    }
}

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, AuthError>> + Send + 'a>>;

/// [`AuthBackend`] with boxed futures, which is what a trait object can have.
pub(super) trait DynBackend<U>: Send + Sync {
    fn path(&self) -> &str;
    fn authenticate<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, Option<U>>;
    fn get_user<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Option<U>>;
    fn permissions<'a>(&'a self, user: &'a U) -> BoxFuture<'a, HashSet<String>>;
    fn update_last_login<'a>(&'a self, user: &'a U) -> BoxFuture<'a, ()>;
}

impl<B: AuthBackend> DynBackend<B::User> for B {
    fn path(&self) -> &str {
        AuthBackend::path(self)
    }

    fn authenticate<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, Option<B::User>> {
        Box::pin(AuthBackend::authenticate(self, credentials))
    }

    fn get_user<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Option<B::User>> {
        Box::pin(AuthBackend::get_user(self, id))
    }

    fn permissions<'a>(&'a self, user: &'a B::User) -> BoxFuture<'a, HashSet<String>> {
        Box::pin(AuthBackend::permissions(self, user))
    }

    fn update_last_login<'a>(&'a self, user: &'a B::User) -> BoxFuture<'a, ()> {
        Box::pin(AuthBackend::update_last_login(self, user))
    }
}
