import { uuidv5 } from '@flotilla/kernel';
import { type Handler, type Message, type MessageType, on } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import * as contract from '@shop/contracts';
import type { Language } from './domain/language.ts';
import type { Mail } from './domain/letter.ts';
import {
  cancellationMail,
  confirmationMail,
  receivedMail,
  shippedMail,
  welcomeMail,
} from './domain/mails.ts';
import {
  passkeyMail,
  passwordChangedMail,
  resetMail,
  secondFactorMail,
  signedInElsewhereMail,
  verificationMail,
} from './domain/security-mails.ts';
import type { Delivery, MailStore } from './mail-store.ts';
import { keepPreferences, type Preferences, preferencesOf } from './recipient-store.ts';

export interface SubscriptionDeps {
  readonly mails: MailStore;
  readonly delivery: Delivery;
  /** There is something to send. */
  readonly onQueued: () => void;
}

const NAMESPACE = '0f4c6a52-7b1e-5c3d-8a90-3e2d9b6f4c71';

/** About what a mail is, as far as one may choose. */
type Topic = Exclude<keyof Preferences, 'language'>;

/** The first mail of a message has had its id alone for its name, before there were others. */
function mailIdOf(messageId: string, topic: Topic): string {
  return uuidv5(topic === 'orders' ? messageId : `${messageId} ${topic}`, NAMESPACE);
}

type WriteMail<T> = (data: T, language: Language) => Mail | undefined;

/**
 * One mail of a kind for each message: its id follows from the message's, so however often that comes, it is one mail. What is
 * of a topic is written to those who want it; about accounts and security everybody is written to.
 */
export function notificationSubscriptions({
  mails,
  delivery,
  onQueued,
}: SubscriptionDeps): readonly Handler[] {
  async function write(tx: Transaction, id: string, userId: string, mail: Mail | undefined): Promise<void> {
    if (mail === undefined) return;
    await mails.add(tx, { id, userId, mail, delivery });
    tx.afterCommit(onQueued);
  }

  const about = <T extends { readonly userId: string }>(type: MessageType<T>, letter: WriteMail<T>) =>
    on(
      type,
      async ({ id, data }, tx) => {
        const { language } = await preferencesOf(tx, data.userId);
        await write(tx, uuidv5(id, NAMESPACE), data.userId, letter(data, language));
      },
      // Letters with links that open accounts: of nobody else.
      { from: ['identity'] },
    );

  async function aboutOrder<T extends { readonly customerId: string }>(
    { id, data }: Message<T>,
    tx: Transaction,
    letters: Readonly<Partial<Record<Topic, WriteMail<T>>>>,
  ): Promise<void> {
    const preferences = await preferencesOf(tx, data.customerId);
    for (const topic of ['orders', 'shipping'] as const) {
      const letter = letters[topic];
      if (letter === undefined || !preferences[topic]) continue;
      const mailId = mailIdOf(id, topic);
      await write(tx, mailId, data.customerId, letter(data, preferences.language));
    }
  }

  return [
    on(contract.profileChanged, ({ data }, tx) => keepPreferences(tx, data)),
    about(contract.userRegistered, welcomeMail),
    about(contract.passwordResetAsked, resetMail),
    about(contract.emailVerificationAsked, verificationMail),
    about(contract.passwordChanged, passwordChangedMail),
    about(contract.secondFactorChanged, secondFactorMail),
    about(contract.passkeyChanged, passkeyMail),
    about(contract.signedInElsewhere, signedInElsewhereMail),
    on(contract.orderPlaced, (message, tx) => aboutOrder(message, tx, { orders: receivedMail })),
    on(contract.orderConfirmed, (message, tx) =>
      aboutOrder(message, tx, { orders: confirmationMail, shipping: shippedMail }),
    ),
    on(contract.orderCancelled, (message, tx) => aboutOrder(message, tx, { orders: cancellationMail })),
  ];
}
