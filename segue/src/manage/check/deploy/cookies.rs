//! The cookies, and which hosts they are for.

use super::Finding;
use crate::settings::{SameSite, Settings};

pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (session, csrf) = (&settings.session, &settings.csrf);
    let plain = "the cookie travels over plain http as well, where anybody on the way can read it";
    if !session.cookie_secure {
        findings.push(Finding::warning(
            "security.W012",
            "SESSION_COOKIE_SECURE",
            "SESSION_COOKIE_SECURE is off.",
            format!("{plain}, and be the visitor"),
            "SESSION_COOKIE_SECURE = true, which is the default without DEBUG; serve over https",
        ));
    }
    if !session.cookie_httponly {
        findings.push(Finding::warning(
            "security.W015",
            "SESSION_COOKIE_HTTPONLY",
            "SESSION_COOKIE_HTTPONLY is off.",
            "a script that gets into a page can read the cookie, and take the session away",
            "SESSION_COOKIE_HTTPONLY = true, which is the default",
        ));
    }
    if !csrf.cookie_secure && !csrf.use_sessions {
        findings.push(Finding::warning(
            "security.W016",
            "CSRF_COOKIE_SECURE",
            "CSRF_COOKIE_SECURE is off.",
            format!("{plain}, and send forms in the visitor's name"),
            "CSRF_COOKIE_SECURE = true, which is the default without DEBUG; serve over https",
        ));
    }
    if settings.allowed_hosts.is_empty() {
        findings.push(Finding::warning(
            "security.W020",
            "ALLOWED_HOSTS",
            "ALLOWED_HOSTS is empty.",
            "the site does not start without DEBUG, and answers to localhost alone with it",
            "ALLOWED_HOSTS = [\"www.example.com\"], with the names that visitors write",
        ));
    }
    if settings.allowed_hosts.iter().any(|host| host == "*") {
        findings.push(Finding::warning(
            "segue.W012",
            "ALLOWED_HOSTS",
            "ALLOWED_HOSTS has \"*\": any host will do.",
            "a request says itself for which host it is: links in mails and pages in caches can be \
             made to lead to an attacker's",
            "list the names that visitors write; \"*\" only behind a server that checks them",
        ));
    }
    if let Some((spelled, sent)) = match session.cookie_samesite {
        SameSite::None => Some(("\"None\"", "browsers send the cookie")),
        SameSite::Omitted => Some(("false", "some browsers send the cookie")),
        SameSite::Lax | SameSite::Strict => None,
    } {
        findings.push(Finding::warning(
            "segue.W016",
            "SESSION_COOKIE_SAMESITE",
            format!("SESSION_COOKIE_SAMESITE is {spelled}."),
            format!(
                "{sent} with requests that pages of other sites make; the CSRF token alone stands \
                 between those and the visitor's session"
            ),
            "SESSION_COOKIE_SAMESITE = \"Lax\", unless other sites show this one in a frame",
        ));
    }
    let domains = [
        ("SESSION_COOKIE_DOMAIN", session.cookie_domain.as_deref()),
        ("CSRF_COOKIE_DOMAIN", csrf.cookie_domain.as_deref().filter(|_| !csrf.use_sessions)),
    ];
    for (setting, domain) in domains {
        findings
            .extend(domain.and_then(|domain| of_domain(setting, domain, &settings.allowed_hosts)));
    }
    findings
}

/// What is wrong with the domain of a cookie: browsers do not take it, or it reaches further than the
/// site does.
fn of_domain(setting: &'static str, domain: &str, allowed_hosts: &[String]) -> Option<Finding> {
    let name = domain.trim_start_matches('.').to_ascii_lowercase();
    let finding = |message, risk: &str, mend: &str| {
        Some(Finding::warning("segue.W015", setting, message, risk, mend))
    };
    if !name.contains('.') {
        return finding(
            format!("{setting} is {domain:?}, which is no domain of a site."),
            "browsers drop the cookie without a word, so nobody has a session",
            "the domain that the hosts have in common, with a dot in it, or none",
        );
    }
    let within = |host: &str| {
        let host = host.trim_start_matches('.').to_ascii_lowercase();
        host == name || host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'))
    };
    if allowed_hosts.is_empty() || allowed_hosts.iter().any(|host| host == "*") {
        return None;
    }
    let hosts: Vec<&String> = allowed_hosts.iter().filter(|host| within(host)).collect();
    // `.example.com` serves every host below.
    let serves_all = allowed_hosts.iter().any(|host| {
        host.strip_prefix('.').is_some_and(|all| {
            let all = all.to_ascii_lowercase();
            name == all || name.strip_suffix(all.as_str()).is_some_and(|rest| rest.ends_with('.'))
        })
    });
    match hosts.as_slice() {
        _ if serves_all => None,
        [] => finding(
            format!("{setting} is {domain:?}, and no host in ALLOWED_HOSTS is within it."),
            "browsers drop the cookie without a word, so nobody has a session",
            "a domain that the hosts in ALLOWED_HOSTS are in, or none",
        ),
        [host] if !host.starts_with('.') => finding(
            format!("{setting} is {domain:?}, and the site serves one host there, {host}."),
            "the cookie is sent to every host within the domain: whoever runs or takes over one of \
             them is the visitor here",
            "remove the setting: the cookie then stays with its host",
        ),
        _ => None,
    }
}
