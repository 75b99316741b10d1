/** `superviseWorkers` as a program of its own: options as JSON, the number of workers, how long one may be silent. */
import type { GatewayProcessOptions } from '../src/process/run-gateway.ts';
import { superviseWorkers } from '../src/process/supervise-workers.ts';

const [, , options = '{}', count = '2', silenceMs = '20000'] = process.argv;
await superviseWorkers(JSON.parse(options) as GatewayProcessOptions, Number(count), Number(silenceMs));
