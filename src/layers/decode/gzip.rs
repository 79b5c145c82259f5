//! The gzip file format around deflate data: <https://www.rfc-editor.org/rfc/rfc1952>.

use flate2::{Crc, Decompress};

use super::{Progress, run_inflate};

/// A gzip file: one or more members.
pub(super) struct Gzip {
    part: Part,
    inflate: Decompress,
    crc: Crc,
}

/// Where in a member the next byte stands.
enum Part {
    /// The ten bytes at the start.
    Start {
        at: usize,
        flags: u8,
    },
    /// The optional fields; `flags` are those still to come.
    Fields {
        flags: u8,
        field: Field,
    },
    Data,
    Trailer {
        at: usize,
        bytes: [u8; 8],
    },
    /// Behind a member.
    Next,
    Garbage,
}

enum Field {
    ExtraLength { at: usize, length: u16 },
    Skip(u16),
    Text,
}

impl Default for Gzip {
    fn default() -> Self {
        Self { part: Part::Start { at: 0, flags: 0 }, inflate: Decompress::new(false), crc: Crc::new() }
    }
}

impl Gzip {
    pub(super) fn run(&mut self, input: &[u8], output: &mut [u8]) -> Progress {
        let mut consumed = 0;
        loop {
            if matches!(self.part, Part::Data) {
                let (taken, made, end) = run_inflate(&mut self.inflate, &input[consumed..], output)?;
                self.crc.update(&output[..made]);
                if end {
                    self.part = Part::Trailer { at: 0, bytes: [0; 8] };
                }
                if made > 0 || !end {
                    return Ok((consumed + taken, made));
                }
                consumed += taken;
            }
            let Some(&byte) = input.get(consumed) else { return Ok((consumed, 0)) };
            if matches!(self.part, Part::Next) && byte != 0 {
                *self = Self::default();
            }
            self.frame_byte(byte)?;
            consumed += 1;
        }
    }

    /// Whether the last byte read is the last of a member.
    pub(super) fn ended(&self) -> bool {
        matches!(self.part, Part::Next)
    }

    /// Takes a byte of what is around the data.
    fn frame_byte(&mut self, byte: u8) -> Result<(), &'static str> {
        match &mut self.part {
            Part::Start { at, flags } => {
                match *at {
                    0 | 1 if byte != GZIP_MAGIC[*at] => return Err("incorrect header check"),
                    2 if byte != 8 => return Err("unknown compression method"),
                    3 => *flags = byte,
                    _ => {}
                }
                *at += 1;
                if *at == 10 {
                    self.part = after_field(*flags & (F_EXTRA | F_NAME | F_COMMENT | F_HCRC));
                }
            }
            Part::Fields { flags, field } => {
                let done = match field {
                    Field::Text => byte == 0,
                    Field::Skip(left) => {
                        *left -= 1;
                        *left == 0
                    }
                    Field::ExtraLength { at: 0, length } => {
                        *field = Field::ExtraLength { at: 1, length: *length | u16::from(byte) };
                        false
                    }
                    Field::ExtraLength { length, .. } => {
                        let length = *length | u16::from(byte) << 8;
                        *field = Field::Skip(length);
                        length == 0
                    }
                };
                if done {
                    self.part = after_field(*flags);
                }
            }
            Part::Trailer { at, bytes } => {
                bytes[*at] = byte;
                *at += 1;
                if *at == 8 {
                    let wanted = u64::from_le_bytes(*bytes);
                    if wanted as u32 != self.crc.sum() {
                        return Err("incorrect data check");
                    }
                    if (wanted >> 32) as u32 != self.crc.amount() {
                        return Err("incorrect length check");
                    }
                    self.part = Part::Next;
                }
            }
            Part::Next => self.part = Part::Garbage,
            Part::Data | Part::Garbage => {}
        }
        Ok(())
    }
}

fn after_field(flags: u8) -> Part {
    let (bit, field) = if flags & F_EXTRA != 0 {
        (F_EXTRA, Field::ExtraLength { at: 0, length: 0 })
    } else if flags & F_NAME != 0 {
        (F_NAME, Field::Text)
    } else if flags & F_COMMENT != 0 {
        (F_COMMENT, Field::Text)
    } else if flags & F_HCRC != 0 {
        (F_HCRC, Field::Skip(2))
    } else {
        return Part::Data;
    };
    Part::Fields { flags: flags & !bit, field }
}

pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const F_HCRC: u8 = 2;
const F_EXTRA: u8 = 4;
const F_NAME: u8 = 8;
const F_COMMENT: u8 = 16;
