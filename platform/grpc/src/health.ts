import { create } from '@bufbuild/protobuf';
import type { handleServerStreamingCall, handleUnaryCall, Server, ServerWritableStream } from '@grpc/grpc-js';
import {
  Health,
  type HealthCheckRequest,
  HealthCheckRequestSchema,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  type HealthListRequest,
  HealthListRequestSchema,
  type HealthListResponse,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '../gen/grpc/health/v1/health_pb.ts';
import { type Decoded, decode, encode } from './codec.ts';
import { methodName } from './implement.ts';
import { statusCode } from './status.ts';

type Request = Decoded<HealthCheckRequest>;

export interface HealthService {
  /** Reports NOT_SERVING for everything from now on, and ends all watches. */
  stop(): void;
}

/** grpc.health.v1: SERVING from the start until `stop`, for the server (`''`) and each of its services. */
export function addHealthService(server: Server, serviceNames: readonly string[]): HealthService {
  const known = new Set(['', ...serviceNames]);
  const watchers = new Set<ServerWritableStream<Request, HealthCheckResponse>>();
  let status: Serving = Serving.SERVING;

  const knows = (request: Request) => request.ok && known.has(request.value.service);
  const reply = (value: Serving) => create(HealthCheckResponseSchema, { status: value });

  const check: handleUnaryCall<Request, HealthCheckResponse> = (call, answer) => {
    if (knows(call.request)) answer(null, reply(status));
    else answer({ code: statusCode('NOT_FOUND'), details: 'no such service' });
  };
  const watch: handleServerStreamingCall<Request, HealthCheckResponse> = (call) => {
    call.write(reply(knows(call.request) ? status : Serving.SERVICE_UNKNOWN));
    watchers.add(call);
    call.on('cancelled', () => watchers.delete(call));
  };
  const list: handleUnaryCall<Decoded<HealthListRequest>, HealthListResponse> = (_call, answer) => {
    const statuses = [...known].map((key) => ({ key, value: { status } }));
    answer(null, create(HealthListResponseSchema, { statuses }));
  };
  const deserialize = (bytes: Buffer) => decode(HealthCheckRequestSchema, bytes);
  const serialize = (message: HealthCheckResponse) => encode(HealthCheckResponseSchema, message);
  server.register(`/${methodName(Health.method.check)}`, check, serialize, deserialize, 'unary');
  server.register(`/${methodName(Health.method.watch)}`, watch, serialize, deserialize, 'serverStream');

  server.register(
    `/${methodName(Health.method.list)}`,
    list,
    (message: HealthListResponse) => encode(HealthListResponseSchema, message),
    (bytes: Buffer) => decode(HealthListRequestSchema, bytes),
    'unary',
  );

  return {
    stop: () => {
      status = Serving.NOT_SERVING;
      for (const call of watchers) {
        if (knows(call.request)) call.write(reply(status));
        call.end();
      }
      watchers.clear();
    },
  };
}
