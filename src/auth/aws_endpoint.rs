//! Where AWS services are: regions, partitions, and the switches that change a host.
//!
//! <https://docs.aws.amazon.com/general/latest/gr/rande.html>

use url::Url;

use super::aws_config::Profiles;
use crate::context::Context;

/// The region of a client and the switches for its hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) name: String,
    fips: bool,
    dual_stack: bool,
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// `http` or `https`.
    pub(crate) scheme: String,
    /// Host and, unless it is the scheme's own, port.
    pub(crate) authority: String,
    /// What stands in front of every path, without a slash at its end.
    pub(crate) base_path: String,
}

impl Region {
    /// The region that the settings name, or else environment and profile; with the switches of both.
    ///
    /// # Errors
    ///
    /// The words of the AWS SDK for a region that is missing or cannot be part of a host name.
    pub(crate) fn resolve(own: Option<&str>, context: &Context, profiles: &Profiles) -> Result<Self, String> {
        let set = |name: &&str| !name.is_empty();
        let name = own
            .or_else(|| context.env("AWS_REGION").filter(set))
            .or_else(|| profiles.active(context, "region"))
            .filter(set)
            .ok_or("Region is missing")?;
        let switch = |variable: &str, key: &str| match context.env(variable) {
            Some(value) => value == "true",
            None => profiles.active(context, key) == Some("true"),
        };
        let is_fips_name = name.starts_with("fips-") || name.ends_with("-fips");
        let region = Self {
            name: if is_fips_name { name.replace("fips-", "").replace("-fips", "") } else { name.to_owned() },
            fips: is_fips_name || switch("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
            dual_stack: switch("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
        };
        region.check()
    }

    /// The same switches in another region.
    pub(crate) fn elsewhere(&self, name: &str) -> Result<Self, String> {
        Self { name: name.to_owned(), ..self.clone() }.check()
    }

    fn check(self) -> Result<Self, String> {
        let name = &self.name;
        let is_label = (1..=63).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !name.starts_with('-')
            && !name.ends_with('-');
        if is_label {
            return Ok(self);
        }
        Err(format!("Region not accepted: region=\"{name}\" is not a valid hostname component."))
    }

    /// The place of a service in this region.
    pub(crate) fn place(&self, prefix: &str) -> Place {
        let partition = PARTITIONS.iter().find(|partition| self.name.starts_with(partition.prefix));
        let partition = partition.unwrap_or(&COMMERCIAL);
        let suffix = if self.dual_stack { partition.dual_stack_suffix } else { partition.suffix };
        let fips = if self.fips { "-fips" } else { "" };
        Place {
            scheme: "https".into(),
            authority: format!("{prefix}{fips}.{}.{suffix}", self.name),
            base_path: String::new(),
        }
    }

    /// A place of the caller's own.
    ///
    /// # Errors
    ///
    /// For a URL that cannot be parsed, and for switches that do not go with an own place.
    pub(crate) fn own_place(&self, url: &str) -> Result<Place, String> {
        if self.fips {
            return Err("Invalid Configuration: FIPS and custom endpoint are not supported".into());
        }
        if self.dual_stack {
            return Err("Invalid Configuration: Dualstack and custom endpoint are not supported".into());
        }
        let url = Url::parse(url).ok().filter(Url::has_host).ok_or("Invalid URL")?;
        Ok(Place {
            scheme: url.scheme().to_owned(),
            authority: crate::transport::javascript::host(&url),
            base_path: url.path().strip_suffix('/').unwrap_or(url.path()).to_owned(),
        })
    }
}

impl Place {
    /// The URL of a path here.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{}{path}", self.scheme, self.authority, self.base_path)
    }
}

/// A part of AWS with domains of its own.
struct Partition {
    /// How its regions begin.
    prefix: &'static str,
    suffix: &'static str,
    dual_stack_suffix: &'static str,
}

/// Takes every region that no other does.
const COMMERCIAL: Partition = Partition { prefix: "", suffix: "amazonaws.com", dual_stack_suffix: "api.aws" };

#[rustfmt::skip]
const PARTITIONS: &[Partition] = &[
    Partition { prefix: "cn-", suffix: "amazonaws.com.cn", dual_stack_suffix: "api.amazonwebservices.com.cn" },
    Partition { prefix: "eusc-", suffix: "amazonaws.eu", dual_stack_suffix: "api.amazonwebservices.eu" },
    Partition { prefix: "us-iso-", suffix: "c2s.ic.gov", dual_stack_suffix: "api.aws.ic.gov" },
    Partition { prefix: "us-isob-", suffix: "sc2s.sgov.gov", dual_stack_suffix: "api.aws.scloud" },
    Partition { prefix: "eu-isoe-", suffix: "cloud.adc-e.uk", dual_stack_suffix: "api.cloud-aws.adc-e.uk" },
    Partition { prefix: "us-isof-", suffix: "csp.hci.ic.gov", dual_stack_suffix: "api.aws.hci.ic.gov" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_domain_and_the_rest_is_commercial() {
        let host = |name: &str, dual_stack| {
            Region { name: name.into(), fips: false, dual_stack }.place("bedrock-runtime").authority
        };
        assert_eq!(host("us-east-1", false), "bedrock-runtime.us-east-1.amazonaws.com");
        assert_eq!(host("us-gov-west-1", true), "bedrock-runtime.us-gov-west-1.api.aws");
        assert_eq!(host("cn-north-1", false), "bedrock-runtime.cn-north-1.amazonaws.com.cn");
        assert_eq!(host("us-isob-east-1", false), "bedrock-runtime.us-isob-east-1.sc2s.sgov.gov");
    }
}
