//! Every metric of this server, by name, and the page that tells them.
//!
//! Names are OpenTelemetry's for functions (`faas_…`) in Prometheus's form,
//! Prometheus's own for processes (`process_…`), and ours for the rest
//! (`doze_…`). The form is `OpenMetrics` 1.0.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType::{self, Counter, Gauge, Histogram};
use prometheus_client::registry::Registry;

use super::activity::{Counts, MAX_SERIES};
use super::handle::Handle;
use super::histogram::Distribution;
use super::lease::Origin;
use super::status::{FunctionStatus, InstanceStatus, ServerStatus};

/// What a page of metrics is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The function that a series is about.
const FUNCTION: &str = "faas_name";
/// Stands for all functions beyond [`MAX_SERIES`]. No function can be called so.
const OTHERS: &str = "_other";

/// A metric: its name, its type, and what it tells. The names of counters get
/// `_total` behind them.
type Metric = (&'static str, MetricType, &'static str);

const INVOCATIONS: Metric = (
    "faas_invocations",
    Counter,
    "Requests to a function that were answered without an error. Only functions that were called \
     have series; those called after the first 1000 are counted together under `_other`.",
);
const ERRORS: Metric =
    ("faas_errors", Counter, "Requests answered with 5xx by the function or in its place.");
const TIMEOUTS: Metric =
    ("faas_timeouts", Counter, "Requests without a response's head in time; also errors.");
const COLD_STARTS: Metric = (
    "faas_coldstarts",
    Counter,
    "Requests answered by an instance started for them, from a spare or as a new process (cold).",
);
const CRASHES: Metric = ("doze_crashes", Counter, "Instances that ended by themselves.");
const INVOKE_DURATION: Metric = (
    "faas_invoke_duration_seconds",
    Histogram,
    "From a request's head to its response's, starts included.",
);
const MEMORY: Metric =
    ("faas_mem_usage_bytes", Gauge, "Resident memory of a function's instances together.");
const INIT_DURATION: Metric = (
    "faas_init_duration_seconds",
    Histogram,
    "From the begin of an instance's start until its code has run.",
);
const INSTANCES: Metric = ("faas_instances", Gauge, "Processes by state.");
const STOPS: Metric =
    ("doze_instance_stops", Counter, "Instances that ended, by reason; `exited` is by itself.");
const FUNCTIONS: Metric = ("doze_functions", Gauge, "Published functions by state.");
const IN_FLIGHT: Metric =
    ("doze_requests_in_flight", Gauge, "Requests that are being served or wait.");
const WAITING: Metric =
    ("doze_requests_waiting", Gauge, "Requests that wait for an instance: the queue.");
const PROCESSES: Metric =
    ("doze_processes", Gauge, "Seats taken: processes that run or are being started.");
const PROCESS_LIMIT: Metric =
    ("doze_processes_limit", Gauge, "Seats: processes that may run at once.");
const LAYERS: Metric = ("doze_isolation_layer", Gauge, "1 for each isolation layer in force.");
const BUILD: Metric = ("doze_build_info", Gauge, "Always 1; the label says which doze this is.");
const UPTIME: Metric = ("doze_uptime_seconds", Gauge, "For how long the server runs.");
const OWN_MEMORY: Metric = (
    "process_resident_memory_bytes",
    Gauge,
    "Resident memory of the server itself, its processes not counted.",
);
const OWN_CPU: Metric = (
    "process_cpu_seconds",
    Counter,
    "Processor time of the server itself, its processes not counted.",
);

/// Takes one number out of what was counted.
type CountOf = fn(&Counts) -> u64;

/// The page that tells every metric as it is now.
pub fn page(handle: &Handle) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(handle.clone())));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

#[derive(Debug)]
struct Scrape(Handle);

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        let functions = self.0.functions();
        let called = functions.iter().filter(|status| status.own_series);
        let mut series: Vec<(&str, &Counts)> =
            called.map(|status| (status.name.as_str(), &status.counts)).collect();
        let others = self.0.meter().shared();
        if others != Counts::default() {
            series.push((OTHERS, &others));
        }
        debug_assert!(series.len() <= MAX_SERIES + 1, "places are counted");
        page.of_functions(&series)?;
        page.of_instances(&self.0, &functions)?;
        page.of_server(&self.0.server(), &functions)
    }
}

struct Page<'e>(DescriptorEncoder<'e>);

