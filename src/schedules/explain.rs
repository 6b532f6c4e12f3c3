//! Why orders may be sent on a day or may not, in words, in every language of this server.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Words are put so that no number has to agree
//! with a noun.

use chrono::NaiveDate;

use crate::i18n::{Language, Words};
use crate::schedules::model::{Kind, Schedule};
use crate::schedules::recurrence::{Frequency, Rule};
use crate::schedules::windows::{Exception, Hours, Reason};

/// Which schedule decided about a day, and how.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// The schedule; `None`: there is none that decides.
    pub schedule: Option<&'a Schedule>,
    /// What decided within it.
    pub reason: Reason<'a>,
}

/// Whether an order may be sent at an instant, and on what ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ground {
    /// No schedule decides: nothing restricts orders.
    NoSchedule,
    /// A window is open.
    Open,
    /// No window is open, and the schedule only informs.
    NotBlocking,
    /// No window is open, and the schedule refuses orders then.
    Blocked,
}

impl Ground {
    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoSchedule => "NO_SCHEDULE",
            Self::Open => "WINDOW_OPEN",
            Self::NotBlocking => "OUTSIDE_NOT_BLOCKING",
            Self::Blocked => "OUTSIDE_BLOCKED",
        }
    }

    /// Whether the order may be sent.
    #[must_use]
    pub const fn allows(self) -> bool {
        !matches!(self, Self::Blocked)
    }

    /// The same in words.
    #[must_use]
    pub fn say(self, language: Language) -> String {
        let words = match self {
            Self::NoSchedule => Words::new(
                "No schedule of the producer decides: orders may be sent at any time.",
                "Ни один график производителя не действует: заказы можно отправлять в любое время.",
                "Жоден графік виробника не діє: замовлення можна надсилати будь-коли.",
            ),
            Self::Open => Words::new(
                "The window is open: the order may be sent.",
                "Окно открыто: заказ можно отправить.",
                "Вікно відкрите: замовлення можна надіслати.",
            ),
            Self::NotBlocking => Words::new(
                "It is outside of the windows, but the schedule does not block: the order may be sent.",
                "Это вне окон, но график не блокирует: заказ можно отправить.",
                "Це поза вікнами, але графік не блокує: замовлення можна надіслати.",
            ),
            Self::Blocked => Words::new(
                "It is outside of the windows, and the schedule blocks: the order is refused.",
                "Это вне окон, и график блокирует: заказ не принимается.",
                "Це поза вікнами, і графік блокує: замовлення не приймається.",
            ),
        };
        words.say(language).to_owned()
    }
}

