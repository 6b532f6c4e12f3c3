//! Texts of the catalogue: how they are cleaned before they are kept, and how they are folded before they are compared.
//!
//! Must not know: the database, HTTP, files.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It has control characters.
    Control,
    /// It has more characters than it may have: how many.
    TooLong(usize),
}

/// A text without blanks around it, in normal form C; line breaks and tabs inside are blanks, and whether there were any.
pub fn clean(text: &str, longest: usize) -> Result<(Cow<'_, str>, bool), Fault> {
    let text = text.trim_matches(is_blank);
    let (mut breaks, mut control, mut composed) = (false, false, true);
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => breaks = true,
            character if character.is_control() => control = true,
            character => composed &= is_composed(character),
        }
    }
    // Neither of what follows brings one in or takes one away.
    if control {
        return Err(Fault::Control);
    }
    let mut clean = Cow::Borrowed(text);
    if breaks {
        clean = clean.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ").into();
    }
    if !composed && is_nfc_quick(clean.chars()) != IsNormalized::Yes {
        clean = clean.nfc().collect::<String>().into();
    }
    // Bytes are quicker to count, and never fewer.
    if clean.len() > longest {
        let length = clean.chars().count();
        if length > longest {
            return Err(Fault::TooLong(length));
        }
    }
    Ok((clean, breaks))
}

/// Whether normal form C never changes a character, whatever stands beside it. It says so of those that price lists consist
/// of, without a look into Unicode's tables.
const fn is_composed(character: char) -> bool {
    matches!(character, '\0'..'\u{300}' | '\u{400}'..='\u{482}' | '\u{2010}'..='\u{2027}' | '№')
}

/// Whitespace of any kind, and characters without width that come along when people copy.
pub fn is_blank(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' ' | '\t'..='\r');
    }
    character.is_whitespace() || matches!(character, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// A text as it is compared: in small letters, each run of blanks one space.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut blank = false;
    for character in text.chars() {
        if is_blank(character) {
            blank = !folded.is_empty();
            continue;
        }
        if blank {
            folded.push(' ');
            blank = false;
        }
        match character {
            'а'..='я' => folded.push(character),
            // Their small letters come 32 after them.
            'А'..='Я' => folded.push(char::from_u32(character as u32 + 32).unwrap_or(character)),
            _ if character.is_ascii() => folded.push(character.to_ascii_lowercase()),
            _ => folded.extend(character.to_lowercase()),
        }
    }
    folded
}

/// The beginning of a text, for a message.
#[must_use]
pub fn shortened(text: &str) -> String {
    const LONGEST: usize = 64;
    let visible = |character: char| if character.is_control() { '\u{fffd}' } else { character };
    let mut short: String = text.chars().take(LONGEST).map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use unicode_normalization::char::canonical_combining_class;

    use super::*;

    #[test]
    fn what_is_around_a_text_goes_and_what_is_inside_stays() {
        assert_eq!(clean(" \u{a0}Молоко  2,5%\u{feff} ", 128), Ok(("Молоко  2,5%".into(), false)));
        assert_eq!(clean("two\r\nlines\tand", 128), Ok(("two lines and".into(), true)));
        assert_eq!(clean("и\u{306}", 128), Ok(("й".into(), false)));
        assert_eq!(clean("a\u{0}b", 128), Err(Fault::Control));
        assert_eq!(clean("a\u{1b}b", 128), Err(Fault::Control));
        assert_eq!(clean("їжа", 3), Ok(("їжа".into(), false)));
        assert_eq!(clean("їжак", 3), Err(Fault::TooLong(4)));
    }

    #[test]
    fn case_and_blanks_are_folded_in_every_script() {
        assert_eq!(fold("  МОЛОКО \u{a0} Ферма\u{2003}ЇЖАК "), "молоко ферма їжак");
        assert_eq!(fold("Milk"), fold("MILK "));
        assert_eq!(fold(" \u{200b} "), "");
    }

    #[test]
    fn what_is_known_without_tables_is_what_the_tables_say() {
        for character in '\0'..=char::MAX {
            if is_composed(character) {
                assert_eq!(is_nfc_quick([character].into_iter()), IsNormalized::Yes, "{character:?}");
                assert_eq!(canonical_combining_class(character), 0, "{character:?}");
            }
            let blank = character.is_whitespace()
                || matches!(character, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}');
            assert_eq!(is_blank(character), blank, "{character:?}");
            if !blank {
                assert_eq!(fold(&character.to_string()), character.to_lowercase().to_string(), "{character:?}");
            }
        }
    }

    #[test]
    fn a_long_text_is_shortened_for_a_message() {
        assert_eq!(shortened("молоко"), "молоко");
        assert_eq!(shortened(&"ї".repeat(65)).chars().count(), 65);
        assert_eq!(shortened("a\u{1}b"), "a\u{fffd}b");
    }
}
