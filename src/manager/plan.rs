//! From a target's name to the providers to try, in order.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::lane::{Entry, Lane, no_such_target};
use super::provider_manager::Shared;
use super::routing::{ExplainedTarget, Needs, Route, RouteExplanation, RouteTarget, Strategy};
use crate::Error;
use crate::provider::AiProvider;

/// One provider to try.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) entry: Arc<Entry>,
    pub(super) provider: Arc<dyn AiProvider>,
    pub(super) lane: Arc<Lane>,
    reason: Cow<'static, str>,
}

/// The providers to try, and those passed over.
pub(super) struct Plan {
    pub(super) candidates: Vec<Candidate>,
    passed: Vec<ExplainedTarget>,
    /// Why the first of those passed over could not be made.
    pub(super) error: Option<Error>,
    strategy: Strategy,
}

impl Shared {
    /// Finds who can serve a request.
    ///
    /// # Errors
    ///
    /// For a name that nothing has.
    pub(super) fn plan(&self, target: &str, needs: Needs) -> Result<Plan, Error> {
        let name = self.unalias(target);
        let mut plan =
            Plan { candidates: Vec::new(), passed: Vec::new(), error: None, strategy: Strategy::Ordered };
        let Some(route) = self.routes.iter().find(|route| route.name == name) else {
            let (entry, model) = self.resolve(name)?;
            self.add(&mut plan, entry, model, |_| None);
            return Ok(plan);
        };
        plan.strategy = route.strategy;
        for target in &route.targets {
            let (entry, model) = self.resolve(self.unalias(&target.target))?;
            // Whoever names one provider gets it, and its own refusal.
            let only = route.targets.len() == 1;
            self.add(
                &mut plan,
                entry,
                model,
                |provider| {
                    if only { None } else { needs.obstacle(target, provider) }
                },
            );
        }
        self.sort(&mut plan, route, needs);
        Ok(plan)
    }

    pub(super) fn explain(&self, target: &str, needs: Needs) -> Result<RouteExplanation, Error> {
        let plan = self.plan(target, needs)?;
        let chosen = plan.candidates.iter().map(|candidate| ExplainedTarget {
            provider: candidate.lane.provider.to_string(),
            model: candidate.lane.model.to_string(),
            chosen: true,
            reason: candidate.reason.to_string(),
        });
        Ok(RouteExplanation {
            target: target.to_owned(),
            strategy: plan.strategy,
            prompt_tokens: needs.prompt_tokens,
            targets: chosen.chain(plan.passed).collect(),
        })
    }

    /// Adds a provider, unless it cannot be made or there is an obstacle.
    fn add(
        &self,
        plan: &mut Plan,
        entry: Arc<Entry>,
        model: Option<&str>,
        obstacle: impl FnOnce(&dyn AiProvider) -> Option<String>,
    ) {
        let mut pass = |model: String, reason: String| {
            let provider = entry.config.id.clone();
            plan.passed.push(ExplainedTarget { provider, model, chosen: false, reason });
        };
        let instance = match entry.instance(model) {
            Ok(instance) => instance,
            Err(error) => {
                pass(model.unwrap_or_default().to_owned(), error.message().to_owned());
                plan.error.get_or_insert(error);
                return;
            }
        };
        let provider = instance.provider.clone();
        if let Some(obstacle) = obstacle(&*provider) {
            pass(provider.model().id.to_string(), obstacle);
            return;
        }
        let lane = self.lane(&entry, &instance);
        plan.candidates.push(Candidate { entry, provider, lane, reason: "in the order listed".into() });
    }

    /// Puts the candidates into the order of the strategy, ties as listed.
    fn sort(&self, plan: &mut Plan, route: &Route, needs: Needs) {
        if route.strategy == Strategy::Ordered {
            return;
        }
        let weight = |candidate: &Candidate| {
            let is_it = |target: &&RouteTarget| {
                self.resolve(self.unalias(&target.target)).is_ok_and(|(entry, model)| {
                    candidate.lane.provider == *entry.config.id
                        && model.is_none_or(|model| candidate.lane.model == model)
                })
            };
            route.targets.iter().find(is_it).map_or(0.0, |target| target.weight)
        };
        let mut keyed: Vec<(f64, Candidate)> = Vec::with_capacity(plan.candidates.len());
        for mut candidate in plan.candidates.drain(..) {
            let key = match route.strategy {
                Strategy::Ordered => 0.0,
                Strategy::Weighted => {
                    let weight = weight(&candidate);
                    candidate.reason = format!("by chance, with weight {weight}").into();
                    // The smallest of exponential variables falls on each in proportion to its rate.
                    if weight > 0.0 { -(1.0 - self.context.clock.random()).ln() / weight } else { f64::MAX }
                }
                Strategy::LeastLatency => {
                    let latency = candidate.lane.health().latency();
                    candidate.reason = latency.map_or("not tried yet".into(), |latency| {
                        format!("usually {:.2} s to the first token", latency.as_secs_f64()).into()
                    });
                    latency.as_ref().map_or(-1.0, Duration::as_secs_f64)
                }
                Strategy::LowestCost => {
                    let price = needs.price(&*candidate.provider);
                    candidate.reason = price
                        .map_or("its price is not known".into(), |price| format!("about ${price:.6}").into());
                    price.unwrap_or(f64::MAX)
                }
            };
            keyed.push((key, candidate));
        }
        keyed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        plan.candidates = keyed.into_iter().map(|(_, candidate)| candidate).collect();
    }

    /// What an alias stands for; an alias of an alias counts too.
    fn unalias<'a>(&'a self, mut name: &'a str) -> &'a str {
        for _ in 0..self.aliases.len() {
            match self.aliases.iter().find(|(alias, _)| alias == name) {
                Some((_, target)) => name = target,
                None => break,
            }
        }
        name
    }

    /// The provider and model of `provider` or `provider/model`.
    fn resolve<'a>(&self, name: &'a str) -> Result<(Arc<Entry>, Option<&'a str>), Error> {
        let (id, model) = name.split_once('/').map_or((name, None), |(id, model)| (id, Some(model)));
        match self.entry(id) {
            Some(entry) => Ok((entry, model.filter(|model| !model.is_empty()))),
            None => Err(no_such_target(name, &self.names())),
        }
    }
}
