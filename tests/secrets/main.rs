//! Keys are planted wherever they may stand, and looked for in everything that prints: logs at trace level, errors
//! with their causes, `Debug`, panic messages, metric labels, the audit log, files, and what is sent elsewhere. What could
//! lead a request or a file elsewhere is tried.
#![cfg(all(feature = "http", feature = "manager"))]

#[cfg(feature = "metrics")]
mod audit;
mod certificates;
mod errors;
mod files;
mod injection;
mod logs;
#[cfg(feature = "metrics")]
mod metrics;
mod panics;
mod paths;
mod planted;
