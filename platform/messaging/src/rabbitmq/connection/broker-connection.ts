import { type Clock, startLoop, toError, within } from '@flotilla/kernel';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { type ChannelModel, connect } from 'amqplib';
import { messagingError } from '../../errors.ts';
import type { BrokerUrl } from './broker-url.ts';
import { connectionMetrics } from './connection-metrics.ts';

export interface BrokerConnectionOptions {
  readonly url: BrokerUrl;
  /** `publish` or `consume`: the broker stops reading from a connection that publishes too much. */
  readonly name: string;
  /** Shown in the broker's list of connections. */
  readonly clientName: string;
  readonly heartbeatSeconds: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A connection that is replaced whenever it breaks, for ever: 100 ms to 5 s between attempts, with jitter. */
export interface BrokerConnection {
  current(): ChannelModel | undefined;
  /** Resolves once it is open and the broker takes messages; `MESSAGING_UNAVAILABLE` after `waitMs`. */
  usable(waitMs: number): Promise<ChannelModel>;
  /** Resolves once it is open, blocked or not; `MESSAGING_UNAVAILABLE` after `waitMs`. */
  open(waitMs: number): Promise<ChannelModel>;
  /** Calls back after each change: opened, broken, blocked, unblocked. Returns how to stop that. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

/**
 *     away → open ⇄ open, but blocked
 *       ↖      ↓ closed
 */
interface Link {
  readonly model: ChannelModel;
  /** Aborting it destroys the socket: the client only ends it, which waits for ever for a peer that has vanished. */
  readonly socket: AbortController;
  /** Why the broker takes no messages. */
  readonly blockedBy: string | undefined;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
const GOODBYE_TIMEOUT_MS = 2_000;

export function keepBrokerConnection(options: BrokerConnectionOptions): BrokerConnection {
  const { url, name, clock } = options;
  const logger = options.logger.child({ broker: url.shown, connection: name });
  const metrics = connectionMetrics(options.metrics, name);
  const closing = new AbortController();
  const listeners = new Set<() => void>();
  /** `undefined` while it is away. */
  let link: Link | undefined;

  function changed(): void {
    for (const listener of [...listeners]) listener();
  }

  function opened(model: ChannelModel, socket: AbortController): void {
    watch(model, socket);
    link = { model, socket, blockedBy: undefined };
    metrics.opened();
    logger.debug({}, 'connected to the broker');
    changed();
  }

  function block(reason: string | undefined): void {
    if (link) link = { ...link, blockedBy: reason };
    metrics.blocked(reason !== undefined);
    if (reason !== undefined) logger.warn({ reason }, 'the broker takes no messages, publishing waits');
    else logger.info({}, 'the broker takes messages again');
    changed();
  }

  function lost(error: unknown): void {
    const wasBlocked = link?.blockedBy !== undefined;
    link = undefined;
    metrics.closed();
    if (wasBlocked) block(undefined);
    if (!closing.signal.aborted) logger.warn({ err: error }, 'the connection to the broker is lost');
    changed();
    loop.wake();
  }

  function watch(model: ChannelModel, socket: AbortController): void {
    model.on('error', (error) => logger.debug({ err: error }, 'the connection to the broker failed'));
    model.on('blocked', block);
    model.on('unblocked', () => block(undefined));
    model.on('close', (error) => {
      socket.abort();
      lost(error);
    });
  }

  async function keepOpen(): Promise<boolean> {
    if (link) return false;
    const socket = new AbortController();
    opened(await establish(options, socket, closing.signal), socket);
    return false;
  }

  const loop = startLoop({ name: `rabbitmq-${name}`, run: keepOpen, intervalMs: 60_000, clock, logger });

  async function waitFor(waitMs: number, isReady: () => boolean): Promise<ChannelModel> {
    let stop: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => {
      const look = () => {
        if (isReady() || closing.signal.aborted) resolve();
      };
      stop = onChange(look);
      look();
    });
    await within(waitMs, () => ready).catch(() => undefined); // what is missing is told below
    stop();
    if (link && isReady()) return link.model;
    const blockedBy = link?.blockedBy;
    const why = blockedBy === undefined ? 'cannot be reached' : `takes no messages: ${blockedBy}`;
    throw messagingError('MESSAGING_UNAVAILABLE', `RabbitMQ at ${url.shown} ${why}`);
  }

  function onChange(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  return {
    current: () => link?.model,
    usable: (waitMs) => waitFor(waitMs, () => link !== undefined && link.blockedBy === undefined),
    open: (waitMs) => waitFor(waitMs, () => link !== undefined),
    onChange,
    close: async () => {
      closing.abort();
      changed();
      await loop.stop();
      const last = link;
      if (last) await sayGoodbye(last.model, logger);
      last?.socket.abort();
    },
  };
}

async function establish(
  { url, name, clientName, heartbeatSeconds }: BrokerConnectionOptions,
  socket: AbortController,
  closing: AbortSignal,
): Promise<ChannelModel> {
  const abort = () => socket.abort();
  closing.addEventListener('abort', abort, { once: true });
  const socketOptions = {
    noDelay: true,
    timeout: HANDSHAKE_TIMEOUT_MS,
    signal: socket.signal,
    clientProperties: { connection_name: `${clientName} ${name}` },
  };
  try {
    return await connect({ ...url.connect, heartbeat: heartbeatSeconds }, socketOptions);
  } catch (error) {
    const cause = toError(error);
    throw messagingError('MESSAGING_UNAVAILABLE', `RabbitMQ at ${url.shown} cannot be reached`, { cause });
  } finally {
    closing.removeEventListener('abort', abort);
  }
}

async function sayGoodbye(model: ChannelModel, logger: Logger): Promise<void> {
  const closed = model.close().catch((error: unknown) => {
    logger.debug({ err: toError(error) }, 'the connection was already gone');
  });
  await within(GOODBYE_TIMEOUT_MS, () => closed).catch(() => undefined);
}
