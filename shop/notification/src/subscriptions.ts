import { uuidv5 } from '@flotilla/kernel';
import { type Message, on } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import {
  emailVerificationAsked,
  orderCancelled,
  orderConfirmed,
  passwordChanged,
  passwordResetAsked,
  signedInElsewhere,
  userRegistered,
} from '@shop/contracts';
import { cancellationMail, confirmationMail, type Mail, welcomeMail } from './domain/mails.ts';
import {
  passwordChangedMail,
  resetMail,
  signedInElsewhereMail,
  verificationMail,
} from './domain/security-mails.ts';
import type { Delivery, MailStore } from './mail-store.ts';

export interface SubscriptionDeps {
  readonly mails: MailStore;
  readonly delivery: Delivery;
  /** There is something to send. */
  readonly onQueued: () => void;
}

const NAMESPACE = '0f4c6a52-7b1e-5c3d-8a90-3e2d9b6f4c71';

/** One mail for each message: its id follows from the message's, so however often that comes, it is one mail. */
export function notificationSubscriptions({ mails, delivery, onQueued }: SubscriptionDeps) {
  async function write(message: Message, mail: Mail | undefined, tx: Transaction): Promise<void> {
    if (mail === undefined) return;
    const id = uuidv5(message.id, NAMESPACE);
    await mails.add(tx, id, mail, delivery);
    tx.afterCommit(onQueued);
  }

  return [
    on(userRegistered, (message, tx) => write(message, welcomeMail(message.data), tx)),
    on(passwordResetAsked, (message, tx) => write(message, resetMail(message.data), tx)),
    on(emailVerificationAsked, (message, tx) => write(message, verificationMail(message.data), tx)),
    on(passwordChanged, (message, tx) => write(message, passwordChangedMail(message.data), tx)),
    on(signedInElsewhere, (message, tx) => write(message, signedInElsewhereMail(message.data), tx)),
    on(orderConfirmed, (message, tx) => write(message, confirmationMail(message.data), tx)),
    on(orderCancelled, (message, tx) => write(message, cancellationMail(message.data), tx)),
  ];
}
