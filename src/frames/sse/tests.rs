use std::fmt::Write as _;

use super::*;
use crate::frames::cuts::assert_same_for_every_cut;

/// The reference's three stages, written plainly: cut into blocks, cut into lines, read the lines.
fn model(input: &[u8], dialect: SseDialect, finished: bool) -> Vec<(Option<String>, String)> {
    let mut at = 0;
    let mut visible = Vec::new();
    let mut rest = input;
    while let Some(len) = border(rest) {
        at += len;
        rest = &rest[len..];
    }
    visible.extend_from_slice(if finished { input } else { &input[..at] });
    let mut lines = Vec::new();
    let mut line = Vec::new();
    let mut bytes = visible.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' if bytes.peek() == Some(&b'\n') => {
                bytes.next();
                lines.push(std::mem::take(&mut line));
            }
            b'\r' if bytes.peek().is_none() && !finished => line.push(b'\r'),
            b'\n' | b'\r' => lines.push(std::mem::take(&mut line)),
            other => line.push(other),
        }
    }
    if finished && !line.is_empty() {
        lines.push(line);
    }
    let mut events = Vec::new();
    let (mut name, mut data) = (String::new(), Vec::<String>::new());
    for line in lines {
        let line = String::from_utf8_lossy(&line).into_owned();
        let line = match dialect {
            SseDialect::BomPerLine => line.strip_prefix('\u{feff}').unwrap_or(&line),
            SseDialect::BomKept => &line,
        };
        if line.is_empty() {
            if !name.is_empty() || !data.is_empty() {
                let name = std::mem::take(&mut name);
                events.push(((!name.is_empty()).then_some(name), data.join("\n")));
                data.clear();
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => data.push(value.to_owned()),
            _ => {}
        }
    }
    events
}

fn border(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).find_map(|i| match &bytes[i..] {
        [b'\n', b'\n', ..] | [b'\r', b'\r', ..] => Some(i + 2),
        [b'\r', b'\n', b'\r', b'\n', ..] => Some(i + 4),
        _ => None,
    })
}

type Outcome = Result<Vec<(Option<String>, String)>, SseError>;

fn decode(mut decoder: SseDecoder, finished: bool, chunks: &mut dyn Iterator<Item = Bytes>) -> Outcome {
    let mut events = Vec::new();
    let mut drain = |decoder: &mut SseDecoder| {
        while let Some(event) = decoder.next_event() {
            let event = event?;
            events.push((event.name.map(String::from), String::from(event.data)));
        }
        Ok(())
    };
    for chunk in chunks {
        decoder.push(chunk);
        drain(&mut decoder)?;
    }
    if finished {
        decoder.finish();
        drain(&mut decoder)?;
    }
    drain(&mut decoder)?;
    Ok(events)
}

fn events_of(input: &[u8], dialect: SseDialect) -> Vec<(Option<String>, String)> {
    for finished in [false, true] {
        let got =
            assert_same_for_every_cut(input, |chunks| decode(SseDecoder::new(dialect), finished, chunks));
        assert_eq!(got, Ok(model(input, dialect, finished)), "{}", input.escape_ascii());
    }
    model(input, dialect, true)
}

fn data_of(input: &str) -> Vec<String> {
    events_of(input.as_bytes(), SseDialect::BomPerLine).into_iter().map(|(_, data)| data).collect()
}

#[test]
fn field_rules() {
    assert_eq!(data_of("data: a\ndata:b\ndata\ndata:  c\n\n"), ["a\nb\n\n c"]);
    assert_eq!(data_of("data:\ta\n\n: comment\n\nDATA: x\n\n data: x\n\ndata : x\n\n"), ["\ta"]);
    assert_eq!(data_of("id: 1\nretry: 2\ndatax: 3\neventual: 4\n\n"), [""; 0]);
    assert_eq!(data_of("data: \u{85}\u{2028}\u{b}\u{c}é\n\n"), ["\u{85}\u{2028}\u{b}\u{c}é"]);
    let events = events_of(
        b"event: a\n\nevent:\n\ndata: x\nevent: b\n\nevent: c\nevent:\ndata\n\n",
        SseDialect::BomKept,
    );
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(events, [(name("a"), String::new()), (name("b"), "x".into()), (None, String::new())]);
}

