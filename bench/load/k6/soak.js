// A moderate rate for long, for what only shows after a while. DURATION says how long (30m).
import { ingest, plan, setup, teardown } from './common.js';

export const options = plan({
  executor: 'constant-arrival-rate', rate: 200, timeUnit: '1s', duration: __ENV.DURATION || '30m',
  preAllocatedVUs: 200,
});

export { setup, teardown };
export default ingest;
