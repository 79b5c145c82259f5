//! A governor whose rate can change: the part of a limiter that counts per minute.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// So much a minute, refilled continuously, with a whole minute's worth as the burst.
///
/// Governor's limiters have one rate for life. When ours changes, a new one starts with what was left in the
/// old one. What a settled call gives back or still owes is kept beside it, as governor has no way to
/// return a cell.
pub(crate) struct Bucket {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, StateInformationMiddleware>,
    per_minute: u32,
    /// What governor said was left, and when.
    left: f64,
    left_at: Instant,
    /// To be added to what is left, below zero to be paid first. Forgotten after a minute, in which the
    /// bucket would have filled up anyway.
    balance: f64,
    balance_at: Instant,
}

impl Bucket {
    pub(crate) fn new(per_minute: u32) -> Self {
        let per_minute = per_minute.max(1);
        let now = Instant::now();
        Self {
            limiter: limiter(per_minute),
            per_minute,
            left: f64::from(per_minute),
            left_at: now,
            balance: 0.0,
            balance_at: now,
        }
    }

    pub(crate) fn per_minute(&self) -> u32 {
        self.per_minute
    }

    /// Takes so much, or says how long to wait before it can be had. More than a minute's worth takes the
    /// whole bucket.
    pub(crate) fn take(&mut self, amount: u32) -> Result<(), Duration> {
        let now = Instant::now();
        if now - self.balance_at >= MINUTE {
            self.balance = 0.0;
        }
        let wanted = f64::from(amount.min(self.per_minute)) - self.balance;
        let charged = wanted.clamp(0.0, f64::from(self.per_minute));
        if let Some(cells) = NonZeroU32::new(charged as u32) {
            match self.limiter.check_n(cells) {
                Ok(Ok(snapshot)) => {
                    self.left = f64::from(snapshot.remaining_burst_capacity());
                    self.left_at = now;
                }
                Ok(Err(refusal)) => {
                    let wait = refusal.wait_time_from(self.limiter.clock().now());
                    return Err(wait.max(Duration::from_millis(1)));
                }
                // Cannot be: the charge is clamped to the burst.
                Err(_) => return Err(MINUTE),
            }
        }
        self.set_balance(if wanted < 0.0 { -wanted } else { charged - wanted }, now);
        Ok(())
    }

    /// Gives back what was not used; a negative amount is used beyond what was taken.
    pub(crate) fn settle(&mut self, unused: f64) {
        let now = Instant::now();
        let balance = if now - self.balance_at >= MINUTE { 0.0 } else { self.balance };
        self.set_balance(balance + unused, now);
    }

    /// Changes the rate; what is left stays, as far as it fits.
    pub(crate) fn set_rate(&mut self, per_minute: u32) {
        let per_minute = per_minute.max(1);
        if per_minute != self.per_minute {
            let left = self.left().min(f64::from(per_minute));
            self.per_minute = per_minute;
            self.restart_with(left);
        }
    }

    /// Lowers what is left to what the service says; never raises it, as answers overtake each other.
    pub(crate) fn lower_to(&mut self, remaining: u64) {
        let remaining = remaining as f64;
        if remaining + 1.0 < self.left() {
            self.restart_with(remaining);
        }
    }

    fn left(&self) -> f64 {
        let refilled = self.left_at.elapsed().as_secs_f64() / 60.0 * f64::from(self.per_minute);
        (self.left + refilled).min(f64::from(self.per_minute))
    }

    fn restart_with(&mut self, left: f64) {
        self.limiter = limiter(self.per_minute);
        self.left = left.floor();
        self.left_at = Instant::now();
        if let Some(gone) = NonZeroU32::new((f64::from(self.per_minute) - self.left).max(0.0) as u32) {
            // Cannot fail: the new limiter is full.
            drop(self.limiter.check_n(gone));
        }
    }

    fn set_balance(&mut self, balance: f64, now: Instant) {
        let most = f64::from(self.per_minute);
        self.balance = balance.clamp(-most, most);
        self.balance_at = now;
    }
}

fn limiter(per_minute: u32) -> RateLimiter<NotKeyed, InMemoryState, TokioClock, StateInformationMiddleware> {
    let burst = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
    let clock = TokioClock { start: Instant::now() };
    RateLimiter::direct_with_clock(Quota::per_minute(burst), clock)
        .with_middleware::<StateInformationMiddleware>()
}

/// Tokio's time, which tests can pause.
#[derive(Clone, Debug)]
struct TokioClock {
    start: Instant,
}

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_minutes_worth_at_once_then_evenly() {
        let mut bucket = Bucket::new(60);
        for _ in 0..60 {
            bucket.take(1).unwrap();
        }
        let wait = bucket.take(1).unwrap_err();
        assert!(wait <= Duration::from_secs(1) && wait > Duration::from_millis(900), "{wait:?}");
        advance(wait).await;
        bucket.take(1).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn refunds_and_debts_are_settled_with_the_next_take() {
        let mut bucket = Bucket::new(1000);
        bucket.take(1000).unwrap();
        bucket.settle(400.0);
        bucket.take(300).unwrap();
        bucket.take(100).unwrap();
        assert!(bucket.take(1).is_err());
        advance(MINUTE).await;
        bucket.take(100).unwrap();
        bucket.settle(-800.0);
        assert!(bucket.take(200).is_err(), "800 are owed, 900 are left");
        bucket.take(100).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_rate_keeps_what_is_left() {
        let mut bucket = Bucket::new(100);
        bucket.take(90).unwrap();
        bucket.set_rate(50);
        bucket.take(10).unwrap();
        assert!(bucket.take(1).is_err());
        bucket.set_rate(100);
        assert!(bucket.take(1).is_err());
        bucket.lower_to(50);
        assert!(bucket.take(1).is_err(), "never raised");
    }

    #[tokio::test(start_paused = true)]
    async fn the_service_knows_better_what_is_left() {
        let mut bucket = Bucket::new(100);
        bucket.lower_to(3);
        bucket.take(3).unwrap();
        assert!(bucket.take(1).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_a_minutes_worth_takes_the_whole_bucket() {
        let mut bucket = Bucket::new(100);
        bucket.take(5000).unwrap();
        assert!(bucket.take(1).is_err());
    }
}
