//! nginx takes each configuration that is shown.

use servers::Nginx;

use crate::blocks::in_language;

#[test]
fn it_takes_each_configuration() {
    let mut seen = 0;
    for block in in_language("nginx") {
        let text = match block.title().starts_with('/') {
            true => block.text.clone(),
            // A part of one, whose upstreams stand in the whole.
            false => format!(
                "upstream django {{ server 127.0.0.1:1; }}\nupstream rust {{ server 127.0.0.1:2; }}\n\
                 server {{\n{}\n}}\n",
                block.text
            ),
        };
        if let Err(error) = Nginx::check(&text) {
            panic!("{}: {error}", block.place());
        }
        seen += 1;
    }
    assert!(seen >= 3, "the blocks are found: {seen}");
}
