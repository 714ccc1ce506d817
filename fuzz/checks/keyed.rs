//! A store that looks at the keys it is asked for.

use segue::{
    Cleared, Guarantees, Record, Replaced, SessionKey, SessionStore, StoreError, Timestamp,
};

/// A store around another, that no key reaches which the layer should have kept from it.
#[derive(Clone, Debug)]
pub(super) struct Keyed<S>(pub(super) S);

impl<S: SessionStore> Keyed<S> {
    fn check(&self, key: &SessionKey) {
        let text = key.expose();
        let is_one = if self.0.guarantees().in_cookie {
            // RFC 6265, 4.1.1, and what browsers keep.
            let is_octet = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
            !text.is_empty() && text.len() <= 4096 && text.bytes().all(is_octet)
        } else {
            text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
        };
        assert!(is_one, "{text:?} is no key");
    }
}

impl<S: SessionStore> SessionStore for Keyed<S> {
    fn guarantees(&self) -> Guarantees {
        self.0.guarantees()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        self.check(key);
        self.0.load(key).await
    }

    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        self.0.create(payload, expires_at).await
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.check(key);
        self.0.replace(key, seen, payload, expires_at).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.check(key);
        self.0.touch(key, seen, expires_at).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.check(key);
        self.0.delete(key).await
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        self.0.clear_expired(on_batch).await
    }
}
