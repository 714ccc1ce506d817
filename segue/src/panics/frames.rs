//! The calls of a backtrace that are the project's own.

use std::backtrace::Backtrace;
use std::path::Path;

/// One call of a backtrace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) function: String,
    /// File, line and column, where the program knows them.
    pub(crate) place: Option<String>,
}

/// Where the sources of this crate are.
const SEGUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/");

/// No more than these are shown of a backtrace in which nothing is the project's.
const MOST: usize = 40;

/// The project's own calls; where none can be told apart, all.
pub(super) fn of_the_project(backtrace: &Backtrace) -> Vec<Frame> {
    let here = std::env::current_dir().unwrap_or_default();
    choose(parse(&backtrace.to_string(), &here))
}

fn choose(mut frames: Vec<Frame>) -> Vec<Frame> {
    // What stands around the place where the panic was caught did not lead to it.
    if let Some(end) = frames.iter().position(Frame::is_catcher) {
        frames.truncate(end);
    }
    let own: Vec<Frame> = frames.iter().filter(|frame| frame.is_own()).cloned().collect();
    if own.is_empty() { frames.into_iter().take(MOST).collect() } else { own }
}

impl Frame {
    pub(crate) fn file(&self) -> Option<&Path> {
        let (file, _line_and_column) = self.place.as_ref()?.rsplit_once(':')?.0.rsplit_once(':')?;
        Some(Path::new(file))
    }

    /// Whether its file is neither the standard library's nor that of a crate, ours among them.
    fn is_own(&self) -> bool {
        let elsewhere = ["/rustc/", "/registry/src/", "/git/checkouts/", "/rustlib/src/"];
        self.place.as_ref().is_some_and(|place| {
            !place.starts_with(SEGUE) && !elsewhere.iter().any(|folder| place.contains(folder))
        })
    }

    fn is_catcher(&self) -> bool {
        let file = self.place.as_ref().and_then(|place| place.strip_prefix(SEGUE));
        file.is_some_and(|file| file.starts_with("panics/layer.rs"))
    }
}

/// Reads what a backtrace writes: a line `12: function` for each call, and under it `at file:1:2`,
/// where that is known. A file in the current folder is written without it.
fn parse(text: &str, here: &Path) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(place) = line.strip_prefix("at ") {
            if let Some(frame) = frames.last_mut() {
                frame.place = Some(match place.strip_prefix("./") {
                    Some(within) => here.join(within).display().to_string(),
                    None => place.to_owned(),
                });
            }
        } else if let Some((number, function)) = line.split_once(": ")
            && number.parse::<u32>().is_ok()
        {
            frames.push(Frame { function: function.to_owned(), place: None });
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "/home/x/shop";

    fn text() -> String {
        format!(
            "   0: std::panicking::panic_handler
             at /rustc/abc/library/std/src/panicking.rs:689:5
   1: core::option::unwrap_failed
             at /rustc/abc/library/core/src/option.rs:1:1
   2: shop::views::cart
             at ./src/views.rs:12:9
   3: shop::views::index::{{{{closure}}}}
             at ./src/views.rs:5:3
   4: <F as axum::handler::Handler<((),),S>>::call::{{{{closure}}}}
             at /home/x/.cargo/registry/src/index/axum-0.8.9/src/handler/mod.rs:227:50
   5: poll<axum::routing::route::Route, axum_core::body::Body>
             at {SEGUE}csrf/future.rs:81:49
   6: poll<axum::routing::route::RouteFuture>
             at {SEGUE}panics/layer.rs:88:42
   7: shop::main
             at ./src/main.rs:9:5
   8: main
"
        )
    }

    #[test]
    fn the_calls_of_the_project_are_told_apart() {
        let frames = parse(&text(), Path::new(HERE));
        assert_eq!(frames.len(), 9);
        assert_eq!(frames[8], Frame { function: "main".to_owned(), place: None });
        let own = choose(frames);
        let functions: Vec<&str> = own.iter().map(|frame| frame.function.as_str()).collect();
        assert_eq!(functions, ["shop::views::cart", "shop::views::index::{{closure}}"]);
        assert_eq!(own[0].place.as_deref(), Some("/home/x/shop/src/views.rs:12:9"));
        assert_eq!(own[0].file(), Some(Path::new("/home/x/shop/src/views.rs")));
    }

    #[test]
    fn where_none_is_the_projects_all_are_shown() {
        let frames = parse("0: a\n1: b: c\nno frame\n", Path::new(HERE));
        assert_eq!(frames.len(), 2);
        assert_eq!(choose(frames.clone()), frames);
    }

    #[test]
    fn the_catcher_is_where_it_is_looked_for() {
        let layer = Path::new(SEGUE).join("panics/layer.rs");
        assert!(std::fs::read_to_string(layer).unwrap().contains("inner.poll(cx)"));
    }
}
