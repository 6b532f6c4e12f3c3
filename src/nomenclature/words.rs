//! What is said about imports and goods, in English, Russian and Ukrainian: facts are kept, and put into words when
//! somebody reads them.
//!
//! Must not know: the database, HTTP, files.

use crate::i18n::Language;
use crate::nomenclature::columns::Field;
use crate::nomenclature::model::{Counts, Outcome, Status};
use crate::nomenclature::problems::{Code, Problem, Severity};
use crate::sheets::column_name;

/// A text in English, Russian and Ukrainian. `{a}` and `{b}` stand for facts.
type Texts = [&'static str; 3];

fn say(language: Language, texts: Texts) -> &'static str {
    match language {
        Language::En => texts[0],
        Language::Ru => texts[1],
        Language::Uk => texts[2],
    }
}

fn filled(text: &str, a: &str, b: &str) -> String {
    let mut filled = String::with_capacity(text.len() + a.len() + b.len());
    let mut rest = text;
    // In one pass: a fact may look like a place for one.
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let (fact, place) = if rest.starts_with("{a}") {
            (a, 3)
        } else if rest.starts_with("{b}") {
            (b, 3)
        } else {
            ("{", 1)
        };
        filled.push_str(fact);
        rest = &rest[place..];
    }
    filled.push_str(rest);
    filled
}

