import { type DescMethodUnary, fromBinary } from '@bufbuild/protobuf';
import type { Client, Metadata } from '@grpc/grpc-js';
import { type AnyMessage, encode } from './codec.ts';
import { type CallFacts, callError } from './errors.ts';
import { methodName } from './implement.ts';
import { statusName } from './status.ts';

export interface SendOptions {
  readonly metadata: Metadata;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly facts: CallFacts;
}

/** One call on one connection, as a promise. */
export function sendUnary(
  client: Client,
  method: DescMethodUnary,
  request: AnyMessage,
  { metadata, deadline, signal, facts }: SendOptions,
): Promise<AnyMessage> {
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      `/${methodName(method)}`,
      (message: AnyMessage) => encode(method.input, message),
      (bytes: Buffer) => fromBinary(method.output, bytes),
      request,
      metadata,
      { deadline },
      (error, response) => {
        signal.removeEventListener('abort', cancel);
        if (error) reject(callError(statusName(error.code), error.details, facts, error));
        else if (response === undefined) reject(callError('INTERNAL', 'no response came with OK', facts));
        else resolve(response);
      },
    );
    const cancel = () => call.cancel();
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
  });
}
