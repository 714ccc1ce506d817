//! The server that is measured.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    peer_actix_session::run(None)
}
