//! Values that are written as text: what they all share.
//!
//! A value such as `90s` or `10.0.0.0/8` is a type of its own, made by its `FromStr` and printed by its
//! `Display`, which are inverses. [`as_text`] gives such a type its place in the configuration: it is read from
//! and written as a string, and the JSON schema says so with examples. [`redact`] hides what must not be printed.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

/// Makes a type with `FromStr` and `Display` a string of the configuration, with examples for the schema.
macro_rules! as_text {
    ($type:ident, [$($example:literal),*]) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::config::text::read(deserializer, &[$($example),*])
            }
        }

        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "examples": [$($example),*] })
            }
        }
    };
}

pub(super) use as_text;

/// Reads what has one form, a text. The first of the examples is shown to whoever gives a table or a number.
pub(super) fn read<'de, D, T>(deserializer: D, examples: &'static [&'static str]) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    deserializer.deserialize_str(OneForm(examples, PhantomData))
}

/// A text.
struct OneForm<T>(&'static [&'static str], PhantomData<T>);

impl<T: FromStr<Err: Display>> Visitor<'_> for OneForm<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")?;
        let mut examples = self.0.iter().filter(|example| !example.is_empty());
        examples.next().map_or(Ok(()), |example| write!(f, " such as \"{example}\""))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// What stands in place of a secret.
const HIDDEN: &str = "****";

/// Hides the user and password of every address in `text`: `https://me:secret@host` becomes `https://****@host`.
///
/// Errs on the side of hiding: an address that is cut by a comma in its password is hidden up to its end, and one
/// without a scheme (`me:secret@host`, which the GOPROXY grammar accepts) is an address too. `path@version` is not.
pub fn redact(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(is_between_addresses).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        shown.push_str(&redact_word(word));
        let between = after.find(|c| !is_between_addresses(c)).unwrap_or(after.len());
        let (between, next) = after.split_at(between);
        shown.push_str(between);
        rest = next;
    }
    shown
}

fn is_between_addresses(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | '|' | '"' | '\'' | '`' | '<' | '>' | '(' | ')')
}

fn redact_word(word: &str) -> String {
    let (scheme, address) = match word.split_once("://") {
        Some((scheme, address)) => (format!("{scheme}://"), address),
        None => (String::new(), word),
    };
    if let Some((user, host)) = address.rsplit_once('@')
        && (!scheme.is_empty() || user.contains(':'))
    {
        return format!("{scheme}{HIDDEN}@{host}");
    }
    let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    let is_cut =
        !scheme.is_empty() && !authority.starts_with('[') && !port.chars().all(|c| c.is_ascii_digit());
    if is_cut { format!("{scheme}{HIDDEN}") } else { word.to_owned() }
}

/// Reads a value that has two forms: a short one as text, and a table with the same meaning.
pub(super) fn text_or_table<'de, D, T, Table>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display> + TryFrom<Table, Error: Display>,
    Table: Deserialize<'de>,
{
    deserializer.deserialize_any(TwoForms(PhantomData::<(T, Table)>))
}

struct TwoForms<T>(PhantomData<T>);

impl<'de, T, Table> Visitor<'de> for TwoForms<(T, Table)>
where
    T: FromStr<Err: Display> + TryFrom<Table, Error: Display>,
    Table: Deserialize<'de>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a table")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let table = Table::deserialize(de::value::MapAccessDeserializer::new(map))?;
        T::try_from(table).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn users_and_passwords_are_hidden_and_nothing_else_is() {
        for (text, shown) in [
            ("https://me:secret@proxy.corp/x,direct", "https://****@proxy.corp/x,direct"),
            ("me:secret@proxy.corp|https://b@c", "****@proxy.corp|https://****@c"),
            ("bad address \"https://me:sec,ret@host\"", "bad address \"https://****,ret@host\""),
            ("https://me:a/b@host", "https://****@host"),
            (
                "https://proxy.corp:8443/x, example.com/m@v1.0.0",
                "https://proxy.corp:8443/x, example.com/m@v1.0.0",
            ),
            ("http://[::1]:80/", "http://[::1]:80/"),
        ] {
            assert_eq!(redact(text), shown);
        }
    }
}