impl Page<'_> {
    fn metric(&mut self, (name, kind, help): Metric) -> Result<MetricEncoder<'_>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }

    fn of_functions(&mut self, series: &[(&str, &Counts)]) -> fmt::Result {
        let counters: [(Metric, CountOf); 4] = [
            (INVOCATIONS, |counts| counts.successes),
            (ERRORS, |counts| counts.errors),
            (TIMEOUTS, |counts| counts.timeouts),
            (CRASHES, |counts| counts.crashes),
        ];
        for (metric, count) in counters {
            let mut encoder = self.metric(metric)?;
            for (name, counts) in series {
                counter(&mut encoder, &[(FUNCTION, name)], count(counts))?;
            }
        }
        let mut encoder = self.metric(COLD_STARTS)?;
        for (name, counts) in series {
            let starts = [(Origin::Spare, counts.spare_starts), (Origin::Cold, counts.cold_starts)];
            for (origin, count) in starts {
                counter(&mut encoder, &[(FUNCTION, name), ("start", origin.as_str())], count)?;
            }
        }
        let mut encoder = self.metric(INVOKE_DURATION)?;
        for (name, counts) in series {
            histogram(&mut encoder, &[(FUNCTION, name)], &counts.latency)?;
        }
        Ok(())
    }

    fn of_instances(&mut self, handle: &Handle, functions: &[FunctionStatus]) -> fmt::Result {
        let mut encoder = self.metric(MEMORY)?;
        let mut others = None;
        for status in functions.iter().filter(|status| !status.instances.is_empty()) {
            let used = status.instances.iter().filter_map(InstanceStatus::usage);
            let bytes: u64 = used.map(|usage| usage.memory_bytes).sum();
            if status.own_series {
                gauge(&mut encoder, &[(FUNCTION, status.name.as_str())], bytes)?;
            } else {
                others = Some(others.unwrap_or(0) + bytes);
            }
        }
        if let Some(bytes) = others {
            gauge(&mut encoder, &[(FUNCTION, OTHERS)], bytes)?;
        }

        let mut encoder = self.metric(INIT_DURATION)?;
        for origin in [Origin::Spare, Origin::Cold] {
            let starts = handle.meter().starts(origin).read();
            histogram(&mut encoder, &[("start", origin.as_str())], &starts)?;
        }
        let mut encoder = self.metric(INSTANCES)?;
        let instances = handle.instances();
        for state in ["spare", "starting", "idle", "busy", "draining"] {
            let count = instances.iter().filter(|one| one.state == state).count();
            gauge(&mut encoder, &[("state", state)], count as u64)?;
        }
        let mut encoder = self.metric(STOPS)?;
        for (reason, count) in handle.meter().stops() {
            counter(&mut encoder, &[("reason", reason)], count)?;
        }
        Ok(())
    }

    fn of_server(&mut self, server: &ServerStatus, functions: &[FunctionStatus]) -> fmt::Result {
        let mut encoder = self.metric(FUNCTIONS)?;
        for state in ["live", "stale", "broken"] {
            let count = functions.iter().filter(|one| one.standing.state == state).count();
            gauge(&mut encoder, &[("state", state)], count as u64)?;
        }
        let mut encoder = self.metric(LAYERS)?;
        let missing = server.missing.iter().map(|missing| (missing.layer, 0));
        for (layer, value) in server.in_force.iter().map(|layer| (*layer, 1)).chain(missing) {
            gauge(&mut encoder, &[("layer", layer)], value)?;
        }
        gauge(&mut self.metric(BUILD)?, &[("version", env!("CARGO_PKG_VERSION"))], 1)?;
        let usage = server.usage.unwrap_or_default();
        let waiting = functions.iter().map(|status| status.waiting as u64).sum();
        for (metric, value) in [
            (IN_FLIGHT, functions.iter().map(FunctionStatus::in_flight).sum()),
            (WAITING, waiting),
            (PROCESSES, server.processes as u64),
            (PROCESS_LIMIT, server.settings.max_processes as u64),
            (UPTIME, server.uptime.as_secs()),
            (OWN_MEMORY, usage.memory_bytes),
        ] {
            gauge(&mut self.metric(metric)?, &[], value)?;
        }
        let cpu = usage.cpu.as_secs_f64();
        self.metric(OWN_CPU)?.encode_counter::<NoLabelSet, _, f64>(&cpu, None)
    }
}

type Labels<'l> = &'l [(&'static str, &'l str)];

fn counter(encoder: &mut MetricEncoder<'_>, labels: Labels<'_>, value: u64) -> fmt::Result {
    encoder.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&value, None)
}

fn gauge(encoder: &mut MetricEncoder<'_>, labels: Labels<'_>, value: u64) -> fmt::Result {
    encoder.encode_family(&labels)?.encode_gauge(&value)
}

fn histogram(
    encoder: &mut MetricEncoder<'_>,
    labels: Labels<'_>,
    distribution: &Distribution,
) -> fmt::Result {
    let buckets = distribution.coarse();
    let (sum, count) = (distribution.sum.as_secs_f64(), distribution.count());
    encoder.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
}
