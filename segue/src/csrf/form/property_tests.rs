//! Forms that nobody thought of, read by other libraries as well.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;

use super::tests::{URL_ENCODED, answer};
use super::*;
use crate::csrf::token::FIELD;

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::with_cases(1024)
    }
}

/// In pieces, cut at these places.
fn in_pieces(content_type: &str, body: &[u8], cuts: &[Index]) -> String {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    cuts.sort_unstable();
    let ends = cuts.iter().copied().chain([body.len()]);
    let mut search = Search::new(content_type).unwrap();
    let mut start = 0;
    for end in ends {
        search.feed(&body[start..end]);
        start = end;
    }
    search.finish()
}

/// What matters of a value: all of it, or that it is too long.
fn what_matters(value: &str) -> String {
    value.chars().take(TOKEN_LENGTH + 1).collect()
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(FIELD.to_owned()),
        1 => "[a-zé ;=&+%]{0,8}",
        1 => Just(format!("{FIELD}2")),
        1 => Just("csrf".to_owned()),
    ]
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    is_quoted: bool,
    filename: Option<String>,
    more_headers: String,
    padding: String,
    content: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Form {
    boundary: String,
    preamble: String,
    fields: Vec<Field>,
    epilogue: Vec<u8>,
}

/// Text that holds pieces of the delimiter, and not all of it.
fn content(boundary: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let delimiter = format!("\r\n--{boundary}");
    let (part, last) = (delimiter.clone(), format!("--{boundary}--"));
    let piece = prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..20),
        1 => Just(b"\r".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => "[a-zA-Z0-9]{60,70}".prop_map(String::into_bytes),
        2 => (any::<Index>(), any::<Index>()).prop_map(move |(from, to)| {
            let (from, to) = (from.index(part.len()), to.index(part.len() + 1));
            part.as_bytes()[from.min(to)..from.max(to)].to_vec()
        }),
        1 => Just(last.into_bytes()),
    ];
    prop::collection::vec(piece, 0..5).prop_map(move |pieces| {
        let mut content = pieces.concat();
        while let Some(at) = memchr::memmem::find(&content, delimiter.as_bytes()) {
            content.remove(at);
        }
        // Nor may it begin with one: the line break before it is that of the headers.
        let starts = content.starts_with(&delimiter.as_bytes()[2..]);
        if starts { content.split_off(1) } else { content }
    })
}

fn part(boundary: &str) -> impl Strategy<Value = Field> + use<> {
    let filename = prop::option::weighted(0.3, "[a-zé.; ]{0,8}");
    let more = "(Content-Type: [a-z/]{1,8}\r\n|X-[a-z]{1,3}:[ a-z]{0,3}\r\n){0,2}";
    (name(), any::<bool>(), filename, more, "[ \t]{0,3}", content(boundary)).prop_map(
        |(name, is_quoted, filename, more_headers, padding, content)| {
            // multer reads an empty name of a file as one.
            let filename = filename.map(|name| name.trim().to_owned());
            Field { name, is_quoted, filename, more_headers, padding, content }
        },
    )
}

fn form() -> impl Strategy<Value = Form> {
    let boundary = "[0-9A-Za-z'()+_,./:=?-]{1,70}";
    boundary.prop_flat_map(|boundary| {
        let fields = prop::collection::vec(part(&boundary), 0..6);
        let preamble = prop_oneof![3 => Just(String::new()), 1 => "[ \r\n]{0,5}\r\n"];
        (Just(boundary), preamble, fields, any::<Vec<u8>>()).prop_map(
            |(boundary, preamble, fields, epilogue)| Form { boundary, preamble, fields, epilogue },
        )
    })
}

impl Form {
    fn content_type(&self) -> String {
        format!("multipart/form-data; boundary=\"{}\"", self.boundary)
    }

