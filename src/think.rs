//! Reasoning that a model writes into its text: `<think>...</think>`.

use memchr::memchr;

use crate::Text;

/// Separates a tag's content at the very start of a stream from the text behind it.
///
/// Only a tag that is the first thing in the stream counts, and only once; tags nested in it stay in the
/// reasoning. Blanks around the tag's name are allowed, attributes are not. What may still become a tag
/// is kept for the next call. Text is not copied, except what a tag's beginning at a fragment's end
/// forces together.
///
/// # Example: a stream that starts with a thought
///
/// ```
/// use samewire::think::{PieceKind, TagMatcher};
///
/// let mut matcher = TagMatcher::new("think");
/// let pieces: Vec<_> = matcher.push(&"<think>hm</think>yes".into()).collect();
/// assert_eq!((pieces[0].kind, &*pieces[0].text), (PieceKind::Reasoning, "hm"));
/// assert_eq!((pieces[1].kind, &*pieces[1].text), (PieceKind::Text, "yes"));
/// assert!(matcher.finish().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct TagMatcher {
    name: &'static str,
    state: State,
    /// How many tags are open; a closing tag at the start of the stream makes it negative.
    depth: i32,
    /// How much of the name has been read.
    matched: usize,
    started: bool,
    /// What may still become a tag, from earlier fragments.
    pending: String,
}

/// A part of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it stood.
    pub kind: PieceKind,
    /// What it says; never empty.
    pub text: Text,
}

/// What a [`Piece`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// Outside the tag.
    Text,
    /// Inside the tag.
    Reasoning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    Open,
    Close,
}

impl TagMatcher {
    /// A matcher at the start of a stream, for the tag of this name.
    pub fn new(name: &'static str) -> Self {
        Self { name, state: State::Text, depth: 0, matched: 0, started: false, pending: String::new() }
    }

    /// Takes the next fragment and gives what is certain: no piece, one, or reasoning and then text.
    pub fn push(&mut self, fragment: &Text) -> impl Iterator<Item = Piece> + use<> {
        let mut call = Call { start: 0, pieces: [None, None] };
        let bytes = fragment.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if self.state == State::Text {
                let rest = &bytes[at..];
                let plain = if self.depth > 0 {
                    memchr(b'<', rest).unwrap_or(rest.len())
                } else if !self.started && rest[0] == b'<' {
                    0
                } else {
                    rest.len()
                };
                if plain > 0 {
                    at += plain;
                    call.flush(&mut self.pending, self.depth > 0, at);
                } else {
                    self.state = State::Open;
                    self.matched = 0;
                    at += 1;
                }
            } else {
                self.tag_byte(bytes[at], at + 1, &mut call);
                at += 1;
            }
            self.started = true;
        }
        self.pending.push_str(&fragment[call.start..]);
        call.pieces.map(|piece| piece.map(|piece| piece.of(fragment))).into_iter().flatten()
    }

    /// Whether all text passes as it is from now on, or nothing was ever pushed.
    pub(crate) fn is_transparent(&self) -> bool {
        let is_over = self.state == State::Text && self.depth <= 0 && self.pending.is_empty();
        !self.started || is_over
    }

    /// Ends the stream: what looked like the beginning of a tag was none.
    pub fn finish(&mut self) -> Option<Piece> {
        let text = std::mem::take(&mut self.pending);
        let kind = kind(self.depth > 0);
        (!text.is_empty()).then(|| Piece { kind, text: text.into() })
    }

    fn tag_byte(&mut self, byte: u8, end: usize, call: &mut Call) {
        let inside = self.depth > 0;
        let complete = self.matched == self.name.len();
        match byte {
            b'>' if complete => {
                let opened = self.state == State::Open;
                self.depth += if opened { 1 } else { -1 };
                self.state = State::Text;
                if !inside || self.depth <= 0 {
                    self.pending.clear();
                    call.start = end;
                }
            }
            b'/' if self.matched == 0 && self.state == State::Open => self.state = State::Close,
            b' ' if self.matched == 0 || complete => {}
            _ if self.name.as_bytes().get(self.matched) == Some(&byte) => self.matched += 1,
            _ => {
                self.state = State::Text;
                call.flush(&mut self.pending, inside, end);
            }
        }
    }
}

/// What one call of [`TagMatcher::push`] found.
struct Call {
    /// Where the part of the fragment begins that is in no piece yet.
    start: usize,
    pieces: [Option<Found>; 2],
}

/// A piece to be: what was pending, and a range of the fragment.
struct Found {
    kind: PieceKind,
    pending: String,
    start: usize,
    end: usize,
}

impl Call {
    /// Everything up to `end` is certain. Pieces of one kind lie side by side, so they are one.
    fn flush(&mut self, pending: &mut String, inside: bool, end: usize) {
        let kind = kind(inside);
        match self.pieces.iter_mut().flatten().last() {
            Some(last) if last.kind == kind => last.end = end,
            _ => {
                let place = usize::from(self.pieces[0].is_some());
                let pending = std::mem::take(pending);
                self.pieces[place] = Some(Found { kind, pending, start: self.start, end });
            }
        }
        self.start = end;
    }
}

