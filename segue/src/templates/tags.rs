//! Django's tag, in the words of minijinja, which knows no tags but its own.

use std::borrow::Cow;

/// In the place of the tag's name stands the variable's, and both are of one length: so every other
/// letter keeps its line and column, and errors point to the right place.
const TAG: &str = "csrf_token";
const VARIABLE: &str = "csrf_input";

/// Makes `{{ csrf_input }}` of each `{% csrf_token %}`, for templates that do not come from the
/// folder of [`Templates::new`](super::Templates::new).
///
/// The tag's whitespace control is kept. What stands in comments, in `{% raw %}`, and in texts
/// within other tags is left alone, and so is everything else. The delimiters are Jinja's own.
///
/// ```
/// use segue::templates::rewrite_tags;
///
/// assert_eq!(rewrite_tags("<form>{%- csrf_token %}"), "<form>{{- csrf_input }}");
/// assert_eq!(rewrite_tags("{# {% csrf_token %} #}"), "{# {% csrf_token %} #}");
/// ```
#[must_use]
pub fn rewrite_tags(source: &str) -> Cow<'_, str> {
    let mut rewritten = String::new();
    let mut rest = source;
    while let Some((before, tag, after)) = next_tag(rest) {
        let tag = tag.replacen("{%", "{{", 1).replacen(TAG, VARIABLE, 1).replacen("%}", "}}", 1);
        rewritten.push_str(before);
        rewritten.push_str(&tag);
        rest = after;
    }
    if rewritten.is_empty() {
        return Cow::Borrowed(source);
    }
    rewritten.push_str(rest);
    Cow::Owned(rewritten)
}

/// The next tag, and what stands before and after it.
fn next_tag(source: &str) -> Option<(&str, &str, &str)> {
    let mut at = 0;
    loop {
        at += start(source.get(at..)?)?;
        let rest = source.get(at..)?;
        if let Some(length) = tag_length(rest, TAG) {
            let (tag, after) = rest.split_at_checked(length)?;
            return Some((source.get(..at)?, tag, after));
        }
        at += length(rest)?;
    }
}

/// Where the next of `{{`, `{%` and `{#` stands.
fn start(source: &str) -> Option<usize> {
    source.as_bytes().windows(2).position(|pair| matches!(pair, b"{{" | b"{%" | b"{#"))
}

/// How long the expression, tag or comment is that stands here, with all that is raw in it.
fn length(source: &str) -> Option<usize> {
    if let Some(comment) = source.strip_prefix("{#") {
        return Some(2 + comment.find("#}")? + 2);
    }
    if source.starts_with("{{") {
        return expression_length(source, b"}}");
    }
    let Some(mut at) = tag_length(source, "raw") else {
        return expression_length(source, b"%}");
    };
    loop {
        at += source.get(at..)?.find("{%")?;
        match tag_length(source.get(at..)?, "endraw") {
            Some(end) => return Some(at + end),
            None => at += 2,
        }
    }
}

/// How long the tag is that stands here, if it is this one and nothing more.
fn tag_length(source: &str, name: &str) -> Option<usize> {
    const SPACE: [char; 5] = [' ', '\t', '\n', '\r', '\x0c'];
    let rest = source.strip_prefix("{%")?;
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let rest = rest.trim_start_matches(SPACE).strip_prefix(name)?.trim_start_matches(SPACE);
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest).strip_prefix("%}")?;
    Some(source.len() - rest.len())
}

