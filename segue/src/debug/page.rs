//! A report as a page: one file without anything from elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use super::report::{Line, Report, Section};
use crate::html::escape;

pub(super) fn of(report: &Report) -> String {
    let sections: String = report.sections.iter().map(section).collect();
    let mends: String =
        report.mends.iter().map(|mend| format!("<li>{}</li>\n", prose(mend))).collect();
    let mends = if mends.is_empty() {
        mends
    } else {
        format!(
            "<section class=\"mend\">\n<h2>How to mend it</h2>\n<ul>\n{mends}</ul>\n</section>\n"
        )
    };
    let facts: String = report
        .facts
        .iter()
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value)))
        .collect();
    frame(
        &report.title,
        &format!(
            "<header>\n<h1>{}</h1>\n<p class=\"message\">{}</p>\n</header>\n{sections}{mends}\
             <section>\n<h2>The request</h2>\n<dl>\n{facts}</dl>\n</section>\n",
            escape(&report.title),
            prose(&report.message),
        ),
    )
}

/// A page with this title and this content, which is HTML.
pub(super) fn frame(title: &str, content: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n{content}\
         <footer>You see this page because <code>DEBUG</code> is on. Without it visitors see \
         nothing of this.</footer>\n</main>\n</body>\n</html>\n",
        escape(title)
    )
}

/// A text in which `backticks` are for code.
pub(super) fn prose(text: &str) -> String {
    let mut html = String::new();
    for (index, part) in text.split('`').enumerate() {
        let part = escape(part);
        html.push_str(&if index % 2 == 0 { part } else { format!("<code>{part}</code>") });
    }
    html
}

/// Nothing is loaded, run, sent or framed; the one style is known by its hash.
pub(super) fn policy() -> HeaderValue {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn section(section: &Section) -> String {
    let (heading, content) = match section {
        Section::Source { heading, lines } => (heading.as_str(), source(lines)),
        Section::Text { heading, text } => (*heading, format!("<pre>{}</pre>\n", escape(text))),
        Section::List { heading, items } => {
            let items: String = items.iter().map(item).collect();
            (*heading, format!("<ul>\n{items}</ul>\n"))
        }
    };
    format!("<section>\n<h2>{}</h2>\n{content}</section>\n", escape(heading))
}

fn item((item, more): &(String, String)) -> String {
    let more = match more.as_str() {
        "" => String::new(),
        more => format!("<br><small>{}</small>", escape(more)),
    };
    format!("<li>{}{more}</li>\n", prose(item))
}

fn source(lines: &[Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let rows: String = lines
        .iter()
        .map(|line| {
            let open = if line.is_marked { "<mark>" } else { "<span>" };
            let close = if line.is_marked { "</mark>" } else { "</span>" };
            format!("{open}<b>{:>4}</b> {}\n{close}", line.number, escape(&line.text))
        })
        .collect();
    format!("<pre class=\"source\">{rows}</pre>\n")
}

const STYLE: &str = ":root{--back:#f6f6f4;--paper:#fff;--ink:#1d1d1f;--soft:#5d5d66;--line:#dcdcd8;\
--bad:#a1131f;--good:#0b6b3a;--mark:#fff0b8;--code:#f0efeb}\
@media(prefers-color-scheme:dark){:root{--back:#161618;--paper:#1f1f22;--ink:#ececee;--soft:#a4a4ad;\
--line:#38383d;--bad:#ff8b8b;--good:#6fd69c;--mark:#4d4012;--code:#2b2b30}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--back);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}\
main{max-width:56rem;margin:0 auto;padding:2rem 1rem}\
header,section{background:var(--paper);border:1px solid var(--line);border-radius:.6rem;\
padding:1.1rem 1.3rem;margin:0 0 1rem}\
header{border-left:.4rem solid var(--bad)}header.good{border-left-color:var(--good)}\
h1{font-size:1.5rem;line-height:1.25;margin:0;color:var(--bad)}.good h1{color:var(--good)}\
h2{font-size:1rem;margin:0 0 .5rem;overflow-wrap:anywhere}\
.kind{margin:0;color:var(--soft);font-size:.9rem}\
.message{font-size:1.1rem;margin:.5rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere}\
ul,ol{margin:0;padding-left:1.2rem}li{margin:.3rem 0;overflow-wrap:anywhere}\
code,pre{font-family:ui-monospace,monospace;font-size:.9em}\
code{background:var(--code);border-radius:.25rem;padding:.1em .3em}\
li>code:first-child:last-child{background:none;padding:0}\
pre{margin:0;background:var(--code);border-radius:.4rem;padding:.7rem;overflow-x:auto}\
pre:not(.source){white-space:pre-wrap;overflow-wrap:anywhere}\
.source span,.source mark{display:block;color:inherit;background:none;padding:0 .3rem;width:max-content;min-width:100%}\
.source mark{background:var(--mark);border-radius:.2rem}\
.source b{font-weight:400;color:var(--soft);user-select:none}\
small{color:var(--soft)}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}\
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}\
footer{color:var(--soft);font-size:.85rem;padding:0 .3rem}";
