//! The workbook of a series.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use poem::http::Method;
use serde_json::json;

use super::{MERCHANT, TODAY, World, of};

#[tokio::test]
async fn a_series_is_exported_with_its_gaps_in_the_callers_language_and_recorded() {
    let world = World::new().await;
    world.put(TODAY - 7_200, "Очереди.Ошибки", json!(4)).await;
    world.put(TODAY, "Очереди.Ошибки", json!(6)).await;
    world.set(TODAY, json!([{"key": "Очереди.Ошибки", "value": 1, "merchantId": MERCHANT}])).await;
    let path = of("series/export", "Очереди.Ошибки", &format!("&from={}&other_merchant={MERCHANT}", TODAY - 7_200));
    let path = format!("/comptoir/v1/connectors/{path}");
    let answer = world.admin.call(Method::GET, &path).header("accept-language", "uk").send().await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"series.xlsx\""));
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(answer.body.to_vec())).unwrap();
    let sheet = book.worksheet_range("Series").unwrap();
    let text = |row, column| sheet.get_value((row, column)).map(ToString::to_string).unwrap_or_default();
    assert_eq!((text(1, 0).as_str(), text(1, 1).as_str()), ("Ключ", "Очереди.Ошибки"));
    assert_eq!((text(3, 1).as_str(), text(5, 7).as_str()), ("Europe/Kyiv", MERCHANT));
    assert_eq!((text(6, 0).as_str(), text(6, 3).as_str()), ("Час", "Середнє"));
    let averages: Vec<_> = (7..10).map(|row| sheet.get_value((row, 3)).cloned().unwrap_or(Data::Empty)).collect();
    assert_eq!(averages, [Data::Float(4.0), Data::Empty, Data::Float(6.0)]);
    assert_eq!(sheet.get_value((9, 9)), Some(&Data::Float(1.0)));
    let audit = world.admin.get("/account/audit?operation=export_series&limit=1").await.expect(200).json();
    assert_eq!(audit["counters"]["filter"]["total"], 1);
    // Machines export nothing.
    world.bot.get(&path).await.expect(403);
    let absent = format!("/comptoir/v1/connectors/{}", of("series/export", "nothing", ""));
    world.admin.get(&absent).await.expect(404);
}
