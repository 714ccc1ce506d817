//! Writes values as Python's `json.dumps(value, separators=(",", ":"))` does.
//!
//! `serde_json` would write `NaN` and the infinities as `null`, and the value would be lost without
//! a word.

use std::fmt::{Display, Write as _};

use serde::Serialize;
use serde::ser::{self, Error as _, SerializeMap, Serializer};
use serde_json::Error;

use super::{check, push_quoted, unquote};

/// By these names `serde_json` passes on what is JSON text already: its `RawValue`, and its numbers
/// where some crate in the program has switched on `arbitrary_precision`.
const SERDE_JSON_TEXT: &str = "$serde_json::private::";

/// The JSON text of a value, in ASCII and without spaces.
pub(crate) fn to_text<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    let mut text = String::with_capacity(64);
    value.serialize(Writer { text: &mut text })?;
    Ok(text)
}

struct Writer<'a> {
    text: &'a mut String,
}

impl<'a> Writer<'a> {
    fn display(self, value: impl Display) -> Result<(), Error> {
        write!(self.text, "{value}").map_err(Error::custom)
    }

    fn float(self, value: f64, shortest: impl std::fmt::Debug) -> Result<(), Error> {
        if value.is_nan() {
            self.text.push_str("NaN");
        } else if value.is_infinite() {
            self.text.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
        } else {
            // With a point or an exponent: a float stays a float.
            push_python_float(self.text, &format!("{shortest:?}"));
        }
        Ok(())
    }

