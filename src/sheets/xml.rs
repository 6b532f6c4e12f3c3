//! XML as spreadsheets have it, token by token, in a buffer that does not grow.
//!
//! Names lose their prefixes: parts of workbooks tell elements apart by what stands behind it. What nests in what is the
//! caller's to follow. A DOCTYPE is refused: no spreadsheet has one, and entities are how little becomes much.

use std::io::Read;

use memchr::{memchr, memmem};

use super::archive;
use super::sink::Stop;
use super::unreadable::Unreadable;

/// What a tag may take, and more than any has. Texts may be longer: they come in pieces.
const BUFFER: usize = 256 << 10;

/// The longest reference to a character: `&#x10FFFF;`, or one that is none.
const REFERENCE: usize = 16;

/// A document that is being read.
pub struct Xml<R> {
    input: R,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    exhausted: bool,
}

/// What comes next.
#[derive(Debug)]
pub enum Token<'a> {
    /// `<name …>` or `<name …/>`.
    Start(Tag<'a>),
    /// `</name>`: the name without its prefix.
    End(&'a [u8]),
    /// Text, or a piece of it; not unescaped yet.
    Text(&'a [u8]),
    /// Text that means what it says.
    Literal(&'a [u8]),
    /// The end of the document.
    Eof,
}

/// A start tag.
#[derive(Debug, Clone, Copy)]
pub struct Tag<'a> {
    /// Without its prefix.
    pub name: &'a [u8],
    attributes: &'a [u8],
    /// Whether it is its own end.
    pub closed: bool,
}

impl<'a> Tag<'a> {
    /// Its attributes: names without prefixes, values not unescaped. Ends where they are malformed.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes(self.attributes)
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.attributes().find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}

/// See [`Tag::attributes`].
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_ascii_start();
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let name = rest[..equals].trim_ascii_end();
        let value = rest[equals + 1..].trim_ascii_start();
        let quote = *value.first().filter(|quote| matches!(quote, b'"' | b'\''))?;
        let value = &value[1..];
        let end = value.iter().position(|byte| *byte == quote)?;
        self.0 = &value[end + 1..];
        Some((local(name), &value[..end]))
    }
}

fn local(name: &[u8]) -> &[u8] {
    match name.iter().position(|byte| *byte == b':') {
        Some(colon) => &name[colon + 1..],
        None => name,
    }
}

pub fn damaged(what: &str) -> Stop {
    Unreadable::Damaged(what.to_owned()).into()
}

impl<R: Read> Xml<R> {
    pub fn new(input: R) -> Self {
        Self { input, buffer: vec![0; BUFFER], at: 0, end: 0, exhausted: false }
    }

    /// What is in the buffer from here on: for who knows what to expect.
    #[inline]
    pub fn ahead(&self) -> &[u8] {
        &self.buffer[self.at..self.end]
    }

