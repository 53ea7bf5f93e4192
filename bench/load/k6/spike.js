// Quiet, then twenty times as much within a second, then quiet again: nothing may be lost or late.
import { ingest, plan, setup, teardown } from './common.js';

export const options = plan({
  executor: 'ramping-arrival-rate', startRate: 100, timeUnit: '1s', preAllocatedVUs: 500,
  stages: [
    { target: 100, duration: '5s' },
    { target: 2000, duration: '1s' },
    { target: 2000, duration: '10s' },
    { target: 100, duration: '1s' },
    { target: 100, duration: '5s' },
  ],
});

export { setup, teardown };
export default ingest;
