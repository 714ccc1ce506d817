//! What a template finds under `csrf_token` and `csrf_input`.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};
use minijinja::{AutoEscape, Error, ErrorKind, Output, State, escape_formatter};

use super::Request;
use crate::csrf::CsrfToken;

/// What stands for the token. It is asked for when it is written, and not before.
#[derive(Debug)]
struct Lazy {
    token: CsrfToken,
    /// With the hidden field around it.
    field: bool,
}

impl Lazy {
    fn get(&self) -> String {
        if self.field { self.token.input() } else { self.token.get() }
    }
}

impl Object for Lazy {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // So do `debug()` and the `Debug` of errors look at what a template uses.
        if f.alternate() {
            return f.write_str("CsrfToken(..)");
        }
        f.write_str(&self.get())
    }
}

/// Writes values as minijinja does, and the hidden field as it is: only texts can be marked as safe
/// there, and it is none before it is written.
pub(super) fn format(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    match value.downcast_object_ref::<Lazy>() {
        Some(lazy) if *state.auto_escape() == AutoEscape::Html => {
            out.write_str(&lazy.get()).map_err(Error::from)
        }
        _ => escape_formatter(out, state, value),
    }
}

/// What a template sees: a context, with both names over it.
#[derive(Debug)]
struct Context {
    values: Value,
    token: Value,
    input: Value,
}

/// This context with the token of this request. Where there is none, an error stands in its place,
/// and comes up when the template looks there.
pub(super) fn with_token(context: Value, request: &Request) -> Value {
    // An error that came about while it was made.
    if context.kind() == ValueKind::Invalid {
        return context;
    }
    let (token, input) = match request {
        Request::Token(token) => {
            let lazy = |field| Value::from_object(Lazy { token: token.clone(), field });
            (lazy(false), lazy(true))
        }
        Request::Nothing => (Value::from(no_request()), Value::from(no_request())),
        Request::NoLayer => (Value::from(no_layer()), Value::from(no_layer())),
    };
    Value::from_object(Context { values: context, token, input })
}

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "csrf_token" => Some(self.token.clone()),
            "csrf_input" => Some(self.input.clone()),
            _ => self.values.as_object()?.get_value_by_str(key),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let values = self.values.try_iter().into_iter().flatten();
        Enumerator::Iter(Box::new(values.chain(["csrf_token", "csrf_input"].map(Value::from))))
    }
}

fn no_request() -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        "the page has a CSRF token, and its `Templates` belong to no request: let the handler take \
         `templates: Templates` in the place of `State<Templates>`",
    )
}

fn no_layer() -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        "the page has a CSRF token, and no `CsrfLayer` stands around its route: put \
         `.layer(CsrfLayer::new(..)?)` after the last `.route(..)`, or serve the router with \
         `Site`, which does it for you",
    )
}
