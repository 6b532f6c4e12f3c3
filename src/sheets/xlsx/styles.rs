//! Which styles of a workbook show a number as a date.

use std::collections::HashMap;
use std::io::Read;

use crate::sheets::serial::{is_date_code, is_date_id};
use crate::sheets::sink::Stop;
use crate::sheets::xml::{Token, Xml, unescape};

/// Styles that are told apart: Excel has 65 490.
const STYLES: usize = 1 << 17;

/// For each style of cells whether it shows a date.
pub fn dates<R: Read>(xml: &mut Xml<R>) -> Result<Vec<bool>, Stop> {
    let mut own = HashMap::new();
    let mut styles = Vec::new();
    let mut within = false;
    loop {
        match xml.next()? {
            Token::Start(tag) => match tag.name {
                b"numFmt" if own.len() < STYLES => {
                    let mut code = String::new();
                    if let Some(written) = tag.attribute(b"formatCode") {
                        unescape(written, &mut code)?;
                    }
                    if let Some(id) = number(tag.attribute(b"numFmtId")) {
                        own.insert(id, is_date_code(&code));
                    }
                }
                b"cellXfs" => within = !tag.closed,
                b"xf" if within && styles.len() < STYLES => {
                    let id = number(tag.attribute(b"numFmtId")).unwrap_or(0);
                    styles.push(own.get(&id).copied().unwrap_or_else(|| is_date_id(id)));
                }
                _ => {}
            },
            Token::End(b"cellXfs") => within = false,
            Token::Eof => return Ok(styles),
            _ => {}
        }
    }
}

fn number(value: Option<&[u8]>) -> Option<u32> {
    std::str::from_utf8(value?).ok()?.parse().ok()
}
