"""The calendar of order windows, read by a foreign parser and expanded by a foreign engine."""

import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from conftest import PASSWORD, USERNAME

PRODUCER = "4820000000017"
DISTRIBUTOR = "4820000000024"
KYIV = ZoneInfo("Europe/Kyiv")


def seconds(*moment):
    return int(datetime.datetime(*moment, tzinfo=KYIV).timestamp())


def test_a_calendar_has_the_days_that_the_contract_has(server):
    sid = server.request(
        "POST",
        "/api/authorization/hash",
        raw=urlencode({"username": USERNAME, "password": PASSWORD}).encode(),
        content_type="application/x-www-form-urlencoded",
    ).json()["SID"]
    token = server.request("POST", "/account/token/generation", {"username": USERNAME, "password": PASSWORD}).json()
    house = {"authorization": f"Bearer {token}"}

    def call(method, path, body=None, headers=house):
        answer = server.request(method, path, body, **headers)
        assert answer.status == 200, answer.data
        return answer.json() if answer.data else None

    for gln, kind in [(PRODUCER, "PRODUCER"), (DISTRIBUTOR, "DISTRIBUTOR")]:
        call("POST", "/comptoir/v1/parties", {"gln": gln, "name": f"Party {gln}", "kind": kind})
    bare = {"authorization": sid}
    schedule = {
        "name": "Нічні; вікна, що не вміщаються в один рядок календаря, бо їхня назва довга",
        "dateStart": seconds(2027, 3, 1),
        "timeFrom": "22:00:00",
        "timeTo": "06:00:00",
        "recurrenceRule": {"frequency": "WEEKLY", "interval": 2, "count": 60, "byDay": [1, 3, 6, 7]},
        "distributors": [DISTRIBUTOR],
    }
    made = call("POST", f"/api/distribex/producer/schedules?gln={PRODUCER}", schedule, bare)
    exceptions = f"/comptoir/v1/schedules/{made['id']}/exceptions"
    call("PUT", f"{exceptions}/2027-03-15", {"kind": "SKIP"})
    call("PUT", f"{exceptions}/2027-03-16", {"kind": "EXTRA"})
    call("PUT", f"{exceptions}/2027-03-17", {"kind": "MOVE", "time_from": "08:00:00", "time_to": "09:30:00"})
    call("PUT", "/comptoir/v1/holidays/2027-03-20", {"name": "Весна"})

    for shown in [{"schedule_id": made["id"]}, {"distributor": DISTRIBUTOR}]:
        path = call("POST", "/comptoir/v1/calendar-feeds", {"name": "test", **shown})["path"]
        answer = server.request("GET", path)
        assert answer.status == 200
        assert all(len(line) <= 75 for line in answer.data.split(b"\r\n"))
        calendar = icalendar.Calendar.from_ical(answer.data)
        assert not any(component.errors for component in calendar.walk())
        assert any(schedule["name"] in str(event["SUMMARY"]) for event in calendar.walk("VEVENT"))
        events = recurring_ical_events.of(calendar)
        for month in range(3, 13):
            days = call(
                "GET",
                f"/api/distribex/distributor/schedules/days?gln={DISTRIBUTOR}&producer_id={PRODUCER}"
                f"&year=2027&month={month}",
                None,
                bare,
            )
            first = datetime.datetime(2027, month, 1, tzinfo=KYIV)
            last = datetime.datetime(2027 + month // 12, month % 12 + 1, 1, tzinfo=KYIV)
            starts = [event["DTSTART"].dt.astimezone(KYIV) for event in events.between(first, last)]
            found = sorted({start.day for start in starts if start.month == month})
            assert found == days, month
        # The night the clocks go forward is an hour shorter, and it still ends at six.
        night = next(
            event
            for event in events.between(datetime.datetime(2027, 3, 27, tzinfo=KYIV), datetime.datetime(2027, 4, 5, tzinfo=KYIV))
            if event["DTSTART"].dt.astimezone(KYIV).hour == 22
        )
        assert night["DTEND"].dt.astimezone(KYIV).hour == 6
