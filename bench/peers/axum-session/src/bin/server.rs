//! The server that is measured.

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    peer_axum_session::run(None)
}
