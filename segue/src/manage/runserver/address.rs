//! Where to listen.

/// Reads `8000`, `0.0.0.0`, `127.0.0.1:8000`, `[::1]:8000` or `localhost:8000`.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let (host, port) = match text.rsplit_once(':') {
        _ if text.parse::<u16>().is_ok() => ("127.0.0.1", text),
        _ if text.parse::<std::net::Ipv6Addr>().is_ok() => (text, "8000"),
        Some((host, port)) if !host.is_empty() && !text.ends_with(']') => (host, port),
        _ => (text, "8000"),
    };
    let port: u16 = port.parse().map_err(|_| format!("{port:?} is not a port (0 to 65535)"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_leave_out_either_part() {
        for (text, expected) in [
            ("8080", "127.0.0.1:8080"),
            ("0.0.0.0", "0.0.0.0:8000"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("localhost:0", "localhost:0"),
            ("[::1]:8080", "[::1]:8080"),
            ("[::1]", "[::1]:8000"),
            ("::1", "[::1]:8000"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(parse("localhost:99999").is_err());
        assert!(parse("localhost:http").is_err());
    }
}
