"""A service that is killed or stands still: the others live on, tell their clients, and recover by
themselves; of what was accepted only the memory of a killed processor is lost.
"""

import unittest

from harness import ANSWER_S, INGEST_PATHS, PATIENCE, Stack, good_body, until, within
from load import Load


def told_to_come_back(service):
    response = service.post()
    return response.status == 503 and int(response.header("Retry-After")) >= 1


def accepts(service):
    return service.post().status == 200


class Killed(unittest.TestCase):
    def test_processor_loses_what_was_in_memory_and_nothing_else(self):
        settings = {"SINK": "file", "HANDLER": "faulty", "PROCESSOR_WORKERS": 1}
        with Stack(processor=settings).running() as stack:
            worked_off = [self.accepted(stack)]
            until("the first is worked off",
                  lambda: stack.processor.result_ids() == worked_off)
            self.accepted(stack, {"fault": "slow:60000"})
            until("the worker is busy", lambda: stack.pool_stats()["busy"] == 1)
            for _ in range(10):
                self.accepted(stack)
            until("ten wait in memory",
                  lambda: stack.processor.get_json("/stats")["queue"]["size"] == 10)
            stack.processor.kill()

            for service in (stack.gateway, stack.ingest):
                until(f"{service.name} says come back", lambda: told_to_come_back(service))
                until(f"{service.name} is not ready", lambda: not service.is_ready())
            pids = [service.process.pid for service in (stack.gateway, stack.ingest)]
            stack.processor.start()
            for service in (stack.gateway, stack.ingest):
                until(f"{service.name} accepts again", lambda: accepts(service))
                until(f"{service.name} is ready again", service.is_ready)
            # One each, and what the memory held has not come back.
            until("the new ones are worked off", lambda: stack.pool_stats()["processed"] == 2)
            results = stack.processor.result_ids()
            self.assertEqual(results[:1], worked_off)
            self.assertEqual(len(results), 3)
            self.assertEqual(pids, [service.process.pid
                                    for service in (stack.gateway, stack.ingest)])
            stack.stop_services()
            self.assertEqual(stack.processor.result_ids(), results)
            self.assertEqual(stack.processor.dead_letters(), [])

    def accepted(self, stack, metadata=None):
        response = stack.gateway.post(good_body(metadata=metadata or {}))
        self.assertEqual(response.status, 200, response)
        return response.json()["messageId"]

    def test_recovery_under_load(self):
        for name in ("ingest", "processor"):
            with self.subTest(killed=name), Stack(processor={"SINK": "file"}).running() as stack:
                victim = stack.service(name)
                with Load(stack.gateway.port) as load:
                    until("events are accepted", lambda: len(load.accepted) > 100)
                    victim.kill()
                    until("clients are refused", lambda: load.refused > 10)
                    victim.start()
                    before = len(load.accepted)
                    until("events are accepted again", lambda: len(load.accepted) > before + 100)
                self.assertEqual(load.wrong, [])
                stack.stop_services()
                results = stack.processor.result_ids(torn_max=1 if name == "processor" else 0)
                self.assertEqual(len(results), len(set(results)))
                if name == "ingest":  # the queue was not in it
                    load.expect_kept(results)


class StandsStill(unittest.TestCase):
    request_timeout_s = 0.4

    def test_answers_come_in_time_and_it_passes(self):
        for behind, edges in (("ingest", ("api-gateway",)),
                              ("processor", ("api-gateway", "ingest"))):
            for edge in edges:
                with self.subTest(standing=behind, edge=edge):
                    self.stand_still(behind, edge)

    def stand_still(self, behind, edge):
        stack = Stack({"REQUEST_TIMEOUT": "400ms"}, processor={"SINK": "file"})
        with stack.running():
            service = stack.service(edge)
            with Load(service.port, INGEST_PATHS[edge], clients=8) as load:
                until("events are accepted", lambda: len(load.accepted) > 50)
                with stack.service(behind).suspended():
                    if service is stack.gateway:
                        self.status_meanwhile(stack)
                    self.assertFalse(service.is_ready())
                    until("each client is told", lambda: load.refused + load.unknown >= 16)
                before = len(load.accepted)
                until("events are accepted again", lambda: len(load.accepted) > before + 50)
            self.assertLess(load.slowest_s, self.request_timeout_s + ANSWER_S)
            until("it is ready again", service.is_ready)
            stack.stop_services()
            load.expect_kept(stack.processor.result_ids())

    def status_meanwhile(self, stack):
        with within(2 * PATIENCE):
            status = stack.gateway.get_json("/api/v1/status")
        self.assertIs(status["ingest"]["healthy"] and status["processor"]["healthy"], False)


if __name__ == "__main__":
    unittest.main()
