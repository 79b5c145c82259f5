//! What responses tell about rate limits, in the several dialects of the services.
//!
//! - OpenAI <https://platform.openai.com/docs/guides/rate-limits> (also Groq, Azure, Fireworks, xAI):
//!   `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`; Cerebras, Mistral and SambaNova add the window
//!   (`-minute`, `-hour`, `-day`).
//! - Anthropic <https://docs.anthropic.com/en/api/rate-limits>:
//!   `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`.
//! - OpenRouter, Together, and the drafts for <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>:
//!   `[x-]ratelimit-{limit,remaining,reset}`.

use std::time::Duration;

use crate::layers::{date_of, retry_after};
use crate::transport::{HeaderValue, Headers};

/// The rate limits that one response told of. Whatever is missing was not told, or could not be read.
///
/// # Example: read OpenAI's headers
///
/// ```
/// use std::time::Duration;
/// use samewire::manager::RateLimitHeaders;
/// use samewire::transport::Headers;
///
/// let headers = Headers::from_iter([
///     ("x-ratelimit-limit-requests", "60"),
///     ("x-ratelimit-remaining-requests", "59"),
///     ("x-ratelimit-reset-requests", "1s"),
/// ]);
/// let told = RateLimitHeaders::read(&headers, 0.0);
/// assert_eq!(told.requests[0].limit, Some(60));
/// assert_eq!(told.requests[0].reset, Some(Duration::from_secs(1)));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RateLimitHeaders {
    /// Limits on requests, one for each window that was told of.
    pub requests: Vec<LimitWindow>,
    /// Limits on tokens: of the request alone where the service counts it apart, else of both directions.
    pub tokens: Vec<LimitWindow>,
    /// Limits on the tokens of answers alone.
    pub output_tokens: Vec<LimitWindow>,
    /// How long to wait before anything is asked again.
    pub retry_after: Option<Duration>,
}

/// One limit: how much in which time, and how much is left of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LimitWindow {
    /// How much the window allows.
    pub limit: Option<u64>,
    /// How much is left.
    pub remaining: Option<u64>,
    /// The time until all of it is there again.
    pub reset: Option<Duration>,
    /// The window's length, if its name tells it.
    pub length: Option<Duration>,
    /// Whether the service is known to refill continuously, so that something is left before `reset`.
    pub refills: bool,
}

impl LimitWindow {
    /// Whether the limit is for a time longer than a minute: said by its name, or by a reset that is
    /// farther away than a minute's refill can be.
    pub fn is_long(&self) -> bool {
        if let Some(length) = self.length {
            return length > MINUTE;
        }
        let (Some(limit), Some(remaining), Some(reset)) = (self.limit, self.remaining, self.reset) else {
            return self.reset.is_some_and(|reset| reset > 2 * MINUTE);
        };
        let used = limit.saturating_sub(remaining).max(1);
        let refill = reset.as_secs_f64() * limit as f64 / used as f64;
        // One use of a large limit is too little to tell a short window by; the reset itself is not.
        reset > 2 * MINUTE || (used > 1 && refill > 1.5 * MINUTE.as_secs_f64())
    }

    fn is_told(&self) -> bool {
        self.limit.is_some() || self.remaining.is_some()
    }
}

impl RateLimitHeaders {
    /// Reads every dialect. `now` is in milliseconds since the Unix epoch, for resets that are dates.
    pub fn read(headers: &Headers, now: f64) -> Self {
        let mut told = Self { retry_after: retry_after(headers, now), ..Self::default() };
        let is_limit = |name: &str| DIALECTS.iter().any(|dialect| behind(name, dialect).is_some());
        let lines: Vec<Line> = headers.iter().filter(|(name, _)| is_limit(name)).collect();
        if lines.is_empty() {
            return told;
        }
        for (window, length) in WINDOWS {
            for (unit, is_requests) in UNITS {
                let name = |what| ["x-ratelimit-", what, "-", unit, window];
                told.add(*is_requests, read(&lines, now, name, *length, length.is_none()));
            }
        }
        let anthropic = |unit| {
            let name = |what| ["anthropic-ratelimit-", unit, "-", what];
            Some(read(&lines, now, name, Some(MINUTE), true)).filter(LimitWindow::is_told)
        };
        told.requests.extend(anthropic("requests"));
        // `tokens` is whichever limit is nearest, so it may be that of answers.
        told.tokens.extend(anthropic("input-tokens").or_else(|| anthropic("tokens")));
        told.output_tokens.extend(anthropic("output-tokens"));
        for prefix in ["x-ratelimit-", "ratelimit-"] {
            told.add(true, read(&lines, now, |what| [prefix, what], None, false));
        }
        told
    }

