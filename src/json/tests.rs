use std::fmt::Write;

use bytes::Bytes;

use super::*;
use crate::Text;

const NUMBERS: &str = include_str!("../../fixtures/v8/v8-numbers.jsonl");
const ERRORS: &str = include_str!("../../fixtures/v8/v8-json-errors.jsonl");

/// The pairs of a table, read with our own parser.
fn pairs(table: &str) -> Vec<(Text, Text)> {
    let mut document = Document::new();
    let mut pairs = Vec::new();
    for line in table.lines() {
        let row = document.parse(line.into()).unwrap();
        pairs.push((row.at(0).as_text().unwrap(), row.at(1).as_text().unwrap()));
    }
    pairs
}

fn stringify(source: &str) -> String {
    Document::new().parse(source.into()).unwrap().to_json()
}

/// Checks both ways of writing against both expectations.
#[track_caller]
fn assert_written(source: &str, expected: &str) {
    assert_eq!(stringify(source), expected);
    assert_eq!(Value::parse(source).unwrap().to_json(), expected);
}

#[test]
fn numbers_as_v8_prints_them() {
    let pairs = pairs(NUMBERS);
    assert_eq!(pairs.len(), 468);
    for (source, printed) in pairs {
        assert_written(&source, &printed);
    }
}

#[test]
fn errors_in_the_words_of_v8() {
    let pairs = pairs(ERRORS);
    assert_eq!(pairs.len(), 3211);
    let mut document = Document::new();
    for (source, message) in pairs {
        let error = document.parse(source.clone()).unwrap_err();
        assert_eq!(error.message(), message.as_str(), "{source:?}");
        assert!(document.root().is_undefined());
    }
}

#[test]
fn positions_count_utf16() {
    let error = Value::parse("[\"😀\" x").unwrap_err();
    assert_eq!(error.position(), 6);
    assert_eq!(Value::parse("[").unwrap_err().position(), 1);
}