#[expect(clippy::too_many_lines, reason = "one text for each finding")]
fn texts(code: Code) -> Texts {
    match code {
        Code::FileEmpty => ["the file is empty", "файл пуст", "файл порожній"],
        Code::FileUnknown => [
            "the file is no spreadsheet; .xlsx, .xlsb, .csv, .xls and .ods are read",
            "файл не является таблицей; читаются .xlsx, .xlsb, .csv, .xls и .ods",
            "файл не є таблицею; читаються .xlsx, .xlsb, .csv, .xls та .ods",
        ],
        Code::FileDamaged => [
            "the file is damaged: open it in a spreadsheet program and save it anew",
            "файл повреждён: откройте его в табличном редакторе и сохраните заново",
            "файл пошкоджено: відкрийте його в табличному редакторі та збережіть заново",
        ],
        Code::FileOpenQuote => [
            "a quotation mark is never closed: close it, or double it if it belongs to the text",
            "кавычка не закрыта: закройте её или удвойте, если она относится к тексту",
            "лапки не закрито: закрийте їх або подвойте, якщо вони належать до тексту",
        ],
        Code::FileEncrypted => [
            "the file is protected by a password: save it without one",
            "файл защищён паролем: сохраните его без пароля",
            "файл захищено паролем: збережіть його без пароля",
        ],
        Code::FileNoSheet => {
            ["the file has no visible sheet", "в файле нет видимого листа", "у файлі немає видимого аркуша"]
        }
        Code::FileTooLarge => {
            ["the file is larger than {a} bytes", "файл больше {a} байт", "файл більший за {a} байтів"]
        }
        Code::FileInflates => [
            "the file unpacks to far more than it should; the limit is {a}",
            "файл при распаковке слишком велик; предел {a}",
            "файл після розпакування завеликий; межа {a}",
        ],
        Code::FileTooManyRows => [
            "the sheet has more than {a} rows: split it",
            "на листе больше {a} строк: разделите его",
            "на аркуші більше ніж {a} рядків: розділіть його",
        ],
        Code::FileTooManyColumns => {
            ["there are more than {a} columns", "столбцов больше {a}", "стовпців більше ніж {a}"]
        }
        Code::FileTooManyCells => {
            ["the sheet has more than {a} cells", "на листе больше {a} ячеек", "на аркуші більше ніж {a} комірок"]
        }
        Code::FileTextTooLong => {
            ["the text is longer than {a} characters", "текст длиннее {a} символов", "текст довший за {a} символів"]
        }
        Code::FileMemory => [
            "reading the file takes too much memory: make it smaller or save it as .csv",
            "для чтения файла нужно слишком много памяти: уменьшите его или сохраните как .csv",
            "для читання файлу потрібно забагато пам'яті: зменште його або збережіть як .csv",
        ],
        Code::FileTime => [
            "reading the file takes too long",
            "чтение файла занимает слишком много времени",
            "читання файлу триває задовго",
        ],
        Code::FileCrash => [
            "the file cannot be read: it ended the process that read it",
            "файл не читается: он завершил читавший его процесс",
            "файл не читається: він завершив процес, що його читав",
        ],
        Code::ServerFailed => [
            "the server could not carry the import out; nothing was changed. Upload the file again",
            "сервер не смог выполнить импорт; ничего не изменено. Загрузите файл ещё раз",
            "сервер не зміг виконати імпорт; нічого не змінено. Завантажте файл ще раз",
        ],
        Code::NoHeader => [
            "none of the first {a} rows is a header: one column must be called “Name”",
            "среди первых {a} строк нет заголовка: один из столбцов должен называться «Наименование»",
            "серед перших {a} рядків немає заголовка: один зі стовпців має називатися «Назва»",
        ],
        Code::ColumnTwice => [
            "the columns “{a}” and “{b}” mean the same: keep one of them",
            "столбцы «{a}» и «{b}» означают одно и то же: оставьте один",
            "стовпці «{a}» та «{b}» означають те саме: залиште один",
        ],
        Code::ColumnUnknown => [
            "the column “{a}” is not known and not read",
            "столбец «{a}» неизвестен и не читается",
            "стовпець «{a}» невідомий і не читається",
        ],
        Code::HeaderAgain => [
            "the row repeats the header and is passed over",
            "строка повторяет заголовок и пропущена",
            "рядок повторює заголовок і пропущений",
        ],
        Code::OtherSheets => [
            "only this sheet is read; there are others too: {a}",
            "читается только этот лист; есть и другие: {a}",
            "читається лише цей аркуш; є й інші: {a}",
        ],
        Code::HiddenRows => [
            "hidden rows are read as well: {a}",
            "скрытые строки тоже читаются: {a}",
            "приховані рядки теж читаються: {a}",
        ],
        Code::WrongExtension => [
            "the file's name says {a}, its content is {b}",
            "по имени это файл {a}, а по содержанию {b}",
            "за назвою це файл {a}, а за вмістом {b}",
        ],
        Code::NoRows => [
            "there is no row under the header",
            "под заголовком нет ни одной строки",
            "під заголовком немає жодного рядка",
        ],
        Code::NameMissing => ["the name is missing", "нет наименования", "немає назви"],
        Code::TextTooLong => [
            "the text has {a} characters, at most {b} are allowed",
            "в тексте {a} символов, допускается не больше {b}",
            "у тексті {a} символів, дозволено не більше {b}",
        ],
        Code::TextControl => {
            ["the text has control characters", "в тексте есть управляющие символы", "у тексті є керівні символи"]
        }
        Code::TextBreaks => [
            "the line breaks in the text become spaces",
            "переносы строк в тексте станут пробелами",
            "перенесення рядків у тексті стануть пробілами",
        ],
        Code::CellError => ["the cell shows the error {a}", "в ячейке ошибка {a}", "у комірці помилка {a}"],
        Code::CellNoValue => [
            "the formula has no stored value: open the file in a spreadsheet program and save it",
            "у формулы нет сохранённого значения: откройте файл в табличном редакторе и сохраните",
            "формула не має збереженого значення: відкрийте файл у табличному редакторі та збережіть",
        ],
        Code::CellDate => [
            "the cell is a date ({a}): format it as text and write it again",
            "в ячейке дата ({a}): задайте текстовый формат и введите заново",
            "у комірці дата ({a}): задайте текстовий формат і введіть знову",
        ],
        Code::CellBool => [
            "the cell is a logical value ({a})",
            "в ячейке логическое значение ({a})",
            "у комірці логічне значення ({a})",
        ],
        Code::GroupPart => [
            "a part of the group “{a}” is empty",
            "в пути группы «{a}» есть пустая часть",
            "у шляху групи «{a}» є порожня частина",
        ],
        Code::PriceNumber => ["“{a}” is no price", "«{a}» — не цена", "«{a}» — не ціна"],
        Code::PriceNegative => ["the price {a} is below zero", "цена {a} меньше нуля", "ціна {a} менша за нуль"],
        Code::PriceDecimals => [
            "the price {a} has more than two decimals",
            "в цене {a} больше двух знаков после запятой",
            "у ціні {a} більше двох знаків після коми",
        ],
        Code::PriceTooHigh => ["the price {a} is too high", "цена {a} слишком велика", "ціна {a} завелика"],
        Code::VatUnknown => [
            "“{a}” is no VAT rate: 0, 5, 7, 10, 20, 22 or none",
            "«{a}» — не ставка НДС: 0, 5, 7, 10, 20, 22 или «без НДС»",
            "«{a}» — не ставка ПДВ: 0, 5, 7, 10, 20, 22 або «без ПДВ»",
        ],
        Code::IdUnreadable => [
            "“{a}” is no identifier of a good: leave it as the export had it, or leave the cell empty",
            "«{a}» не является идентификатором товара: оставьте его таким, как в выгрузке, или очистите ячейку",
            "«{a}» не є ідентифікатором товару: залиште його таким, як у вивантаженні, або очистьте клітинку",
        ],
        Code::EanDigits => [
            "“{a}” is no EAN-13: it has something beside digits",
            "«{a}» — не EAN-13: в нём не только цифры",
            "«{a}» — не EAN-13: у ньому не лише цифри",
        ],
        Code::EanLength => [
            "“{a}” is no EAN-13: it has {b} digits instead of 13",
            "«{a}» — не EAN-13: в нём {b} цифр вместо 13",
            "«{a}» — не EAN-13: у ньому {b} цифр замість 13",
        ],
        Code::EanCheckDigit => [
            "the check digit of the EAN-13 {a} is wrong: it ought to be {b}",
            "в EAN-13 {a} неверная контрольная цифра: должна быть {b}",
            "у EAN-13 {a} хибна контрольна цифра: має бути {b}",
        ],
        Code::EanZerosAdded => [
            "the number {a} has lost its leading zeros and is read as {b}: format barcodes as text",
            "число {a} потеряло ведущие нули и читается как {b}: храните штрихкоды как текст",
            "число {a} втратило початкові нулі та читається як {b}: зберігайте штрихкоди як текст",
        ],
        Code::EanZerosLost => [
            "{a} has too few digits; were leading zeros lost? {b} would be right",
            "в {a} мало цифр; не потеряны ли ведущие нули? {b} было бы верно",
            "у {a} замало цифр; чи не втрачено початкові нулі? {b} було б правильно",
        ],
        Code::EanScientific => [
            "{a} has lost its digits: format the column as text or as a number without decimals and fill it in again",
            "{a} потеряло цифры: задайте столбцу текстовый формат или число без дробной части и заполните заново",
            "{a} втратило цифри: задайте стовпцю текстовий формат або число без дробової частини та заповніть знову",
        ],
        Code::CodesTooMany => [
            "there are more than {a} barcodes in the cell",
            "в ячейке больше {a} штрихкодов",
            "у комірці більше ніж {a} штрихкодів",
        ],
        Code::LocalTooLong => [
            "the local barcode {a} is longer than {b} characters",
            "локальный штрихкод {a} длиннее {b} символов",
            "локальний штрихкод {a} довший за {b} символів",
        ],
        Code::SubjectUnknown => [
            "“{a}” is neither a product nor a service",
            "«{a}» — не товар и не услуга",
            "«{a}» — не товар і не послуга",
        ],
        Code::ArchivedUnknown => {
            ["“{a}” is neither yes nor no", "«{a}» — не «да» и не «нет»", "«{a}» — не «так» і не «ні»"]
        }
        Code::ManyGoods => [
            "several goods match the row by {a}",
            "строке соответствует несколько товаров ({a})",
            "рядку відповідає кілька товарів ({a})",
        ],
        Code::SameGood => [
            "the row is about the same good as row {a}: “{b}”",
            "строка относится к тому же товару, что и строка {a}: «{b}»",
            "рядок стосується того самого товару, що й рядок {a}: «{b}»",
        ],
        Code::BarcodeTwice => [
            "the barcode {a} stands in row {b} too",
            "штрихкод {a} есть и в строке {b}",
            "штрихкод {a} є і в рядку {b}",
        ],
        Code::NameTwice => [
            "the same name stands in row {a} too",
            "такое же наименование есть и в строке {a}",
            "така сама назва є і в рядку {a}",
        ],
        Code::BarcodeTaken => [
            "the barcode {a} belongs to another good: “{b}”",
            "штрихкод {a} принадлежит другому товару: «{b}»",
            "штрихкод {a} належить іншому товару: «{b}»",
        ],
        Code::Unarchived => {
            ["“{a}” comes back from the archive", "«{a}» вернётся из архива", "«{a}» повернеться з архіву"]
        }
        Code::ArchivedByRow => {
            ["“{a}” will be archived", "«{a}» будет отправлен в архив", "«{a}» буде відправлено до архіву"]
        }
    }
}

