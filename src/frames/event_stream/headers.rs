//! The typed headers of a message.

use bytes::{Buf, Bytes};

use super::EventStreamError;
use crate::Text;

/// The value of a header.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventHeader {
    /// A boolean.
    Bool(bool),
    /// A signed integer of 8, 16, 32 or 64 bits.
    Integer(i64),
    /// Bytes.
    Bytes(Bytes),
    /// Text; bytes that are not UTF-8 become U+FFFD.
    Text(Text),
    /// A time in milliseconds since the Unix epoch.
    Timestamp(i64),
    /// A UUID.
    Uuid([u8; 16]),
}

/// Reads the whole block of headers.
pub(super) fn read(mut block: Bytes) -> Result<Vec<(Text, EventHeader)>, EventStreamError> {
    let mut headers = Vec::with_capacity(USUAL_COUNT);
    while !block.is_empty() {
        let name_length = usize::from(block.get_u8());
        let name = Text::from_utf8_lossy(take(&mut block, name_length)?);
        let tag = block.try_get_u8().map_err(|_| EventStreamError::HeaderLength)?;
        headers.push((name, value(tag, &mut block)?));
    }
    Ok(headers)
}

fn value(tag: u8, block: &mut Bytes) -> Result<EventHeader, EventStreamError> {
    Ok(match tag {
        0 => EventHeader::Bool(true),
        1 => EventHeader::Bool(false),
        2 => EventHeader::Integer(integer(block, 1)?),
        3 => EventHeader::Integer(integer(block, 2)?),
        4 => EventHeader::Integer(integer(block, 4)?),
        5 => EventHeader::Integer(integer(block, 8)?),
        6 => EventHeader::Bytes(sized(block)?),
        7 => EventHeader::Text(Text::from_utf8_lossy(sized(block)?)),
        8 => EventHeader::Timestamp(integer(block, 8)?),
        9 => {
            let mut uuid = [0; 16];
            uuid.copy_from_slice(&take(block, 16)?);
            EventHeader::Uuid(uuid)
        }
        tag => return Err(EventStreamError::HeaderType { tag }),
    })
}

fn integer(block: &mut Bytes, bytes: usize) -> Result<i64, EventStreamError> {
    Ok(take(block, bytes)?.get_int(bytes))
}

/// Bytes behind their length of 16 bits.
fn sized(block: &mut Bytes) -> Result<Bytes, EventStreamError> {
    let length = take(block, 2)?.get_u16();
    take(block, length.into())
}

fn take(block: &mut Bytes, bytes: usize) -> Result<Bytes, EventStreamError> {
    if bytes > block.len() { Err(EventStreamError::HeaderLength) } else { Ok(block.split_to(bytes)) }
}

const USUAL_COUNT: usize = 3;
