//! Many providers behind one: limits, circuit breakers, routing, failover, keys and usage.

mod api_key;
mod breaker;
mod bucket;
mod key_state;
mod keys;
mod limiter;
mod rate_limit_headers;
mod registry;
mod rotating;

pub use api_key::{ApiKey, KeyId, KeyRules};
pub use breaker::{BreakerConfig, BreakerEvent, BreakerPermit, BreakerState, CircuitBreaker, OpenUntil};
pub use key_state::{Cooldown, FileKeyState, KeyEvent, KeyFailure, KeyRecord, KeyState, MemoryKeyState};
pub use keys::{KeyLease, KeyRing, KeyStatus};
pub use limiter::{AdaptiveRateLimiter, LimiterConfig, LimiterPermit, LimiterState};
pub use rate_limit_headers::{LimitWindow, RateLimitHeaders, parse_reset};
pub use registry::{AuthStyle, Protocol, ProviderInfo, ProviderRegistry};
pub use rotating::RotatingProvider;