/// What was found, without where.
#[must_use]
pub fn finding(language: Language, problem: &Problem) -> String {
    let by;
    let a = if problem.code == Code::ManyGoods {
        by = match problem.a.as_str() {
            "ean13" => say(language, ["EAN-13", "по EAN-13", "за EAN-13"]),
            "local" => say(language, ["local barcode", "по локальному штрихкоду", "за локальним штрихкодом"]),
            _ => say(language, ["name", "по наименованию", "за назвою"]),
        };
        by
    } else {
        problem.a.as_str()
    };
    filled(say(language, texts(problem.code)), a, &problem.b)
}

/// What was found, and where: sheet, row and column.
#[must_use]
pub fn resolution(language: Language, sheet: &str, problem: &Problem) -> String {
    let mut place = Vec::new();
    if !sheet.is_empty() {
        place.push(filled(say(language, ["sheet “{a}”", "лист «{a}»", "аркуш «{a}»"]), sheet, ""));
    }
    if problem.row > 0 {
        place.push(filled(say(language, ["row {a}", "строка {a}", "рядок {a}"]), &problem.row.to_string(), ""));
    }
    if let Some(column) = problem.column {
        place.push(filled(say(language, ["column {a}", "столбец {a}", "стовпець {a}"]), &column_name(column), ""));
    }
    let said = finding(language, problem);
    if place.is_empty() { capital(&said) } else { capital(&format!("{}: {said}", place.join(", "))) }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// What a plan does in figures, each with how much it weighs.
#[must_use]
pub fn summary(language: Language, counts: &Counts, done: bool) -> Vec<(Severity, String)> {
    let tense = |planned: Texts, past: Texts| say(language, if done { past } else { planned });
    let line = |severity, text: &str, count: i64| (severity, filled(text, &count.to_string(), ""));
    let refused = if counts.refused > 0 { Severity::Error } else { Severity::Information };
    let archived = if counts.archived > 0 { Severity::Warning } else { Severity::Information };
    vec![
        line(
            Severity::Information,
            tense(
                ["Will be created: {a}", "Будет создано: {a}", "Буде створено: {a}"],
                ["Created: {a}", "Создано: {a}", "Створено: {a}"],
            ),
            counts.created,
        ),
        line(
            Severity::Information,
            tense(
                ["Will be updated: {a}", "Будет изменено: {a}", "Буде змінено: {a}"],
                ["Updated: {a}", "Изменено: {a}", "Змінено: {a}"],
            ),
            counts.updated,
        ),
        line(
            Severity::Information,
            say(language, ["Unchanged: {a}", "Без изменений: {a}", "Без змін: {a}"]),
            counts.unchanged,
        ),
        line(
            archived,
            tense(
                ["Will be archived: {a}", "Будет отправлено в архив: {a}", "Буде відправлено до архіву: {a}"],
                ["Archived: {a}", "Отправлено в архив: {a}", "Відправлено до архіву: {a}"],
            ),
            counts.archived,
        ),
        line(
            refused,
            say(language, ["Rows refused: {a}", "Отклонено строк: {a}", "Відхилено рядків: {a}"]),
            counts.refused,
        ),
    ]
}

/// That a plan takes a second thought.
#[must_use]
pub fn drastic(language: Language, counts: &Counts) -> String {
    let valid = counts.created + counts.updated + counts.unchanged;
    let text = if valid == 0 {
        say(
            language,
            [
                "No row is valid: confirm with allow_archive=true to apply this all the same",
                "Нет ни одной правильной строки: чтобы всё же применить, подтвердите с allow_archive=true",
                "Немає жодного правильного рядка: щоб усе ж застосувати, підтвердьте з allow_archive=true",
            ],
        )
    } else {
        say(
            language,
            [
                "More than a fifth of the catalogue would be archived ({a} of {b}): confirm with allow_archive=true",
                "В архив уйдёт больше пятой части каталога ({a} из {b}): подтвердите с allow_archive=true",
                "До архіву потрапить більше п'ятої частини каталогу ({a} з {b}): підтвердьте з allow_archive=true",
            ],
        )
    };
    filled(text, &counts.archived.to_string(), &counts.live.to_string())
}

/// That goods changed after a plan was shown.
#[must_use]
pub fn replanned(language: Language) -> String {
    say(
        language,
        [
            "Goods have changed since this was confirmed, so the rows were matched again: look at it once more",
            "После подтверждения товары изменились, и строки сопоставлены заново: проверьте ещё раз",
            "Після підтвердження товари змінилися, і рядки зіставлено знову: перевірте ще раз",
        ],
    )
    .to_owned()
}

/// That there are more findings than are listed.
#[must_use]
pub fn more(language: Language, count: i64) -> String {
    let text = say(
        language,
        [
            "And {a} more: report.xlsx has all of them",
            "И ещё {a}: все есть в report.xlsx",
            "І ще {a}: усі є в report.xlsx",
        ],
    );
    filled(text, &count.to_string(), "")
}

/// What became of a row, for a report.
#[must_use]
pub fn outcome(language: Language, outcome: Outcome, done: bool) -> &'static str {
    let tense = |planned: Texts, past: Texts| say(language, if done { past } else { planned });
    match outcome {
        Outcome::Create => {
            tense(["will be created", "будет создан", "буде створено"], ["created", "создан", "створено"])
        }
        Outcome::Update | Outcome::Restore => {
            tense(["will be updated", "будет изменён", "буде змінено"], ["updated", "изменён", "змінено"])
        }
        Outcome::Unchanged => say(language, ["unchanged", "без изменений", "без змін"]),
        Outcome::Archive | Outcome::Remove => tense(
            ["will be archived", "будет отправлен в архив", "буде відправлено до архіву"],
            ["archived", "отправлен в архив", "відправлено до архіву"],
        ),
        Outcome::Refuse => say(language, ["refused", "отклонена", "відхилено"]),
    }
}

