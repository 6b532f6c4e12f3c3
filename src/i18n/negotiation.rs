//! `Accept-Language` (RFC 9110, section 12.5.4): the one of our languages that a client likes best.
//!
//! Must not know: any domain, http.

use super::Language;

/// A weight in thousandths: RFC 9110, section 12.4.2 gives three digits.
type Weight = u16;

/// The language of ours with the highest weight; among equals the one named first. A region or script is not looked at:
/// `ru-BY` is Russian. `*` speaks for every language the header does not name.
pub fn preferred(header: &str) -> Language {
    let mut named: Vec<(Language, Weight)> = Vec::new();
    let mut others: Weight = 0;
    for range in header.split(',') {
        let Some((tag, weight)) = parse(range) else { continue };
        if tag == "*" {
            others = others.max(weight);
            continue;
        }
        let primary = tag.split('-').next().unwrap_or_default();
        let Some(language) = Language::ALL.into_iter().find(|known| known.code().eq_ignore_ascii_case(primary)) else {
            continue;
        };
        match named.iter_mut().find(|(known, _)| *known == language) {
            // `en-US;q=0, en` refuses American English only.
            Some((_, known)) => *known = weight.max(*known),
            None => named.push((language, weight)),
        }
    }
    let unnamed = Language::ALL.into_iter().filter(|language| !named.iter().any(|(known, _)| known == language));
    let unnamed: Vec<_> = unnamed.map(|language| (language, others)).collect();
    // `max_by_key` would take the last of equals.
    named
        .into_iter()
        .chain(unnamed)
        .rev()
        .max_by_key(|(_, weight)| *weight)
        .filter(|(_, weight)| *weight > 0)
        .map_or(Language::En, |(language, _)| language)
}

/// A language range and its weight; `None` for what is neither.
fn parse(range: &str) -> Option<(&str, Weight)> {
    let mut parts = range.split(';').map(str::trim);
    let tag = parts.next().filter(|tag| !tag.is_empty())?;
    let mut weight = 1000;
    for parameter in parts {
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("q")
        {
            weight = qvalue(value.trim())?;
        }
    }
    Some((tag, weight))
}

/// `qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )`, RFC 9110, section 12.4.2.
fn qvalue(text: &str) -> Option<Weight> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: Weight = format!("{fraction:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{En, Ru, Uk};

    #[test]
    fn the_language_with_the_highest_weight_is_spoken() {
        let cases = [
            // Nothing asked for.
            ("", En),
            (" , ;", En),
            // One language, with and without region and script, in any case.
            ("ru", Ru),
            ("ru-RU", Ru),
            ("uk-UA", Uk),
            ("UK-ua", Uk),
            ("en-US", En),
            ("uk-Cyrl-UA", Uk),
            // What a browser sends.
            ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", Ru),
            ("uk-UA, uk;q=0.9, ru;q=0.8, en;q=0.7", Uk),
            ("de-DE,de;q=0.9,uk;q=0.5,en;q=0.3", Uk),
            // Weight goes before place, place decides among equals.
            ("en;q=0.5, ru;q=0.8", Ru),
            ("ru;q=0.8, uk;q=0.8", Ru),
            ("uk;q=0.8, ru;q=0.8", Uk),
            ("ru;q=0.001, uk;q=0.002", Uk),
            ("ru ; Q=0.3 , uk ; q = 0.4", Uk),
            // Others' languages, and tags that only begin like ours.
            ("fr, de;q=0.5", En),
            ("rue, ukx", En),
            // The asterisk speaks for what is not named.
            ("*", En),
            ("ru, *;q=0.5", Ru),
            ("*;q=0.8, ru;q=0.5", En),
            ("en;q=0, *", Ru),
            ("en;q=0, ru;q=0, *;q=0.1", Uk),
            // Refused, and nothing else offered: English all the same, there is no 406.
            ("en;q=0", En),
            ("ru;q=0", En),
            ("*;q=0", En),
            // A refused region leaves the language.
            ("ru-BY;q=0, ru;q=0.4, en;q=0.2", Ru),
            // What cannot be read is passed over.
            ("ru;q=2, uk;q=0.1", Uk),
            ("ru;q=1.001, uk;q=0.1", Uk),
            ("ru;q=0.1234, uk;q=0.1", Uk),
            ("ru;q=-1, uk;q=0.1", Uk),
            ("ru;q=, uk;q=0.1", Uk),
            ("ru;q=1., uk;q=0.1", Ru),
            ("ru;level=1;q=0.1, uk;q=0.2", Uk),
        ];
        for (header, expected) in cases {
            assert_eq!(preferred(header), expected, "{header:?}");
        }
        assert_eq!(Language::negotiate(None), En);
        assert_eq!(Language::negotiate(Some("uk")), Uk);
    }
}
