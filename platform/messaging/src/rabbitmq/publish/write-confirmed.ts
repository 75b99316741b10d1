import { type Clock, crashPoint, within } from '@flotilla/kernel';
import { shardOf } from '../../bus/shard.ts';
import type { OutgoingMessage } from '../../transport.ts';
import { routingKey } from '../topology/topology.ts';
import { publishOptions } from '../wire.ts';
import type { Session } from './publish-session.ts';

/** What the broker says of messages that were written together. */
export type Written =
  /** Each is stored, or came back because it could not be delivered. */
  | { readonly kind: 'stored'; readonly returned: readonly Returned[] }
  /** It could not store one of them, or has closed the channel. */
  | { readonly kind: 'failed'; readonly cause: unknown }
  /** Nothing in time, of some at least. */
  | { readonly kind: 'silent' };

export interface Returned {
  readonly message: OutgoingMessage;
  readonly reason: string;
}

export interface WriteOptions {
  /** Of the connection: in its name everything is published. */
  readonly userId: string;
  readonly waitMs: number;
  readonly clock: Clock;
}

/** Resolves once the broker has answered for every message, or has not for `waitMs`. */
export async function writeConfirmed(
  session: Session,
  messages: readonly OutgoingMessage[],
  options: WriteOptions,
): Promise<Written> {
  const { waitMs } = options;
  crashPoint('rabbitmq.before-publish');
  const written = Promise.allSettled(messages.map((message) => send(session, message, options)));
  crashPoint('rabbitmq.after-publish');
  const answers = await within(waitMs, () => written).catch(() => undefined);
  if (answers === undefined) return { kind: 'silent' };
  crashPoint('rabbitmq.after-confirm');
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (failed) return { kind: 'failed', cause: failed.reason };
  const returned = messages.flatMap((message, index) => {
    const answer = answers[index];
    const reason = answer?.status === 'fulfilled' ? answer.value : undefined;
    return reason === undefined ? [] : [{ message, reason }];
  });
  return { kind: 'stored', returned };
}

/** Resolves with the reason when the message came back. */
function send(
  { channel, takeReturn }: Session,
  message: OutgoingMessage,
  { userId, clock }: WriteOptions,
): Promise<string | undefined> {
  const { type, key, body, mandatory, id } = message;
  const properties = publishOptions(message, clock.now().getTime(), userId);
  const routing = routingKey(shardOf(key), mandatory);
  return new Promise((resolve, reject) => {
    channel.publish(type, routing, Buffer.from(body), properties, (error: unknown) => {
      if (error === null) resolve(takeReturn(id));
      else reject(error);
    });
  });
}
