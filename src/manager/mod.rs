//! What stands above single providers: keys, usage, and the manager that routes between them.

mod api_key;
#[cfg(feature = "cache")]
mod flight;
mod key_state;
mod keys;
mod ledger;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "cache")]
mod response_cache;
mod rotating;
mod usage;

pub use api_key::{ApiKey, KeyId, KeyRules};
#[cfg(feature = "cache")]
pub(crate) use flight::FlightReader;
pub use key_state::{Cooldown, FileKeyState, KeyEvent, KeyFailure, KeyRecord, KeyState, MemoryKeyState};
pub use keys::{KeyLease, KeyRing, KeyStatus};
pub use ledger::{Account, MeteredCall, UsageLedger, UsageSums};
#[cfg(feature = "metrics")]
pub use metrics::{MeasuredProvider, count_retry, describe_metrics};
#[cfg(feature = "cache")]
pub use response_cache::{CacheRules, CacheStatistics, CachedProvider, ResponseCache};
pub use rotating::RotatingProvider;
pub use usage::{Cost, CostSource, Counting, Outcome, TokenCounts, UsageRecord, estimate};
