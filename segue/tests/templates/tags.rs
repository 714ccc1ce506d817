//! What templates write, and where.

use std::error::Error as _;

use axum::routing::get;
use segue::Templates;
use segue::templates::{Serde, context};

use crate::common::Answer;
use crate::{Folder, assert_unasked, assert_valid, tokens, unmask};

async fn render(page: &str) -> Answer {
    Folder::new(&[("page.html", page)]).page((), None).await
}

/// What is left of the page when each token is a `T`.
fn outline(answer: &Answer) -> String {
    tokens(&answer.body)
        .into_iter()
        .fold(answer.body.clone(), |page, token| page.replace(token, "T"))
}

const FIELD: &str = r#"<input type="hidden" name="csrfmiddlewaretoken" value="T">"#;

#[tokio::test]
async fn the_tag_is_djangos_hidden_field() {
    for tag in ["{% csrf_token %}", "{%csrf_token%}", "{{ csrf_input }}", "{{ csrf_input|safe }}"] {
        let answer = render(&format!("<form method=\"post\"> {tag} </form>")).await;
        assert_valid(&answer);
        assert_eq!(outline(&answer), format!("<form method=\"post\"> {FIELD} </form>"), "{tag}");
    }
    let answer = render("<form> {%- csrf_token -%} </form>").await;
    assert_valid(&answer);
    assert_eq!(outline(&answer), format!("<form>{FIELD}</form>"));
}

#[tokio::test]
async fn the_token_alone_fits_into_an_attribute_and_a_script() {
    for (page, expected) in [
        ("<meta content=\"{{ csrf_token }}\">", "<meta content=\"T\">"),
        (
            r#"<body hx-headers='{"X-CSRFToken": "{{ csrf_token }}"}'>"#,
            r#"<body hx-headers='{"X-CSRFToken": "T"}'>"#,
        ),
        ("<script>const t = '{{ csrf_token }}';</script>", "<script>const t = 'T';</script>"),
        ("{{ '<' ~ csrf_token }}", "&lt;T"),
    ] {
        let answer = render(page).await;
        assert_valid(&answer);
        assert_eq!(outline(&answer), expected);
    }
}

#[tokio::test]
async fn it_is_there_wherever_a_template_can_be() {
    let parts = [
        ("base.html", "{% csrf_token %}|{% block content %}{% endblock %}"),
        ("part.html", "{% csrf_token %}"),
        ("forms.html", "{% macro form() %}<form>{% csrf_token %}</form>{% endmacro %}"),
        ("given.html", "{% macro form(csrf_input) %}{{ csrf_input }}{% endmacro %}"),
        ("deep/part.html", "{% include 'part.html' %}"),
    ];
    let form = format!("<form>{FIELD}</form>");
    for (page, expected) in [
        ("{% extends 'base.html' %}", format!("{FIELD}|")),
        (
            "{% extends 'base.html' %}{% block content %}{% csrf_token %}{% endblock %}",
            format!("{FIELD}|{FIELD}"),
        ),
        ("{% include 'part.html' %}", FIELD.to_owned()),
        ("{% include 'deep/part.html' %}", FIELD.to_owned()),
        ("{% for n in [1, 2] %}{% csrf_token %}{% endfor %}", FIELD.repeat(2)),
        ("{% if csrf_token %}{% csrf_token %}{% endif %}", FIELD.to_owned()),
        ("{% set field = csrf_input %}{{ field }}", FIELD.to_owned()),
        ("{% set field %}{% csrf_token %}{% endset %}{{ field }}", FIELD.to_owned()),
        ("{% macro form() %}{% csrf_token %}{% endmacro %}{{ form() }}", FIELD.to_owned()),
        ("{% import 'forms.html' as forms %}{{ forms.form() }}", form.clone()),
        ("{% import 'forms.html' as forms with context %}{{ forms.form() }}", form.clone()),
        ("{% import 'forms.html' as forms without context %}{{ forms.form() }}", form.clone()),
        ("{% from 'forms.html' import form %}{{ form() }}", form.clone()),
        ("{% from 'forms.html' import form with context %}{{ form() }}", form.clone()),
        ("{% from 'given.html' import form %}{{ form(csrf_input) }}", FIELD.to_owned()),
    ] {
        let folder = Folder::new(&parts);
        folder.write("page.html", page);
        let answer = folder.page((), None).await;
        assert_valid(&answer);
        assert_eq!(outline(&answer), expected, "{page}");
    }
}

