//! Why a prompt cache was missed: where two requests of one conversation part.
//!
//! Services cache the beginning of a prompt and find it again by its bytes. One changed byte in the system
//! prompt or the tools makes every later token new, and dear. Compare the last request that was cheap with
//! the first that was not.
//!
//! # Example: the system prompt holds the time
//!
//! ```
//! use samewire::prompt_cache::{CacheWarning, Prefix, compare_chats};
//! use samewire::{ChatRequest, Message, ProviderSettings, build_provider};
//!
//! let provider = build_provider(&ProviderSettings::new("anthropic").with("apiKey", "key"))?;
//! let before = ChatRequest::new("It is 12:00.", [Message::user("Hello!")]);
//! let after = ChatRequest::new("It is 12:01.", [Message::user("Hello!")]);
//! let report = compare_chats(&*provider, &before, &after)?;
//! assert_eq!(report.warnings, [CacheWarning::SystemPromptChanged]);
//! let Prefix::Parted { path, .. } = &report.prefix else { panic!("they part") };
//! assert_eq!(path, "system[0].text");
//! assert_eq!(report.cached_up_to, None);
//! println!("{report}");
//! # Ok::<(), samewire::Error>(())
//! ```

use std::fmt;

use crate::transport::HttpRequest;
use crate::{AiProvider, ChatRequest, Error};

use scan::{Leaf, Mark, Scan, Section};

mod scan;

/// How the prompts of two requests relate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// They are the same.
    Same,
    /// The second goes on where the first ends: the good case.
    Extended {
        /// Where, as an offset in the second body.
        byte: usize,
        /// The JSON path of what was added first.
        path: String,
    },
    /// They part before the first ends.
    Parted {
        /// Where, as an offset in the second body: the first byte that is another.
        byte: usize,
        /// The JSON path of the value that is another, or is missing or new.
        path: String,
    },
}

/// What spoils a prompt cache in the middle of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheWarning {
    /// The requests go to different addresses.
    EndpointChanged,
    /// They ask different models.
    ModelChanged,
    /// The system prompt is another.
    SystemPromptChanged,
    /// The tools are others.
    ToolsChanged,
    /// The tools are the same in another order.
    ToolsReordered,
    /// The service's cache key (`prompt_cache_key`) is another.
    CacheKeyChanged,
}

/// What [`compare`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrefixReport {
    /// How many bytes the bodies have in common from their beginning, everything counted.
    pub common_bytes: usize,
    /// How the prompts relate, in the order in which services cache them: tools, system prompt, messages.
    /// Cache marks are no part of a prompt, nor are parameters such as the temperature.
    pub prefix: Prefix,
    /// The path of the last value that the first request marked to be cached and that both requests begin
    /// with. `None` if no mark lies before the point where they part, or there are no marks at all.
    pub cached_up_to: Option<String>,
    /// Whether the first request marks anything; services without marks cache what they like.
    pub has_marks: bool,
    /// What has changed that should not.
    pub warnings: Vec<CacheWarning>,
}

