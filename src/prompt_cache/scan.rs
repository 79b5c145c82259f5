//! A JSON body as a flat list of its values, each with its place.

use std::fmt::Write;

use crate::Error;

/// The parts of a prompt, in the order in which services cache them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Tools,
    System,
    Messages,
}

impl Section {
    pub(super) const IN_CACHE_ORDER: [Self; 3] = [Self::Tools, Self::System, Self::Messages];

    /// The section that a field of the body belongs to, in any of the protocols.
    fn of_field(name: &[u8]) -> Option<Self> {
        match name {
            b"tools" | b"toolConfig" | b"functions" => Some(Self::Tools),
            b"system" | b"systemInstruction" | b"instructions" => Some(Self::System),
            b"messages" | b"contents" | b"input" | b"prompt" => Some(Self::Messages),
            _ => None,
        }
    }
}

/// A text, number, literal, or empty container.
#[derive(Clone, Debug)]
pub(super) struct Leaf<'a> {
    pub(super) path: String,
    pub(super) raw: &'a [u8],
    pub(super) byte: usize,
}

impl Leaf<'_> {
    pub(super) fn is_like(&self, other: &Leaf<'_>) -> bool {
        self.path == other.path && self.raw == other.raw
    }

    pub(super) fn end(&self) -> usize {
        self.byte + self.raw.len()
    }
}

/// A place up to which a request wants its prompt cached.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) section: Section,
    /// How many leaves of the section stand before it.
    pub(super) leaves: usize,
    pub(super) path: String,
}

/// A body, taken apart.
pub(super) struct Scan<'a> {
    sections: [Vec<Leaf<'a>>; 3],
    marks: Vec<Mark>,
    fields: Vec<(&'a [u8], &'a [u8])>,
    tools: Vec<&'a [u8]>,
}

impl<'a> Scan<'a> {
    pub(super) fn of(body: &'a [u8]) -> Result<Self, Error> {
        let scan =
            Self { sections: Default::default(), marks: Vec::new(), fields: Vec::new(), tools: Vec::new() };
        let mut reader = Reader { body, at: 0, path: String::new(), depth: 0, section: None, scan };
        reader.body().ok_or_else(|| {
            Error::invalid_response(format!("the body is no JSON object: see byte {}", reader.at))
        })?;
        Ok(reader.scan)
    }

    pub(super) fn section(&self, section: Section) -> &[Leaf<'a>] {
        &self.sections[section as usize]
    }

    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The text of a field of the body.
    pub(super) fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|(known, _)| *known == name.as_bytes()).map(|(_, raw)| *raw)
    }

    /// The system prompt, also where it is the first message.
    pub(super) fn system(&self) -> Vec<Leaf<'a>> {
        let first: Vec<&Leaf<'_>> = self
            .section(Section::Messages)
            .iter()
            .take_while(|leaf| {
                let rest = leaf.path.split_once('[').map_or("", |(_, rest)| rest);
                rest.starts_with("0]")
            })
            .collect();
        let is_system = first.iter().any(|leaf| {
            leaf.path.ends_with("[0].role") && matches!(leaf.raw, b"\"system\"" | b"\"developer\"")
        });
        let message = first.into_iter().filter(|_| is_system).cloned();
        self.section(Section::System).iter().cloned().chain(message).collect()
    }

    /// The texts of all tools, in alphabetical order.
    pub(super) fn sorted_tools(&self) -> Vec<&'a [u8]> {
        let mut tools = self.tools.clone();
        tools.sort_unstable();
        tools
    }
}

/// Reads JSON; every method leaves `at` behind what it read, or gives `None` at a mistake.
struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    path: String,
    depth: usize,
    section: Option<Section>,
    scan: Scan<'a>,
}

impl<'a> Reader<'a> {
    fn body(&mut self) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let name = self.key()?;
            self.section = Section::of_field(name);
            self.path = String::from_utf8_lossy(name).into_owned();
            self.space();
            let begin = self.at;
            self.member(name)?;
            self.scan.fields.push((name, &self.body[begin..self.at]));
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    /// The value of an object's member. A text in the place of a list of blocks counts as a list of one.
    fn member(&mut self, name: &[u8]) -> Option<()> {
        self.space();
        if matches!(name, b"content" | b"system") && self.body.get(self.at) == Some(&b'"') {
            let (length, begin) = (self.path.len(), self.at);
            self.path.push_str("[0].type");
            self.leaf(b"\"text\"", begin);
            self.path.truncate(length);
            self.path.push_str("[0].text");
            self.value()?;
            self.path.truncate(length);
            return Some(());
        }
        self.value()
    }

    fn value(&mut self) -> Option<()> {
        self.space();
        let begin = self.at;
        match self.body.get(self.at)? {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'"' => {
                self.text()?;
                self.leaf(&self.body[begin..self.at], begin);
                Some(())
            }
            _ => {
                let rest = &self.body[begin..];
                let length =
                    rest.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
                self.at += length;
                self.leaf(&self.body[begin..self.at], begin);
                (length > 0).then_some(())
            }
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        let outcome = if self.depth > DEEPEST { None } else { read(self) };
        self.depth -= 1;
        outcome
    }

    fn object(&mut self) -> Option<()> {
        let begin = self.at;
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            self.leaf(b"{}", begin);
            return Some(());
        }
        loop {
            let name = self.key()?;
            if matches!(name, b"cache_control" | b"cachePoint") {
                self.mark()?;
            } else {
                let length = self.path.len();
                self.path.push('.');
                self.path.push_str(&String::from_utf8_lossy(name));
                self.member(name)?;
                self.path.truncate(length);
            }
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    fn array(&mut self) -> Option<()> {
        let begin = self.at;
        self.take(b'[')?;
        if self.take(b']').is_some() {
            self.leaf(b"[]", begin);
            return Some(());
        }
        let is_tools = self.section == Some(Section::Tools) && !self.path.contains('[');
        for index in 0.. {
            let length = self.path.len();
            let _ = write!(self.path, "[{index}]");
            self.space();
            let element = self.at;
            self.value()?;
            self.path.truncate(length);
            if is_tools {
                self.scan.tools.push(&self.body[element..self.at]);
            }
            if self.take(b',').is_none() {
                break;
            }
        }
        self.take(b']')
    }

    /// A mark's value, which is no part of the prompt. It covers all that stands before it, and the rest of
    /// the object that it stands in.
    fn mark(&mut self) -> Option<()> {
        let section = self.section.take();
        self.value()?;
        self.section = section;
        if let Some(section) = section {
            let leaves = self.scan.section(section).len();
            self.scan.marks.push(Mark { section, leaves, path: self.path.clone() });
        }
        Some(())
    }

    fn leaf(&mut self, raw: &'a [u8], byte: usize) {
        if let Some(section) = self.section {
            self.scan.sections[section as usize].push(Leaf { path: self.path.clone(), raw, byte });
        }
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        self.space();
        let begin = self.at;
        self.text()?;
        let key = &self.body[begin + 1..self.at - 1];
        self.take(b':')?;
        Some(key)
    }

    fn text(&mut self) -> Option<()> {
        if self.body.get(self.at) != Some(&b'"') {
            return None;
        }
        self.at += 1;
        loop {
            self.at += memchr::memchr2(b'"', b'\\', self.body.get(self.at..)?)?;
            if self.body[self.at] == b'"' {
                self.at += 1;
                return Some(());
            }
            self.at += 2;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.body.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while self.body.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }
}

/// Bodies that are nested deeper are refused, so that no body can exhaust the stack.
const DEEPEST: usize = 512;
