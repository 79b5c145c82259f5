//! What stands above single providers: keys, usage, and the manager that routes between them.

mod api_key;
mod key_state;
mod keys;
mod ledger;
mod rotating;
mod usage;

pub use api_key::{ApiKey, KeyId, KeyRules};
pub use key_state::{Cooldown, FileKeyState, KeyEvent, KeyFailure, KeyRecord, KeyState, MemoryKeyState};
pub use keys::{KeyLease, KeyRing, KeyStatus};
pub use ledger::{Account, MeteredCall, UsageLedger, UsageSums};
pub use rotating::RotatingProvider;
pub use usage::{Cost, CostSource, Counting, Outcome, TokenCounts, UsageRecord, estimate};
