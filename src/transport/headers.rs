//! Header lines as they stand on the wire.
//!
//! <https://www.rfc-editor.org/rfc/rfc9110#section-5>

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "http")]
use std::sync::OnceLock;

use bytes::Bytes;

use crate::Text;
use crate::shared_list::SharedList;

/// The line that differs between all requests with a body.
pub(crate) const CONTENT_LENGTH: Text = Text::from_static("content-length");

/// Header lines in wire order; names keep their spelling, and the same name may stand twice. Clones share them until
/// one changes.
#[derive(Clone, Default)]
pub struct Headers {
    lines: SharedList<Line>,
    /// What stands in the place of one line's value: most requests differ in their content length from those before,
    /// and share the rest.
    changed: Option<Arc<(usize, HeaderValue)>>,
    /// What a transport made of the shared lines, for those who share them.
    #[cfg(feature = "http")]
    made: Option<Arc<OnceLock<http::HeaderMap>>>,
}

type Line = (Text, HeaderValue);

/// The bytes of a header value, and whether they are a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderValue {
    bytes: Bytes,
    secret: bool,
}

impl HeaderValue {
    /// A value that may be shown.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), secret: false }
    }

    /// A value that `Debug` output hides.
    pub fn secret(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), secret: true }
    }

    /// The bytes as they go on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, to be shared.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether the value is a key, a token or another secret.
    pub fn is_secret(&self) -> bool {
        self.secret
    }
}

impl From<&'static str> for HeaderValue {
    fn from(value: &'static str) -> Self {
        Self::new(value)
    }
}

