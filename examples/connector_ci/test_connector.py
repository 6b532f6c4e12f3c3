"""The tests of a connector, with a real server on the other side. The connector itself is the class at the top."""

import json
import os
import unittest
import urllib.error
import urllib.request
import uuid


class Connector:
    """What is being developed: it reports a planning run, and keeps to its quota."""

    def __init__(self, url, token):
        self.url, self.token = url, token

    def report(self, code, shops):
        """True if the run may go on; false if the quota says no."""
        body = {"process_code": code, "start": {"service": "UNIVERSAL", "process_type": "PLAN", "points": shops}}
        request = urllib.request.Request(
            f"{self.url}/comptoir/v1/processes", json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 402:
                    return False
                raise
        return True


class ConnectorTest(unittest.TestCase):
    def setUp(self):
        self.connector = Connector(os.environ["COMPTOIR_URL"], os.environ["CONNECTOR_TOKEN"])

    def test_a_run_may_be_reported_again_and_counts_once(self):
        code = str(uuid.uuid4())
        for _ in range(3):
            self.assertTrue(self.connector.report(code, ["depot", "shop 1", "shop 2"]))

    def test_a_run_over_the_quota_does_not_go_on(self):
        self.assertFalse(self.connector.report(str(uuid.uuid4()), [f"shop {number}" for number in range(11)]))

    def test_a_token_that_is_no_good_is_not_taken_for_a_quota(self):
        stranger = Connector(self.connector.url, "cmp_nobody")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            stranger.report(str(uuid.uuid4()), [])
        refused.exception.close()
        self.assertEqual(refused.exception.code, 401)
