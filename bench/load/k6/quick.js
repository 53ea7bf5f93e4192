// The rate of load, for as long as one waits for it at a desk.
import { ingest, plan, setup, teardown } from './common.js';

export const options = plan({
  executor: 'constant-arrival-rate', rate: 500, timeUnit: '1s', duration: '5s', preAllocatedVUs: 200,
});

export { setup, teardown };
export default ingest;
