//! The layers, and how they become one configuration.
//!
//! Every layer brings its values into one form (JSON values by key). Each value is tried alone on top of the
//! defaults, so that its error can be told with its place; then the highest layer's values are read together.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::check;
use super::environment::{self, Environment};
use super::file;
use super::keys::Keys;
use super::mistake::{Mistake, Mistakes};
use super::suggest::nearest;
use super::{Config, Layer};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// It follows another key.
    Follows {
        /// That key.
        key: &'static str,
    },
    /// A line of the configuration file.
    File {
        /// The file's name, as it was named.
        name: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A flag.
    Flag {
        /// The flag, with its dashes.
        flag: String,
    },
}

impl Origin {
    /// The place without the word before it, as mistakes begin: `larder.toml:12`, `LARDER_UPSTREAM`, `--upstream`.
    pub fn place(&self) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::Follows { key } => (*key).to_owned(),
            Self::File { name, line } => format!("{name}:{line}"),
            Self::Environment { variable } => variable.clone(),
            Self::Flag { flag } => flag.clone(),
        }
    }

    /// The line, if it is one of a file.
    pub(super) fn line(&self) -> Option<usize> {
        if let Self::File { line, .. } = self { Some(*line) } else { None }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Follows { key } => write!(f, "as {key}"),
            Self::File { .. } => write!(f, "file {}", self.place()),
            Self::Environment { .. } => write!(f, "environment {}", self.place()),
            Self::Flag { .. } => write!(f, "flag {}", self.place()),
        }
    }
}

/// A file that was read: its name for messages, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFile {
    /// The name as the operator knows it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A value given by a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagValue {
    /// The flag as it was written, for messages: `--upstream`, `--set upstream`.
    pub flag: String,
    /// The key it sets.
    pub key: String,
    /// The value as text. Flags of a list add up; of other keys the last one counts.
    pub value: String,
}

/// Everything a configuration is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The configuration file, if there is one.
    pub file: Option<TextFile>,
    /// The environment of the process.
    pub environment: Environment,
    /// The flags of the command line, in their order.
    pub flags: Vec<FlagValue>,
}

/// A configuration, and where each value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The origin of every key.
    pub origins: BTreeMap<String, Origin>,
    /// The file that was read, as it was named.
    pub file: Option<String>,
}

/// A value that a layer gives to a key.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub value: Value,
    pub origin: Origin,
    /// Origins of the entries of a list; empty when all came from `origin`.
    pub parts: Vec<Origin>,
}

impl Given {
    /// A value that stands in one place.
    pub(super) fn new(value: Value, origin: Origin) -> Self {
        Self { value, origin, parts: Vec::new() }
    }
}

/// Reads all layers and puts them on top of one another.
pub(super) fn load(sources: &Sources) -> Result<Loaded, Mistakes> {
    let keys = Keys::of_config();
    let mut mistakes = Vec::new();
    let mut surroundings = environment::surroundings(&sources.environment, &keys);
    let file = sources.file.as_ref().map(|file| file::layer(file, &keys, &mut mistakes)).unwrap_or_default();
    let own = environment::own(&sources.environment, &keys, &mut mistakes);
    let flags = flags(&sources.flags, &keys, &mut mistakes);
    // GONOPROXY and GONOSUMDB narrow GOPRIVATE. They must not narrow what was declared private to us.
    if [&file, &own, &flags].iter().any(|layer| layer.contains_key("private")) {
        surroundings.remove("gonoproxy");
        surroundings.remove("gonosumdb");
    }
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut settled = Settled::new(&keys, defaults.clone(), &sources.environment);
    for layer in [surroundings, file, own, flags] {
        for (key, given) in layer {
            let unfit = unfit(&defaults, &key, &given);
            if unfit.is_empty() {
                settled.put(&key, given);
            }
            mistakes.extend(unfit);
        }
    }
    settled.follow();
    let loaded = settled.finish(&sources.environment, mistakes)?;
    Ok(Loaded { file: sources.file.as_ref().map(|file| file.name.clone()), ..loaded })
}

/// The layer of the flags.
fn flags(flags: &[FlagValue], keys: &Keys, mistakes: &mut Vec<Mistake>) -> Layer {
    let mut layer = Layer::new();
    for FlagValue { flag, key: name, value } in flags {
        let origin = Origin::Flag { flag: flag.clone() };
        let Some(key) = keys.find(name) else {
            let meant = nearest(name, keys.all().iter().map(|key| key.name.as_str())).map(str::to_owned);
            mistakes.push(Mistake::Unknown { at: origin, name: name.clone(), meant });
            continue;
        };
        let value = match key.read(value) {
            Ok(value) => value,
            Err(reason) => {
                mistakes.push(Mistake::Unfit { at: origin, key: name.clone(), reason });
                continue;
            }
        };
        match (layer.get_mut(name).map(|given: &mut Given| &mut given.value), value) {
            (Some(Value::Array(entries)), Value::Array(mut more)) => entries.append(&mut more),
            (_, value) => drop(layer.insert(name.clone(), Given::new(value, origin))),
        }
    }
    layer
}

