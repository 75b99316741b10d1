/** A worker of `superviseWorkers`: a gateway process that shares its port with others. */
import { once } from 'node:events';
import { type GatewayProcessOptions, runGateway } from './run-gateway.ts';

const [options] = (await once(process, 'message')) as [GatewayProcessOptions]; // the primary sends nothing else
await runGateway(options);