/// What a row that says nothing is called in a report.
#[must_use]
pub fn passed_over(language: Language) -> &'static str {
    say(language, ["not read", "не читалась", "не читався"])
}

/// A label of a workbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// The sheet of goods.
    Goods,
    /// The sheet of a report.
    Report,
    /// The column of row numbers.
    Row,
    /// The column of outcomes.
    Outcome,
    /// The column of messages.
    Message,
    /// Yes.
    Yes,
    /// No.
    No,
    /// Without VAT.
    WithoutVat,
}

/// A label in a language.
#[must_use]
pub fn label(language: Language, label: Label) -> &'static str {
    say(
        language,
        match label {
            Label::Goods => ["Goods", "Товары", "Товари"],
            Label::Report => ["Report", "Отчёт", "Звіт"],
            Label::Row => ["Row", "Строка", "Рядок"],
            Label::Outcome => ["Outcome", "Результат", "Результат"],
            Label::Message => ["Message", "Сообщение", "Повідомлення"],
            Label::Yes => ["Yes", "Да", "Так"],
            Label::No => ["No", "Нет", "Ні"],
            Label::WithoutVat => ["none", "без НДС", "без ПДВ"],
        },
    )
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A full import needs something to match by.
    NothingToMatchBy,
    /// It cannot happen to an import in this state.
    State(Status),
    /// Only what has ended can be removed.
    NotEnded,
    /// What the plan does has to be asked for.
    Drastic(Counts),
    /// The file and the plan are no longer kept.
    Forgotten,
    /// There is no report yet.
    NoReport,
    /// A value of a good breaks a rule.
    Value(Field, Problem),
    /// The page token was made with other parameters.
    OtherList,
    /// The page token is none.
    NoToken,
    /// The list it is of can no longer be read.
    TokenTooOld,
    /// The request has no field `file`.
    NoFile,
    /// The form is malformed.
    Form,
    /// The form is of a type that is not read.
    Text(&'static str),
}

