//! Who is told of logins and logouts.

use std::sync::{Arc, Mutex};

use crate::club::Site;
use crate::common::settings;

#[tokio::test]
async fn each_login_logout_and_failure_is_told_in_order() {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let tell = |text: String| told.lock().unwrap().push(text);
    let note = || {
        let told = Arc::clone(&told);
        move |text: String| told.lock().unwrap().push(text)
    };
    let (one, two, three, four) = (note(), note(), note(), note());
    let site = Site::with(
        &settings(),
        |auth| {
            auth.user_logged_in(move |event| {
                let path = event.request.uri.path().to_owned();
                one(format!("in: {} by {} at {path}", event.user.name, event.backend));
                async {}
            })
            .user_logged_in(move |event| {
                let two = two.clone();
                async move {
                    tokio::task::yield_now().await;
                    two(format!("also in: {}", event.user.name));
                }
            })
            .user_logged_out(move |event| {
                three(format!("out: {:?}", event.user.map(|user| user.name.clone())));
                async {}
            })
            .user_login_failed(move |event| {
                four(format!("failed: {:?}", event.username));
                async {}
            })
        },
        |routes| routes,
    );
    let cookie = site.logged_in("ann").await;
    site.get("/login/bob?password=wrong", None).await;
    site.get("/login/nobody", None).await;
    site.get("/who", Some(&cookie)).await;
    site.get("/logout", Some(&cookie)).await;
    site.get("/logout", None).await;
    tell("end".to_owned());
    let expected = [
        "in: ann by club.Backend at /login/ann",
        "also in: ann",
        "failed: Some(\"bob\")",
        "failed: Some(\"nobody\")",
        "out: Some(\"ann\")",
        "out: None",
        "end",
    ];
    assert_eq!(*told.lock().unwrap(), expected);
}
