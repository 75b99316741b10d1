import { toError } from '@flotilla/kernel';
import { connect } from 'amqplib';
import { messagingError } from '../errors.ts';
import { parseBrokerUrl } from './broker-url.ts';

const HANDSHAKE_TIMEOUT_MS = 5_000;
/** ACCESS_REFUSED: the user or the password. Of a vhost that is not there or not ours the client says only that it was closed. */
const REFUSED = /\b403\b|ACCESS[-_]REFUSED|got <ConnectionClose/;

/**
 * Looks whether the broker lets us in. Rejects with `MESSAGING_FORBIDDEN` when it refuses the user, the password or the
 * vhost, and with `MESSAGING_UNAVAILABLE` when it cannot be reached.
 */
export async function checkBroker(url: string): Promise<void> {
  const { connect: options, shown } = parseBrokerUrl(url);
  try {
    const connection = await connect(options, { timeout: HANDSHAKE_TIMEOUT_MS });
    connection.on('error', () => undefined); // it was let in: how it ends is of no interest
    await connection.close();
  } catch (thrown) {
    const cause = toError(thrown);
    if (REFUSED.test(cause.message))
      throw messagingError(
        'MESSAGING_FORBIDDEN',
        `RabbitMQ at ${shown} refuses this user, password or vhost`,
        {
          cause,
        },
      );
    throw messagingError('MESSAGING_UNAVAILABLE', `RabbitMQ at ${shown} does not answer`, { cause });
  }
}
