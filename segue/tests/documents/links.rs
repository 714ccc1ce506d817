//! Links lead to files that are there, and to headings that are in them.

use crate::blocks::{documents, root};

/// What GitHub makes of a heading: small letters, hyphens for blanks, nothing else but letters, digits
/// and underscores.
fn anchor(heading: &str) -> String {
    let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let kept: String = heading.trim_start_matches('#').trim().chars().filter(is_kept).collect();
    kept.to_lowercase().replace(' ', "-")
}

/// The headings of a document, without what looks like one in a block.
fn anchors(text: &str) -> Vec<String> {
    let mut within = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            within = !within;
        } else if !within && line.starts_with('#') {
            found.push(anchor(line));
        }
    }
    found
}

/// What is wrong with a link from this document.
fn complaint(document: &str, link: &str) -> Option<String> {
    if link.starts_with("http") {
        return None;
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let here = root().join(document);
    let target = if path.is_empty() { here.clone() } else { here.parent().unwrap().join(path) };
    if !target.exists() {
        return Some(format!("{document}: {link} is not there"));
    }
    if fragment.is_empty() {
        return None;
    }
    let text = std::fs::read_to_string(&target).unwrap();
    let found = anchors(&text).iter().any(|anchor| anchor == fragment);
    (!found).then(|| format!("{document}: {link} names no heading of it"))
}

#[test]
fn they_lead_somewhere() {
    let mut seen = 0;
    for (name, text) in documents() {
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert_eq!(complaint(&name, link), None);
            seen += 1;
        }
    }
    assert!(seen > 30, "the links are found: {seen}");
}

/// From the first page to the last, and the index has them in this order.
#[test]
fn each_page_leads_to_the_next_of_the_index() {
    let documents = documents();
    let text = |name: &str| documents.iter().find(|(found, _)| found == name).map(|(_, text)| text);
    let index = text("docs/README.md").unwrap();
    let entries = index.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    let pages: Vec<&str> =
        entries.map(|line| line.split("](").nth(1).unwrap().split(')').next().unwrap()).collect();
    let all = documents.iter().filter_map(|(name, _)| name.strip_prefix("docs/"));
    for page in all.filter(|page| *page != "README.md") {
        assert!(pages.contains(&page), "docs/{page} is not in the index");
    }
    for pair in pages.windows(2) {
        let text = text(&format!("docs/{}", pair[0])).unwrap();
        let last = text.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("Next: [") && last.ends_with(&format!("]({})", pair[1])),
            "{pair:?}"
        );
    }
}

#[test]
fn one_that_leads_nowhere_is_found() {
    for (link, right) in [
        ("https://example.com/#nothing", true),
        ("settings.md", true),
        ("settings.md#csrf-protection", true),
        ("../COMPATIBILITY.md", true),
        ("#csrf-protection", true),
        ("setings.md", false),
        ("settings.md#csrf", false),
        ("#nothing", false),
    ] {
        assert_eq!(complaint("docs/settings.md", link).is_none(), right, "{link}");
    }
    assert_eq!(anchor("## The session's cookie"), "the-sessions-cookie");
    assert_eq!(anchor("## Replace the SECRET_KEY"), "replace-the-secret_key");
    assert_eq!(anchors("# A\n```sh\n# no heading\n```\n## B `c`"), ["a", "b-c"]);
}