    /// Passes over bytes that [`Xml::ahead`] showed.
    #[inline]
    pub fn pass(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// The next token.
    pub fn next(&mut self) -> Result<Token<'_>, Stop> {
        loop {
            if self.at == self.end && !self.fill()? {
                return Ok(Token::Eof);
            }
            if self.buffer[self.at] != b'<' {
                let (from, to) = self.text()?;
                return Ok(Token::Text(&self.buffer[from..to]));
            }
            while self.end - self.at < 9 && self.fill()? {}
            match self.ahead() {
                [b'<', b'/', ..] => {
                    let (from, to) = self.tag()?;
                    return Ok(Token::End(local(self.buffer[from + 2..to - 1].trim_ascii_end())));
                }
                [b'<', b'!', b'-', b'-', ..] => self.skip(4, b"-->")?,
                [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[']
                | [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => {
                    let (from, to) = self.literal()?;
                    return Ok(Token::Literal(&self.buffer[from..to]));
                }
                [b'<', b'!', ..] => return Err(damaged("it has a DOCTYPE")),
                [b'<', b'?', ..] => self.skip(2, b"?>")?,
                _ => {
                    let (from, to) = self.tag()?;
                    return Ok(Token::Start(start(&self.buffer[from + 1..to - 1])));
                }
            }
        }
    }

    /// Passes over everything up to the end of the element whose start was just read and not closed.
    pub fn skip_element(&mut self) -> Result<(), Stop> {
        let mut depth = 1_u32;
        while depth > 0 {
            match self.next()? {
                Token::Start(tag) => depth += u32::from(!tag.closed),
                Token::End(_) => depth -= 1,
                Token::Eof => return Err(damaged("it ends in the middle of its XML")),
                Token::Text(_) | Token::Literal(_) => {}
            }
        }
        Ok(())
    }

    /// Reads more behind what is there; `false` if nothing came.
    fn fill(&mut self) -> Result<bool, Stop> {
        if self.at > 0 {
            self.buffer.copy_within(self.at..self.end, 0);
            self.end -= self.at;
            self.at = 0;
        }
        if self.exhausted || self.end == self.buffer.len() {
            return Ok(false);
        }
        let before = self.end;
        // A reader that inflates gives little at a time, and moving what is left each time would cost more than it.
        while self.end < self.buffer.len() {
            let read = self.input.read(&mut self.buffer[self.end..]).map_err(archive::broken)?;
            if read == 0 {
                self.exhausted = true;
                break;
            }
            self.end += read;
        }
        Ok(self.end > before)
    }

    /// The tag that begins here, from `<` to behind `>`; passes over it.
    #[inline]
    fn tag(&mut self) -> Result<(usize, usize), Stop> {
        let mut searched = 1;
        loop {
            let ahead = self.ahead();
            if let Some(length) = tag_end(ahead, searched) {
                let from = self.at;
                self.at += length;
                return Ok((from, self.at));
            }
            searched = 1;
            if !self.fill()? {
                return Err(if self.exhausted {
                    damaged("it ends in the middle of its XML")
                } else {
                    damaged("a tag has more than 256 KiB")
                });
            }
        }
    }

    /// The text that begins here, as far as it is in the buffer.
    fn text(&mut self) -> Result<(usize, usize), Stop> {
        loop {
            let from = self.at;
            if let Some(length) = memchr(b'<', self.ahead()) {
                self.at += length;
                return Ok((from, self.at));
            }
            if self.fill()? {
                continue;
            }
            let mut to = self.end;
            if !self.exhausted {
                // More will come: no reference and no character is cut in two.
                let tail = &self.buffer[to - REFERENCE..to];
                if let Some(reference) = tail.iter().rposition(|byte| *byte == b'&') {
                    to = to - REFERENCE + reference;
                } else if let Some(first) = tail.iter().rposition(|byte| byte & 0xC0 != 0x80) {
                    to = to - REFERENCE + first;
                }
            }
            if to == self.at {
                return Err(damaged("a text is no UTF-8"));
            }
            let from = self.at;
            self.at = to;
            return Ok((from, to));
        }
    }

    /// The inside of the CDATA section that begins here.
    fn literal(&mut self) -> Result<(usize, usize), Stop> {
        loop {
            if let Some(length) = memmem::find(self.ahead(), b"]]>") {
                let from = self.at + b"<![CDATA[".len();
                self.at += length + 3;
                return Ok((from, self.at - 3));
            }
            if !self.fill()? {
                return Err(damaged("a CDATA section has no end, or more than 256 KiB"));
            }
        }
    }

    /// Passes over everything up to `until`, however long.
    fn skip(&mut self, begin: usize, until: &[u8]) -> Result<(), Stop> {
        self.at += begin;
        loop {
            if let Some(length) = memmem::find(self.ahead(), until) {
                self.at += length + until.len();
                return Ok(());
            }
            // The end may have begun.
            self.at = self.end - (until.len() - 1).min(self.end - self.at);
            if !self.fill()? {
                return Err(damaged("it ends in the middle of its XML"));
            }
        }
    }
}

/// How long the tag is that begins `ahead`. A `>` within quotes ends none.
#[inline]
fn tag_end(ahead: &[u8], mut searched: usize) -> Option<usize> {
    loop {
        let end = searched + memchr(b'>', &ahead[searched..])?;
        let mut quote = 0;
        for byte in &ahead[1..end] {
            if quote == 0 {
                if matches!(byte, b'"' | b'\'') {
                    quote = *byte;
                }
            } else if *byte == quote {
                quote = 0;
            }
        }
        if quote == 0 {
            return Some(end + 1);
        }
        // To the end of the quoted value.
        searched = end + memchr(quote, &ahead[end..])?;
    }
}

/// A start tag's inside.
#[inline]
fn start(inside: &[u8]) -> Tag<'_> {
    let (inside, closed) = match inside {
        [inside @ .., b'/'] => (inside, true),
        inside => (inside, false),
    };
    let end = inside.iter().position(u8::is_ascii_whitespace).unwrap_or(inside.len());
    Tag { name: local(&inside[..end]), attributes: &inside[end..], closed }
}

/// Adds the meaning of a text or an attribute's value to `out`.
pub fn unescape(raw: &[u8], out: &mut String) -> Result<(), Stop> {
    let text = std::str::from_utf8(raw).map_err(|_| damaged("a text is no UTF-8"))?;
    if memchr::memchr2(b'&', b'\r', raw).is_none() {
        out.push_str(text);
        return Ok(());
    }
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\r']) {
        out.push_str(&rest[..at]);
        if rest.as_bytes()[at] == b'\r' {
            // The end of a line is one character, however it is written.
            rest = &rest[at + 1..];
            if !rest.starts_with('\n') {
                out.push('\n');
            }
            continue;
        }
        rest = &rest[at + 1..];
        let end = rest.bytes().take(REFERENCE).position(|byte| byte == b';');
        let meaning = end.and_then(|end| reference(&rest[..end]).map(|meaning| (end, meaning)));
        // An ampersand that begins no reference is what it is: better a text with an ampersand than no text.
        match meaning {
            Some((end, meaning)) => {
                out.push(meaning);
                rest = &rest[end + 1..];
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
    Ok(())
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, so that every place is the end of the buffer once.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            (buffer[0], self.0) = (*first, rest);
            Ok(1)
        }
    }

    fn tokens(document: &[u8]) -> Result<Vec<String>, String> {
        let mut xml = Xml::new(Drip(document));
        let mut found = Vec::new();
        loop {
            let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
            match xml.next() {
                Ok(Token::Start(tag)) => {
                    let attributes: Vec<_> =
                        tag.attributes().map(|(name, value)| format!(" {}={}", text(name), text(value))).collect();
                    found.push(format!(
                        "<{}{}{}>",
                        text(tag.name),
                        attributes.concat(),
                        if tag.closed { "/" } else { "" }
                    ));
                }
                Ok(Token::End(name)) => found.push(format!("</{}>", text(name))),
                Ok(Token::Text(raw)) => {
                    let mut meaning = String::new();
                    unescape(raw, &mut meaning).map_err(|stop| format!("{stop:?}"))?;
                    found.push(meaning);
                }
                Ok(Token::Literal(raw)) => found.push(text(raw)),
                Ok(Token::Eof) => return Ok(found),
                Err(stop) => return Err(format!("{stop:?}")),
            }
        }
    }

    #[test]
    fn a_document_comes_apart_into_its_tokens() {
        let document = "<?xml version='1.0'?><!-- <no> --><x:row r = \"1\" x:hidden='a>b' ><c/>1 &lt; &#x416;&amp;&nbsp;&\r\n\
                        <![CDATA[<&]]></x:row >";
        assert_eq!(
            tokens(document.as_bytes()).expect("well-formed"),
            ["<row r=1 hidden=a>b>", "<c/>", "1 < Ж&&nbsp;&\n", "<&", "</row>"]
        );
    }

    #[test]
    fn what_is_cut_or_dangerous_is_refused() {
        for document in [
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
            "<a",
            "<a b='>",
            "<!-- ",
            "<![CDATA[x",
            "<?xml",
            "\u{feff}<a>&#",
            "<a>\u{1}",
        ] {
            let read = tokens(document.as_bytes());
            let is_text = document.ends_with("&#") || document.ends_with('\u{1}');
            assert_eq!(read.is_err(), !is_text, "{document}: {read:?}");
        }
        assert!(tokens(b"<a>\xFF</a>").is_err());
    }

    #[test]
    fn a_text_longer_than_the_buffer_comes_in_pieces_that_cut_nothing() {
        let long = "Жук &amp; ".repeat(BUFFER / 8);
        let document = format!("<t>{long}</t>");
        let mut xml = Xml::new(document.as_bytes());
        let mut read = String::new();
        let mut pieces = 0;
        loop {
            match xml.next().expect("well-formed") {
                Token::Text(raw) => {
                    unescape(raw, &mut read).expect("UTF-8");
                    pieces += 1;
                }
                Token::Eof => break,
                _ => {}
            }
        }
        assert!(pieces > 1);
        assert!(read == long.replace("&amp;", "&"));
    }

    #[test]
    fn a_tag_longer_than_the_buffer_is_refused() {
        let document = format!("<t a=\"{}\">", "x".repeat(BUFFER));
        assert!(Xml::new(document.as_bytes()).next().is_err());
    }
}
