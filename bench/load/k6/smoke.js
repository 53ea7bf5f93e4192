// Does it work at all: a few messages a second.
import { ingest, plan, setup, teardown } from './common.js';

export const options = plan({
  executor: 'constant-arrival-rate', rate: 20, timeUnit: '1s', duration: '10s', preAllocatedVUs: 20,
});

export { setup, teardown };
export default ingest;
