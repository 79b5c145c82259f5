//! A configuration file as a tree with places, whichever language it is written in.

use std::ops::Range;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::json::{Object, Value};

/// The languages that a configuration can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// <https://toml.io/en/v1.1.0>
    Toml,
    /// <https://yaml.org/spec/1.2.2>
    Yaml,
}

/// One value and the line that it stands in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) data: Data,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Node,
}

/// Why a text is not of its language.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

impl Node {
    /// Reads a file's text. An empty file is an empty table.
    pub(super) fn parse(text: &str, language: Language) -> Result<Self, Malformed> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match language {
            Language::Toml => of_toml(text),
            Language::Yaml => of_yaml(text),
        }
    }

    /// What kind of value it is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "a switch",
            Data::Number(_) => "a number",
            Data::Text(_) => "a text",
            Data::List(_) => "a list",
            Data::Table(_) => "a table",
        }
    }

    /// The value of a key; `None` if there is none or if it is no table.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Data::Table(entries) = &self.data else { return None };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Lays another table over this one: its entries win, tables within tables are laid over each other.
    pub(super) fn overlay(&mut self, over: Self) {
        match (&mut self.data, over.data) {
            (Data::Table(entries), Data::Table(over)) => {
                for entry in over {
                    match entries.iter_mut().find(|known| known.key == entry.key) {
                        Some(known) => {
                            known.line = entry.line;
                            known.value.overlay(entry.value);
                        }
                        None => entries.push(entry),
                    }
                }
            }
            (own, data) => {
                *own = data;
                self.line = over.line;
            }
        }
    }
}

impl From<&Data> for Value {
    fn from(data: &Data) -> Self {
        match data {
            Data::Null => Self::Null,
            Data::Bool(switch) => (*switch).into(),
            Data::Number(number) => (*number).into(),
            Data::Text(text) => text.as_str().into(),
            Data::List(items) => Self::Array(items.iter().map(|item| Self::from(&item.data)).collect()),
            Data::Table(entries) => {
                let mut object = Object::with_capacity(entries.len());
                for entry in entries {
                    object.insert(entry.key.as_str(), Self::from(&entry.value.data));
                }
                object.into()
            }
        }
    }
}

fn of_toml(text: &str) -> Result<Node, Malformed> {
    let line = |span: Range<usize>| 1 + text[..span.start.min(text.len())].matches('\n').count();
    let document = DeTable::parse(text).map_err(|error| Malformed {
        line: error.span().map(line),
        message: error.message().lines().collect::<Vec<_>>().join(", "),
    })?;
    Ok(Node { line: 1, data: toml_table(document.get_ref(), &line) })
}

fn toml_table(table: &DeTable<'_>, line: &dyn Fn(Range<usize>) -> usize) -> Data {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| Entry {
        key: std::borrow::Cow::to_string(key.get_ref()),
        line: line(key.span()),
        value: toml_value(value, line),
    };
    Data::Table(table.iter().map(entry).collect())
}

fn toml_value(value: &Spanned<DeValue<'_>>, line: &dyn Fn(Range<usize>) -> usize) -> Node {
    let data = match value.get_ref() {
        DeValue::String(text) => Data::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Data::Null, |n| Data::Number(n as f64)),
        DeValue::Float(number) => number.as_str().parse().map_or(Data::Null, Data::Number),
        DeValue::Boolean(switch) => Data::Bool(*switch),
        DeValue::Datetime(time) => Data::Text(time.to_string()),
        DeValue::Array(items) => Data::List(items.iter().map(|item| toml_value(item, line)).collect()),
        DeValue::Table(table) => toml_table(table, line),
    };
    Node { line: line(value.span()), data }
}

fn of_yaml(text: &str) -> Result<Node, Malformed> {
    let documents = MarkedYaml::load_from_str(text)
        .map_err(|error| Malformed { line: Some(error.marker().line()), message: error.info().to_owned() })?;
    match documents.as_slice() {
        [] => Ok(Node { line: 1, data: Data::Table(Vec::new()) }),
        [document] => {
            let node = yaml_node(document)?;
            let nothing = node.data == Data::Null;
            Ok(if nothing { Node { line: 1, data: Data::Table(Vec::new()) } } else { node })
        }
        [_, second, ..] => Err(Malformed {
            line: Some(second.span.start.line()),
            message: "a second YAML document begins here; put everything into one".to_owned(),
        }),
    }
}

