import type { Step } from '../../exchange.ts';
import { isGrpc } from '../../wire/rules/grpc.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import type { BackendProtocolConfig } from '../backend-protocol/config.ts';

const NEEDS_HTTP2: Refusal = { status: 505, code: 'grpc-needs-http2' };
const NO_GRPC_HERE: Refusal = { status: 404, code: 'no-grpc-here' };

/** The outcome of a call is in its trailers: without HTTP/2 on both sides it would get lost, and a call seem broken that was carried out. */
export function compileGrpc(protocol: BackendProtocolConfig['downstreamProtocol']): Step {
  return ({ request }) => {
    if (request.method !== 'POST' || !isGrpc(request.fields)) return undefined;
    if (request.version !== '2.0') return NEEDS_HTTP2;
    return protocol === '1.1' ? NO_GRPC_HERE : undefined;
  };
}
