//! What can go wrong between a service and its client, by name.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One way in which an answer goes wrong. Offsets count bytes of the body as recorded; where one can be left
/// out, it is the middle of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing goes wrong.
    None,
    /// The head comes late: `delay`, `delay:200` (milliseconds).
    Delay(Duration),
    /// The head never comes: `silence`.
    Silence,
    /// The body falls silent: `stall`, `stall:100`.
    Stall(Option<usize>),
    /// Head and body come one byte at a time: `trickle`.
    Trickle,
    /// The connection is closed inside the body: `cut`, `cut:100`.
    Cut(Option<usize>),
    /// The connection is reset inside the body: `reset`, `reset:100`.
    Reset(Option<usize>),
    /// Sixteen bytes come twice: `duplicate`, `duplicate:100`.
    Duplicate(Option<usize>),
    /// About one byte in 32 has a flipped bit: `flip`, `flip:7` (seed).
    Flip(u64),
    /// The head promises a longer body than comes: `length-too-long`.
    LengthTooLong,
    /// The head promises a body half as long as comes: `length-too-short`.
    LengthTooShort,
    /// Half of the body, then filler without an end: `endless`.
    Endless,
    /// The head has 10,000 lines more than recorded: `headers`.
    Headers,
    /// TLS, each byte of it a while after the other: `slow-tls`.
    SlowTls,
    /// TLS, whose handshake is never answered: `tls-silence`.
    TlsSilence,
    /// HTTP/2: the server takes no new streams, but ends this one well: `goaway`.
    GoAway,
    /// HTTP/2: the server gives up the whole connection inside the body: `goaway-error`.
    GoAwayError,
    /// HTTP/2: the server resets the stream inside the body: `rst-stream`.
    ResetStream,
    /// Each answer sends the client elsewhere on the same server: `redirect-loop`.
    RedirectLoop,
    /// Half of the body, then a gigabyte of filler, in gzip: `gzip-bomb`.
    GzipBomb,
}

impl Fault {
    /// Every fault, with its default where it takes a number.
    pub const ALL: [Self; 20] = [
        Self::None,
        Self::Delay(DELAY),
        Self::Silence,
        Self::Stall(None),
        Self::Trickle,
        Self::Cut(None),
        Self::Reset(None),
        Self::Duplicate(None),
        Self::Flip(SEED),
        Self::LengthTooLong,
        Self::LengthTooShort,
        Self::Endless,
        Self::Headers,
        Self::SlowTls,
        Self::TlsSilence,
        Self::GoAway,
        Self::GoAwayError,
        Self::ResetStream,
        Self::RedirectLoop,
        Self::GzipBomb,
    ];

    /// The fault's name on the command line, without its number.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Delay(_) => "delay",
            Self::Silence => "silence",
            Self::Stall(_) => "stall",
            Self::Trickle => "trickle",
            Self::Cut(_) => "cut",
            Self::Reset(_) => "reset",
            Self::Duplicate(_) => "duplicate",
            Self::Flip(_) => "flip",
            Self::LengthTooLong => "length-too-long",
            Self::LengthTooShort => "length-too-short",
            Self::Endless => "endless",
            Self::Headers => "headers",
            Self::SlowTls => "slow-tls",
            Self::TlsSilence => "tls-silence",
            Self::GoAway => "goaway",
            Self::GoAwayError => "goaway-error",
            Self::ResetStream => "rst-stream",
            Self::RedirectLoop => "redirect-loop",
            Self::GzipBomb => "gzip-bomb",
        }
    }

    /// Whether only HTTP/2 can fail in this way.
    pub const fn needs_http2(self) -> bool {
        matches!(self, Self::GoAway | Self::GoAwayError | Self::ResetStream)
    }

    /// Whether the bytes of the body that arrive are no longer the recorded ones.
    pub const fn alters_bytes(self) -> bool {
        matches!(self, Self::Duplicate(_) | Self::Flip(_) | Self::Endless | Self::GzipBomb)
    }

    pub(super) const fn needs_tls(self) -> bool {
        matches!(self, Self::SlowTls | Self::TlsSilence)
    }

    fn with_number(self, number: u64) -> Option<Self> {
        let at = usize::try_from(number).ok();
        match self {
            Self::Delay(_) => Some(Self::Delay(Duration::from_millis(number))),
            Self::Stall(_) => at.map(|at| Self::Stall(Some(at))),
            Self::Cut(_) => at.map(|at| Self::Cut(Some(at))),
            Self::Reset(_) => at.map(|at| Self::Reset(Some(at))),
            Self::Duplicate(_) => at.map(|at| Self::Duplicate(Some(at))),
            Self::Flip(_) => Some(Self::Flip(number)),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Delay(time) if *time != DELAY => write!(f, ":{}", time.as_millis()),
            Self::Flip(seed) if *seed != SEED => write!(f, ":{seed}"),
            Self::Stall(Some(at))
            | Self::Cut(Some(at))
            | Self::Reset(Some(at))
            | Self::Duplicate(Some(at)) => {
                write!(f, ":{at}")
            }
            _ => Ok(()),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once(':').map_or((text, None), |(name, number)| (name, Some(number)));
        let Some(fault) = Self::ALL.into_iter().find(|fault| fault.name() == name) else {
            let names: Vec<_> = Self::ALL.iter().map(|fault| fault.name()).collect();
            return Err(format!("unknown fault {name:?}: choose one of {}", names.join(", ")));
        };
        let Some(number) = number else { return Ok(fault) };
        let number = number.parse().map_err(|_| format!("{text:?}: a whole number must follow the colon"))?;
        fault.with_number(number).ok_or_else(|| format!("{text:?}: `{name}` takes no number"))
    }
}

const DELAY: Duration = Duration::from_millis(300);
const SEED: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for fault in Fault::ALL {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        for text in ["cut:0", "delay:5", "flip:99", "stall:12", "reset:3", "duplicate:1"] {
            assert_eq!(text.parse::<Fault>().map(|fault| fault.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let problem = |text: &str| text.parse::<Fault>().unwrap_err();
        assert!(problem("explode").contains("choose one of none, delay"));
        assert!(problem("cut:x").contains("whole number"));
        assert!(problem("headers:3").contains("takes no number"));
    }
}
