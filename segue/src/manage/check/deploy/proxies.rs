//! What stands before the server, and what it says of the visitors.

use super::Finding;
use crate::settings::{CsrfMode, Settings};

pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let believed = [
        ("SECURE_PROXY_SSL_HEADER", settings.secure_proxy_ssl_header.is_some()),
        ("USE_X_FORWARDED_HOST", settings.use_x_forwarded_host),
        ("USE_X_FORWARDED_PORT", settings.use_x_forwarded_port),
    ];
    let believed: Vec<&str> =
        believed.into_iter().filter(|(_, is_on)| *is_on).map(|(setting, _)| setting).collect();
    if let Some(setting) = believed.first().filter(|_| settings.num_proxies == 0) {
        let all = believed.join(" and ");
        let verb = if believed.len() == 1 { "is" } else { "are" };
        return vec![Finding::warning(
            "segue.W013",
            *setting,
            format!("{all} {verb} set, and NUM_PROXIES is 0."),
            "where no proxy stands before the server, visitors say themselves that they came over \
             https, or for which host; where one does, all visitors have its address, and the wrong \
             passwords of one count for all",
            format!("NUM_PROXIES = 1 behind one proxy; without any, remove {all}"),
        )];
    }
    let trusts_https = settings.csrf.trusted_origins.iter().any(|it| it.starts_with("https://"));
    if settings.num_proxies > 0
        && settings.secure_proxy_ssl_header.is_none()
        && settings.session.cookie_secure
        && settings.csrf.mode != CsrfMode::FetchMetadata
        && !trusts_https
    {
        return vec![Finding::warning(
            "segue.W014",
            "SECURE_PROXY_SSL_HEADER",
            format!(
                "NUM_PROXIES is {}, and SECURE_PROXY_SSL_HEADER is not set.",
                settings.num_proxies
            ),
            "the site takes every request for one over http, and refuses forms from its own pages, \
             whose Origin says https",
            "SECURE_PROXY_SSL_HEADER = [\"HTTP_X_FORWARDED_PROTO\", \"https\"], where the proxy sets \
             or removes that header in every request",
        )];
    }
    Vec::new()
}