/// How far the end of this expression or tag is. One that stands in a text or between parentheses
/// is none.
fn expression_length(source: &str, end: &[u8]) -> Option<usize> {
    let bytes = source.as_bytes();
    let (mut depth, mut quote, mut escaped) = (0_isize, None, false);
    for (at, byte) in bytes.iter().enumerate().skip(2) {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, _) if depth == 0 && bytes.get(at..at + 2) == Some(end) => return Some(at + 2),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_tag_becomes_the_field_and_keeps_its_whitespace_control() {
        for (source, expected) in [
            ("{% csrf_token %}", "{{ csrf_input }}"),
            ("{%csrf_token%}", "{{csrf_input}}"),
            ("{%- csrf_token -%}", "{{- csrf_input -}}"),
            ("{%+ csrf_token +%}", "{{+ csrf_input +}}"),
            ("{%-csrf_token-%}", "{{-csrf_input-}}"),
            ("{%\n\r\n  csrf_token\t\n%}", "{{\n\r\n  csrf_input\t\n}}"),
            ("ä{% csrf_token %}ö{% csrf_token %}ü", "ä{{ csrf_input }}ö{{ csrf_input }}ü"),
            ("{% if a %}{% csrf_token %}{% endif %}", "{% if a %}{{ csrf_input }}{% endif %}"),
            ("{{ a }}{% csrf_token %}", "{{ a }}{{ csrf_input }}"),
            (
                "{{ {'a': {'b': 1}}.a.b }}{% csrf_token %}",
                "{{ {'a': {'b': 1}}.a.b }}{{ csrf_input }}",
            ),
            ("{% set a = {1: 2} %}{% csrf_token %}", "{% set a = {1: 2} %}{{ csrf_input }}"),
            ("{# {% raw %} #}{% csrf_token %}", "{# {% raw %} #}{{ csrf_input }}"),
            ("{#-#}{% csrf_token %}", "{#-#}{{ csrf_input }}"),
            ("{##}{% csrf_token %}", "{##}{{ csrf_input }}"),
            ("{{ '}}' }}{% csrf_token %}", "{{ '}}' }}{{ csrf_input }}"),
            ("{{ '\\'}}' }}{% csrf_token %}", "{{ '\\'}}' }}{{ csrf_input }}"),
            ("{{ \"'\" }}{% csrf_token %}", "{{ \"'\" }}{{ csrf_input }}"),
            ("{ {% csrf_token %} }", "{ {{ csrf_input }} }"),
            (
                "{% raw %}{% csrf_token %}{% endraw %}{% csrf_token %}",
                "{% raw %}{% csrf_token %}{% endraw %}{{ csrf_input }}",
            ),
            (
                "{%- raw -%}{{ '{%+ endraw -%}{% csrf_token %}",
                "{%- raw -%}{{ '{%+ endraw -%}{{ csrf_input }}",
            ),
        ] {
            assert_eq!(rewrite_tags(source), expected, "{source}");
        }
    }

    #[test]
    fn what_is_not_the_tag_is_left_alone() {
        for source in [
            "",
            "{",
            "{%",
            "{% csrf_token",
            "{% csrf_token }",
            "{% csrf_token x %}",
            "{% csrf_tokens %}",
            "{% csrf_ token %}",
            "{% the csrf_token %}",
            "{% CSRF_TOKEN %}",
            "{%\u{a0}csrf_token %}",
            "{{ csrf_token }}",
            "{{ csrf_input }}",
            "csrf_token %}",
            "{# {% csrf_token %} #}",
            "{#- {% csrf_token %} -#}",
            "{# {% csrf_token %}",
            "{% raw %}{% csrf_token %}{% endraw %}",
            "{%- raw -%}\n{% csrf_token %}\n{%- endraw -%}",
            "{% raw %}{% csrf_token %}{% endraws %}",
            "{{ '{% csrf_token %}' }}",
            "{{ \"it's {% csrf_token %}\" }}",
            "{{ '\\'{% csrf_token %}' }}",
            "{{ '\\'}} {% csrf_token %}' }}",
            "{% set a = '{% csrf_token %}' %}",
            "{% include \"{% csrf_token %}\" %}",
            "{{ ( }}{% csrf_token %}",
            "{{ ' }}{% csrf_token %}",
        ] {
            assert!(
                matches!(rewrite_tags(source), Cow::Borrowed(same) if same == source),
                "{source}"
            );
        }
    }

    /// A piece of a template, and what becomes of it.
    fn piece() -> impl Strategy<Value = (String, String)> {
        let space = "[ \t\n]{0,2}";
        let tag = ("[-+]?", space, space, "[-+]?").prop_map(|(before, a, b, after)| {
            (
                format!("{{%{before}{a}csrf_token{b}{after}%}}"),
                format!("{{{{{before}{a}csrf_input{b}{after}}}}}"),
            )
        });
        let within = "[a-zé%}{# ]{0,6}|\\{% csrf_token %\\}|\\{\\{|%\\}|\\}\\}";
        let same = prop_oneof![
            "[a-zé%}# \n]{0,8}".prop_map(|text| format!("{text} ")),
            within.prop_map(|text| format!("{{# {} #}}", text.replace("#}", ""))),
            within.prop_map(|text| format!("{{% raw %}}{text} {{%- endraw %}}")),
            within.prop_map(|text| format!("{{{{ '{text}' }}}}")),
            within.prop_map(|text| format!("{{% set a = [\"{text}\"] -%}}")),
            Just("{{ {'a': (1, [2])} }}".to_owned()),
        ];
        prop_oneof![tag, same.prop_map(|text| (text.clone(), text))]
    }

    /// Something that minijinja reads as one, most likely, and in it what may end it or not.
    fn construct() -> impl Strategy<Value = String> {
        let around = prop::sample::select(vec![
            ("", ""),
            ("{{ 'a", "' }}"),
            ("{{ \"", "\" }}"),
            ("{{ (1, {'a': '", "'}) }}"),
            ("{{ {'a': {1: 2} }.a }}", ""),
            ("{#", "#}"),
            ("{#-", "-#}"),
            ("{% raw %}", "{% endraw %}"),
            ("{%- raw -%}", "{%- endraw -%}"),
            ("{%+raw\n%}", "{%\nendraw+%}"),
            ("{% set x = ['", "'] %}"),
            ("{% if true %}", "{% endif %}"),
        ]);
        let within = prop::sample::select(vec![
            "{% csrf_token %}",
            "{%-\n csrf_token\t-%}",
            "{%+csrf_token+%}",
            "{% raw %}",
            "{% endraw %}",
            "{#",
            "#}",
            "%}",
            "}}",
            "{",
            "}",
            "'",
            "\"",
            "\\",
            " ",
            "é",
        ]);
        (around, prop::collection::vec(within, 0..4))
            .prop_map(|((open, close), within)| format!("{open}{}{close}", within.concat()))
    }

    /// What minijinja makes of this template.
    fn rendered(source: &str) -> Option<String> {
        let mut environment = minijinja::Environment::new();
        environment.add_template("part", "THE FIELD").unwrap();
        let context = minijinja::context! { csrf_input => "THE FIELD", the_field => "part" };
        environment.render_str(source, context).ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// minijinja finds its own `include` where we find our tag, and nowhere else.
        #[test]
        fn the_tag_is_found_where_minijinja_finds_its_own(
            parts in prop::collection::vec(construct(), 0..5),
        ) {
            let source = parts.concat();
            let theirs = rendered(&source.replace(TAG, "include the_field"));
            let theirs = theirs.map(|page| page.replace("include the_field", TAG));
            prop_assert_eq!(rendered(&rewrite_tags(&source)), theirs, "{}", source);
        }

        #[test]
        fn a_text_without_the_tag_is_the_same_to_the_byte(source in any::<String>()) {
            prop_assert!(matches!(rewrite_tags(&source), Cow::Borrowed(same) if same == source));
        }

        #[test]
        fn tags_are_found_among_everything_else(pieces in prop::collection::vec(piece(), 0..12)) {
            let source: String = pieces.iter().map(|(source, _)| source.as_str()).collect();
            let expected: String = pieces.iter().map(|(_, expected)| expected.as_str()).collect();
            prop_assert_eq!(rewrite_tags(&source), expected);
        }

        #[test]
        fn any_template_is_read_and_keeps_its_lines(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "{%", "%}", "{{", "}}", "{#", "#}", "-", "+", " ", "\n", "csrf_token", "raw",
                    "endraw", "'", "\"", "\\", "(", ")", "{", "}", "é", "{% csrf_token %}",
                ]),
                0..24,
            ),
        ) {
            let source = parts.concat();
            let rewritten = rewrite_tags(&source);
            prop_assert_eq!(rewritten.len(), source.len());
            for (now, before) in rewritten.lines().zip(source.lines()) {
                prop_assert_eq!(now.len(), before.len());
            }
            // What was done is done: nothing is rewritten twice.
            prop_assert_eq!(rewrite_tags(&rewritten), rewritten.as_ref());
        }
    }
}