/// What is wrong with a value alone: each entry of a list by itself, then the whole.
fn unfit(defaults: &Value, key: &str, given: &Given) -> Vec<Mistake> {
    let mistake = |at: &Origin, reason| Mistake::Unfit { at: at.clone(), key: key.to_owned(), reason };
    let entries = given.value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut mistakes = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if let Err(reason) = try_on(defaults, key, Value::Array(vec![entry.clone()])) {
            mistakes.push(mistake(given.parts.get(index).unwrap_or(&given.origin), reason));
        }
    }
    if mistakes.is_empty()
        && let Err(reason) = try_on(defaults, key, given.value.clone())
    {
        mistakes.push(mistake(&given.origin, reason));
    }
    mistakes
}

/// Reads the defaults with one value replaced.
fn try_on(defaults: &Value, key: &str, value: Value) -> Result<(), String> {
    let mut tree = defaults.clone();
    replace(&mut tree, key, value);
    serde_json::from_value::<Config>(tree).map(drop).map_err(|error| error.to_string())
}

/// Puts a value into its place in the tree of sections.
fn replace(tree: &mut Value, key: &str, value: Value) {
    let place = format!("/{}", key.replace('.', "/"));
    if let Some(place) = tree.pointer_mut(&place) {
        *place = value;
    }
}

/// The values that count so far.
struct Settled {
    tree: Value,
    origins: BTreeMap<String, Origin>,
}

impl Settled {
    fn new(keys: &Keys, defaults: Value, environment: &Environment) -> Self {
        let origins = keys.all().iter().map(|key| (key.name.clone(), Origin::Default)).collect();
        let mut settled = Self { tree: defaults, origins };
        for (key, value) in environment::machine_defaults(environment) {
            replace(&mut settled.tree, key, value);
        }
        settled
    }

    fn put(&mut self, key: &str, given: Given) {
        replace(&mut self.tree, key, given.value);
        self.origins.insert(key.to_owned(), given.origin);
    }

    fn is_default(&self, key: &str) -> bool {
        self.origins.get(key) == Some(&Origin::Default)
    }

    /// GONOPROXY and GONOSUMDB default to GOPRIVATE (`go help private`).
    fn follow(&mut self) {
        let Some(private) = self.tree.get("private").cloned().filter(|_| !self.is_default("private")) else {
            return;
        };
        for key in ["gonoproxy", "gonosumdb"] {
            if self.is_default(key) {
                self.put(key, Given::new(private.clone(), Origin::Follows { key: "private" }));
            }
        }
    }

    /// Reads the whole. Conflicts are told only between keys that are not wrong by themselves.
    fn finish(self, environment: &Environment, mut mistakes: Vec<Mistake>) -> Result<Loaded, Mistakes> {
        let mut config: Config = match serde_json::from_value(self.tree) {
            Ok(config) => config,
            Err(error) => {
                let whole = Mistake::Unfit {
                    at: Origin::Default,
                    key: "configuration".into(),
                    reason: error.to_string(),
                };
                mistakes.push(whole);
                return Err(Mistakes(mistakes));
            }
        };
        config.credential.iter_mut().for_each(|credential| credential.resolve(environment));
        config.log.resolve(environment);
        config.hook.resolve(environment);
        let is_wrong = |key: &str| {
            mistakes
                .iter()
                .any(|mistake| matches!(mistake, Mistake::Unfit { key: wrong, .. } if wrong == key))
        };
        let mut conflicts = Vec::new();
        for conflict in check::conflicts(&config) {
            if conflict.keys.iter().any(|key| is_wrong(key)) {
                continue;
            }
            let set = conflict.keys.iter().find(|key| self.origins.get(**key) != Some(&Origin::Default));
            let key = set.or(conflict.keys.first()).copied().unwrap_or_default();
            let at = self.origins.get(key).cloned().unwrap_or(Origin::Default);
            conflicts.push(Mistake::Unfit { at, key: key.to_owned(), reason: conflict.reason });
        }
        if config.data.as_os_str().is_empty() && !is_wrong("data") {
            conflicts.push(Mistake::NoDataDirectory);
        }
        mistakes.append(&mut conflicts);
        mistakes.sort_by_key(Mistake::rank);
        if mistakes.is_empty() {
            Ok(Loaded { config, origins: self.origins, file: None })
        } else {
            Err(Mistakes(mistakes))
        }
    }
}
