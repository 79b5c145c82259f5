//! What `JSON.stringify` writes.

use std::fmt::Write;

use super::scan::plain_prefix;
use super::value::Value;

/// Appends `text` as a JSON string: quotes, backslashes and control characters below U+0020 are escaped,
/// nothing else.
///
/// # Example: quote a string
///
/// ```
/// let mut out = String::new();
/// samewire::json::write_string(&mut out, "a\"b\n");
/// assert_eq!(out, r#""a\"b\n""#);
/// ```
pub fn write_string(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, behind) = rest.split_at(plain_prefix(rest.as_bytes()));
        out.push_str(plain);
        let Some(&byte) = behind.as_bytes().first() else { break };
        rest = &behind[1..];
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x09 => out.push_str("\\t"),
            0x0A => out.push_str("\\n"),
            0x0C => out.push_str("\\f"),
            0x0D => out.push_str("\\r"),
            _ => {
                out.push_str(if byte < 0x10 { "\\u000" } else { "\\u001" });
                out.push(char::from(HEX[usize::from(byte & 0xF)]));
            }
        }
    }
    out.push('"');
}

/// Appends `number` as JavaScript prints it, the shortest text that reads back as the same number;
/// `null` if it is infinite or not a number, `0` for negative zero.
///
/// The rules: <https://tc39.es/ecma262/#sec-numeric-types-number-tostring>.
///
/// # Example: where JavaScript turns to exponents
///
/// ```
/// let mut out = String::new();
/// for number in [1e20, 1e21, 1e-6, 1e-7] {
///     samewire::json::write_number(&mut out, number);
///     out.push(' ');
/// }
/// assert_eq!(out, "100000000000000000000 1e+21 0.000001 1e-7 ");
/// ```
pub fn write_number(out: &mut String, number: f64) {
    if !number.is_finite() {
        out.push_str("null");
    } else if number.abs() <= MAX_SAFE_INTEGER && number.fract() == 0.0 {
        let _ = write!(out, "{}", number as i64);
    } else {
        out.push_str(ryu_js::Buffer::new().format_finite(number));
    }
}

/// Writes values in document order: commas, line breaks and indentation are its business.
pub(super) struct Writer {
    out: String,
    pretty: bool,
    depth: usize,
    /// Whether the innermost container has nothing in it yet.
    empty: bool,
}

impl Writer {
    /// With room for about as many bytes.
    pub(super) fn compact(room: usize) -> Self {
        Self { out: String::with_capacity(room), pretty: false, depth: 0, empty: true }
    }

    /// With room for about as many bytes.
    pub(super) fn pretty(room: usize) -> Self {
        Self { pretty: true, ..Self::compact(room) }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.raw("null"),
            Value::Bool(true) => self.raw("true"),
            Value::Bool(false) => self.raw("false"),
            Value::Number(number) => self.number(*number),
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.open('[');
                for item in items {
                    self.item();
                    self.value(item);
                }
                self.close(']');
            }
            Value::Object(object) => {
                self.open('{');
                for (key, value) in object {
                    self.key(key);
                    self.value(value);
                }
                self.close('}');
            }
        }
    }

    pub(super) fn raw(&mut self, text: &str) {
        self.out.push_str(text);
    }

    pub(super) fn number(&mut self, number: f64) {
        write_number(&mut self.out, number);
    }

    pub(super) fn string(&mut self, text: &str) {
        write_string(&mut self.out, text);
    }

    /// Writes a string that is known to need no escapes.
    pub(super) fn quoted(&mut self, text: &str) {
        self.out.push('"');
        self.out.push_str(text);
        self.out.push('"');
    }

    pub(super) fn open(&mut self, bracket: char) {
        self.out.push(bracket);
        self.depth += 1;
        self.empty = true;
    }

    pub(super) fn item(&mut self) {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        self.line();
    }

    pub(super) fn key(&mut self, key: &str) {
        self.item();
        self.string(key);
        self.colon();
    }

    pub(super) fn colon(&mut self) {
        self.out.push_str(if self.pretty { ": " } else { ":" });
    }

    pub(super) fn close(&mut self, bracket: char) {
        self.depth -= 1;
        if !self.empty {
            self.line();
        }
        self.out.push(bracket);
        self.empty = false;
    }

    fn line(&mut self) {
        if self.pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.depth));
        }
    }
}

/// Integers up to here have one float each: <https://tc39.es/ecma262/#sec-number.max_safe_integer>.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

const HEX: [u8; 16] = *b"0123456789abcdef";
