//! The two formats a contract may answer in, and what a request says about the one it wants.
//!
//! Must not know: any domain.

use poem::http::HeaderMap;
use poem::http::header::ACCEPT;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `application/xml`, with the root element `xml`.
    Xml,
}

impl Format {
    /// The media type of an answer in this format.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }

    /// The format `word` names, in any case.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        match word {
            _ if word.eq_ignore_ascii_case("json") => Some(Self::Json),
            _ if word.eq_ignore_ascii_case("xml") => Some(Self::Xml),
            _ => None,
        }
    }

    /// The format a Content-Type announces: JSON in any of its forms, `application/xml`, `text/xml`; an encoding other
    /// than UTF-8 is none.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        if super::json::is_json(content_type) {
            return Some(Self::Json);
        }
        let mut parts = content_type.split(';').map(str::trim);
        let essence = parts.next()?.to_ascii_lowercase();
        let utf8 = parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
            let value = value.trim().trim_matches('"');
            !name.trim().eq_ignore_ascii_case("charset")
                || ["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
        });
        (matches!(essence.as_str(), "application/xml" | "text/xml") && utf8).then_some(Self::Xml)
    }

    /// What `Accept` prefers; JSON unless XML is named and nothing that means JSON weighs more.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Self {
        let (mut json, mut xml) = (0.0_f32, 0.0_f32);
        let ranges = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        for (place, range) in ranges.flat_map(|value| value.split(',')).enumerate() {
            let mut parts = range.split(';').map(str::trim);
            let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse().ok()).unwrap_or(1.0_f32);
            // Of equals, the one named first.
            #[expect(clippy::cast_precision_loss, reason = "a header has few ranges")]
            let weight = quality.clamp(0.0, 1.0) - place.min(500) as f32 * 1e-6;
            match essence.as_str() {
                _ if quality <= 0.0 => {}
                "application/xml" | "text/xml" => xml = xml.max(weight),
                "application/json" | "application/*" | "*/*" => json = json.max(weight),
                _ => {}
            }
        }
        if xml > json { Self::Xml } else { Self::Json }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_names_the_format_and_json_is_the_default() {
        for (accept, expected) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("application/xml", Format::Xml),
            ("text/xml", Format::Xml),
            ("application/json, application/xml", Format::Json),
            ("application/xml, application/json", Format::Xml),
            ("application/xml;q=0.5, application/json", Format::Json),
            ("text/html, application/xml;q=0.9, */*;q=0.8", Format::Xml),
            ("application/xml;q=0", Format::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().expect("a header"));
            assert_eq!(Format::accepted(&headers), expected, "{accept}");
        }
    }

    #[test]
    fn a_content_type_names_the_format_or_none() {
        for (given, expected) in [
            ("application/json", Some(Format::Json)),
            ("application/xml; charset=utf-8", Some(Format::Xml)),
            ("Text/XML", Some(Format::Xml)),
            ("text/xml; charset=windows-1251", None),
            ("text/plain", None),
            ("", None),
        ] {
            assert_eq!(Format::of_content_type(given), expected, "{given}");
        }
    }
}
