//! Neither a password nor its hash shows itself.

use segue::auth::{Authenticated, ModelBackend};
use segue::describe;
use segue::users::NewUser;

use crate::common::Log;
use crate::{PASSWORD, Site, databases};

#[tokio::test]
async fn neither_debug_nor_the_log_nor_errors_show_a_password_or_a_hash() {
    for place in databases::all() {
        let log = Log::start();
        let site = Site::on(place).await;
        let new = NewUser::new("ann").password(PASSWORD).email("ann@example.com");
        let mut seen = format!("{new:?} {new:#?} {:?} {:#?}", site.users, site.users);
        let ann = site.users.create(new.clone()).await.unwrap().unwrap();
        seen += &format!("{ann} {ann:?} {ann:#?}");
        seen += &format!("{:?} ", ModelBackend::new(site.users.clone()));
        seen += &format!("{:?}", Authenticated::new(ann.clone(), "backend"));
        site.users.create(new.clone()).await.unwrap();
        site.users.authenticate("ann", PASSWORD).await.unwrap();
        site.users.authenticate("ann", &PASSWORD[1..]).await.unwrap();
        let error = site.users.create(new.email("x".repeat(300))).await.unwrap_err();
        seen += &format!("{error} {error:?} {}", describe(&error));
        let changed = site.users.set_password(&ann, &PASSWORD.repeat(2)).await.unwrap();
        site.database.close().await;
        let error = site.users.authenticate("ann", PASSWORD).await.unwrap_err();
        seen += &format!("{error} {error:?} {}", describe(&error));
        let error = site.users.set_password(&ann, PASSWORD).await.unwrap_err();
        seen += &format!("{error} {error:?} {}", describe(&error));
        seen += &log.take();
        assert!(seen.contains("ann") && seen.contains("User"), "{seen}");
        for secret in [&ann.password, &changed.password] {
            let hash = secret.rsplit('$').next().unwrap();
            assert!(!seen.contains(hash), "{seen}");
        }
        assert!(!seen.contains(&PASSWORD[1..]), "{seen}");
        assert!(!seen.contains("@example.com"), "an address is nobody's: {seen}");
    }
}