/// Compares two requests of one conversation, the earlier one first, such as a log or a
/// [`Transport`](crate::transport::Transport) of your own has kept them.
///
/// # Example: the conversation went on
///
/// ```
/// use samewire::prompt_cache::{Prefix, compare};
/// use samewire::transport::{Headers, HttpRequest, RequestOptions};
///
/// let sent = |body: &'static str| HttpRequest {
///     method: "POST",
///     url: "https://api.example.com/v1/chat/completions".into(),
///     headers: Headers::new(),
///     body: body.into(),
///     options: RequestOptions::default(),
/// };
/// let before = sent(r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#);
/// let after = sent(r#"{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello!"}]}"#);
/// let report = compare(&before, &after)?;
/// assert!(matches!(&report.prefix, Prefix::Extended { path, .. } if path.starts_with("messages[1]")));
/// # Ok::<(), samewire::Error>(())
/// ```
///
/// # Errors
///
/// [`InvalidResponse`](crate::ErrorKind::InvalidResponse) when a body is no JSON object.
pub fn compare(before: &HttpRequest, after: &HttpRequest) -> Result<PrefixReport, Error> {
    let (old, new) = (Scan::of(&before.body)?, Scan::of(&after.body)?);
    let common = before.body.iter().zip(&after.body).take_while(|(a, b)| a == b).count();
    let mut warnings = Vec::new();
    let mut warn = |warning, changed: bool| warnings.extend(changed.then_some(warning));
    let public = |request: &HttpRequest| request.url.split('?').next().map(str::to_owned);
    let model = |scan: &Scan<'_>| scan.field("model").map(<[u8]>::to_vec);
    warn(CacheWarning::ModelChanged, model(&old) != model(&new));
    warn(CacheWarning::EndpointChanged, public(before) != public(after));
    warn(CacheWarning::SystemPromptChanged, !same(&old.system(), &new.system()));
    if !same(old.section(Section::Tools), new.section(Section::Tools)) {
        let reordered = old.sorted_tools() == new.sorted_tools();
        warn(CacheWarning::ToolsReordered, reordered);
        warn(CacheWarning::ToolsChanged, !reordered);
    }
    let key = |scan: &Scan<'_>| scan.field("prompt_cache_key").map(<[u8]>::to_vec);
    warn(CacheWarning::CacheKeyChanged, key(&old) != key(&new));

    let parting = Section::IN_CACHE_ORDER.into_iter().find_map(|section| {
        let (a, b) = (old.section(section), new.section(section));
        let at = a.iter().zip(b).take_while(|(a, b)| a.is_like(b)).count();
        (at < a.len() || at < b.len()).then_some((section, at))
    });
    let prefix = match parting {
        None => Prefix::Same,
        Some((section, at)) => new.prefix(&old, section, at),
    };
    let reached = |mark: &&Mark| match parting {
        None => true,
        Some((section, at)) => mark.section < section || mark.section == section && mark.leaves <= at,
    };
    let mut marks: Vec<&Mark> = old.marks().iter().filter(reached).collect();
    marks.sort_by_key(|mark| (mark.section, mark.leaves));
    Ok(PrefixReport {
        common_bytes: common,
        prefix,
        cached_up_to: marks.last().map(|mark| mark.path.clone()),
        has_marks: !old.marks().is_empty(),
        warnings,
    })
}

/// As [`compare`], for two conversations as this provider sends them.
///
/// # Errors
///
/// As [`AiProvider::encode`] and [`compare`].
pub fn compare_chats(
    provider: &dyn AiProvider,
    before: &ChatRequest,
    after: &ChatRequest,
) -> Result<PrefixReport, Error> {
    compare(&provider.encode(before)?, &provider.encode(after)?)
}

impl fmt::Display for PrefixReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.prefix {
            Prefix::Same => f.write_str("the prompts are the same")?,
            Prefix::Extended { byte, path } => write!(f, "the second goes on at byte {byte}, {path}")?,
            Prefix::Parted { byte, path } => write!(f, "they part at byte {byte}, {path}")?,
        }
        match (&self.cached_up_to, self.has_marks) {
            (Some(path), _) => write!(f, "; cached up to the mark at {path}")?,
            (None, true) => f.write_str("; no cache mark lies before that")?,
            (None, false) => f.write_str("; the requests carry no cache marks")?,
        }
        for warning in &self.warnings {
            let text = match warning {
                CacheWarning::EndpointChanged => "the address has changed",
                CacheWarning::ModelChanged => "the model has changed",
                CacheWarning::SystemPromptChanged => "the system prompt has changed",
                CacheWarning::ToolsChanged => "the tools have changed",
                CacheWarning::ToolsReordered => "the tools stand in another order",
                CacheWarning::CacheKeyChanged => "the cache key has changed",
            };
            write!(f, "; warning: {text}")?;
        }
        Ok(())
    }
}