#[test]
fn strings_without_escapes_are_not_copied() {
    let source = Text::from(r#"{"key":"plain","other":"a\nb"}"#);
    let mut document = Document::new();
    let node = document.parse(source.clone()).unwrap();
    let inside = |text: &str| source.as_bytes().as_ptr_range().contains(&text.as_ptr());
    let Value::Object(object) = node.to_value() else { panic!() };
    assert!(object.keys().all(|key| inside(key)));
    assert!(inside(&node.get("key").as_text().unwrap()));
    assert!(matches!(node.get("key").as_cow(), Some(std::borrow::Cow::Borrowed("plain"))));
    assert!(!inside(&node.get("other").as_text().unwrap()));
    assert_eq!(node.get("other").as_text().unwrap(), "a\nb");
}

#[test]
fn escapes() {
    let mut document = Document::new();
    let source = r#""\"\\\/\b\f\n\r\tx\u0041\u00e9\uD83D\ude00\ud83d\ude00""#;
    let text = document.parse(source.into()).unwrap();
    let expected = "\"\\/\u{8}\u{c}\n\r\txAé😀😀";
    assert_eq!(text.as_text().unwrap(), expected);
    assert!(text.str_eq(expected));
    assert!(!text.str_eq(&expected[1..]));
    assert!(!text.str_eq(&expected[..9]));
    assert_eq!(text.to_json(), r#""\"\\/\b\f\n\r\txAé😀😀""#);
}

#[test]
fn half_a_surrogate_pair_becomes_the_replacement_character() {
    for (source, expected) in [
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ude00x""#, "\u{fffd}x"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ud83dé\ude00""#, "\u{fffd}é\u{fffd}"),
    ] {
        assert_eq!(Value::parse(source).unwrap().as_str(), Some(expected), "{source}");
    }
}

#[test]
fn only_what_json_demands_is_escaped() {
    let mut out = String::new();
    let controls: String = (0..0x20_u8).map(char::from).collect();
    write_string(&mut out, &controls);
    let expected = concat!(
        r#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#,
        r#"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f""#,
    );
    assert_eq!(out, expected);
    out.clear();
    write_string(&mut out, "/\u{7f}\u{80}\u{2028}\u{2029}é😀</script>");
    assert_eq!(out, "\"/\u{7f}\u{80}\u{2028}\u{2029}é😀</script>\"");
}

#[test]
fn every_place_of_a_special_byte_is_found() {
    for length in 0..40 {
        for at in 0..length {
            for special in ["\"", "\\", "\n", "\u{1f}", "\u{0}"] {
                for plain in ["x", " ", "!", "#", "[", "]", "\u{7f}"] {
                    let text = [&plain.repeat(at), special, &plain.repeat(length - at)].concat();
                    let mut quoted = String::new();
                    write_string(&mut quoted, &text);
                    assert_eq!(Value::parse(&quoted).unwrap().as_str(), Some(&*text));
                    let two = format!("[{quoted},{quoted}]");
                    assert_eq!(stringify(&two), two);
                }
            }
        }
    }
    assert_written(&format!("\"{}\"", "é".repeat(33)), &format!("\"{}\"", "é".repeat(33)));
}

#[test]
fn keys_in_the_order_of_javascript() {
    // Each expectation is what Node 20 prints for JSON.stringify(JSON.parse(source)).
    for (source, expected) in [
        (r#"{"b":1,"a":2,"10":3,"2":4}"#, r#"{"2":4,"10":3,"b":1,"a":2}"#),
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        (r#"{"5":1,"x":0,"5":2,"1":3,"5":4}"#, r#"{"1":3,"5":4,"x":0}"#),
        (r#"{"x":0,"01":1,"-1":2,"1.0":3,"0":4}"#, r#"{"0":4,"x":0,"01":1,"-1":2,"1.0":3}"#),
        (r#"{"x":0,"4294967295":1,"4294967294":2}"#, r#"{"4294967294":2,"x":0,"4294967295":1}"#),
        (r#"{"x":0,"99999999999":1}"#, r#"{"x":0,"99999999999":1}"#),
        (r#"{"x":0,"\u0031":1,"1":2}"#, r#"{"1":2,"x":0}"#),
        (r#"{"a":0,"\u0061":1}"#, r#"{"a":1}"#),
        (r#"{"__proto__":{"a":1},"":2}"#, r#"{"__proto__":{"a":1},"":2}"#),
        (" { \"a\" : [ 1 , {} , [ ] ] } ", r#"{"a":[1,{},[]]}"#),
        (r#"{"a":null,"a":{"b":[1]},"c":0}"#, r#"{"a":{"b":[1]},"c":0}"#),
    ] {
        assert_written(source, expected);
        let mut object = Object::new();
        let mut document = Document::new();
        for (key, value) in document.parse(source.into()).unwrap().entries() {
            object.insert(&*key, value.to_value());
        }
        assert_eq!(Value::from(object).to_json(), expected);
    }
}

#[test]
fn large_objects_keep_order_and_merge() {
    let mut source = String::from("{");
    let mut expected = String::from("{\"7\":7");
    for index in 0..1000 {
        write!(source, "\"k{index}\":0,").unwrap();
        write!(expected, ",\"k{index}\":{index}").unwrap();
    }
    for index in 0..1000 {
        write!(source, "\"k{index}\":{index},").unwrap();
    }
    source.push_str("\"7\":7}");
    expected.push('}');
    assert_written(&source, &expected);
    let mut document = Document::new();
    let node = document.parse(source.as_str().into()).unwrap();
    assert_eq!((node.len(), node.get("k999").as_f64()), (1001, Some(999.0)));
}

#[test]
fn an_object_keeps_its_order_when_changed() {
    let mut object = object! { "b": 1, "9": 2, "a": 3, "0": 4 };
    assert_eq!(object.remove("9").and_then(|value| value.as_f64()), Some(2.0));
    assert_eq!(object.remove("9"), None);
    object.insert("3", true);
    object.insert("c", "x");
    assert_eq!(object.insert("b", 5), Some(Value::Number(1.0)));
    assert_eq!(object.remove("a"), Some(Value::Number(3.0)));
    for (_, value) in &mut object {
        if value.is_string() {
            *value = Value::Null;
        }
    }
    assert_eq!(object.keys().map(Text::as_str).collect::<Vec<_>>(), ["0", "3", "b", "c"]);
    assert_eq!(Value::from(object.clone()).to_json(), r#"{"0":4,"3":true,"b":5,"c":null}"#);
    assert_eq!(object.iter().len(), 4);
    assert_eq!(object.into_iter().collect::<Object>().len(), 4);
    assert!(object! {}.is_empty());
}

#[test]
fn two_hundred_thousand_levels() {
    let levels = 200_000;
    let check = move || {
        let mut document = Document::new();
        for (open, middle, close) in [("[", "", "]"), ("{\"a\":", "1", "}"), ("[{\"a\":", "[]", "}]")] {
            let source = [&open.repeat(levels), middle, &close.repeat(levels)].concat();
            let node = document.parse(source.clone().into()).unwrap();
            assert_eq!(node.to_json(), source);
            let value = node.to_value();
            assert_eq!(value.clone(), value);
            assert!(value.to_json().contains("null"));
            let mut inner = node;
            while !inner.is_nullish() && !inner.is_empty() && inner.kind() != Kind::Number {
                inner = if inner.is_array() { inner.at(0) } else { inner.get("a") };
            }
            assert!(Document::new().parse(open.repeat(levels).into()).is_err());
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(check).unwrap().join().unwrap();
}

#[test]
fn values_end_at_512_levels() {
    let nested =
        |levels: usize, middle: &str| ["[".repeat(levels), middle.into(), "]".repeat(levels)].concat();
    assert_eq!(Value::parse(&nested(512, "1")).unwrap().to_json(), nested(512, "1"));
    assert_eq!(Value::parse(&nested(513, "1")).unwrap().to_json(), nested(512, "null"));
}

#[test]
fn pretty_as_javascript_prints() {
    let source = r#"{"a":[],"b":{},"c":[1,[2,{"d":null}]],"e":"x"}"#;
    let expected = r#"{
  "a": [],
  "b": {},
  "c": [
    1,
    [
      2,
      {
        "d": null
      }
    ]
  ],
  "e": "x"
}"#;
    let mut document = Document::new();
    let node = document.parse(source.into()).unwrap();
    assert_eq!(node.to_json_pretty(), expected);
    assert_eq!(node.to_value().to_json_pretty(), expected);
    assert_eq!(stringify(expected), source);
    for scalar in ["[]", "{}", "1", "\"\"", "null"] {
        assert_eq!(Value::parse(scalar).unwrap().to_json_pretty(), scalar);
    }
}

#[test]
fn reading_is_optional_chaining() {
    let mut document = Document::new();
    let node = document.parse(r#"{"a":[1,{"b":"x"},""],"n":null,"t":true,"z":-0.0}"#.into()).unwrap();
    assert!(node.get("a").at(1).get("b").str_eq("x"));
    assert!(node.get("a").get("length").is_undefined());
    assert!(node.get("a").at(3).get("b").at(0).is_undefined());
    assert!(node.at(0).is_undefined() && node.get("n").get("x").is_undefined());
    assert_eq!((node.len(), node.get("a").len(), node.get("t").len()), (4, 3, 0));
    assert!(node.get("a").at(0).is_truthy() && node.get("t").is_truthy() && node.get("a").is_truthy());
    assert!(!node.get("a").at(2).is_truthy() && !node.get("z").is_truthy() && !node.get("n").is_truthy());
    assert_eq!(node.get("t").as_bool(), Some(true));
    assert_eq!(node.get("t").as_f64(), None);
    assert_eq!(node.get("n").items().count() + node.get("n").entries().count(), 0);
    assert!(!Node::undefined().is_truthy() && Node::undefined().to_value().is_null());
    assert_eq!(Node::undefined().to_json(), "undefined");
    assert_eq!(format!("{:?}", node.get("a").at(1)), r#"{"b":"x"}"#);
}

#[test]
fn infinity_is_read_and_written_as_null() {
    let value = Value::parse("[1e400,-1e400]").unwrap();
    assert_eq!(value.at(0).and_then(Value::as_f64), Some(f64::INFINITY));
    assert_eq!(value.to_json(), "[null,null]");
    assert_eq!(Value::from(f64::NAN).to_json(), "null");
    assert!(!Value::from(f64::NAN).is_truthy() && value.at(1).unwrap().is_truthy());
}

#[test]
fn bytes_that_are_not_utf8_are_replaced() {
    let value = Value::parse_bytes(Bytes::from_static(b"[\"a\xff\xe2\x82b\"]")).unwrap();
    assert_eq!(value.to_json(), "[\"a\u{fffd}\u{fffd}b\"]");
    let error = Value::parse_bytes(Bytes::from_static(b"\xef\xbb\xbf{}")).unwrap_err();
    assert_eq!(error.to_string(), "Unexpected token '\u{feff}', \"\u{feff}{}\" is not valid JSON");
}

#[test]
fn a_document_is_reused_without_allocation() {
    let mut document = Document::new();
    document.parse(r#"{"a":[1,2,3]}"#.into()).unwrap();
    let (buffer, capacity) = (document.entries.as_ptr(), document.entries.capacity());
    for _ in 0..3 {
        assert_eq!(document.parse(r#"{"b":[4]}"#.into()).unwrap().get("b").at(0).as_f64(), Some(4.0));
        assert!(document.parse("{".into()).is_err());
        assert_eq!((document.entries.as_ptr(), document.entries.capacity()), (buffer, capacity));
    }
}

#[test]
fn serde_reads_and_writes() {
    let source = r#"{"b":[1,-2,1.5,1e300,18446744073709551615,null,true],"a":{"2":"é\n","1":{}}}"#;
    let value: Value = serde_json::from_str(source).unwrap();
    assert_eq!(value, Value::parse(source).unwrap());
    let written = serde_json::to_string(&value).unwrap();
    assert!(written.starts_with(r#"{"b":[1,-2,1.5,1e+300,"#), "{written}");
    assert!(written.ends_with(r#",null,true],"a":{"1":{},"2":"é\n"}}"#), "{written}");
    assert_eq!(
        serde_json::to_string(&[9_007_199_254_740_993_i64.into(), Value::from(-0.0)]).unwrap(),
        "[9007199254740992,0]"
    );
    assert!(serde_json::from_str::<Object>("{\"x\":1}").unwrap().contains_key("x"));
    assert!(serde_json::from_str::<Object>("[]").is_err());
}

#[test]
fn a_clone_that_changes_leaves_the_other_as_it_was() {
    let first = Value::from(object! { "a": object! { "b": 1 }, "7": "x" });
    let mut second = first.clone();
    assert_eq!(first, second);
    let inner = second.get_mut("a").and_then(Value::as_object_mut).unwrap();
    inner.insert("c", 2);
    inner.remove("b");
    second.as_object_mut().unwrap().insert("3", true);
    assert_eq!(first.to_json(), r#"{"7":"x","a":{"b":1}}"#);
    assert_eq!(second.to_json(), r#"{"3":true,"7":"x","a":{"c":2}}"#);
}

#[test]
fn an_object_that_was_emptied_equals_one_that_never_held_anything() {
    let mut emptied = object! { "a": 1 };
    emptied.remove("a");
    assert_eq!(emptied, Object::new());
    assert_eq!(Object::with_capacity(3), Object::default());
    assert_eq!(emptied.into_iter().count(), 0);
}
