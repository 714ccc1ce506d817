//! Measures Segue: `cargo run -p bench --release -- [names]`. See README.md.

fn main() -> bench::Result {
    bench::run()
}
