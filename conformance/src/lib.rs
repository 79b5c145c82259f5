//! Replays recordings of the TypeScript provider layer against samewire, through its public API only, and
//! compares every byte and every token.
//!
//! A recording is a file; `fixtures/README.md` defines it. Each case is checked at three levels:
//!
//! - **encode**: the requests and the waits between them against the recording, without a socket;
//! - **decode**: the answers to tokens, whole, byte by byte, in odd sizes and at random cuts;
//! - **socket**: the real HTTP client against a loopback server that plays the answers and keeps the bytes
//!   that arrive, with dropped connections, retries on a virtual clock, and HTTP/2 where it was recorded.
//!
//! Where samewire is known to differ, `conformance/deviations.toml` says so and why; an entry that is no
//! longer needed fails the run.
//!
//! # Example: run the cases of one provider
//!
//! ```no_run
//! use samewire_conformance::{Options, run};
//!
//! let report = run(&Options { filters: vec!["anthropic/".into()], ..Options::default() })?;
//! print!("{}", report.to_table());
//! assert!(report.is_success());
//! # Ok::<(), String>(())
//! ```

mod calls;
pub mod chaos;
mod complete;
mod cuts;
mod deviations;
mod difference;
mod evidence;
mod fixture;
mod harness;
mod levels;
mod omissions;
mod proxy;
mod report;
mod requests;
mod rewrite;
mod run;
mod server;
mod show;
mod suite;
mod surrogates;
mod verdict;
mod world;

pub use complete::complete;
pub use deviations::Deviations;
pub use fixture::{Case, FixtureError};
pub use harness::{CaseOutcome, CaseReport, Harness};
pub use levels::Level;
pub use proxy::Proxy;
pub use report::{Counts, Report};
pub use run::{Options, run};
pub use show::{load_case, show};
pub use suite::{find_cases, own_fixtures};
