// An ordinary busy minute.
import { ingest, plan, setup, teardown } from './common.js';

export const options = plan({
  executor: 'constant-arrival-rate', rate: 500, timeUnit: '1s', duration: '60s', preAllocatedVUs: 200,
});

export { setup, teardown };
export default ingest;
