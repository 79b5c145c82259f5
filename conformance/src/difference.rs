//! Where two things differ first, in words that fit on a line or two.

use std::fmt::Write;

use samewire::json::Value;

/// The first difference of two texts; `None` if they are the same.
pub(crate) fn of_texts(expected: &str, actual: &str) -> Option<String> {
    of_bytes(expected.as_bytes(), actual.as_bytes())
}

/// The first difference of two byte strings, with its surroundings.
pub(crate) fn of_bytes(expected: &[u8], actual: &[u8]) -> Option<String> {
    if expected == actual {
        return None;
    }
    let same = expected.iter().zip(actual).take_while(|(a, b)| a == b).count();
    Some(format!("at offset {same}: expected {}, got {}", excerpt(expected, same), excerpt(actual, same)))
}

/// The first difference of two JSON texts, with the path of the value that holds it.
pub(crate) fn of_json(expected: &[u8], actual: &[u8]) -> Option<String> {
    let difference = of_bytes(expected, actual)?;
    let parse = |bytes| Value::parse(std::str::from_utf8(bytes).ok()?).ok();
    let path = match (parse(expected), parse(actual)) {
        (Some(expected), Some(actual)) => path_of_difference(&expected, &actual),
        _ => None,
    };
    Some(match path {
        Some(path) => format!("{path}, {difference}"),
        None => difference,
    })
}

/// The path of the first value that differs, such as `$.messages[1].content`; `None` if the values are the
/// same, so that only their spelling can differ.
pub(crate) fn path_of_difference(expected: &Value, actual: &Value) -> Option<String> {
    let mut path = String::from("$");
    descend(expected, actual, &mut path).then_some(path)
}

fn descend(expected: &Value, actual: &Value, path: &mut String) -> bool {
    let length = path.len();
    match (expected, actual) {
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let _ = write!(path, "[{index}]");
                match (a.get(index), b.get(index)) {
                    (Some(a), Some(b)) if !descend(a, b, path) => path.truncate(length),
                    _ => return true,
                }
            }
            false
        }
        (Value::Object(a), Value::Object(b)) => {
            let mut b = b.iter();
            for (key, value) in a {
                path.push('.');
                path.push_str(key);
                match b.next() {
                    Some((other, found)) if other == key && !descend(value, found, path) => {
                        path.truncate(length);
                    }
                    _ => return true,
                }
            }
            let extra = b.next();
            if let Some((key, _)) = extra {
                path.push('.');
                path.push_str(key);
            }
            extra.is_some()
        }
        _ => expected != actual,
    }
}

/// Up to 40 bytes around an offset, printable, cut where characters begin.
fn excerpt(bytes: &[u8], offset: usize) -> String {
    let is_start = |at: usize| bytes.get(at).is_none_or(|byte| byte & 0xC0 != 0x80);
    let start = (0..=offset.saturating_sub(BEFORE)).rev().find(|at| is_start(*at)).unwrap_or(0);
    let end = (offset + AFTER..bytes.len()).find(|at| is_start(*at)).unwrap_or(bytes.len());
    let (left, right) = (if start > 0 { "…" } else { "" }, if end < bytes.len() { "…" } else { "" });
    if offset == bytes.len() {
        let tail = String::from_utf8_lossy(&bytes[start..]);
        return format!("the end after {left}{tail:?}");
    }
    format!("{left}{:?}{right}", String::from_utf8_lossy(&bytes[start..end]))
}

const BEFORE: usize = 16;
const AFTER: usize = 28;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_show_offset_and_both_sides() {
        assert_eq!(of_texts("same", "same"), None);
        assert_eq!(of_texts("abc", "abd").unwrap(), r#"at offset 2: expected "abc", got "abd""#);
        assert_eq!(of_texts("abc", "ab").unwrap(), r#"at offset 2: expected "abc", got the end after "ab""#);
        let long = "0123456789".repeat(10);
        let other = long.replacen("45", "4x", 5);
        let found = of_texts(&long, &other).unwrap();
        assert!(found.starts_with("at offset 5: expected \"01234567890123456789012345678901"), "{found}");
        assert!(found.contains("…, got"), "{found}");
    }

    #[test]
    fn excerpts_do_not_split_characters() {
        let found = of_texts(&"ä".repeat(40), &format!("{}b", "ä".repeat(30))).unwrap();
        assert!(!found.contains('\u{fffd}'), "{found}");
    }

    #[test]
    fn json_shows_the_path() {
        let path =
            |a: &str, b: &str| path_of_difference(&Value::parse(a).unwrap(), &Value::parse(b).unwrap());
        assert_eq!(path(r#"{"a":[1,{"b":2}]}"#, r#"{"a":[1,{"b":3}]}"#).unwrap(), "$.a[1].b");
        assert_eq!(path(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#).unwrap(), "$.a");
        assert_eq!(path(r#"{"a":1}"#, r#"{"a":1,"b":2}"#).unwrap(), "$.b");
        assert_eq!(path("[1]", "[1,2]").unwrap(), "$[1]");
        assert_eq!(path(r#"{"a": 1.0}"#, r#"{"a":1}"#), None);
        let found = of_json(br#"{"a":{"b":"x"}}"#, br#"{"a":{"b":"y"}}"#).unwrap();
        assert!(found.starts_with("$.a.b, at offset 11: expected "), "{found}");
    }
}
