//! What Python writes we read, and the other way round, case by case.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::tests::{Kept, read};
use super::*;

/// The Python of the tests against Django, or any other: this needs no Django.
fn python() -> OsString {
    std::env::var_os("SEGUE_TEST_PYTHON").unwrap_or_else(|| "python3".into())
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        hex.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap()));
    }
    hex
}

fn write_fresh(members: &Kept) -> Vec<u8> {
    write(members.iter().map(|(key, json, _)| (key, Content::Json(json)))).unwrap()
}

#[test]
fn python_and_segue_read_each_other() {
    let mut process = Command::new(python())
        .args(["-c", include_str!("python_tests.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a Python in SEGUE_TEST_PYTHON, or `python3`");
    let mut input = process.stdin.take().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap_or_else(|_| panic!("Python printed {line:?}"))
    };

    let mut answers = Vec::new();
    loop {
        let case = next();
        if case.is_null() {
            break;
        }
        let json = case["json"].as_str().unwrap();
        let mut of_protocols = case["pickles"].as_array().unwrap().iter().map(|pickle| {
            let pickle = bytes(pickle.as_str().unwrap());
            let members = read(&pickle).unwrap().unwrap();
            assert!(members.object() == json, "case {}: {json:.500}", answers.len());
            let is_plain = members.iter().all(|(_, _, exact)| exact.is_none());
            assert_eq!(is_plain, case["plain"].as_bool().unwrap(), "{json:.500}");
            (members.write_back(), write_fresh(&members))
        });
        let (kept, fresh) = of_protocols.next().unwrap();
        assert!(of_protocols.all(|other| other == (kept.clone(), fresh.clone())), "{json:.500}");
        answers.push(format!("{} {}", hex(&kept), hex(&fresh)));
    }
    for answer in &answers {
        writeln!(input, "{answer}").unwrap();
    }
    drop(input);
    let verdict = next();
    assert_eq!(verdict["wrong"], Value::Array(Vec::new()), "number and what of each case");
    assert!(process.wait().unwrap().success());
    // That the comparisons took place.
    assert!(answers.len() > 450, "{verdict}");
    let compared = |what: &str| verdict["compared"][what].as_u64().unwrap();
    for what in ["kept", "kept, in Python's own code", "fresh"] {
        assert_eq!(compared(what), answers.len() as u64);
    }
    assert!(compared("bytes of fresh ones") > 400, "{verdict}");
    assert!(compared("bytes of kept ones") > 400, "{verdict}");
}
