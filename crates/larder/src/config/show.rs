//! A configuration as it is shown: each key, its value without secrets, and where it came from.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::keys::{Keys, plain};
use super::layers::{Loaded, Origin};

/// One line of what is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The key.
    pub key: String,
    /// Its value without secrets, in its form in JSON.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

impl Loaded {
    /// All keys with their values and origins, in the order of the documentation. Passwords are hidden: the types
    /// that may hold one print `****` for it, also here.
    pub fn rows(&self) -> Vec<Row> {
        let values = serde_json::to_value(&self.config).unwrap_or_default();
        let row = |key: &super::Key| {
            let value =
                values.pointer(&format!("/{}", key.name.replace('.', "/"))).cloned().unwrap_or_default();
            let origin = self.origins.get(&key.name).cloned().unwrap_or(Origin::Default);
            Row { key: key.name.clone(), value, origin }
        };
        Keys::of_config().all().iter().map(row).collect()
    }

    /// The rows as one JSON object: `{"cache.fresh": {"value": "1m", "from": "default"}, ...}`.
    pub fn to_json(&self) -> Value {
        let entry = |row: Row| (row.key, json!({ "value": row.value, "from": row.origin.to_string() }));
        Value::Object(self.rows().into_iter().map(entry).collect::<Map<_, _>>())
    }

    /// The rows as an aligned table.
    pub fn to_table(&self) -> String {
        let rows = self.rows().into_iter().map(|row| (row.key, plain(&row.value), row.origin.to_string()));
        let rows: Vec<_> = rows.collect();
        let widest = |of: fn(&(String, String, String)) -> &str, most: usize| {
            rows.iter().map(|row| of(row).chars().count()).filter(|width| *width <= most).max().unwrap_or(0)
        };
        // A long value breaks the line it stands on, not the table.
        let (keys, values) = (widest(|row| &row.0, 40), widest(|row| &row.1, 44));
        let mut table = String::new();
        for (key, value, origin) in &rows {
            let value = if value.is_empty() { "-" } else { value };
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{key:keys$}  {value:values$}  {origin}");
        }
        table
    }
}
