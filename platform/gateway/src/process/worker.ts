/** A worker of `superviseWorkers`: a gateway process that shares its port with others. */
import { once } from 'node:events';
import { type GatewayProcessOptions, runGateway } from './run-gateway.ts';

const [options] = (await once(process, 'message')) as [GatewayProcessOptions]; // it is sent first, and once
await runGateway(options);
