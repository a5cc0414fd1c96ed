//! A JSON object with nothing hidden in it: a map only, each field once, none that was not asked for.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// The fields of an object in their order, repeats included. A derived `Deserialize` would also take an array for the object.
pub(super) struct Object(Vec<(String, Value)>);

/// What is wrong with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    NotAnObject,
    Duplicate,
    Unknown,
    Missing,
}

impl Object {
    /// Reads an object that has exactly the fields `names`.
    pub(super) fn parse<const N: usize>(
        bytes: &[u8],
        names: [&str; N],
    ) -> Result<[Value; N], Shape> {
        let Self(mut fields) = serde_json::from_slice(bytes).map_err(|_| Shape::NotAnObject)?;
        let repeated = |(i, (name, _)): (usize, &(String, Value))| {
            fields[..i].iter().any(|(earlier, _)| earlier == name)
        };
        if fields.iter().enumerate().any(repeated) {
            return Err(Shape::Duplicate);
        }
        if fields
            .iter()
            .any(|(name, _)| !names.contains(&name.as_str()))
        {
            return Err(Shape::Unknown);
        }
        let mut out = [const { Value::Null }; N];
        for (slot, name) in out.iter_mut().zip(names) {
            let (_, value) = fields
                .iter_mut()
                .find(|(n, _)| n == name)
                .ok_or(Shape::Missing)?;
            *slot = value.take();
        }
        Ok(out)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}
