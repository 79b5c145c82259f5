//! What is known about models: limits, abilities, prices, and the names that people use.
//!
//! The reference's tables are built in. A list in the form of [models.dev](https://models.dev) can be fetched with
//! [`refresh`] and is kept in the cache folder with its date; what you know better stands in a file or value of
//! your own. Nothing of it changes a request by a byte: it is for choosing, checking and pricing.
//!
//! # Example: what does a model cost?
//!
//! ```
//! use samewire::catalog::Catalogue;
//!
//! let catalogue = Catalogue::built_in();
//! let sonnet = catalogue.resolve("sonnet")?;
//! assert_eq!(sonnet.provider, "anthropic");
//! assert_eq!(sonnet.prices.as_ref().and_then(|prices| prices.input), Some(3.0));
//! let error = catalogue.resolve("anthropic/claude-sonet-4-5").unwrap_err();
//! assert!(error.message().contains("did you mean"));
//! # Ok::<(), samewire::Error>(())
//! ```

mod accepted;
mod catalogue;
mod checks;
pub(crate) mod cost;
mod entry;
pub(crate) mod fetch;
pub(crate) mod lists;
mod models_dev;
pub(crate) mod parameters;
mod refresh;
pub(crate) mod schema;
pub(crate) mod tables;

pub use accepted::{AcceptedParameters, TokenLimit};
pub use catalogue::Catalogue;
pub use checks::{CheckedProvider, Concern, concerns};
pub use entry::{CatalogueModel, Modality, Origin, PriceTier, Prices};
pub use refresh::{MODELS_DEV, refresh};
