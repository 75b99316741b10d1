import { type DescMethodUnary, fromBinary } from '@bufbuild/protobuf';
import { type Attempt, REFUSED_FIELD, RETRY_OWNER_FIELD, refusalReason } from '@flotilla/resilience';
import type { Client, Metadata, ServiceError } from '@grpc/grpc-js';
import { type AnyMessage, encode } from './codec.ts';
import { type CallFacts, callError } from './errors.ts';
import { methodName } from './implement.ts';
import { statusName } from './status.ts';

export interface SendOptions {
  readonly metadata: Metadata;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly attempt: Pick<Attempt, 'onCancel'>;
  /** Calls in flight, as functions that cancel them. */
  readonly running: Set<() => void>;
  readonly facts: CallFacts;
}

/** One call on one connection, as a promise. */
export function sendUnary(
  client: Client,
  method: DescMethodUnary,
  request: AnyMessage,
  { metadata, deadline, attempt, running, facts }: SendOptions,
): Promise<AnyMessage> {
  return new Promise((resolve, reject) => {
    let reason: Error | undefined;
    let cancel: () => void = () => undefined;
    attempt.onCancel((why) => {
      reason = why;
      reject(why);
      cancel();
    });
    if (reason !== undefined) return;
    const call = client.makeUnaryRequest(
      `/${methodName(method)}`,
      (message: AnyMessage) => encode(method.input, message),
      (bytes: Buffer) => fromBinary(method.output, bytes),
      request,
      metadata,
      { deadline },
      (error, response) => {
        running.delete(cancel);
        if (error) reject(failure(error, facts));
        else if (response === undefined) reject(callError('INTERNAL', 'no response came with OK', facts));
        else resolve(response);
      },
    );
    cancel = () => call.cancel();
    running.add(cancel);
  });
}

function failure(error: ServiceError, facts: CallFacts): Error {
  const refused = refusalReason(textOf(error.metadata, REFUSED_FIELD));
  const retryOwner = textOf(error.metadata, RETRY_OWNER_FIELD);
  return callError(statusName(error.code), error.details, facts, error, {
    ...(refused !== undefined && { refused }),
    ...(retryOwner !== undefined && { retryOwner }),
  });
}

function textOf(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === 'string' ? value : undefined;
}
