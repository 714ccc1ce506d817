//! The server that is measured.

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    peer_tower_sessions::run(None)
}