    fn add(&mut self, is_requests: bool, window: LimitWindow) {
        if window.is_told() {
            if is_requests { self.requests.push(window) } else { self.tokens.push(window) }
        }
    }
}

type Line<'a> = (&'a str, &'a HeaderValue);

/// What the names of limits begin with.
const DIALECTS: &[&str] = &["x-ratelimit-", "anthropic-ratelimit-", "ratelimit-"];

/// The window whose three lines have the names that `name` gives in parts.
fn read<const PARTS: usize>(
    lines: &[Line],
    now: f64,
    name: impl Fn(&'static str) -> [&'static str; PARTS],
    length: Option<Duration>,
    refills: bool,
) -> LimitWindow {
    let text = |what| {
        let is_named =
            |line: &str| name(what).iter().try_fold(line, |rest, part| behind(rest, part)) == Some("");
        let (_, value) = lines.iter().find(|(name, _)| is_named(name))?;
        std::str::from_utf8(value.as_bytes()).ok().map(str::trim)
    };
    LimitWindow {
        limit: text("limit").and_then(count),
        remaining: text("remaining").and_then(count),
        reset: text("reset").and_then(|text| reset(text, now)),
        length,
        refills,
    }
}

/// What stands behind a beginning in any case.
fn behind<'a>(name: &'a str, beginning: &str) -> Option<&'a str> {
    let (head, rest) = name.split_at_checked(beginning.len())?;
    head.eq_ignore_ascii_case(beginning).then_some(rest)
}

/// A count; some services write it with a fraction, others below zero.
fn count(text: &str) -> Option<u64> {
    let number: f64 = text.split([',', ';']).next()?.trim().parse().ok()?;
    number.is_finite().then_some(number.max(0.0) as u64)
}

/// The time until a reset: a duration (`1s`, `6m0s`, `59.70ms`, `1d2h`), seconds, a Unix time in seconds,
/// milliseconds or microseconds, or a date.
///
/// `now` is in milliseconds since the Unix epoch. A moment that is past is zero.
///
/// # Example: the forms that services use
///
/// ```
/// use std::time::Duration;
/// use samewire::manager::parse_reset;
///
/// assert_eq!(parse_reset("6m0s", 0.0), Some(Duration::from_secs(360)));
/// assert_eq!(parse_reset("59.70ms", 0.0), Some(Duration::from_micros(59_700)));
/// assert_eq!(parse_reset("1970-01-01T00:00:05Z", 2000.0), Some(Duration::from_secs(3)));
/// assert_eq!(parse_reset("soon", 0.0), None);
/// ```
pub fn parse_reset(text: &str, now: f64) -> Option<Duration> {
    reset(text.trim(), now)
}

fn reset(text: &str, now: f64) -> Option<Duration> {
    let ms = if let Ok(number) = text.parse::<f64>() {
        match number {
            1e15.. => number / 1000.0 - now,
            1e12.. => number - now,
            1e9.. => number * 1000.0 - now,
            _ => number * 1000.0,
        }
    } else if let Some(ms) = units(text) {
        ms
    } else {
        date_of(text)? - now
    };
    if !ms.is_finite() {
        return None;
    }
    Some(Duration::from_micros((ms.max(0.0) * 1000.0).round() as u64))
}

/// The milliseconds of a sequence of numbers with units, as Go prints durations.
fn units(mut text: &str) -> Option<f64> {
    let mut sum = 0.0;
    if text.is_empty() {
        return None;
    }
    while !text.is_empty() {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = text[..digits].parse().ok()?;
        text = &text[digits..];
        let end = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
        let unit = UNIT_MS.iter().find(|(unit, _)| *unit == &text[..end])?.1;
        sum += number * unit;
        text = &text[end..];
    }
    Some(sum)
}

const MINUTE: Duration = Duration::from_secs(60);

