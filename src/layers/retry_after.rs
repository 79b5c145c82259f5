//! How long a server asks to wait: `retry-after-ms` and `retry-after`, read as JavaScript reads them.
//!
//! Standard: <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>. JavaScript takes more than that:
//! fractions, trailing text, dates in nearly any order.

use std::time::Duration;

use crate::transport::Headers;

/// How long the server asks to wait before another try, if it says so and the time is not past.
///
/// `now` is in milliseconds since the Unix epoch. Absurd waits are a hundred years, which clocks can still add up.
/// Whether a client obeys is another question: the retry
/// policies of the reference ignore waits of a minute and more.
///
/// # Example: advice for the user
///
/// ```
/// use std::time::Duration;
/// use samewire::{layers::retry_after, transport::Headers};
///
/// let headers = Headers::from_iter([("Retry-After", "4s")]);
/// assert_eq!(retry_after(&headers, 0.0), Some(Duration::from_secs(4)));
/// ```
pub fn retry_after(headers: &Headers, now: f64) -> Option<Duration> {
    let ms = asked_ms(headers, now)?;
    if ms > 0.0 { Duration::try_from_secs_f64(ms / 1000.0).ok().map(|wait| wait.min(LONGEST)) } else { None }
}

/// The wait that the headers ask for, in milliseconds, good or bad.
pub(super) fn asked_ms(headers: &Headers, now: f64) -> Option<f64> {
    let ms = headers.joined("retry-after-ms").and_then(|text| parse_float(&text));
    if ms.is_some_and(|ms| ms != 0.0) {
        return ms;
    }
    let Some(text) = headers.joined("retry-after").filter(|text| !text.is_empty()) else { return ms };
    match parse_float(&text) {
        Some(seconds) => Some(seconds * 1000.0),
        None => parse_date(&text).map(|date| date - now),
    }
}

/// The moment of a `retry-after` that is no number, in milliseconds since the epoch.
pub(super) fn asked_date(headers: &Headers) -> Option<f64> {
    let text = headers.joined("retry-after")?;
    parse_date(text.trim()).filter(|_| text.trim().parse::<f64>().is_err())
}

const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// JavaScript's `parseFloat`; `None` for NaN.
fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.starts_with("Infinity") {
        return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut len = digits(unsigned);
    let mut found = len > 0;
    if let Some(fraction) = unsigned[len..].strip_prefix('.') {
        let more = digits(fraction);
        found |= more > 0;
        len += 1 + more;
    }
    if !found {
        return None;
    }
    if let Some(exponent) = unsigned[len..].strip_prefix(['e', 'E']) {
        let bare = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if digits(bare) > 0 {
            len += 1 + exponent.len() - bare.len() + digits(bare);
        }
    }
    text[..text.len() - unsigned.len() + len].parse().ok()
}

/// JavaScript's `Date.parse` for the forms in use: RFC 1123, RFC 850, asctime, with an offset, ISO 8601.
/// A time without a zone is taken as UTC.
pub(crate) fn parse_date(text: &str) -> Option<f64> {
    let mut date = Parts::default();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphabetic();
        if first.is_ascii_digit() {
            let len = rest.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(rest.len());
            date.number(&rest[..len])?;
            rest = &rest[len..];
        } else if is_word(first) {
            let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            date.word(&rest[..len])?;
            rest = &rest[len..];
        } else if date.time.is_some() && (first == '+' || first == '-') {
            let offset = &rest[1..];
            let len = offset.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(offset.len());
            date.offset(first == '-', &offset[..len])?;
            rest = &offset[len..];
        } else if date.time.is_some() && first == '.' {
            let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
            date.millis = (format!("0{}", &rest[..=digits]).parse::<f64>().ok()? * 1000.0).floor();
            rest = &rest[1 + digits..];
        } else if matches!(first, ' ' | ',' | '-' | '/') {
            rest = &rest[1..];
        } else {
            return None;
        }
    }
    date.millis()
}

#[derive(Default)]
struct Parts {
    numbers: Vec<(u32, usize)>,
    month: Option<u32>,
    time: Option<[u32; 3]>,
    millis: f64,
    offset_minutes: i32,
}