#[test]
fn ends_of_the_body() {
    assert_eq!(data_of("data: a\n\ndata: b"), ["a"]);
    assert_eq!(data_of("data: a\n\ndata: b\n"), ["a"]);
    assert_eq!(data_of("data: a\n\ndata: b\r"), ["a"]);
    assert_eq!(data_of("data: a\r\n\r"), ["a"]);
    assert_eq!(data_of("data: a\n\r"), ["a"]);
    assert_eq!(data_of("data: a\r\r"), ["a"]);
    assert_eq!(data_of("\u{feff}data: a\n\n"), ["a"]);
}

#[test]
fn a_byte_order_mark_vanishes_or_stays() {
    let input = "\u{feff}data: a\n\u{feff}\u{feff}data: b\n\u{feff}\ndata: c\n\n".as_bytes();
    let data = |dialect| events_of(input, dialect).into_iter().map(|(_, data)| data).collect::<Vec<_>>();
    assert_eq!(data(SseDialect::BomPerLine), ["a", "c"]);
    assert_eq!(data(SseDialect::BomKept), ["c"]);
}

#[test]
fn every_short_mix_of_line_ends_agrees_with_the_reference() {
    let pieces: [&[u8]; 4] = [b"\n", b"\r", b"data: x", b"\xef\xbb\xbf"];
    for code in 0..4_usize.pow(8) {
        let mut input = Vec::new();
        for place in 0..8 {
            input.extend_from_slice(pieces[code >> (2 * place) & 3]);
        }
        for dialect in [SseDialect::BomPerLine, SseDialect::BomKept] {
            for finished in [false, true] {
                let want = Ok(model(&input, dialect, finished));
                let input = Bytes::copy_from_slice(&input);
                let whole = decode(SseDecoder::new(dialect), finished, &mut std::iter::once(input.clone()));
                let bytes = &mut (0..input.len()).map(|i| input.slice(i..=i));
                let bytewise = decode(SseDecoder::new(dialect), finished, bytes);
                assert_eq!(whole, want, "{} finished {finished}", input.escape_ascii());
                assert_eq!(bytewise, want, "{} finished {finished}, bytewise", input.escape_ascii());
            }
        }
    }
}

#[test]
fn common_events_among_others_agree_with_the_reference_for_every_cut() {
    let pieces = ["event: e\n", "data: x\n", "\n", ": c\n", "event: other\n", "data: \r", "event:\n"];
    for code in 0..pieces.len().pow(3) {
        let input: String =
            (0..3).map(|place| pieces[code / pieces.len().pow(place) % pieces.len()]).collect();
        events_of(format!("{input}\n").as_bytes(), SseDialect::BomPerLine);
    }
}

#[test]
fn an_event_is_given_with_the_byte_that_ends_it() {
    for event in ["data: x\n\n", "event: e\ndata: x\n\n", "data: x\r\n\r\n", ": c\n\ndata: x\n\n"] {
        let mut decoder = SseDecoder::new(SseDialect::BomKept);
        for turn in 0..3 {
            for (at, byte) in event.bytes().enumerate() {
                decoder.push(vec![byte].into());
                let is_last = at + 1 == event.len();
                assert_eq!(decoder.next_event().is_some(), is_last, "{turn}, {at}: {}", event.escape_debug());
            }
        }
    }
}

#[test]
fn cut_events_that_nobody_keeps_share_one_buffer() {
    let body = Bytes::from("event: e\ndata: some words of text\n\n".repeat(1000));
    let (mut decoder, mut places, mut events) = (SseDecoder::new(SseDialect::BomKept), Vec::new(), 0);
    for start in (0..body.len()).step_by(7) {
        decoder.push(body.slice(start..body.len().min(start + 7)));
        while let Some(event) = decoder.next_lent() {
            places.push(event.unwrap().data().as_ptr() as usize);
            events += 1;
        }
    }
    let span = places.iter().max().unwrap() - places.iter().min().unwrap();
    assert!(events == 1000 && span < 4 * CUT_ROOM, "{events} events in {span} bytes");
}

