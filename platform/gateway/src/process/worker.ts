/** A worker of `superviseWorkers`: a gateway process that shares its port with others. */
import { type GatewayProcessOptions, runGateway } from './run-gateway.ts';

await runGateway(JSON.parse(process.argv[2] ?? '{}') as GatewayProcessOptions);