#[tokio::test]
async fn a_page_that_writes_no_token_asks_for_none() {
    let forms = ("forms.html", "{% macro form() %}{% csrf_token %}{% endmacro %}");
    for (page, expected) in [
        ("hello", "hello"),
        ("{% if csrf_token %}yes{% endif %}", "yes"),
        ("{% if csrf_input and csrf_token is defined %}yes{% endif %}", "yes"),
        ("{% if false %}{% csrf_token %}{% endif %}no", "no"),
        ("{% set token = csrf_token %}set", "set"),
        ("{% macro form() %}{% csrf_token %}{% endmacro %}uncalled", "uncalled"),
        ("{% import 'forms.html' as forms %}imported", "imported"),
        ("{% from 'forms.html' import form %}imported", "imported"),
        ("{# {% csrf_token %} #}comment", "comment"),
        ("{% raw %}{% csrf_token %}{% endraw %}", "{% csrf_token %}"),
        ("{{ '{% csrf_token %}' }}", "{% csrf_token %}"),
    ] {
        let folder = Folder::new(&[("page.html", page), forms]);
        assert_unasked(&folder.page((), None).await, expected);
    }
}

/// minijinja looks at everything there; a token of a visitor's is not for a log.
#[tokio::test]
async fn to_debug_a_page_is_not_to_ask() {
    let answer = render("{{ debug() }}").await;
    assert!(answer.body.contains("csrf_token"), "{}", answer.body);
    assert_eq!((tokens(&answer.body), answer.set_cookie), (vec![], vec![]));

    let folder = Folder::new(&[("page.html", "{{ csrf_token.a.b }}{{ csrf_input.a.b }}")]);
    let page = async |templates: Templates| {
        let error = templates.render("page.html", ()).unwrap_err();
        let source = error.source().unwrap();
        format!("{error:?} {error:#?} {source:?} {source:#?} {source:#}")
    };
    let answer = folder.serve(get(page), None).await;
    assert!(answer.body.contains("undefined value"), "{}", answer.body);
    assert_eq!((tokens(&answer.body), answer.set_cookie), (vec![], vec![]));
}

/// What a compressed page gives away of one (BREACH) says nothing of the next.
#[tokio::test]
async fn each_one_looks_different_and_hides_the_same_secret() {
    let folder =
        Folder::new(&[("page.html", "{{ csrf_token }} {{ csrf_token }} {% csrf_token %}")]);
    let answer = folder.page((), None).await;
    assert_valid(&answer);
    let again = folder.page((), Some(&answer.cookie())).await;
    assert_valid(&again);
    assert_eq!(again.cookie(), answer.cookie());
    let mut masked = [tokens(&answer.body), tokens(&again.body)].concat();
    let secrets: Vec<String> = masked.iter().map(|token| unmask(token)).collect();
    assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    masked.sort_unstable();
    masked.dedup();
    assert_eq!(masked.len(), 6);
}

/// A context may be made of what a visitor sent.
#[tokio::test]
async fn a_context_cannot_take_the_tokens_place_and_a_template_can() {
    let folder = Folder::new(&[("page.html", "{{ csrf_token }}{{ csrf_input }}{{ name }}")]);
    let context = context! { csrf_token => "evil", csrf_input => "evil", name => "manish" };
    let answer = folder.page(context, None).await;
    assert_valid(&answer);
    assert_eq!(outline(&answer), format!("T{FIELD}manish"));

    let folder = Folder::new(&[("page.html", "{% set csrf_input = 'mine' %}{% csrf_token %}")]);
    assert_unasked(&folder.page((), None).await, "mine");
}

#[derive(serde::Serialize)]
struct Student {
    name: &'static str,
}

#[tokio::test]
async fn values_are_escaped_and_anything_serialisable_is_one() {
    let page = "{{ student.name }} {{ names[0] }}";
    let folder = Folder::new(&[("page.html", page)]);
    let student = Student { name: "<manish>" };
    let context = context! { student => Serde(&student), names => vec!["\"a\"&'b'"] };
    let expected = "&lt;manish&gt; &quot;a&quot;&amp;&#x27;b&#x27;";
    assert_unasked(&folder.page(context, None).await, expected);
    let folder = Folder::new(&[("page.html", "{{ name }}")]);
    assert_unasked(&folder.page(Serde(&student), None).await, "&lt;manish&gt;");
}