/// Why a request is refused, in a sentence.
#[must_use]
pub fn why(language: Language, why: &Why) -> String {
    let text = match why {
        Why::NothingToMatchBy => [
            "a FullImport needs at least one attribute to match by",
            "для FullImport нужен хотя бы один признак сопоставления",
            "для FullImport потрібна хоча б одна ознака зіставлення",
        ],
        Why::State(Status::InQueue | Status::InProgress) => [
            "the import is still going on: wait until it asks",
            "импорт ещё выполняется: дождитесь, пока он запросит подтверждение",
            "імпорт ще виконується: дочекайтеся, поки він запитає підтвердження",
        ],
        Why::State(Status::WaitingForFeedback) => {
            ["the import waits for a decision", "импорт ждёт решения", "імпорт чекає на рішення"]
        }
        Why::State(Status::Completed) => {
            ["the import is completed already", "импорт уже завершён", "імпорт уже завершено"]
        }
        Why::State(Status::Canceled) => ["the import was canceled", "импорт отменён", "імпорт скасовано"],
        Why::NotEnded => [
            "the import has not ended: cancel it first",
            "импорт ещё не закончен: сначала отмените его",
            "імпорт ще не закінчено: спершу скасуйте його",
        ],
        Why::Drastic(counts) => return drastic(language, counts),
        Why::Forgotten => [
            "the file of this import is no longer kept",
            "файл этого импорта больше не хранится",
            "файл цього імпорту більше не зберігається",
        ],
        Why::NoReport => [
            "there is no report: the file has not been read to its end",
            "отчёта нет: файл не прочитан до конца",
            "звіту немає: файл не прочитано до кінця",
        ],
        Why::Value(_, problem) => return finding(language, problem),
        Why::OtherList => [
            "was made with other parameters: repeat those of the first page",
            "получен с другими параметрами: повторите параметры первой страницы",
            "отримано з іншими параметрами: повторіть параметри першої сторінки",
        ],
        Why::NoToken => [
            "must be the `next_page_token` of a page of this list",
            "должен быть `next_page_token` страницы этого списка",
            "має бути `next_page_token` сторінки цього списку",
        ],
        Why::TokenTooOld => [
            "is of a list that has changed since and can no longer be continued: begin with its first page",
            "относится к списку, который с тех пор изменился и больше не может быть продолжен: начните с первой страницы",
            "належить до списку, який відтоді змінився і більше не може бути продовжений: почніть із першої сторінки",
        ],
        Why::NoFile => ["the form has no field `file`", "в форме нет поля `file`", "у формі немає поля `file`"],
        Why::Form => [
            "the form cannot be read: it is malformed or broke off",
            "форма не читается: она неправильна или оборвалась",
            "форма не читається: вона неправильна або обірвалася",
        ],
        Why::Text(text) => return (*text).to_owned(),
    };
    say(language, text).to_owned()
}

