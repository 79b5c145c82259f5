//! Which session of a program a request goes on with.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::json::Value;
use crate::lock::Locked;
use crate::request::ChatRequest;
use crate::{Message, Text};

/// The task id that asks for a session of a program.
///
/// # Example: go on after a restart
///
/// ```
/// use samewire::headless::task_of_session;
/// use samewire::{ChatRequest, Message};
///
/// let stored = "9a1c4a0e-5d0c-4c8e-9f4e-0c8f0f6a7b11";
/// let request = ChatRequest::new("", [Message::user("And now?")]).with_task_id(task_of_session(stored));
/// assert_eq!(request.task_id.as_deref(), Some("session:9a1c4a0e-5d0c-4c8e-9f4e-0c8f0f6a7b11"));
/// ```
pub fn task_of_session(session: &str) -> String {
    format!("{PREFIX}{session}")
}

const PREFIX: &str = "session:";

/// The sessions of tasks that were answered before, the oldest first.
#[derive(Default)]
pub(super) struct Sessions(Mutex<VecDeque<Known>>);

struct Known {
    task: String,
    session: Text,
    /// The conversation that was answered: how many messages, and which.
    messages: usize,
    digest: u64,
}

/// Which session is gone on with, and what it does not know yet.
pub(super) struct Choice<'a> {
    pub(super) session: Option<Text>,
    pub(super) news: &'a [Message],
}

/// Where an answer's session is kept.
pub(super) struct Bookmark {
    sessions: Arc<Sessions>,
    task: String,
    messages: usize,
    digest: u64,
}

impl Sessions {
    pub(super) fn choose<'a>(&self, request: &'a ChatRequest, configured: Option<&str>) -> Choice<'a> {
        let messages = request.messages.as_slice();
        let of_metadata = request.metadata.get("sessionId").and_then(Value::as_text).cloned();
        let task = request.task_id.as_deref();
        let of_task = || task.and_then(|task| task.strip_prefix(PREFIX)).map(Text::from);
        if let Some(session) = of_metadata.or_else(of_task).filter(|session| !session.is_empty()) {
            return Choice { session: Some(session), news: since_last_answer(messages) };
        }
        if let Some((session, known)) = task.and_then(|task| self.known(task, messages)) {
            return Choice { session: Some(session), news: since_last_answer(&messages[known..]) };
        }
        match configured {
            Some(session) => Choice { session: Some(session.into()), news: since_last_answer(messages) },
            None => Choice { session: None, news: messages },
        }
    }

    /// Where the answer to this request is kept.
    pub(super) fn bookmark(self: &Arc<Self>, request: &ChatRequest) -> Option<Bookmark> {
        let task = request.task_id.clone().filter(|task| !task.starts_with(PREFIX))?;
        let messages = request.messages.len();
        Some(Bookmark { sessions: self.clone(), task, messages, digest: digest(&request.messages) })
    }

    /// The session of a task and how many of the messages it knows; none if they were changed since.
    fn known(&self, task: &str, messages: &[Message]) -> Option<(Text, usize)> {
        let sessions = self.lock();
        let known = sessions.iter().find(|known| known.task == task && known.messages < messages.len())?;
        let (session, count, wanted) = (known.session.clone(), known.messages, known.digest);
        drop(sessions);
        (digest(&messages[..count]) == wanted).then_some((session, count))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Known>> {
        self.0.locked()
    }
}

impl Bookmark {
    pub(super) fn keep(&self, session: Text) {
        let mut sessions = self.sessions.lock();
        sessions.retain(|known| known.task != self.task);
        sessions.push_back(Known {
            task: self.task.clone(),
            session,
            messages: self.messages,
            digest: self.digest,
        });
        if sessions.len() > MOST_SESSIONS {
            sessions.pop_front();
        }
    }
}

/// What the user said since the last answer; all of it where there is no such thing.
fn since_last_answer(messages: &[Message]) -> &[Message] {
    let last = messages.iter().rposition(|message| message.role() == "assistant");
    match last.map(|last| &messages[last + 1..]) {
        Some(news) if !news.is_empty() => news,
        _ => messages,
    }
}

fn digest(messages: &[Message]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for message in messages {
        message.as_json().to_json().hash(&mut hasher);
    }
    hasher.finish()
}

const MOST_SESSIONS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn request(texts: &[&str]) -> ChatRequest {
        let turn = |(at, text): (usize, &&str)| {
            if at % 2 == 0 { Message::user(*text) } else { Message::assistant(*text) }
        };
        ChatRequest::new("", texts.iter().enumerate().map(turn)).with_task_id("t")
    }

    #[test]
    fn a_task_goes_on_with_its_session_and_says_only_what_is_new() {
        let sessions = Arc::new(Sessions::default());
        let first = request(&["a"]);
        assert!(sessions.choose(&first, None).session.is_none());
        sessions.bookmark(&first).unwrap().keep("s1".into());
        let second = request(&["a", "b", "c"]);
        let choice = sessions.choose(&second, None);
        assert_eq!((choice.session.as_deref(), choice.news), (Some("s1"), &second.messages[2..]));
    }

    #[test]
    fn a_changed_conversation_begins_anew() {
        let sessions = Arc::new(Sessions::default());
        sessions.bookmark(&request(&["a"])).unwrap().keep("s1".into());
        let edited = request(&["another a", "b", "c"]);
        let choice = sessions.choose(&edited, None);
        assert_eq!((choice.session, choice.news.len()), (None, 3));
    }

    #[test]
    fn whoever_names_a_session_gets_it() {
        let sessions = Sessions::default();
        let mut asked = request(&["a", "b", "c"]).with_task_id(task_of_session("s2"));
        assert_eq!(sessions.choose(&asked, Some("s4")).session.as_deref(), Some("s2"));
        asked.metadata.insert("sessionId", "s3");
        let choice = sessions.choose(&asked, Some("s4"));
        assert_eq!((choice.session.as_deref(), choice.news.len()), (Some("s3"), 1));
        assert_eq!(sessions.choose(&request(&["a"]), Some("s4")).session.as_deref(), Some("s4"));
    }
}