#[test]
fn lent_events_are_what_owned_ones_are() {
    let body = "data: aé\n\nevent: e\ndata: b\n\ndata: c\ndata: d\n\nevent: e\n\ndata: \n\n";
    for size in [1, 5, 1000] {
        let (mut lending, mut giving) =
            (SseDecoder::new(SseDialect::BomKept), SseDecoder::new(SseDialect::BomKept));
        let mut events = 0;
        for chunk in body.as_bytes().chunks(size) {
            lending.push(Bytes::copy_from_slice(chunk));
            giving.push(Bytes::copy_from_slice(chunk));
            while let Some(event) = giving.next_event() {
                let (event, lent) = (event.unwrap(), lending.next_lent().unwrap().unwrap());
                assert_eq!((lent.name(), lent.data()), (event.name.as_deref(), event.data.as_bytes()));
                assert_eq!(lent.text(lent.data()), event.data);
                events += 1;
            }
            assert!(lending.next_lent().is_none());
        }
        assert_eq!(events, 5);
    }
}

#[test]
fn invalid_utf8_is_replaced_per_maximal_part() {
    let got = events_of(b"data: a\xff\xe2\x82b\xf0\x9f\x98\xc3\n\n", SseDialect::BomKept);
    assert_eq!(got[0].1, "a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}");
}

#[test]
fn the_limit_holds_for_every_cut() {
    for (input, fits) in [
        (&b"data: 45678\n\n"[..], true),
        (b"data: 456789\n\n", false),
        (b"data: 1\ndata:2\ndata:\n\ndata: 45678\n\n", true),
        (b"data: 12345\ndata: 1\n\n", false),
        (b": 45678901234", false),
    ] {
        let got = assert_same_for_every_cut(input, |chunks| {
            decode(SseDecoder::new(SseDialect::BomKept).with_event_limit(11), true, chunks)
        });
        assert_eq!(got.is_ok(), fits, "{}", input.escape_ascii());
    }
}

#[test]
fn after_an_error_nothing_comes() {
    let mut decoder = SseDecoder::new(SseDialect::BomKept).with_event_limit(8);
    decoder.push("data: 12345\n\ndata: 1\n\n".into());
    assert_eq!(decoder.next_event(), Some(Err(SseError::EventTooLarge { limit: 8 })));
    decoder.push("data: 1\n\n".into());
    decoder.finish();
    assert_eq!(decoder.next_event(), None);
}

#[test]
fn data_is_a_slice_of_the_chunk() {
    let chunk = Bytes::from("event: e\ndata: {\"a\":1}\n\n".to_owned());
    let range = chunk.as_ptr_range();
    let mut decoder = SseDecoder::new(SseDialect::BomPerLine);
    decoder.push(chunk.clone());
    let event = decoder.next_event().unwrap().unwrap();
    assert!(range.contains(&event.data.as_ptr()));
}

#[test]
fn a_name_that_comes_again_is_shared_and_keeps_no_chunk_alive() {
    let chunk = Bytes::from("event: e\ndata: 1\n\nevent: e\ndata: 2\n\n".to_owned());
    let range = chunk.as_ptr_range();
    let mut decoder = SseDecoder::new(SseDialect::BomPerLine);
    decoder.push(chunk.clone());
    let names: [_; 2] = std::array::from_fn(|_| decoder.next_event().unwrap().unwrap().name.unwrap());
    assert_eq!(names[0].as_ptr(), names[1].as_ptr());
    assert!(!range.contains(&names[0].as_ptr()));
}

#[test]
fn names_that_are_taken_back_do_not_add_up_to_the_limit() {
    let mut decoder = SseDecoder::new(SseDialect::BomPerLine).with_event_limit(40);
    decoder.push(Bytes::from("event: taken back\nevent:\ndata: x\n\n".repeat(100)));
    let events: Vec<_> = std::iter::from_fn(|| decoder.next_event()).map(Result::unwrap).collect();
    assert_eq!(events.len(), 100);
    assert!(events.iter().all(|event| event.name.is_none() && event.data == "x"));
}

#[test]
fn a_large_event_arrives_byte_by_byte() {
    let mut body = String::from("data: ");
    while body.len() < 1 << 20 {
        write!(body, "{} ", body.len()).unwrap();
    }
    let want = body[6..].to_owned();
    body.push_str("\n\n");
    let body = Bytes::from(body);
    let chunks = &mut (0..body.len()).map(|i| body.slice(i..=i));
    let got = decode(SseDecoder::new(SseDialect::BomKept), false, chunks).unwrap();
    assert_eq!(got, [(None, want)]);
}
