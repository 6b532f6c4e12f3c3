//! Texts: the table that cells share, and those that stand in a cell itself.

use std::borrow::Cow;
use std::io::Read;

use crate::sheets::limits::Limits;
use crate::sheets::sink::Stop;
use crate::sheets::unreadable::Unreadable;
use crate::sheets::xml::{Token, Xml, damaged, unescape};

/// The shared texts, one behind the other: a text costs its bytes and four more.
#[derive(Default)]
pub struct Texts {
    all: String,
    /// Where each ends.
    ends: Vec<u32>,
    /// Those that were longer than a text may be, in ascending order: what is kept of them is a part.
    cut: Vec<u32>,
}

impl Texts {
    /// Reads the table. How many texts it says it has is not asked.
    pub fn read<R: Read>(xml: &mut Xml<R>, limits: &Limits) -> Result<Self, Stop> {
        let mut texts = Self::default();
        let mut text = String::new();
        loop {
            match xml.next()? {
                Token::Start(tag) if tag.name == b"si" => {
                    text.clear();
                    let whole = if tag.closed { true } else { read(xml, b"si", limits.text, &mut text)? };
                    texts.push(&text, whole, limits)?;
                }
                Token::Eof => return Ok(texts),
                _ => {}
            }
        }
    }

    fn push(&mut self, text: &str, whole: bool, limits: &Limits) -> Result<(), Stop> {
        let full = || Unreadable::OutOfMemory { limit: limits.memory };
        let text = decoded(text);
        self.all.try_reserve(text.len()).map_err(|_| full())?;
        self.ends.try_reserve(1).map_err(|_| full())?;
        if !whole {
            self.cut.push(u32::try_from(self.ends.len()).map_err(|_| full())?);
        }
        self.all.push_str(&text);
        self.ends.push(u32::try_from(self.all.len()).map_err(|_| full())?);
        Ok(())
    }

    /// The text of this number, and whether it is whole.
    #[inline]
    pub fn get(&self, number: usize) -> Option<(&str, bool)> {
        let end = *self.ends.get(number)? as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] as usize };
        let whole =
            self.cut.is_empty() || u32::try_from(number).is_ok_and(|number| self.cut.binary_search(&number).is_err());
        Some((&self.all[start..end], whole))
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

/// Adds the text of the element `end` (`si` or `is`), whose start was just read, to `text`: that of its `t` and of the `t` of
/// its runs. How it is pronounced (`rPh`) is left out. `false`: it is longer than `most` characters, and a part was added.
pub fn read<R: Read>(xml: &mut Xml<R>, end: &[u8], most: u32, text: &mut String) -> Result<bool, Stop> {
    // Whoever counts characters looks at no more than this; `_x0000_` are seven for one.
    let room = (most as usize).saturating_mul(28).saturating_add(1);
    let (mut within, mut whole) = (false, true);
    loop {
        match xml.next()? {
            Token::Start(tag) if tag.name == b"t" => within = !tag.closed,
            Token::Start(tag) if tag.name == b"rPh" && !tag.closed => xml.skip_element()?,
            Token::End(b"t") => within = false,
            Token::End(name) if name == end => return Ok(whole),
            Token::Text(raw) if within => {
                if text.len() > room {
                    whole = false;
                } else {
                    unescape(raw, text)?;
                }
            }
            Token::Literal(raw) if within => {
                if text.len() > room {
                    whole = false;
                } else {
                    text.push_str(std::str::from_utf8(raw).map_err(|_| damaged("a text is no UTF-8"))?);
                }
            }
            Token::Eof => return Err(damaged("it ends in the middle of a text")),
            _ => {}
        }
    }
}

/// A text with its `_xHHHH_` meant: how workbooks write what XML cannot hold (ECMA-376, part 1, section 22.9.2.19).
#[inline]
pub fn decoded(text: &str) -> Cow<'_, str> {
    if memchr::memmem::find(text.as_bytes(), b"_x").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some((unit, length)) = unit(rest) else {
            out.push_str("_x");
            rest = &rest[2..];
            continue;
        };
        rest = &rest[length..];
        // Two of them may be the halves of one character.
        let pair = unit_pair(unit, rest);
        match pair {
            Some((character, length)) => {
                out.push(character);
                rest = &rest[length..];
            }
            None => out.push(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The code that `text` begins with, and its length.
fn unit(text: &str) -> Option<(u16, usize)> {
    let digits = text.strip_prefix("_x")?.get(..4)?;
    let is_code = digits.bytes().all(|digit| digit.is_ascii_hexdigit()) && text.as_bytes().get(6) == Some(&b'_');
    is_code.then(|| u16::from_str_radix(digits, 16).ok())?.map(|unit| (unit, 7))
}

fn unit_pair(first: u16, rest: &str) -> Option<(char, usize)> {
    if !(0xD800..0xDC00).contains(&first) {
        return None;
    }
    let (second, length) = unit(rest)?;
    let character = char::decode_utf16([first, second]).next()?.ok()?;
    Some((character, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_decoded() {
        for (written, meant) in [
            ("plain", "plain"),
            ("a_x000D_b", "a\rb"),
            ("_x005F_x000D_", "_x000D_"),
            ("_x0007_", "\u{7}"),
            ("_xD83D__xDE00_", "😀"),
            ("_xD83D_", "\u{FFFD}"),
            ("_x12_ _xZZZZ_ _x", "_x12_ _xZZZZ_ _x"),
            ("_x00Ж_", "_x00Ж_"),
        ] {
            assert_eq!(decoded(written), meant, "{written}");
        }
    }

    #[test]
    fn runs_belong_together_and_pronunciation_does_not() {
        let table = "<sst uniqueCount='10000000000'><si><r><rPr><b/></rPr><t>Яб</t></r><r><t xml:space='preserve'>локо </t></r>\
                     <rPh sb='0' eb='1'><t>no</t></rPh><phoneticPr fontId='1'/></si><si/><si><t/></si><si><t>b&amp;c</t></si></sst>";
        let texts = Texts::read(&mut Xml::new(table.as_bytes()), &Limits::default()).expect("a table");
        let all: Vec<_> = (0..texts.len()).filter_map(|number| texts.get(number)).collect();
        assert_eq!(all, [("Яблоко ", true), ("", true), ("", true), ("b&c", true)]);
        assert!(texts.get(4).is_none());
    }
}
