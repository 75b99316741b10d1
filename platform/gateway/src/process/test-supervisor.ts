/** `superviseWorkers` as a program of its own: options as JSON, then the number of workers. */
import type { GatewayProcessOptions } from './run-gateway.ts';
import { superviseWorkers } from './supervise-workers.ts';

const [, , options = '{}', count = '2'] = process.argv;
await superviseWorkers(JSON.parse(options) as GatewayProcessOptions, Number(count));
