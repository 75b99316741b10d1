import { type PlatformError, toError } from '@flotilla/kernel';
import { type ChannelModel, connect } from 'amqplib';
import { type MessagingErrorCode, messagingError } from '../../errors.ts';
import { type BrokerUrl, parseBrokerUrl } from './broker-url.ts';
import { replyCode } from './reply-code.ts';

const HANDSHAKE_TIMEOUT_MS = 5_000;
const HEARTBEAT_SECONDS = 10;
const ACCESS_REFUSED = 403;

/**
 * Runs `work` on a connection that ends with it. Rejects with `MESSAGING_FORBIDDEN` when the broker refuses the user, the
 * password, the virtual host or a step of the work, and with `MESSAGING_UNAVAILABLE` when it cannot be reached.
 */
export async function onOneConnection<T>(url: string, work: (model: ChannelModel) => Promise<T>): Promise<T> {
  const broker = parseBrokerUrl(url);
  const model = await connect(
    { ...broker.connect, heartbeat: HEARTBEAT_SECONDS },
    { noDelay: true, timeout: HANDSHAKE_TIMEOUT_MS },
  ).catch((error: unknown) => {
    throw notLetIn(broker, toError(error));
  });
  model.on('error', () => undefined); // it is also what the calls in work reject with
  const closed = new Promise((resolve) => model.once('close', resolve));
  try {
    return await work(model);
  } catch (thrown) {
    const cause = toError(thrown);
    const code = replyCode(cause) === ACCESS_REFUSED ? 'MESSAGING_FORBIDDEN' : 'MESSAGING_UNAVAILABLE';
    throw messagingError(code, `RabbitMQ at ${broker.shown} failed: ${cause.message}`, { cause });
  } finally {
    model.close().catch(() => undefined); // which never settles when the connection breaks before the broker's answer
    await closed;
  }
}

/** ACCESS_REFUSED: the user or the password. Of a vhost that is not there or not ours the client says only that it was closed. */
const REFUSED = /\b403\b|ACCESS[-_]REFUSED|got <ConnectionClose/;

function notLetIn({ shown }: BrokerUrl, cause: Error): PlatformError<MessagingErrorCode> {
  return REFUSED.test(cause.message)
    ? messagingError('MESSAGING_FORBIDDEN', `RabbitMQ at ${shown} refuses this user, password or vhost`, {
        cause,
      })
    : messagingError('MESSAGING_UNAVAILABLE', `RabbitMQ at ${shown} does not answer`, { cause });
}
