import { type Clock, crashPoint, type Loop, startLoop, toError } from '@flotilla/kernel';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { isRefusedForGood, retryDelayMs, type SendFailure } from './domain/send-policy.ts';
import type { MailStore, QueuedMail } from './mail-store.ts';
import type { MailServer } from './smtp.ts';

export interface MailSenderOptions {
  readonly mails: MailStore;
  readonly server: MailServer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How often to look for mails that came due without a nudge. Default 1,000 ms. */
  readonly pollMs?: number;
}

export interface MailSender {
  /** Sends queued mails until the signal is aborted, then finishes those it is sending. */
  run(signal: AbortSignal): Promise<void>;
  /** There is a new mail: look now. */
  nudge(): void;
}

/** Sent at the same time. */
const BATCH = 5;
/** Longer than sending can take, so that two senders never work on one mail. */
const LEASE_MS = 2 * 60_000;

/**
 * Sends queued mails, each at least once: one that a server took just before this process died is sent again,
 * with the same Message-ID. A server that is away is asked again with growing delays, for five days.
 */
export function createMailSender(options: MailSenderOptions): MailSender {
  const { mails, server, clock, logger, pollMs = 1_000 } = options;
  const outcomes = options.metrics.counter(
    'notification_mails_total',
    'Attempts to send a mail.',
    ['outcome'],
    '{mail}',
  );
  let loop: Loop | undefined;

  async function send(mail: QueuedMail): Promise<void> {
    crashPoint('notification.before-smtp-send');
    try {
      await server.send(mail);
    } catch (thrown) {
      return await handleFailure(mail, toError(thrown));
    }
    crashPoint('notification.after-smtp-accepted');
    await mails.markSent(mail.id);
    crashPoint('notification.after-mark-sent');
    outcomes.inc({ outcome: 'sent' });
  }

  async function handleFailure(mail: QueuedMail, error: Error & SendFailure): Promise<void> {
    const retryInMs = isRefusedForGood(error) ? undefined : retryDelayMs(mail.attempts, mail.ageMs);
    await mails.markFailed(mail.id, error.message, retryInMs);
    const facts = { mailId: mail.id, attempts: mail.attempts, retryInMs, err: error };
    logger.warn(facts, retryInMs === undefined ? 'mail failed for good' : 'mail could not be sent yet');
    outcomes.inc({ outcome: retryInMs === undefined ? 'failed' : 'retried' });
  }

  /** Returns whether there may be more to do at once. */
  async function sendBatch(): Promise<boolean> {
    const batch = await mails.claim(BATCH, LEASE_MS);
    await Promise.all(batch.map(send));
    return batch.length === BATCH;
  }

  return {
    run: async (signal) => {
      loop = startLoop({
        ...{ name: 'mail-sender', run: sendBatch, intervalMs: pollMs, clock, logger, signal },
      });
      await loop.ended;
    },
    nudge: () => loop?.wake(),
  };
}
