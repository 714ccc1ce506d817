//! The templates that Segue brings, of the pages to log in.

/// The template of this name, if it is one of them.
pub(super) fn source(name: &str) -> Option<&'static str> {
    Some(match name {
        "registration/base.html" => include_str!("registration/base.html"),
        "registration/login.html" => include_str!("registration/login.html"),
        "registration/logged_out.html" => include_str!("registration/logged_out.html"),
        "registration/password_change_form.html" => {
            include_str!("registration/password_change_form.html")
        }
        "registration/password_change_done.html" => {
            include_str!("registration/password_change_done.html")
        }
        _ => return None,
    })
}
