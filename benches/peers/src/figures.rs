//! What a process can tell of itself: CPU time, memory, percentiles.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The CPU time of the whole process so far, user and system.
pub(crate) fn cpu() -> Duration {
    time_of(ClockId::ProcessCPUTime)
}

/// The CPU time of this thread so far.
pub(crate) fn thread_cpu() -> Duration {
    time_of(ClockId::ThreadCPUTime)
}

fn time_of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Kibibytes of memory that the process has now.
pub(crate) fn resident_kib() -> f64 {
    status("VmRSS:")
}

/// The most kibibytes of memory that the process ever had.
pub(crate) fn peak_kib() -> f64 {
    status("VmHWM:")
}

fn status(name: &str) -> f64 {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return 0.0 };
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse().ok()).unwrap_or_default()
}

/// The value below which `share` of all values are; 0 without values.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let at = ((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or_default()
}

pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(&mut values.to_vec(), 0.5)
}