/// The word of a reason on the wire.
#[must_use]
pub const fn reason_word(reason: &Reason<'_>) -> &'static str {
    match reason {
        Reason::NotBegun => "NOT_BEGUN",
        Reason::Ended => "ENDED",
        Reason::Exception(Exception::Skip) => "SKIPPED",
        Reason::Exception(Exception::Extra(_)) => "EXTRA",
        Reason::Exception(Exception::Move(_)) => "MOVED",
        Reason::Holiday(_) => "HOLIDAY",
        Reason::Rule => "RULE",
        Reason::NoOccurrence => "NO_OCCURRENCE",
        Reason::NoSuchDay => "NO_SUCH_DAY",
    }
}

/// Which schedule decides, by which rule, and what that is to `day`.
#[must_use]
pub fn explain(decision: &Decision<'_>, day: NaiveDate, language: Language) -> String {
    let Some(schedule) = decision.schedule else { return Ground::NoSchedule.say(language) };
    let who = who(schedule, language);
    let rule = rule(schedule, language);
    let outcome = outcome(schedule, decision.reason, day, language);
    format!("{who} {rule} {outcome}")
}

fn pick(language: Language, en: String, ru: String, uk: String) -> String {
    match language {
        Language::En => en,
        Language::Ru => ru,
        Language::Uk => uk,
    }
}

fn who(schedule: &Schedule, language: Language) -> String {
    let name = schedule.terms.name.as_str();
    match schedule.terms.kind {
        Kind::Individual => pick(
            language,
            format!("The individual schedule “{name}” decides: it names this distributor and wins over a general one."),
            format!("Действует индивидуальный график «{name}»: он назначен этому дистрибьютору и важнее общего."),
            format!(
                "Діє індивідуальний графік «{name}»: його призначено цьому дистриб'ютору, і він важливіший за загальний."
            ),
        ),
        Kind::General => pick(
            language,
            format!("The general schedule “{name}” decides: no individual one does."),
            format!("Действует общий график «{name}»: индивидуального нет."),
            format!("Діє загальний графік «{name}»: індивідуального немає."),
        ),
    }
}

const WEEKDAYS: [[&str; 7]; 3] = [
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    ["понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"],
    ["понеділок", "вівторок", "середа", "четвер", "п'ятниця", "субота", "неділя"],
];

fn weekdays(rule: &Rule, language: Language) -> String {
    let names = match language {
        Language::En => &WEEKDAYS[0],
        Language::Ru => &WEEKDAYS[1],
        Language::Uk => &WEEKDAYS[2],
    };
    let days: Vec<_> = rule.days.numbers().map(|number| names[usize::from(number) - 1]).collect();
    days.join(", ")
}

fn rule(schedule: &Schedule, language: Language) -> String {
    let Some(rule) = schedule.terms.repeat.map(|repeat| repeat.rule) else {
        let start = schedule.terms.start_day;
        return pick(
            language,
            format!("It is for {start} alone."),
            format!("Он задан только на {start}."),
            format!("Його задано лише на {start}."),
        );
    };
    let n = rule.interval;
    let mut text = match (rule.frequency, n) {
        (Frequency::Daily, 1) => pick(language, "Every day".into(), "Каждый день".into(), "Щодня".into()),
        (Frequency::Daily, _) => {
            pick(language, format!("Every {n} days"), format!("Раз в {n} дн."), format!("Раз на {n} дн."))
        }
        (Frequency::Weekly, 1) => pick(language, "Every week".into(), "Каждую неделю".into(), "Щотижня".into()),
        (Frequency::Weekly, _) => {
            pick(language, format!("Every {n} weeks"), format!("Раз в {n} нед."), format!("Раз на {n} тиж."))
        }
    };
    if !rule.days.is_empty() {
        text.push_str(": ");
        text.push_str(&weekdays(&rule, language));
    }
    let start = schedule.terms.start_day;
    text.push_str(&pick(language, format!("; from {start}"), format!("; с {start}"), format!("; з {start}")));
    if let Some(until) = rule.until {
        text.push_str(&pick(
            language,
            format!(" to {until} inclusive"),
            format!(" по {until} включительно"),
            format!(" до {until} включно"),
        ));
    }
    if let Some(count) = rule.count {
        text.push_str(&pick(
            language,
            format!("; occurrences: {count}"),
            format!("; повторов: {count}"),
            format!("; повторів: {count}"),
        ));
    }
    text.push('.');
    text
}

fn times(hours: Hours, language: Language) -> String {
    let (from, to) = (hours.from(), hours.to());
    if hours.runs_over_midnight() {
        return pick(
            language,
            format!("from {from} to {to} of the day after"),
            format!("с {from} до {to} следующего дня"),
            format!("з {from} до {to} наступного дня"),
        );
    }
    pick(language, format!("from {from} to {to}"), format!("с {from} до {to}"), format!("з {from} до {to}"))
}

fn outcome(schedule: &Schedule, reason: Reason<'_>, day: NaiveDate, language: Language) -> String {
    let usual = schedule.terms.hours;
    let start = schedule.terms.start_day;
    match reason {
        Reason::Rule => {
            let times = times(usual, language);
            pick(
                language,
                format!("{day} is one of its days: orders may be sent {times}."),
                format!("{day} — день графика: заказы можно отправлять {times}."),
                format!("{day} — день графіка: замовлення можна надсилати {times}."),
            )
        }
        Reason::NoOccurrence => pick(
            language,
            format!("{day} is none of its days: no window."),
            format!("{day} — не день графика: окна нет."),
            format!("{day} — не день графіка: вікна немає."),
        ),
        Reason::NotBegun => pick(
            language,
            format!("On {day} it has not begun: no window before {start}."),
            format!("{day} он ещё не начался: до {start} окон нет."),
            format!("{day} він ще не почався: до {start} вікон немає."),
        ),
        Reason::Ended => pick(
            language,
            format!("By {day} it has ended."),
            format!("К {day} он уже закончился."),
            format!("На {day} він уже закінчився."),
        ),
        Reason::Exception(Exception::Skip) => pick(
            language,
            format!("An exception skips {day}: no window."),
            format!("Исключение отменяет {day}: окна нет."),
            format!("Виняток скасовує {day}: вікна немає."),
        ),
        Reason::Exception(Exception::Extra(own)) => {
            let times = times(own.unwrap_or(usual), language);
            pick(
                language,
                format!("An exception adds {day}: orders may be sent {times}."),
                format!("Исключение добавляет {day}: заказы можно отправлять {times}."),
                format!("Виняток додає {day}: замовлення можна надсилати {times}."),
            )
        }
        Reason::Exception(Exception::Move(own)) => {
            let times = times(own, language);
            pick(
                language,
                format!("An exception moves the window of {day}: orders may be sent {times}."),
                format!("Исключение переносит окно {day}: заказы можно отправлять {times}."),
                format!("Виняток переносить вікно {day}: замовлення можна надсилати {times}."),
            )
        }
        Reason::Holiday(name) => pick(
            language,
            format!("{day} is a holiday of the company, “{name}”: no window."),
            format!("{day} — праздник компании, «{name}»: окна нет."),
            format!("{day} — свято компанії, «{name}»: вікна немає."),
        ),
        Reason::NoSuchDay => pick(
            language,
            format!("{day} is one of its days, but the producer's time zone skipped that date: no window."),
            format!("{day} — день графика, но часовой пояс производителя пропустил эту дату: окна нет."),
            format!("{day} — день графіка, але часовий пояс виробника пропустив цю дату: вікна немає."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::model::{DEFAULT_ZONE, PartyId};
    use crate::clock::Timestamp;
    use crate::schedules::model::{Draft, DraftRule, ScheduleId};

    fn schedule() -> Schedule {
        let rule =
            DraftRule { frequency: Frequency::Weekly, interval: 2, count: 50, date_until: 0, by_day: vec![1, 4] };
        let draft = Draft {
            name: "Зима".into(),
            date_start: 1_761_516_000,
            time_from: "22:00:00".into(),
            time_to: "06:00:00".into(),
            time_remind: None,
            block: true,
            kind: None,
            rule: Some(rule),
            distributors: vec![],
        };
        let now = Timestamp::from_unix_seconds(0);
        Schedule {
            id: ScheduleId(1),
            producer: PartyId(1),
            terms: draft.check(DEFAULT_ZONE).expect("a schedule"),
            distributors: vec![],
            sequence: 0,
            created_at: now,
            changed_at: now,
        }
    }

    #[test]
    fn the_schedule_the_rule_and_what_decided_are_named_in_each_language() {
        let schedule = schedule();
        let day = "2025-10-27".parse().expect("a date");
        let said = |reason, language| explain(&Decision { schedule: Some(&schedule), reason }, day, language);
        assert_eq!(
            said(Reason::Rule, Language::En),
            "The general schedule “Зима” decides: no individual one does. Every 2 weeks: Monday, Thursday; from \
             2025-10-27; occurrences: 50. 2025-10-27 is one of its days: orders may be sent from 22:00:00 to 06:00:00 \
             of the day after."
        );
        assert_eq!(
            said(Reason::Holiday("День праці"), Language::Uk),
            "Діє загальний графік «Зима»: індивідуального немає. Раз на 2 тиж.: понеділок, четвер; з 2025-10-27; \
             повторів: 50. 2025-10-27 — свято компанії, «День праці»: вікна немає."
        );
        assert_eq!(
            said(Reason::Exception(Exception::Skip), Language::Ru),
            "Действует общий график «Зима»: индивидуального нет. Раз в 2 нед.: понедельник, четверг; с 2025-10-27; \
             повторов: 50. Исключение отменяет 2025-10-27: окна нет."
        );
    }

    #[test]
    fn every_reason_is_said_in_every_language_and_no_two_alike() {
        let schedule = schedule();
        let day = "2025-10-27".parse().expect("a date");
        let hours = schedule.terms.hours;
        let reasons = [
            Reason::NotBegun,
            Reason::Ended,
            Reason::Exception(Exception::Skip),
            Reason::Exception(Exception::Extra(None)),
            Reason::Exception(Exception::Move(hours)),
            Reason::Holiday("x"),
            Reason::Rule,
            Reason::NoOccurrence,
            Reason::NoSuchDay,
        ];
        let mut seen = std::collections::HashSet::new();
        for language in Language::ALL {
            for reason in reasons {
                assert!(seen.insert(explain(&Decision { schedule: Some(&schedule), reason }, day, language)));
            }
            for ground in [Ground::NoSchedule, Ground::Open, Ground::NotBlocking, Ground::Blocked] {
                assert!(seen.insert(ground.say(language)));
            }
        }
        let words: std::collections::HashSet<_> = reasons.iter().map(reason_word).collect();
        assert_eq!(words.len(), reasons.len());
    }
}
