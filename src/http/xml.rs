//! XML as a contract speaks it: one root, repeated elements for arrays, no attributes of meaning.
//!
//! Owns reading a document into a tree that can exhaust nothing, and writing a JSON value as a document. Reading knows no
//! types; [`Schema::coerce`] gives the tree the types that are published. Must not know: any domain, requests, answers.
//!
//! What a hostile document may try, and what stands against it: depth ([`MAX_DEPTH`], and no recursion here), many
//! elements ([`MAX_ELEMENTS`]), long texts and tags, entity definitions (a DOCTYPE of any kind is refused, and with it
//! external entities and the billion laughs), characters that XML cannot hold.
//!
//! [`Schema::coerce`]: super::schema::Schema::coerce

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesDecl, BytesStart, Event};
use serde_json::Value;

/// Elements may stand so deep; a JSON body has the same limit.
pub const MAX_DEPTH: usize = 128;

/// So many elements a document may have: a batch of 10 000 profiles has about 300 000.
pub const MAX_ELEMENTS: usize = 1_000_000;

/// So many bytes of text one element may hold.
const MAX_TEXT: usize = 1024 * 1024;

/// So many bytes a start tag may have, name and attributes together.
const MAX_TAG: usize = 4096;

/// So many attributes a start tag may have. None of them means anything.
const MAX_ATTRIBUTES: usize = 32;

/// An element with its text or its children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name, with the prefix if it has one.
    pub name: String,
    /// Its text, references resolved, nothing trimmed.
    pub text: String,
    /// The elements inside it, in their order.
    pub children: Vec<Element>,
}

/// Why a document was refused. The texts are for people and repeat nothing but names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It is no XML, or XML of a kind that is not read.
    #[error("the body is not XML this server reads: {0}")]
    Malformed(String),
    /// It is XML, but its root element has another name.
    #[error("the root element must be <{expected}> (is <{found}>)")]
    Root {
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}

fn malformed(why: impl Into<String>) -> XmlError {
    XmlError::Malformed(why.into())
}

/// Reads a document whose root is `root`.
///
/// # Errors
/// [`XmlError`], with a sentence that can be shown to the sender.
pub fn read(bytes: &[u8], root: &'static str) -> Result<Element, XmlError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        malformed(format!("it is not UTF-8 (byte {}); other encodings are not read", error.valid_up_to()))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(bad) = text.chars().find(|character| !is_xml_char(*character)) {
        return Err(malformed(format!("it holds the character U+{:04X}, which XML cannot hold", u32::from(bad))));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut tree = Tree::default();
    loop {
        let event = reader.read_event().map_err(|error| malformed(error.to_string()))?;
        match event {
            Event::Start(tag) => tree.open(&tag)?,
            Event::End(_) => tree.close()?,
            Event::Text(text) => tree.text(&text.xml10_content())?,
            Event::CData(text) => tree.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref().map_err(|error| malformed(error.to_string()))? {
                    Some(character) if is_xml_char(character) => character.to_string(),
                    Some(_) => return Err(malformed("a character reference names a character XML cannot hold")),
                    None => resolve_xml_entity(&reference.xml10_content())
                        .ok_or_else(|| malformed("it uses an entity other than lt, gt, amp, apos and quot"))?
                        .to_owned(),
                };
                tree.text(&resolved)?;
            }
            Event::DocType(_) => return Err(malformed("a DOCTYPE is not accepted")),
            Event::Decl(declaration) => check_encoding(&declaration)?,
            Event::Empty(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    let found = tree.finish()?;
    if found.name == root { Ok(found) } else { Err(XmlError::Root { expected: root, found: found.name }) }
}

/// The document while it is read: what is open, and how much there is.
#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Tree {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), XmlError> {
        if tag.len() > MAX_TAG {
            return Err(malformed(format!("a tag is longer than {MAX_TAG} bytes")));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(malformed(format!("its elements are nested deeper than {MAX_DEPTH}")));
        }
        if self.elements == MAX_ELEMENTS {
            return Err(malformed(format!("it has more than {MAX_ELEMENTS} elements")));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(malformed("it has more than one root element"));
        }
        for (number, attribute) in tag.attributes().enumerate() {
            attribute.map_err(|error| malformed(error.to_string()))?;
            if number == MAX_ATTRIBUTES {
                return Err(malformed(format!("a tag has more than {MAX_ATTRIBUTES} attributes")));
            }
        }
        let name = tag.name();
        let name: &str = name.as_ref();
        if !is_name(name) {
            return Err(malformed("a tag has a name XML does not allow"));
        }
        self.elements += 1;
        self.open.push(Element { name: name.to_owned(), ..Element::default() });
        Ok(())
    }

    fn close(&mut self) -> Result<(), XmlError> {
        let mut element = self.open.pop().ok_or_else(|| malformed("it closes what it did not open"))?;
        if !element.children.is_empty() {
            if !element.text.trim().is_empty() {
                return Err(malformed(format!("<{}> holds both text and elements", element.name)));
            }
            element.text.clear();
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        let Some(element) = self.open.last_mut() else {
            return if text.trim().is_empty() { Ok(()) } else { Err(malformed("it has text outside its root")) };
        };
        if element.text.len() + text.len() > MAX_TEXT {
            return Err(malformed(format!("<{}> holds more than {MAX_TEXT} bytes of text", element.name)));
        }
        element.text.push_str(text);
        Ok(())
    }

    fn finish(self) -> Result<Element, XmlError> {
        if let Some(open) = self.open.last() {
            return Err(malformed(format!("<{}> is not closed", open.name)));
        }
        self.root.ok_or_else(|| malformed("it has no root element"))
    }
}

fn check_encoding(declaration: &BytesDecl<'_>) -> Result<(), XmlError> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("us-ascii") => Ok(()),
        Some(_) => Err(malformed("its declared encoding is not UTF-8")),
    }
}

