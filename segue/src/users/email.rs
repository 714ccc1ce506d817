//! What addresses for mail users may have.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What the column holds.
const MOST: usize = 254;

/// No address has more: RFC 3696, 3.
const MOST_OF_ANY: usize = 320;

/// Why an address for mail cannot be, in the words of Django's `EmailField`; nothing where it can, and
/// where there is none.
///
/// Source: `EmailValidator` in `django/core/validators.py`.
///
/// ```
/// use segue::users::email_problem;
///
/// assert_eq!(email_problem("ann@example.com"), None);
/// assert_eq!(email_problem("ann@example").unwrap(), "Enter a valid email address.");
/// ```
#[must_use]
pub fn email_problem(email: &str) -> Option<String> {
    if email.is_empty() {
        return None;
    }
    let letters = email.chars().count();
    let mut problems = Vec::new();
    if letters > MOST_OF_ANY || !is_address(email) {
        problems.push("Enter a valid email address.".to_owned());
    }
    if letters > MOST {
        problems
            .push(format!("Ensure this value has at most {MOST} characters (it has {letters})."));
    }
    (!problems.is_empty()).then(|| problems.join("; "))
}

fn is_address(email: &str) -> bool {
    email.rsplit_once('@').is_some_and(|(user, domain)| {
        (is_dot_atom(user) || is_quoted(user))
            && (domain == "localhost" || is_domain(domain) || is_literal(domain))
    })
}

/// Python's regular expressions take these for letters of ASCII, where they do not look at the case.
fn is_like_ascii(letter: char) -> bool {
    matches!(letter, '\u{130}' | '\u{131}' | '\u{17f}' | '\u{212a}')
}

fn is_dot_atom(user: &str) -> bool {
    let is_atom = |c: char| {
        c.is_ascii_alphanumeric() || "-!#$%&'*+/=?^_`{}|~".contains(c) || is_like_ascii(c)
    };
    user.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
}

/// A text in quotes, in which a backslash stands before what could not be there otherwise.
fn is_quoted(user: &str) -> bool {
    let within = user.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(within) = within else { return false };
    let mut letters = within.chars();
    while let Some(letter) = letters.next() {
        let is_good = match letter {
            '\\' => letters.next().is_some_and(|escaped| {
                matches!(escaped, '\u{1}'..='\u{9}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{7f}')
                    || is_like_ascii(escaped)
            }),
            _ => is_plain(letter),
        };
        if !is_good {
            return false;
        }
    }
    true
}

fn is_plain(letter: char) -> bool {
    matches!(letter, '\u{1}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '!')
        || matches!(letter, '#'..='[' | ']'..='\u{7f}')
        || is_like_ascii(letter)
}

fn is_domain(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    let [names @ .., last] = labels.as_slice() else { return false };
    let is_letter = |c: char| c.is_ascii_alphabetic() || ('\u{a1}'..='\u{ffff}').contains(&c);
    let has_length = |label: &str, least| (least..=63).contains(&label.chars().count());
    let has_no_hyphen_at_an_end = |label: &str| !label.starts_with('-') && !label.ends_with('-');
    let is_name = |label: &str| {
        has_length(label, 1)
            && has_no_hyphen_at_an_end(label)
            && label.chars().all(|c| is_letter(c) || c.is_ascii_digit() || c == '-')
    };
    let is_last = |label: &str| {
        has_length(label, 2)
            && has_no_hyphen_at_an_end(label)
            && label.chars().all(|c| is_letter(c) || c == '-')
    };
    // A name beyond ASCII, as DNS has it.
    let is_punycode = |label: &str| {
        let rest = label.get(..4).filter(|start| start.eq_ignore_ascii_case("xn--"));
        let rest = rest.and_then(|_| label.get(4..)).unwrap_or_default();
        (1..=59).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    !names.is_empty()
        && names.iter().all(|name| is_name(name))
        && (is_last(last) || is_punycode(last))
}

/// An address of the network, in brackets.
fn is_literal(domain: &str) -> bool {
    let address = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    address.is_some_and(|address| {
        address.parse::<Ipv4Addr>().is_ok() || address.parse::<Ipv6Addr>().is_ok()
    })
}
