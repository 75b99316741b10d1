import { toError } from '@flotilla/kernel';
import type { ChannelModel } from 'amqplib';
import { parseBrokerUrl } from '../connection/broker-url.ts';
import { onOneConnection } from '../connection/one-connection.ts';
import { replyCode } from '../connection/reply-code.ts';
import { onOwnChannel } from './declare.ts';
import { namesOfSystem } from './topology.ts';

/** A system, and the virtual host that it uses. */
export interface SystemOnBroker {
  /** `amqp://user:password@host:5672/vhost`, or `amqps://…`. It is never shown. */
  readonly url: string;
  /** 32 hexadecimal digits. */
  readonly systemId: string;
  /** Of its consumers, as they subscribe. */
  readonly queues: readonly string[];
  /** Its message types: each has an exchange. */
  readonly types: readonly string[];
}

/** What there is of the names of a system, whoever made it. */
export interface FoundOnBroker {
  /** The id of the system that the virtual host belongs to, or `undefined` while it is nobody's. */
  readonly owner: string | undefined;
  readonly queues: readonly { readonly name: string; readonly messages: number }[];
}

/**
 * The marker of a virtual host's owner: an exchange that nothing is published to. Its alternate exchange, which does
 * not exist, names the system: of the arguments of an exchange that is the one which the broker compares, so that a
 * second system is refused in the same step in which it would declare its own.
 */
export const MARKER = 'flotilla.system';

/** Which virtual host a URL names, as a URL without a secret: two that are equal lead to the same one. */
export function brokerAddress(url: string): string {
  const { shown, connect } = parseBrokerUrl(url);
  const address = new URL(shown);
  address.pathname = connect.vhost === encodeURIComponent('/') ? '/' : `/${connect.vhost}`;
  return address.href;
}

/** Looks, and changes nothing. `MESSAGING_UNAVAILABLE` while the broker cannot be reached, `MESSAGING_FORBIDDEN` when it refuses us. */
export async function findOnBroker(system: SystemOnBroker): Promise<FoundOnBroker> {
  return await onOneConnection(system.url, async (model) => {
    const names = namesOfSystem(system.queues, system.types).queues;
    const counts = await Promise.all(names.map((name) => messagesIn(model, name)));
    const queues = names.flatMap((name, index) => {
      const messages = counts[index];
      return messages === undefined ? [] : [{ name, messages }];
    });
    return { owner: await ownerOf(model, system.systemId), queues };
  });
}

/** Marks a virtual host that is nobody's; may be repeated. Resolves with the id of the system that it belongs to now. */
export async function claimOnBroker({ url, systemId }: SystemOnBroker): Promise<string> {
  return await onOneConnection(url, (model) => declareMarker(model, systemId));
}

/**
 * Deletes everything of a system, the marker last, so that it can be repeated. Deletes nothing where the marker is not
 * this system's. The system must have stopped.
 */
export async function deleteFromBroker(system: SystemOnBroker): Promise<void> {
  await onOneConnection(system.url, async (model) => {
    if ((await ownerOf(model, system.systemId)) !== system.systemId) return;
    const names = namesOfSystem(system.queues, system.types);
    await onOwnChannel(model, async (channel) => {
      // What is not there counts as deleted.
      for (const name of names.queues) await channel.deleteQueue(name);
      for (const name of names.exchanges) await channel.deleteExchange(name);
      await channel.deleteExchange(MARKER);
    });
  });
}

async function ownerOf(model: ChannelModel, systemId: string): Promise<string | undefined> {
  const isMarked = await isThere(() => onOwnChannel(model, (channel) => channel.checkExchange(MARKER)));
  return isMarked ? await declareMarker(model, systemId) : undefined;
}

async function declareMarker(model: ChannelModel, systemId: string): Promise<string> {
  const declaration = { durable: true, arguments: { 'alternate-exchange': systemId } };
  try {
    await onOwnChannel(model, (channel) => channel.assertExchange(MARKER, 'fanout', declaration));
    return systemId;
  } catch (error) {
    if (replyCode(error) !== PRECONDITION_FAILED) throw error;
    // The broker cuts what it says after 255 bytes, so that a long name of the virtual host may leave a part of it.
    return /but current is '(\w+)/.exec(toError(error).message)?.[1] ?? 'unknown';
  }
}

async function messagesIn(model: ChannelModel, queue: string): Promise<number | undefined> {
  const found = await isThere(() => onOwnChannel(model, (channel) => channel.checkQueue(queue)));
  return found ? found.messageCount : undefined;
}

async function isThere<T>(look: () => Promise<T>): Promise<T | undefined> {
  return await look().catch((error: unknown) => {
    if (replyCode(error) === NOT_FOUND) return undefined;
    throw error;
  });
}

const NOT_FOUND = 404;
const PRECONDITION_FAILED = 406;