/// What is said of a failure that belongs to no operation of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum General {
    /// No valid credentials.
    Unauthorized,
    /// Not allowed.
    NoPermissions,
    /// Not there.
    NotFound,
    /// Not in order.
    NotValid,
    /// Too much at once.
    TooMany,
    /// The server's fault.
    Internal,
}

/// It in Russian or Ukrainian; `None` in English, where the failure says more by itself.
#[must_use]
pub fn general(language: Language, general: General) -> Option<&'static str> {
    let texts = match general {
        General::Unauthorized => [
            "Нужна авторизация: токен отсутствует или недействителен",
            "Потрібна авторизація: токен відсутній або недійсний",
        ],
        General::NoPermissions => ["Недостаточно прав для этого действия", "Недостатньо прав для цієї дії"],
        General::NotFound => ["Не найдено", "Не знайдено"],
        General::NotValid => ["Запрос содержит ошибки", "Запит містить помилки"],
        General::TooMany => {
            ["Слишком много запросов: повторите немного позже", "Забагато запитів: повторіть трохи пізніше"]
        }
        General::Internal => ["Сервер не смог выполнить запрос", "Сервер не зміг виконати запит"],
    };
    match language {
        Language::En => None,
        Language::Ru => Some(texts[0]),
        Language::Uk => Some(texts[1]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_is_said_in_every_language_with_its_facts() {
        for code in Code::ALL {
            let [en, ru, uk] = texts(*code);
            for fact in ["{a}", "{b}"] {
                assert_eq!((en.contains(fact), en.contains(fact)), (ru.contains(fact), uk.contains(fact)), "{code:?}");
            }
            assert!(!en.is_empty() && en.is_ascii() || en.contains(['“', '…']), "{code:?}");
            assert!(ru.chars().any(|letter| ('а'..='я').contains(&letter)), "{code:?}");
            assert!(uk.chars().any(|letter| ('а'..='я').contains(&letter)), "{code:?}");
            assert_ne!(ru, uk, "{code:?}");
        }
    }

    #[test]
    fn a_finding_says_where_it_is() {
        let problem = Problem::of_row(Code::PriceNegative, 5).at(Some(27)).with("-1", "");
        assert_eq!(
            resolution(Language::En, "Goods", &problem),
            "Sheet “Goods”, row 5, column AB: the price -1 is below zero"
        );
        assert_eq!(
            resolution(Language::Ru, "Товары", &problem),
            "Лист «Товары», строка 5, столбец AB: цена -1 меньше нуля"
        );
        assert_eq!(resolution(Language::Uk, "", &Problem::of_file(Code::FileEmpty)), "Файл порожній");
        let sly = Problem::of_row(Code::SameGood, 5).with("{b}", "{a}");
        assert!(finding(Language::En, &sly).contains("row {b}: “{a}”"), "a fact is not filled in again");
    }
}