    fn body(&self) -> Vec<u8> {
        let mut body = self.preamble.clone().into_bytes();
        for field in &self.fields {
            let filename = field.filename.as_ref();
            let filename =
                filename.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
            let is_quoted = field.is_quoted || field.name != FIELD;
            let quote = if is_quoted { "\"" } else { "" };
            let headers = format!(
                "--{}{}\r\n{}Content-Disposition: form-data; name={quote}{}{quote}{filename}\r\n\r\n",
                self.boundary, field.padding, field.more_headers, field.name,
            );
            body.extend_from_slice(headers.as_bytes());
            body.extend_from_slice(&field.content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{}--", self.boundary).as_bytes());
        body.extend_from_slice(&self.epilogue);
        body
    }

    /// The first field that is not empty, as it was put in.
    fn expected(&self) -> String {
        let mut fields = self.fields.iter().filter(|field| {
            let is_file = field.filename.as_ref().is_some_and(|name| !name.is_empty());
            field.name == FIELD && !is_file && !field.content.is_empty()
        });
        fields.next().map(|field| text(&field.content)).unwrap_or_default()
    }

    /// The same, as multer reads the body.
    async fn read_by_multer(&self) -> multer::Result<String> {
        let body = self.body();
        let mut form = multer::Multipart::with_reader(&*body, &*self.boundary);
        while let Some(field) = form.next_field().await? {
            let is_file = field.file_name().is_some_and(|name| !name.is_empty());
            let is_token = field.name() == Some(FIELD) && !is_file;
            let content = field.bytes().await?;
            if is_token && !content.is_empty() {
                return Ok(text(&content));
            }
        }
        Ok(String::new())
    }
}

fn text(content: &[u8]) -> String {
    what_matters(&String::from_utf8_lossy(content))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn parts_are_read_as_another_library_does(form in form(), cuts in any::<[Index; 6]>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let expected = form.expected();
        prop_assert_eq!(&runtime.block_on(form.read_by_multer()).unwrap(), &expected);
        let (content_type, body) = (form.content_type(), form.body());
        prop_assert_eq!(what_matters(&in_pieces(&content_type, &body, &[])), &*expected);
        prop_assert_eq!(what_matters(&in_pieces(&content_type, &body, &cuts)), &*expected);
        let (found, known) = answer(&content_type, &body);
        prop_assert_eq!(what_matters(&found), &*expected);
        prop_assert!(known.is_some());
    }

    #[test]
    fn pairs_are_read_as_another_library_does(
        pairs in prop::collection::vec((name(), "[ -~é]{0,80}", 0..4_u8), 0..8),
        noise in "[a-z=&+%]{0,20}",
        cuts in any::<[Index; 6]>(),
    ) {
        let pairs = pairs.iter().map(|(name, value, form)| match form {
            0 => form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish(),
            1 => format!("{name}={value}"),
            2 => name.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>() + "=" + value,
            _ => name.clone(),
        });
        let body = format!("{}&{noise}", pairs.collect::<Vec<_>>().join("&"));
        let fields = form_urlencoded::parse(body.as_bytes());
        let expected = fields.filter(|(name, _)| name == FIELD).last();
        let expected = expected.map(|(_, value)| what_matters(&value)).unwrap_or_default();
        prop_assert_eq!(&in_pieces(URL_ENCODED, body.as_bytes(), &cuts), &expected);
        prop_assert_eq!(answer(URL_ENCODED, body.as_bytes()), (expected, None));
    }

    /// Bytes that are no form, or nearly one, give one answer however they are cut.
    #[test]
    fn any_bytes_give_one_answer(
        pieces in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(&[
                "\r", "\n", "\r\n", "--b", "\r\n--b", "\r\n--b\r\n", "\r\n\r\n", "--", " ", "&", "=",
                "Content-Disposition: form-data; name=csrfmiddlewaretoken", "csrfmiddlewaretoken",
                "A: b", "; filename=a", "%63srfmiddlewaretoken=",
            ][..]).prop_map(|piece| piece.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..8),
            1 => (0..300_usize).prop_map(|length| vec![b'a'; length]),
        ], 0..24),
        cuts in any::<[Index; 4]>(),
    ) {
        let body = pieces.concat();
        for content_type in [URL_ENCODED, "multipart/form-data; boundary=b"] {
            let (found, known) = answer(content_type, &body);
            prop_assert_eq!(&in_pieces(content_type, &body, &cuts), &found);
            if let Some(known) = known {
                prop_assert_eq!(&in_pieces(content_type, &body[..known], &[]), &found);
            }
        }
    }
}
