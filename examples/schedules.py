#!/usr/bin/env python3
"""The contract of order schedules: a producer says when orders are taken, a distributor finds out and subscribes."""

import datetime
import urllib.parse

from support import Api, demo

PRODUCER, DISTRIBUTOR = 13_200_001, 13_200_791
SCHEDULES = "/api/distribex/producer/schedules"


def main():
    with demo() as server:
        admin = Api.signed_in(server, "olena")
        parties = {party["id"]: party["gln"] for party in admin.get("/comptoir/v1/parties")["items"]}

        # A partner signs in as the contract has it: a form for a SID, which is then sent bare.
        form = urllib.parse.urlencode({"username": "petro", "password": server["password"]}).encode()
        anonymous = Api(server["url"])
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        sid = anonymous.json("POST", "/api/authorization/hash", form, headers=headers)["SID"]
        buyer = Api(server["url"], sid)

        relevant = buyer.post("/api/distribex/distributor/schedules", [PRODUCER])
        schedule = relevant[str(PRODUCER)]
        closest = datetime.datetime.fromtimestamp(schedule["dateClosest"], datetime.timezone.utc)
        print(f"{schedule['name']} decides; orders may be sent next on the day that begins {closest:%d %B %H:%M} UTC")

        today = datetime.date.today()
        days = buyer.get(
            "/api/distribex/distributor/schedules/days", producer_id=PRODUCER, year=today.year, month=today.month
        )
        print(f"days of this month: {days}")

        # The producer publishes another one, whose dates overlap with what there is.
        tide = {
            "name": "Tide", "dateStart": schedule["dateStart"], "timeFrom": "09:00:00", "timeTo": "12:00:00",
            "recurrenceRule": {"frequency": "DAILY", "interval": 2, "count": 10}, "distributors": [DISTRIBUTOR],
        }
        refused = admin.json("POST", f"{SCHEDULES}?gln={parties[PRODUCER]}", tide, expect=409)
        print(f"refused: {refused['message']}")
        # For another distributor it is in nobody's way.
        tide["distributors"] = [13_202_863]
        made = admin.json("POST", f"{SCHEDULES}?gln={parties[PRODUCER]}", tide)
        print(f"number {made['id']} ends {made['dateEnd']}")

        check = buyer.get("/comptoir/v1/order-windows/check", producer=PRODUCER, distributor=DISTRIBUTOR, lang="en")
        print(f"an order now: {check['allowed']} ({check['reason']})")

        petro = Api.signed_in(server, "petro")
        feed = petro.post("/comptoir/v1/calendar-feeds", {"name": "phone", "distributor": str(DISTRIBUTOR)})
        calendar = anonymous.request("GET", feed["path"]).decode()
        assert calendar.startswith("BEGIN:VCALENDAR\r\n") and "RRULE:FREQ=WEEKLY" in calendar
        print(f"a calendar to subscribe to: {calendar.count('BEGIN:VEVENT')} events")


if __name__ == "__main__":
    main()
