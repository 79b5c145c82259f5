//! Figures of the `metrics` facade whose names and labels are made once, not at every call.

use std::sync::Arc;

use metrics::{Key, Label, Level, Metadata, SharedString};

use crate::Text;

/// A figure with its labels. Who records it is asked each time, as recorders come and go.
pub(crate) struct Figure(Key);

impl Figure {
    pub(crate) fn new(name: &'static str, labels: Vec<Label>) -> Self {
        Self(Key::from_parts(name, labels))
    }

    /// The same figure with one more label.
    pub(crate) fn with(&self, label: Label) -> Self {
        Self(self.0.with_extra_labels(vec![label]))
    }

    /// Adds a value to a histogram.
    pub(crate) fn record(&self, value: f64) {
        metrics::with_recorder(|recorder| recorder.register_histogram(&self.0, &METADATA)).record(value);
    }

    /// Lets a counter grow.
    pub(crate) fn count(&self, more: u64) {
        metrics::with_recorder(|recorder| recorder.register_counter(&self.0, &METADATA)).increment(more);
    }
}

/// What is measured of one operation with one model.
pub(crate) struct CallFigures {
    pub(crate) provider: Text,
    pub(crate) model: Text,
    pub(crate) operation: &'static str,
    pub(crate) duration: Figure,
    pub(crate) first_chunk: Figure,
    pub(crate) input: Figure,
    pub(crate) output: Figure,
    pub(crate) cache_read: Figure,
    pub(crate) cache_write: Figure,
    pub(crate) reported_cost: Figure,
    pub(crate) estimated_cost: Figure,
    pub(crate) unknown_cost: Figure,
}

impl CallFigures {
    pub(crate) fn new(operation: &'static str, provider: Text, model: Text) -> Self {
        let shared = |text: &str| SharedString::from_shared(Arc::from(text));
        let labels = [
            Label::from_static_parts("gen_ai.operation.name", operation),
            Label::new("gen_ai.provider.name", shared(&provider)),
            Label::new("gen_ai.request.model", shared(&model)),
        ];
        let figure = |name: &'static str| Figure::new(name, labels.to_vec());
        let tokens = |kind| figure(TOKENS).with(Label::from_static_parts("gen_ai.token.type", kind));
        let cost = |source| figure(COST).with(Label::from_static_parts("samewire.cost.source", source));
        Self {
            duration: figure(DURATION),
            first_chunk: figure(FIRST_CHUNK),
            input: tokens("input"),
            output: tokens("output"),
            cache_read: tokens("cache_read"),
            cache_write: tokens("cache_write"),
            reported_cost: cost("reported"),
            estimated_cost: cost("estimated"),
            unknown_cost: figure(UNKNOWN_COST),
            provider,
            model,
            operation,
        }
    }
}

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

pub(crate) const DURATION: &str = "gen_ai.client.operation.duration";
pub(crate) const FIRST_CHUNK: &str = "gen_ai.client.operation.time_to_first_chunk";
pub(crate) const TOKENS: &str = "gen_ai.client.token.usage";
pub(crate) const COST: &str = "samewire.client.cost";
pub(crate) const UNKNOWN_COST: &str = "samewire.client.cost.unknown";
