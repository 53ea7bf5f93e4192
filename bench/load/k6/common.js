// What the scenarios share: one message per iteration, the limits, and the proof at the end that all
// that was accepted was processed.
//
// Iterations start at a given rate, whether or not earlier ones have their answers, and k6 counts
// those it couldn't start (dropped_iterations): a thousandth of what was planned may be. Scenarios
// have all their users from the start, as k6 drops iterations while it makes more. k6 itself takes
// more of a small machine than the services do, so its latencies are an upper bound: for figures
// there is open_loop.
import { check, fail, sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Rate } from 'k6/metrics';

const url = __ENV.API_URL;
const settledWithinS = 60;

const verdict = /^{"messageId":"[0-9a-f-]{36}","status":"accepted"}$/;

const workedOff = new Rate('worked_off');

// The tag keeps the questions for the status, before and after, out of the figures.
const request = { headers: { 'Content-Type': 'application/json' }, tags: { name: 'ingest' } };

const droppedShare = 0.001;

// "1h30m", "90s" or "0.5s", in seconds.
export function secondsOf(duration) {
  const unitS = { h: 3600, m: 60, s: 1, ms: 0.001 };
  const parts = [...duration.matchAll(/([\d.]+)(ms|h|m|s)/g)];
  if (parts.map(([part]) => part).join('') !== duration || parts.length === 0) {
    throw new Error(`'${duration}' is no duration`);
  }
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * unitS[unit], 0);
}

// How many iterations a scenario starts: the area under its rate.
export function plannedIterations(scenario) {
  let last = scenario.startRate || scenario.rate;
  let planned = 0;
  for (const { target, duration } of scenario.stages || [{ target: last, duration: scenario.duration }]) {
    planned += ((last + target) / 2) * secondsOf(duration);
    last = target;
  }
  return planned / secondsOf(scenario.timeUnit);
}

// The options of a script with this one scenario.
export function plan(scenario) {
  return {
    scenarios: { [__ENV.SCENARIO || 'scenario']: scenario },
    thresholds: {
      'http_req_duration{name:ingest}': ['p(95)<50'],
      'http_req_failed{name:ingest}': ['rate<0.001'],
      'checks{name:ingest}': ['rate>0.999'],
      dropped_iterations: [`count<=${Math.floor(droppedShare * plannedIterations(scenario))}`],
      worked_off: ['rate==1'],
    },
    summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
    teardownTimeout: `${settledWithinS + 30}s`,
  };
}

function counts() {
  const answer = http.get(`${url}/api/v1/status`, { tags: { name: 'status' } });
  if (answer.status !== 200) {
    exec.test.abort(`no gateway answers at ${url}: start one with 'make run-local'`);
  }
  const status = answer.json();
  if (!status.ingest.stats || !status.processor.stats) fail(`a service is down: ${answer.body}`);
  return { accepted: status.ingest.stats.TotalSent, processed: status.processor.stats.pool.processed };
}

export function setup() {
  return counts();
}

export function ingest() {
  const { vu, scenario } = exec;
  const message = {
    source: 'k6',
    data: `message ${scenario.iterationInTest} of ${vu.idInTest}`,
    metadata: { scenario: scenario.name, n: `${scenario.iterationInTest}` },
  };
  const answer = http.post(`${url}/api/v1/ingest`, JSON.stringify(message), request);
  check(answer, {
    'accepted, with an id': (r) => r.status === 200 && verdict.test(r.body),
  }, request.tags);
}

export function teardown(before) {
  let accepted = 0;
  let processed = 0;
  for (let waitedS = 0; waitedS < settledWithinS; waitedS += 0.2) {
    const now = counts();
    accepted = now.accepted - before.accepted;
    processed = now.processed - before.processed;
    if (accepted > 0 && accepted === processed) break;
    sleep(0.2);
  }
  console.log(`accepted ${accepted}, processed ${processed}`);
  workedOff.add(accepted > 0 && accepted === processed);
}
