import { onOneConnection } from './one-connection.ts';

/**
 * Looks whether the broker lets us in. Rejects with `MESSAGING_FORBIDDEN` when it refuses the user, the password or the
 * vhost, and with `MESSAGING_UNAVAILABLE` when it cannot be reached.
 */
export async function checkBroker(url: string): Promise<void> {
  await onOneConnection(url, async () => undefined);
}