    fn open(self, opening: &str, closing: &'static str) -> Compound<'a> {
        self.text.push_str(opening);
        Compound { text: self.text, closing, is_empty: true, is_text: false }
    }

    /// `{"variant":` and what follows; serde's usual form of an enum in JSON.
    fn open_variant(self, variant: &str, opening: &str, closing: &'static str) -> Compound<'a> {
        self.text.push('{');
        push_quoted(self.text, variant);
        self.text.push(':');
        self.open(opening, closing)
    }
}

/// Python writes the exponent with a sign and two digits at least: `1e+16`, `1e-07`.
fn push_python_float(text: &mut String, rust: &str) {
    let Some((digits, exponent)) = rust.split_once('e') else { return text.push_str(rust) };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    // Writing to a string cannot fail.
    let _ = write!(text, "{digits}e{sign}{exponent:0>2}");
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.display(value)
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.display(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.display(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.display(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.display(value)
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        self.display(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.display(value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.display(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.display(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.display(value)
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        self.display(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.float(value.into(), value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.float(value, value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        push_quoted(self.text, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.text.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let mut object = self.open("{", "}");
        SerializeMap::serialize_entry(&mut object, variant, value)?;
        SerializeMap::end(object)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'a>, Error> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'a>, Error> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, Error> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Error> {
        Ok(self.open_variant(variant, "[", "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'a>, Error> {
        Ok(self.open("{", "}"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'a>, Error> {
        if name.starts_with(SERDE_JSON_TEXT) {
            return Ok(Compound { is_text: true, ..self.open("", "") });
        }
        Ok(self.open("{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Error> {
        Ok(self.open_variant(variant, "{", "}}"))
    }
}

/// A list or an object that is being written.
struct Compound<'a> {
    text: &'a mut String,
    closing: &'static str,
    is_empty: bool,
    /// Its one field is a JSON text.
    is_text: bool,
}

impl Compound<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.comma();
        value.serialize(Writer { text: self.text })
    }

    fn comma(&mut self) {
        if !self.is_empty {
            self.text.push(',');
        }
        self.is_empty = false;
    }

    fn json_text<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let text = unquote(&to_text(value)?).unwrap_or_default();
        self.text.push_str(&check(&text).map_err(Error::custom)?);
        Ok(())
    }

    fn close(self) -> Result<(), Error> {
        self.text.push_str(self.closing);
        Ok(())
    }
}

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = Error;

    /// Keys are texts: numbers and booleans become texts as in Python.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.comma();
        let key = to_text(key)?;
        match key.as_bytes().first() {
            Some(b'"') => self.text.push_str(&key),
            Some(b'[' | b'{') => return Err(Error::custom("a key must be a text or a number")),
            _ => push_quoted(self.text, &key),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.text.push(':');
        value.serialize(Writer { text: self.text })
    }

    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

/// The other six traits of serde say the same in other words.
macro_rules! same_as {
    (items: $($of:ident::$item:ident),+; fields: $($struct:ident),+) => {
        $(impl ser::$of for Compound<'_> {
            type Ok = ();
            type Error = Error;

            fn $item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.item(value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        })+
        $(impl ser::$struct for Compound<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                if self.is_text {
                    return self.json_text(value);
                }
                self.serialize_entry(key, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        })+
    };
}

same_as! {
    items: SerializeSeq::serialize_element, SerializeTuple::serialize_element,
        SerializeTupleStruct::serialize_field, SerializeTupleVariant::serialize_field;
    fields: SerializeStruct, SerializeStructVariant
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    enum Shape {
        Unit,
        New(u8),
        Tuple(u8, f32),
        Struct { side: Option<u8> },
    }

    #[test]
    fn text_is_what_python_writes() {
        let write = |value: &dyn Fn() -> Result<String, Error>| value().unwrap();
        assert_eq!(
            write(&|| to_text("Zoë ☃ 😀\x7f\n\"")),
            r#""Zo\u00eb \u2603 \ud83d\ude00\u007f\n\"""#
        );
        let numbers = (1.0, -0.0, 2.5, None::<u8>, true, 0.1_f32, i128::MIN, 'é');
        assert_eq!(
            write(&|| to_text(&numbers)),
            r#"[1.0,-0.0,2.5,null,true,0.1,-170141183460469231731687303715884105728,"\u00e9"]"#
        );
        let exponents = [1e16, -1.5e300, 1e-7, 1e-5, 1e-4, 5e-324];
        assert_eq!(write(&|| to_text(&exponents)), "[1e+16,-1.5e+300,1e-07,1e-05,0.0001,5e-324]");
        let infinite = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        assert_eq!(write(&|| to_text(&infinite)), "[NaN,Infinity,-Infinity]");
        let map = BTreeMap::from([(2, "b"), (10, "a")]);
        assert_eq!(write(&|| to_text(&map)), r#"{"2":"b","10":"a"}"#);
        assert!(to_text(&BTreeMap::from([([1], 1)])).is_err());
    }

    /// As `serde_json` hands over its own `RawValue` and `Number`.
    #[test]
    fn what_is_json_text_already_stays_it() {
        struct Raw(&'static str);
        impl Serialize for Raw {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct as _;
                let mut raw = serializer.serialize_struct("$serde_json::private::RawValue", 1)?;
                raw.serialize_field("$serde_json::private::RawValue", self.0)?;
                raw.end()
            }
        }
        assert_eq!(to_text(&[Raw("{\"é\": 1e400}")]).unwrap(), "[{\"\\u00e9\": 1e400}]");
        assert!(to_text(&Raw("no JSON")).is_err());
    }

    /// Any other value reads as what `serde_json` would have written.
    #[test]
    fn shapes_are_serdes_own() {
        let shapes =
            [Shape::Unit, Shape::New(1), Shape::Tuple(1, 2.0), Shape::Struct { side: Some(3) }];
        let text = r#"["Unit",{"New":1},{"Tuple":[1,2.0]},{"Struct":{"side":3}}]"#;
        assert_eq!(to_text(&shapes).unwrap(), text);
        assert_eq!(to_text(&shapes).unwrap(), serde_json::to_string(&shapes).unwrap());
        assert_eq!(to_text(&((), [(); 0], BTreeMap::<u8, u8>::new())).unwrap(), "[null,[],{}]");
    }
}
