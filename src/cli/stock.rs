//! What the demo's company has in stock: a catalogue, and a price list that waits for its owner's word.

use std::io::{Cursor, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytes::Bytes;
use chrono::NaiveDateTime;
use uuid::Uuid;

use super::CliError;
use super::serve::Running;
use crate::auth::model::{Password, SharedPrincipal};
use crate::config::NomenclatureConfig;
use crate::nomenclature::NomenclatureService;
use crate::nomenclature::model::{Attributes, NewImport, Status, Strategy};
use crate::nomenclature::service::imports::Shown;
use crate::sheets::{Column, Limits, Look, Reader, Unwritten, Value, Writer};

/// How often it is looked whether an import has come as far as it should.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// So many looks at most: the demo starts without the rest rather than never.
const LOOKS: usize = 500;

const HEADER: [&str; 7] =
    ["Наименование", "Артикул", "Группа", "Единица измерения", "Цена", "Ставка НДС", "Штрихкоды EAN-13"];

/// Names, groups, units and prices in minor units; articles and barcodes follow from their place.
const GOODS: &[(&str, &str, &str, i64)] = &[
    ("Молоко «Ферма» 2,5% 900 г", "Молочные продукты/Молоко", "шт", 4_290),
    ("Молоко «Ферма» 3,2% 900 г", "Молочные продукты/Молоко", "шт", 4_690),
    ("Кефир «Ферма» 1% 900 г", "Молочные продукты/Кефир", "шт", 4_150),
    ("Сметана «Ферма» 20% 350 г", "Молочные продукты/Сметана", "шт", 5_390),
    ("Масло сливочное 82,5% 180 г", "Молочные продукты/Масло", "шт", 8_990),
    ("Сыр «Голландский» 45%", "Молочные продукты/Сыр", "кг", 41_900),
    ("Йогурт клубничный 290 г", "Молочные продукты/Йогурт", "шт", 3_450),
    ("Творог 9% 350 г", "Молочные продукты/Творог", "шт", 6_890),
    ("Сок яблочный 1 л", "Напитки/Соки", "шт", 5_490),
    ("Сок томатный 1 л", "Напитки/Соки", "шт", 5_290),
    ("Вода минеральная 1,5 л", "Напитки/Вода", "шт", 2_190),
    ("Чай чёрный 100 пакетиков", "Напитки/Чай", "уп", 12_900),
    ("Кофе молотый 250 г", "Напитки/Кофе", "уп", 18_450),
    ("Хлеб «Украинский» 700 г", "Хлеб", "шт", 3_190),
    ("Батон нарезной 500 г", "Хлеб", "шт", 2_690),
    ("Сахар белый 1 кг", "Бакалея", "кг", 3_390),
    ("Соль каменная 1,5 кг", "Бакалея", "шт", 2_490),
    ("Мука пшеничная 2 кг", "Бакалея", "шт", 4_590),
    ("Рис круглый 1 кг", "Бакалея/Крупы", "кг", 5_990),
    ("Гречка 1 кг", "Бакалея/Крупы", "кг", 4_890),
    ("Доставка до магазина", "Услуги", "", 25_000),
];

/// An EAN-13 of the demo's own.
fn ean13(number: usize) -> String {
    let twelve = format!("{:012}", 482_009_900_000 + number);
    let weighed =
        twelve.bytes().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| u32::from(digit - b'0') * weight);
    format!("{twelve}{}", (10 - weighed.sum::<u32>() % 10) % 10)
}

/// A workbook of the goods that `keep` keeps, at the prices it says.
fn price_list(written_on: NaiveDateTime, keep: impl Fn(usize, i64) -> Option<i64>) -> Result<Writer, Unwritten> {
    let column = |name: &&str| Column { name: (*name).to_owned(), width: 24.0, look: Look::Plain };
    let mut writer = Writer::new("Прайс-лист", HEADER.iter().map(column).collect(), written_on)?;
    for (number, (name, group, unit, price)) in GOODS.iter().enumerate() {
        let Some(price) = keep(number, *price) else { continue };
        let (article, code) = (format!("NS-{:03}", number + 1), ean13(number));
        writer.row(&[
            Value::text(name),
            Value::text(&article),
            Value::text(group),
            Value::text(unit),
            Value::Hundredths(price),
            Value::Number(20.0),
            Value::text(&code),
        ])?;
    }
    Ok(writer)
}

fn bytes_of(writer: Writer) -> Result<Bytes, CliError> {
    let failed = CliError::io("cannot write the demo's price list");
    let mut file = Cursor::new(Vec::new());
    writer.finish(&mut file).map_err(|error| failed(std::io::Error::other(error)))?;
    file.set_position(0);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(CliError::io("cannot write the demo's price list"))?;
    Ok(bytes.into())
}

/// Fills the catalogue of the company of `username`, and leaves a price list of theirs waiting.
pub async fn fill(server: &Running, username: &str, password: &Password) -> Result<(), CliError> {
    let auth = &server.auth;
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let jwt = auth.sign_in(username, password.expose(), here, Uuid::new_v4(), Duration::from_mins(5)).await?;
    let owner = auth.authenticate(&jwt)?;
    let reader = Reader::of_this_program(Limits::default()).map_err(CliError::io("cannot find the program"))?;
    let stopping = tokio_util::sync::CancellationToken::new();
    let service = NomenclatureService::new(auth, server.queue.clone(), reader, NomenclatureConfig::default(), stopping);
    let today = auth.clock().now().to_utc().naive_utc();
    let written = |error: Unwritten| CliError::io("cannot write the demo's price list")(std::io::Error::other(error));

    let first = price_list(today, |number, price| (number % 7 != 6).then_some(price)).map_err(written)?;
    import(&service, &owner, "price-list-january.xlsx", bytes_of(first)?, true).await?;
    // Dearer by a tenth, some new, one below zero.
    let second = price_list(today, |number, price| match number {
        3 => Some(-price),
        5 | 6 => Some(price),
        _ => Some(price + price / 10),
    });
    import(&service, &owner, "price-list-march.xlsx", bytes_of(second.map_err(written)?)?, false).await?;
    Ok(())
}

/// Has a workbook imported, and waits until it is applied or asks.
async fn import(
    service: &NomenclatureService,
    owner: &SharedPrincipal,
    name: &str,
    bytes: Bytes,
    auto_confirm: bool,
) -> Result<(), CliError> {
    let new = NewImport {
        strategy: Strategy::Incremental,
        attributes: Attributes { name: false, ean13: true, local: false },
        auto_confirm,
        meta: None,
    };
    let body = futures_util::stream::iter([Ok(bytes)]);
    let made: Shown = service.create(owner.clone(), new, name.to_owned(), body).await?;
    for _ in 0..LOOKS {
        let status = service.import(owner, made.import.guid)?.import.status;
        if status.is_ended() || status == Status::WaitingForFeedback {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    tracing::warn!(name, "the demo's price list is not read yet");
    Ok(())
}
