//! The names of headers in settings: as they stand in a request, or as Django's `request.META` has
//! them.

/// Whether this names a header: `X-CSRFToken`, or `HTTP_X_CSRFTOKEN`.
pub(super) fn is_name(name: &str) -> bool {
    let name = as_sent(name);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The name as a request has it, in lower case.
pub(crate) fn as_sent(name: &str) -> String {
    let name = match name.split_at_checked(5) {
        Some((start, rest)) if start.eq_ignore_ascii_case("HTTP_") => rest,
        _ => name,
    };
    name.replace('_', "-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_name_the_same_header() {
        for name in ["HTTP_X_CSRFTOKEN", "http_x_csrftoken", "X-CSRFToken", "X_CSRFTOKEN"] {
            assert!(is_name(name), "{name}");
            assert_eq!(as_sent(name), "x-csrftoken");
        }
        for name in ["", "HTTP_", "a b", "a:b", "a\r\nb", "é", "héhéh", "X-CSRFToken "] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
