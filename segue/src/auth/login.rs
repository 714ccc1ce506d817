//! Logging in and out.

use std::sync::Arc;

use super::backend::AuthUser;
use super::handle::{Auth, Authenticated, Inner};
use super::session_keys::{self, Claim};
use super::signals::{self, UserLoggedIn, UserLoggedOut};
use crate::error::{AuthError, AuthErrorKind, SessionErrorKind, describe};
use crate::session::Session;

impl<U: AuthUser> Auth<U> {
    /// Logs the visitor in, and gives the user. Django's `login(request, user)`.
    ///
    /// The session gets a new key whoever was logged in before; who knew the old one knows nothing.
    /// What a stranger has put into it stays, what belonged to another user does not. The visitor's
    /// CSRF secret is another one afterwards. The session is saved before this returns.
    ///
    /// # Errors
    /// When the session cannot be loaded or saved; the visitor is not logged in then. With
    /// [`AuthErrorKind::Middleware`] when the site has no backend of that name.
    pub async fn login(&self, who: Authenticated<U>) -> Result<Arc<U>, AuthError> {
        let inner = self.inner();
        let backend = inner.backend(&who.backend).ok_or_else(|| unknown_backend(&who.backend))?;
        if !who.user.is_active() {
            let message = "a user who is not active is not logged in";
            return Err(AuthError::new(AuthErrorKind::PermissionDenied, message));
        }
        let session = inner.session().await?;
        if session_keys::is_claimed(&session) && !inner.is_theirs(&session, &who) {
            session.flush();
        } else {
            session.cycle_key();
        }
        session.stamp_login();
        inner.renew(&session, &who).await?;
        if let Some(csrf) = &inner.csrf {
            csrf.token().await?.rotate();
        }
        let user = Arc::clone(&who.user);
        inner.is_now(Some(Arc::clone(&user)));
        if let Err(error) = backend.update_last_login(&user).await {
            tracing::error!(error = describe(&error), "last_login could not be written");
        }
        if let Some(request) = inner.request() {
            let event = || UserLoggedIn {
                user: Arc::clone(&user),
                backend: Arc::clone(&who.backend),
                request: request.clone(),
            };
            signals::send(&inner.shared.signals.logged_in, event).await;
        }
        Ok(user)
    }

    /// Logs the visitor out: the session ends, with all that it holds, before this returns. Django's
    /// `logout(request)`.
    ///
    /// # Errors
    /// When the session cannot be ended; the visitor is still logged in then.
    pub async fn logout(&self) -> Result<(), AuthError> {
        let inner = self.inner();
        let session = inner.session().await?;
        if let Some(request) = inner.request() {
            // Whoever wants to leave can, also while nobody can look up who they are.
            let user = self.user().await.unwrap_or_else(|error| {
                tracing::error!(error = describe(&error), "who logs out could not be looked up");
                None
            });
            let event = || UserLoggedOut { user: user.clone(), request: request.clone() };
            signals::send(&inner.shared.signals.logged_out, event).await;
        }
        session.flush();
        session.save().await?;
        inner.is_now(None);
        Ok(())
    }

    /// Keeps this session alive when its user's password changes, which ends all others of the
    /// user: call it with the user as it is now. The session gets a new key. Django's
    /// `update_session_auth_hash(request, user)`.
    ///
    /// # Errors
    /// When the session cannot be loaded or saved.
    pub async fn update_session_auth_hash(&self, user: U) -> Result<Arc<U>, AuthError> {
        let inner = self.inner();
        let session = inner.session().await?;
        let claim = Claim::of(&session).filter(|claim| claim.user_id == user.id());
        session.cycle_key();
        let Some(claim) = claim else {
            // It is somebody else's password.
            session.save().await?;
            return Ok(Arc::new(user));
        };
        let who = Authenticated::new(user, claim.backend);
        inner.renew(&session, &who).await?;
        let user = Arc::clone(&who.user);
        inner.is_now(Some(Arc::clone(&user)));
        Ok(user)
    }
}

impl<U: AuthUser> Inner<U> {
    /// Whether the session is one of this user's, and bound to the password as it is.
    fn is_theirs(&self, session: &Session, who: &Authenticated<U>) -> bool {
        Claim::of(session).is_some_and(|claim| {
            let bond = claim.bond(who.user.password_hash(), &self.shared.secret_keys);
            claim.user_id == who.user.id()
                && claim.backend == *who.backend
                && bond == session_keys::Bond::Holds
        })
    }

    /// Says in the session who it is, and saves it.
    ///
    /// If it was ended meanwhile, by a login in another tab that gave it a new key for example,
    /// there is a new one that holds nothing else: the visitor has just proved who they are, and
    /// what was ended does not come back.
    async fn renew(&self, session: &Session, who: &Authenticated<U>) -> Result<(), AuthError> {
        self.write(session, who)?;
        match session.save().await {
            Err(error) if error.kind() == SessionErrorKind::Interrupted => {
                session.flush();
                session.stamp_login();
                self.write(session, who)?;
                Ok(session.save().await?)
            }
            saved => Ok(saved?),
        }
    }

    fn write(&self, session: &Session, who: &Authenticated<U>) -> Result<(), AuthError> {
        let (id, password) = (who.user.id(), who.user.password_hash());
        let keys = &self.shared.secret_keys;
        Ok(session_keys::write(session, &id, &who.backend, password, keys)?)
    }
}

fn unknown_backend(path: &str) -> AuthError {
    let message = format!(
        "the site has no backend {path:?}: give it to `AuthLayer`, or log the user in by one that \
         it has"
    );
    AuthError::new(AuthErrorKind::Middleware, message)
}