impl From<String> for HeaderValue {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secret { f.write_str("[secret]") } else { self.bytes.fmt(f) }
    }
}

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// No headers, with room for that many lines.
    pub(crate) fn with_capacity(lines: usize) -> Self {
        Self { lines: SharedList::with_capacity(lines), ..Self::default() }
    }

    /// The same lines for many requests, which may each [set](Self::set) one of their own: what a transport makes of the
    /// others is kept with them.
    pub(crate) fn for_many(mut self) -> Self {
        self.own();
        #[cfg(feature = "http")]
        {
            self.made = Some(Arc::default());
        }
        self
    }

    /// Where a transport keeps what it makes of the lines without the [changed](Self::changed) one, if it may.
    #[cfg(feature = "http")]
    pub(super) fn made(&self) -> Option<&OnceLock<http::HeaderMap>> {
        self.made.as_deref()
    }

    /// The lines as they are shared.
    #[cfg(feature = "http")]
    pub(super) fn unchanged(&self) -> impl Iterator<Item = (&str, &HeaderValue)> {
        self.lines.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The line whose value is this request's own: the first of its name.
    #[cfg(feature = "http")]
    pub(super) fn changed(&self) -> Option<(&str, &HeaderValue)> {
        let (at, value) = self.changed.as_deref()?;
        let (name, _) = self.lines.iter().nth(*at)?;
        Some((name, value))
    }

    /// Adds a line at the end, whatever stands there already.
    pub fn append(&mut self, name: impl Into<Text>, value: impl Into<HeaderValue>) {
        self.own().push((name.into(), value.into()));
    }

    /// Removes every line of that name (any case) and adds one at the end.
    pub fn replace(&mut self, name: impl Into<Text>, value: impl Into<HeaderValue>) {
        let name = name.into();
        self.remove(&name);
        self.append(name, value);
    }

    /// Changes the value of the first line of that name in its place, or adds one at the end.
    pub fn set(&mut self, name: impl Into<Text>, value: impl Into<HeaderValue>) {
        let name = name.into();
        match self.position(&name) {
            None => self.append(name, value),
            Some(at) => {
                if self.changed.as_ref().is_some_and(|changed| changed.0 != at) {
                    self.own();
                }
                self.changed = Some(Arc::new((at, value.into())));
            }
        }
    }

    /// Puts lines behind the first line of that name (any case), or at the end. Lines of the same names
    /// that stand there already go.
    pub fn insert_behind<N, V>(&mut self, name: &str, lines: impl IntoIterator<Item = (N, V)>)
    where
        N: Into<Text>,
        V: Into<HeaderValue>,
    {
        let lines: Vec<Line> = lines.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        for (name, _) in &lines {
            self.remove(name);
        }
        let at = self.position(name).map_or(self.len(), |at| at + 1);
        let own = self.own();
        for (index, line) in lines.into_iter().enumerate() {
            own.insert(at + index, line);
        }
    }

    /// Removes every line of that name (any case).
    pub fn remove(&mut self, name: &str) {
        while let Some(at) = self.position(name) {
            self.own().remove(at);
        }
    }

    /// The value of the first line of that name (any case).
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.lines.iter().position(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// The lines, to be changed.
    fn own(&mut self) -> &mut SharedList<Line> {
        #[cfg(feature = "http")]
        {
            self.made = None;
        }
        if let Some(changed) = self.changed.take()
            && let Some(line) = self.lines.get_mut(changed.0)
        {
            line.1 = changed.1.clone();
        }
        &mut self.lines
    }

    /// All values of that name joined with `, `, as JavaScript's `Headers.get` gives them.
    pub fn joined(&self, name: &str) -> Option<String> {
        let mut values = self.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut joined = latin1(values.next()?.1.as_bytes());
        for (_, value) in values {
            joined.push_str(", ");
            joined.push_str(&latin1(value.as_bytes()));
        }
        Some(joined)
    }

    /// The lines in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &HeaderValue)> {
        self.lines().map(|(name, value)| (name.as_str(), value))
    }

    /// The lines in order, whose clones share their text.
    pub(crate) fn lines(&self) -> impl ExactSizeIterator<Item = (&Text, &HeaderValue)> {
        let changed = self.changed.as_deref();
        self.lines.iter().enumerate().map(move |(at, (name, value))| match changed {
            Some((other, value)) if *other == at => (name, value),
            _ => (name, value),
        })
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<N: Into<Text>, V: Into<HeaderValue>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(lines: I) -> Self {
        let lines = lines.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { lines, ..Self::default() }
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.lines().eq(other.lines())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn latin1(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => text.to_owned(),
        _ => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Append(usize, u8),
        Set(usize, u8),
        Replace(usize, u8),
        Remove(usize),
        Behind(usize, usize, u8),
        Share,
    }

    const NAMES: [&str; 4] = ["Host", "content-length", "x-a", "X-A"];

    fn any_step() -> impl Strategy<Value = Step> {
        let (name, value) = (0..NAMES.len(), any::<u8>());
        prop_oneof![
            (name.clone(), value).prop_map(|(name, value)| Step::Append(name, value)),
            (name.clone(), value).prop_map(|(name, value)| Step::Set(name, value)),
            (name.clone(), value).prop_map(|(name, value)| Step::Replace(name, value)),
            name.clone().prop_map(Step::Remove),
            (name.clone(), name, value).prop_map(|(at, name, value)| Step::Behind(at, name, value)),
            Just(Step::Share),
        ]
    }

    type Model = Vec<(&'static str, String)>;

    fn lines(headers: &Headers) -> Vec<(String, String)> {
        headers.iter().map(|(name, value)| (name.to_owned(), latin1(value.as_bytes()))).collect()
    }

    fn model_lines(model: &Model) -> Vec<(String, String)> {
        model.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    proptest! {
        #[test]
        fn lines_change_in_their_place_and_what_shares_them_stays_as_it_was(
            steps in prop::collection::vec(any_step(), 0..30),
        ) {
            let (mut headers, mut model, mut shares) = (Headers::new(), Model::new(), Vec::new());
            for step in steps {
                let first = |model: &Model, name: &str| model.iter().position(|(n, _)| n.eq_ignore_ascii_case(name));
                match step {
                    Step::Append(name, value) => {
                        headers.append(NAMES[name], value.to_string());
                        model.push((NAMES[name], value.to_string()));
                    }
                    Step::Set(name, value) => {
                        headers.set(NAMES[name], value.to_string());
                        match first(&model, NAMES[name]) {
                            Some(at) => model[at].1 = value.to_string(),
                            None => model.push((NAMES[name], value.to_string())),
                        }
                    }
                    Step::Replace(name, value) => {
                        headers.replace(NAMES[name], value.to_string());
                        model.retain(|(n, _)| !n.eq_ignore_ascii_case(NAMES[name]));
                        model.push((NAMES[name], value.to_string()));
                    }
                    Step::Remove(name) => {
                        headers.remove(NAMES[name]);
                        model.retain(|(n, _)| !n.eq_ignore_ascii_case(NAMES[name]));
                    }
                    Step::Behind(at, name, value) => {
                        headers.insert_behind(NAMES[at], [(NAMES[name], value.to_string())]);
                        model.retain(|(n, _)| !n.eq_ignore_ascii_case(NAMES[name]));
                        let at = first(&model, NAMES[at]).map_or(model.len(), |at| at + 1);
                        model.insert(at, (NAMES[name], value.to_string()));
                    }
                    Step::Share => shares.push((headers.clone(), model.clone())),
                }
                prop_assert_eq!(lines(&headers), model_lines(&model));
                prop_assert_eq!(headers.len(), model.len());
                for name in NAMES {
                    let value = headers.get(name).map(|value| latin1(value.as_bytes()));
                    prop_assert_eq!(value, first(&model, name).map(|at| model[at].1.clone()));
                }
            }
            for (headers, model) in shares {
                prop_assert_eq!(lines(&headers), model_lines(&model));
                prop_assert!(headers == model.iter().map(|(name, value)| (*name, value.clone())).collect());
            }
        }
    }
}
