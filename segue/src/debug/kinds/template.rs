//! A template that is missing or wrong.

use std::error::Error;
use std::fs;

use minijinja::ErrorKind;

use super::super::DebugPages;
use super::super::excerpt::around;
use super::super::report::{Report, Section};
use super::causes;
use crate::templates::{TemplateError, rewrite_tags};

/// More of an expression is not repeated.
const MOST: usize = 80;

pub(super) fn report(pages: &DebugPages, error: &TemplateError) -> Report {
    let (name, outermost) = error.parts();
    let chain = || {
        let causes = causes(error as &(dyn Error + 'static));
        causes.filter_map(|cause| cause.downcast_ref::<minijinja::Error>())
    };
    // What went wrong is the innermost; the others say by which way one gets there.
    let innermost = chain().last().unwrap_or(outermost);
    let mut message = innermost.kind().to_string();
    if let Some(detail) = innermost.detail() {
        message = format!("{message}: {detail}");
    } else if let Some(expression) = expression(innermost) {
        message = format!("{message}: `{expression}`");
    }
    let title = match innermost.kind() {
        ErrorKind::TemplateNotFound => "A template is missing",
        _ => "A template could not be rendered",
    };
    let mut report = Report::new(title, message).fact("Template", name);
    let places: Vec<&minijinja::Error> = chain().collect();
    for (step, place) in places.into_iter().rev().enumerate() {
        if let Some(section) = pages.place(place, step > 0) {
            report = report.section(section);
        }
    }
    let others = causes(error).filter(|cause| !cause.is::<minijinja::Error>());
    let items: Vec<_> = others.map(|cause| (cause.to_string(), String::new())).collect();
    if !items.is_empty() {
        report = report.section(Section::List { heading: "Because", items });
    }
    match mend(pages, innermost) {
        Some(mend) => report.mend(mend),
        None => report,
    }
}

/// The text of the expression at fault.
fn expression(error: &minijinja::Error) -> Option<&str> {
    let text = error.template_source()?.get(error.range()?)?.trim();
    (!text.is_empty() && text.len() <= MOST && !text.contains('\n')).then_some(text)
}

impl DebugPages {
    /// The lines around the one at fault, or that leads there.
    fn place(&self, error: &minijinja::Error, leads_there: bool) -> Option<Section> {
        let (name, number) = (error.name()?, error.line()?);
        let source = self.as_written(name, error.template_source().unwrap_or_default());
        let from = if leads_there { "from " } else { "" };
        let heading = format!("{from}{name}, line {number}");
        Some(Section::Source { heading, lines: around(&source, number) })
    }

    /// The source as it stands in the file, where `{% csrf_token %}` is still itself.
    fn as_written(&self, name: &str, source: &str) -> String {
        let written = fs::read_to_string(self.base_dir.join("templates").join(name));
        written
            .ok()
            .filter(|written| rewrite_tags(written) == source)
            .unwrap_or_else(|| source.to_owned())
    }
}

fn mend(pages: &DebugPages, error: &minijinja::Error) -> Option<String> {
    let templates = pages.base_dir.join("templates");
    Some(match error.kind() {
        ErrorKind::TemplateNotFound => format!(
            "Templates are files in the folder `{}`; the name is the path from there.",
            templates.display()
        ),
        ErrorKind::UndefinedError => {
            "Give the handler's `context!` what the template uses, or write `{{ name|default(\"\") \
             }}` or `{% if name is defined %}` where it may be missing."
                .to_owned()
        }
        ErrorKind::SyntaxError => {
            "The language is Jinja's: close each `{{` and `{%`, and each block with its `{% end… \
             %}`. Arguments of filters stand in parentheses: `{{ name|default(\"\") }}`."
                .to_owned()
        }
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
            "Filters, tests and functions are minijinja's; others are added to \
             `segue::templates::environment`."
                .to_owned()
        }
        _ => return None,
    })
}