impl Scan<'_> {
    /// How this prompt relates to an older one, given the first leaf that is another.
    fn prefix(&self, old: &Self, section: Section, at: usize) -> Prefix {
        let (before, after) = (old.section(section), self.section(section));
        let Some(leaf) = after.get(at) else {
            let path = before.get(at).map(|leaf| leaf.path.clone()).unwrap_or_default();
            return Prefix::Parted { byte: after.last().map_or(0, Leaf::end), path };
        };
        let path = leaf.path.clone();
        match before.get(at) {
            None if section == Section::Messages => Prefix::Extended { byte: leaf.byte, path },
            Some(other) if other.path == leaf.path => {
                let same = leaf.raw.iter().zip(other.raw).take_while(|(a, b)| a == b).count();
                Prefix::Parted { byte: leaf.byte + same, path }
            }
            _ => Prefix::Parted { byte: leaf.byte, path },
        }
    }
}

fn same(a: &[Leaf<'_>], b: &[Leaf<'_>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_like(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::object;
    use crate::transport::{Headers, RequestOptions};
    use crate::{ContentBlock, Message, ProviderSettings, Tool, build_provider_in};

    fn http(body: &str) -> HttpRequest {
        HttpRequest {
            method: "POST",
            url: "https://api.example.com/v1".into(),
            headers: Headers::new(),
            body: body.to_owned().into(),
            options: RequestOptions::default(),
        }
    }

    fn report(before: &str, after: &str) -> PrefixReport {
        compare(&http(before), &http(after)).unwrap()
    }

    fn parted(byte: usize, path: &str) -> Prefix {
        Prefix::Parted { byte, path: path.into() }
    }

    #[test]
    fn the_byte_and_the_path_of_the_first_change() {
        let before = r#"{"model":"m","messages":[{"role":"system","content":"Be good."},{"role":"user","content":"Hi"}]}"#;
        let after = before.replace("good", "brief");
        let found = report(before, &after);
        assert_eq!(found.prefix, parted(56, "messages[0].content[0].text"));
        assert_eq!(&after[56..61], "brief");
        assert_eq!((found.common_bytes, found.cached_up_to), (56, None));
        assert_eq!(found.warnings, [CacheWarning::SystemPromptChanged]);
        assert_eq!(report(before, before).prefix, Prefix::Same);
        let other = report(before, &before.replace("\"Hi\"", "\"Ho\""));
        let byte = before.rfind("Hi").unwrap() + 1;
        assert_eq!((other.prefix, other.warnings), (parted(byte, "messages[1].content[0].text"), vec![]));
    }

    #[test]
    fn growth_is_no_change() {
        let before = r#"{"messages":[{"role":"user","content":"Hi"}],"temperature":0}"#;
        let after = r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"}],"temperature":1}"#;
        let path = "messages[1].role".to_owned();
        assert_eq!(report(before, after).prefix, Prefix::Extended { byte: 52, path });
        assert!(after[52..].starts_with("\"assistant\""));
        assert!(matches!(report(after, before).prefix, Prefix::Parted { .. }), "a history that shrinks");
    }

    #[test]
    fn tools_come_first_wherever_they_stand() {
        let body =
            |tools: &str| format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}],"tools":[{tools}]}}"#);
        let (a, b) = (r#"{"name":"a"}"#, r#"{"name":"b"}"#);
        let found = report(&body(&format!("{a},{b}")), &body(&format!("{b},{a}")));
        assert_eq!(found.warnings, [CacheWarning::ToolsReordered]);
        assert!(matches!(found.prefix, Prefix::Parted { path, .. } if path == "tools[0].name"));
        let found = report(&body(a), &body(&format!("{a},{b}")));
        assert_eq!(found.warnings, [CacheWarning::ToolsChanged]);
        assert!(matches!(found.prefix, Prefix::Parted { path, .. } if path == "tools[1].name"));
    }

    #[test]
    fn marks_may_move() {
        let mark = r#","cache_control":{"type":"ephemeral"}"#;
        let text = |text: &str, mark: &str| format!(r#"{{"type":"text","text":"{text}"{mark}}}"#);
        let user = |block: &str| format!(r#"{{"role":"user","content":[{block}]}}"#);
        let body = |messages: &[String]| {
            let system = text("Be good.", mark);
            format!(r#"{{"system":[{system}],"messages":[{}]}}"#, messages.join(","))
        };
        let before = body(&[user(&text("one", mark))]);
        let after = body(&[user(&text("one", "")), user(&text("two", mark))]);
        let found = report(&before, &after);
        assert!(matches!(&found.prefix, Prefix::Extended { path, .. } if path == "messages[1].role"));
        assert_eq!(found.cached_up_to.as_deref(), Some("messages[0].content[0]"));
        let after = body(&[user(&text("other", "")), user(&text("two", mark))]);
        let found = report(&before, &after);
        assert_eq!(found.cached_up_to.as_deref(), Some("system[0]"));
        assert!(found.to_string().contains("cached up to the mark at system[0]"), "{found}");
        // A text and a list of one text are the same prompt.
        let plain = body(&[r#"{"role":"user","content":"one"}"#.into(), user(&text("two", mark))]);
        assert!(matches!(report(&before, &plain).prefix, Prefix::Extended { .. }));
    }

    #[test]
    fn cache_points_of_converse_are_marks() {
        let body = |text: &str| {
            format!(
                r#"{{"system":[{{"text":"s"}},{{"cachePoint":{{"type":"default"}}}}],"messages":[{{"role":"user","content":[{{"text":"{text}"}}]}}]}}"#
            )
        };
        let found = report(&body("a"), &body("b"));
        assert_eq!(found.cached_up_to.as_deref(), Some("system[1]"));
        assert!(found.has_marks);
    }

    #[test]
    fn odd_bodies() {
        for body in ["", "[]", "{", "{\"a\"", "{\"a\":", "{\"a\":\"", "nonsense"] {
            assert!(compare(&http(body), &http("{}")).is_err(), "{body}");
        }
        let deep = format!("{{\"messages\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        assert!(compare(&http(&deep), &http(&deep)).is_err());
        let escaped = r#"{"messages":[{"a\"b":"\\\"","n":-1.5e3,"t":[true,null,{}]}]}"#;
        assert_eq!(report(escaped, escaped).prefix, Prefix::Same);
    }

    #[test]
    fn the_providers_own_conversations_extend() {
        let replay = crate::transport::ReplayTransport::new([]);
        let context = crate::Context::for_tests(
            std::sync::Arc::new(replay),
            std::sync::Arc::new(crate::clock::TestClock::default()),
        );
        let tool = || Tool::function("t", "A tool", object! { "type": "object", "properties": object! {} });
        let history = || {
            vec![
                Message::user("one"),
                Message::assistant("two"),
                Message::user_blocks([ContentBlock::text("three"), ContentBlock::text("four")]),
            ]
        };
        for (id, key) in [
            ("anthropic", "apiKey"),
            ("openai", "openAiApiKey"),
            ("groq", "groqApiKey"),
            ("gemini", "geminiApiKey"),
            ("bedrock", "awsAccessKey"),
        ] {
            let settings = ProviderSettings::new(id)
                .with(key, "k")
                .with("awsSecretKey", "s")
                .with("awsUsePromptCache", true)
                .with("awsRegion", "us-east-1")
                .with(
                    "apiModelId",
                    if id == "bedrock" { "anthropic.claude-sonnet-4-5-20250929-v1:0" } else { "" },
                );
            let provider = build_provider_in(&settings, &context).unwrap();
            let before = ChatRequest::new("Be good.", history()).with_tools([tool()]);
            let mut after = before.clone();
            after.messages.extend([Message::assistant("five"), Message::user("six")]);
            let report = compare_chats(&*provider, &before, &after).unwrap();
            assert!(matches!(report.prefix, Prefix::Extended { .. }), "{id}: {report}");
            assert_eq!(report.warnings, [], "{id}");
            if matches!(id, "anthropic") {
                assert!(report.cached_up_to.is_some(), "{id}: {report}");
            }
            after.system_prompt = "Be bad.".into();
            let report = compare_chats(&*provider, &before, &after).unwrap();
            assert_eq!(report.warnings, [CacheWarning::SystemPromptChanged], "{id}: {report}");
        }
    }
}
