//! The clients that are compared, each behind the same two calls.

mod async_openai;
mod genai;
mod hyper;
mod reqwest;
mod rig;
mod samewire;

pub(crate) use async_openai::AsyncOpenAi;
pub(crate) use genai::Genai;
pub(crate) use hyper::BareHyper;
pub(crate) use reqwest::{BareReqwest, SameRequest};
pub(crate) use rig::Rig;
pub(crate) use samewire::Samewire;

pub(crate) const PROMPT: &str = "What is the capital of France?";
pub(crate) const SYSTEM: &str = "You are a helpful assistant.";

/// A client, built for one base URL.
pub(crate) trait Peer {
    /// Asks for a small whole reply; the length of its text.
    async fn small(&self) -> usize;

    /// Asks for a stream and reads it to its end.
    async fn stream(&self) -> Received;
}

/// What a stream brought.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(crate) struct Received {
    pub(crate) deltas: usize,
    pub(crate) bytes: usize,
}

impl Received {
    /// Counts a piece of text; services also send empty ones, which some clients hand on and others do not.
    pub(crate) fn add(&mut self, text: &str) {
        if !text.is_empty() {
            self.deltas += 1;
            self.bytes += text.len();
        }
    }
}

/// The request of the bare clients, and what they read of OpenAI's answers.
mod bare {
    use std::borrow::Cow;

    use serde::{Deserialize, Serialize};

    use super::{PROMPT, SYSTEM};

    #[derive(Serialize)]
    struct Request {
        model: &'static str,
        messages: [Message; 2],
        stream: bool,
    }

    #[derive(Serialize)]
    struct Message {
        role: &'static str,
        content: &'static str,
    }

    pub(super) fn request(stream: bool) -> Vec<u8> {
        let messages =
            [Message { role: "system", content: SYSTEM }, Message { role: "user", content: PROMPT }];
        serde_json::to_vec(&Request { model: "gpt-4o", messages, stream }).expect("it is JSON")
    }

    #[derive(Deserialize)]
    pub(crate) struct Reply<'a> {
        #[serde(borrow)]
        pub(crate) choices: Vec<Choice<'a>>,
    }

    #[derive(Deserialize)]
    pub(crate) struct Choice<'a> {
        #[serde(borrow)]
        pub(crate) message: Content<'a>,
    }

    #[derive(Deserialize)]
    pub(crate) struct Chunk<'a> {
        #[serde(borrow)]
        pub(crate) choices: Vec<ChunkChoice<'a>>,
    }

    #[derive(Deserialize)]
    pub(crate) struct ChunkChoice<'a> {
        #[serde(borrow)]
        pub(crate) delta: Content<'a>,
    }

    #[derive(Deserialize)]
    pub(crate) struct Content<'a> {
        #[serde(borrow, default)]
        pub(crate) content: Option<Cow<'a, str>>,
    }

    /// Hands the text of one event over; `[DONE]` has none.
    pub(crate) fn read_event(data: &str, received: &mut super::Received) {
        if data == "[DONE]" {
            return;
        }
        let chunk: Chunk<'_> = serde_json::from_str(data).expect("events are JSON");
        for choice in &chunk.choices {
            received.add(choice.delta.content.as_deref().unwrap_or_default());
        }
    }
}

pub(crate) use bare::read_event;