impl Parts {
    fn number(&mut self, text: &str) -> Option<()> {
        if text.contains(':') {
            let mut time = [0; 3];
            let mut parts = text.split(':');
            for (slot, part) in time.iter_mut().zip(parts.by_ref()) {
                *slot = part.parse().ok()?;
            }
            let good = parts.next().is_none() && time[0] < 24 && time[1] < 60 && time[2] < 60;
            self.time = Some(time).filter(|_| good && self.time.is_none());
            return self.time.map(|_| ());
        }
        self.numbers.push((text.parse().ok()?, text.len()));
        (self.numbers.len() <= 3).then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let word = word.to_ascii_lowercase();
        if matches!(&*word, "gmt" | "utc" | "ut" | "z" | "t") {
            return Some(());
        }
        let zones = [
            ("est", -5),
            ("edt", -4),
            ("cst", -6),
            ("cdt", -5),
            ("mst", -7),
            ("mdt", -6),
            ("pst", -8),
            ("pdt", -7),
        ];
        if let Some((_, hours)) = zones.iter().find(|(name, _)| *name == word) {
            self.offset_minutes = hours * 60;
            return Some(());
        }
        let start = word.get(..3)?;
        if let Some(month) = MONTHS.iter().position(|month| *month == start) {
            self.month = Some(month as u32 + 1);
        } else if !["mon", "tue", "wed", "thu", "fri", "sat", "sun"].contains(&start) {
            return None;
        }
        Some(())
    }

    fn offset(&mut self, west: bool, digits: &str) -> Option<()> {
        let digits = digits.replace(':', "");
        let number: i32 = digits.parse().ok()?;
        let minutes = if digits.len() <= 2 { number * 60 } else { number / 100 * 60 + number % 100 };
        self.offset_minutes = if west { -minutes } else { minutes };
        Some(())
    }

    fn millis(&self) -> Option<f64> {
        let (year, month, day) = match (self.month, &self.numbers[..]) {
            (Some(month), [(day, _), (year, digits)]) => (full_year(*year, *digits), month, *day),
            (None, [(year, 3..), (month, _), (day, _)]) => (*year, *month, *day),
            (None, [(month, _), (day, _), (year, digits)]) => (full_year(*year, *digits), *month, *day),
            _ => return None,
        };
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let [hour, minute, second] = self.time.unwrap_or_default();
        let seconds = f64::from(hour * 3600 + minute * 60 + second) - f64::from(self.offset_minutes) * 60.0;
        Some((days(year, month, day) * 86400.0 + seconds) * 1000.0 + self.millis)
    }
}

fn full_year(year: u32, digits: usize) -> u32 {
    match (digits, year) {
        (..=2, ..=49) => 2000 + year,
        (..=2, _) => 1900 + year,
        _ => year,
    }
}

/// Days from 1970-01-01, by Howard Hinnant's `days_from_civil`.
fn days(year: u32, month: u32, day: u32) -> f64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = i64::from((153 * ((month + 9) % 12) + 2) / 5 + day - 1);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era - 719_468) as f64
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;

    #[test]
    fn floats_as_javascript_reads_them() {
        let cases: [(&str, Option<f64>); 14] = [
            ("3", Some(3.0)),
            (" 4s", Some(4.0)),
            ("2, 9", Some(2.0)),
            ("1e1", Some(10.0)),
            ("1e", Some(1.0)),
            ("1e+x", Some(1.0)),
            ("-5", Some(-5.0)),
            (".5.", Some(0.5)),
            ("5.", Some(5.0)),
            ("2026-01-15T12:00:05Z", Some(2026.0)),
            ("Infinity", Some(f64::INFINITY)),
            ("soon", None),
            (".", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse_float(text), want, "{text:?}");
        }
    }

    #[test]
    fn an_absurd_wait_can_still_be_added_to_the_time() {
        for text in ["18000000000000000000", "1e18", "Fri, 31 Dec 999999 23:59:59 GMT"] {
            let wait = retry_after(&Headers::from_iter([("retry-after", text)]), 0.0);
            assert!(wait.is_none_or(|wait| wait == LONGEST), "{text}: {wait:?}");
        }
    }

    #[test]
    fn dates_in_every_form() {
        for (text, seconds) in [
            ("Thu, 15 Jan 2026 12:00:07 GMT", 7.0),
            ("Thursday, 15-Jan-26 12:00:09 GMT", 9.0),
            ("Thu Jan 15 12:00:11 2026", 11.0),
            ("Thu, 15 Jan 2026 13:00:05 +0100", 5.0),
            ("Thu, 15 Jan 2026 04:00:05 PST", 5.0),
            ("2026-01-15T12:00:05Z", 5.0),
            ("2026-01-15T12:00:05.250+00:00", 5.25),
        ] {
            assert_eq!(parse_date(text), Some(TestClock::START + seconds * 1000.0), "{text}");
        }
        for text in ["soon", "", "Thu", "15 Foo 2026", "Thu, 15 Jan 2026 99:00:00 GMT", "1:2:3:4"] {
            assert_eq!(parse_date(text), None, "{text:?}");
        }
        assert_eq!(parse_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0.0));
        assert_eq!(parse_date("29 Feb 2000"), Some(951_782_400_000.0));
    }
}
