//! The documents that are made of the types: `docs/configure.md` and `docs/larder.schema.json`.
//!
//! `larder config reference NAME` prints them; a test fails when they are older than the types.

use serde_json::{Map, Value, json};

use super::environment::GO_VARIABLES;
use super::keys::{Key, Keys, Kind, schema};

/// The JSON schema of the configuration file, for editors.
pub fn json_schema() -> String {
    let mut schema = schema();
    for key in Keys::of_config().all() {
        if let Some(Value::Object(field)) = schema.pointer_mut(&place(key)) {
            publish(key, field);
        }
    }
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text + "\n"
}

/// Makes the schema of one key say all that its reader accepts, and takes out our own notes.
fn publish(key: &Key, field: &mut Map<String, Value>) {
    if field.contains_key("x-default") {
        field.remove("default");
    }
    field.retain(|name, _| !name.starts_with("x-"));
    if key.is_list() {
        field.insert("type".to_owned(), json!(["array", "string"]));
    }
    if let (Kind::Tables(_), Some(items)) = (&key.kind, field.get("items").cloned()) {
        field.insert("items".to_owned(), json!({ "anyOf": [items, { "type": "string" }] }));
    }
}

/// A configuration file to begin with; a test loads it.
pub const EXAMPLE: &str = r#"listen = ["127.0.0.1:3000"]
data = "/srv/larder"
upstream = "https://proxy.golang.org,direct"
private = ["*.corp.example.com"]

# Modules of the company come from its version control, whatever `upstream` says.
[[route]]
match = ["*.corp.example.com"]
upstream = "direct"

[network]
allow = ["10.0.0.0/8"]

[cache]
fresh = "2m"
memory = "256MiB"

[log]
format = "json"
"#;

/// What stands above the keys.
const INTRODUCTION: &str = "\
# Configuration

<!-- Made of the types by `larder config reference configure.md`. Do not edit. -->

Larder runs without any configuration. What you set comes from these layers, each beating those above it:

1. defaults
2. what the surroundings say to every program: Go's own variables (listed below) and `STATE_DIRECTORY`
3. one TOML file: the one named by `--config` or `LARDER_CONFIG`, else the first that exists of
   `larder/larder.toml` in the user's configuration directory (`$XDG_CONFIG_HOME`, `~/.config`) and
   `/etc/larder/larder.toml`
4. `PORT` (that port of every address) and variables: `LARDER_` and the key in capitals, with `_` for each dot
5. flags: `--set KEY=VALUE` for any key, and flags of their own for the everyday ones

A list is replaced as a whole by a higher layer; flags of one list add up. In variables and flags the entries of
a list are separated by commas (those of `route`, `vanity` and `credential` by semicolons). An empty variable counts
as unset.

A running server reads the file again when it changes, at SIGHUP, and when it is asked to. What is in the
environment or in flags stays as it was at the start. Changes count at once, but for the keys that say otherwise
below; a file with mistakes changes nothing.

`larder config show` prints every value and where it came from, `larder config check` all mistakes at once, with
line, reason and what to write. An unknown key or `LARDER_` variable is a mistake. Variables that Kubernetes sets
for a service called `larder` (`LARDER_SERVICE_HOST`, `LARDER_PORT_3000_TCP`, ...) are passed over.

Durations are written with their unit (`500ms`, `90s`, `10m`, `1h30m`, `7d`), sizes too (`512B`, `32KiB`,
`64MiB`, `2GiB`). Patterns are those of GOPRIVATE: `*.corp.example.com/team-*` is compared with as many leading
elements of the module path as it has itself. Passwords in addresses (`https://user:password@host`) are never
printed; set them in the environment or in a file that only the server may read. Settings for secrets do not hold
them: they name a file, by a path that begins with `/` or `./`, which others may not read (`chmod o=`), or a
variable, `env:NAME`. Files of secrets are read again when they change.

`docs/larder.schema.json` is the schema of the file, for editors.

";

/// The reference of all keys, in Markdown.
pub fn configure_md() -> String {
    let mut pieces = vec![INTRODUCTION.to_owned()];
    pieces.push(format!("## An example\n\n```toml\n{EXAMPLE}```\n\n## Variables of others\n\n"));
    pieces.push(
        "`GOPROXY` and `GOSUMDB` are never read: on most machines they point at this server.\n\n".to_owned(),
    );
    pieces.push("| Variable | sets |\n| --- | --- |\n".to_owned());
    pieces.extend(GO_VARIABLES.map(|(variable, key)| format!("| `{variable}` | `{key}` |\n")));
    pieces.push(
        "| `STATE_DIRECTORY` | `data` |\n| `LISTEN_FDS` | `listen` |\n| `PORT` | `listen` |\n\n## General\n"
            .to_owned(),
    );
    let schema = schema();
    let keys = Keys::of_config();
    let mut section = "";
    for key in keys.all() {
        let (of, _) = key.name.rsplit_once('.').unwrap_or_default();
        if of != section {
            section = of;
            let about = schema.pointer(&format!("/properties/{of}/description")).and_then(Value::as_str);
            pieces.push(format!("\n## `[{of}]`\n\n{}\n", about.unwrap_or_default()));
        }
        pieces.push(entry(key, &schema));
    }
    pieces.concat()
}

/// The part of one key: its documentation, its default, its other names, examples, the fields of its tables.
fn entry(key: &Key, schema: &Value) -> String {
    let default = match key.default.as_str() {
        "" => "empty".to_owned(),
        words if key.is_in_words => words.to_owned(),
        value => format!("`{value}`"),
    };
    let flag = key.flag().unwrap_or_else(|| format!("--set {}=", key.name));
    let mut pieces = vec![format!("\n### `{}`\n\n{}\n\n", key.name, key.description)];
    let restart = if key.needs_restart { " A change needs a restart." } else { "" };
    pieces.push(format!("Default: {default}. Variable: `{}`. Flag: `{flag}`.{restart}\n", key.environment()));
    let field = schema.pointer(&place(key)).unwrap_or(&Value::Null);
    let examples =
        field.get("examples").or_else(|| field.pointer("/items/examples")).and_then(Value::as_array);
    let examples = examples.into_iter().flatten().filter_map(Value::as_str).filter(|text| !text.is_empty());
    let examples: Vec<_> = examples.map(|text| format!("`{text}`")).collect();
    if !examples.is_empty() {
        pieces.push(format!("Examples: {}.\n", examples.join(", ")));
    }
    if let Some(fields) = field.pointer("/items/properties").and_then(Value::as_object) {
        pieces.push("\n".to_owned());
        pieces.extend(fields.iter().map(|(name, field)| {
            let about = field.get("description").and_then(Value::as_str).unwrap_or_default();
            format!("- `{name}`: {}\n", about.replace('\n', "\n  "))
        }));
    }
    pieces.concat()
}

/// Where a key stands in the schema.
fn place(key: &Key) -> String {
    format!("/properties/{}", key.name.replace('.', "/properties/"))
}
