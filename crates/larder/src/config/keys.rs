//! The keys of the configuration, read off the types by way of their JSON schema.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::Config;
use super::text::redact;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, in a grammar of its own.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Truth,
    /// A list of texts.
    List,
    /// A list of tables with these fields, each of which can also be written as text.
    Tables(Vec<String>),
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name, with a dot behind its section: `cache.fresh`.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// The documentation of its field.
    pub description: String,
    /// Its default in words or as text; empty when it is an empty list or text.
    pub default: String,
    /// Whether the default is words about where it comes from, not a value.
    pub is_in_words: bool,
    /// Whether it has a flag of its own.
    pub has_flag: bool,
    /// Whether a change counts from the next start only.
    pub needs_restart: bool,
    /// What stands between the entries of a list that is written as text.
    pub separator: char,
}

impl Key {
    /// The name of its environment variable: `LARDER_CACHE_FRESH`.
    pub fn environment(&self) -> String {
        format!("LARDER_{}", self.name.to_uppercase().replace('.', "_"))
    }

    /// The name of its flag, if it has one: `--log-format`.
    pub fn flag(&self) -> Option<String> {
        self.has_flag.then(|| format!("--{}", self.name.replace(['.', '_'], "-")))
    }

    /// Whether it holds a list.
    pub fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List | Kind::Tables(_))
    }

    /// Turns text from a variable or a flag into the value the types are read from. Entries of lists are trimmed
    /// and empty ones left out.
    ///
    /// # Errors
    ///
    /// What the text should have been.
    pub(super) fn read(&self, text: &str) -> Result<Value, String> {
        match self.kind {
            Kind::Text => Ok(text.into()),
            Kind::Number => match text.parse::<i64>() {
                Ok(number) => Ok(number.into()),
                Err(_) => Err(format!("`{text}` is not a whole number")),
            },
            Kind::Truth => match text {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err(format!("`{text}` is neither `true` nor `false`")),
            },
            Kind::List | Kind::Tables(_) => {
                let entries = text.split(self.separator).map(str::trim);
                Ok(entries.filter(|entry| !entry.is_empty()).collect())
            }
        }
    }
}

/// All keys, in the order of the fields.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// The keys of [`Config`].
    pub fn of_config() -> Self {
        let mut keys = Vec::new();
        collect("", schema().as_object(), &mut keys);
        Self(keys)
    }

    /// All of them.
    pub fn all(&self) -> &[Key] {
        &self.0
    }

    /// The key of this name.
    pub fn find(&self, name: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.name == name)
    }

    /// The key with this environment variable.
    pub fn find_by_environment(&self, variable: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.environment() == variable)
    }

    /// Whether keys stand below this name: `cache`.
    pub fn is_section(&self, name: &str) -> bool {
        self.sections().any(|section| section == name)
    }

    /// The names keys stand below, each as often as it has keys.
    pub(super) fn sections(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.iter().filter_map(|key| key.name.rsplit_once('.').map(|(section, _)| section))
    }
}

/// The schema of [`Config`] in one piece, with our own notes in it (`x-flag`, `x-default`, `x-restart`,
/// `x-separator`).
pub(super) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Config>().to_value()
}

/// Adds the keys of one object of the schema, and of the objects in it.
fn collect(section: &str, schema: Option<&Map<String, Value>>, keys: &mut Vec<Key>) {
    let Some(properties) = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object)
    else {
        return;
    };
    for (field, schema) in properties {
        let name = if section.is_empty() { field.clone() } else { format!("{section}.{field}") };
        if schema.get("properties").is_some() {
            collect(&name, schema.as_object(), keys);
        } else {
            keys.push(key(name, schema));
        }
    }
}

fn key(name: String, schema: &Value) -> Key {
    let text = |name: &str| schema.get(name).and_then(Value::as_str).map(str::to_owned);
    let default = text("x-default").or_else(|| schema.get("default").map(plain));
    Key {
        name,
        kind: kind(schema),
        description: text("description").unwrap_or_default(),
        default: default.unwrap_or_default(),
        is_in_words: schema.get("x-default").is_some(),
        has_flag: schema.get("x-flag").is_some(),
        needs_restart: schema.get("x-restart").is_some(),
        separator: text("x-separator").and_then(|separator| separator.chars().next()).unwrap_or(','),
    }
}

fn kind(schema: &Value) -> Kind {
    let fields = schema.pointer("/items/properties").and_then(Value::as_object);
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => Kind::Number,
        Some("boolean") => Kind::Truth,
        Some("array") => match fields {
            Some(fields) => Kind::Tables(fields.keys().cloned().collect()),
            None => Kind::List,
        },
        _ => Kind::Text,
    }
}

/// A value as a person would write it in a flag, without secrets: lists with commas, a table of one filled field
/// as that field.
pub(super) fn plain(value: &Value) -> String {
    let words = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(entries) => entries.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let filled = fields.iter().map(|(name, value)| (name, plain(value)));
            let filled: Vec<_> = filled.filter(|(_, value)| !value.is_empty()).collect();
            match filled.as_slice() {
                [(_, value)] => value.clone(),
                _ => {
                    filled.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(" ")
                }
            }
        }
        other => other.to_string(),
    };
    redact(&words)
}
