//! The TOML file: its values with the lines they stand on.

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Layer;
use super::keys::{Key, Keys, Kind};
use super::layers::{Given, Origin, TextFile};
use super::mistake::Mistake;
use super::suggest::nearest;

/// Reads the file. What is wrong with it goes to `mistakes`; the rest is still read, so that all is reported.
pub(super) fn layer(file: &TextFile, keys: &Keys, mistakes: &mut Vec<Mistake>) -> Layer {
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    let mut reader = Reader { file, keys, mistakes: Vec::new(), layer: Layer::new() };
    for error in errors {
        let at = reader.origin(error.span().map_or(0, |span| span.start));
        reader.mistakes.push(Mistake::Syntax { at, reason: error.message().to_owned() });
    }
    reader.table("", table.get_ref());
    mistakes.append(&mut reader.mistakes);
    reader.layer
}

struct Reader<'a> {
    file: &'a TextFile,
    keys: &'a Keys,
    mistakes: Vec<Mistake>,
    layer: Layer,
}

type Entry<'i> = (&'i Spanned<std::borrow::Cow<'i, str>>, &'i Spanned<DeValue<'i>>);

impl Reader<'_> {
    /// The place of a byte of the file. Lines count from 1.
    fn origin(&self, offset: usize) -> Origin {
        let before = self.file.text.get(..offset).unwrap_or_default();
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        Origin::File { name: self.file.name.clone(), line }
    }

    /// Reads the keys of the whole file (`section` is empty) or of one section.
    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for entry in table {
            let field = entry.0.get_ref();
            let name = if section.is_empty() { field.to_string() } else { format!("{section}.{field}") };
            if let Some(key) = self.keys.find(&name) {
                self.value(key, entry);
            } else if !self.keys.is_section(&name) {
                let names = self.keys.all().iter().map(|key| key.name.as_str()).chain(self.keys.sections());
                let meant = nearest(&name, names).map(str::to_owned);
                let at = self.origin(entry.0.span().start);
                self.mistakes.push(Mistake::Unknown { at, name, meant });
            } else if let DeValue::Table(table) = entry.1.get_ref() {
                self.table(&name, table);
            } else {
                self.unfit(&name, entry.1, format!("is a section; write [{name}], and its keys below"));
            }
        }
    }

    fn unfit(&mut self, key: &str, value: &Spanned<DeValue<'_>>, reason: String) {
        let at = self.origin(value.span().start);
        self.mistakes.push(Mistake::Unfit { at, key: key.to_owned(), reason });
    }

    /// Reads the value of one key.
    fn value(&mut self, key: &Key, (name, value): Entry<'_>) {
        let origin = self.origin(name.span().start);
        let given = match (&key.kind, value.get_ref()) {
            (Kind::List | Kind::Tables(_), DeValue::Array(entries)) => {
                let parts = entries.iter().map(|entry| self.origin(entry.span().start)).collect();
                let entries = entries.iter().map(|entry| self.entry(key, entry)).collect();
                Ok(Given { value: Value::Array(entries), origin, parts })
            }
            (Kind::List | Kind::Tables(_), DeValue::String(text)) => {
                key.read(text).map(|value| Given::new(value, origin))
            }
            (Kind::Text, DeValue::String(text)) => Ok(Given::new(text.as_ref().into(), origin)),
            (Kind::Truth, DeValue::Boolean(truth)) => Ok(Given::new((*truth).into(), origin)),
            (Kind::Number, DeValue::Integer(_)) => match json(value.get_ref()) {
                Some(number) => Ok(Given::new(number, origin)),
                None => Err("the number is too large".to_owned()),
            },
            (kind, other) => Err(format!("is {} here; write {}", named(other), wanted(kind))),
        };
        match given {
            Ok(given) => drop(self.layer.insert(key.name.clone(), given)),
            Err(reason) => self.unfit(&key.name, value, reason),
        }
    }

    /// Reads one entry of a list. Fields of a table that do not exist are reported, and left out so that they are
    /// not reported twice.
    fn entry(&mut self, key: &Key, entry: &Spanned<DeValue<'_>>) -> Value {
        let (Kind::Tables(fields), DeValue::Table(table)) = (&key.kind, entry.get_ref()) else {
            return json(entry.get_ref()).unwrap_or_default();
        };
        let mut known = Map::new();
        for (field, value) in table {
            let field_name = field.get_ref().to_string();
            if fields.contains(&field_name) {
                known.insert(field_name, json(value.get_ref()).unwrap_or_default());
            } else {
                let meant = nearest(&field_name, fields.iter().map(String::as_str));
                let meant = meant.map(|meant| format!("{}.{meant}", key.name));
                let at = self.origin(field.span().start);
                self.mistakes.push(Mistake::Unknown {
                    at,
                    name: format!("{}.{field_name}", key.name),
                    meant,
                });
            }
        }
        Value::Object(known)
    }
}

/// The same value in the form that all layers are brought into; `None` for a number that does not fit.
fn json(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(text.as_ref().into()),
        DeValue::Boolean(truth) => Some((*truth).into()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::from)
        }
        DeValue::Float(number) => Some(number.as_str().into()),
        DeValue::Datetime(time) => Some(time.to_string().into()),
        DeValue::Array(entries) => entries.iter().map(|entry| json(entry.get_ref())).collect(),
        DeValue::Table(fields) => {
            let fields =
                fields.iter().map(|(name, value)| Some((name.get_ref().to_string(), json(value.get_ref())?)));
            fields.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
    }
}

/// What stands in the file, in words.
fn named(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// What should stand there, in words.
fn wanted(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text => "text in quotes, a duration or size with its unit such as \"90s\" or \"64MiB\"",
        Kind::Number => "a whole number without quotes",
        Kind::Truth => "true or false without quotes",
        Kind::List => "a list such as [\"one\", \"two\"]",
        Kind::Tables(_) => "a table in double brackets, such as [[route]], or a list of texts",
    }
}
