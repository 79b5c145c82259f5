//! A recorder for the `metrics` facade that keeps everything in memory and prints it as Prometheus reads it.
//!
//! Enough for a small program; a big one takes an exporter crate.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

#[derive(Default)]
pub(crate) struct TextRecorder {
    counters: Mutex<BTreeMap<String, Arc<Count>>>,
    gauges: Mutex<BTreeMap<String, Arc<Level>>>,
    histograms: Mutex<BTreeMap<String, Arc<Values>>>,
}

#[derive(Default)]
struct Count(AtomicU64);

#[derive(Default)]
struct Level(Mutex<f64>);

#[derive(Default)]
struct Values(Mutex<(u64, f64)>);

impl TextRecorder {
    /// All figures in Prometheus' text format, in alphabetical order.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (series, count) in &*self.counters.lock().unwrap() {
            let _ = writeln!(text, "{series} {}", count.0.load(Ordering::Relaxed));
        }
        for (series, level) in &*self.gauges.lock().unwrap() {
            let _ = writeln!(text, "{series} {}", level.0.lock().unwrap());
        }
        for (series, values) in &*self.histograms.lock().unwrap() {
            let (count, sum) = *values.0.lock().unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let _ = writeln!(text, "{name}_count{{{labels} {count}\n{name}_sum{{{labels} {sum}");
        }
        text
    }
}

impl Recorder for TextRecorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.counters.lock().unwrap().entry(series(key)).or_default().clone())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.gauges.lock().unwrap().entry(series(key)).or_default().clone())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.histograms.lock().unwrap().entry(series(key)).or_default().clone())
    }
}

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl GaugeFn for Level {
    fn increment(&self, value: f64) {
        *self.0.lock().unwrap() += value;
    }

    fn decrement(&self, value: f64) {
        *self.0.lock().unwrap() -= value;
    }

    fn set(&self, value: f64) {
        *self.0.lock().unwrap() = value;
    }
}

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        let mut values = self.0.lock().unwrap();
        values.0 += 1;
        values.1 += value;
    }
}

/// `name{label="value",...}` with the dots of names as underscores.
fn series(key: &Key) -> String {
    let labels: Vec<String> = key
        .labels()
        .map(|label| {
            let value = label.value().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("{}=\"{value}\"", label.key().replace('.', "_"))
        })
        .collect();
    format!("{}{{{}}}", key.name().replace('.', "_"), labels.join(","))
}