fn yaml_node(node: &MarkedYaml<'_>) -> Result<Node, Malformed> {
    let line = node.span.start.line();
    let fail = |message: &str| Malformed { line: Some(line), message: message.to_owned() };
    let data = match &node.data {
        YamlData::Value(Scalar::Null) => Data::Null,
        YamlData::Value(Scalar::Boolean(switch)) => Data::Bool(*switch),
        YamlData::Value(Scalar::Integer(number)) => Data::Number(*number as f64),
        YamlData::Value(Scalar::FloatingPoint(number)) => Data::Number(number.into_inner()),
        YamlData::Value(Scalar::String(text)) | YamlData::Representation(text, ..) => {
            Data::Text(text.to_string())
        }
        YamlData::Sequence(items) => Data::List(items.iter().map(yaml_node).collect::<Result<_, _>>()?),
        YamlData::Mapping(entries) => {
            let entry = |(key, value): (&MarkedYaml<'_>, &MarkedYaml<'_>)| {
                let line = key.span.start.line();
                let YamlData::Value(Scalar::String(name)) = &key.data else {
                    return Err(Malformed { line: Some(line), message: "keys must be texts".to_owned() });
                };
                Ok(Entry { key: name.to_string(), line, value: yaml_node(value)? })
            };
            Data::Table(entries.iter().map(entry).collect::<Result<_, _>>()?)
        }
        YamlData::Tagged(..) => return Err(fail("tags (`!...`) are not understood")),
        YamlData::Alias(_) | YamlData::BadValue => return Err(fail("this value cannot be read")),
    };
    Ok(Node { line, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_of(node: &Node, path: &[&str]) -> usize {
        path.iter().fold(node, |node, key| node.get(key).unwrap()).line
    }

    #[test]
    fn both_languages_give_the_same_tree() {
        let toml = "default = \"a\"\n[providers.a]\nmodel = \"m\"\ntags = [1, 2.5, true]\n";
        let yaml = "default: a\nproviders:\n  a:\n    model: m\n    tags: [1, 2.5, true]\n";
        let [toml, yaml] =
            [(toml, Language::Toml), (yaml, Language::Yaml)].map(|(text, l)| Node::parse(text, l).unwrap());
        assert_eq!(Value::from(&toml.data), Value::from(&yaml.data));
        assert_eq!(line_of(&toml, &["providers", "a", "model"]), 3);
        assert_eq!(line_of(&yaml, &["providers", "a", "model"]), 4);
    }

    #[test]
    fn broken_files_name_the_line() {
        let toml = Node::parse("a = 1\nb = \n", Language::Toml).unwrap_err();
        assert_eq!(toml.line, Some(2), "{toml:?}");
        let yaml = Node::parse("a: 1\nb: [1, 2\nc: 3\n", Language::Yaml).unwrap_err();
        assert!(yaml.line >= Some(2), "{yaml:?}");
        let twice = Node::parse("a: 1\na: 2\n", Language::Yaml).unwrap_err();
        assert_eq!(twice.line, Some(2), "{twice:?}");
        assert!(Node::parse("a: 1\n---\na: 2\n", Language::Yaml).unwrap_err().message.contains("second"));
        assert!(Node::parse("a: !tag x\n", Language::Yaml).unwrap_err().message.contains("tags"));
        assert!(Node::parse("1: x\n", Language::Yaml).unwrap_err().message.contains("keys must be texts"));
    }

    #[test]
    fn empty_files_are_empty_tables() {
        for language in [Language::Toml, Language::Yaml] {
            for text in ["", "# nothing\n", "\u{feff}"] {
                assert_eq!(Node::parse(text, language).unwrap().data, Data::Table(Vec::new()), "{text:?}");
            }
        }
    }

    #[test]
    fn overlays_win_and_keep_what_they_do_not_name() {
        let mut base = Node::parse("a = 1\n[t]\nx = 1\ny = 1\n", Language::Toml).unwrap();
        base.overlay(Node::parse("\n\n[t]\nx = 2\nz = 3\n", Language::Toml).unwrap());
        assert_eq!(Value::from(&base.data).to_json(), r#"{"a":1,"t":{"x":2,"y":1,"z":3}}"#);
        assert_eq!(line_of(&base, &["t", "x"]), 4);
    }
}
