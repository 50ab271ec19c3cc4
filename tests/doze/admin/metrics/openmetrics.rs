//! A page of `OpenMetrics` text 1.0, refused for whatever the standard forbids.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

/// A page that is well formed.
pub(super) struct Page {
    text: String,
    /// Families by name as samples carry it, counters with their `_total`.
    families: BTreeSet<String>,
    /// Values by name and labels as they stand there, with `{}` for none.
    samples: BTreeMap<String, String>,
}

/// One family while it is read.
struct Family {
    name: String,
    kind: String,
}

impl Family {
    /// What may follow its name in a sample.
    fn suffixes(&self) -> &'static [&'static str] {
        match &*self.kind {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => panic!("{} has the type {other}", self.name),
        }
    }
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("the page ends with `# EOF`");
        let help = pattern(r"^# HELP ([a-z][a-z0-9_]*) [A-Z0-9`][^\\]*\.$");
        let kind = pattern(r"^# TYPE ([a-z][a-z0-9_]*) (counter|gauge|histogram)$");
        let label = r#"[a-z][a-z0-9_]*="(?:[^"\\]|\\["\\n])*""#;
        let sample = format!(r"^([a-z][a-z0-9_]*)(?:(\{{(?:{label}(?:,{label})*)?\}}))? (\S+)$");
        let sample = pattern(&sample);

        let mut page =
            Self { text: text.to_owned(), families: BTreeSet::new(), samples: BTreeMap::new() };
        let mut lines = body.lines().peekable();
        while let Some(line) = lines.next() {
            let helped = help.captures(line).unwrap_or_else(|| panic!("not a HELP: {line}"));
            let line = lines.next().expect("a TYPE after a HELP");
            let typed = kind.captures(line).unwrap_or_else(|| panic!("not a TYPE: {line}"));
            assert_eq!(helped[1], typed[1]);
            let family = Family { name: typed[1].to_owned(), kind: typed[2].to_owned() };
            let total = if family.kind == "counter" { "_total" } else { "" };
            let new = page.families.insert(format!("{}{total}", family.name));
            assert!(new, "{} is told twice", family.name);
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let found = sample.captures(line).unwrap_or_else(|| panic!("not a sample: {line}"));
                let suffix = found[1].strip_prefix(&*family.name);
                let fits = suffix.is_some_and(|suffix| family.suffixes().contains(&suffix));
                assert!(fits, "{line} among the samples of {}", family.name);
                let value: f64 = found[3].parse().unwrap_or_else(|_| panic!("no number: {line}"));
                assert!(value.is_finite() && (value >= 0.0), "{line}");
                let labels = found.get(2).map_or("{}", |labels| labels.as_str());
                let key = format!("{}{labels}", &found[1]);
                let old = page.samples.insert(key, found[3].to_owned());
                assert!(old.is_none(), "{line} is told twice");
            }
        }
        page.check_histograms();
        page
    }

    /// Buckets only grow, and the last one holds all that was counted.
    fn check_histograms(&self) {
        let bucket = pattern(r#"^(.*)_bucket\{le="([^"]*)"(?:,(.*))?\}$"#);
        let mut histograms: BTreeMap<String, Vec<(f64, u64)>> = BTreeMap::new();
        for key in self.samples.keys() {
            if let Some(found) = bucket.captures(key) {
                let bound = if &found[2] == "+Inf" {
                    f64::INFINITY
                } else {
                    found[2].parse().expect("a number")
                };
                let labels = found.get(3).map_or("", |labels| labels.as_str());
                let count = format!("{}_count{{{labels}}}", &found[1]);
                histograms.entry(count).or_default().push((bound, self.count(key)));
            }
        }
        for (count, mut buckets) in histograms {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.is_sorted_by_key(|(_, value)| *value), "{count}: {buckets:?}");
            let all = (f64::INFINITY, self.count(&count));
            assert_eq!(buckets.last(), Some(&all), "{count}");
            assert!(self.samples.contains_key(&count.replace("_count{", "_sum{")), "{count}");
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The value of that very sample, a whole number.
    #[track_caller]
    pub(super) fn count(&self, key: &str) -> u64 {
        let value = self.samples.get(key).unwrap_or_else(|| {
            panic!(
                "no {key} in:
{}",
                self.text
            )
        });
        value.parse().unwrap_or_else(|_| panic!("{key} is {value}"))
    }

    /// The metrics, counters with their `_total`.
    pub(super) fn families(&self) -> impl Iterator<Item = &str> {
        self.families.iter().map(String::as_str)
    }

    /// Whether there are samples of that name.
    pub(super) fn has_sample(&self, name: &str) -> bool {
        self.samples.keys().any(|key| key.split('{').next() == Some(name))
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}