impl Found {
    fn of(self, fragment: &Text) -> Piece {
        let part = &fragment[self.start..self.end];
        let text = if self.pending.is_empty() { fragment.slice(part) } else { (self.pending + part).into() };
        Piece { kind: self.kind, text }
    }
}

fn kind(inside: bool) -> PieceKind {
    if inside { PieceKind::Reasoning } else { PieceKind::Text }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn chunk(piece: &Piece) -> Value {
        let kind = match piece.kind {
            PieceKind::Text => "text",
            PieceKind::Reasoning => "reasoning",
        };
        json!({ "type": kind, "text": piece.text })
    }

    #[test]
    fn recordings() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/base-openai-compatible");
        let mut found = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if !path.file_name().unwrap().to_str().unwrap().starts_with("tag-matcher-") {
                continue;
            }
            found += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            // Half a surrogate pair cannot be text in Rust.
            let text = text.replace("\"\\ud83d\"", "\"\\ufffd\"").replace("\"\\ude00\"", "\"\\ufffd\"");
            let case: Value = serde_json::from_str(&text).unwrap();
            let mut matcher = TagMatcher::new("think");
            let mut value = Vec::new();
            for step in case["input"]["steps"].as_array().unwrap() {
                let pieces = matcher.push(&step.as_str().unwrap().into());
                value.push(pieces.map(|piece| chunk(&piece)).collect::<Vec<_>>());
            }
            value.push(matcher.finish().iter().map(chunk).collect());
            assert_eq!(json!(value), case["value"], "{}", path.display());
        }
        assert_eq!(found, 14);
    }

    /// The reference's machine, one character at a time.
    fn model(name: &str, fragments: &[&str]) -> Vec<Vec<(bool, String)>> {
        let (mut cached, mut matched, mut state, mut depth, mut index, mut pointer) =
            (String::new(), false, 0, 0, 0, 0);
        let mut calls = Vec::new();
        for fragment in fragments {
            let mut pieces: Vec<(bool, String)> = Vec::new();
            for c in fragment.chars() {
                cached.push(c);
                pointer += 1;
                let complete = index == name.len();
                if state == 0 {
                    if c == '<' && (pointer == 1 || matched) {
                        (state, index) = (1, 0);
                        continue;
                    }
                } else if c == '>' && complete {
                    let closing = state == 2;
                    depth += if closing { -1 } else { 1 };
                    let before = matched;
                    matched = !closing || depth > 0;
                    if !(if closing { matched } else { before }) {
                        cached.clear();
                    }
                    state = 0;
                    continue;
                } else if state == 1 && index == 0 && c == '/' {
                    state = 2;
                    continue;
                } else if c == ' ' && (index == 0 || complete) {
                    continue;
                } else if name[index..].starts_with(c) {
                    index += 1;
                    continue;
                }
                state = 0;
                match pieces.last_mut() {
                    Some((kind, text)) if *kind == matched => text.push_str(&cached),
                    _ => pieces.push((matched, cached.clone())),
                }
                cached.clear();
            }
            calls.push(pieces);
        }
        calls.push(if cached.is_empty() { Vec::new() } else { vec![(matched, cached)] });
        calls
    }

    #[test]
    fn random_fragments_agree_with_the_reference() {
        let mut random = crate::frames::cuts::XorShift(7);
        let parts = ["<", ">", "/", " ", "t", "k", "<tk>", "</tk>", "<tk", "</tk", "x", "é", "🙂", "\n"];
        for _ in 0..20_000 {
            let mut fragments: Vec<String> = Vec::new();
            for _ in 0..random.below(5) {
                fragments.push((0..random.below(6)).map(|_| parts[random.below(parts.len())]).collect());
            }
            if let Some(first) = fragments.first_mut().filter(|_| random.below(2) == 0) {
                first.insert_str(0, "<tk>");
            }
            let fragments: Vec<&str> = fragments.iter().map(String::as_str).collect();
            let mut matcher = TagMatcher::new("tk");
            let plain = |piece: Piece| (piece.kind == PieceKind::Reasoning, String::from(piece.text));
            let mut got: Vec<Vec<_>> = Vec::new();
            for fragment in &fragments {
                got.push(matcher.push(&(*fragment).into()).map(plain).collect());
            }
            got.push(matcher.finish().map(plain).into_iter().collect());
            assert_eq!(got, model("tk", &fragments), "{fragments:?}");
        }
    }

    #[test]
    fn text_is_not_copied() {
        let mut matcher = TagMatcher::new("think");
        for fragment in ["<think>", "a thought</think> an answer", "more"] {
            let fragment = Text::from(fragment);
            let range = fragment.as_bytes().as_ptr_range();
            for piece in matcher.push(&fragment) {
                assert!(range.contains(&piece.text.as_ptr()));
            }
        }
    }
}
