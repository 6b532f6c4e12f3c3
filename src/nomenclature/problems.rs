//! What is found about a file and its rows: facts that [`crate::nomenclature::words`] puts into words when they are read,
//! in the reader's language.
//!
//! Must not know: the database, HTTP, files.

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Information,
    /// To be looked at: what is done may not be what was meant.
    Warning,
    /// The row, or the file, is refused.
    Error,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $severity:ident;)*) => {
        /// What was found. The numbers are kept in the database for good.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As it is kept.
            #[must_use]
            pub const fn number(self) -> i64 {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            /// How much it weighs.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }
        }
    };
}

codes! {
    // The file as a whole.
    /// It has no bytes.
    FileEmpty = 1, Error;
    /// It is no spreadsheet.
    FileUnknown = 2, Error;
    /// It is broken.
    FileDamaged = 3, Error;
    /// It is protected by a password.
    FileEncrypted = 4, Error;
    /// It has no sheet.
    FileNoSheet = 5, Error;
    /// It has more bytes than `a`.
    FileTooLarge = 6, Error;
    /// Unpacked it has more bytes, entries or bytes for each packed one than are read.
    FileInflates = 7, Error;
    /// It has more rows than `a`.
    FileTooManyRows = 8, Error;
    /// A row has more columns than `a`.
    FileTooManyColumns = 9, Error;
    /// It has more cells than `a`.
    FileTooManyCells = 10, Error;
    /// A text has more characters than `a`.
    FileTextTooLong = 11, Error;
    /// Reading it takes more memory than it may.
    FileMemory = 12, Error;
    /// Reading it takes longer than it may.
    FileTime = 13, Error;
    /// It ended the process that read it.
    FileCrash = 14, Error;
    /// The server failed again and again.
    ServerFailed = 15, Error;
    /// A quotation mark in a row is never closed.
    FileOpenQuote = 16, Error;
    /// None of the first rows has a column for names.
    NoHeader = 20, Error;
    /// Two columns of the header mean the same: `a` and `b`.
    ColumnTwice = 21, Error;
    /// Nobody knows the column `a`.
    ColumnUnknown = 22, Information;
    /// The row is the header once more.
    HeaderAgain = 23, Warning;
    /// There are more sheets: `a`.
    OtherSheets = 24, Information;
    /// So many rows are hidden: `a`; they are read.
    HiddenRows = 25, Information;
    /// The content is of the format `b` and the name says `a`.
    WrongExtension = 26, Warning;
    /// There is no row under the header.
    NoRows = 27, Error;

    // A cell.
    /// There is no name.
    NameMissing = 40, Error;
    /// A text has more characters than `b`: `a`.
    TextTooLong = 41, Error;
    /// A text has control characters.
    TextControl = 42, Error;
    /// A text had line breaks.
    TextBreaks = 43, Warning;
    /// The cell shows the error `a`.
    CellError = 44, Error;
    /// The cell has a formula without a value.
    CellNoValue = 45, Error;
    /// The cell is a date: `a`.
    CellDate = 46, Error;
    /// The cell is true or false.
    CellBool = 47, Error;
    /// A group has an empty part: `a`.
    GroupPart = 48, Error;
    /// `a` is no price.
    PriceNumber = 50, Error;
    /// `a` is less than nothing.
    PriceNegative = 51, Error;
    /// `a` has more than two decimals.
    PriceDecimals = 52, Error;
    /// `a` is more than any price.
    PriceTooHigh = 53, Error;
    /// `a` is no rate of VAT.
    VatUnknown = 54, Error;
    /// `a` is no EAN-13.
    EanDigits = 60, Error;
    /// `a` has `b` digits.
    EanLength = 61, Error;
    /// The check digit of `a` ought to be `b`.
    EanCheckDigit = 62, Error;
    /// The number `a` had lost zeros in front and is read as `b`.
    EanZerosAdded = 63, Warning;
    /// The text `a` would be right as `b`.
    EanZerosLost = 64, Error;
    /// `a` has lost its digits to an exponent.
    EanScientific = 65, Error;
    /// The cell has more than `a` codes.
    CodesTooMany = 66, Error;
    /// The local code `a` is longer than `b`.
    LocalTooLong = 67, Error;
    /// `a` is neither a product nor a service.
    SubjectUnknown = 68, Error;
    /// `a` is neither yes nor no.
    ArchivedUnknown = 69, Error;
    /// `a` is no id of a good.
    IdUnreadable = 70, Error;

    // A row among others.
    /// Several goods match: by `a`.
    ManyGoods = 80, Error;
    /// The row matches the same good as row `a`: `b`.
    SameGood = 81, Error;
    /// The barcode `a` stands in row `b` too.
    BarcodeTwice = 82, Error;
    /// The name stands in row `a` too.
    NameTwice = 83, Error;
    /// The barcode `a` is another good's: `b`.
    BarcodeTaken = 84, Error;
    /// The good was archived and comes back into use.
    Unarchived = 85, Warning;
    /// The row archives its good.
    ArchivedByRow = 86, Warning;
}

impl Code {
    /// As it was kept.
    #[must_use]
    pub fn of_number(number: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub code: Code,
    /// In which row, from 1; 0: of the file as a whole.
    pub row: u32,
    /// In which column, from 0.
    pub column: Option<u32>,
    /// A first fact.
    pub a: String,
    /// A second one.
    pub b: String,
}

impl Problem {
    /// Something about the whole file.
    #[must_use]
    pub fn of_file(code: Code) -> Self {
        Self { code, row: 0, column: None, a: String::new(), b: String::new() }
    }

    /// Something about a row.
    #[must_use]
    pub fn of_row(code: Code, row: u32) -> Self {
        Self { row, ..Self::of_file(code) }
    }

    /// The same, in this column.
    #[must_use]
    pub fn at(self, column: Option<u32>) -> Self {
        Self { column, ..self }
    }

    /// The same with its facts.
    #[must_use]
    pub fn with(self, a: impl ToString, b: impl ToString) -> Self {
        Self { a: a.to_string(), b: b.to_string(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_by_its_number() {
        for code in Code::ALL {
            assert_eq!(Code::of_number(code.number()), Some(*code));
        }
        assert_eq!(Code::of_number(0), None);
    }
}
