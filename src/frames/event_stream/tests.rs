use super::*;
use crate::frames::cuts::assert_same_for_every_cut;

fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = (OVERHEAD + headers.len() + payload.len()) as u32;
    let mut bytes = total.to_be_bytes().to_vec();
    bytes.extend((headers.len() as u32).to_be_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload);
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

fn text_header(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![name.len() as u8];
    bytes.extend(name.as_bytes());
    bytes.push(7);
    bytes.extend((value.len() as u16).to_be_bytes());
    bytes.extend(value.as_bytes());
    bytes
}

type Outcome = (Vec<EventMessage>, Option<EventStreamError>);

fn decode(mut decoder: EventStreamDecoder, chunks: &mut dyn Iterator<Item = Bytes>) -> Outcome {
    let mut messages = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(message) = decoder.next_event() {
            match message {
                Ok(message) => messages.push(message),
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, decoder.finish().err())
}

fn outcome(input: &[u8]) -> Outcome {
    assert_same_for_every_cut(input, |chunks| {
        decode(EventStreamDecoder::new().with_message_limit(4096), chunks)
    })
}

#[test]
fn messages_in_every_cut() {
    let first = message(&text_header(":event-type", "messageStart"), b"{\"role\":\"assistant\"}");
    let second = message(b"", b"");
    let (messages, error) = outcome(&[first, second.clone(), vec![0, 0, 0]].concat());
    assert_eq!(error, None, "up to three bytes at the end are ignored");
    assert_eq!(messages[0].text(":event-type").unwrap(), "messageStart");
    assert_eq!(messages[0].payload, &b"{\"role\":\"assistant\"}"[..]);
    assert_eq!((messages.len(), messages[1].headers().len()), (2, 0));
    assert_eq!(outcome(&[second, vec![0, 0, 0, 16]].concat()).1, Some(EventStreamError::Truncated));
    assert_eq!(outcome(b""), (Vec::new(), None));
}

#[test]
fn headers_of_every_type() {
    let block = b"\x01a\x00\x01b\x01\x01c\x02\xff\x01d\x03\xff\xfe\x01e\x04\x00\x00\x00\x03\x01f\x05\x80\x00\x00\x00\x00\x00\x00\x00\x01g\x06\x00\x02\x01\x02\x01h\x07\x00\x03h\xc3\xa9\x01i\x08\x00\x00\x00\x00\x00\x00\x00\x07\x01j\x090123456789abcdef";
    let (messages, error) = outcome(&message(block, b""));
    assert_eq!(error, None);
    let values: Vec<_> = messages[0].headers().map(|(_, value)| value.clone()).collect();
    let want = [
        EventHeader::Bool(true),
        EventHeader::Bool(false),
        EventHeader::Integer(-1),
        EventHeader::Integer(-2),
        EventHeader::Integer(3),
        EventHeader::Integer(i64::MIN),
        EventHeader::Bytes(Bytes::from_static(&[1, 2])),
        EventHeader::Text("hé".into()),
        EventHeader::Timestamp(7),
        EventHeader::Uuid(*b"0123456789abcdef"),
    ];
    assert_eq!(values, want);
}

#[test]
fn corrupt_messages() {
    let good = message(&text_header("a", "b"), b"payload");
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        [bytes, good.clone()].concat()
    };
    assert!(matches!(outcome(&with(9, 1)).1, Some(EventStreamError::PreludeChecksum { .. })));
    assert!(matches!(outcome(&with(20, 1)).1, Some(EventStreamError::MessageChecksum { .. })));
    let too_long = |headers: &[u8], length: u32| {
        let mut bytes = message(headers, b"");
        bytes[4..8].copy_from_slice(&length.to_be_bytes());
        let prelude = crc32fast::hash(&bytes[..8]).to_be_bytes();
        bytes[8..12].copy_from_slice(&prelude);
        let end = bytes.len() - 4;
        let whole = crc32fast::hash(&bytes[..end]).to_be_bytes();
        bytes[end..].copy_from_slice(&whole);
        bytes
    };
    assert_eq!(outcome(&too_long(b"\x01a\x00", 4)).1, Some(EventStreamError::HeaderLength));
    assert_eq!(outcome(&too_long(b"\x01a\x00", u32::MAX)).1, Some(EventStreamError::HeaderLength));
    for block in [&b"\x05a"[..], b"\x01a", b"\x01a\x07\x00", b"\x01a\x07\x00\x02x", b"\x01a\x09short"] {
        assert_eq!(outcome(&message(block, b"")).1, Some(EventStreamError::HeaderLength), "{block:?}");
    }
    assert_eq!(outcome(&message(b"\x01a\x0a", b"")).1, Some(EventStreamError::HeaderType { tag: 10 }));
}

#[test]
fn impossible_lengths() {
    assert_eq!(outcome(b"\0\0\0\x03").1, Some(EventStreamError::TooShort));
    assert_eq!(outcome(b"\0\0\0\x08\0\0\0\0").1, Some(EventStreamError::TooShort));
    assert_eq!(outcome(b"\0\0\0\x08\0\0\0").1, Some(EventStreamError::Truncated));
    // A body that is no event stream at all ends long before its first "message" does.
    assert_eq!(outcome(b"{\"message\":\"hi there\"}").1, Some(EventStreamError::Truncated));
    let large = [b"{\"me".to_vec(), vec![b'x'; 4093]].concat();
    assert_eq!(outcome(&large[..4096]).1, Some(EventStreamError::Truncated));
    assert_eq!(outcome(&large).1, Some(EventStreamError::TooLarge { limit: 4096 }));
}

#[test]
fn after_an_error_nothing_comes() {
    let mut decoder = EventStreamDecoder::new();
    decoder.push(Bytes::from_static(b"\0\0\0\0"));
    assert_eq!(decoder.next_event(), Some(Err(EventStreamError::TooShort)));
    decoder.push(message(b"", b"").into());
    assert_eq!(decoder.next_event(), None);
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn the_payload_is_a_slice_of_the_chunk() {
    let chunk = Bytes::from(message(&text_header("a", "b"), b"payload"));
    let range = chunk.as_ptr_range();
    let mut decoder = EventStreamDecoder::new();
    decoder.push(chunk.clone());
    let message = decoder.next_event().unwrap().unwrap();
    assert!(range.contains(&message.payload.as_ptr()));
    assert!(range.contains(&message.text("a").unwrap().as_ptr()));
}
