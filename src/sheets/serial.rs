//! Days as spreadsheets number them, and the formats that show a number as a day.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// The instant that a number stands for, to the millisecond; `None` beyond the year 9999.
///
/// In the usual system day 1 is 1900-01-01 and the day 1900-02-29, which never was, is counted (ECMA-376, part 1, section
/// 18.17.4.1); in the other day 0 is 1904-01-01.
pub fn date(serial: f64, is_1904: bool) -> Option<NaiveDateTime> {
    const LAST: f64 = 2_958_466.0;
    if !(0.0..LAST).contains(&serial) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below three million days, in milliseconds")]
    let milliseconds = (serial * 86_400_000.0).round() as i64;
    let (day, within) = (milliseconds.div_euclid(86_400_000), milliseconds.rem_euclid(86_400_000));
    let day = u64::try_from(day).ok()?;
    let epoch = if is_1904 {
        NaiveDate::from_ymd_opt(1904, 1, 1)
    } else if day < 60 {
        NaiveDate::from_ymd_opt(1899, 12, 31)
    } else {
        NaiveDate::from_ymd_opt(1899, 12, 30)
    };
    let day = epoch?.checked_add_days(Days::new(day))?;
    day.and_time(NaiveTime::MIN).checked_add_signed(TimeDelta::milliseconds(within))
}

/// A date as ISO 8601 writes it, which cells may hold as well.
pub fn iso(text: &str) -> Option<NaiveDateTime> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, format) {
            return Some(at);
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN))
}

/// Whether a built-in number format shows a date or a time (ECMA-376, part 1, section 18.8.30; those from 27 on differ by
/// language and are dates in each).
pub fn is_date_id(id: u32) -> bool {
    matches!(id, 14..=22 | 27..=36 | 45 | 47 | 50..=58)
}

/// Whether a number format's code shows a date or a time of day. Elapsed time (`[h]:mm`) is a number.
pub fn is_date_code(code: &str) -> bool {
    // What comes after the first semicolon is for negative numbers, zero and texts.
    let mut characters = code.chars();
    let mut found = false;
    while let Some(character) = characters.next() {
        match character {
            ';' => break,
            '"' => {
                characters.by_ref().find(|end| *end == '"');
            }
            // Shown as it is; as a space of its width; repeated.
            '\\' | '_' | '*' => {
                characters.next();
            }
            '[' => {
                let inside: String = characters.by_ref().take_while(|end| *end != ']').collect();
                let elapsed = inside.chars().all(|inner| matches!(inner, 'h' | 'H' | 'm' | 'M' | 's' | 'S'));
                if elapsed && !inside.is_empty() {
                    return false;
                }
            }
            // `General` has an `e`, and exponents too; no letter below is in either.
            'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' => found = true,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_numbered_as_spreadsheets_do() {
        for (serial, is_1904, expected) in [
            (1.0, false, "1900-01-01 00:00:00"),
            (59.0, false, "1900-02-28 00:00:00"),
            // The day that never was.
            (60.0, false, "1900-02-28 00:00:00"),
            (61.0, false, "1900-03-01 00:00:00"),
            (46_353.0, false, "2026-11-27 00:00:00"),
            (44_891.0, true, "2026-11-27 00:00:00"),
            (46_353.75, false, "2026-11-27 18:00:00"),
            (46_353.999_999_999, false, "2026-11-28 00:00:00"),
            (0.5, false, "1899-12-31 12:00:00"),
            (2_958_465.0, false, "9999-12-31 00:00:00"),
        ] {
            assert_eq!(date(serial, is_1904).map(|at| at.to_string()).as_deref(), Some(expected), "{serial}");
        }
        for serial in [-1.0, 2_958_466.0, f64::NAN, f64::INFINITY] {
            assert_eq!(date(serial, false), None, "{serial}");
        }
    }

    #[test]
    fn a_format_shows_a_date_or_it_does_not() {
        for code in
            ["dd.mm.yyyy", "yyyy\\-mm\\-dd", "[$-419]D MMMM YYYY;@", "h:mm AM/PM", "[Red]dd/mm", "mm:ss.0", "\"on \"d"]
        {
            assert!(is_date_code(code), "{code}");
        }
        for code in [
            "General",
            "0.00",
            "#,##0.00\\ \"dh.\"",
            "0.00E+00",
            "@",
            "[Red]0;[Blue]-0",
            "[h]:mm:ss",
            "\"day\"0",
            "_d0",
            "0;\"d\";d",
        ] {
            assert!(!is_date_code(code), "{code}");
        }
        assert!(is_date_id(14) && is_date_id(22) && !is_date_id(0) && !is_date_id(46) && !is_date_id(49));
    }

    #[test]
    fn iso_dates_are_read() {
        for (text, expected) in [
            ("2026-11-27", "2026-11-27 00:00:00"),
            ("2026-11-27T10:30:00Z", "2026-11-27 10:30:00"),
            ("2026-11-27T10:30", "2026-11-27 10:30:00"),
        ] {
            assert_eq!(iso(text).map(|at| at.to_string()).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(iso("27.11.2026"), None);
    }
}
