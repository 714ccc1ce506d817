//! A form, an upload, scripts and htmx, each with the visitor's token:
//! `cargo run -p segue --example csrf --features templates`.
//!
//! The page loads htmx from the network, or from the file that `HTMX_FILE` names.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod pages;

use std::error::Error;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/csrf");
    let htmx = std::env::var_os("HTMX_FILE").map(PathBuf::from);
    let site = pages::site(&folder, htmx.as_deref())?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("Serving on http://{}/", listener.local_addr()?);
    Ok(axum::serve(listener, site).await?)
}
