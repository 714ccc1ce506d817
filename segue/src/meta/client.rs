//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::request::Parts;

use super::header;

/// The address of the client: the peer of the connection, or behind so many proxies the one that the
/// outermost of them saw, in `X-Forwarded-For`.
///
/// Each proxy adds the address of its own peer at the end, so the entry is counted from there: what
/// the client wrote into the header itself stands before it and is never looked at. Where the entry
/// is no address or there are too few, the ones after it decide, which nearer proxies wrote, and at
/// last the peer. The idea is that of `NUM_PROXIES` in Django REST framework.
pub(crate) fn client_address(parts: &Parts, num_proxies: usize) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let forwarded = header(&parts.headers, "x-forwarded-for").unwrap_or_default();
    let nearest: Vec<&str> = forwarded.rsplit(',').take(num_proxies).collect();
    let chosen = if nearest.len() == num_proxies {
        nearest.iter().rev().find_map(|entry| address(entry))
    } else {
        // Somebody got past a proxy, so nobody knows who wrote the first of these.
        nearest.first().and_then(|entry| address(entry))
    };
    // An IPv4 client of an IPv6 socket is the same client.
    Some(chosen.unwrap_or(peer.ip()).to_canonical())
}

/// An address as proxies write it: some add a port.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim_ascii();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| Some(entry.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address for a request of the peer 10.0.0.1 with these header lines.
    fn seen(num_proxies: usize, lines: &[&str]) -> String {
        let mut request = http::Request::new(());
        let peer: SocketAddr = "10.0.0.1:4000".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        for line in lines {
            request.headers_mut().append("x-forwarded-for", line.parse().unwrap());
        }
        client_address(&request.into_parts().0, num_proxies).unwrap().to_string()
    }

    #[test]
    fn without_proxies_the_header_is_not_looked_at() {
        for lines in [&[][..], &["1.2.3.4"], &["1.2.3.4, 5.6.7.8"], &["127.0.0.1"]] {
            assert_eq!(seen(0, lines), "10.0.0.1", "{lines:?}");
        }
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_looked_at() {
        for forged in ["1.1.1.1, ", "1.1.1.1, 2.2.2.2, 3.3.3.3, ", ",,,", "\"1.1.1.1\", x, "] {
            assert_eq!(seen(1, &[&format!("{forged}5.6.7.8")]), "5.6.7.8", "{forged}");
            assert_eq!(seen(2, &[&format!("{forged}5.6.7.8, 10.0.0.2")]), "5.6.7.8", "{forged}");
        }
        assert_eq!(seen(1, &["1.1.1.1", "5.6.7.8"]), "5.6.7.8", "in a line of its own");
        assert_eq!(seen(2, &["1.1.1.1, 5.6.7.8", "10.0.0.2"]), "5.6.7.8");
    }

    #[test]
    fn where_the_entry_is_none_a_nearer_proxy_decides() {
        for nonsense in ["unknown", "", "1.2.3", "1.2.3.4.5", "_hidden", "999.1.1.1", "\u{e9}"] {
            let last = http::HeaderValue::from_bytes(nonsense.as_bytes()).unwrap();
            let last = String::from_utf8_lossy(last.as_bytes()).into_owned();
            assert_eq!(seen(1, &[&format!("1.1.1.1, {last}")]), "10.0.0.1", "{nonsense}");
            assert_eq!(seen(2, &[&format!("1.1.1.1, {last}, 10.0.0.2")]), "10.0.0.2", "{nonsense}");
        }
        assert_eq!(seen(1, &[]), "10.0.0.1", "past the proxy");
        assert_eq!(seen(2, &["5.6.7.8"]), "5.6.7.8", "past one of two");
        assert_eq!(seen(3, &["1.1.1.1, 5.6.7.8"]), "5.6.7.8", "the first of these may be forged");
    }

    #[test]
    fn one_client_has_one_address() {
        assert_eq!(seen(1, &["::ffff:5.6.7.8"]), "5.6.7.8");
        assert_eq!(seen(1, &["5.6.7.8:51234"]), "5.6.7.8");
        assert_eq!(seen(1, &["[2001:db8::1]:51234"]), "2001:db8::1");
        assert_eq!(seen(1, &["[2001:DB8::1]"]), "2001:db8::1");
        assert_eq!(seen(1, &[" 2001:db8:0::1 "]), "2001:db8::1");
    }

    #[test]
    fn a_connection_without_an_address_has_none() {
        let request = http::Request::builder().header("x-forwarded-for", "1.2.3.4").body(());
        assert_eq!(client_address(&request.unwrap().into_parts().0, 1), None);
    }
}