const UNIT_MS: &[(&str, f64)] = &[
    ("ns", 1e-6),
    ("us", 1e-3),
    ("µs", 1e-3),
    ("ms", 1.0),
    ("s", 1e3),
    ("m", 6e4),
    ("h", 3.6e6),
    ("d", 8.64e7),
];

const WINDOWS: &[(&str, Option<Duration>)] = &[
    ("", None),
    ("-minute", Some(MINUTE)),
    ("-hour", Some(Duration::from_secs(3600))),
    ("-day", Some(Duration::from_secs(86400))),
];

const UNITS: &[(&str, bool)] = &[("requests", true), ("req", true), ("tokens", false)];

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1_768_478_400_000.0;

    fn told(lines: &[(&'static str, &'static str)]) -> RateLimitHeaders {
        RateLimitHeaders::read(&lines.iter().copied().collect(), NOW)
    }

    #[test]
    fn reset_formats() {
        for (text, ms) in [
            ("1s", 1000.0),
            ("6m0s", 360_000.0),
            ("59.70ms", 59.7),
            ("2m59.56s", 179_560.0),
            ("1h2m3s", 3_723_000.0),
            ("1d2h", 93_600_000.0),
            ("12", 12_000.0),
            ("0.5", 500.0),
            ("0", 0.0),
            ("-3", 0.0),
            ("1768478405", 5000.0),
            ("1768478405500", 5500.0),
            ("1768478300", 0.0),
            ("2026-01-15T12:00:10Z", 10_000.0),
            ("2026-01-15T13:00:10+01:00", 10_000.0),
            ("Thu, 15 Jan 2026 12:01:00 GMT", 60_000.0),
            ("250µs", 0.25),
        ] {
            assert_eq!(reset(text, NOW).map(|wait| wait.as_secs_f64() * 1000.0), Some(ms), "{text}");
        }
        for text in ["", "s", "1x", "later", "NaN", "inf", "1.2.3s"] {
            assert_eq!(reset(text, NOW), None, "{text}");
        }
    }

    #[test]
    fn anthropic_and_openai() {
        let anthropic = told(&[
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-01-15T12:00:30Z"),
            ("anthropic-ratelimit-input-tokens-limit", "40000"),
            ("anthropic-ratelimit-input-tokens-remaining", "39000"),
        ]);
        assert_eq!(anthropic.requests[0].reset, Some(Duration::from_secs(30)));
        assert_eq!(anthropic.tokens[0].remaining, Some(39000));
        assert!(!anthropic.requests[0].is_long());

        let groq = told(&[
            ("x-ratelimit-limit-requests", "14400"),
            ("x-ratelimit-remaining-requests", "14370"),
            ("x-ratelimit-reset-requests", "2m59.56s"),
            ("x-ratelimit-limit-tokens", "18000"),
            ("x-ratelimit-remaining-tokens", "17997"),
            ("x-ratelimit-reset-tokens", "7.66ms"),
            ("retry-after", "2"),
        ]);
        assert!(groq.requests[0].is_long(), "a limit per day");
        assert!(!groq.tokens[0].is_long());
        assert_eq!(groq.retry_after, Some(Duration::from_secs(2)));
    }

    #[test]
    fn named_windows_and_plain_names() {
        let cerebras = told(&[
            ("x-ratelimit-limit-requests-day", "14400"),
            ("x-ratelimit-remaining-requests-day", "14399"),
            ("x-ratelimit-reset-requests-day", "33011.38"),
            ("x-ratelimit-limit-tokens-minute", "60000"),
            ("x-ratelimit-remaining-tokens-minute", "-12"),
        ]);
        assert!(cerebras.requests[0].is_long());
        assert_eq!(cerebras.tokens[0].remaining, Some(0));
        let openrouter = told(&[
            ("X-RateLimit-Limit", "20"),
            ("X-RateLimit-Remaining", "0"),
            ("X-RateLimit-Reset", "1768478460000"),
        ]);
        assert_eq!(openrouter.requests[0].reset, Some(MINUTE));
        assert!(!openrouter.requests[0].refills);
    }

    #[test]
    fn nonsense_tells_nothing() {
        let nothing = told(&[("x-ratelimit-limit-requests", "many"), ("x-ratelimit-reset-tokens", "?")]);
        assert_eq!(nothing, RateLimitHeaders::default());
    }
}