/// `Char` of XML 1.0, section 2.2.
fn is_xml_char(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Close to `Name` of XML 1.0, section 2.3: letters as Unicode has them.
fn is_name(name: &str) -> bool {
    let start = |character: char| character.is_alphabetic() || character == '_' || character == ':';
    let rest =
        |character: char| start(character) || character.is_numeric() || matches!(character, '-' | '.' | '\u{b7}');
    name.chars().next().is_some_and(start) && name.chars().all(rest)
}

/// Writes `value` as a document: an object's fields become elements of their names, an array the same element again for
/// each item, null an empty element. Characters that XML cannot hold become U+FFFD, and so do those in names as `_`.
#[must_use]
pub fn write(root: &str, value: &Value) -> String {
    let mut out = String::with_capacity(256);
    element(&mut out, root, value);
    out
}

fn element(out: &mut String, name: &str, value: &Value) {
    if let Value::Array(items) = value {
        for item in items {
            // An array in an array has no element of its own; it is not in any contract, and keeps its items at least.
            element(out, name, item);
        }
        return;
    }
    let name = legal_name(name);
    out.push('<');
    out.push_str(&name);
    out.push('>');
    match value {
        Value::Null | Value::Array(_) => {}
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => escape(out, text),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| element(out, name, value)),
    }
    out.push_str("</");
    out.push_str(&name);
    out.push('>');
}

fn legal_name(name: &str) -> std::borrow::Cow<'_, str> {
    if is_name(name) {
        return name.into();
    }
    let legal: String =
        name.chars().map(|c| if is_name(c.encode_utf8(&mut [0; 4])) || c.is_numeric() { c } else { '_' }).collect();
    format!("_{legal}").into()
}

fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A parser turns a plain one into a line feed (XML 1.0, section 2.11).
            '\r' => out.push_str("&#13;"),
            _ if is_xml_char(character) => out.push(character),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(bytes: &[u8]) -> String {
        read(bytes, "xml").expect_err("a hostile document").to_string()
    }

    #[test]
    fn a_document_is_read_with_its_texts_as_they_stand() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- hi --><xml a=\"1\">\n  <name> 1 &lt; 2 &#x41;<![CDATA[<&>]]> </name>\n  <empty/><line>a\r\nb</line></xml>\n";
        let read = read(text.as_bytes(), "xml").expect("a good document");
        let texts: Vec<_> = read.children.iter().map(|child| (child.name.as_str(), child.text.as_str())).collect();
        assert_eq!(texts, [("name", " 1 < 2 A<&> "), ("empty", ""), ("line", "a\nb")]);
    }

    #[test]
    fn a_hostile_or_broken_document_is_refused_with_its_reason() {
        let laughs = "<!DOCTYPE xml [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><xml>&b;</xml>";
        let deep = [b"<xml>".as_slice(), &b"<a>".repeat(5_000), &b"</a>".repeat(5_000), b"</xml>"].concat();
        let tag = format!("<xml a=\"{}\"></xml>", "x".repeat(5_000));
        let many = (0..40).map(|number| format!(" a{number}=\"\"")).collect::<Vec<_>>().concat();
        let long = format!("<xml><a>{}</a></xml>", "x".repeat(MAX_TEXT + 1));
        for (bytes, why) in [
            (laughs.as_bytes(), "DOCTYPE"),
            (&deep, "nested deeper than 128"),
            (tag.as_bytes(), "a tag is longer"),
            (format!("<xml{many}/>").as_bytes(), "more than 32 attributes"),
            (long.as_bytes(), "bytes of text"),
            (b"<xml>&nbsp;</xml>", "an entity other than"),
            (b"<xml>&#0;</xml>", "character"),
            (b"<xml>&#xFFFE;</xml>", "cannot hold"),
            (b"<xml>\0</xml>", "U+0000"),
            (b"<xml>\x1b</xml>", "U+001B"),
            (b"<xml>\xff\xfe</xml>", "not UTF-8"),
            (b"<?xml version=\"1.0\" encoding=\"windows-1251\"?><xml/>", "encoding"),
            (b"<xml><a>", "not closed"),
            (b"<xml><a></b></xml>", ""),
            (b"<xml>text<a/></xml>", "both text and elements"),
            (b"<xml/><xml/>", "more than one root"),
            (b"<xml/>rest", "outside its root"),
            (b"<xml><1/></xml>", "a name"),
            (b"<xml a=1/>", ""),
            (b"<xml a=\"1\" a=\"2\"/>", ""),
            (b"{\"id\":1}", "outside its root"),
            (b"", "no root"),
            (b"<foo/>", "must be <xml> (is <foo>)"),
        ] {
            let said = refused(bytes);
            assert!(said.contains(why), "{why:?}: {said}");
        }
    }

    #[test]
    fn a_value_is_written_with_what_xml_must_escape() {
        let value = json!({"data": [{"a": 1, "b": null}, {"a": "x<&>\u{1}\r"}], "ok": true, "none": [], "bad name": 1});
        assert_eq!(
            write("xml", &value),
            "<xml><data><a>1</a><b></b></data><data><a>x&lt;&amp;&gt;\u{fffd}&#13;</a></data><ok>true</ok>\
             <_bad_name>1</_bad_name></xml>"
        );
    }
}
