//! Texts that no column takes: they are refused before anything is stored, on each database alike.

use segue::users::NewUser;
use segue::{AuthErrorKind, describe};

use crate::on_each;

/// Each text of a user, the column that it goes into, and the most letters that it may have.
type Text = (&'static str, usize, fn(String) -> NewUser);

const TEXTS: [Text; 4] = [
    ("username", 150, |text| NewUser::new(text)),
    ("first_name", 150, |text| NewUser::new("ann").name(text, "")),
    ("last_name", 150, |text| NewUser::new("ann").name("", text)),
    ("email", 254, |text| NewUser::new("ann").email(text)),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_too_long_is_refused() {
    on_each(async |site| {
        for (column, most, new) in TEXTS {
            let error = site.users.create(new("é".repeat(most + 1))).await.unwrap_err();
            assert_eq!(error.kind(), AuthErrorKind::InvalidUser, "{column}");
            let text = describe(&error);
            let (most, found) = (most.to_string(), (most + 1).to_string());
            for part in [column, &most, &found] {
                assert!(text.contains(part), "{text}");
            }
            assert!(!text.contains("é"), "what somebody typed is not for the log: {text}");
        }
        assert_eq!(site.count().await, "0");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_just_fits_is_stored() {
    on_each(async |site| {
        let (name, address) = ("é".repeat(150), "é".repeat(252) + "@É");
        let new = NewUser::new(&name).name(&name, &name).email(&address);
        let user = site.users.create(new).await.unwrap().unwrap();
        assert_eq!([&user.username, &user.first_name, &user.last_name], [&name; 3]);
        assert_eq!(user.email, "é".repeat(252) + "@é");
        assert_eq!(site.users.by_username(&name).await.unwrap(), Some(user));
    })
    .await;
}

/// Some letters are several in the form in which they are stored.
#[tokio::test(flavor = "multi_thread")]
async fn what_counts_is_the_name_that_is_stored() {
    on_each(async |site| {
        let error = site.users.create(NewUser::new("\u{fb03}".repeat(51))).await.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::InvalidUser);
        assert!(site.users.create(NewUser::new("\u{fb03}".repeat(50))).await.unwrap().is_some());
        let composed = "e\u{301}".repeat(150);
        assert!(site.users.create(NewUser::new(composed)).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_is_refused() {
    on_each(async |site| {
        for (column, _, new) in TEXTS {
            for text in ["\0", "a\0b", "ann\0"] {
                let error = site.users.create(new(text.to_owned())).await.unwrap_err();
                assert_eq!(error.kind(), AuthErrorKind::InvalidUser, "{column} {text:?}");
                let text = describe(&error);
                assert!(text.contains(column) && text.contains("NUL"), "{text}");
            }
        }
        assert_eq!(site.count().await, "0");
        // In a password it is a character as any.
        let new = NewUser::new("ann").password("pass\0word");
        site.users.create(new).await.unwrap().unwrap();
        for (password, is_right) in [("pass\0word", true), ("pass", false), ("pass\0", false)] {
            let user = site.users.authenticate("ann", password).await.unwrap();
            assert_eq!(user.is_some(), is_right, "{password:?}");
        }
    })
    .await;
}

/// Django: "The given username must be set".
#[tokio::test(flavor = "multi_thread")]
async fn a_user_needs_a_name() {
    on_each(async |site| {
        let error = site.users.create(NewUser::new("")).await.unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::InvalidUser);
        assert_eq!(site.count().await, "0");
    })
    .await;
}
