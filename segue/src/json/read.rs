//! Reads values from JSON text, `NaN` and the infinities included, at any depth.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;

use super::Scanner;

/// As deep as `serde_json` goes, so that no text overflows the stack.
const MAX_DEPTH: u8 = 128;

/// Reads a value from JSON text as Python writes it.
pub(crate) fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).or_else(|error| {
        // Hardly any session holds one of them; all others are left to `serde_json` alone.
        if text.contains("NaN") || text.contains("Infinity") {
            T::deserialize(Text { text, depth: 0, is_key: false })
        } else {
            Err(error)
        }
    })
}

/// A piece of JSON text that is one value, or one key.
#[derive(Clone, Copy)]
struct Text<'a> {
    text: &'a str,
    depth: u8,
    is_key: bool,
}

impl<'a> Text<'a> {
    fn within(self, text: &'a str) -> Self {
        Self { text, depth: self.depth + 1, is_key: false }
    }

    fn word(self) -> Option<f64> {
        match self.text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        }
    }

    fn check_depth(self) -> Result<(), Error> {
        if self.depth < MAX_DEPTH { Ok(()) } else { Err(Error::custom("nested too deeply")) }
    }

    fn items(self) -> Result<Vec<Self>, Error> {
        self.check_depth()?;
        let mut items = Vec::new();
        Scanner::new(self.text)
            .list(|item| items.push(self.within(&self.text[item])))
            .map_err(Error::custom)?;
        Ok(items)
    }

    fn members(self) -> Result<Vec<(Self, Self)>, Error> {
        self.check_depth()?;
        let mut members = Vec::new();
        Scanner::new(self.text)
            .object(|key, value| {
                let key = Self { is_key: true, ..self.within(&self.text[key]) };
                members.push((key, self.within(&self.text[value])));
            })
            .map_err(Error::custom)?;
        Ok(members)
    }

    fn is(self, opening: char) -> bool {
        self.text.starts_with(opening)
    }
}

impl<'de> IntoDeserializer<'de, Error> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Numbers may be the keys of a map: then they stand in quotes.
macro_rules! numbers {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match (self.is_key, self.word()) {
                (false, Some(float)) => visitor.visit_f64(float),
                (false, None) => serde_json::Deserializer::from_str(self.text).$method(visitor),
                (true, _) => {
                    let number = self.text.trim_matches('"');
                    serde_json::Deserializer::from_str(number).$method(visitor)
                }
            }
        })+
    };
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is('[') {
            let mut items = SeqDeserializer::new(self.items()?.into_iter());
            let value = visitor.visit_seq(&mut items)?;
            items.end()?;
            return Ok(value);
        }
        if self.is('{') {
            let mut members = MapDeserializer::new(self.members()?.into_iter());
            let value = visitor.visit_map(&mut members)?;
            members.end()?;
            return Ok(value);
        }
        match self.word() {
            Some(float) => visitor.visit_f64(float),
            None => serde_json::Deserializer::from_str(self.text).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.text == "null" { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.is('{') {
            let members = self.members()?;
            if members.len() != 1 {
                return Err(Error::custom("a variant is an object of one key"));
            }
            let members = MapDeserializer::new(members.into_iter());
            return visitor.visit_enum(MapAccessDeserializer::new(members));
        }
        serde_json::Deserializer::from_str(self.text).deserialize_enum(name, variants, visitor)
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_bool
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::super::to_text;
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Unit,
        New(f64),
        Tuple(u8, f64),
        Struct { a: Option<f64> },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        infinite: f64,
        some: Option<f64>,
        none: Option<f64>,
        kinds: Vec<Kind>,
        by_number: BTreeMap<u32, f64>,
        by_name: BTreeMap<String, (i128, char, bool)>,
        text: String,
        unit: (),
    }

    #[test]
    fn what_is_written_is_read() {
        let value = Everything {
            infinite: f64::INFINITY,
            some: Some(f64::NEG_INFINITY),
            none: None,
            kinds: vec![
                Kind::Unit,
                Kind::New(f64::INFINITY),
                Kind::Tuple(7, 1.5),
                Kind::Struct { a: Some(f64::INFINITY) },
            ],
            by_number: BTreeMap::from([(3, f64::INFINITY), (4, 0.1)]),
            by_name: BTreeMap::from([("Infinity, é".to_owned(), (i128::MIN, 'x', true))]),
            text: "NaN \"quoted\"".to_owned(),
            unit: (),
        };
        let text = to_text(&value).unwrap();
        assert!(serde_json::from_str::<Everything>(&text).is_err(), "not a matter of serde_json");
        assert_eq!(from_text::<Everything>(&text).unwrap(), value);
        assert!(from_text::<Vec<f64>>("[NaN, 1]").unwrap()[0].is_nan());
        assert!(from_text::<Option<f64>>("NaN").unwrap().unwrap().is_nan());
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert!(from_text::<u8>("NaN").is_err());
        assert!(from_text::<(f64, f64)>("[NaN,1,2]").is_err());
        assert!(from_text::<Kind>("{\"New\":NaN,\"More\":1}").is_err());
        assert!(from_text::<Vec<f64>>("[NaN").is_err());
        let deep = format!("{}NaN{}", "[".repeat(200), "]".repeat(200));
        assert!(from_text::<serde_json::Value>(&deep).is_err());
    }
}
