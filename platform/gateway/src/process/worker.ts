/** A worker of `superviseWorkers`: a gateway process that shares its port with others, or one that only holds the port. */
import { once } from 'node:events';
import { type HeldPort, holdPort } from './hold-port.ts';
import type { GatewayProcessOptions } from './run-gateway.ts';

const [told] = (await once(process, 'message')) as [GatewayProcessOptions | HeldPort]; // it is sent first, and once
if ('holds' in told) holdPort(told);
else {
  const { runGateway } = await import('./run-gateway.ts'); // far more than a port needs
  await runGateway(told);
}
