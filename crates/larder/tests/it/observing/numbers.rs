//! Reading what `/metrics` says, by the grammar of its text and not by our own code.

use std::collections::BTreeMap;

/// The series of one scrape by their names with labels in order: `larder_requests_total{kind="zip",…}`.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) series: BTreeMap<String, String>,
    /// The types by family.
    pub(crate) types: BTreeMap<String, String>,
}

impl Numbers {
    /// Panics where the text is not what a scraper can read: a family in two places, a series twice, no end.
    pub(crate) fn parse(text: &str) -> Self {
        let mut numbers = Self { series: BTreeMap::new(), types: BTreeMap::new() };
        let mut family = String::new();
        assert!(text.ends_with("\n# EOF\n"), "{text}");
        for line in text.lines().take_while(|line| *line != "# EOF") {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, family, "a type follows its help");
                assert!(numbers.types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
            } else if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(help.ends_with('.') && !help.ends_with(".."), "{line}");
                name.clone_into(&mut family);
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                assert!(series.starts_with(&family), "{series} stands below {family}");
                assert!(value.parse::<f64>().is_ok(), "{line}");
                let earlier = numbers.series.insert(series.to_owned(), value.to_owned());
                assert_eq!(earlier, None, "{series} twice");
            }
        }
        numbers
    }

    /// The value of a series; zero if it is not there.
    pub(crate) fn of(&self, series: &str) -> f64 {
        self.series.get(series).map_or(0.0, |value| value.parse().unwrap())
    }

    /// The count of a series; zero if it is not there.
    pub(crate) fn count(&self, series: &str) -> u64 {
        self.series.get(series).map_or(0, |value| value.parse().unwrap())
    }

    /// The series of a family whose labels hold all these, summed.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> u64 {
        let wanted = |series: &str| {
            series.split('{').next() == Some(name) && labels.iter().all(|label| series.contains(label))
        };
        self.series.keys().filter(|series| wanted(series)).map(|series| self.count(series)).sum()
    }
}
